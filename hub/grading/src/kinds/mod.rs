//! One file a kind of question; this file only picks.

pub(crate) mod cloze;
pub(crate) mod matching;
pub(crate) mod multiple_choice;
pub(crate) mod number;
pub(crate) mod ordering;
pub(crate) mod short_text;
pub(crate) mod single_choice;
mod true_false;

use crate::GradeError;
use dreamseed_wire::{
    answer::{Answer, Grade, Unreadable},
    authoring::AnswerKey,
};

/// Grades by the key's kind; an answer of another kind is not understood.
pub(crate) fn grade(key: &AnswerKey, answer: &Answer) -> Result<Grade, GradeError> {
    let grade = match (key, answer) {
        (AnswerKey::SingleChoice { choice }, Answer::SingleChoice { choice: given }) => {
            single_choice::grade(choice, given)?
        }
        (AnswerKey::MultipleChoice { choices }, Answer::MultipleChoice { choices: given }) => {
            multiple_choice::grade(choices, given)?
        }
        (
            AnswerKey::Number { value, tolerance, units, unit_required, lowest_terms, form },
            Answer::Number { text },
        ) => {
            let key =
                number::Key::read(value, tolerance.as_deref(), units, *unit_required, *lowest_terms, *form)?;
            number::grade(&key, text)
        }
        (AnswerKey::ShortText { accepted }, Answer::ShortText { text }) => short_text::grade(accepted, text)?,
        (AnswerKey::TrueFalse { value }, Answer::TrueFalse { value: given }) => {
            Ok(true_false::grade(*value, *given))
        }
        (AnswerKey::Ordering { order }, Answer::Ordering { order: given }) => ordering::grade(order, given)?,
        (AnswerKey::Matching { pairs }, Answer::Matching { pairs: given }) => matching::grade(pairs, given)?,
        (AnswerKey::Cloze { gaps }, Answer::Cloze { gaps: given }) => cloze::grade(gaps, given)?,
        (AnswerKey::SingleChoice { .. }, _)
        | (AnswerKey::MultipleChoice { .. }, _)
        | (AnswerKey::Number { .. }, _)
        | (AnswerKey::ShortText { .. }, _)
        | (AnswerKey::TrueFalse { .. }, _)
        | (AnswerKey::Ordering { .. }, _)
        | (AnswerKey::Matching { .. }, _)
        | (AnswerKey::Cloze { .. }, _) => Err(Unreadable::OtherKind),
    }
    .unwrap_or_else(|why| Grade::NotUnderstood { why });
    Ok(grade)
}

/// Whether two answers to the question of `key` say the same, by value. False if either cannot be read.
pub(crate) fn is_same(key: &AnswerKey, listed: &Answer, given: &Answer) -> bool {
    match (key, listed, given) {
        (
            AnswerKey::SingleChoice { choice: key },
            Answer::SingleChoice { choice: listed },
            Answer::SingleChoice { choice: given },
        ) => single_choice::is_same(key, listed, given),
        (
            AnswerKey::MultipleChoice { choices: key },
            Answer::MultipleChoice { choices: listed },
            Answer::MultipleChoice { choices: given },
        ) => multiple_choice::is_same(key, listed, given),
        (
            AnswerKey::Number { units, .. },
            Answer::Number { text: listed },
            Answer::Number { text: given },
        ) => number::is_same(units, listed, given),
        (
            AnswerKey::ShortText { .. },
            Answer::ShortText { text: listed },
            Answer::ShortText { text: given },
        ) => short_text::is_same(listed, given),
        (
            AnswerKey::TrueFalse { .. },
            Answer::TrueFalse { value: listed },
            Answer::TrueFalse { value: given },
        ) => listed == given,
        (
            AnswerKey::Ordering { order: key },
            Answer::Ordering { order: listed },
            Answer::Ordering { order: given },
        ) => ordering::is_same(key, listed, given),
        (
            AnswerKey::Matching { pairs: key },
            Answer::Matching { pairs: listed },
            Answer::Matching { pairs: given },
        ) => matching::is_same(key, listed, given),
        (AnswerKey::Cloze { gaps: key }, Answer::Cloze { gaps: listed }, Answer::Cloze { gaps: given }) => {
            cloze::is_same(key, listed, given)
        }
        (AnswerKey::SingleChoice { .. }, _, _)
        | (AnswerKey::MultipleChoice { .. }, _, _)
        | (AnswerKey::Number { .. }, _, _)
        | (AnswerKey::ShortText { .. }, _, _)
        | (AnswerKey::TrueFalse { .. }, _, _)
        | (AnswerKey::Ordering { .. }, _, _)
        | (AnswerKey::Matching { .. }, _, _)
        | (AnswerKey::Cloze { .. }, _, _) => false,
    }
}
