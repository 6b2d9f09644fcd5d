//! The database looked at from outside, without changing it: for the doctor, beside a running hub or without one.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use dreamseed_wire::ids::HubId;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use crate::backup::state::Kept;

use super::{
    APPLICATION_ID, StoreError, attempts, audit, hub_meta, migrations, open_connection,
    snapshots::{self, Fault},
    users,
};

/// The first schema that knows backups.
const WITH_BACKUPS: u32 = 6;
/// Answers whose hashes are looked at: the tail, where a bad write would be.
const TAIL: u32 = 2_000;
/// Steps of SQLite after which it is asked whether the time is up: some microseconds.
const STEPS: i32 = 1_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The schema of the file.
    pub schema: u32,
    /// The first thing that does not fit.
    pub fault: Option<Fault>,
    /// The first row of the audit log that does not fit its chain.
    pub audit_broken_at: Option<i64>,
    /// Whether anybody has an account.
    pub has_users: bool,
    /// The latest time that the hub has seen.
    pub last_seen: Timestamp,
    /// How backups stand; nothing in a database from before there were any.
    pub backups: Kept,
}

/// Opens a database for reading; a hub may be working with it.
///
/// # Errors
/// No such file, another program's, or one that cannot be read at all.
pub fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let conn = open_connection(path, true)?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION_ID { Ok(conn) } else { Err(StoreError::Foreign) }
}

/// Looks at everything that can be wrong with a database. Takes about a second for each 200 MB.
///
/// # Errors
/// [`StoreError::Newer`] for the schema of a newer hub, which this one cannot judge.
pub fn inspect(conn: &Connection) -> Result<Inspection, StoreError> {
    let schema: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema > migrations::CURRENT {
        return Err(StoreError::Newer { found: schema, known: migrations::CURRENT });
    }
    Ok(Inspection {
        schema,
        fault: snapshots::find_fault(conn)?,
        audit_broken_at: audit::find_break(conn)?,
        has_users: users::has_any(conn)?,
        last_seen: hub_meta::last_seen(conn)?,
        backups: if schema < WITH_BACKUPS { Kept::default() } else { Kept::read(conn)? },
    })
}

/// Whose database it is; a hub may be working with it.
///
/// # Errors
/// As [`open_for_reading`].
pub fn hub_id(path: &Path) -> Result<HubId, StoreError> {
    hub_meta::hub_id(&open_for_reading(path)?)
}

/// What SQLite's own check says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Structure {
    Whole,
    /// Its first finding.
    Damaged(String),
    /// It was not done in time.
    Unfinished,
}

/// Lets SQLite check the structure of the file, for as long as `within` at most. It finds a page of garbage and a file that was
/// cut off. What it says of single rows and of indexes is no damage of the structure: the hub serves what is there, and mends
/// that beside the lesson.
///
/// # Errors
/// What keeps the file from being read at all.
pub fn check_structure(conn: &mut Connection, within: Option<Duration>) -> Result<Structure, StoreError> {
    if let Some(within) = within {
        let begun = Instant::now();
        conn.progress_handler(STEPS, Some(move || begun.elapsed() >= within))?;
    }
    let checked = snapshots::check_pages(conn, snapshots::Depth::Quick);
    conn.progress_handler(0, None::<fn() -> bool>)?;
    match checked {
        // Within the check, being stopped is a finding too.
        Ok(Some(Fault::Structure(said))) if said == "interrupted" => Ok(Structure::Unfinished),
        Ok(Some(Fault::Structure(said))) => Ok(Structure::Damaged(said)),
        Ok(Some(Fault::Index(_) | Fault::Row(_) | Fault::Answer(_)) | None) => Ok(Structure::Whole),
        Err(StoreError::Sqlite(err)) if err.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Ok(Structure::Unfinished)
        }
        Err(err) => Err(err),
    }
}

/// Answers of the tail, where a bad write would be, that do not fit their hashes or cannot be read.
///
/// # Errors
/// A tail that cannot be read.
pub fn find_bad_answers(conn: &Connection) -> Result<Vec<i64>, StoreError> {
    attempts::find_damaged(conn, TAIL)
}

/// Whether a failing disk could not give what lies in the file, rather than failed at making, locking or writing one.
pub fn is_unreadable(err: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    let codes = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_CORRUPTFS,
        ffi::SQLITE_IOERR_DATA,
    ];
    err.sqlite_error().is_some_and(|inner| codes.contains(&inner.extended_code))
}

/// Whether the schema of the file is one that this hub can judge.
pub fn is_of_known_schema(conn: &Connection) -> Result<bool, StoreError> {
    let schema: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((1..=migrations::CURRENT).contains(&schema))
}

/// Whether there is nothing in a file yet, not even another program's.
pub fn is_empty(path: &Path) -> Result<bool, StoreError> {
    super::is_new_file(&open_connection(path, true)?)
}

/// Whether a hub works with this database now.
pub fn is_in_use(path: &Path) -> bool {
    let Ok(lock) = std::fs::File::open(path.with_extension("lock")) else { return false };
    // The lock that was taken here ends with the file.
    matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

/// What SQLite's failure with this extended code is to the hub.
#[cfg(test)]
pub fn failure(code: i32) -> StoreError {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None).into()
}
