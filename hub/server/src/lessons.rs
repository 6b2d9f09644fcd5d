//! Lessons: given to a class or some of it, paused, gone on with, extended, closed and opened again; and the groups they
//! are given to.
//!
//! The rules of time are in [`timing`]. A lesson whose time is up is closed by [`close_due`], which the hub's pulse calls
//! each second: so it is right after a restart, over midnight and with a clock that was moved.

pub mod timing;

use dreamseed_wire::{
    class::{ClassGroup, SetGroup},
    ids::*,
    lesson::{ExtendLesson, HintCeiling, LessonFor, LessonMode, LessonState, LessonView, OpenLesson},
    live::LiveEvent,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::extract::Caller,
    auth::accounts::read_line,
    hub::Ctx,
    live,
    school::{Class, School},
    store::{
        StoreError, WriteTx,
        audit::{self, AuditEntry},
        class_groups, lessons, sittings,
    },
};
use timing::{Over, Timing};

/// Problems in one lesson.
const PROBLEMS_MAX: usize = 60;
/// Minutes of a lesson with a limit.
const MINUTES: std::ops::RangeInclusive<u16> = 1..=300;
/// Minutes that can be added at once.
const EXTENSION: std::ops::RangeInclusive<i16> = -60..=120;

/// Why something cannot be done with a lesson or a group.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    #[error("the class is not known")]
    UnknownClass,
    #[error("the lesson is not known in this class")]
    UnknownLesson,
    #[error("the group is not known in this class")]
    UnknownGroup,
    #[error("a problem is not known")]
    UnknownProblem,
    #[error(transparent)]
    Over(#[from] Over),
    #[error("the lesson has no limit that could be moved")]
    NoLimit,
    /// The class cannot be archived.
    #[error("an exam is running in the class")]
    ExamRunning,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the lesson could not be kept")]
    Store(#[from] StoreError),
}

/// Gives problems, each in its newest version, to a class or some of it.
pub async fn open(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    body: OpenLesson,
) -> Result<LessonView, LessonError> {
    let school = ctx.school.get();
    let class = find_class(&school, class_id)?;
    let title = read_line(&body.title, 80).map_err(|why| LessonError::BadField { field: "title", why })?;
    let problems = newest_versions(&school, &body.problem_ids)?;
    let pupils = match &body.whom {
        LessonFor::Class => Vec::new(),
        LessonFor::Pupils { pupil_ids } if pupil_ids.is_empty() => {
            return Err(LessonError::BadField { field: "whom", why: "at least one pupil" });
        }
        LessonFor::Pupils { pupil_ids } => check_pupils("whom", class, pupil_ids)?,
    };
    let now = ctx.clock.now();
    let ends_at = match body.minutes {
        Some(minutes) if MINUTES.contains(&minutes) => {
            now.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()
        }
        Some(_) => return Err(LessonError::BadField { field: "minutes", why: "between 1 and 300" }),
        None if body.mode == LessonMode::Exam => {
            return Err(LessonError::BadField { field: "minutes", why: "an exam has a time limit" });
        }
        None => None,
    };
    let hint_ceiling = match body.mode {
        LessonMode::Exam => HintCeiling::None,
        LessonMode::Practice => body.hint_ceiling,
    };
    let by = caller.user_id;
    let id = ctx
        .store
        .write(move |tx| {
            // As it stands now: it may have been archived meanwhile.
            if !lessons::is_in_use(tx.conn(), class_id)? {
                return Err(LessonError::UnknownClass);
            }
            let new = lessons::NewLesson {
                class_id,
                title: &title,
                mode: body.mode,
                hint_ceiling,
                problems: &problems,
                pupils: &pupils,
                ends_at,
                by: Some(by),
                now,
            };
            let id = lessons::hold(tx, &new)?;
            audit::add(tx, &AuditEntry::by(by, "open lesson", &id.to_string(), now))?;
            Ok(id)
        })
        .await?;
    // Everybody fetches again only once it has been read, else they would get the old picture.
    ctx.school.reload_lessons(&ctx.store, vec![id]).await?;
    live::lessons_changed(ctx, class_id, LiveEvent::Refetch).await?;
    view(ctx, id).await
}

/// 앞을 보세요: everyone's screen waits, and the lesson's time stands still.
pub async fn pause(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    lesson: LessonId,
) -> Result<LessonView, LessonError> {
    let now = ctx.clock.now();
    change(ctx, caller, (class, lesson), "pause lesson", move |timing| Ok(timing.pause(now)?)).await
}

/// The lesson goes on with the time that it had.
pub async fn resume(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    lesson: LessonId,
) -> Result<LessonView, LessonError> {
    let now = ctx.clock.now();
    change(ctx, caller, (class, lesson), "resume lesson", move |timing| Ok(timing.resume(now)?)).await
}

/// More or less time.
pub async fn extend(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    lesson: LessonId,
    body: ExtendLesson,
) -> Result<LessonView, LessonError> {
    if body.minutes == 0 || !EXTENSION.contains(&body.minutes) {
        return Err(LessonError::BadField { field: "minutes", why: "between -60 and 120, not 0" });
    }
    let now = ctx.clock.now();
    change(ctx, caller, (class, lesson), "extend lesson", move |timing| {
        let extended = timing.extend(body.minutes, now)?;
        if timing.ends_at.is_some() { Ok(extended) } else { Err(LessonError::NoLimit) }
    })
    .await
}

/// Ends a lesson. Once more changes nothing.
pub async fn close(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    lesson: LessonId,
) -> Result<LessonView, LessonError> {
    let now = ctx.clock.now();
    change(ctx, caller, (class, lesson), "close lesson", move |timing| Ok(timing.close(now))).await
}

/// Undoes a close: the lesson goes on with the time that was left, or for ten minutes. Of an exam, whoever has been shown
/// grades meanwhile keeps what they had answered before; [`LessonView::grades_seen`] tells how many they are.
pub async fn reopen(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    lesson: LessonId,
) -> Result<LessonView, LessonError> {
    let now = ctx.clock.now();
    change(ctx, caller, (class, lesson), "reopen lesson", move |timing| Ok(timing.reopen(now))).await
}

/// Closes the lessons whose time is up, at the time at which it was.
pub async fn close_due(ctx: &Ctx) -> Result<(), StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let due = school.due_lessons(now);
    if due.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = due.iter().map(|(_, lesson)| *lesson).collect();
    let closing = ids.clone();
    ctx.store
        .write(move |tx| {
            for id in closing {
                // As it stands now: it may have been extended meanwhile.
                let Some(timing) = lessons::timing(tx.conn(), id)? else { continue };
                if timing.state != LessonState::Closed && timing.ended_at(now).is_some() {
                    lessons::set_timing(tx, id, &timing.close(now))?;
                }
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    ctx.school.reload_lessons(&ctx.store, ids).await?;
    let mut classes: Vec<_> = due.into_iter().map(|(class, _)| class).collect();
    classes.dedup();
    for class in classes {
        live::lessons_changed(ctx, class, LiveEvent::Refetch).await?;
    }
    Ok(())
}

/// Makes a group of pupils of a class.
pub async fn add_group(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    body: SetGroup,
) -> Result<ClassGroup, LessonError> {
    let school = ctx.school.get();
    let class = find_class(&school, class_id)?;
    let name = read_line(&body.name, 40).map_err(|why| LessonError::BadField { field: "name", why })?;
    let pupil_ids = check_pupils("pupil_ids", class, &body.pupil_ids)?;
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let (kept_name, kept_pupils) = (name.clone(), pupil_ids.clone());
    let group_id = ctx
        .store
        .write(move |tx| {
            let id = class_groups::add(tx, class_id, &kept_name, &kept_pupils, now)?;
            audit::add(tx, &AuditEntry::by(by, "add group", &id.to_string(), now))?;
            Ok::<_, StoreError>(id)
        })
        .await?;
    ctx.school.reload_groups(&ctx.store, class_id).await?;
    Ok(ClassGroup { group_id, name, pupil_ids })
}

/// Changes a group's name and pupils; lessons that were given before stay as they are.
pub async fn change_group(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    group_id: GroupId,
    body: SetGroup,
) -> Result<ClassGroup, LessonError> {
    let school = ctx.school.get();
    let class = find_class(&school, class_id)?;
    find_group(class, group_id)?;
    let name = read_line(&body.name, 40).map_err(|why| LessonError::BadField { field: "name", why })?;
    let pupil_ids = check_pupils("pupil_ids", class, &body.pupil_ids)?;
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let (kept_name, kept_pupils) = (name.clone(), pupil_ids.clone());
    ctx.store
        .write(move |tx| {
            class_groups::change(tx, group_id, &kept_name, &kept_pupils)?;
            audit::add(tx, &AuditEntry::by(by, "change group", &group_id.to_string(), now))
        })
        .await?;
    ctx.school.reload_groups(&ctx.store, class_id).await?;
    Ok(ClassGroup { group_id, name, pupil_ids })
}

/// Takes a group away; lessons that were given to its pupils stay.
pub async fn remove_group(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    group_id: GroupId,
) -> Result<(), LessonError> {
    find_group(find_class(&ctx.school.get(), class_id)?, group_id)?;
    let (now, by) = (ctx.clock.now(), caller.user_id);
    ctx.store
        .write(move |tx| {
            class_groups::remove(tx, group_id)?;
            audit::add(tx, &AuditEntry::by(by, "remove group", &group_id.to_string(), now))
        })
        .await?;
    Ok(ctx.school.reload_groups(&ctx.store, class_id).await?)
}

/// Takes a class out of use and closes its lessons; what was done in it stays.
///
/// # Errors
/// [`LessonError::ExamRunning`]: an exam is closed first, so that nobody's sitting ends by mistake.
pub async fn archive_class(ctx: &Ctx, caller: &Caller, class_id: ClassId) -> Result<(), LessonError> {
    let school = ctx.school.get();
    let class = find_class(&school, class_id)?;
    let (now, by) = (ctx.clock.now(), caller.user_id);
    ctx.store
        .write(move |tx| {
            if !lessons::is_in_use(tx.conn(), class_id)? {
                return Err(LessonError::UnknownClass);
            }
            if !close_all(tx, class_id, now)? {
                return Err(LessonError::ExamRunning);
            }
            lessons::archive_class(tx, class_id, now)?;
            Ok(audit::add(tx, &AuditEntry::by(by, "archive class", &class_id.to_string(), now))?)
        })
        .await?;
    // Its pupils are told by the old picture: in the new one they have no class.
    let pupils: Vec<_> = class.pupils.iter().map(|(_, pupil)| *pupil).collect();
    ctx.school.reload(&ctx.store).await?;
    live::lessons_changed(ctx, class_id, LiveEvent::Refetch).await?;
    live::tell_lessons_changed(ctx, &pupils);
    Ok(())
}

/// Closes whatever is open in a class, as the database has it now, because the class is put away. False, with nothing
/// done, if an exam is not over: pupils may be sitting in it.
pub fn close_all(tx: &WriteTx<'_>, class_id: ClassId, now: Timestamp) -> Result<bool, StoreError> {
    let open = lessons::open_in(tx.conn(), class_id)?;
    if open.iter().any(|(_, mode, timing)| *mode == LessonMode::Exam && timing.ended_at(now).is_none()) {
        return Ok(false);
    }
    for (id, _, timing) in open {
        lessons::set_timing(tx, id, &timing.close(now))?;
    }
    Ok(true)
}

/// Changes how a lesson stands in time, in one transaction, so that two teachers at once do not undo each other.
async fn change(
    ctx: &Ctx,
    caller: &Caller,
    (class, lesson): (ClassId, LessonId),
    action: &'static str,
    deed: impl FnOnce(Timing) -> Result<Timing, LessonError> + Send + 'static,
) -> Result<LessonView, LessonError> {
    let before = {
        let school = ctx.school.get();
        let found = school.lessons.get(&lesson).filter(|found| found.class_id == class);
        found.ok_or(LessonError::UnknownLesson)?.timing.state
    };
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let after = ctx.store.write(move |tx| keep(tx, lesson, deed, (by, action, now))).await?;
    ctx.school.reload_lessons(&ctx.store, vec![lesson]).await?;
    let is_closing = before == LessonState::Closed || after.state == LessonState::Closed;
    let event = if is_closing { LiveEvent::Refetch } else { live::lesson_event(ctx, lesson) };
    live::lessons_changed(ctx, class, event).await?;
    view(ctx, lesson).await
}

fn keep(
    tx: &WriteTx<'_>,
    lesson: LessonId,
    deed: impl FnOnce(Timing) -> Result<Timing, LessonError>,
    (by, action, now): (UserId, &str, Timestamp),
) -> Result<Timing, LessonError> {
    let timing = lessons::timing(tx.conn(), lesson)?.ok_or(LessonError::UnknownLesson)?;
    let changed = deed(timing)?;
    if changed != timing {
        lessons::set_timing(tx, lesson, &changed)?;
        audit::add(tx, &AuditEntry::by(by, action, &lesson.to_string(), now))?;
    }
    Ok(changed)
}

async fn view(ctx: &Ctx, id: LessonId) -> Result<LessonView, LessonError> {
    let school = ctx.school.get();
    let lesson = school.lessons.get(&id).ok_or(LessonError::UnknownLesson)?;
    let class = lesson.class_id;
    let shown = ctx.store.read(move |conn| sittings::shown_in_class(conn, class)).await?;
    let language = school.classes.get(&class).map(|class| class.language).unwrap_or_default();
    let seen = shown.get(&id).copied().unwrap_or_default();
    Ok(school.lesson_view(lesson, language, seen, ctx.clock.now()))
}

fn find_class(school: &School, id: ClassId) -> Result<&Class, LessonError> {
    school.class(id).filter(|class| !class.archived).ok_or(LessonError::UnknownClass)
}

fn find_group(class: &Class, id: GroupId) -> Result<&ClassGroup, LessonError> {
    class.groups.iter().find(|group| group.group_id == id).ok_or(LessonError::UnknownGroup)
}

fn newest_versions(school: &School, ids: &[ProblemId]) -> Result<Vec<ProblemVersionId>, LessonError> {
    if ids.is_empty() || ids.len() > PROBLEMS_MAX {
        return Err(LessonError::BadField { field: "problem_ids", why: "between 1 and 60 problems" });
    }
    let mut versions = Vec::with_capacity(ids.len());
    for id in ids {
        let head =
            school.problems.get(id).filter(|head| !head.archived).ok_or(LessonError::UnknownProblem)?;
        if !versions.contains(&head.newest) {
            versions.push(head.newest);
        }
    }
    Ok(versions)
}

/// Pupils of the class, each once.
fn check_pupils(field: &'static str, class: &Class, ids: &[UserId]) -> Result<Vec<UserId>, LessonError> {
    let mut pupils = ids.to_vec();
    pupils.sort();
    pupils.dedup();
    if pupils.iter().all(|id| class.pupils.iter().any(|(_, pupil)| pupil == id)) {
        Ok(pupils)
    } else {
        Err(LessonError::BadField { field, why: "one of them is not a pupil of this class" })
    }
}
