//! Devices that deliver answers in their own name. A row is never removed: the numbers of the answers that a device has
//! delivered stay its own.

use dreamseed_wire::ids::{DeviceId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, school::faults::Faults, to_time};

/// A device as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub name: String,
    /// Ed25519. Absent if all that is known of the device is that it was revoked, see [`revoke_again`].
    pub public_key: Option<[u8; 32]>,
    /// Absent too for a device that came back by its certificate.
    pub enrolled_by: Option<UserId>,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    pub returned_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
}

/// Keeps a new device, or one that came back.
pub fn add(tx: &WriteTx<'_>, device: &DeviceRow) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        device.id,
        device.name,
        device.public_key,
        device.enrolled_by,
        device.enrolled_at.as_millisecond(),
        device.returned_at.map(Timestamp::as_millisecond)
    ])?;
    Ok(())
}

/// All devices, newest first, revoked ones too.
pub fn list(conn: &Connection) -> Result<Vec<DeviceRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    Faults::list("devices", query.query([])?, |faults, row| {
        let name = faults.text(row, 1, "names of devices")?;
        Ok(with_name(row, name)?)
    })
}

/// One device.
pub fn get(conn: &Connection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    Ok(conn.prepare_cached(include_str!("get.sql"))?.query_row([id], from_row).optional()?)
}

/// The device with this key; the newest if a restored hub knows two.
pub fn of_key(conn: &Connection, key: &[u8; 32]) -> Result<Option<DeviceRow>, StoreError> {
    Ok(conn.prepare_cached(include_str!("of_key.sql"))?.query_row([key], from_row).optional()?)
}

/// Devices that have not been revoked.
pub fn count_live(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.prepare_cached(include_str!("count_live.sql"))?.query_row([], |row| row.get(0))?)
}

/// Devices that somebody has enrolled and that have not been revoked.
pub fn count_live_of(conn: &Connection, by: UserId) -> Result<u32, StoreError> {
    Ok(conn.prepare_cached(include_str!("count_live_of.sql"))?.query_row([by], |row| row.get(0))?)
}

/// Devices that somebody has enrolled since a time.
pub fn count_enrolled(conn: &Connection, by: UserId, since: Timestamp) -> Result<u32, StoreError> {
    let row = params![by, since.as_millisecond()];
    Ok(conn.prepare_cached(include_str!("count_enrolled.sql"))?.query_row(row, |row| row.get(0))?)
}

/// Revokes a device; false if there is none or it was revoked before.
pub fn revoke(tx: &WriteTx<'_>, id: DeviceId, now: Timestamp) -> Result<bool, StoreError> {
    let row = params![id, now.as_millisecond()];
    Ok(tx.conn().prepare_cached(include_str!("revoke.sql"))?.execute(row)? > 0)
}

/// Revokes a device of which a database that was put back may know nothing: then a row without a key stands for it, so
/// that its certificate does not bring it back. Once more changes nothing.
pub fn revoke_again(tx: &WriteTx<'_>, id: DeviceId, revoked_at: Timestamp) -> Result<(), StoreError> {
    let row = params![id, revoked_at.as_millisecond()];
    tx.conn().prepare_cached(include_str!("revoke_again.sql"))?.execute(row)?;
    Ok(())
}

/// Keeps when a device was last heard of.
pub fn see(tx: &WriteTx<'_>, id: DeviceId, at: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("see.sql"))?.execute(params![id, at.as_millisecond()])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let name = row.get_ref(1)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    with_name(row, name)
}

fn with_name(row: &Row<'_>, name: String) -> rusqlite::Result<DeviceRow> {
    let time = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(to_time));
    Ok(DeviceRow {
        id: row.get(0)?,
        name,
        public_key: row.get(2)?,
        enrolled_by: row.get(3)?,
        enrolled_at: to_time(row.get(4)?),
        revoked_at: time(5)?,
        returned_at: time(6)?,
        last_seen_at: time(7)?,
    })
}
