//! The class as it works: the picture of a class, and the stream of what changes in it.
//!
//! Events carry their place in the record as id. After a break the stream goes on from the log: the cells that changed
//! since the last id are read from the database and sent first, then how each pupil fares, then live ones follow.

mod desk;
mod event_id;
mod open_lessons;
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

/// The picture of a class: the lesson that is asked for, else its newest open one, else its newest. None if there is no such
/// class, or no such lesson in it.
pub async fn picture(
    ctx: &Ctx,
    class_id: ClassId,
    chosen: Option<LessonId>,
) -> Result<Option<ClassLive>, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let class = school.classes.get(&class_id);
    if class.is_none_or(|class| chosen.is_some_and(|lesson| !class.lessons.contains(&lesson))) {
        return Ok(None);
    }
    let heard = heard(ctx, now);
    ctx.store
        .read(move |conn| {
            // Taken first: a change that commits meanwhile is sent again by the stream, which does no harm.
            let last_event = EventId { epoch: hub_meta::epoch(conn)?, seq: hub_meta::last_seq(conn)? };
            let Some(class) = school.classes.get(&class_id) else { return Ok(None) };
            let lesson = shown_lesson(&school, class, chosen, now);
            let pupils = match lesson {
                Some(lesson) => working_pupils(conn, &school, lesson, &heard, now)?,
                None => waiting_pupils(&school, class, &heard, now),
            };
            let seen = see_open_lessons(conn, &school, class, &heard, now)?;
            let problems = lesson.map(|lesson| school.summaries(&lesson.problems, class.language));
            Ok(Some(ClassLive {
                class_id,
                lesson: lesson.map(|lesson| describe(lesson, now)),
                open_lessons: open_lessons::list(&school, class, &seen, now),
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

/// How each pupil of a watched class fares in its lessons.
pub async fn standings_now(ctx: &Ctx, class: ClassId) -> Result<Vec<LiveEvent>, StoreError> {
    read_grids(ctx, class).await?;
    Ok(ctx.live.told(class))
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
        read_grids(ctx, class_id).await?;
        ctx.live.tell_class(class_id, &event);
        ctx.live.assess_again(&school, class_id, now);
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
pub fn shown_lesson_event(ctx: &Ctx, class: ClassId, chosen: Option<LessonId>) -> Option<LiveEvent> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let lesson = shown_lesson(&school, school.classes.get(&class)?, chosen, now)?;
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

/// Brings the grids of a watched class to the lessons that are open or shown now.
async fn read_grids(ctx: &Ctx, class_id: ClassId) -> Result<(), StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let chosen = ctx.live.chosen_lessons(class_id);
    let lessons = school.classes.get(&class_id).map(|class| watched_lessons(&school, class, &chosen, now));
    let new = ctx.live.begin_grids(&school, class_id, &lessons.unwrap_or_default());
    if new.is_empty() {
        return Ok(());
    }
    let heard = heard(ctx, now);
    let read = ctx
        .store
        .read(move |conn| {
            let lessons = new.into_iter().filter_map(|id| school.lessons.get(&id));
            let read = lessons
                .map(|lesson| Ok((lesson.lesson_id, read_rows(conn, &school, lesson, &heard)?)))
                .collect::<Result<Vec<_>, StoreError>>()?;
            Ok::<_, StoreError>(read)
        })
        .await?;
    for (lesson_id, rows) in read {
        ctx.live.fill_grid(class_id, lesson_id, rows, now);
    }
    Ok(())
}

/// The lessons whose pupils a class's watchers are told of.
fn watched_lessons(school: &School, class: &Class, chosen: &[LessonId], now: Timestamp) -> Vec<LessonId> {
    let open = open_lessons::find(school, class, now).take(open_lessons::WATCHED);
    let mut lessons: Vec<_> = open.map(|lesson| lesson.lesson_id).collect();
    lessons.extend(shown_lesson(school, class, None, now).map(|lesson| lesson.lesson_id));
    lessons.extend(chosen.iter().filter(|lesson| class.lessons.contains(lesson)));
    lessons.sort_unstable();
    lessons.dedup();
    lessons
}

/// How pupils fare in the open lessons of a class if there are several; nothing else needs it.
fn see_open_lessons(
    conn: &ReadConn,
    school: &School,
    class: &Class,
    heard: &Heard,
    now: Timestamp,
) -> Result<HashMap<LessonId, Vec<open_lessons::Seen>>, StoreError> {
    let open: Vec<_> = open_lessons::find(school, class, now).take(open_lessons::WATCHED).collect();
    let mut seen = HashMap::new();
    if open.len() < 2 {
        return Ok(seen);
    }
    for lesson in open {
        let rows = read_rows(conn, school, lesson, heard)?;
        let of_lesson = rows.iter().map(|(pupil, row)| open_lessons::Seen {
            pupil: *pupil,
            standing: desk::assess(school, lesson, row, now),
            worked_at: row.worked_at(),
        });
        seen.insert(lesson.lesson_id, of_lesson.collect());
    }
    Ok(seen)
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
            opened_at: None,
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

fn shown_lesson<'a>(
    school: &'a School,
    class: &Class,
    chosen: Option<LessonId>,
    now: Timestamp,
) -> Option<&'a Lesson> {
    let mut lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id));
    lessons
        .clone()
        .find(|lesson| chosen == Some(lesson.lesson_id))
        .or_else(|| lessons.clone().find(|lesson| lesson.timing.ended_at(now).is_none()))
        .or_else(|| lessons.next())
}
