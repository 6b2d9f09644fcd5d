//! Imports and changes of the school year, with what stood before, so that they can be undone.

use std::collections::BTreeSet;

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

/// Takes an erased pupil out of all changes, with the names of files that were named after the pupil. Gives every name
/// that the pupil has had, `name` is the last one.
pub fn forget_pupil(tx: &WriteTx<'_>, pupil: UserId, name: &str) -> Result<BTreeSet<String>, StoreError> {
    let changes = list(tx.conn(), None, u32::MAX)?;
    let renamed = changes.iter().flat_map(|change| &change.done.renamed);
    let renamed = renamed.filter(|renamed| renamed.pupil_id == pupil);
    let mut names: BTreeSet<String> =
        renamed.flat_map(|renamed| [renamed.from.clone(), renamed.to.clone()]).collect();
    names.insert(name.to_owned());
    names.remove("");
    for mut change in changes {
        let before = (change.done.clone(), change.file_name.clone());
        let done = &mut change.done;
        for ids in [&mut done.pupils_added, &mut done.moved, &mut done.archived] {
            ids.retain(|id| *id != pupil);
        }
        done.renamed.retain(|renamed| renamed.pupil_id != pupil);
        done.returned.retain(|returned| returned.pupil_id != pupil);
        for rows in [&mut done.before, &mut done.after] {
            rows.retain(|row| row.pupil_id != pupil);
        }
        if names.iter().any(|name| change.file_name.contains(name)) {
            change.file_name.clear();
        }
        if before != (change.done.clone(), change.file_name.clone()) {
            let done = to_json(&change.done, "roster change")?;
            let row = params![change.id, done, change.file_name];
            tx.conn().prepare_cached(include_str!("set_done.sql"))?.execute(row)?;
        }
    }
    Ok(names)
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
