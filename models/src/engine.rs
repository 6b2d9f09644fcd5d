//! The seam between the hub and whatever writes text: a request, a stream of events, and the engine's state.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

/// Text that many requests begin with: the rules, then the problem. Computed once and reused by everyone whose
/// segments have the same keys in the same order; each ends at a special-token boundary of the chat template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Names the content: two segments with one key have one text.
    pub key: String,
    pub text: String,
}

/// Which requests go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A pupil waits for it.
    Lesson,
    Api,
    Idle,
}

/// One text to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenRequest {
    /// System-role texts, shared between requests, in order from the most to the least shared.
    pub shared: Vec<Segment>,
    /// The user-role text: this pupil's answer, language and hint level.
    pub own: String,
    /// The reply must be JSON of this schema.
    pub schema: Option<serde_json::Value>,
    pub lane: Lane,
    /// For fairness only; the engine never learns who it is.
    pub class: Option<uuid::Uuid>,
    pub pupil: Option<uuid::Uuid>,
    /// From the call of `generate` to the last token; past it the stream fails with [`GenFailure::Deadline`].
    pub deadline: Duration,
    pub max_tokens: u32,
}

/// What happens to a request, in this order: `Queued`* `Started` `Text`* (`Done` | `Failed`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum GenEvent {
    /// Requests that are served before this one, and the expected wait.
    Queued {
        ahead: u32,
        expected_wait_ms: u32,
    },
    Started,
    /// Whole characters only: a Hangul syllable that spans tokens comes in one piece.
    Text {
        text: String,
    },
    Done {
        usage: Usage,
    },
    Failed {
        why: GenFailure,
    },
}

/// What a reply cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, shared segments included.
    pub prompt_tokens: u32,
    /// Prompt tokens that were really computed for this request; the rest was reused.
    pub computed_tokens: u32,
    pub reply_tokens: u32,
    /// From the request to its first token.
    pub first_token_ms: u32,
    pub total_ms: u32,
    /// The reply reached `max_tokens`.
    pub cut: bool,
}

/// Why there is no (whole) reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum GenFailure {
    #[error("no model is loaded")]
    NoModel,
    #[error("the engine's queue is full")]
    QueueFull,
    #[error("the deadline has passed")]
    Deadline,
    #[error("the prompt is longer than the model's context")]
    PromptTooLong,
    #[error("the engine process ended")]
    EngineDied,
    #[error("the reply schema cannot be turned into a grammar")]
    BadSchema,
    #[error("the model could not be computed")]
    Compute,
}

/// The receiving end of a request. Dropping it cancels the request at the next step.
pub type GenStream = mpsc::Receiver<GenEvent>;

/// Whatever writes text: llama.cpp in a child process, or a script in tests.
pub trait Engine: Send + Sync + 'static {
    /// Takes a request; the answer always comes through the stream, errors too. Never blocks.
    fn generate(&self, request: GenRequest) -> GenStream;

    /// The engine's state, now and whenever it changes.
    fn status(&self) -> watch::Receiver<EngineStatus>;
}

/// The engine's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EngineStatus {
    pub phase: EnginePhase,
    /// The catalogue id of the loaded model, or its file name.
    pub model: Option<String>,
    /// Languages (BCP 47) in which the model may speak to pupils.
    pub languages: Vec<String>,
    /// `cpu`, `vulkan`, `cuda` or `scripted`.
    pub backend: String,
    pub running: u32,
    pub waiting: u32,
    /// How often the child had to be started again.
    pub restarts: u32,
}

/// Whether text can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnginePhase {
    #[default]
    NoModel,
    Starting,
    Ready,
    Restarting,
    /// Three crashes in a row: resting before the next try.
    Resting,
}
