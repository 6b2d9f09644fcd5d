//! Who did what to whose data, in a chain of hashes: a row that is changed or taken out breaks it.

use dreamseed_wire::ids::UserId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx};

/// One deed. `detail` holds ids and numbers, never names or answers.
pub struct AuditEntry<'a> {
    pub at: Timestamp,
    pub actor: Option<UserId>,
    /// The address it came from, or `console`.
    pub origin: &'a str,
    /// Verb and noun, such as `add user`.
    pub action: &'a str,
    /// Whose data.
    pub subject: Option<UserId>,
    pub detail: &'a str,
}

impl<'a> AuditEntry<'a> {
    /// What a signed-in person did through the interface; `detail` names the thing by its id.
    pub fn by(actor: UserId, action: &'a str, detail: &'a str, at: Timestamp) -> Self {
        AuditEntry { at, actor: Some(actor), origin: "api", action, subject: None, detail }
    }
}

/// Appends a row to the chain.
pub fn add(tx: &WriteTx<'_>, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> = tx
        .conn()
        .prepare_cached(include_str!("last.sql"))?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, prev_hash) = last.map_or((1, vec![0; 32]), |(seq, hash)| (seq + 1, hash));
    let hash = hash_row(&prev_hash, seq, entry);
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        seq,
        entry.at.as_millisecond(),
        entry.actor,
        entry.origin,
        entry.action,
        entry.subject,
        entry.detail,
        prev_hash,
        hash.as_slice()
    ])?;
    Ok(())
}

/// The first row that does not fit the chain, if one does not.
pub fn find_break(conn: &Connection) -> Result<Option<i64>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("all.sql"))?;
    let mut rows = query.query([])?;
    let (mut expected_seq, mut expected_prev) = (1_i64, vec![0_u8; 32]);
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let (origin, action, detail): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(6)?);
        let entry = AuditEntry {
            at: super::to_time(row.get(1)?),
            actor: row.get(2)?,
            origin: &origin,
            action: &action,
            subject: row.get(5)?,
            detail: &detail,
        };
        let (prev_hash, hash): (Vec<u8>, Vec<u8>) = (row.get(7)?, row.get(8)?);
        let fits =
            seq == expected_seq && prev_hash == expected_prev && hash == hash_row(&prev_hash, seq, &entry);
        if !fits {
            return Ok(Some(seq));
        }
        expected_seq += 1;
        expected_prev = hash;
    }
    Ok(None)
}

/// Whether something has been done at all.
#[cfg(test)]
pub fn has_action(conn: &Connection, action: &str) -> Result<bool, StoreError> {
    Ok(conn.query_row(include_str!("has_action.sql"), [action], |row| row.get(0))?)
}

fn hash_row(prev_hash: &[u8], seq: i64, entry: &AuditEntry<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(prev_hash);
    field(&seq.to_le_bytes());
    field(&entry.at.as_millisecond().to_le_bytes());
    field(entry.actor.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(entry.origin.as_bytes());
    field(entry.action.as_bytes());
    field(entry.subject.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(entry.detail.as_bytes());
    *hasher.finalize().as_bytes()
}
