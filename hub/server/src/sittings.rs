//! A pupil's lessons: the list, and the one sitting of an exam, which begins once and is handed in once.
//!
//! The order of an exam's problems is the pupil's own and follows from the sitting's seed, so that a device that comes
//! back, or another one, shows the same.

use bytes::Bytes;
use dreamseed_wire::{
    ids::*,
    lesson::{LessonMode, LessonState},
    problem::{LessonProblems, MyProblems, MyStanding},
    progress::Progress,
};
use jiff::Timestamp;

use crate::{
    answering::is_withheld,
    api::extract::Caller,
    hub::Ctx,
    progress,
    school::{Lesson, School},
    store::{
        Committed, ReadConn, StoreError,
        audit::{self, AuditEntry},
        lessons,
        sittings::{self, StoredSitting},
        standings,
    },
};

/// Why a sitting cannot begin or end.
#[derive(Debug, thiserror::Error)]
pub enum SittingError {
    /// Also for lessons of others: no oracle for ids.
    #[error("the lesson is not known or not this pupil's")]
    UnknownLesson,
    #[error("the lesson is not an exam")]
    NotAnExam,
    #[error("the exam is over")]
    Over,
    #[error("the exam is paused")]
    Paused,
    #[error("the exam has not been begun")]
    NotBegun,
    /// Progress would tell what the exam keeps.
    #[error("an exam is running for the pupil")]
    ExamRunning,
    #[error("the sitting could not be kept")]
    Store(#[from] StoreError),
}

/// The reply to `GET /me/problems`, ready to send: one for a whole class where nothing in it is a pupil's own.
pub async fn my_problems(ctx: &Ctx, pupil: UserId) -> Result<Bytes, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    if let Some(shared) = school.shared_problems(pupil, now) {
        return Ok(shared);
    }
    let reply = ctx
        .store
        .read(move |conn| {
            let lessons = school.listed_lessons(pupil, now);
            let lessons = lessons.map(|lesson| for_pupil(conn, &school, lesson, pupil, now));
            Ok::<_, StoreError>(MyProblems { lessons: lessons.collect::<Result<_, _>>()? })
        })
        .await?;
    serde_json::to_vec(&reply).map(Bytes::from).map_err(|_| StoreError::BadValue { what: "list of lessons" })
}

/// Begins the pupil's sitting; asking again gives the same order.
pub async fn begin(ctx: &Ctx, caller: &Caller, lesson_id: LessonId) -> Result<LessonProblems, SittingError> {
    let (school, pupil, now) = (ctx.school.get(), caller.user_id, ctx.clock.now());
    let class_id = find_exam(&school, pupil, lesson_id)?.class_id;
    let mut seed = [0_u8; 8];
    getrandom::fill(&mut seed).map_err(|_| StoreError::Io(std::io::Error::other("no random numbers")))?;
    ctx.store
        .write(move |tx| {
            if sittings::get(tx.conn(), lesson_id, pupil)?.is_some() {
                return Ok(());
            }
            let timing = lessons::timing(tx.conn(), lesson_id)?.ok_or(SittingError::UnknownLesson)?;
            match timing.state_at(now) {
                LessonState::Open => {}
                LessonState::Paused => return Err(SittingError::Paused),
                LessonState::Closed => return Err(SittingError::Over),
            }
            sittings::begin(tx, lesson_id, pupil, i64::from_le_bytes(seed), now)?;
            note(tx, (pupil, "begin exam"), (class_id, lesson_id), now)
        })
        .await?;
    own_view(ctx, lesson_id, pupil).await
}

/// Hands the exam in: what is answered later does not count. Once more changes nothing.
pub async fn hand_in(
    ctx: &Ctx,
    caller: &Caller,
    lesson_id: LessonId,
) -> Result<LessonProblems, SittingError> {
    let (school, pupil, now) = (ctx.school.get(), caller.user_id, ctx.clock.now());
    let class_id = find_exam(&school, pupil, lesson_id)?.class_id;
    ctx.store
        .write(move |tx| {
            let sitting = sittings::get(tx.conn(), lesson_id, pupil)?.ok_or(SittingError::NotBegun)?;
            if sitting.handed_in_at.is_some() {
                return Ok(());
            }
            sittings::hand_in(tx, lesson_id, pupil, now)?;
            note(tx, (pupil, "hand in exam"), (class_id, lesson_id), now)
        })
        .await?;
    own_view(ctx, lesson_id, pupil).await
}

