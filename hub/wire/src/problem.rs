//! A problem as pupils and staff see it in lists and while solving. Nothing here tells the answer.

use crate::{
    ids::*,
    lesson::{HintCeiling, LessonMode, LessonState, Sitting},
    question::Question,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A line in a list of problems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemSummary {
    pub problem_id: ProblemId,
    pub problem_version_id: ProblemVersionId,
    pub title: String,
    pub skill: String,
}

/// A problem in one language, ready to be solved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemView {
    pub problem_id: ProblemId,
    pub problem_version_id: ProblemVersionId,
    pub title: String,
    pub skill: String,
    /// Markdown with LaTeX between `$`.
    pub statement: String,
    /// An SVG drawing, cleaned by the hub, if the problem has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    pub question: Question,
}

/// A drawing with the words that replace it for those who do not see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    pub svg: String,
    pub alt: String,
}

/// What the pupil sees after signing in: the open lessons with their problems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyProblems {
    pub lessons: Vec<LessonProblems>,
}

/// One lesson of the pupil and its problems, in the pupil's own order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonProblems {
    pub lesson_id: LessonId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    /// Open or paused; exams that have closed stay for a day, with their grades.
    pub state: LessonState,
    /// When time is up, if there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// Exams only; absent until it has begun, and then the problems are there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sitting: Option<Sitting>,
    /// How many there are, also before an exam has begun.
    pub problem_count: u32,
    pub problems: Vec<ProblemSummary>,
}

/// Where a pupil stands with each problem they have touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyStanding {
    pub problems: Vec<ProblemStanding>,
}

/// A pupil and one problem version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemStanding {
    pub lesson_id: Option<LessonId>,
    pub problem_version_id: ProblemVersionId,
    pub tries: u32,
    /// Absent while an exam keeps its grades.
    pub solved: Option<bool>,
}

/// A skill of the curriculum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skill {
    /// Stable for ever, such as `frac-add-unlike`.
    pub id: String,
    pub name: String,
    /// School year: 5 and 6 primary, 7 first year of middle school.
    pub grade: u8,
    /// Korean curriculum codes (성취기준).
    pub codes: Vec<String>,
}
