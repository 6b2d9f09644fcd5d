//! The hub's own row and the epochs of its record.

use dreamseed_wire::ids::{EpochId, HubId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, to_time};

/// What the first start writes.
#[derive(Debug, Clone)]
pub struct FirstStart {
    pub now: Timestamp,
    /// IANA name, such as `Asia/Seoul`.
    pub time_zone: String,
}

/// Makes the hub's row and its first epoch if there are none.
pub fn ensure(conn: &Connection, first: &FirstStart) -> Result<(), StoreError> {
    let found: Option<i64> = conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0)).optional()?;
    if found.is_some() {
        return Ok(());
    }
    let now = first.now.as_millisecond();
    let tx = conn.unchecked_transaction()?;
    tx.execute(include_str!("add_epoch.sql"), params![1, EpochId::new(), None::<i64>, "first", 1, now])?;
    tx.execute(include_str!("add.sql"), params![HubId::new(), "", first.time_zone, 1, now])?;
    tx.commit()?;
    Ok(())
}

/// The next number of the record, and the epoch it belongs to.
pub(super) fn position(conn: &Connection) -> Result<(i64, i64), StoreError> {
    let last: i64 = conn.query_row(include_str!("last_seq.sql"), [], |row| row.get(0))?;
    let epoch = conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0))?;
    Ok((last + 1, epoch))
}

/// The last number of the record that has been written.
pub fn last_seq(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(include_str!("last_seq.sql"), [], |row| row.get(0))?)
}

/// Names the school.
pub fn set_school_name(tx: &WriteTx<'_>, name: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_school_name.sql"))?.execute([name])?;
    Ok(())
}

/// The latest time the hub has seen; a clock that shows less has been set back.
pub fn last_seen(conn: &Connection) -> Result<Timestamp, StoreError> {
    Ok(to_time(conn.query_row(include_str!("last_seen.sql"), [], |row| row.get(0))?))
}

/// Remembers the time, never going back.
pub fn see_time(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("see_time.sql"))?.execute([now.as_millisecond()])?;
    Ok(())
}