/// Where a pupil stands with everything they have tried; without what an exam keeps.
pub async fn my_standing(ctx: &Ctx, pupil: UserId) -> Result<MyStanding, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    show_grades(ctx, pupil).await?;
    let standings = ctx.store.read(move |conn| standings::of_pupil(conn, pupil)).await?;
    let problems = standings
        .iter()
        .map(|standing| standing.for_pupil(is_withheld(&school, pupil, standing.problem_version_id, now)));
    Ok(MyStanding { problems: problems.collect() })
}

/// A pupil's own progress.
///
/// # Errors
/// [`SittingError::ExamRunning`] while an exam that is not over is for the pupil, begun or not: figures would tell whether an
/// answer to one of its problems is right, given through practice.
pub async fn my_progress(ctx: &Ctx, pupil: UserId) -> Result<Progress, SittingError> {
    family_progress(ctx, pupil).await
}

/// A pupil's progress as their parents see it: no earlier than the pupil, and as much shown as to the pupil, who may sit
/// beside them.
///
/// # Errors
/// As [`my_progress`].
pub async fn family_progress(ctx: &Ctx, pupil: UserId) -> Result<Progress, SittingError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    if school.running_exams(pupil, now).next().is_some() {
        return Err(SittingError::ExamRunning);
    }
    show_grades(ctx, pupil).await?;
    Ok(progress::of_pupil(ctx, pupil).await?)
}

/// Notes that a pupil, or their family, is about to be shown grades of exams that have ended: from then on they take no
/// late answers of this pupil, and if they are opened again, what was answered before counts. Call it before the grades are
/// read, and after the look at what is still withheld: an exam that ends in between then stays withheld.
pub async fn show_grades(ctx: &Ctx, pupil: UserId) -> Result<(), StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let exams = school.ended_exams(pupil, now).map(|exam| exam.lesson_id).collect();
    drop(school);
    show_grades_of(ctx, pupil, exams).await
}

/// The same of these exams only.
pub async fn show_grades_of(ctx: &Ctx, pupil: UserId, exams: Vec<LessonId>) -> Result<(), StoreError> {
    if exams.is_empty() {
        return Ok(());
    }
    let now = ctx.clock.now();
    let mut new = ctx.store.read(move |conn| sittings::not_shown(conn, pupil)).await?;
    new.retain(|exam| exams.contains(exam));
    if new.is_empty() {
        return Ok(());
    }
    ctx.store
        .write(move |tx| new.iter().try_for_each(|exam| sittings::show(tx, *exam, pupil, now).map(drop)))
        .await
}

/// Whether a pupil has begun an exam that is running and holds this version.
pub async fn has_begun_with(
    ctx: &Ctx,
    school: &School,
    pupil: UserId,
    version: ProblemVersionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let exams = school.running_exams(pupil, now).filter(|exam| exam.problems.contains(&version));
    has_begun_any(ctx, pupil, exams.map(|exam| exam.lesson_id).collect()).await
}

/// A pupil's own order of an exam's problems: a Fisher–Yates shuffle from the back, `j = next() mod (i + 1)`, whose
/// numbers come from SplitMix64 (Steele, Lea and Flood 2014) begun with the seed. Never change it: sittings that have
/// begun would change their order.
pub fn shuffle<T>(items: &mut [T], seed: i64) {
    let mut state = seed.cast_unsigned();
    for i in (1..items.len()).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let j = (z % (i as u64 + 1)) as usize;
        items.swap(i, j);
    }
}

