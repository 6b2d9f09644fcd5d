//! A problem as pupils and staff see it in lists and while solving. Nothing here tells the answer.

use crate::{ids::*, question::Question};
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

/// One lesson and its problems in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LessonProblems {
    pub lesson_id: LessonId,
    pub title: String,
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
    pub solved: bool,
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
