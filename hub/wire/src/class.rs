//! Classes, their pupils and the problems given to them.

use crate::{Language, attempt::AttemptView, ids::*, problem::ProblemSummary, progress::Progress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for the names of a class; the code is given to a device once, since names are personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRoster {
    /// Eight letters and digits, such as `K7RM-2QXW`; case and the dash do not matter.
    pub class_code: String,
}

/// The names to choose from at sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Roster {
    pub class_id: ClassId,
    pub class_name: String,
    pub language: Language,
    pub pupils: Vec<RosterEntry>,
}

/// A name on the sign-in screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterEntry {
    pub pupil_id: UserId,
    pub number: u16,
    pub name: String,
}

/// A class in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassSummary {
    pub class_id: ClassId,
    pub name: String,
    pub grade: u8,
    pub school_year: u16,
    pub language: Language,
    pub pupils: u32,
}

/// A class with its pupils and settings, for its teachers and the admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassDetail {
    #[serde(flatten)]
    pub summary: ClassSummary,
    pub class_code: String,
    pub settings: ClassSettings,
    pub pupils_list: Vec<RosterEntry>,
    pub teachers: Vec<String>,
    pub lessons: Vec<LessonView>,
}

/// A new class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddClass {
    pub name: String,
    pub grade: u8,
    pub school_year: u16,
    #[serde(default)]
    pub language: Language,
    /// Who teaches it; a teacher who makes a class teaches it.
    #[serde(default)]
    pub teachers: Vec<UserId>,
}

/// What the teacher has decided for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassSettings {
    /// Help comes by itself after a wrong answer.
    pub auto_feedback: bool,
    /// The worked solution may be seen after this many wrong tries; never if absent.
    pub solution_after_tries: Option<u8>,
}

/// A new pupil in a class; without a PIN the hub makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPupil {
    pub number: u16,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

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
    Exam,
}

/// Whether pupils can work in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LessonState {
    #[default]
    Open,
    Paused,
    Closed,
}

/// Gives problems to a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenLesson {
    pub title: String,
    pub problem_ids: Vec<ProblemId>,
    #[serde(default)]
    pub hint_ceiling: HintCeiling,
}

/// Problems given to a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonView {
    pub lesson_id: LessonId,
    pub class_id: ClassId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub state: LessonState,
    pub problems: Vec<ProblemSummary>,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
}

/// A pupil's page for their teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PupilPage {
    pub pupil: RosterEntry,
    pub progress: Progress,
    /// The newest first, with what the model wrote.
    pub attempts: Vec<AttemptView>,
}
