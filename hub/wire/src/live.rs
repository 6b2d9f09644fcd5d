//! The class as it works: one picture, then what changes.

use crate::{
    attempt::CellState,
    class::RosterEntry,
    ids::*,
    lesson::{HintCeiling, LessonMode, LessonState},
    problem::ProblemSummary,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The class now. Computed once in the hub; every face shows the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassLive {
    pub class_id: ClassId,
    /// The lesson that is shown: the one that was asked for, else the newest open one, else the newest; absent if there is
    /// none.
    pub lesson: Option<LiveLesson>,
    /// The lessons of the class that are not over, newest first, the shown one among them. While there is more than one, who
    /// may need the teacher is told for each, so that a pupil who is stuck in one is seen while another is looked at.
    pub open_lessons: Vec<OpenLessonNow>,
    pub problems: Vec<ProblemSummary>,
    /// By number; only those the lesson is for.
    pub pupils: Vec<LivePupil>,
    /// Pass as `Last-Event-ID` to get what changed since this picture. Opaque.
    pub last_event: String,
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// The lesson in the live view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveLesson {
    pub lesson_id: LessonId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub state: LessonState,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// A lesson that is not over, beside the others of its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLessonNow {
    pub lesson: LiveLesson,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// How many pupils it is for.
    pub pupils: u32,
    /// The group whose pupils they are; absent for the whole class and for pupils picked one by one.
    pub group: Option<String>,
    /// Who may need the teacher in it, the gravest first; empty while it is the only one, since the grid tells it then.
    pub attention: Vec<PupilInNeed>,
}

/// A pupil who is stuck, waits for help or has been away for long. Each pupil stands in one lesson: the one in which they
/// worked last, or the one that was opened since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PupilInNeed {
    pub pupil: RosterEntry,
    pub standing: PupilStanding,
}

/// A row of the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LivePupil {
    pub pupil: RosterEntry,
    pub standing: PupilStanding,
    /// In the order of the problems.
    pub cells: Vec<LiveCell>,
}

/// How a pupil fares in the lesson, computed once in the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PupilStanding {
    pub state: PupilState,
    /// Signed in now, whatever the state.
    pub present: bool,
    /// Since when the state holds, if the hub knows.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Why the pupil is stuck, the gravest first; empty unless stuck.
    pub stuck: Vec<StuckReason>,
    /// The problem that it is about.
    pub problem_version_id: Option<ProblemVersionId>,
    /// Exam: when it was handed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub handed_in_at: Option<Timestamp>,
}

/// One word for a pupil in a lesson; the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PupilState {
    /// Every problem is solved, or the exam is handed in.
    Done,
    /// Not signed in, or nothing heard of for two minutes.
    Away,
    /// Waits for or reads the tutor's help.
    Asking,
    Stuck,
    NotStarted,
    Working,
}

/// Why a pupil is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum StuckReason {
    /// The same misconception at least twice in a row.
    SameMistake { misconception: String, times: u32 },
    /// At least three wrong tries in a row.
    WrongInRow { times: u32 },
    /// The help went as far as the lesson allows and the problem is not solved.
    HelpUsedUp { level: u8 },
    /// No problem solved for a long time though tries were made.
    LongOnOne { minutes: u32 },
}

/// A pupil and a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveCell {
    pub problem_version_id: ProblemVersionId,
    pub state: CellState,
    pub tries: u32,
    pub last_attempt: Option<AttemptId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
}

impl LiveCell {
    /// A problem the pupil has not tried.
    pub fn not_started(problem_version_id: ProblemVersionId) -> Self {
        LiveCell {
            problem_version_id,
            state: CellState::NotStarted,
            tries: 0,
            last_attempt: None,
            last_at: None,
        }
    }
}

/// Something changed in a class. The ids of the stream's events are opaque.
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
    /// A pupil's standing in an open lesson, or in the shown one, changed.
    Pupil { pupil_id: UserId, lesson_id: LessonId, standing: PupilStanding },
    /// The lesson was paused, went on or was extended.
    Lesson { lesson: LiveLesson },
    /// While more than one lesson is open: who needs the teacher in which, whenever that changes.
    OpenLessons { open_lessons: Vec<OpenLessonNow> },
    /// The lesson or its problems or pupils changed, or too much was missed: fetch the picture again.
    Refetch,
    /// Every second, so that a dead line is noticed after three.
    Beat {
        #[schema(value_type = String, format = DateTime)]
        server_time: Timestamp,
    },
}
