//! Messages of the hub to its admin; one of each code is open at a time.

use dreamseed_wire::{hub::NoticeCode, ids::NoticeId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx, from_json, from_word, to_json, to_time, to_word};

/// A notice as stored; the sentence is made when it is read, in the reader's language.
#[derive(Debug)]
pub struct StoredNotice {
    pub id: NoticeId,
    pub code: NoticeCode,
    pub data: serde_json::Value,
    pub created_at: Timestamp,
}

/// Raises a notice unless one of its code is open; `data` holds no names.
pub fn raise(
    tx: &WriteTx<'_>,
    code: NoticeCode,
    data: &serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("raise.sql"))?.execute(params![
        NoticeId::new(),
        to_word(&code),
        to_json(data, "notice")?,
        now.as_millisecond()
    ])?;
    Ok(())
}

/// Raises a notice as [`raise`] does, unless the same was told before, with the same data, even if it was dismissed.
pub fn raise_once(
    tx: &WriteTx<'_>,
    code: NoticeCode,
    data: &serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("raise_once.sql"))?.execute(params![
        NoticeId::new(),
        to_word(&code),
        to_json(data, "notice")?,
        now.as_millisecond()
    ])?;
    Ok(())
}

/// The open notices, newest first.
pub fn open(conn: &Connection) -> Result<Vec<StoredNotice>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("open.sql"))?;
    let mut rows = query.query([])?;
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        let data: String = row.get(2)?;
        notices.push(StoredNotice {
            id: row.get(0)?,
            code: from_word(row.get(1)?, "notice code")?,
            data: from_json(&data, "notice")?,
            created_at: to_time(row.get(3)?),
        });
    }
    Ok(notices)
}

/// Takes a notice off the list whose cause is gone.
pub fn withdraw(tx: &WriteTx<'_>, code: NoticeCode, now: Timestamp) -> Result<(), StoreError> {
    let row = params![to_word(&code), now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("withdraw.sql"))?.execute(row)?;
    Ok(())
}

/// Takes a notice off the list; false if there is none.
pub fn dismiss(tx: &WriteTx<'_>, id: NoticeId, now: Timestamp) -> Result<bool, StoreError> {
    let changed =
        tx.conn().prepare_cached(include_str!("dismiss.sql"))?.execute(params![id, now.as_millisecond()])?;
    Ok(changed > 0)
}
