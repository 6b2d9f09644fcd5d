//! Copies of the whole database, for backups: made beside a working hub, and checked to the last row.

use std::{collections::BTreeMap, path::Path};

use dreamseed_wire::ids::{EpochId, HubId};
use rusqlite::{Connection, OptionalExtension, types::ValueRef};

use super::{StoreError, attempts, audit, hub_meta, inspection::open_for_reading, school};

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub hub_id: HubId,
    pub school: String,
    pub epoch: i64,
    pub epoch_id: EpochId,
    pub max_hub_seq: i64,
    pub schema: u32,
    /// Hash of the newest row of the audit log; zeros if there never was one.
    pub audit_head: [u8; 32],
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// BLAKE3 over the row hashes of all answers in the order of record.
    pub rows_digest: [u8; 32],
}

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The structure of the file, as SQLite says it: what it holds cannot be relied on.
    Structure(String),
    /// An index that does not fit its table, as SQLite says it; it can be made anew.
    Index(String),
    /// A row that cannot be read as it was written, or points to nothing.
    Row(String),
    /// This answer does not fit its hash.
    Answer(i64),
}

/// Copies a database into the new file `into`, defragmented, beside a hub that works with it: holds one read transaction for
/// as long as it takes, and little memory. The copy is not forced to the disk: the commits of a lesson would wait for it.
///
/// # Errors
/// A disk that is full or fails; a file that is there already; a database that is damaged.
pub fn copy(database: &Path, into: &Path) -> Result<(), StoreError> {
    let conn = open_for_reading(database)?;
    conn.pragma_update(None, "temp_store", "FILE")?;
    // Reading is in order and each page is needed once.
    conn.pragma_update(None, "cache_size", -1024)?;
    // The copy is not forced to the disk, as whoever asks for it says.
    conn.pragma_update(None, "synchronous", "OFF")?;
    let into = into.to_str().ok_or(StoreError::BadValue { what: "path of the copy" })?;
    conn.execute(include_str!("copy.sql"), [into])?;
    Ok(())
}

/// Opens a copy, for reading only.
///
/// # Errors
/// No such file, or another program's.
pub fn open(copy: &Path) -> Result<Connection, StoreError> {
    let conn = open_for_reading(copy)?;
    conn.pragma_update(None, "temp_store", "FILE")?;
    Ok(conn)
}

/// Looks at everything that can be wrong in itself: pages, indexes, references, and the hash of each answer.
///
/// # Errors
/// A file that cannot be read at all.
pub fn find_fault(conn: &Connection) -> Result<Option<Fault>, StoreError> {
    if let Some(fault) = check_pages(conn, Depth::Whole)? {
        return Ok(Some(fault));
    }
    let dangling: Option<String> =
        conn.query_row(include_str!("find_dangling.sql"), [], |row| row.get(0)).optional()?;
    if let Some(table) = dangling {
        return Ok(Some(Fault::Row(format!("a row of {table} points to one that is not there"))));
    }
    if let Some((what, _)) = school::find_unreadable(conn)?.first() {
        return Ok(Some(Fault::Row(format!("{what} that cannot be read"))));
    }
    if let Some(table) = find_text_that_is_none(conn)? {
        return Ok(Some(Fault::Row(format!("a text in {table} that is none"))));
    }
    // Newest first, row by row: nothing is gathered but what does not fit.
    Ok(attempts::find_damaged(conn, u32::MAX)?.first().copied().map(Fault::Answer))
}

/// How much SQLite checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Pages and the kinds of values.
    Quick,
    /// Also whether indexes say what their tables do.
    Whole,
}

/// SQLite's check: the worst kind of what it finds.
pub(super) fn check_pages(conn: &Connection, depth: Depth) -> Result<Option<Fault>, StoreError> {
    let mut query = conn.prepare(match depth {
        Depth::Quick => include_str!("quick_check.sql"),
        Depth::Whole => include_str!("check.sql"),
    })?;
    let mut rows = query.query([])?;
    let (mut of_index, mut of_row) = (None, None);
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said == "ok" {
            return Ok(None);
        }
        if is_of_index(&said) {
            of_index.get_or_insert(said);
        } else if is_of_row(&said) {
            of_row.get_or_insert(said);
        } else {
            return Ok(Some(Fault::Structure(said)));
        }
    }
    Ok(of_index.map(Fault::Index).or(of_row.map(Fault::Row)))
}

