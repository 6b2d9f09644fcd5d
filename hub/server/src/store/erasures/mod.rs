//! People who were erased: the ledger, and what an erasure removes.
//!
//! The ledger and the empty row of the account hold ids only. Consents stay as ids too, withdrawn; the audit log holds no
//! names at all.

use dreamseed_wire::ids::{SessionId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Committed, StoreError, WriteTx, audit, retention, roster_changes, school::faults::Faults, to_time,
    users::lossy_text,
};

/// One erasure as the ledger keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureEntry {
    pub id: Uuid,
    pub pupil_id: UserId,
    pub erased_at: Timestamp,
}

/// Writes an erasure into the ledger; the same one again changes nothing.
pub fn add(
    tx: &WriteTx<'_>,
    entry: &ErasureEntry,
    reason: &str,
    by: Option<UserId>,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        entry.id.as_bytes().as_slice(),
        entry.pupil_id,
        reason,
        by,
        entry.erased_at.as_millisecond()
    ])?;
    tx.publish(Committed::Ledger);
    Ok(())
}

/// The whole ledger, oldest first.
pub fn list(conn: &Connection) -> Result<Vec<ErasureEntry>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    Faults::list("erasures", query.query([])?, |_, row| {
        let id: Vec<u8> = row.get(0)?;
        let id = Uuid::from_slice(&id).map_err(|_| StoreError::BadValue { what: "id of an erasure" })?;
        Ok(ErasureEntry { id, pupil_id: row.get(1)?, erased_at: to_time(row.get(2)?) })
    })
}

/// How many stand in the ledger.
pub fn count(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.query_row(include_str!("count.sql"), [], |row| row.get(0))?)
}

/// Whether somebody stands in the ledger.
pub fn is_erased(conn: &Connection, pupil: UserId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("is_erased.sql"))?.exists([pupil])?)
}

/// Whether something of somebody is still, or again, there.
pub fn is_present(conn: &Connection, pupil: UserId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("is_present.sql"))?.query_row([pupil], |row| row.get(0))?)
}

/// Removes everything of a pupil but the answers, which follow by [`remove_answers`]: account, sign-ins, cards, notes,
/// places in classes, caches. Parents who have no other child here go too. Gives the sessions that ended with it.
pub fn remove_person(tx: &WriteTx<'_>, pupil: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
    let conn = tx.conn();
    let mut name = conn.prepare_cached(include_str!("name.sql"))?;
    let name = name.query_row([pupil], |row| Ok(lossy_text(row.get_ref(0)?))).optional()?;
    let names = roster_changes::forget_pupil(tx, pupil, &name.unwrap_or_default())?;
    audit::forget_reasons(tx, pupil, &names)?;
    let mut parents = Vec::new();
    {
        let mut query = conn.prepare_cached(include_str!("guardians.sql"))?;
        let mut rows = query.query([pupil])?;
        while let Some(row) = rows.next()? {
            parents.push((row.get::<_, UserId>(0)?, lossy_text(row.get_ref(1)?), row.get::<_, bool>(2)?));
        }
    }
    conn.prepare_cached(include_str!("withdraw_consents.sql"))?
        .execute(params![pupil, now.as_millisecond()])?;
    let mut ended = empty_account(tx, pupil, now)?;
    for (parent, called, has_others) in parents {
        if !has_others {
            ended.extend(empty_account(tx, parent, now)?);
        } else if names.iter().any(|name| called.contains(name)) {
            // Called after this child.
            conn.prepare_cached(include_str!("rename_parent.sql"))?.execute([parent])?;
        }
    }
    Ok(ended)
}

/// Tables of which something is erased and whose indexes do not fit them any more, as after a bit has flipped. Reads all of
/// them: seconds with the answers of a large school.
pub fn tables_with_wrong_indexes(conn: &Connection) -> Result<Vec<&'static str>, StoreError> {
    const TABLES: [&str; 16] = [
        "attempts",
        "grades",
        "feedback",
        "regrade_changes",
        "users",
        "sessions",
        "enrolments",
        "guardians",
        "parent_codes",
        "sign_in_cards",
        "pupil_notes",
        "sittings",
        "class_group_pupils",
        "releases",
        "standings",
        "consents",
    ];
    let mut wrong = Vec::new();
    for table in TABLES {
        let mut is_whole = true;
        conn.pragma(None, "integrity_check", table, |row| {
            is_whole &= row.get_ref(0)?.as_bytes().is_ok_and(|said| said == b"ok");
            Ok(())
        })?;
        if !is_whole {
            wrong.push(table);
        }
    }
    Ok(wrong)
}

/// Makes the indexes of tables anew from their rows.
pub fn make_indexes_anew(tx: &WriteTx<'_>, tables: &[&'static str]) -> Result<(), StoreError> {
    for table in tables {
        tx.conn().execute_batch(&format!("REINDEX {table}"))?;
    }
    Ok(())
}

/// The places of a pupil's answers, looked for in the record itself and not in an index, which may be damaged.
pub fn find_answers(conn: &Connection, pupil: UserId) -> Result<Vec<i64>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("find_answers.sql"))?;
    Ok(query.query_map([pupil], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Removes answers of a pupil whose caches are gone already, with their grades and their help; gives how many.
pub fn remove_answers(tx: &WriteTx<'_>, seqs: &[i64]) -> Result<usize, StoreError> {
    let mut removed = 0;
    for seq in seqs {
        removed += usize::from(retention::remove_answer(tx, *seq)?.is_some());
    }
    Ok(removed)
}

/// Whether somebody was erased since the file was last written anew.
pub fn has_unpurged(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.query_row(include_str!("unpurged.sql"), [], |row| row.get(0))?)
}

/// Notes that the file was written anew after the erasures up to a time.
pub fn mark_purged(tx: &WriteTx<'_>, up_to: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("mark_purged.sql"))?.execute([up_to.as_millisecond()])?;
    Ok(())
}

/// Leaves of an account a row without anything in it; gives its sessions.
fn empty_account(tx: &WriteTx<'_>, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
    const REMOVALS: [&str; 12] = [
        include_str!("remove_sign_in_cards.sql"),
        include_str!("remove_parent_codes.sql"),
        include_str!("remove_pupil_notes.sql"),
        include_str!("remove_releases.sql"),
        include_str!("remove_sittings.sql"),
        include_str!("remove_class_group_pupils.sql"),
        include_str!("remove_enrolments.sql"),
        include_str!("remove_standings.sql"),
        include_str!("remove_skill_days.sql"),
        include_str!("remove_masteries.sql"),
        include_str!("remove_guardians.sql"),
        include_str!("forget_codes_used.sql"),
    ];
    let ended = tx
        .conn()
        .prepare_cached(include_str!("remove_sessions.sql"))?
        .query_map([user], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for removal in REMOVALS {
        tx.conn().prepare_cached(removal)?.execute([user])?;
    }
    let row = params![user, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("empty_account.sql"))?.execute(row)?;
    Ok(ended)
}
