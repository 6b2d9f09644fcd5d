//! Keys of programs; the table holds their hashes, never the keys.

use dreamseed_wire::ids::{ApiKeyId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx, school::faults::Faults, to_time};

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub name: String,
    /// BLAKE3 of the key.
    pub hash: [u8; 32],
    /// Requests a minute, 1 to 10,000.
    pub per_minute: u32,
    pub made_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// Keeps a new key.
pub fn add(tx: &WriteTx<'_>, key: &ApiKeyRow) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        key.id,
        key.name,
        key.hash,
        key.per_minute,
        key.made_by,
        key.created_at.as_millisecond(),
        key.expires_at.map(Timestamp::as_millisecond)
    ])?;
    Ok(())
}

/// All keys, newest first, revoked ones too.
pub fn list(conn: &Connection) -> Result<Vec<ApiKeyRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    Faults::list("API keys", query.query([])?, |faults, row| {
        let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(to_time));
        Ok(ApiKeyRow {
            id: row.get(0)?,
            name: faults.text(row, 1, "names of API keys")?,
            hash: row.get(2)?,
            per_minute: row.get(3)?,
            made_by: row.get(4)?,
            created_at: to_time(row.get(5)?),
            expires_at: time(6)?,
            last_used_at: time(7)?,
            revoked_at: time(8)?,
        })
    })
}

/// Ends a key; false if there is none or it has ended before.
pub fn revoke(tx: &WriteTx<'_>, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
    let changed =
        tx.conn().prepare_cached(include_str!("revoke.sql"))?.execute(params![id, now.as_millisecond()])?;
    Ok(changed > 0)
}

/// Keeps when a key was used.
pub fn see(tx: &WriteTx<'_>, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("see.sql"))?.execute(params![id, at.as_millisecond()])?;
    Ok(())
}