async fn has_begun_any(ctx: &Ctx, pupil: UserId, exams: Vec<LessonId>) -> Result<bool, StoreError> {
    if exams.is_empty() {
        return Ok(false);
    }
    ctx.store
        .read(move |conn| {
            for exam in exams {
                if sittings::get(conn, exam, pupil)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
}

fn find_exam(school: &School, pupil: UserId, id: LessonId) -> Result<&Lesson, SittingError> {
    let lesson = school.lessons_for(pupil).find(|lesson| lesson.lesson_id == id);
    let lesson = lesson.ok_or(SittingError::UnknownLesson)?;
    match lesson.mode {
        LessonMode::Exam => Ok(lesson),
        LessonMode::Practice => Err(SittingError::NotAnExam),
    }
}

/// Writes who began or ended what, and tells the teachers who watch.
fn note(
    tx: &crate::store::WriteTx<'_>,
    (pupil, action): (UserId, &str),
    (class_id, lesson_id): (ClassId, LessonId),
    now: Timestamp,
) -> Result<(), SittingError> {
    let detail = lesson_id.to_string();
    let entry = AuditEntry { subject: Some(pupil), ..AuditEntry::by(pupil, action, &detail, now) };
    audit::add(tx, &entry)?;
    if let Some(sitting) = sittings::get(tx.conn(), lesson_id, pupil)? {
        tx.publish(Committed::Sitting { class_id, lesson_id, sitting });
    }
    Ok(())
}

async fn own_view(ctx: &Ctx, lesson_id: LessonId, pupil: UserId) -> Result<LessonProblems, SittingError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    ctx.store
        .read(move |conn| {
            let lesson = find_exam(&school, pupil, lesson_id)?;
            Ok(for_pupil(conn, &school, lesson, pupil, now)?)
        })
        .await
}

/// A lesson as its pupil sees it. An exam's problems stay hidden until the sitting has begun or the exam is over.
fn for_pupil(
    conn: &ReadConn,
    school: &School,
    lesson: &Lesson,
    pupil: UserId,
    now: Timestamp,
) -> Result<LessonProblems, StoreError> {
    if lesson.mode == LessonMode::Practice {
        return Ok(school.lesson_for_pupil(lesson, None, Some(&lesson.problems), now));
    }
    let sitting = sittings::get(conn, lesson.lesson_id, pupil)?;
    let mut order = lesson.problems.clone();
    if let Some(sitting) = &sitting {
        shuffle(&mut order, sitting.seed);
    }
    let is_shown = sitting.is_some() || !lesson.is_running_exam(now);
    let sitting = sitting.as_ref().map(StoredSitting::view);
    Ok(school.lesson_for_pupil(lesson, sitting, is_shown.then_some(order.as_slice()), now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn order(seed: i64, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        shuffle(&mut order, seed);
        order
    }

    #[test]
    fn an_order_never_changes() {
        // SplitMix64 with seed 1234567 begins 6457827717110365317, 3203168211198807973 (its published test vector):
        // 6457827717110365317 mod 3 = 0 and 3203168211198807973 mod 2 = 1.
        assert_eq!(order(1_234_567, 3), [2, 1, 0]);
        assert_eq!(order(-1, 0), Vec::<usize>::new());
        assert_eq!(order(-1, 1), [0]);
    }

    #[test]
    fn neighbours_have_different_orders() {
        let orders: BTreeSet<_> = (0..30).map(|seed| order(seed, 10)).collect();
        assert_eq!(orders.len(), 30);
    }

    /// 6 orders of 3 problems, 6,000 pupils: each order about 1,000 times (five standard deviations are 145).
    #[test]
    fn no_order_is_preferred() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6_000 {
            *counts.entry(order(seed, 3)).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (count - 1_000).abs() < 145), "{counts:?}");
    }

    proptest! {
        #[test]
        fn every_problem_comes_once(seed in any::<i64>(), count in 0_usize..60) {
            let shuffled = order(seed, count);
            prop_assert_eq!(order(seed, count), shuffled.clone());
            let found: BTreeSet<_> = shuffled.into_iter().collect();
            prop_assert_eq!(found, (0..count).collect());
        }
    }
}
