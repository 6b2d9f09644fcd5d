//! The hub's own row and the epochs of its record.

use std::path::Path;

use dreamseed_wire::ids::{EpochId, HubId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, to_time};

/// Left beside the database by whoever puts back an earlier state of it.
const RESTORED_MARKER: &str = "restored";

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

/// Begins a further epoch if the data has been put back to an earlier state: whoever puts it back leaves a file
/// `restored` beside the database, with the word `restore` or `rollback` in it.
///
/// The numbers that follow would otherwise be given twice within one epoch, for other answers. Runs before the writer
/// takes its position; a cut before the file is removed costs an empty epoch and nothing else.
///
/// # Errors
/// A marker that cannot be read or removed, or another word in it: the hub does not serve on a guess.
pub fn begin_epoch_if_restored(conn: &Connection, folder: &Path, now: Timestamp) -> Result<(), StoreError> {
    let marker = folder.join(RESTORED_MARKER);
    let word = match std::fs::read_to_string(&marker) {
        Ok(word) => word,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err.into()),
    };
    let reason = match word.trim() {
        "" | "restore" => "restore",
        "rollback" => "rollback",
        _ => return Err(StoreError::BadValue { what: "file `restored`" }),
    };
    let (next, parent) = position(conn)?;
    let tx = conn.unchecked_transaction()?;
    let epoch = parent + 1;
    tx.execute(
        include_str!("add_epoch.sql"),
        params![epoch, EpochId::new(), parent, reason, next, now.as_millisecond()],
    )?;
    tx.execute(include_str!("set_epoch.sql"), [epoch])?;
    tx.commit()?;
    tracing::warn!(epoch, from = next, reason, "the data was put back: a new epoch of the record begins");
    Ok(std::fs::remove_file(&marker)?)
}

/// The next number of the record, and the epoch it belongs to.
pub(super) fn position(conn: &Connection) -> Result<(i64, i64), StoreError> {
    let last: i64 = conn.query_row(include_str!("last_seq.sql"), [], |row| row.get(0))?;
    let epoch = conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0))?;
    Ok((last + 1, epoch))
}

/// The stretch of the record that is being written.
pub fn epoch(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0))?)
}

/// The last number of the record that has been written.
pub fn last_seq(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(include_str!("last_seq.sql"), [], |row| row.get(0))?)
}

/// Remembers the highest number of the record, before rows of it are removed: a receipt's number is never given twice.
pub fn keep_position(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("keep_position.sql"))?.execute([])?;
    Ok(())
}

/// When the hub was made.
pub fn created_at(conn: &Connection) -> Result<Timestamp, StoreError> {
    Ok(to_time(conn.query_row(include_str!("created_at.sql"), [], |row| row.get(0))?))
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
