//! The class as it works: one picture, then what changes.

use crate::{attempt::CellState, class::RosterEntry, ids::*, problem::ProblemSummary};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The class now. Computed once in the hub; every face shows the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassLive {
    pub class_id: ClassId,
    pub lesson_id: Option<LessonId>,
    pub title: String,
    pub problems: Vec<ProblemSummary>,
    pub pupils: Vec<LivePupil>,
    /// Pass as `Last-Event-ID` to get what changed since this picture.
    pub last_event: i64,
}

/// A row of the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LivePupil {
    pub pupil: RosterEntry,
    /// Signed in now.
    pub present: bool,
    /// In the order of the problems.
    pub cells: Vec<LiveCell>,
}

/// A pupil and a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveCell {
    pub problem_version_id: ProblemVersionId,
    pub state: CellState,
    pub tries: u32,
    pub last_attempt: Option<AttemptId>,
}

impl LiveCell {
    /// A problem the pupil has not tried.
    pub fn not_started(problem_version_id: ProblemVersionId) -> Self {
        LiveCell { problem_version_id, state: CellState::NotStarted, tries: 0, last_attempt: None }
    }
}

/// Something changed in a class. The event id of the stream is `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// An answer was graded, or help changed the cell's state.
    Cell {
        pupil_id: UserId,
        lesson_id: Option<LessonId>,
        cell: LiveCell,
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
    },
    Presence {
        pupil_id: UserId,
        present: bool,
    },
    /// The lesson or its problems changed, or too much was missed: fetch the picture again.
    Refetch,
}
