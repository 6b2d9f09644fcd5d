//! A pupil's work on a skill on a day: a cache of the log, summed as answers come and rebuilt when needed.

use dreamseed_wire::{ids::UserId, progress::DayProgress};
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx};

/// Counts one answer. Adding up does not depend on the order in which answers arrive.
pub fn count(
    tx: &WriteTx<'_>,
    pupil: UserId,
    skill: &str,
    day: &str,
    right: bool,
    seq: i64,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("count.sql"))?.execute(params![pupil, skill, day, right, seq])?;
    Ok(())
}

/// A pupil's last `limit` days with work, oldest first.
pub fn recent(conn: &Connection, pupil: UserId, limit: u32) -> Result<Vec<DayProgress>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("recent.sql"))?;
    let rows = query.query_map(params![pupil, limit], |row| {
        Ok(DayProgress { day: row.get(0)?, attempts: row.get(1)?, right: row.get(2)? })
    })?;
    let mut days = rows.collect::<Result<Vec<_>, _>>()?;
    days.reverse();
    Ok(days)
}

/// Throws the cache away and sums the log again.
pub fn rebuild(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().execute_batch(include_str!("rebuild.sql"))?;
    Ok(())
}
