//! What guardians have agreed to. A consent that is withdrawn keeps its row.

use dreamseed_wire::ids::{ConsentId, UserId};
use jiff::Timestamp;
use rusqlite::params;

use super::{StoreError, WriteTx};

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
    Ok(id)
}
