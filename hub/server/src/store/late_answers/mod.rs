//! Answers that reached the hub after their lesson's time was up, though their devices say that they were given before.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx};

/// Notes how late an answer came.
pub fn add(tx: &WriteTx<'_>, attempt_seq: i64, late_by_secs: u32) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![attempt_seq, late_by_secs])?;
    Ok(())
}

/// How late an answer came, in seconds; none if it was in time.
pub fn get(conn: &Connection, attempt_seq: i64) -> Result<Option<u32>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    Ok(query.query_row([attempt_seq], |row| row.get(0)).optional()?)
}
