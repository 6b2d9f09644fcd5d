//! Backups: where they go, how they stand, what was restored. For admins.

use crate::{delivery::RecordPlace, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How backups stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupState {
    pub targets: Vec<BackupTargetView>,
    /// What runs now.
    pub running: Option<BackupProgress>,
    /// Everything up to here was read back from another device.
    pub verified: Option<RecordPlace>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Timestamp>,
    /// The stretches of the record, newest first.
    pub epochs: Vec<EpochView>,
    /// Somebody has said that the recovery sheet was printed and put away.
    pub sheet_kept: bool,
}

/// A place for backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupTargetView {
    /// Chosen by the school, unique; `a-z 0-9 -`, up to 30.
    pub name: String,
    pub place: BackupPlace,
    /// On another device than the data; else it never raises what is verified.
    pub other_device: bool,
    pub health: BackupHealth,
    /// What is wrong, in the reader's language, with one next step.
    pub trouble: Option<BackupTrouble>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_backup_at: Option<Timestamp>,
    /// The newest snapshot was restored to a scratch folder and found whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_restored_at: Option<Timestamp>,
    pub restore_seconds: Option<u32>,
    pub snapshots: u32,
    /// Bytes that the last run sent.
    pub last_bytes: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
}

/// What kind of place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BackupPlace {
    /// A folder: second disk, USB stick, NAS.
    Folder { path: String },
    /// A bucket that speaks S3.
    S3 { endpoint: String, region: String, bucket: String, prefix: String },
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupHealth {
    Ok,
    /// Not yet tried, or late.
    Waiting,
    Failing,
}

/// What is wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupTrouble {
    pub code: BackupTroubleCode,
    pub text: String,
    pub next_step: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What can be wrong with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupTroubleCode {
    /// The folder is not there: stick pulled out, NAS not mounted.
    Gone,
    /// No way to the endpoint, or it does not answer in time.
    Unreachable,
    ReadOnly,
    Full,
    /// Endpoint, bucket or keys are refused.
    Refused,
    WrongPassword,
    /// The backups there are another school's.
    OtherSchool,
    /// Another machine with this hub's identity writes there.
    TwoHubs,
    /// What was read back does not fit.
    Damaged,
    /// The hub's own database holds what does not fit: copies of it are sent, but do not count as backups.
    Database,
    /// The clock cannot be right: nothing old is removed meanwhile.
    Clock,
    Failed,
}

/// A run as it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupProgress {
    pub target: String,
    pub step: BackupStep,
    /// Bytes of this step, as far as known.
    pub done: u64,
    pub total: Option<u64>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupStep {
    Copying,
    Verifying,
    Sending,
    ReadingBack,
    Tidying,
}

/// A new place for backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBackupTarget {
    pub name: String,
    pub place: BackupPlace,
    /// For S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// For S3; kept in a file of the hub's user and never told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    /// For S3: a key that may only read, printed on the recovery sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_secret: Option<String>,
}

/// A stretch of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochView {
    pub epoch: i64,
    pub epoch_id: EpochId,
    pub parent: Option<i64>,
    pub reason: EpochReason,
    /// The first place of it.
    pub from_seq: i64,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
}

/// Why a stretch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochReason {
    First,
    Restore,
    Rollback,
    Damage,
}

/// What changed after the state that was restored, as far as the ledgers beside the database know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SinceRestore {
    #[schema(value_type = Option<String>, format = DateTime)]
    pub snapshot_at: Option<Timestamp>,
    pub changes: Vec<LostChange>,
    /// Targets whose ledgers could not be read at the restore: what only they tell of is applied when they are reached.
    #[serde(default)]
    pub ledgers_unseen: Vec<String>,
}

/// One change that the restored state does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostChange {
    pub kind: LostChangeKind,
    /// The name, for those whom the restored state knows.
    pub name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LostChangeKind {
    DeviceEnrolled,
    /// Applied again: a device that was revoked stays so.
    DeviceRevoked,
    /// The old PIN or password counts again.
    SecretChanged,
    /// Applied again.
    Erased,
    /// Applied again.
    ConsentChanged,
}
