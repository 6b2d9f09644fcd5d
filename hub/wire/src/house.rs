//! Keeping house: the doctor's report, the audit log, keys for programs, how the hub is found.

use crate::ids::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How devices of the school reach the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HubAddress {
    /// `dreamseed.local` or `dreamseed-<id>.local` while the hub is announced on the network.
    pub host_name: Option<String>,
    /// Addresses to type, the best first.
    pub urls: Vec<String>,
    /// A QR code of the best numeric address, as SVG: it works where names do not.
    pub qr_svg: String,
    /// The hub listens on the school's network, not on this machine only.
    pub on_network: bool,
}

/// What the doctor found, gravest last in each group as checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoctorReport {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub findings: Vec<DoctorFinding>,
}

/// One line of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoctorFinding {
    /// Stable: `ports`, `firewall`, `disk`, `clock`, `database`, `model`, `engine`, `certificates`, `backups`, …
    pub check: String,
    pub level: DoctorLevel,
    /// What was found, in plain words of the reader's language.
    pub text: String,
    /// One next step; absent if all is well.
    pub next_step: Option<String>,
}

/// How grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoctorLevel {
    Ok,
    Warn,
    Fail,
}

/// A stretch of the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub entries: Vec<AuditView>,
    /// Pass as `before` for the next page; absent at the end.
    pub next: Option<i64>,
    /// The first row that does not fit the chain, if there is one.
    pub broken_at: Option<i64>,
}

/// A deed that the log may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditDeed {
    /// As it is kept, for filters.
    pub action: String,
    /// In the reader's language.
    pub action_text: String,
}

/// Who did what to whose data, when and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    pub seq: i64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The name; absent for the hub itself and for failed sign-ins.
    pub actor: Option<String>,
    pub actor_id: Option<UserId>,
    /// An address, `console`, or `hub` for its own work.
    pub origin: String,
    /// As it is kept, for filters.
    pub action: String,
    /// In the reader's language.
    pub action_text: String,
    /// The name of whose data it was, for a pupil with class and number.
    pub subject: Option<String>,
    pub subject_id: Option<UserId>,
    /// Ids and numbers.
    pub detail: String,
    /// The detail to read: names where what an id stands for is known (of an answer its problem and lesson), else the id's
    /// end; words in the reader's language.
    pub detail_text: String,
    /// Why, as somebody typed it; absent where none is asked for, and after the erasure of a pupil whom it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A new key for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddApiKey {
    pub name: String,
    /// Requests a minute, 1 to 10,000.
    pub per_minute: u32,
    /// Days until it ends; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A key that was made; told this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewApiKey {
    pub api_key_id: ApiKeyId,
    /// Send as `Authorization: Bearer dsk_…`.
    pub key: String,
}

/// A key in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyView {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub per_minute: u32,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    pub revoked: bool,
}
