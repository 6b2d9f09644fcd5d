//! Who did what to whose data, in a chain of hashes: a row that is changed or taken out breaks it.

pub mod deeds;

use dreamseed_wire::ids::UserId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx};

/// One deed. `detail` holds ids and numbers, never names or answers, since the chain keeps it for good; what people type goes
/// beside the chain, by [`add_with_reason`].
pub struct AuditEntry<'a> {
    pub at: Timestamp,
    pub actor: Option<UserId>,
    /// The address it came from, or `console`; of the request that writes it if absent.
    pub origin: Option<&'a str>,
    /// Verb and noun, such as `add user`; one of [`deeds::DEEDS`].
    pub action: &'a str,
    /// Whose data.
    pub subject: Option<UserId>,
    pub detail: &'a str,
}

impl<'a> AuditEntry<'a> {
    /// What a signed-in person did through the interface; `detail` names the thing by its id.
    pub fn by(actor: UserId, action: &'a str, detail: &'a str, at: Timestamp) -> Self {
        AuditEntry { at, actor: Some(actor), origin: None, action, subject: None, detail }
    }

    /// Names whose data it was about.
    pub fn about(self, subject: UserId) -> Self {
        AuditEntry { subject: Some(subject), ..self }
    }
}

/// A row as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Option<UserId>,
    pub origin: String,
    pub action: String,
    pub subject: Option<UserId>,
    pub detail: String,
    /// As it was typed; nothing once an erasure has cleared it.
    pub reason: Option<String>,
}

/// Which rows; each absent wish lets all through.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<UserId>,
    pub subject: Option<UserId>,
    pub action: Option<String>,
}

/// A row up to which the chain fits, with its hash; zero and zeros before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub seq: i64,
    pub hash: [u8; 32],
}

/// What a look along the chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// It fits up to here, and here are the rows to look at next time.
    Fits(Link),
    /// The first row that does not fit, or that is missing.
    BrokenAt(i64),
}

/// Appends a row to the chain.
pub fn add(tx: &WriteTx<'_>, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
    append(tx, entry).map(drop)
}

/// Appends a row to the chain, and beside it why somebody did it, in their own words. These are not in the chain: they may
/// name a pupil, and go when the pupil is erased.
pub fn add_with_reason(tx: &WriteTx<'_>, entry: &AuditEntry<'_>, reason: &str) -> Result<(), StoreError> {
    let seq = append(tx, entry)?;
    tx.conn().prepare_cached(include_str!("add_reason.sql"))?.execute(params![seq, reason])?;
    Ok(())
}

/// Clears the reasons for what was done with a pupil's data, and every other one that names the pupil.
pub fn forget_reasons<'n>(
    tx: &WriteTx<'_>,
    pupil: UserId,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("forget_reasons.sql"))?.execute([pupil])?;
    for name in names.into_iter().filter(|name| !name.trim().is_empty()) {
        tx.conn().prepare_cached(include_str!("forget_reasons_naming.sql"))?.execute([name])?;
    }
    Ok(())
}

