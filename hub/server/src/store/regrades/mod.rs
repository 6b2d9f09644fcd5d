//! Corrections of keys and what they changed. A correction is undone by further revisions of the grades, never by
//! deleting.

use dreamseed_wire::ids::*;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, to_time};
use crate::regrading::keys::Correction;

/// A correction as it stands in the record.
#[derive(Debug, Clone)]
pub struct StoredRegrade {
    pub id: RegradeId,
    pub problem_id: ProblemId,
    pub key_version_id: ProblemVersionId,
    pub reason: String,
    pub by_user: Option<UserId>,
    pub created_at: Timestamp,
    pub undone_at: Option<Timestamp>,
    /// Grades that it changed.
    pub changed: u32,
}

/// Adds a correction; `key_is_new` if the version was made for it.
pub fn add(
    tx: &WriteTx<'_>,
    problem: ProblemId,
    (key_version, key_is_new): (ProblemVersionId, bool),
    reason: &str,
    by: UserId,
    now: Timestamp,
) -> Result<RegradeId, StoreError> {
    let id = RegradeId::new();
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        id,
        problem,
        key_version,
        key_is_new,
        reason,
        by,
        now.as_millisecond()
    ])?;
    Ok(id)
}

/// Notes that a correction changed the grade of an answer.
pub fn add_change(
    tx: &WriteTx<'_>,
    regrade: RegradeId,
    attempt_seq: i64,
    (before_seq, after_seq): (i64, i64),
) -> Result<(), StoreError> {
    let row = params![regrade, attempt_seq, before_seq, after_seq];
    tx.conn().prepare_cached(include_str!("add_change.sql"))?.execute(row)?;
    Ok(())
}

/// Marks a correction as undone.
pub fn undo(tx: &WriteTx<'_>, regrade: RegradeId, by: UserId, now: Timestamp) -> Result<(), StoreError> {
    let row = params![regrade, now.as_millisecond(), by];
    tx.conn().prepare_cached(include_str!("undo.sql"))?.execute(row)?;
    Ok(())
}

/// Names the version that was made by undoing.
pub fn set_restored(
    tx: &WriteTx<'_>,
    regrade: RegradeId,
    version: ProblemVersionId,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_restored.sql"))?.execute(params![regrade, version])?;
    Ok(())
}

/// One correction.
pub fn get(conn: &Connection, regrade: RegradeId) -> Result<Option<StoredRegrade>, StoreError> {
    Ok(conn.prepare_cached(include_str!("get.sql"))?.query_row([regrade], from_row).optional()?)
}

/// The corrections of a problem, newest first.
pub fn of_problem(conn: &Connection, problem: ProblemId) -> Result<Vec<StoredRegrade>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_problem.sql"))?;
    Ok(query.query_map([problem], from_row)?.collect::<Result<_, _>>()?)
}

/// What decides whose key counts, oldest first.
pub fn corrections(conn: &Connection, problem: ProblemId) -> Result<Vec<Correction>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("corrections.sql"))?;
    let rows = query.query_map([problem], |row| correction_from(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A correction whose columns begin at `at`.
pub fn correction_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Correction> {
    Ok(Correction {
        key_version: row.get(at)?,
        key_is_new: row.get(at + 1)?,
        undone: row.get(at + 2)?,
        restored: row.get(at + 3)?,
    })
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredRegrade> {
    let undone_at: Option<i64> = row.get(6)?;
    Ok(StoredRegrade {
        id: row.get(0)?,
        problem_id: row.get(1)?,
        key_version_id: row.get(2)?,
        reason: row.get(3)?,
        by_user: row.get(4)?,
        created_at: to_time(row.get(5)?),
        undone_at: undone_at.map(to_time),
        changed: row.get(7)?,
    })
}
