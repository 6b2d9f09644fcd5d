//! The class as it works: the picture of a class, and the stream of what changes in it.
//!
//! Events carry their place in the record as id. After a break the stream goes on from the log: the cells that changed
//! since the last id are read from the database and sent first, then how each pupil fares, then live ones follow.

mod desk;
mod event_id;
pub mod pulse;
pub mod standing;

use std::collections::HashMap;

use dreamseed_wire::{
    ids::*,
    lesson::PupilEvent,
    live::{ClassLive, LiveCell, LiveEvent, LiveLesson, LivePupil},
};
use jiff::Timestamp;

use crate::{
    hub::Ctx,
    school::{Class, Lesson, School},
    store::{ReadConn, StoreError, hub_meta, sittings, standings},
};

use desk::Row;
pub use desk::{Frame, Heard, LiveDesk};
pub use event_id::{EventId, NoEventId};

/// The picture of a class: its newest open lesson, else its newest.
pub async fn picture(ctx: &Ctx, class_id: ClassId) -> Result<Option<ClassLive>, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    if !school.classes.contains_key(&class_id) {
        return Ok(None);
    }
    let heard = heard(ctx, now);
    ctx.store
        .read(move |conn| {
            // Taken first: a change that commits meanwhile is sent again by the stream, which does no harm.
            let last_event = EventId { epoch: hub_meta::epoch(conn)?, seq: hub_meta::last_seq(conn)? };
            let Some(class) = school.classes.get(&class_id) else { return Ok(None) };
            let lesson = shown_lesson(&school, class, now);
            let pupils = match lesson {
                Some(lesson) => working_pupils(conn, &school, lesson, &heard, now)?,
                None => waiting_pupils(&school, class, &heard, now),
            };
            let problems = lesson.map(|lesson| school.summaries(&lesson.problems, class.language));
            Ok(Some(ClassLive {
                class_id,
                lesson: lesson.map(|lesson| describe(lesson, now)),
                problems: problems.unwrap_or_default(),
                pupils,
                last_event: last_event.to_string(),
                server_time: now,
            }))
        })
        .await
}

/// What changed in a class after an event, oldest first; none if the event is of another stretch of the record, as after a
/// restore, or the record does not reach that far: then the picture must be fetched again.
pub async fn missed(
    ctx: &Ctx,
    class_id: ClassId,
    since: EventId,
) -> Result<Option<Vec<(EventId, LiveEvent)>>, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    ctx.store
        .read(move |conn| {
            let epoch = hub_meta::epoch(conn)?;
            if since.epoch != epoch || since.seq > hub_meta::last_seq(conn)? {
                return Ok(None);
            }
            let Some(class) = school.classes.get(&class_id) else { return Ok(Some(Vec::new())) };
            let mut events = Vec::new();
            let is_of_class = |lesson: &LessonId| class.lessons.contains(lesson);
            for (_, pupil) in &class.pupils {
                for standing in standings::of_pupil_since(conn, *pupil, since.seq)? {
                    let Some(lesson_id) = standing.lesson_id.filter(is_of_class) else { continue };
                    let (pupil_id, lesson_id, cell) = (*pupil, Some(lesson_id), standing.cell());
                    let event = LiveEvent::Cell { pupil_id, lesson_id, cell, at: now };
                    events.push((EventId { epoch, seq: standing.last_seq }, event));
                }
            }
            events.sort_by_key(|(id, _)| id.seq);
            Ok(Some(events))
        })
        .await
}

/// How each pupil of a watched class fares in its shown lesson.
pub async fn standings_now(ctx: &Ctx, class: ClassId) -> Result<Vec<LiveEvent>, StoreError> {
    read_grid(ctx, class).await?;
    Ok(ctx.live.standings(class))
}

/// Somebody has signed in: the watchers of their class see it at once.
pub fn has_come(ctx: &Ctx, user: UserId) {
    let now = ctx.clock.now();
    presence_changed(ctx, user, Some(now), now);
}

/// Somebody's last session has ended: likewise.
pub fn has_gone(ctx: &Ctx, user: UserId) {
    presence_changed(ctx, user, None, ctx.clock.now());
}

/// Tells teachers and pupils of a class that its lessons have changed; call it when the school has been read again.
pub async fn lessons_changed(ctx: &Ctx, class_id: ClassId, event: LiveEvent) -> Result<(), StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    if ctx.live.is_watched(class_id) {
        read_grid(ctx, class_id).await?;
        ctx.live.tell_class(class_id, &event);
        ctx.live.look_again(&school, &heard(ctx, now), now);
    }
    if let Some(class) = school.classes.get(&class_id) {
        let pupils: Vec<_> = class.pupils.iter().map(|(_, pupil)| *pupil).collect();
        tell_lessons_changed(ctx, &pupils);
    }
    Ok(())
}

/// Pupils fetch their lessons again.
pub fn tell_lessons_changed(ctx: &Ctx, pupils: &[UserId]) {
    ctx.live.tell_pupils(pupils, &PupilEvent::Lessons);
}

