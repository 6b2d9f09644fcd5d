//! Classes, their pupils and the problems given to them.

use crate::{Language, attempt::AttemptView, ids::*, lesson::LessonView, progress::Progress};
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
    /// Whether the pupil can sign in with a PIN already; for staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_pin: Option<bool>,
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
    pub teachers: Vec<ClassTeacher>,
    pub groups: Vec<ClassGroup>,
    /// The newest 100 and those that are not over, newest first.
    pub lessons: Vec<LessonView>,
}

/// Who teaches a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassTeacher {
    pub user_id: UserId,
    pub name: String,
}

/// A named group of a class, to give lessons to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassGroup {
    pub group_id: GroupId,
    pub name: String,
    pub pupil_ids: Vec<UserId>,
}

/// Makes or changes a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGroup {
    pub name: String,
    pub pupil_ids: Vec<UserId>,
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

/// A pupil's page for their teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PupilPage {
    pub pupil: RosterEntry,
    pub progress: Progress,
    /// The newest first, with what the model wrote.
    pub attempts: Vec<AttemptView>,
}
