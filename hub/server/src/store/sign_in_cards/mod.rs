//! Printed cards with which pupils sign in; the table holds their hashes, the cards themselves are on paper only.

use dreamseed_wire::ids::UserId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx};

/// Gives a pupil a card; an earlier one stops working.
pub fn set(tx: &WriteTx<'_>, pupil: UserId, hash: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set.sql"))?.execute(params![pupil, hash, now.as_millisecond()])?;
    Ok(())
}

/// Whose card it is.
pub fn find(conn: &Connection, hash: &[u8; 32]) -> Result<Option<UserId>, StoreError> {
    Ok(conn.prepare_cached(include_str!("find.sql"))?.query_row([hash], |row| row.get(0)).optional()?)
}

/// Stops a pupil's card from working.
pub fn revoke(tx: &WriteTx<'_>, pupil: UserId) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("revoke.sql"))?.execute([pupil])?;
    Ok(())
}
