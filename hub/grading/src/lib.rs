//! Grades answers by code, never by a model. Pure: no clock, no I/O, no state.
//!
//! The walk of one answer: [`grade`] picks the kind (`kinds/`), the kind reads what the pupil wrote
//! (`normalise` evens out the spelling, the kind's own reader finds the value), compares it with the key *by value*
//! and only then looks at the form that was asked for. What cannot be read is [`Grade::NotUnderstood`], which holds
//! nothing against the pupil; it is never guessed.
//!
//! Beside it: [`mastery`] folds answers into progress, [`leak`] says whether a text gives the answer away,
//! [`expression`] evaluates an author's check, and [`validate`] makes sure that a saved problem can be graded.

mod describe;
mod draft;
pub mod expression;
mod kinds;
pub mod leak;
pub mod mastery;
mod normalise;
mod svg;

pub use describe::describe;
pub use draft::{DraftFault, DraftReason, grade_draft, validate};
pub use svg::{SvgFault, check_svg};

use dreamseed_wire::{
    answer::{Answer, Grade, Unreadable},
    authoring::{AnswerKey, CommonWrong},
};

/// A key that cannot grade anything. [`validate`] keeps such keys from being saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GradeError {
    /// The value of a number key is not a bare number.
    #[error("the key's value cannot be read as a number: {0:?}")]
    Value(Unreadable),
    /// The tolerance of a number key is not a bare number.
    #[error("the key's tolerance cannot be read as a number: {0:?}")]
    Tolerance(Unreadable),
    /// The tolerance of a number key is below zero.
    #[error("the key's tolerance is negative")]
    NegativeTolerance,
    /// A choice key names no choice, or something that cannot be the id of one.
    #[error("the key names no choice")]
    NoChoice,
    /// A short-text key accepts nothing.
    #[error("the key accepts no text")]
    NoAccepted,
    /// An ordering key has fewer than two items, one twice, or something that cannot be the id of one.
    #[error("the key is no order of two or more items")]
    NoOrder,
    /// A matching key has no pair, one of the left twice, or something that cannot be an id.
    #[error("the key gives no pairs, or one of the left two partners")]
    NoPairs,
    /// A cloze key has no gap, one twice, or something that cannot be the id of one.
    #[error("the key fills no gaps, or one twice")]
    NoGaps,
}

/// Grades `answer` against `key`.
///
/// Every answer gets a grade: one that cannot be read is [`Grade::NotUnderstood`] with the reason, one of another
/// kind than the key is [`Unreadable::OtherKind`]. The key does not list the choices of its question, so a
/// well-formed id that no choice has is simply not the right one here; [`grade_draft`] knows the choices.
///
/// # Errors
/// The key itself is broken; this cannot happen for a draft that passed [`validate`].
pub fn grade(key: &AnswerKey, answer: &Answer) -> Result<Grade, GradeError> {
    kinds::grade(key, answer)
}

/// The common wrong answer that `answer` is, compared by value with the reader of its kind: `0.50` finds `1/2`.
///
/// Where the listed answer names a unit, the pupil's must name the same one. `None` too if the key is broken.
pub fn find_misconception<'a>(
    common: &'a [CommonWrong],
    key: &AnswerKey,
    answer: &Answer,
) -> Option<&'a CommonWrong> {
    common.iter().find(|wrong| kinds::is_same(key, &wrong.answer, answer))
}