/// Whether a message of SQLite's `integrity_check` says that an index does not say what its table does.
fn is_of_index(said: &str) -> bool {
    let is_of_entry = said.contains(" missing from index ") || said.contains(" values differ from index ");
    (said.starts_with("row ") && is_of_entry)
        || [
            "wrong # of entries in index ",
            "non-unique entry in index ",
            "rowid not at end-of-record for row ",
        ]
        .iter()
        .any(|start| said.starts_with(start))
}

/// Whether it says that a value is not of its column's kind.
pub(super) fn is_of_row(said: &str) -> bool {
    ["NULL value in ", "non-", "NUMERIC value in ", "TEXT value in ", "CHECK constraint failed in "]
        .iter()
        .any(|start| said.starts_with(start))
        && !said.starts_with("non-unique")
}

/// Makes all indexes of a copy anew from its tables.
///
/// # Errors
/// A file that cannot be written, or rows that cannot both be there.
pub fn remake_indexes(copy: &Path) -> Result<(), StoreError> {
    Ok(open_for_trying(copy)?.execute_batch(include_str!("reindex.sql"))?)
}

/// What a database holds, to be compared with what a manifest says.
///
/// # Errors
/// A file that cannot be read.
pub fn facts(conn: &Connection) -> Result<Facts, StoreError> {
    let (hub_id, school, epoch, epoch_id) = identity(conn)?;
    Ok(Facts {
        hub_id,
        school,
        epoch,
        epoch_id,
        max_hub_seq: hub_meta::last_seq(conn)?,
        schema: conn.pragma_query_value(None, "user_version", |row| row.get(0))?,
        audit_head: audit::head(conn)?,
        tables: count_rows(conn)?,
        rows_digest: digest_answers(conn)?,
    })
}

/// Whose database this is: the hub, its school, and the epoch's number and id.
pub fn identity(conn: &Connection) -> Result<(HubId, String, i64, EpochId), StoreError> {
    Ok(conn.query_row(include_str!("identity.sql"), [], |row| {
        // The name is for people to read; bits that flipped in it are for the check to tell.
        let school = row.get_ref(1)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        Ok((row.get(0)?, school, row.get(2)?, row.get(3)?))
    })?)
}

/// Opens a copy that is nobody's, to try on.
///
/// # Errors
/// No such file.
pub fn open_for_trying(copy: &Path) -> Result<Connection, StoreError> {
    let conn = super::open_connection(copy, false)?;
    conn.pragma_update(None, "journal_mode", "MEMORY")?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    Ok(conn)
}

/// The epochs that led to the current one, itself first.
pub fn lineage(conn: &Connection) -> Result<Vec<EpochId>, StoreError> {
    let mut query = conn.prepare(include_str!("lineage.sql"))?;
    let ids = query.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// The first table with a text whose bytes are none: SQLite's check does not look at what texts hold. Answers have their
/// hashes.
fn find_text_that_is_none(conn: &Connection) -> Result<Option<String>, StoreError> {
    for name in table_names(conn)?.into_iter().filter(|name| name != "attempts") {
        // A name cannot be a parameter; these are the schema's own.
        let mut query = conn.prepare(&format!("SELECT * FROM {}", quote(&name)))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                let ValueRef::Text(bytes) = row.get_ref(column)? else { continue };
                if std::str::from_utf8(bytes).is_err() {
                    return Ok(Some(name));
                }
            }
        }
    }
    Ok(None)
}

pub(super) fn table_names(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare(include_str!("tables.sql"))?;
    let names = query.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn count_rows(conn: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for name in table_names(conn)? {
        let count: i64 =
            conn.query_row(&format!("SELECT count(*) FROM {}", quote(&name)), [], |row| row.get(0))?;
        counts.insert(name, count.unsigned_abs());
    }
    Ok(counts)
}

fn digest_answers(conn: &Connection) -> Result<[u8; 32], StoreError> {
    let mut query = conn.prepare(include_str!("row_hashes.sql"))?;
    let mut rows = query.query([])?;
    let mut hasher = blake3::Hasher::new();
    while let Some(row) = rows.next()? {
        hasher.update(row.get_ref(0)?.as_blob().map_err(|_| StoreError::BadValue { what: "row hash" })?);
    }
    Ok(*hasher.finalize().as_bytes())
}
