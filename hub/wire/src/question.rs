//! What a pupil is asked: the part of a problem that may be seen before it is answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a problem is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// Exactly one of the choices.
    SingleChoice { choices: Vec<Choice> },
    /// Any number of the choices.
    MultipleChoice { choices: Vec<Choice> },
    /// A number, as an integer, decimal, fraction or mixed number.
    Number {
        /// Shown after the entry field, such as `cm²`; the pupil need not write it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// Which keys the entry field offers first.
        #[serde(default)]
        entry: NumberEntry,
    },
    /// A word or a short phrase.
    ShortText,
}

/// One choice of a choice question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// Stable within the problem version: `a`, `b`, `c` …
    pub id: String,
    /// Markdown with LaTeX.
    pub text: String,
}

/// Which entry helps the pupil first; every form of number is accepted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberEntry {
    #[default]
    Integer,
    Decimal,
    Fraction,
    Mixed,
}
