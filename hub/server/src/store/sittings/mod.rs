//! Sittings of exams: each pupil begins once and hands in once.

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

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredSitting> {
    let handed_in_at: Option<i64> = row.get(3)?;
    Ok(StoredSitting {
        pupil_id: row.get(0)?,
        seed: row.get(1)?,
        begun_at: to_time(row.get(2)?),
        handed_in_at: handed_in_at.map(to_time),
    })
}
