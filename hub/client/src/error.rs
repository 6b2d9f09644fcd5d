//! What can go wrong in a call.

use dreamseed_wire::hub::{Problem, ProblemCode};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The hub refused, and said why.
    #[error("{} ({})", .0.detail, .0.kind)]
    Problem(Box<Problem>),
    /// The hub refused without a problem document: it is not a hub, or something stands in between.
    #[error("status {status} without a problem document")]
    Unexpected {
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// No connection, a broken one, or no reply in time.
    #[error("the hub could not be reached")]
    Transport(#[source] Cause),
    /// The reply is not what `wire` says.
    #[error("the hub's reply could not be read")]
    Decode(#[source] Cause),
    /// The address is not `http://host:port`.
    #[error("`{0}` is not the address of a hub; it looks like http://127.0.0.1:7443")]
    Address(String),
}

impl ClientError {
    /// The problem document, if the hub sent one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            ClientError::Problem(problem) => Some(problem),
            ClientError::Unexpected { .. }
            | ClientError::Transport(_)
            | ClientError::Decode(_)
            | ClientError::Address(_) => None,
        }
    }

    /// What the hub's refusal may be branched on.
    pub fn code(&self) -> Option<ProblemCode> {
        self.problem().map(|problem| problem.code)
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            ClientError::Problem(problem) => Some(problem.status),
            ClientError::Unexpected { status, .. } => Some(*status),
            ClientError::Transport(_) | ClientError::Decode(_) | ClientError::Address(_) => None,
        }
    }
}
