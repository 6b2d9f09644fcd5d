//! The hub itself: what anyone may know of it, notices for the admin, and errors.

use crate::{Language, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What anyone on the network may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HubInfo {
    pub hub_id: HubId,
    pub school_name: String,
    pub version: String,
    /// No account was ever made here, so that the first admin can be.
    pub needs_setup: bool,
    /// Staff and parents may sign in over this connection.
    pub staff_sign_in: bool,
    pub time_zone: String,
    pub languages: Vec<Language>,
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// Something the admin should know or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    pub notice_id: NoticeId,
    pub code: NoticeCode,
    /// What happened and what it means, in the reader's language.
    pub text: String,
    /// One next step.
    pub next_step: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Which notice; one of each is open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeCode {
    /// A class works in a language that the installed model does not speak.
    ModelLanguage,
    /// No model is installed.
    NoModel,
    /// The engine keeps crashing.
    EngineResting,
    /// The clock was set back.
    ClockSetBack,
    /// The disk is nearly full.
    DiskLow,
    /// A refresh token was used twice: a session was ended.
    TokenReuse,
    /// The hub cannot be found by name on the network.
    NotAnnounced,
    /// The audit log does not fit its own chain.
    AuditBroken,
    /// What is kept too long could not be removed.
    RetentionFailed,
    /// Starter problems that came anew with the hub were not loaded over what the school has made of them.
    StarterKept,
    /// No backup has worked for too long.
    BackupFailing,
    /// Another machine with this hub's identity writes backups.
    TwoHubs,
    /// The record was put back to an earlier state: a new epoch began.
    RecordPutBack,
    /// The database was damaged and was replaced by a verified backup; the evidence was kept.
    DatabaseReplaced,
    /// The recovery sheet has not been printed and put away.
    SheetMissing,
    /// Ledgers of targets that could not be read at a restore have not been applied yet.
    LedgersUnseen,
    /// Single answers do not fit their hashes, or other rows cannot be read; the hub serves all that is there.
    RecordDamaged,
}

/// An error by RFC 9457, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:dreamseed:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What happened and what it means, safe to show.
    pub detail: String,
    pub code: ProblemCode,
    /// One next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request's id, which the log has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// What a client may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    BadRequest,
    /// The body is not the JSON that was expected.
    BadBody,
    TooLarge,
    /// No or no longer valid sign-in.
    SignInNeeded,
    /// Name or secret is wrong.
    WrongSecret,
    /// Too many wrong tries: wait.
    TooManyTries,
    /// More requests than one user and device may send in a minute.
    TooManyRequests,
    /// Staff and parents cannot sign in over plain HTTP.
    PlainHttp,
    NotAllowed,
    NotFound,
    MethodNotAllowed,
    /// The same attempt id with another answer.
    OtherAnswer,
    UnknownProblem,
    /// The lesson is over and the answer was given after its end.
    LessonClosed,
    /// The lesson is paused.
    LessonPaused,
    /// The exam keeps its grades until it is closed, or was handed in already.
    ExamRunning,
    /// What was previewed is no longer what would happen: look at the preview again.
    Changed,
    /// The file cannot be read as what it should be.
    BadFile,
    /// A reason must be given.
    ReasonNeeded,
    WeakPassword,
    /// A login name or a number is taken.
    Taken,
    /// A field has a value that cannot be.
    BadField,
    /// The solution or help is not released yet.
    NotReleased,
    /// The hub is busy: try again.
    Busy,
    /// The disk is full: reading works, writing does not.
    DiskFull,
    /// The request named another host than this hub.
    WrongHost,
    Timeout,
    Internal,
}