fn append(tx: &WriteTx<'_>, entry: &AuditEntry<'_>) -> Result<i64, StoreError> {
    debug_assert!(deeds::in_korean(entry.action).is_some(), "`{}` is not on the list of deeds", entry.action);
    let last = tx
        .conn()
        .prepare_cached(include_str!("last.sql"))?
        .query_row([], |row| Ok(Link { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()?;
    let last = last.map_or_else(|| anchor(tx.conn()), Ok)?;
    let seq = last.seq + 1;
    let origin = entry.origin.map_or_else(|| origin_of(tx), str::to_owned);
    let hash = hash_row(&last.hash, seq, &origin, entry);
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        seq,
        entry.at.as_millisecond(),
        entry.actor,
        origin,
        entry.action,
        entry.subject,
        entry.detail,
        last.hash,
        hash
    ])?;
    Ok(seq)
}

/// Rows before a number, newest first.
pub fn page(
    conn: &Connection,
    filter: &AuditFilter,
    before: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("page.sql"))?;
    let rows =
        query.query_map(params![before, filter.actor, filter.subject, filter.action, limit], read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rows after a number up to another one, oldest first.
pub fn after(conn: &Connection, seq: i64, to: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("after.sql"))?;
    let rows = query.query_map(params![seq, to, limit], read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The number of the newest row; 0 if there never was one.
pub fn last_seq(conn: &Connection) -> Result<i64, StoreError> {
    let found = conn.prepare_cached(include_str!("last.sql"))?.query_row([], |row| row.get(0)).optional()?;
    found.map_or_else(|| Ok(anchor(conn)?.seq), Ok)
}

/// Hash of the newest row; that of the anchor if there is none.
pub fn head(conn: &Connection) -> Result<[u8; 32], StoreError> {
    let found = conn.prepare_cached(include_str!("last.sql"))?.query_row([], |row| row.get(1)).optional()?;
    found.map_or_else(|| Ok(anchor(conn)?.hash), Ok)
}

/// Where the chain begins: after the last row that has been removed for its age, if any has.
pub fn anchor(conn: &Connection) -> Result<Link, StoreError> {
    let found = conn
        .prepare_cached(include_str!("anchor.sql"))?
        .query_row([], |row| Ok(Link { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()?;
    Ok(found.unwrap_or(Link { seq: 0, hash: [0; 32] }))
}

/// Looks at up to `limit` rows after a link that fitted when it was looked at.
pub fn follow(conn: &Connection, from: Link, limit: u32) -> Result<Chain, StoreError> {
    let anchor = anchor(conn)?;
    // What was looked at may have been removed for its age since.
    let mut link = if from.seq < anchor.seq { anchor } else { from };
    if link.seq > anchor.seq {
        let hash: Option<[u8; 32]> = conn
            .prepare_cached(include_str!("hash_of.sql"))?
            .query_row([link.seq], |row| row.get(0))
            .optional()?;
        if hash != Some(link.hash) {
            return Ok(Chain::BrokenAt(link.seq));
        }
    }
    let mut query = conn.prepare_cached(include_str!("stretch.sql"))?;
    let mut rows = query.query(params![link.seq, limit])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let (origin, action, detail): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(6)?);
        let entry = AuditEntry {
            at: super::to_time(row.get(1)?),
            actor: row.get(2)?,
            origin: None,
            action: &action,
            subject: row.get(5)?,
            detail: &detail,
        };
        let (prev_hash, hash): (Vec<u8>, Vec<u8>) = (row.get(7)?, row.get(8)?);
        let computed = hash_row(&link.hash, seq, &origin, &entry);
        if seq != link.seq + 1 || prev_hash != link.hash || hash != computed {
            // A row that was taken out shows at the one that follows it.
            return Ok(Chain::BrokenAt(seq));
        }
        link = Link { seq, hash: computed };
    }
    Ok(Chain::Fits(link))
}

/// The first row of the whole chain that does not fit, if one does not.
pub fn find_break(conn: &Connection) -> Result<Option<i64>, StoreError> {
    match follow(conn, anchor(conn)?, u32::MAX)? {
        Chain::Fits(_) => Ok(None),
        Chain::BrokenAt(seq) => Ok(Some(seq)),
    }
}

/// Whether something has been done at all.
#[cfg(test)]
pub fn has_action(conn: &Connection, action: &str) -> Result<bool, StoreError> {
    Ok(conn.query_row(include_str!("has_action.sql"), [action], |row| row.get(0))?)
}

/// The address of the request that writes; the hub's own work otherwise.
fn origin_of(tx: &WriteTx<'_>) -> String {
    tx.peer().map_or_else(|| "hub".to_owned(), |peer| peer.to_string())
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get(0)?,
        at: super::to_time(row.get(1)?),
        actor: row.get(2)?,
        origin: row.get(3)?,
        action: row.get(4)?,
        subject: row.get(5)?,
        detail: row.get(6)?,
        reason: row.get(7)?,
    })
}

fn hash_row(prev_hash: &[u8], seq: i64, origin: &str, entry: &AuditEntry<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(prev_hash);
    field(&seq.to_le_bytes());
    field(&entry.at.as_millisecond().to_le_bytes());
    field(entry.actor.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(origin.as_bytes());
    field(entry.action.as_bytes());
    field(entry.subject.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(entry.detail.as_bytes());
    *hasher.finalize().as_bytes()
}
