//! How backups stand: each target at its last runs, what was read back, the recovery sheet, and the time that is believed.

use dreamseed_wire::{backup::BackupTroubleCode, delivery::RecordPlace};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, from_json, from_word, to_json, to_time, to_word};
use crate::backup::clock::Trust;

/// A target at its last runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRow {
    pub name: String,
    /// Of the repository, so that a swapped stick or bucket is known as such.
    pub repository_id: Option<String>,
    pub other_device: bool,
    pub last_try_at: Option<Timestamp>,
    pub last_backup_at: Option<Timestamp>,
    /// Up to where the last backup there holds the record.
    pub last_backup_seq: Option<i64>,
    /// Bytes that the last backup sent.
    pub last_bytes: Option<u64>,
    pub snapshots: u32,
    pub last_restored_at: Option<Timestamp>,
    pub restore_ms: Option<u32>,
    /// What was read back whole from there.
    pub verified: Option<RecordPlace>,
    /// What is wrong, since when.
    pub trouble: Option<(BackupTroubleCode, Timestamp)>,
    pub tidied_at: Option<Timestamp>,
    /// BLAKE3 of the ledgers as they were last sent there.
    pub ledgers_sum: Option<[u8; 32]>,
}

/// The highest place of record that was read back, whole, from another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPlace {
    pub place: RecordPlace,
    /// From where.
    pub target: String,
    pub at: Timestamp,
}

/// The recovery sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    pub made_at: Timestamp,
    /// Somebody has said that it was printed and put away.
    pub kept_at: Option<Timestamp>,
}

/// Every target that was ever tried and is still one, by name.
pub fn list(conn: &Connection) -> Result<Vec<TargetRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    let rows = query.query_map([], |row| Ok(from_row(row)))?;
    rows.map(|row| row.map_err(StoreError::from)?).collect()
}

/// One target.
pub fn get(conn: &Connection, name: &str) -> Result<Option<TargetRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    query.query_row([name], |row| Ok(from_row(row))).optional()?.transpose()
}

/// Writes how a target stands.
pub fn put(tx: &WriteTx<'_>, row: &TargetRow) -> Result<(), StoreError> {
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    tx.conn().prepare_cached(include_str!("put.sql"))?.execute(params![
        row.name,
        row.repository_id,
        row.other_device,
        millis(row.last_try_at),
        millis(row.last_backup_at),
        row.last_backup_seq,
        row.last_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        row.snapshots,
        millis(row.last_restored_at),
        row.restore_ms,
        row.verified.map(|place| place.epoch_id),
        row.verified.map(|place| place.hub_seq),
        row.trouble.map(|(code, _)| to_word(&code)),
        row.trouble.map(|(_, since)| since.as_millisecond()),
        millis(row.tidied_at),
        row.ledgers_sum,
    ])?;
    Ok(())
}

/// Forgets a target that was removed.
pub fn forget(tx: &WriteTx<'_>, name: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("forget.sql"))?.execute([name])?;
    Ok(())
}

/// Up to where the record was read back from another device.
pub fn verified(conn: &Connection) -> Result<Option<VerifiedPlace>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("verified.sql"))?;
    let found = query.query_row([], |row| {
        Ok(VerifiedPlace {
            place: RecordPlace { epoch_id: row.get(0)?, hub_seq: row.get(1)? },
            target: row.get(2)?,
            at: to_time(row.get(3)?),
        })
    });
    Ok(found.optional()?)
}

/// Raises what was read back: within an epoch it only rises, and a place of an epoch that is over changes nothing. Whether
/// it was raised.
pub fn raise_verified(tx: &WriteTx<'_>, verified: &VerifiedPlace) -> Result<bool, StoreError> {
    let changed = tx.conn().prepare_cached(include_str!("raise_verified.sql"))?.execute(params![
        verified.place.epoch_id,
        verified.place.hub_seq,
        verified.target,
        verified.at.as_millisecond()
    ])?;
    Ok(changed > 0)
}

/// The recovery sheet, if one was made.
pub fn sheet(conn: &Connection) -> Result<Option<Sheet>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("sheet.sql"))?;
    let found = query.query_row([], |row| {
        Ok(Sheet { made_at: to_time(row.get(0)?), kept_at: row.get::<_, Option<i64>>(1)?.map(to_time) })
    });
    Ok(found.optional()?)
}

/// A recovery sheet was made; it has yet to be put away.
pub fn make_sheet(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("make_sheet.sql"))?.execute([now.as_millisecond()])?;
    Ok(())
}

/// Somebody has put the recovery sheet away; false if none was made.
pub fn keep_sheet(tx: &WriteTx<'_>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.conn().prepare_cached(include_str!("keep_sheet.sql"))?.execute([now.as_millisecond()])? > 0)
}

/// The targets are others than those on the recovery sheet: the one that was put away is not enough any more.
pub fn outdate_sheet(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("outdate_sheet.sql"))?.execute([])?;
    Ok(())
}

/// What is known of the clock; nothing before the first reading.
pub fn clock(conn: &Connection) -> Result<Option<Trust>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("clock.sql"))?;
    let found = query.query_row([], |row| {
        let trust = Trust {
            believed_at: to_time(row.get(0)?),
            seen_at: to_time(row.get(1)?),
            steady: row.get::<_, Option<i64>>(2)?.map(SignedDuration::from_millis),
            jumps: Vec::new(),
        };
        Ok((trust, row.get::<_, String>(3)?))
    });
    let Some((trust, jumps)) = found.optional()? else { return Ok(None) };
    Ok(Some(Trust { jumps: from_json(&jumps, "jumps of the clock")?, ..trust }))
}

/// Keeps what is known of the clock.
pub fn put_clock(tx: &WriteTx<'_>, trust: &Trust) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("put_clock.sql"))?.execute(params![
        trust.believed_at.as_millisecond(),
        trust.seen_at.as_millisecond(),
        trust.steady.map(|steady| i64::try_from(steady.as_millis()).unwrap_or(i64::MAX)),
        to_json(&trust.jumps, "jumps of the clock")?
    ])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<TargetRow, StoreError> {
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(to_time));
    let verified = match (row.get(10)?, row.get(11)?) {
        (Some(epoch_id), Some(hub_seq)) => Some(RecordPlace { epoch_id, hub_seq }),
        (None, _) | (_, None) => None,
    };
    let trouble = match (row.get::<_, Option<String>>(12)?, time(13)?) {
        (Some(word), Some(since)) => Some((from_word(word, "trouble of a backup")?, since)),
        (None, _) | (_, None) => None,
    };
    Ok(TargetRow {
        name: row.get(0)?,
        repository_id: row.get(1)?,
        other_device: row.get(2)?,
        last_try_at: time(3)?,
        last_backup_at: time(4)?,
        last_backup_seq: row.get(5)?,
        last_bytes: row.get::<_, Option<i64>>(6)?.map(i64::unsigned_abs),
        snapshots: row.get(7)?,
        last_restored_at: time(8)?,
        restore_ms: row.get(9)?,
        verified,
        trouble,
        tidied_at: time(14)?,
        ledgers_sum: row.get(15)?,
    })
}
