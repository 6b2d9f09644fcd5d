//! Corrections of grades: a wrong key, or one grade by a teacher. Nothing is overwritten: each is a further revision.

use crate::{answer::Grade, authoring::AnswerKey, class::RosterEntry, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A corrected key for a problem; what it would change is asked for first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "key": { "kind": "number", "value": "5/6" }, "check": "1/2 + 1/3" }))]
pub struct CorrectKey {
    pub key: AnswerKey,
    /// The expression that must give the key's value, if the problem has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
}

/// Who would be graded otherwise under the corrected key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegradePreview {
    /// Answers to any version of the problem that were looked at.
    pub answers: u32,
    /// Of pupils that the reader may see.
    pub changes: Vec<RegradeChange>,
    /// Changes for pupils of other teachers, who are not named.
    pub elsewhere: u32,
    /// Grades by a teacher's own decision, which stay.
    pub kept_by_teacher: u32,
    /// Names this preview; given back when it is applied.
    pub digest: String,
}

/// One answer whose grade changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegradeChange {
    pub attempt_id: AttemptId,
    pub pupil: RosterEntry,
    pub class_name: Option<String>,
    pub answer: String,
    pub before: Grade,
    pub after: Grade,
}

/// Applies a corrected key as it was previewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRegrade {
    pub correction: CorrectKey,
    pub digest: String,
    /// Why, for the record; pupils are told kindly in words of the hub's own.
    pub reason: String,
}

/// A correction that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegradeView {
    pub regrade_id: RegradeId,
    pub problem_id: ProblemId,
    /// The version whose key counts now.
    pub key_version_id: ProblemVersionId,
    pub reason: String,
    pub by: Option<String>,
    /// Grades that changed.
    pub changed: u32,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<Timestamp>,
}

/// A teacher's own grade for one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideGrade {
    pub right: bool,
    pub reason: String,
}
