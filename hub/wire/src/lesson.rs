//! Lessons: problems given to a class or some of it, how they are held, and what pupils are told meanwhile.

use crate::{ids::*, problem::ProblemSummary};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far help may go in a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintCeiling {
    None,
    Nudge,
    #[default]
    Concept,
    WorkedStep,
}

/// Practice, or an exam without help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LessonMode {
    #[default]
    Practice,
    /// No help, no grades until it is closed, one sitting, each pupil in an order of their own.
    Exam,
}

/// Whether pupils can work in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LessonState {
    #[default]
    Open,
    /// 앞을 보세요: everyone's screen waits, time stands still.
    Paused,
    Closed,
}

/// For whom a lesson is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LessonFor {
    /// Everybody in the class, also who joins later.
    Class,
    /// These pupils of the class, at least one.
    Pupils {
        #[schema(min_items = 1)]
        pupil_ids: Vec<UserId>,
    },
}

/// Gives problems to a class, to a group or to some pupils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenLesson {
    pub title: String,
    pub problem_ids: Vec<ProblemId>,
    #[serde(default)]
    pub mode: LessonMode,
    /// Ignored in exams, which have no help.
    #[serde(default)]
    pub hint_ceiling: HintCeiling,
    pub whom: LessonFor,
    /// Minutes until it closes by itself, 1 to 300; an exam must have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u16>,
}

/// More (or less) time for a lesson that is open or paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendLesson {
    /// Minutes to add, -60 to 120, not 0; the end never moves before now.
    pub minutes: i16,
}

/// A lesson as its teacher sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonView {
    pub lesson_id: LessonId,
    pub class_id: ClassId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub state: LessonState,
    pub problems: Vec<ProblemSummary>,
    pub whom: LessonFor,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When time is up; absent without a limit. While paused it is what it would be if the lesson went on now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// Of an exam: how many pupils have been shown grades of it since it ended. If it is opened again, what they had
    /// answered before counts.
    #[serde(default)]
    pub grades_seen: u32,
}

/// A pupil's one sitting of an exam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sitting {
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub handed_in_at: Option<Timestamp>,
}

/// A teacher's note to a pupil, shown at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendNote {
    #[schema(max_length = 500)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson_id: Option<LessonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_version_id: Option<ProblemVersionId>,
}

/// Opens the next authored step or the worked solution of a problem for one pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenForPupil {
    pub problem_version_id: ProblemVersionId,
    pub what: OpenedKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson_id: Option<LessonId>,
}

/// What a teacher can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenedKind {
    /// The author's next hint that the pupil has not been given by the teacher yet.
    Step,
    Solution,
}

/// What a pupil was told, newest first in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PupilNote {
    pub note_id: NoteId,
    pub kind: NoteKind,
    /// The note, the opened step or solution (Markdown with LaTeX), or a kind sentence on a corrected grade.
    pub text: String,
    pub lesson_id: Option<LessonId>,
    pub problem_version_id: Option<ProblemVersionId>,
    pub problem_title: Option<String>,
    /// The teacher's name; absent if the hub itself speaks.
    pub from: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    pub seen: bool,
}

/// Why a pupil is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    Note,
    Step,
    Solution,
    Regraded,
}

/// What happens to a pupil's own screen, pushed. The stream begins with `Lessons`, also after a break: fetch
/// `GET /me/problems` and `GET /me/notes`, and nothing is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PupilEvent {
    /// Lessons were opened, paused, went on, were extended or closed, or grades changed: fetch them again.
    Lessons,
    Note {
        note: PupilNote,
    },
    /// Every second, so that a dead line is noticed after three.
    Beat {
        #[schema(value_type = String, format = DateTime)]
        server_time: Timestamp,
    },
}
