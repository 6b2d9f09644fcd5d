//! What a pupil has been shown beyond the statement: worked solutions, and hints that a teacher has opened.

use dreamseed_wire::ids::*;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx};

/// Records that the worked solution of a version is open to a pupil, from now on; `by` if a person opened it.
pub fn add_solution(
    tx: &WriteTx<'_>,
    pupil: UserId,
    version: ProblemVersionId,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = params![pupil, version, "solution", 0, by, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(row)?;
    Ok(())
}

/// Records that a teacher has opened an author's hint to a pupil; `level` counts from 1.
pub fn add_step(
    tx: &WriteTx<'_>,
    pupil: UserId,
    version: ProblemVersionId,
    level: u32,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = params![pupil, version, "step", level, by, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(row)?;
    Ok(())
}

/// The level of the latest hint that a teacher has opened to a pupil; 0 for none.
pub fn steps(conn: &Connection, pupil: UserId, version: ProblemVersionId) -> Result<u32, StoreError> {
    let mut query = conn.prepare_cached(include_str!("steps.sql"))?;
    Ok(query.query_row(params![pupil, version], |row| row.get(0))?)
}

/// Whether the worked solution is open to a pupil.
pub fn has_solution(conn: &Connection, pupil: UserId, version: ProblemVersionId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("has_solution.sql"))?.exists(params![pupil, version])?)
}
