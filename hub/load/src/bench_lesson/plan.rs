//! When everything of a day is due: pure, and the same for the same seed.
//!
//! A lesson hour is one part of a day of [`LESSONS`] hours and [`REPORTS`]. Within an hour, in shares of it: lessons are
//! opened at its beginning, each by its teacher's own watch; pupils work on either side of one pause; then the lesson is
//! closed.

use crate::random::Random;
use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// Lessons of a day.
pub const LESSONS: usize = 6;
/// Each pupil's answers in a lesson.
const ANSWERS: usize = 5;
/// The time for reports after the last lesson, in lesson hours.
const REPORTS: f64 = 0.5;

const OPENING: Range<f64> = 0.0..0.10;
const WORKING: [Range<f64>; 2] = [0.18..0.47, 0.66..0.90];
const PAUSING: Range<f64> = 0.50..0.54;
/// How long a pause lasts.
const PAUSE: f64 = 0.08;
const LOOKING: Range<f64> = 0.30..0.92;
const CLOSING: Range<f64> = 0.94..0.98;
/// The share of the time between two answers that is spent on reading: the problem is fetched so long before its answer.
const READING: f64 = 0.6;

/// Right answers, as classes give them; a wrong one is tried again or asked about so often.
const RIGHT: f64 = 0.55;
const TRIED_AGAIN: f64 = 0.5;
const ASKED_ABOUT: f64 = 0.05;

/// How often a teacher looks at one pupil, and at one answer, in a lesson.
const PUPIL_PAGES: usize = 3;
const ANSWER_PAGES: usize = 3;

/// Begin and length of the day.
#[derive(Debug, Clone, Copy)]
pub struct Timetable {
    pub begin: Instant,
    pub day: Duration,
}

/// What a pupil does by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PupilStep {
    /// Opens the problem at this place of the lesson's list.
    Read(usize),
    Answer {
        place: usize,
        right: bool,
        ask_help: bool,
    },
}

/// What a teacher does in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeacherStep {
    Open,
    Pause,
    Resume,
    Close,
    /// Opens a pupil's page, by a number for one of them.
    PupilPage(u64),
    /// Opens the answer that came last.
    AnswerPage,
    /// Sends a note to a pupil, by a number for one of them.
    Note(u64),
    Report,
}

/// Steps in the order in which they are due.
pub type Steps<S> = Vec<(Instant, S)>;

impl Timetable {
    /// A moment of a lesson hour, from 0; `share` is the part of it that has passed.
    fn at(&self, hour: usize, share: f64) -> Instant {
        self.begin + self.day.mul_f64((hour as f64 + share) / (LESSONS as f64 + REPORTS))
    }
}

/// A pupil's day.
pub fn plan_pupil(timetable: Timetable, random: &mut Random) -> Steps<PupilStep> {
    let mut steps = Vec::new();
    for hour in 0..LESSONS {
        let mut moments: Vec<f64> = (0..ANSWERS).map(|_| working_moment(unit(random))).collect();
        moments.sort_unstable_by(f64::total_cmp);
        let (mut place, mut is_new, mut free_since) = (0, true, WORKING[0].start);
        for moment in moments {
            if is_new {
                // Never in the pause: the screen waits then.
                let reads = working_again(moment - READING * (moment - free_since), moment);
                steps.push((timetable.at(hour, reads), PupilStep::Read(place)));
            }
            let right = unit(random) < RIGHT;
            let ask_help = !right && unit(random) < ASKED_ABOUT;
            steps.push((timetable.at(hour, moment), PupilStep::Answer { place, right, ask_help }));
            is_new = right || unit(random) >= TRIED_AGAIN;
            place += usize::from(is_new);
            free_since = moment;
        }
    }
    steps
}

