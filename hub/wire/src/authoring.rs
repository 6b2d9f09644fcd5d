//! What authors write and pupils must not see: keys, solutions, hints, common wrong answers.
//!
//! Reachable from staff routes only; a test walks the API description to keep it so.

use crate::{
    Language,
    answer::{Answer, Grade, MatchPair},
    ids::*,
    problem::Figure,
    question::{Choice, Gap, GapEntry, Question},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in one or both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Localised {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ko: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Localised {
    /// The text in `language`, else in the other one, else empty.
    pub fn get(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::Ko => (&self.ko, &self.en),
            Language::En => (&self.en, &self.ko),
        };
        first.as_deref().or(second.as_deref()).unwrap_or_default()
    }
}

/// A whole problem as its author writes it; also the format of `content/problems/*.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "skill": "frac-add-unlike",
    "title": { "ko": "분수의 합", "en": "A sum of fractions" },
    "statement": {
        "ko": "$\\frac{1}{2}+\\frac{1}{3}$은 얼마예요?", "en": "What is $\\frac{1}{2}+\\frac{1}{3}$?"
    },
    "question": { "kind": "number", "entry": "fraction" },
    "key": { "kind": "number", "value": "5/6", "lowest_terms": true },
    "check": "1/2 + 1/3",
    "solution": { "ko": "분모를 6으로 통분해서 더해요.", "en": "Make the denominators 6 and add." },
    "hints": [{ "ko": "두 분모를 먼저 살펴보세요.", "en": "Look at the two denominators first." }]
}))]
pub struct ProblemDraft {
    pub skill: String,
    pub title: Localised,
    /// Markdown with LaTeX between `$`.
    pub statement: Localised,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<FigureDraft>,
    pub question: QuestionDraft,
    pub key: AnswerKey,
    /// For numeric problems: an expression over exact rationals that gives the key's value by another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The worked solution, Markdown with LaTeX.
    pub solution: Localised,
    /// From the gentlest to the most telling; none tells the answer.
    #[serde(default)]
    pub hints: Vec<Localised>,
    #[serde(default)]
    pub common_wrong: Vec<CommonWrong>,
}

/// A figure with its description in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureDraft {
    pub svg: String,
    pub alt: Localised,
}

impl FigureDraft {
    /// The figure for one language.
    pub fn in_language(&self, language: Language) -> Figure {
        Figure { svg: self.svg.clone(), alt: self.alt.get(language).to_owned() }
    }
}

/// A [`Question`] with its texts in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum QuestionDraft {
    SingleChoice {
        choices: Vec<ChoiceDraft>,
    },
    MultipleChoice {
        choices: Vec<ChoiceDraft>,
    },
    Number {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        #[serde(default)]
        entry: crate::question::NumberEntry,
    },
    ShortText,
    TrueFalse,
    Ordering {
        /// In the order shown, which must not be the key's.
        items: Vec<ChoiceDraft>,
    },
    Matching {
        left: Vec<ChoiceDraft>,
        right: Vec<ChoiceDraft>,
    },
    Cloze {
        /// With the mark `[[a]]` for the gap `a`: each gap once in each language.
        text: Localised,
        gaps: Vec<GapDraft>,
    },
}

