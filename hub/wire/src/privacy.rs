//! What is kept how long, what guardians have agreed to, and what is erased.

use crate::ids::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the retention table would remove now, or has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionReport {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub lines: Vec<RetentionLine>,
    /// The last run of the job.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_run_at: Option<Timestamp>,
}

/// One kind of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionLine {
    /// `ai_text`, `audit`, `answers`, `sessions`, `notices`, `notes`, `parent_codes`, `roster_changes`.
    pub kind: String,
    pub keep_days: u32,
    /// Rows older than that.
    pub due: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest: Option<Timestamp>,
}

/// Changes how long a kind of data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRetention {
    /// 1 to 3650.
    pub keep_days: u32,
}

/// A guardian's consent for a pupil.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentView {
    pub consent_id: ConsentId,
    pub scope: String,
    /// `paper`, `online`, `sms`.
    pub method: String,
    pub text_version: String,
    pub guardian: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub given_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
}

/// Records a consent that was given on paper or otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordConsent {
    /// `account`, `ai_tutor`, `cloud_progress`.
    pub scope: String,
    pub method: String,
    pub text_version: String,
}

/// Asks for a pupil's data or its erasure; the reason goes into the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    pub reason: String,
}

/// Erases a pupil for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasePupil {
    pub reason: String,
    /// The pupil's name, typed again.
    pub name: String,
}

/// What an erasure removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    pub pupil_id: UserId,
    pub answers: u64,
    /// Copies in backups fall away after this many days at the latest.
    pub in_backups_days: u32,
}
