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
    /// Whether what the statement claims is true.
    TrueFalse,
    /// All items, to be put in the order that the statement asks for.
    Ordering {
        /// In the order shown, which is not the answer's.
        items: Vec<Choice>,
    },
    /// Each of the left gets its partner among the right.
    Matching {
        left: Vec<Choice>,
        /// May hold more than are needed, and one may be the partner of several.
        right: Vec<Choice>,
    },
    /// A text with gaps to fill.
    Cloze {
        /// Markdown with LaTeX; the mark `[[a]]` stands, outside of formulas, where the gap of the id `a` is.
        text: String,
        gaps: Vec<Gap>,
    },
}

/// One gap of a cloze question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// Stable within the problem version, as in the mark in the text.
    pub id: String,
    pub entry: GapEntry,
}

/// How a gap is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GapEntry {
    /// A number in any form, as in [`Question::Number`].
    Number,
    /// A word or a short phrase.
    Text,
    /// One of these.
    Choice { choices: Vec<Choice> },
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
