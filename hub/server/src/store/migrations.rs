//! Brings a database to this hub's schema: forward only, one transaction each, counted in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// In order; never change one that has shipped.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_record.sql"),
    include_str!("../../migrations/0002_lessons.sql"),
    include_str!("../../migrations/0003_regrades_reports.sql"),
    include_str!("../../migrations/0004_people.sql"),
    include_str!("../../migrations/0005_house.sql"),
    include_str!("../../migrations/0006_delivery_backup.sql"),
];

/// The schema this hub writes.
pub const CURRENT: u32 = MIGRATIONS.len() as u32;

/// Runs what is missing.
///
/// # Errors
/// [`StoreError::Newer`] if a newer hub has written the file; it is left as it is.
pub fn run(conn: &mut Connection) -> Result<(), StoreError> {
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > CURRENT {
        return Err(StoreError::Newer { found, known: CURRENT });
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(migration)?;
        tx.pragma_update(None, "user_version", index as u32 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
