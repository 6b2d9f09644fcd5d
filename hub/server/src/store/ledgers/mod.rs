//! What the ledgers beside the database are compared with: security deeds, consents, and what came back from the files.

use dreamseed_wire::{
    backup::LostChangeKind,
    ids::{ConsentId, DeviceId, UserId},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Committed, StoreError, WriteTx, from_json, from_word, school::faults::Faults, to_json, to_time, to_word,
};
use crate::ledgers::SecurityEntry;

/// A consent as the ledger keeps it: a line when it is given, another one with the time when it is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEntry {
    pub id: ConsentId,
    pub pupil_id: UserId,
    pub guardian_id: Option<UserId>,
    pub scope: String,
    pub method: String,
    pub text_version: String,
    pub given_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

/// A change that a restored state did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub kind: LostChangeKind,
    /// A person or a device.
    pub subject: Uuid,
    pub at: Timestamp,
    /// The device's, if it is one that is known.
    pub device_name: Option<String>,
}

/// Keeps a security deed, to be written into the file beside the database as soon as it is durable.
pub fn add(tx: &WriteTx<'_>, entry: &SecurityEntry) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        entry.id.as_bytes().as_slice(),
        entry.at.as_millisecond(),
        to_json(entry, "entry of the security ledger")?
    ])?;
    tx.publish(Committed::Ledger);
    Ok(())
}

/// Whether a deed with a device is known.
pub fn has_device_deed(
    conn: &Connection,
    device: DeviceId,
    kind: LostChangeKind,
) -> Result<bool, StoreError> {
    let named = params![to_word(&kind), device.to_string()];
    Ok(conn.prepare_cached(include_str!("has_device_deed.sql"))?.query_row(named, |row| row.get(0))?)
}

/// All security deeds, oldest first.
pub fn list(conn: &Connection) -> Result<Vec<SecurityEntry>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    Faults::list("entries of the security ledger", query.query([])?, |_, row| {
        from_json(&row.get::<_, String>(0)?, "entry of the security ledger")
    })
}

/// All consents, oldest first.
pub fn consents(conn: &Connection) -> Result<Vec<ConsentEntry>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("consents.sql"))?;
    Faults::list("consents", query.query([])?, |_, row| {
        Ok(ConsentEntry {
            id: row.get(0)?,
            pupil_id: row.get(1)?,
            guardian_id: row.get(2)?,
            scope: row.get(3)?,
            method: row.get(4)?,
            text_version: row.get(5)?,
            given_at: to_time(row.get(6)?),
            withdrawn_at: row.get::<_, Option<i64>>(7)?.map(to_time),
        })
    })
}

/// Puts a consent back, or its withdrawal; a withdrawal that is known stays.
pub fn put_consent(tx: &WriteTx<'_>, entry: &ConsentEntry) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("put_consent.sql"))?.execute(params![
        entry.id,
        entry.pupil_id,
        entry.guardian_id,
        entry.scope,
        entry.method,
        entry.text_version,
        entry.given_at.as_millisecond(),
        entry.withdrawn_at.map(Timestamp::as_millisecond)
    ])?;
    Ok(())
}

/// Notes that the restored state did not hold a change.
pub fn add_return(
    tx: &WriteTx<'_>,
    id: Uuid,
    kind: LostChangeKind,
    subject: Uuid,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add_return.sql"))?.execute(params![
        id.as_bytes().as_slice(),
        to_word(&kind),
        at.as_millisecond(),
        subject.as_bytes().as_slice(),
        tx.epoch()
    ])?;
    Ok(())
}

/// What came back since an epoch began, newest first.
pub fn returns(conn: &Connection, since_epoch: i64, limit: u32) -> Result<Vec<Returned>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("returns.sql"))?;
    let mut rows = query.query(params![since_epoch, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let subject: Vec<u8> = row.get(1)?;
        found.push(Returned {
            kind: from_word(row.get(0)?, "kind of a change")?,
            subject: Uuid::from_slice(&subject)
                .map_err(|_| StoreError::BadValue { what: "subject of a change" })?,
            at: to_time(row.get(2)?),
            device_name: row.get(3)?,
        });
    }
    Ok(found)
}
