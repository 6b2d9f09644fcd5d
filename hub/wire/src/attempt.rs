//! One answer on its way in, and what comes back.

use crate::{
    answer::{Answer, Grade},
    delivery::Receipt,
    feedback::Feedback,
    ids::*,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An answer to be graded and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitAnswer {
    /// Made by the client (UUID version 7): sending the same answer again is harmless.
    pub attempt_id: AttemptId,
    /// The version the pupil saw, which is the one that is graded.
    pub problem_version_id: ProblemVersionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson_id: Option<LessonId>,
    pub answer: Answer,
    /// When the pupil answered, by the device's clock; a claim, never the order of record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub occurred_at: Option<Timestamp>,
    /// The enrolled device, if there is one, and its running number for this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_seq: Option<i64>,
}

/// The hub has kept the answer; this is its grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptReceipt {
    pub attempt_id: AttemptId,
    /// The stretch of record and the place in it: the answer's number for ever.
    pub epoch: i64,
    pub hub_seq: i64,
    /// The same place with the hub's proof of it, for the day on which a hub was put back.
    pub receipt: Receipt,
    /// Absent while an exam keeps its grades.
    pub grade: Option<Grade>,
    /// How often this pupil has tried this problem version, this time included.
    pub tries: u32,
    /// What the pupil may do next.
    pub next: NextSteps,
    /// Where help streams from, set when it is on its way already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_url: Option<String>,
}

/// What the pupil may do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextSteps {
    pub try_again: bool,
    pub help: bool,
    /// The teacher's setting allows the worked solution now.
    pub solution: bool,
}

/// The worked solution, released to this pupil.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleasedSolution {
    /// Markdown with LaTeX.
    pub solution: String,
}

/// An attempt with its grade and transcript, for its pupil and the pupil's teachers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub problem_title: String,
    pub lesson_id: Option<LessonId>,
    pub hub_seq: i64,
    /// Absent if the hub cannot read it any more, because its disk has damaged it; all else of it stands.
    pub answer: Option<Answer>,
    /// Absent for pupils while an exam keeps its grades.
    pub grade: Option<Grade>,
    pub graded_by: GradeSource,
    /// Why, if a person or a corrected key has changed the grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade_reason: Option<String>,
    /// What the pupil may have been thinking; for staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misconception: Option<String>,
    /// It reached the hub this long after time was up; its device says that it was given before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_by_secs: Option<u32>,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    pub feedback: Vec<Feedback>,
}

/// Who gave the grade that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradeSource {
    Code,
    Teacher,
    Regrade,
}

/// One cell of the class grid or of a pupil's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    NotStarted,
    Right,
    NotYet,
    /// Help has been asked for and the problem is not solved yet.
    Helping,
}
