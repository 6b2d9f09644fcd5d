//! The one database: a writer thread that groups commits, and a few readers.
//!
//! `store.write(|tx| ..)` runs on the writer thread inside a savepoint of the running group; its reply is sent only
//! after the group is durable (WAL, `synchronous=FULL`). `store.read(|conn| ..)` runs on a read-only connection.
//! Only this folder names rusqlite; each query stands in a `.sql` file beside the function that runs it.

pub mod answer_counts;
pub mod api_keys;
pub mod attempts;
pub mod audit;
pub mod backup_targets;
pub mod cache_rebuilds;
pub mod class_groups;
pub mod consents;
pub mod devices;
pub mod erasures;
pub mod feedback;
pub mod grades;
pub mod hub_meta;
pub mod inspection;
pub mod late_answers;
pub mod ledgers;
pub mod lessons;
pub mod masteries;
pub mod mending;
pub mod migrations;
pub mod notices;
pub mod parent_codes;
pub mod problems;
pub mod pupil_file;
pub mod pupil_notes;
pub mod refresh_tokens;
pub mod regrades;
pub mod releases;
pub mod reports;
pub mod retention;
pub mod roster_changes;
pub mod rosters;
pub mod school;
pub mod sessions;
pub mod sign_in_cards;
pub mod sittings;
pub mod skill_days;
pub mod snapshots;
pub mod standings;
pub mod users;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, watch};

use self::hub_meta::{Begun, NewEpoch, Record};
use crate::{auth::keys::KeyError, high_mark, receipts::Receipts};

pub use rusqlite::Connection as ReadConn;
pub use writer::{Committed, WriteTx};

/// `DSSE`: tells other programs whose file this is.
const APPLICATION_ID: i32 = 0x4453_5345;
/// Readers beside the writer: the teacher's plot must not wait for a pupil's list.
const READERS: usize = 4;

/// How long a connection waits for another one's lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// The same while the log is emptied, which holds the writer.
const FOLD_WAIT: Duration = Duration::from_millis(40);

