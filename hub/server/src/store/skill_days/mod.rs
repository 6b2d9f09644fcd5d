//! A pupil's work on a skill on a day: a cache of the log, summed as answers come and rebuilt when needed.

use dreamseed_wire::{ids::UserId, progress::DayProgress};
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx};

/// Counts one answer; `is_first` if its problem had not been answered on that day. Adding up does not depend on the order in which answers arrive.
pub fn count(
    tx: &WriteTx<'_>,
    pupil: UserId,
    skill: &str,
    day: &str,
    (right, is_first): (bool, bool),
    seq: i64,
) -> Result<(), StoreError> {
    let row = params![pupil, skill, day, right, is_first, seq];
    tx.conn().prepare_cached(include_str!("count.sql"))?.execute(row)?;
    Ok(())
}

/// Sums one day of one skill again, after a grade of it has been corrected.
pub fn sum_day(tx: &WriteTx<'_>, pupil: UserId, skill: &str, day: &str) -> Result<(), StoreError> {
    let key = params![pupil, skill, day];
    tx.conn().prepare_cached(include_str!("forget_day.sql"))?.execute(key)?;
    tx.conn().prepare_cached(include_str!("sum_day.sql"))?.execute(key)?;
    Ok(())
}

/// A pupil's work on a day over all skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workday {
    pub day: String,
    pub attempts: u32,
    pub rights: u32,
    /// First answers to a problem on the day, and the right ones of them.
    pub firsts: u32,
    pub first_rights: u32,
}

/// A pupil's days with work from one day to another, both included, oldest first.
pub fn between(conn: &Connection, pupil: UserId, from: &str, to: &str) -> Result<Vec<Workday>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("between.sql"))?;
    let rows = query.query_map(params![pupil, from, to], |row| {
        Ok(Workday {
            day: row.get(0)?,
            attempts: row.get(1)?,
            rights: row.get(2)?,
            firsts: row.get(3)?,
            first_rights: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A pupil's answers from one day on and before another.
pub fn attempts(conn: &Connection, pupil: UserId, from: &str, before: &str) -> Result<u32, StoreError> {
    let mut query = conn.prepare_cached(include_str!("attempts.sql"))?;
    Ok(query.query_row(params![pupil, from, before], |row| row.get(0))?)
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