/// A lesson was paused, went on or was extended; for a lesson that is gone, the picture is fetched again.
pub fn lesson_event(ctx: &Ctx, lesson: LessonId) -> LiveEvent {
    let school = ctx.school.get();
    let lesson = school.lessons.get(&lesson);
    lesson
        .map_or(LiveEvent::Refetch, |lesson| LiveEvent::Lesson { lesson: describe(lesson, ctx.clock.now()) })
}

/// The lesson that a class's picture shows now, for a watcher who comes back: it may have been paused or extended meanwhile.
/// None if there is none.
pub fn shown_lesson_event(ctx: &Ctx, class: ClassId) -> Option<LiveEvent> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let lesson = shown_lesson(&school, school.classes.get(&class)?, now)?;
    Some(LiveEvent::Lesson { lesson: describe(lesson, now) })
}

/// It looks at nobody else in the school, since at nine o'clock everybody comes.
fn presence_changed(ctx: &Ctx, user: UserId, heard_at: Option<Timestamp>, now: Timestamp) {
    if let Some(class) = ctx.school.get().class_of(user) {
        ctx.live.look_at(class.class_id, user, heard_at, now);
    }
}

/// When each signed-in user was last heard of: a request, or an open page.
fn heard(ctx: &Ctx, now: Timestamp) -> Heard {
    let mut heard = ctx.auth.heard_of(&ctx.school.get(), now);
    for pupil in ctx.live.pupils_with_page() {
        heard.entry(pupil).and_modify(|at| *at = now);
    }
    heard
}

/// Brings the grid of a watched class to the lesson that is shown now.
async fn read_grid(ctx: &Ctx, class_id: ClassId) -> Result<(), StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let shown = school.classes.get(&class_id).and_then(|class| shown_lesson(&school, class, now));
    let shown = shown.map(|lesson| lesson.lesson_id);
    let is_new = ctx.live.begin_grid(&school, class_id, shown);
    let Some(lesson_id) = shown.filter(|_| is_new) else { return Ok(()) };
    let heard = heard(ctx, now);
    let rows = ctx
        .store
        .read(move |conn| match school.lessons.get(&lesson_id) {
            Some(lesson) => read_rows(conn, &school, lesson, &heard),
            None => Ok(HashMap::new()),
        })
        .await?;
    ctx.live.fill_grid(class_id, lesson_id, rows, now);
    Ok(())
}

fn read_rows(
    conn: &ReadConn,
    school: &School,
    lesson: &Lesson,
    heard: &Heard,
) -> Result<HashMap<UserId, Row>, StoreError> {
    let mut sittings: HashMap<_, _> = sittings::of_lesson(conn, lesson.lesson_id)?
        .into_iter()
        .map(|sitting| (sitting.pupil_id, sitting.view()))
        .collect();
    let mut rows = HashMap::new();
    for pupil in desk::pupils_of(school, lesson) {
        let mut row = Row::heard(heard.get(&pupil).copied());
        row.sitting = sittings.remove(&pupil);
        for standing in standings::of_pupil_in_lesson(conn, pupil, lesson.lesson_id)? {
            row.take(standing.problem_version_id, standing);
        }
        rows.insert(pupil, row);
    }
    Ok(rows)
}

fn working_pupils(
    conn: &ReadConn,
    school: &School,
    lesson: &Lesson,
    heard: &Heard,
    now: Timestamp,
) -> Result<Vec<LivePupil>, StoreError> {
    let rows = read_rows(conn, school, lesson, heard)?;
    let pupils = desk::pupils_of(school, lesson).filter_map(|pupil| {
        let row = rows.get(&pupil)?;
        let cell = |version: &ProblemVersionId| {
            row.cells.get(version).map_or_else(|| LiveCell::not_started(*version), standings::Standing::cell)
        };
        Some(LivePupil {
            pupil: school.roster_entry(pupil)?,
            standing: desk::assess(school, lesson, row, now),
            cells: lesson.problems.iter().map(cell).collect(),
        })
    });
    Ok(pupils.collect())
}

/// The pupils of a class without a lesson: who is there.
fn waiting_pupils(school: &School, class: &Class, heard: &Heard, now: Timestamp) -> Vec<LivePupil> {
    let pupils = class.pupils.iter().filter_map(|(_, pupil)| {
        let heard_at = heard.get(pupil).copied();
        let standing = standing::assess(&standing::Facts {
            mode: Default::default(),
            state: Default::default(),
            resumed_at: None,
            cells: &[],
            present: heard_at.is_some(),
            heard_at,
            sitting: None,
            now,
        });
        Some(LivePupil { pupil: school.roster_entry(*pupil)?, standing, cells: Vec::new() })
    });
    pupils.collect()
}

fn describe(lesson: &Lesson, now: Timestamp) -> LiveLesson {
    LiveLesson {
        lesson_id: lesson.lesson_id,
        title: lesson.title.clone(),
        mode: lesson.mode,
        hint_ceiling: lesson.hint_ceiling,
        state: lesson.timing.state_at(now),
        ends_at: lesson.timing.shown_end(now),
    }
}

fn shown_lesson<'a>(school: &'a School, class: &Class, now: Timestamp) -> Option<&'a Lesson> {
    let mut lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id));
    lessons.clone().find(|lesson| lesson.timing.ended_at(now).is_none()).or_else(|| lessons.next())
}
