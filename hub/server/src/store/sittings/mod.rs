//! Sittings of exams: each pupil begins once and hands in once.

use std::collections::HashMap;

use dreamseed_wire::{ids::*, lesson::Sitting};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, to_time};

/// A pupil's sitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSitting {
    pub pupil_id: UserId,
    /// The pupil's own order of the problems.
    pub seed: i64,
    pub begun_at: Timestamp,
    pub handed_in_at: Option<Timestamp>,
    /// When the pupil was first shown grades of the exam, after its end.
    pub shown_at: Option<Timestamp>,
}

impl StoredSitting {
    /// What others may know of it.
    pub fn view(&self) -> Sitting {
        Sitting { begun_at: self.begun_at, handed_in_at: self.handed_in_at }
    }
}

/// Begins a sitting, if it has not begun.
pub fn begin(
    tx: &WriteTx<'_>,
    lesson: LessonId,
    pupil: UserId,
    seed: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = params![lesson, pupil, seed, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("begin.sql"))?.execute(row)?;
    Ok(())
}

/// A pupil's sitting of an exam, if it has begun.
pub fn get(conn: &Connection, lesson: LessonId, pupil: UserId) -> Result<Option<StoredSitting>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    Ok(query.query_row(params![lesson, pupil], from_row).optional()?)
}

/// All sittings of an exam.
pub fn of_lesson(conn: &Connection, lesson: LessonId) -> Result<Vec<StoredSitting>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_lesson.sql"))?;
    Ok(query.query_map([lesson], from_row)?.collect::<Result<_, _>>()?)
}

/// Ends a sitting; the first time counts.
pub fn hand_in(tx: &WriteTx<'_>, lesson: LessonId, pupil: UserId, now: Timestamp) -> Result<(), StoreError> {
    let row = params![lesson, pupil, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("hand_in.sql"))?.execute(row)?;
    Ok(())
}

/// Notes that the pupil is shown grades of an exam that has ended; the first time counts. False if it was noted before,
/// or the pupil has not sat in it.
pub fn show(tx: &WriteTx<'_>, lesson: LessonId, pupil: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let row = params![lesson, pupil, now.as_millisecond()];
    Ok(tx.conn().prepare_cached(include_str!("show.sql"))?.execute(row)? > 0)
}

/// The exams that a pupil has begun and been shown no grades of.
pub fn not_shown(conn: &Connection, pupil: UserId) -> Result<Vec<LessonId>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("not_shown.sql"))?;
    Ok(query.query_map([pupil], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// How many pupils have been shown grades of each exam of a class; none stands for nobody.
pub fn shown_in_class(conn: &Connection, class: ClassId) -> Result<HashMap<LessonId, u32>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("shown_in_class.sql"))?;
    Ok(query.query_map([class], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Whether a pupil has begun an exam that is not over, even if it is handed in: until then its grades are kept.
pub fn is_sitting(conn: &Connection, pupil: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("open_exams.sql"))?;
    let mut rows = query.query([pupil])?;
    while let Some(row) = rows.next()? {
        if super::lessons::read_timing(row, 0)?.ended_at(now).is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredSitting> {
    let (handed_in_at, shown_at): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
    Ok(StoredSitting {
        pupil_id: row.get(0)?,
        seed: row.get(1)?,
        begun_at: to_time(row.get(2)?),
        handed_in_at: handed_in_at.map(to_time),
        shown_at: shown_at.map(to_time),
    })
}
