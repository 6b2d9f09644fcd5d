//! Delivery of answers by a device that kept them: enrolment, proof of who answered, batches, and what the hub says back.
//!
//! The hub's answer to everything that was delivered is a place in its record: `epoch` names the stretch of record between
//! two restores, `hub_seq` the place in it. A device keeps what it has delivered until a backup that was read back from
//! another device covers the place (`backup_verified`), and delivers again what a restored hub lacks.

use crate::ids::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Items in one batch.
pub const BATCH_MAX: usize = 200;
/// Ids in one question for what the hub lacks.
pub const LACKING_MAX: usize = 1_000;

/// A device makes itself known with the public half of a key that never leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolDevice {
    /// As people call it, such as `3-2 교실 07번`; 1 to 60 characters.
    pub name: String,
    /// Ed25519, 32 bytes, base64url without padding.
    pub public_key: String,
}

/// What an enrolled device keeps beside its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolledDevice {
    pub device_id: DeviceId,
    /// The hub's own word for the enrolment, which a hub that was restored to a time before it takes instead of its row.
    pub certificate: String,
}

/// A device in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    pub device_id: DeviceId,
    pub name: String,
    #[schema(value_type = String, format = DateTime)]
    pub enrolled_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    pub revoked: bool,
    /// It was enrolled after the state to which the hub was restored, and came back by its certificate.
    pub returned: bool,
}

/// Asked by a pupil who has signed in on a device, for what the device delivers later in the pupil's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskDepositProof {
    pub device_id: DeviceId,
}

/// This pupil has signed in on this device; worth nothing without the device's key. Bears no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositProof {
    pub proof: String,
}

/// A reading of a device's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct ClockReading {
    /// What the device shows people; a claim.
    #[schema(value_type = String, format = DateTime)]
    pub wall: Timestamp,
    /// Milliseconds of a clock that is never set, since some start of the device.
    pub monotonic_ms: u64,
    /// Which start; two readings of one start tell a true distance.
    pub boot_id: Uuid,
}

/// Answers that a device has kept, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverAnswers {
    /// At most [`BATCH_MAX`].
    pub items: Vec<DeliveryItem>,
    /// When this was sent.
    pub sent_at: ClockReading,
    /// The highest place of record that the device was ever told: a hub that has less has been put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest: Option<Receipt>,
}

/// One answer of one pupil.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryItem {
    pub attempt_id: AttemptId,
    /// The device's running number; never used twice, also for items that are refused.
    pub device_seq: i64,
    pub pupil_id: UserId,
    /// [`DepositProof::proof`] of this pupil on this device.
    pub deposit: String,
    /// JSON of [`crate::attempt::SubmitAnswer`], byte for byte as the device has kept it.
    pub body: String,
    /// BLAKE3 of `body`, 64 hexadecimal digits, made when it was kept.
    pub body_hash: String,
    pub occurred_at: ClockReading,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Delivered {
    /// One for each item, in their order.
    pub results: Vec<DeliveryResult>,
    pub record: RecordState,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct DeliveryResult {
    pub attempt_id: AttemptId,
    pub outcome: DeliveryOutcome,
}

/// Stored, there already, or refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeliveryOutcome {
    Stored { receipt: Receipt },
    Duplicate { receipt: Receipt },
    Rejected { code: RejectCode },
}

/// Why an item is not taken. Whether it may be taken later follows from the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// Later: the hub does not know the pupil (any more, or not yet again).
    UnknownPupil,
    /// Later: the hub does not know the problem, or it was never given to the pupil.
    UnknownProblem,
    /// Later: too many writes wait, or the disk is full.
    Busy,
    /// Never: the proof is not this hub's, not this pupil's or not this device's.
    BadDeposit,
    /// Never: it is not the JSON of an answer, or does not fit its ids.
    BadBody,
    /// Never: it does not fit its hash; it was damaged on the device.
    BodyDamaged,
    /// Never: the attempt id stands for another answer.
    OtherAnswer,
    /// Never: the lesson is over and the answer was given after its end, or the lesson was paused.
    LessonClosed,
    /// Never: the exam was handed in, or its grades have been shown.
    ExamOver,
    /// Never: the lesson is not the pupil's or does not hold the problem.
    OtherLesson,
}

/// A place in the record, which only this hub can have given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub epoch_id: EpochId,
    pub hub_seq: i64,
    /// 128 bits, hexadecimal.
    pub mac: String,
}

/// A place in the record, without proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct RecordPlace {
    pub epoch_id: EpochId,
    pub hub_seq: i64,
}

/// How the hub's record stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct RecordState {
    pub epoch_id: EpochId,
    /// Counts the epochs, from 1.
    pub epoch: i64,
    /// The highest place that has been given in this epoch.
    pub hub_seq: i64,
    /// Everything up to here was read back, whole, from a backup on another device, in the epoch it names.
    pub backup_verified: Option<RecordPlace>,
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// Which of these does the hub not have?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskLacking {
    /// At most [`LACKING_MAX`].
    pub attempt_ids: Vec<AttemptId>,
}

/// What the hub does not have, and how its record stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Lacking {
    pub attempt_ids: Vec<AttemptId>,
    /// Where those that it has stand, so that the device knows what a backup covers.
    pub kept: Vec<KeptPlace>,
    pub record: RecordState,
}

/// An answer that the hub has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct KeptPlace {
    pub attempt_id: AttemptId,
    pub hub_seq: i64,
}
