//! What guardians have agreed to. A consent that is withdrawn keeps its row.

use dreamseed_wire::ids::{ConsentId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Committed, StoreError, WriteTx, to_time};

/// A consent as it is given.
pub struct NewConsent<'a> {
    pub pupil: UserId,
    /// Absent if it came on paper.
    pub guardian: Option<UserId>,
    /// `account`, `ai_tutor`, `cloud_progress`.
    pub scope: &'a str,
    /// `paper`, `online`, `sms`.
    pub method: &'a str,
    /// Which text was agreed to.
    pub text_version: &'a str,
}

/// Keeps a consent.
pub fn add(tx: &WriteTx<'_>, new: &NewConsent<'_>, now: Timestamp) -> Result<ConsentId, StoreError> {
    let id = ConsentId::new();
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        id,
        new.pupil,
        new.guardian,
        new.scope,
        new.method,
        new.text_version,
        now.as_millisecond()
    ])?;
    tx.publish(Committed::Ledger);
    Ok(id)
}

/// A consent as it stands in the ledger.
#[derive(Debug, Clone)]
pub struct StoredConsent {
    pub id: ConsentId,
    pub guardian: Option<UserId>,
    pub scope: String,
    pub method: String,
    pub text_version: String,
    pub given_at: Timestamp,
    pub withdrawn_at: Option<Timestamp>,
}

/// Whether something was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// By at least one guardian, and not withdrawn by that one.
    Given,
    Withdrawn,
    NeverAsked,
}

/// The consents for a pupil, newest first, withdrawn ones included.
pub fn of_pupil(conn: &Connection, pupil: UserId) -> Result<Vec<StoredConsent>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    let rows = query.query_map([pupil], |row| {
        let withdrawn_at: Option<i64> = row.get(6)?;
        Ok(StoredConsent {
            id: row.get(0)?,
            guardian: row.get(1)?,
            scope: row.get(2)?,
            method: row.get(3)?,
            text_version: row.get(4)?,
            given_at: to_time(row.get(5)?),
            withdrawn_at: withdrawn_at.map(to_time),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Withdraws a consent, once; false if the pupil has no such one.
pub fn withdraw(tx: &WriteTx<'_>, pupil: UserId, id: ConsentId, now: Timestamp) -> Result<bool, StoreError> {
    let row = params![id, pupil, now.as_millisecond()];
    tx.publish(Committed::Ledger);
    Ok(tx.conn().prepare_cached(include_str!("withdraw.sql"))?.execute(row)? > 0)
}

/// Whether the model may write to a pupil: not after a consent was withdrawn, and without one only if none is needed.
pub fn allow_ai(conn: &Connection, pupil: UserId, is_needed: bool) -> Result<bool, StoreError> {
    Ok(match standing(conn, pupil, "ai_tutor")? {
        Agreement::Given => true,
        Agreement::Withdrawn => false,
        Agreement::NeverAsked => !is_needed,
    })
}

/// How it stands with the consent for a scope.
pub fn standing(conn: &Connection, pupil: UserId, scope: &str) -> Result<Agreement, StoreError> {
    let (given, asked): (bool, bool) = conn
        .prepare_cached(include_str!("standing.sql"))?
        .query_row(params![pupil, scope], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match (given, asked) {
        (true, _) => Agreement::Given,
        (false, true) => Agreement::Withdrawn,
        (false, false) => Agreement::NeverAsked,
    })
}
