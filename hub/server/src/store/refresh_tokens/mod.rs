//! Hashes of refresh tokens; the tokens themselves are with the clients only.

use dreamseed_wire::ids::SessionId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, to_time};

/// BLAKE3 of a token.
pub type TokenHash = [u8; 32];

/// A token that was given out at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub session_id: SessionId,
    pub used_at: Option<Timestamp>,
    pub successor: Option<TokenHash>,
    /// The successor has been used in its turn.
    pub successor_used: bool,
    pub session_ended: bool,
}

/// Looks a token up.
pub fn find(conn: &Connection, hash: &TokenHash) -> Result<Option<TokenRow>, StoreError> {
    Ok(conn
        .prepare_cached(include_str!("find.sql"))?
        .query_row([hash.as_slice()], |row| {
            let used_at: Option<i64> = row.get(1)?;
            Ok(TokenRow {
                session_id: row.get(0)?,
                used_at: used_at.map(to_time),
                successor: row.get(2)?,
                successor_used: row.get(3)?,
                session_ended: row.get(4)?,
            })
        })
        .optional()?)
}

/// Keeps a new token of a session.
pub fn add(tx: &WriteTx<'_>, hash: &TokenHash, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        hash.as_slice(),
        session,
        now.as_millisecond()
    ])?;
    Ok(())
}

/// Marks a token as used, with what followed it.
pub fn mark_used(
    tx: &WriteTx<'_>,
    hash: &TokenHash,
    now: Timestamp,
    successor: &TokenHash,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("mark_used.sql"))?.execute(params![
        hash.as_slice(),
        now.as_millisecond(),
        successor.as_slice()
    ])?;
    Ok(())
}