impl QuestionDraft {
    /// The question as a pupil sees it in one language.
    pub fn in_language(&self, language: Language) -> Question {
        let choices = |drafts: &[ChoiceDraft]| {
            drafts
                .iter()
                .map(|draft| Choice { id: draft.id.clone(), text: draft.text.get(language).to_owned() })
                .collect()
        };
        let gap = |draft: &GapDraft| Gap {
            id: draft.id.clone(),
            entry: match &draft.entry {
                GapEntryDraft::Number => GapEntry::Number,
                GapEntryDraft::Text => GapEntry::Text,
                GapEntryDraft::Choice { choices: drafts } => GapEntry::Choice { choices: choices(drafts) },
            },
        };
        match self {
            QuestionDraft::SingleChoice { choices: drafts } => {
                Question::SingleChoice { choices: choices(drafts) }
            }
            QuestionDraft::MultipleChoice { choices: drafts } => {
                Question::MultipleChoice { choices: choices(drafts) }
            }
            QuestionDraft::Number { unit, entry } => Question::Number { unit: unit.clone(), entry: *entry },
            QuestionDraft::ShortText => Question::ShortText,
            QuestionDraft::TrueFalse => Question::TrueFalse,
            QuestionDraft::Ordering { items } => Question::Ordering { items: choices(items) },
            QuestionDraft::Matching { left, right } => {
                Question::Matching { left: choices(left), right: choices(right) }
            }
            QuestionDraft::Cloze { text, gaps } => {
                Question::Cloze { text: text.get(language).to_owned(), gaps: gaps.iter().map(gap).collect() }
            }
        }
    }
}

/// A choice in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceDraft {
    pub id: String,
    pub text: Localised,
}

/// A [`Gap`] with its texts in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapDraft {
    pub id: String,
    pub entry: GapEntryDraft,
}

/// A [`GapEntry`] with its texts in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum GapEntryDraft {
    Number,
    Text,
    Choice { choices: Vec<ChoiceDraft> },
}

/// The right answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerKey {
    SingleChoice {
        choice: String,
    },
    MultipleChoice {
        choices: Vec<String>,
    },
    Number {
        /// `3/4`, `2 1/2`, `0.75`, `-12`.
        value: String,
        /// Half the width of what is accepted, as an exact number; exact if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<String>,
        /// Units that may be written after the number; the first is the proper one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        units: Vec<String>,
        /// The unit must be written.
        #[serde(default)]
        unit_required: bool,
        /// 기약분수로: a fraction must be in lowest terms.
        #[serde(default)]
        lowest_terms: bool,
        /// The form that is asked for, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<NumberForm>,
    },
    ShortText {
        /// Any of these; spaces, case and full width do not matter.
        accepted: Vec<String>,
    },
    TrueFalse {
        value: bool,
    },
    Ordering {
        /// Ids of all items, first to last.
        order: Vec<String>,
    },
    Matching {
        /// One for each of the left. A right that stands here twice may be used twice.
        pairs: Vec<MatchPair>,
    },
    Cloze {
        /// One for each gap.
        gaps: Vec<GapKey>,
    },
}

/// What belongs in one gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapKey {
    /// The gap's id.
    pub gap: String,
    pub key: GapKeyKind,
}

/// The right filling of a gap, by the kind of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum GapKeyKind {
    Number {
        /// `3/4`, `2 1/2`, `0.75`, `-12`.
        value: String,
        /// Half the width of what is accepted, as an exact number; exact if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<String>,
    },
    Text {
        /// Any of these; spaces, case and full width do not matter.
        accepted: Vec<String>,
    },
    Choice {
        choice: String,
    },
}

/// A form that a problem may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberForm {
    /// A proper or improper fraction.
    Fraction,
    /// A mixed number (대분수).
    Mixed,
    Decimal,
}

/// A wrong answer that many give, and what they were thinking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommonWrong {
    pub answer: Answer,
    /// The misconception in one sentence, for the teacher and the tutor's prompt.
    pub misconception: Localised,
}

/// A problem as stored, for its editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemForEditing {
    pub problem_id: ProblemId,
    pub problem_version_id: ProblemVersionId,
    pub version: u32,
    pub draft: ProblemDraft,
}

/// A problem in the staff's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemListing {
    pub problem_id: ProblemId,
    pub problem_version_id: ProblemVersionId,
    pub version: u32,
    pub title: Localised,
    pub skill: String,
    pub question_kind: String,
    pub archived: bool,
}

/// Tries an answer against a draft that is not saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryDraft {
    pub draft: ProblemDraft,
    pub answer: Answer,
}

/// What the draft says of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftTrial {
    pub grade: Grade,
    /// The misconception that the answer points to, if one is listed.
    pub misconception: Option<String>,
}