/// What can go wrong with the database, by what the hub must do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is written by a newer version of the hub (schema {found}, this hub knows {known})")]
    Newer { found: u32, known: u32 },
    #[error("the file is not a DreamSeed database")]
    Foreign,
    /// Two writers would number two answers alike.
    #[error("another hub works with this data folder")]
    InUse,
    #[error("the disk is full")]
    DiskFull,
    #[error("the disk cannot be written")]
    ReadOnly(#[source] rusqlite::Error),
    #[error("the database is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// The system could not read or write: after that nobody knows what is on the disk.
    #[error("the disk fails")]
    DiskFails(#[source] rusqlite::Error),
    #[error("the writer has ended")]
    Closed,
    #[error("too many writes are waiting")]
    Busy,
    /// A uniqueness rule of the schema was broken, such as a number taken twice.
    #[error("already taken")]
    Taken(#[source] rusqlite::Error),
    #[error("a stored value cannot be read: {what}")]
    BadValue { what: &'static str },
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
    #[error("the folder of the database cannot be used")]
    Io(#[from] std::io::Error),
    #[error("a key of the record cannot be used")]
    Key(#[from] KeyError),
}

impl StoreError {
    /// Whether the writer must not acknowledge anything after it. A full disk is none: what could not be written was not
    /// kept, and everybody was told.
    pub fn is_fatal(&self) -> bool {
        match self {
            StoreError::Damaged(_) | StoreError::DiskFails(_) | StoreError::Foreign => true,
            StoreError::Newer { .. }
            | StoreError::InUse
            | StoreError::DiskFull
            | StoreError::ReadOnly(_)
            | StoreError::Closed
            | StoreError::Busy
            | StoreError::Taken(_)
            | StoreError::BadValue { .. }
            | StoreError::Sqlite(_)
            | StoreError::Io(_)
            | StoreError::Key(_) => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(err: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let Some(code) = err.sqlite_error().map(|inner| (inner.code, inner.extended_code)) else {
            return StoreError::Sqlite(err);
        };
        match code {
            (ErrorCode::DiskFull, _) => StoreError::DiskFull,
            (ErrorCode::ReadOnly | ErrorCode::CannotOpen, _) => StoreError::ReadOnly(err),
            (ErrorCode::DatabaseCorrupt, _) => StoreError::Damaged(err),
            (ErrorCode::NotADatabase, _) => StoreError::Foreign,
            // SQLite calls a lack of memory by the same name.
            (ErrorCode::SystemIoFailure, rusqlite::ffi::SQLITE_IOERR_NOMEM) => StoreError::Sqlite(err),
            (ErrorCode::SystemIoFailure, _) => StoreError::DiskFails(err),
            (_, rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                StoreError::Taken(err)
            }
            _ => StoreError::Sqlite(err),
        }
    }
}

/// The database of the hub.
#[derive(Clone)]
pub struct Store {
    writer: writer::Writer,
    readers: Arc<Readers>,
    receipts: Receipts,
}

struct Readers {
    free: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Store {
    /// Opens (or makes) the database and brings its schema up to date.
    ///
    /// `first` fills the hub's own row if there is none. `committed` is called on the writer thread after each group of writes is durable, in the order of record.
    ///
    /// # Errors
    /// A database of a newer hub, of another program, damaged, or on a disk that cannot be written.
    pub fn open(
        path: &Path,
        first: &hub_meta::FirstStart,
        committed: impl Fn(Vec<Committed>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        Self::open_beside(path, first, &[], committed)
    }

    /// The same, with further folders in which a high mark may lie.
    pub fn open_beside(
        path: &Path,
        first: &hub_meta::FirstStart,
        marks: &[PathBuf],
        committed: impl Fn(Vec<Committed>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let lock = lock_folder(path)?;
        let mut conn = open_connection(path, false)?;
        migrations::run(&mut conn)?;
        cache_rebuilds::run(&conn)?;
        hub_meta::ensure(&conn, first)?;
        let folder = path.parent().unwrap_or(path);
        let hub_id = hub_meta::hub_id(&conn)?;
        let receipts = Receipts::open(folder, hub_id, hub_meta::last_seq(&conn)? > 0)?;
        let marks = high_mark::find_all(folder, marks, hub_id);
        let record = hub_meta::continue_record(&conn, folder, &receipts, &marks, first.now)?;
        let writer = writer::Writer::start(conn, lock, (record, receipts.clone()), committed)?;
        let readers = (0..READERS).map(|_| open_connection(path, true)).collect::<Result<Vec<_>, _>>()?;
        Ok(Store {
            writer,
            readers: Arc::new(Readers { free: Mutex::new(readers), permits: Semaphore::new(READERS) }),
            receipts,
        })
    }

    /// The epochs of the record, and the last number that is durable.
    pub fn record(&self) -> Record {
        self.writer.record().borrow().clone()
    }

    /// The same, telling each change.
    pub fn watch_record(&self) -> watch::Receiver<Record> {
        self.writer.record()
    }

    /// Makes receipts for places of this record and knows them again.
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// Begins a further epoch between two groups of writes. None if it is about a place that was shown, and by then the
    /// record is not behind it any more: of many who show the same rollback at once, one begins the epoch.
    pub async fn begin_epoch(&self, new: NewEpoch) -> Result<Option<Begun>, StoreError> {
        self.writer.begin_epoch(new).await
    }

    /// Runs `work` in the next group of writes; returns when its effects are on the disk.
    /// An error of `work` undoes what it wrote and leaves the others of the group alone.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(work).await
    }

    /// Runs `work` on a read-only connection, off the async threads.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let _permit = readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let lent = Arc::clone(&self.readers);
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _of_request = span.entered();
            let conn = lent.free.lock().pop().ok_or(StoreError::Closed)?;
            let conn = Returned { conn: Some(conn), to: &lent };
            conn.get().map_err(E::from).and_then(work)
        });
        match done.await {
            Ok(result) => result,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Copies the log into the database and empties it, so that what was removed is not in it any more. False if a reader
    /// was in the way.
    pub async fn fold_log(&self) -> Result<bool, StoreError> {
        self.writer
            .chore(|conn| {
                conn.busy_timeout(FOLD_WAIT)?;
                let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
                conn.busy_timeout(BUSY_WAIT)?;
                Ok(busy? == 0)
            })
            .await
    }

    /// Gives up to `pages` unused pages of the file back to the disk; how many are left.
    pub async fn give_back_pages(&self, pages: u32) -> Result<u64, StoreError> {
        self.writer
            .chore(move |conn| {
                let mut vacuum = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
                // Each step gives one page back.
                let mut rows = vacuum.query([])?;
                while rows.next()?.is_some() {}
                let left: i64 = conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
                Ok(left.unsigned_abs())
            })
            .await
    }

    /// Writes the whole file anew, so that not even unused bytes of its pages hold what was removed. Needs room for the
    /// file twice and holds the writer for seconds: for a time when nobody works.
    pub async fn rewrite_file(&self) -> Result<(), StoreError> {
        self.writer
            .chore(|conn| {
                // The copy is as large as the file: not into the memory.
                conn.pragma_update(None, "temp_store", "FILE")?;
                let done = conn.execute_batch("VACUUM");
                conn.pragma_update(None, "temp_store", "MEMORY")?;
                Ok(done?)
            })
            .await?;
        self.fold_log().await.map(drop)
    }

    /// Resolves when a write has met a full disk.
    pub async fn met_full_disk(&self) {
        self.writer.met_full_disk().await;
    }

    /// Writes that wait for their turn.
    pub fn waiting_writes(&self) -> usize {
        self.writer.waiting()
    }

    /// Ends the writer after what is queued, checkpoints the log into the database and closes.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// Resolves when the writer has ended, wanted or not.
    pub async fn ended(&self) {
        self.writer.ended().await;
    }
}

/// Gives the connection back even if the reader panics.
struct Returned<'a> {
    conn: Option<Connection>,
    to: &'a Readers,
}

impl Returned<'_> {
    fn get(&self) -> Result<&Connection, StoreError> {
        self.conn.as_ref().ok_or(StoreError::Closed)
    }
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.to.free.lock().extend(self.conn.take());
    }
}

/// Unix milliseconds as a time; a damaged value becomes the epoch rather than a panic.
pub(crate) fn to_time(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// A JSON column.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::BadValue { what })
}

/// A value for a JSON column.
pub(crate) fn to_json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::BadValue { what })
}

/// A list of ids for one parameter, to be read by `SELECT unhex(value) FROM json_each(?1)`.
pub(crate) fn list_of_ids(ids: impl Iterator<Item = uuid::Uuid>) -> String {
    let mut list = String::from("[");
    for (place, id) in ids.enumerate() {
        list.push_str(if place == 0 { "\"" } else { ",\"" });
        list.push_str(id.simple().encode_lower(&mut [0; 32]));
        list.push('"');
    }
    list.push(']');
    list
}

/// A lesson as a cache's key: outside lessons the zero UUID, since a primary key of a WITHOUT ROWID table holds no NULL.
pub(crate) fn key_of(lesson: Option<dreamseed_wire::ids::LessonId>) -> dreamseed_wire::ids::LessonId {
    lesson.unwrap_or(dreamseed_wire::ids::LessonId(uuid::Uuid::nil()))
}

/// A value whose JSON is one word, such as a language, for a TEXT column with a CHECK.
pub(crate) fn to_word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A TEXT column back into its enum.
pub(crate) fn from_word<T: serde::de::DeserializeOwned>(
    word: String,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|_| StoreError::BadValue { what })
}

/// The number of the database's schema, after its log has been folded into it; runs no migration, so that it also reads
/// what a newer hub has written. For whoever decides whether a program fits the data, with no hub running.
///
/// # Errors
/// A folder in which a hub works; a file that is not a hub's or cannot be written.
pub fn fold_and_read_schema(path: &Path) -> Result<u32, StoreError> {
    let _lock = lock_folder(path)?;
    let conn = open_connection(path, false)?;
    conn.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The database file in a data folder.
pub fn database_path(data: &Path) -> PathBuf {
    data.join("hub.db")
}

/// Takes the data folder for this process until the file is dropped; the system frees it even after a kill.
pub(crate) fn lock_folder(database: &Path) -> Result<std::fs::File, StoreError> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(database.with_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(std::fs::TryLockError::Error(err)) => Err(err.into()),
    }
}

fn open_connection(path: &Path, read_only: bool) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | if read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_prepared_statement_cache_capacity(128);
    if !read_only {
        // Nothing is written, not even a pragma, before it is known whose file this is.
        let is_new = is_new_file(&conn)?;
        if is_new {
            // Before the first table; no effect later, but a write each time.
            conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(StoreError::Damaged(rusqlite::Error::InvalidQuery));
        }
        // FULL: a commit that was acknowledged survives a power cut. NORMAL would not.
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        // What is removed is overwritten, so that an erasure is one; rows are seldom removed here.
        conn.pragma_update(None, "secure_delete", "ON")?;
        if is_new {
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", if read_only { -2048 } else { -16384 })?;
    conn.pragma_update(None, "mmap_size", 0)?;
    Ok(conn)
}

/// Whether the file is empty; refuses another program's.
fn is_new_file(conn: &Connection) -> Result<bool, StoreError> {
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = conn.query_row(include_str!("count_tables.sql"), [], |row| row.get(0))?;
    match (application, tables) {
        (APPLICATION_ID, _) => Ok(false),
        (0, 0) => Ok(true),
        _ => Err(StoreError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn a_failed_disk_is_told_from_a_full_one() {
        let of = |code| StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR,
        ] {
            assert!(matches!(of(code), StoreError::DiskFails(_)) && of(code).is_fatal(), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_CORRUPT_INDEX, ffi::SQLITE_NOTADB] {
            assert!(of(code).is_fatal(), "{code}");
        }
        for code in [
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_CONSTRAINT_UNIQUE,
            ffi::SQLITE_READONLY,
        ] {
            assert!(!of(code).is_fatal(), "{code}");
        }
        assert!(matches!(of(ffi::SQLITE_FULL), StoreError::DiskFull));
    }
}
