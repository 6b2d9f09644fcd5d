//! Imports and changes of the school year, with what stood before, so that they can be undone.

use dreamseed_wire::{ids::*, people::RosterChangeKind};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{StoreError, WriteTx, from_json, from_word, rosters::EnrolmentRow, to_json, to_time, to_word};

/// What was changed, with what stood before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    pub school_year: u16,
    pub classes_added: Vec<ClassId>,
    /// Who was made their teacher.
    pub teacher: Option<UserId>,
    pub classes_archived: Vec<ClassId>,
    pub pupils_added: Vec<UserId>,
    pub moved: Vec<UserId>,
    pub renamed: Vec<Renamed>,
    pub returned: Vec<Returned>,
    pub archived: Vec<UserId>,
    /// All times in classes of everybody who was touched.
    pub before: Vec<EnrolmentRow>,
    pub after: Vec<EnrolmentRow>,
}

/// A name that was corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    pub pupil_id: UserId,
    pub from: String,
    pub to: String,
}

/// An account that was opened again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    pub pupil_id: UserId,
    /// When it had been closed, in Unix milliseconds; absent if the pupil was only in no class.
    pub archived_at: Option<i64>,
}

/// A change as stored.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    pub id: RosterChangeId,
    pub kind: RosterChangeKind,
    pub file_name: String,
    pub done: Done,
    pub by: Option<UserId>,
    pub created_at: Timestamp,
    pub undone_at: Option<Timestamp>,
}

/// Keeps a change that was made.
pub fn add(
    tx: &WriteTx<'_>,
    (kind, file_name): (RosterChangeKind, &str),
    done: &Done,
    by: UserId,
    now: Timestamp,
) -> Result<RosterChangeId, StoreError> {
    let id = RosterChangeId::new();
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        id,
        to_word(&kind),
        file_name,
        to_json(done, "roster change")?,
        by,
        now.as_millisecond()
    ])?;
    Ok(id)
}

/// The newest changes; those of one person if given.
pub fn list(conn: &Connection, by: Option<UserId>, limit: u32) -> Result<Vec<ChangeRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    let mut rows = query.query(params![by, limit])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(read(row)?);
    }
    Ok(changes)
}

/// One change.
pub fn get(conn: &Connection, id: RosterChangeId) -> Result<Option<ChangeRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    query.query_row([id], |row| Ok(read(row))).optional()?.transpose()
}

/// Marks a change as undone.
pub fn mark_undone(
    tx: &WriteTx<'_>,
    id: RosterChangeId,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let at = now.as_millisecond();
    tx.conn().prepare_cached(include_str!("mark_undone.sql"))?.execute(params![id, at, by])?;
    Ok(())
}

/// Blanks a pupil's names in all changes, for an erasure; those changes can no longer be undone.
pub fn forget_names(tx: &WriteTx<'_>, pupil: UserId) -> Result<(), StoreError> {
    for mut change in list(tx.conn(), None, u32::MAX)? {
        let mut is_named = false;
        for renamed in change.done.renamed.iter_mut().filter(|renamed| renamed.pupil_id == pupil) {
            (renamed.from, renamed.to) = (String::new(), String::new());
            is_named = true;
        }
        if is_named {
            let done = to_json(&change.done, "roster change")?;
            tx.conn().prepare_cached(include_str!("set_done.sql"))?.execute(params![change.id, done])?;
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<ChangeRow, StoreError> {
    let done: String = row.get(3)?;
    Ok(ChangeRow {
        id: row.get(0)?,
        kind: from_word(row.get(1)?, "kind of roster change")?,
        file_name: row.get(2)?,
        done: from_json(&done, "roster change")?,
        by: row.get(4)?,
        created_at: to_time(row.get(5)?),
        undone_at: row.get::<_, Option<i64>>(6)?.map(to_time),
    })
}
