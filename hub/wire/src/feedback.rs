//! Help after an answer: the authored hint, and what the local model writes.

use crate::{Language, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Help has been asked for; follow it at `url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HelpTicket {
    pub feedback_id: FeedbackId,
    /// Server-sent events of [`FeedbackEvent`].
    pub url: String,
}

/// One event of the help stream. A listener that comes late gets what it missed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FeedbackEvent {
    /// Requests that are served before this one, and the expected wait.
    Queued { ahead: u32, expected_wait_ms: u32 },
    /// The hint that the problem's author wrote; it comes when the model is late, absent or speaks another language.
    Hint { text: String, reason: HintReason },
    /// More of the model's text.
    Token { text: String },
    /// The end; `written_by_ai` tells whether the tokens before it are help that the model wrote.
    Done { written_by_ai: bool },
    /// No help can be given; the screen offers one next step.
    Failed { reason: FeedbackFailure },
}

/// Why the authored hint is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintReason {
    /// The model had not begun after three seconds; its text joins when ready.
    ModelIsLate,
    /// No model is installed or it is down.
    NoModel,
    /// The model does not speak the pupil's language.
    OtherLanguage,
    /// The model's text was stopped because it told the answer.
    ToldTheAnswer,
    /// The pupil has asked for more help in a minute than the model gives one pupil.
    TooMany,
    /// A guardian has not agreed to help by the model, or no longer does.
    NoConsent,
}

/// Why there is no help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackFailure {
    /// The pupil has moved on.
    Expired,
    /// The problem has no authored hint and no model answered.
    NothingToSay,
    /// The reader's sign-in has ended; sign in again and go on from the last event.
    SignedOut,
}

/// Help as it is kept: the transcript a teacher reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feedback {
    pub feedback_id: FeedbackId,
    pub state: FeedbackState,
    pub language: Language,
    /// The authored hint that was shown, if it was.
    pub hint: Option<String>,
    /// What the model wrote, if it wrote anything.
    pub ai_text: Option<String>,
    /// It wrote something that is no longer kept.
    #[serde(default)]
    pub ai_text_removed: bool,
    /// Which model wrote it.
    pub model: Option<String>,
    /// The pupil's verdict.
    pub helpful: Option<bool>,
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
}

/// Where a piece of help stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackState {
    Pending,
    Running,
    Done,
    Expired,
    Failed,
}

/// The pupil's verdict on a piece of help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateFeedback {
    pub helpful: bool,
}
