//! The lessons of a class that are not over, side by side: two groups with a lesson each are one class to their teacher,
//! who looks at one of the lessons and must learn of the pupil who is stuck in the other. Pure.

use std::collections::HashMap;

use dreamseed_wire::{
    ids::*,
    live::{OpenLessonNow, PupilInNeed, PupilStanding, PupilState, StuckReason},
};
use jiff::{SignedDuration, Timestamp};

use super::{describe, desk};
use crate::school::{Class, Lesson, School};

/// Lessons of a class in which pupils are watched at a time: practice without a limit stays open until it is closed, and a
/// class may have left many of them behind. Of those beyond it only the title is told.
pub const WATCHED: usize = 12;
/// Whoever was there and is gone this long is put forward; the class's own screen counts alike.
const LONG_AWAY: SignedDuration = SignedDuration::from_mins(5);

/// How a pupil fares in one of the lessons.
pub struct Seen {
    pub pupil: UserId,
    pub standing: PupilStanding,
    /// When the pupil last answered in it.
    pub worked_at: Option<Timestamp>,
}

/// The lessons of a class that are not over, newest first.
pub fn find<'a>(school: &'a School, class: &'a Class, now: Timestamp) -> impl Iterator<Item = &'a Lesson> {
    let lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id));
    lessons.filter(move |lesson| lesson.timing.ended_at(now).is_none())
}

/// Those lessons with who may need the teacher in each, by how their pupils fare.
pub fn list(
    school: &School,
    class: &Class,
    seen: &HashMap<LessonId, Vec<Seen>>,
    now: Timestamp,
) -> Vec<OpenLessonNow> {
    let open: Vec<_> = find(school, class, now).collect();
    let places = if open.len() > 1 { find_places(&open, seen) } else { HashMap::new() };
    let describe_open = |lesson: &&Lesson| {
        let of_lesson = seen.get(&lesson.lesson_id).map(Vec::as_slice).unwrap_or_default();
        let here = of_lesson.iter().filter(|seen| places.get(&seen.pupil) == Some(&lesson.lesson_id));
        let mut attention: Vec<_> = here
            .filter(|seen| needs_teacher(&seen.standing, now))
            .filter_map(|seen| {
                let pupil = school.roster_entry(seen.pupil)?;
                Some(PupilInNeed { pupil, standing: seen.standing.clone() })
            })
            .collect();
        attention.sort_by_key(|one| (graveness(&one.standing), one.standing.since, one.pupil.number));
        OpenLessonNow {
            lesson: describe(lesson, now),
            opened_at: lesson.timing.opened_at,
            pupils: u32::try_from(desk::pupils_of(school, lesson).count()).unwrap_or(u32::MAX),
            group: name_group(class, lesson),
            attention,
        }
    };
    open.iter().map(describe_open).collect()
}

/// Whether a pupil is put before the teacher.
fn needs_teacher(standing: &PupilStanding, now: Timestamp) -> bool {
    match standing.state {
        PupilState::Stuck | PupilState::Asking => true,
        PupilState::Away => standing.since.is_some_and(|since| now.duration_since(since) >= LONG_AWAY),
        PupilState::Done | PupilState::NotStarted | PupilState::Working => false,
    }
}

/// The lesson each pupil is in: where they worked last, or the one that was opened since. So nobody stands in two lists,
/// and what was left unsolved last week calls for nobody today.
fn find_places(open: &[&Lesson], seen: &HashMap<LessonId, Vec<Seen>>) -> HashMap<UserId, LessonId> {
    let mut places: HashMap<UserId, (Timestamp, LessonId)> = HashMap::new();
    for lesson in open {
        for one in seen.get(&lesson.lesson_id).map(Vec::as_slice).unwrap_or_default() {
            let at = one.worked_at.max(Some(lesson.timing.opened_at)).unwrap_or(lesson.timing.opened_at);
            let place = places.entry(one.pupil).or_insert((at, lesson.lesson_id));
            *place = (*place).max((at, lesson.lesson_id));
        }
    }
    places.into_iter().map(|(pupil, (_, lesson))| (pupil, lesson)).collect()
}

/// The group whose pupils the lesson was given to, if they are exactly that.
fn name_group(class: &Class, lesson: &Lesson) -> Option<String> {
    let is_it = |pupils: &[UserId]| {
        pupils.len() == lesson.pupils.len() && pupils.iter().all(|pupil| lesson.pupils.contains(pupil))
    };
    if lesson.pupils.is_empty() {
        return None;
    }
    class.groups.iter().find(|group| is_it(&group.pupil_ids)).map(|group| group.name.clone())
}

fn graveness(standing: &PupilStanding) -> u8 {
    match (standing.state, standing.stuck.first()) {
        (PupilState::Stuck, Some(StuckReason::SameMistake { .. })) => 0,
        (PupilState::Stuck, Some(StuckReason::WrongInRow { .. })) => 1,
        (PupilState::Stuck, Some(StuckReason::HelpUsedUp { .. })) => 2,
        (PupilState::Stuck, Some(StuckReason::LongOnOne { .. }) | None) => 3,
        (PupilState::Asking, _) => 4,
        (PupilState::Away | PupilState::Done | PupilState::NotStarted | PupilState::Working, _) => 5,
    }
}
