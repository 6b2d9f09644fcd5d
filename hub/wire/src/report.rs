//! Reports for teachers: a class over its skills, difficult problems, who needs help; a pupil over time.

use crate::{class::RosterEntry, ids::*, progress::MasteryLevel};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A class: pupils × skills, difficult problems, who needs help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClassReport {
    pub class_id: ClassId,
    pub class_name: String,
    /// Days the lists of problems and of help are about, `YYYY-MM-DD`, both included.
    pub from: String,
    pub to: String,
    pub answers: u32,
    /// Columns of the heat map.
    pub skills: Vec<ReportSkill>,
    /// Rows of the heat map, by number.
    pub pupils: Vec<ReportRow>,
    /// The hardest first.
    pub problems: Vec<DifficultProblem>,
    /// Most urgent first.
    pub needs_help: Vec<NeedsHelp>,
}

/// A skill of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportSkill {
    pub skill: String,
    pub name: String,
}

/// A pupil's row of the heat map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportRow {
    pub pupil: RosterEntry,
    pub answers: u32,
    /// The last day with an answer.
    pub last_day: Option<String>,
    /// In the order of the skills; absent where nothing was tried.
    pub cells: Vec<Option<ReportCell>>,
}

/// A pupil and a skill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportCell {
    /// The estimated chance that the skill is known, 0 to 1.
    pub mastery: f64,
    pub level: MasteryLevel,
    pub attempts: u32,
    pub right: u32,
}

/// A problem that the class found hard, with the wrong answers it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifficultProblem {
    pub problem_version_id: ProblemVersionId,
    pub title: String,
    pub skill: String,
    pub pupils_tried: u32,
    pub pupils_solved: u32,
    pub tries: u32,
    /// The most frequent first, five at most.
    pub wrong_answers: Vec<WrongAnswer>,
}

/// A wrong answer and how often it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongAnswer {
    /// As a person reads it.
    pub answer: String,
    pub count: u32,
    pub misconception: Option<String>,
}

/// A pupil who needs somebody, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NeedsHelp {
    pub pupil: RosterEntry,
    pub reasons: Vec<NeedReason>,
}

/// Why a pupil needs somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NeedReason {
    /// Problems tried three times or more and not solved.
    Stuck { problems: u32, skill: String, skill_name: String },
    /// The share of right first tries of the last seven days against the weeks before.
    Falling { before: f64, now: f64 },
    /// No answer for this many days; `None` if there never was one.
    NotUsed { days: Option<u32> },
}

/// A pupil over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PupilReport {
    pub pupil: RosterEntry,
    pub skills: Vec<SkillOverTime>,
}

/// One skill, week by week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillOverTime {
    pub skill: String,
    pub name: String,
    /// Oldest first; weeks without work are left out.
    pub weeks: Vec<SkillWeek>,
}

/// A week of work on a skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillWeek {
    /// The Monday, `YYYY-MM-DD`.
    pub week: String,
    pub attempts: u32,
    pub right: u32,
    /// At the end of the week.
    pub mastery: f64,
}

/// Asks for a file with pupils' data; the reason goes into the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportClass {
    pub what: ExportKind,
    pub reason: String,
    /// `YYYY-MM-DD`; from the beginning and until today if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// Pupils × skills.
    Skills,
    /// One line for each answer.
    Answers,
    /// Difficult problems with the wrong answers.
    Problems,
    /// 학년, 반, 번호, 이름: what an import reads.
    Roster,
}
