//! The database looked at from outside, without changing it: for the doctor, beside a running hub or without one.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{APPLICATION_ID, StoreError, attempts, audit, hub_meta, migrations, open_connection, users};

/// Answers whose hashes are looked at: the tail, where a bad write would be.
const TAIL: u32 = 2_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The schema of the file.
    pub schema: u32,
    /// What SQLite's own check says first, if the file is damaged.
    pub damage: Option<String>,
    /// The first answer of the tail that does not fit its hash.
    pub bad_answer: Option<i64>,
    /// The first row of the audit log that does not fit its chain.
    pub audit_broken_at: Option<i64>,
    /// Whether anybody has an account.
    pub has_users: bool,
    /// The latest time that the hub has seen.
    pub last_seen: Timestamp,
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

/// Looks at everything that can be wrong with a database. Takes about a second for each 500 MB.
///
/// # Errors
/// [`StoreError::Newer`] for the schema of a newer hub, which this one cannot judge.
pub fn inspect(conn: &Connection) -> Result<Inspection, StoreError> {
    let schema: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema > migrations::CURRENT {
        return Err(StoreError::Newer { found: schema, known: migrations::CURRENT });
    }
    let said: String = conn.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    Ok(Inspection {
        schema,
        damage: (said != "ok").then_some(said),
        bad_answer: attempts::find_damaged(conn, TAIL)?.first().copied(),
        audit_broken_at: audit::find_break(conn)?,
        has_users: users::has_any(conn)?,
        last_seen: hub_meta::last_seen(conn)?,
    })
}

/// Whether a hub works with this database now.
pub fn is_in_use(path: &Path) -> bool {
    let Ok(lock) = std::fs::File::open(path.with_extension("lock")) else { return false };
    // The lock that was taken here ends with the file.
    matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}
