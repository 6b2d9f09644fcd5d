//! What a pupil has been shown beyond the statement.

use dreamseed_wire::ids::*;
use jiff::Timestamp;
use rusqlite::params;

use super::{StoreError, WriteTx};

/// Records that a pupil has seen the worked solution of a version.
pub fn add_solution(
    tx: &WriteTx<'_>,
    pupil: UserId,
    version: ProblemVersionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add_solution.sql"))?.execute(params![
        pupil,
        version,
        now.as_millisecond()
    ])?;
    Ok(())
}