/// The day of a class's teacher.
pub fn plan_class(timetable: Timetable, random: &mut Random) -> Steps<TeacherStep> {
    let mut steps = Vec::new();
    for hour in 0..LESSONS {
        let mut at = |share: f64, step| steps.push((timetable.at(hour, share), step));
        at(within(OPENING, random), TeacherStep::Open);
        let pause = within(PAUSING, random);
        at(pause, TeacherStep::Pause);
        at(pause + PAUSE, TeacherStep::Resume);
        for _ in 0..PUPIL_PAGES {
            at(within(LOOKING, random), TeacherStep::PupilPage(random.next()));
        }
        for _ in 0..ANSWER_PAGES {
            at(within(LOOKING, random), TeacherStep::AnswerPage);
        }
        at(within(WORKING[1].clone(), random), TeacherStep::Note(random.next()));
        at(within(CLOSING, random), TeacherStep::Close);
    }
    steps.push((timetable.at(LESSONS, within(0.0..REPORTS * 0.8, random)), TeacherStep::Report));
    steps.sort_by_key(|(due, _)| *due);
    steps
}

/// A number from 0 to 1, 1 excluded.
pub fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

fn within(range: Range<f64>, random: &mut Random) -> f64 {
    range.start + (range.end - range.start) * unit(random)
}

/// The moment at which this share of the working time has passed.
fn working_moment(share: f64) -> f64 {
    let [before, after] = WORKING;
    let whole = (before.end - before.start) + (after.end - after.start);
    let moment = before.start + share * whole;
    if moment < before.end { moment } else { after.start + (moment - before.end) }
}

/// The moment itself, or the beginning of the work after the pause if it falls between; never after `latest`.
fn working_again(moment: f64, latest: f64) -> f64 {
    let [before, after] = WORKING;
    if moment >= before.end && moment < after.start { after.start.min(latest) } else { moment }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable() -> Timetable {
        Timetable { begin: Instant::now(), day: Duration::from_secs(65) }
    }

    fn share_of(timetable: Timetable, due: Instant) -> f64 {
        (due - timetable.begin).as_secs_f64() / 10.0
    }

    #[test]
    fn thirty_answers_a_day_and_none_in_a_pause() {
        let timetable = timetable();
        for seed in 0..50 {
            let steps = plan_pupil(timetable, &mut Random::new(seed));
            assert!(steps.is_sorted_by_key(|(due, _)| *due), "{steps:?}");
            let answers = steps.iter().filter(|(_, step)| matches!(step, PupilStep::Answer { .. }));
            assert_eq!(answers.count(), 30);
            for (due, _) in &steps {
                let share = share_of(timetable, *due).fract();
                assert!(
                    WORKING.iter().any(|work| share > work.start - 1e-6 && share < work.end + 1e-6),
                    "{share}"
                );
            }
        }
    }

    #[test]
    fn each_problem_is_read_before_it_is_answered() {
        let steps = plan_pupil(timetable(), &mut Random::new(4));
        let mut read = None;
        for (_, step) in steps {
            match step {
                PupilStep::Read(place) => read = Some(place),
                PupilStep::Answer { place, .. } => assert_eq!(read, Some(place)),
            }
        }
    }

    #[test]
    fn a_class_has_six_lessons_and_a_report() {
        let timetable = timetable();
        let steps = plan_class(timetable, &mut Random::new(5));
        let of = |wanted: TeacherStep| -> Vec<f64> {
            steps
                .iter()
                .filter(|(_, step)| *step == wanted)
                .map(|(due, _)| share_of(timetable, *due))
                .collect()
        };
        let (open, pause) = (of(TeacherStep::Open), of(TeacherStep::Pause));
        let (resume, close) = (of(TeacherStep::Resume), of(TeacherStep::Close));
        for hour in 0..LESSONS {
            let base = hour as f64;
            assert!(open[hour] >= base && open[hour] < base + WORKING[0].start);
            assert!(pause[hour] > base + WORKING[0].end && resume[hour] < base + WORKING[1].start);
            assert!(close[hour] > base + WORKING[1].end && close[hour] < base + 1.0);
        }
        let report = of(TeacherStep::Report);
        assert!(report.len() == 1 && report[0] >= 6.0 && report[0] < 6.5);
    }
}
