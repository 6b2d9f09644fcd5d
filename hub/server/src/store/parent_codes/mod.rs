//! Paper codes with which parents make accounts; the table holds their hashes, the codes are on paper only.

use dreamseed_wire::ids::UserId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx};

/// Keeps a code for a pupil's parent.
pub fn add(
    tx: &WriteTx<'_>,
    hash: &[u8; 32],
    (pupil, made_by): (UserId, UserId),
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        hash,
        pupil,
        made_by,
        now.as_millisecond(),
        expires_at.as_millisecond()
    ])?;
    Ok(())
}

/// Ends the codes of a pupil that nobody has used.
pub fn end_unused(tx: &WriteTx<'_>, pupil: UserId, now: Timestamp) -> Result<(), StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("end_unused.sql"))?;
    query.execute(params![pupil, now.as_millisecond()])?;
    Ok(())
}

/// The pupil of a code that is neither used nor past its time.
pub fn find(conn: &Connection, hash: &[u8; 32], now: Timestamp) -> Result<Option<UserId>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("find.sql"))?;
    Ok(query.query_row(params![hash, now.as_millisecond()], |row| row.get(0)).optional()?)
}

/// Uses a code up; false if somebody was faster.
pub fn mark_used(tx: &WriteTx<'_>, hash: &[u8; 32], by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("mark_used.sql"))?;
    Ok(query.execute(params![hash, now.as_millisecond(), by])? == 1)
}
