//! What a pupil answers, and the grade that code gives it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An answer as the pupil wrote it; understood by `grading`, never by a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    SingleChoice {
        choice: String,
    },
    MultipleChoice {
        choices: Vec<String>,
    },
    Number {
        /// As typed: `1,234`, `2와 1/2`, `２/３`, `3.5`. What is longer than 200 characters is kept and not understood.
        text: String,
    },
    ShortText {
        text: String,
    },
    TrueFalse {
        /// The pupil holds the claim for true.
        value: bool,
    },
    Ordering {
        /// Ids of all items, each once, first to last.
        order: Vec<String>,
    },
    Matching {
        /// One for each of the left, in any order.
        pairs: Vec<MatchPair>,
    },
    Cloze {
        /// One for each gap, in any order.
        gaps: Vec<GapAnswer>,
    },
}

/// One of the left with its partner among the right, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchPair {
    pub left: String,
    pub right: String,
}

/// What stands in one gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapAnswer {
    /// The gap's id.
    pub gap: String,
    /// As typed; for a gap with choices the id of one.
    pub text: String,
}

/// What code says of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Grade {
    Right,
    /// The value is right, the form asked for is not.
    RightButForm {
        what: FormFault,
    },
    Wrong,
    /// The answer could not be read; nothing is held against the pupil.
    NotUnderstood {
        why: Unreadable,
    },
}

/// The form that a right value lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormFault {
    /// 기약분수가 아님.
    LowestTerms,
    /// A mixed number was asked for.
    Mixed,
    /// A fraction was asked for.
    Fraction,
    /// A decimal was asked for.
    Decimal,
    /// The unit is missing or another one.
    Unit,
}

/// Why an answer could not be read; the screens turn it into one plain sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    Empty,
    TooLong,
    NotANumber,
    /// `3,50`: a comma groups thousands here, a point separates decimals.
    Comma,
    ZeroDenominator,
    TooLarge,
    UnknownChoice,
    /// The answer is of another kind than the question.
    OtherKind,
    /// An item, a pair or a gap is missing, or one is there twice.
    Incomplete,
}

impl Grade {
    /// Whether the answer counts as solved for progress.
    pub fn is_right(&self) -> bool {
        matches!(self, Grade::Right | Grade::RightButForm { .. })
    }
}
