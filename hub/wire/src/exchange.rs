//! Problems from and for other programs: what was taken, changed or refused, and why.

use crate::ids::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file format of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemFormat {
    /// docs.moodle.org GIFT_format.
    Gift,
    /// docs.moodle.org Moodle_XML_format.
    MoodleXml,
}

/// What becomes of each item of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    pub format: ProblemFormat,
    pub items: Vec<ImportItem>,
    pub taken: u32,
    pub changed: u32,
    /// Not made again.
    pub known: u32,
    pub refused: u32,
    /// Names this preview; given back with the import.
    pub digest: String,
}

/// One item of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportItem {
    /// Counted from 1 in the file.
    pub position: u32,
    /// The line where it begins, if the format has lines.
    pub line: Option<u32>,
    pub title: String,
    pub outcome: ImportOutcome,
    /// What was changed or why it was refused, one sentence each in the reader's language.
    pub remarks: Vec<String>,
    /// Set once it has been kept.
    pub problem_id: Option<ProblemId>,
}

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    Taken,
    /// Taken, but something of it has no place here.
    Changed,
    /// The school has it already, or it stands in the file before: not made again.
    Known,
    Refused,
}

/// Asks for problems in another program's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportProblems {
    pub format: ProblemFormat,
    /// All that are not archived if empty.
    #[serde(default)]
    pub problem_ids: Vec<ProblemId>,
}
