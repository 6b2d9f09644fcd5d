//! Makes sure that a problem can be shown and graded before it is saved, and names the field that is at fault.
//!
//! The walk of [`validate`]: skill, texts, figure, question, key, check, common wrong answers, hints — in the order of
//! the editor's form, up to the first fault.

use crate::{
    GradeError, SvgFault, check_svg,
    expression::{self, ExpressionError},
    grade,
    kinds::{cloze, matching, multiple_choice, number, ordering, short_text, single_choice},
    leak,
    normalise::{is_forbidden, squeeze_answer},
};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade, MatchPair, Unreadable},
    authoring::{
        AnswerKey, ChoiceDraft, GapDraft, GapEntryDraft, GapKey, GapKeyKind, Localised, ProblemDraft,
        QuestionDraft,
    },
};
use num_traits::One;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// The longest title, in bytes.
const MAX_TITLE: usize = 300;
/// The longest statement and the longest solution, in bytes.
const MAX_STATEMENT: usize = 8 * 1024;
/// The longest hint, choice, figure description and misconception, in bytes.
const MAX_LINE: usize = 2 * 1024;
/// The largest drawing, in bytes.
const MAX_SVG: usize = 64 * 1024;
const MIN_CHOICES: usize = 2;
const MAX_CHOICES: usize = 12;
const MAX_GAPS: usize = 12;
const MAX_HINTS: usize = 8;
const MAX_COMMON_WRONG: usize = 24;
const MAX_ACCEPTED: usize = 32;
const MAX_UNITS: usize = 12;
/// The longest unit, skill id and number of a key, in bytes.
const MAX_WORD: usize = 64;
const LANGUAGES: [Language; 2] = [Language::Ko, Language::En];

/// What is wrong with a draft, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DraftFault {
    /// The path of the field in the draft's JSON, such as `hints.1.ko` or `question.choices.0.id`.
    pub field: String,
    pub reason: DraftReason,
}

/// What is wrong with a field of a draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftReason {
    #[error("it is empty")]
    Blank,
    #[error("it is there in no language")]
    NoLanguage,
    #[error("the statement is there in `{}`, this is not", .0.code())]
    MissingLanguage(Language),
    #[error("this is there in `{}`, the statement is not", .0.code())]
    ExtraLanguage(Language),
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("it holds a control character or a mark that turns the writing direction")]
    ForbiddenCharacter,
    #[error("a skill's id is words of a-z and 0-9 with hyphens between, such as `frac-add-unlike`")]
    SkillShape,
    /// Said by who knows the list; [`validate`] does not.
    #[error("it is not on the list of skills")]
    UnknownSkill,
    #[error("there are fewer than {0}")]
    TooFew(usize),
    #[error("there are more than {0}")]
    TooMany(usize),
    #[error("a choice's id is up to 16 of a-z, 0-9, `-`, `_`")]
    ChoiceId,
    #[error("another choice has this id")]
    DuplicateChoice,
    /// Pupils could not tell them apart, and one of the two would be marked wrong.
    #[error("another choice says the same")]
    DuplicateText,
    #[error("the question has no such choice")]
    UnknownChoice,
    #[error("the items are shown in the right order already")]
    ShownInOrder,
    #[error("the key names this twice")]
    KeyRepeats,
    #[error("the key leaves out `{0}`")]
    KeyLacks(String),
    #[error("the text has no mark `[[{0}]]`")]
    GapUnmarked(String),
    #[error("the text has the mark `[[{0}]]` twice")]
    GapMarkedTwice(String),
    #[error("the text has the mark `[[{0}]]`, but there is no such gap")]
    UnknownGap(String),
    #[error("the mark `[[{0}]]` stands inside a formula; end the formula with `$` before it")]
    GapInFormula(String),
    #[error("the key is of another kind than the question")]
    KeyKind,
    #[error("{0}")]
    Key(#[from] GradeError),
    #[error("it cannot be read as a unit behind a number")]
    Unit,
    #[error("the key does not accept the unit that the question shows")]
    UnitNotAccepted,
    #[error("the question shows the unit, so it cannot be asked for")]
    UnitShown,
    #[error("a check belongs to a number key only")]
    CheckWithoutNumber,
    #[error("{0}")]
    Check(#[from] ExpressionError),
    #[error("it gives {0}, which is not the key's value")]
    CheckDiffers(String),
    #[error("the key takes this answer as right")]
    NotWrong,
    #[error("this answer cannot be read: {0:?}")]
    NotUnderstood(Unreadable),
    #[error("another entry is the same answer")]
    DuplicateAnswer,
    #[error("it tells the answer")]
    TellsAnswer,
    #[error("{0}")]
    Svg(#[from] SvgFault),
}

/// Checks a whole draft.
///
/// A draft that passes can be graded ([`grade`] has no error for its key), is there in the same languages throughout,
/// holds nothing that hides or runs, and tells its answer in no hint.
///
/// # Errors
/// The first field at fault.
pub fn validate(draft: &ProblemDraft) -> Result<(), DraftFault> {
    check_skill(&draft.skill).at("skill")?;
    let languages = check_languages(&draft.statement).at("statement")?;
    let check_text = |field: &str, text: &Localised, limit| check_localised(field, text, languages, limit);
    check_text("title", &draft.title, MAX_TITLE)?;
    check_text("statement", &draft.statement, MAX_STATEMENT)?;
    if let Some(figure) = &draft.figure {
        check_text("figure.alt", &figure.alt, MAX_LINE)?;
        check_plain(&figure.svg, MAX_SVG).at("figure.svg")?;
        check_svg(&figure.svg).map_err(DraftReason::Svg).at("figure.svg")?;
    }
    for (list, choices) in lists_of(&draft.question) {
        for (index, choice) in choices.iter().enumerate() {
            check_text(&format!("{list}.{index}.text"), &choice.text, MAX_LINE)?;
        }
    }
    if let QuestionDraft::Cloze { text, .. } = &draft.question {
        check_text("question.text", text, MAX_STATEMENT)?;
    }
    check_text("solution", &draft.solution, MAX_STATEMENT)?;
    check_key(draft)?;
    for (list, choices) in lists_of(&draft.question) {
        check_texts_differ(&list, choices)?;
    }
    check_check(draft).at("check")?;
    check_common_wrong(draft, languages)?;
    check_count(draft.hints.len(), 0, MAX_HINTS).at("hints")?;
    for (index, hint) in draft.hints.iter().enumerate() {
        let field = format!("hints.{index}");
        check_text(&field, hint, MAX_LINE)?;
        check_keeps_answer(draft, &field, hint)?;
    }
    Ok(())
}

/// Grades an answer to a whole problem: as [`grade`], and an id that no choice has is [`Unreadable::UnknownChoice`].
///
/// # Errors
/// The key is broken; cannot happen after [`validate`].
pub fn grade_draft(draft: &ProblemDraft, answer: &Answer) -> Result<Grade, GradeError> {
    let grade = grade(&draft.key, answer)?;
    // A right answer names only what the key names.
    if grade == Grade::Wrong && names_unknown(draft, answer) {
        return Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice });
    }
    Ok(grade)
}

/// Whether a readable answer names a choice that the question does not have. Items, the left and gaps are all in the
/// key, which knows them by itself.
fn names_unknown(draft: &ProblemDraft, answer: &Answer) -> bool {
    match (&draft.question, &draft.key, answer) {
        (
            QuestionDraft::SingleChoice { choices },
            AnswerKey::SingleChoice { choice: key },
            Answer::SingleChoice { choice },
        ) => single_choice::read(key, choice).is_ok_and(|id| !ids_of(choices).contains(&id)),
        (
            QuestionDraft::MultipleChoice { choices },
            AnswerKey::MultipleChoice { choices: key },
            Answer::MultipleChoice { choices: given },
        ) => {
            let key = multiple_choice::read_key(key).unwrap_or_default();
            multiple_choice::read(&key, given).is_ok_and(|ids| !ids.is_subset(&ids_of(choices)))
        }
        (
            QuestionDraft::Matching { right, .. },
            AnswerKey::Matching { pairs: key },
            Answer::Matching { pairs },
        ) => {
            let (key, known) = (matching::read_key(key).unwrap_or_default(), ids_of(right));
            matching::read(&key, pairs).is_ok_and(|pairs| pairs.values().any(|id| !known.contains(id)))
        }
        (
            QuestionDraft::Cloze { gaps, .. },
            AnswerKey::Cloze { gaps: key },
            Answer::Cloze { gaps: given },
        ) => {
            let Ok(key) = cloze::read_key(key) else { return false };
            let Ok(texts) = cloze::read(&key, given) else { return false };
            gaps.iter().any(|gap| match (&gap.entry, key.get(&gap.id), texts.get(&gap.id)) {
                (GapEntryDraft::Choice { choices }, Some(cloze::Filling::Choice(right)), Some(text)) => {
                    single_choice::read(right, text).is_ok_and(|id| !ids_of(choices).contains(&id))
                }
                (GapEntryDraft::Number | GapEntryDraft::Text | GapEntryDraft::Choice { .. }, _, _) => false,
            })
        }
        (
            QuestionDraft::SingleChoice { .. }
            | QuestionDraft::MultipleChoice { .. }
            | QuestionDraft::Number { .. }
            | QuestionDraft::ShortText
            | QuestionDraft::TrueFalse
            | QuestionDraft::Ordering { .. }
            | QuestionDraft::Matching { .. }
            | QuestionDraft::Cloze { .. },
            _,
            _,
        ) => false,
    }
}

fn ids_of(choices: &[ChoiceDraft]) -> BTreeSet<String> {
    choices.iter().filter_map(|choice| single_choice::read_id(&choice.id)).collect()
}

/// Names the field of a fault.
trait At<T> {
    fn at(self, field: impl Into<String>) -> Result<T, DraftFault>;
}

impl<T> At<T> for Result<T, DraftReason> {
    fn at(self, field: impl Into<String>) -> Result<T, DraftFault> {
        self.map_err(|reason| DraftFault { field: field.into(), reason })
    }
}

fn check_skill(skill: &str) -> Result<(), DraftReason> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let fits = skill.len() <= MAX_WORD
        && skill.starts_with(|c: char| c.is_ascii_lowercase())
        && skill.split('-').all(word);
    if fits { Ok(()) } else { Err(DraftReason::SkillShape) }
}

/// Whether a text is there in Korean and in English, in the order of [`LANGUAGES`].
fn check_languages(text: &Localised) -> Result<[bool; 2], DraftReason> {
    let there = [text.ko.is_some(), text.en.is_some()];
    if there.contains(&true) { Ok(there) } else { Err(DraftReason::NoLanguage) }
}

fn check_localised(
    field: &str,
    text: &Localised,
    languages: [bool; 2],
    limit: usize,
) -> Result<(), DraftFault> {
    let there = check_languages(text).at(field)?;
    for ((language, is_there), expected) in LANGUAGES.into_iter().zip(there).zip(languages) {
        let field = format!("{field}.{}", language.code());
        match (is_there, expected) {
            (true, true) => check_plain(text.get(language), limit).at(field)?,
            (false, true) => return Err(DraftReason::MissingLanguage(language)).at(field),
            (true, false) => return Err(DraftReason::ExtraLanguage(language)).at(field),
            (false, false) => {}
        }
    }
    Ok(())
}

fn check_plain(text: &str, limit: usize) -> Result<(), DraftReason> {
    if text.trim().is_empty() {
        Err(DraftReason::Blank)
    } else if text.len() > limit {
        Err(DraftReason::TooLong(limit))
    } else if text.chars().any(is_forbidden) {
        Err(DraftReason::ForbiddenCharacter)
    } else {
        Ok(())
    }
}

fn check_count(count: usize, least: usize, most: usize) -> Result<(), DraftReason> {
    if count < least {
        Err(DraftReason::TooFew(least))
    } else if count > most {
        Err(DraftReason::TooMany(most))
    } else {
        Ok(())
    }
}

/// Every list of choices with its field.
fn lists_of(question: &QuestionDraft) -> Vec<(String, &[ChoiceDraft])> {
    match question {
        QuestionDraft::SingleChoice { choices } | QuestionDraft::MultipleChoice { choices } => {
            vec![("question.choices".to_owned(), choices)]
        }
        QuestionDraft::Ordering { items } => vec![("question.items".to_owned(), items)],
        QuestionDraft::Matching { left, right } => {
            vec![("question.left".to_owned(), left), ("question.right".to_owned(), right)]
        }
        QuestionDraft::Cloze { gaps, .. } => (0..)
            .zip(gaps)
            .filter_map(|(index, gap): (usize, _)| match &gap.entry {
                GapEntryDraft::Choice { choices } => {
                    Some((format!("question.gaps.{index}.entry.choices"), choices.as_slice()))
                }
                GapEntryDraft::Number | GapEntryDraft::Text => None,
            })
            .collect(),
        QuestionDraft::Number { .. } | QuestionDraft::ShortText | QuestionDraft::TrueFalse => Vec::new(),
    }
}

/// Checks the question's own shape and that the key grades it.
fn check_key(draft: &ProblemDraft) -> Result<(), DraftFault> {
    match (&draft.question, &draft.key) {
        (QuestionDraft::SingleChoice { choices }, AnswerKey::SingleChoice { choice }) => {
            let ids = check_choices("question.choices", choices)?;
            check_key_choice(&ids, choice).at("key.choice")
        }
        (QuestionDraft::MultipleChoice { choices }, AnswerKey::MultipleChoice { choices: right }) => {
            let ids = check_choices("question.choices", choices)?;
            check_count(right.len(), 1, MAX_CHOICES).at("key.choices")?;
            for (index, choice) in right.iter().enumerate() {
                check_key_choice(&ids, choice).at(format!("key.choices.{index}"))?;
            }
            Ok(())
        }
        (
            QuestionDraft::Number { unit, .. },
            AnswerKey::Number { value, tolerance, units, unit_required, lowest_terms, form },
        ) => {
            check_number_words("key", value, tolerance.as_deref())?;
            let key =
                number::Key::read(value, tolerance.as_deref(), units, *unit_required, *lowest_terms, *form);
            key.map_err(|fault| fault_of_number("key", fault))?;
            check_units(unit.as_deref(), units, *unit_required)
        }
        (QuestionDraft::ShortText, AnswerKey::ShortText { accepted }) => check_accepted("key", accepted),
        (QuestionDraft::TrueFalse, AnswerKey::TrueFalse { .. }) => Ok(()),
        (QuestionDraft::Ordering { items }, AnswerKey::Ordering { order }) => check_order(items, order),
        (QuestionDraft::Matching { left, right }, AnswerKey::Matching { pairs }) => {
            check_pairs(left, right, pairs)
        }
        (QuestionDraft::Cloze { text, gaps }, AnswerKey::Cloze { gaps: key }) => check_gaps(text, gaps, key),
        (QuestionDraft::SingleChoice { .. }, _)
        | (QuestionDraft::MultipleChoice { .. }, _)
        | (QuestionDraft::Number { .. }, _)
        | (QuestionDraft::ShortText, _)
        | (QuestionDraft::TrueFalse, _)
        | (QuestionDraft::Ordering { .. }, _)
        | (QuestionDraft::Matching { .. }, _)
        | (QuestionDraft::Cloze { .. }, _) => Err(DraftReason::KeyKind).at("key.kind"),
    }
}

/// A list of choices, by its field.
fn check_choices(list: &str, choices: &[ChoiceDraft]) -> Result<BTreeSet<String>, DraftFault> {
    check_count(choices.len(), MIN_CHOICES, MAX_CHOICES).at(list)?;
    check_ids(list, choices.iter().map(|choice| choice.id.as_str()))
}

/// No two entries of a list say the same in a language, however they are spaced. Case counts: `a` and `A` may be two things.
fn check_texts_differ(list: &str, choices: &[ChoiceDraft]) -> Result<(), DraftFault> {
    for language in LANGUAGES {
        let mut seen = BTreeSet::new();
        for (index, choice) in choices.iter().enumerate() {
            let text = match language {
                Language::Ko => &choice.text.ko,
                Language::En => &choice.text.en,
            };
            let Some(text) = text else { continue };
            let words: Vec<String> = text.split_whitespace().map(|word| word.nfc().collect()).collect();
            if !seen.insert(words.join(" ")) {
                let field = format!("{list}.{index}.text.{}", language.code());
                return Err(DraftReason::DuplicateText).at(field);
            }
        }
    }
    Ok(())
}

/// The ids of a list's entries: sound, and each once.
fn check_ids<'a>(list: &str, ids: impl Iterator<Item = &'a str>) -> Result<BTreeSet<String>, DraftFault> {
    let mut known = BTreeSet::new();
    for (index, written) in ids.enumerate() {
        let field = format!("{list}.{index}.id");
        // The very id, not one that reads like it: ids are compared byte by byte elsewhere.
        let Some(id) = single_choice::read_id(written).filter(|id| id == written) else {
            return Err(DraftReason::ChoiceId).at(field);
        };
        if !known.insert(id) {
            return Err(DraftReason::DuplicateChoice).at(field);
        }
    }
    Ok(known)
}

/// What a number key holds as text; `key` is its field.
fn check_number_words(key: &str, value: &str, tolerance: Option<&str>) -> Result<(), DraftFault> {
    check_plain(value, MAX_WORD).at(format!("{key}.value"))?;
    tolerance.map_or(Ok(()), |tolerance| check_plain(tolerance, MAX_WORD).at(format!("{key}.tolerance")))
}

/// Which field of a number key cannot be read.
fn fault_of_number(key: &str, fault: GradeError) -> DraftFault {
    let field = match fault {
        GradeError::Tolerance(_) | GradeError::NegativeTolerance => "tolerance",
        GradeError::Value(_)
        | GradeError::NoChoice
        | GradeError::NoAccepted
        | GradeError::NoOrder
        | GradeError::NoPairs
        | GradeError::NoGaps => "value",
    };
    DraftFault { field: format!("{key}.{field}"), reason: DraftReason::Key(fault) }
}

fn check_accepted(key: &str, accepted: &[String]) -> Result<(), DraftFault> {
    check_count(accepted.len(), 1, MAX_ACCEPTED).at(format!("{key}.accepted"))?;
    for (index, text) in accepted.iter().enumerate() {
        let field = format!("{key}.accepted.{index}");
        check_plain(text, MAX_LINE).at(&field)?;
        if text.chars().count() > short_text::MAX_LENGTH {
            return Err(DraftReason::TooLong(short_text::MAX_LENGTH)).at(field);
        }
        if squeeze_answer(text).is_empty() {
            return Err(DraftReason::Blank).at(field);
        }
    }
    Ok(())
}

fn check_order(items: &[ChoiceDraft], order: &[String]) -> Result<(), DraftFault> {
    let ids = check_choices("question.items", items)?;
    check_covers(&ids, "key.order", "", order.iter().map(String::as_str))?;
    if ordering::read_key(order).is_none() {
        return Err(DraftReason::Key(GradeError::NoOrder)).at("key.order");
    }
    if items.iter().map(|item| &item.id).eq(order) {
        return Err(DraftReason::ShownInOrder).at("question.items");
    }
    Ok(())
}

fn check_pairs(left: &[ChoiceDraft], right: &[ChoiceDraft], pairs: &[MatchPair]) -> Result<(), DraftFault> {
    let left = check_choices("question.left", left)?;
    let right = check_choices("question.right", right)?;
    check_covers(&left, "key.pairs", ".left", pairs.iter().map(|pair| pair.left.as_str()))?;
    for (index, pair) in pairs.iter().enumerate() {
        check_key_choice(&right, &pair.right).at(format!("key.pairs.{index}.right"))?;
    }
    Ok(())
}

fn check_gaps(text: &Localised, gaps: &[GapDraft], key: &[GapKey]) -> Result<(), DraftFault> {
    check_count(gaps.len(), 1, MAX_GAPS).at("question.gaps")?;
    let ids = check_ids("question.gaps", gaps.iter().map(|gap| gap.id.as_str()))?;
    for (language, text) in LANGUAGES.into_iter().zip([&text.ko, &text.en]) {
        let Some(text) = text else { continue };
        check_marks(&ids, text).at(format!("question.text.{}", language.code()))?;
    }
    check_covers(&ids, "key.gaps", ".gap", key.iter().map(|gap| gap.gap.as_str()))?;
    for (index, gap) in gaps.iter().enumerate() {
        let Some((at, filling)) = (0..).zip(key).find(|(_, filling): &(usize, _)| filling.gap == gap.id)
        else {
            return Err(DraftReason::KeyLacks(gap.id.clone())).at("key.gaps");
        };
        let field = format!("key.gaps.{at}.key");
        match (&gap.entry, &filling.key) {
            (GapEntryDraft::Number, GapKeyKind::Number { value, tolerance }) => {
                check_number_words(&field, value, tolerance.as_deref())?;
                cloze::read_filling(&filling.key).map_err(|fault| fault_of_number(&field, fault))?;
            }
            (GapEntryDraft::Text, GapKeyKind::Text { accepted }) => check_accepted(&field, accepted)?,
            (GapEntryDraft::Choice { choices }, GapKeyKind::Choice { choice }) => {
                let ids = check_choices(&format!("question.gaps.{index}.entry.choices"), choices)?;
                check_key_choice(&ids, choice).at(format!("{field}.choice"))?;
            }
            (GapEntryDraft::Number | GapEntryDraft::Text | GapEntryDraft::Choice { .. }, _) => {
                return Err(DraftReason::KeyKind).at(format!("{field}.kind"));
            }
        }
    }
    Ok(())
}

/// Each gap is marked once, outside of formulas, and nothing else is.
fn check_marks(gaps: &BTreeSet<String>, text: &str) -> Result<(), DraftReason> {
    let mut marked = BTreeSet::new();
    for (place, id) in cloze::find_marks(text) {
        if !gaps.contains(id) {
            return Err(DraftReason::UnknownGap(id.chars().take(MAX_WORD).collect()));
        }
        // Behind an odd number of `$` a formula is open.
        let before = text.get(..place.start).unwrap_or_default().replace("\\$", "");
        if before.matches('$').count() % 2 == 1 {
            return Err(DraftReason::GapInFormula(id.to_owned()));
        }
        if !marked.insert(id) {
            return Err(DraftReason::GapMarkedTwice(id.to_owned()));
        }
    }
    match gaps.iter().find(|id| !marked.contains(id.as_str())) {
        Some(id) => Err(DraftReason::GapUnmarked(id.clone())),
        None => Ok(()),
    }
}

/// A key's list names each of the ids once and nothing else; `part` is the field of the id in an entry.
fn check_covers<'a>(
    ids: &BTreeSet<String>,
    list: &str,
    part: &str,
    named: impl Iterator<Item = &'a str>,
) -> Result<(), DraftFault> {
    let mut covered = BTreeSet::new();
    for (index, id) in named.enumerate() {
        let field = format!("{list}.{index}{part}");
        check_key_choice(ids, id).at(&field)?;
        if !covered.insert(id) {
            return Err(DraftReason::KeyRepeats).at(field);
        }
    }
    match ids.iter().find(|id| !covered.contains(id.as_str())) {
        Some(id) => Err(DraftReason::KeyLacks(id.clone())).at(list),
        None => Ok(()),
    }
}

fn check_key_choice(ids: &BTreeSet<String>, choice: &str) -> Result<(), DraftReason> {
    if ids.contains(choice) { Ok(()) } else { Err(DraftReason::UnknownChoice) }
}

fn check_units(shown: Option<&str>, units: &[String], required: bool) -> Result<(), DraftFault> {
    check_count(units.len(), usize::from(required), MAX_UNITS).at("key.units")?;
    let accepted: Vec<String> = units.iter().map(|unit| number::canonical_unit(unit)).collect();
    for (index, (unit, canonical)) in units.iter().zip(&accepted).enumerate() {
        let field = format!("key.units.{index}");
        check_plain(unit, MAX_WORD).at(&field)?;
        // A unit is sound if a number right before it reads as that number and that unit.
        let sound = ["1", "1 "].iter().all(|one| {
            let reads = number::read(&format!("{one}{unit}"), &accepted);
            reads.is_ok_and(|read| read.unit.as_ref() == Some(canonical) && read.value.is_one())
        });
        if !sound {
            return Err(DraftReason::Unit).at(field);
        }
    }
    if let Some(shown) = shown {
        check_plain(shown, MAX_WORD).at("question.unit")?;
        if required {
            return Err(DraftReason::UnitShown).at("key.unit_required");
        }
        if !units.is_empty() && !accepted.contains(&number::canonical_unit(shown)) {
            return Err(DraftReason::UnitNotAccepted).at("key.units");
        }
    }
    Ok(())
}

fn check_check(draft: &ProblemDraft) -> Result<(), DraftReason> {
    let Some(check) = &draft.check else { return Ok(()) };
    let AnswerKey::Number { value, tolerance, units, unit_required, lowest_terms, form } = &draft.key else {
        return Err(DraftReason::CheckWithoutNumber);
    };
    let key = number::Key::read(value, tolerance.as_deref(), units, *unit_required, *lowest_terms, *form)?;
    let value = expression::evaluate(check)?;
    if key.accepts(&value) { Ok(()) } else { Err(DraftReason::CheckDiffers(value.to_string())) }
}

fn check_common_wrong(draft: &ProblemDraft, languages: [bool; 2]) -> Result<(), DraftFault> {
    check_count(draft.common_wrong.len(), 0, MAX_COMMON_WRONG).at("common_wrong")?;
    for (index, wrong) in draft.common_wrong.iter().enumerate() {
        let field = format!("common_wrong.{index}");
        check_localised(&format!("{field}.misconception"), &wrong.misconception, languages, MAX_LINE)?;
        let reason = match grade_draft(draft, &wrong.answer) {
            Ok(Grade::Wrong) => None,
            Ok(Grade::Right | Grade::RightButForm { .. }) => Some(DraftReason::NotWrong),
            Ok(Grade::NotUnderstood { why }) => Some(DraftReason::NotUnderstood(why)),
            Err(fault) => Some(DraftReason::Key(fault)),
        };
        if let Some(reason) = reason {
            return Err(reason).at(format!("{field}.answer"));
        }
        let earlier = draft.common_wrong.get(..index).unwrap_or_default();
        if crate::find_misconception(earlier, &draft.key, &wrong.answer).is_some() {
            return Err(DraftReason::DuplicateAnswer).at(format!("{field}.answer"));
        }
    }
    Ok(())
}

fn check_keeps_answer(draft: &ProblemDraft, field: &str, hint: &Localised) -> Result<(), DraftFault> {
    for language in LANGUAGES {
        let text = match language {
            Language::Ko => &hint.ko,
            Language::En => &hint.en,
        };
        let Some(text) = text else { continue };
        let question = draft.question.in_language(language);
        let alt = draft.figure.as_ref().map_or("", |figure| figure.alt.get(language));
        let given = format!("{}\n{}\n{alt}", draft.title.get(language), draft.statement.get(language));
        if leak::tells_answer(&draft.key, &question, &given, text) {
            return Err(DraftReason::TellsAnswer).at(format!("{field}.{}", language.code()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::{answer::GapAnswer, authoring::CommonWrong};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn number_draft() -> Value {
        json!({
            "skill": "frac-add-unlike",
            "title": {"ko": "분수의 덧셈", "en": "Adding fractions"},
            "statement": {"ko": "$\\frac{1}{2}+\\frac{1}{3}$을 계산하세요.", "en": "Work out $\\frac{1}{2}+\\frac{1}{3}$."},
            "figure": {"svg": "<svg viewBox='0 0 1 1'><rect width='1' height='1'/></svg>", "alt": {"ko": "막대", "en": "a bar"}},
            "question": {"kind": "number", "entry": "fraction"},
            "key": {"kind": "number", "value": "5/6", "lowest_terms": true},
            "check": "1/2 + 1/3",
            "solution": {"ko": "$\\frac{3}{6}+\\frac{2}{6}=\\frac{5}{6}$", "en": "$\\frac{3}{6}+\\frac{2}{6}=\\frac{5}{6}$"},
            "hints": [{"ko": "분모를 같게 만들어요.", "en": "Make the denominators the same."}],
            "common_wrong": [{
                "answer": {"kind": "number", "text": "2/5"},
                "misconception": {"ko": "분자끼리, 분모끼리 더했어요.", "en": "Added tops and bottoms."}
            }]
        })
    }

    fn choice_draft() -> Value {
        json!({
            "skill": "shapes",
            "title": {"ko": "도형"},
            "statement": {"ko": "두 변의 길이가 같은 것은?"},
            "question": {"kind": "single_choice", "choices": [
                {"id": "a", "text": {"ko": "사다리꼴"}},
                {"id": "b", "text": {"ko": "이등변삼각형"}}
            ]},
            "key": {"kind": "single_choice", "choice": "b"},
            "solution": {"ko": "이등변삼각형입니다."},
            "hints": [{"ko": "변의 길이를 재어 봐요."}],
            "common_wrong": []
        })
    }

    fn read(draft: Value) -> ProblemDraft {
        serde_json::from_value(draft).expect("a draft")
    }

    /// Sets the value at a JSON pointer and says what is then at fault, as `field` and reason.
    fn spoil(mut draft: Value, pointer: &str, value: Value) -> (String, DraftReason) {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        match draft.pointer_mut(parent).expect("the parent is there") {
            Value::Object(fields) => {
                fields.insert(name.to_owned(), value);
            }
            Value::Array(items) => {
                let index: usize = name.parse().expect("an index");
                items.truncate(index);
                items.push(value);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                panic!("{parent} holds nothing")
            }
        }
        let fault = validate(&read(draft)).expect_err(pointer);
        (fault.field, fault.reason)
    }

    fn check(draft: Value, pointer: &str, value: Value, field: &str, reason: DraftReason) {
        assert_eq!(spoil(draft, pointer, value), (field.to_owned(), reason), "{pointer}");
    }

    #[test]
    fn sound_drafts_pass() {
        assert_eq!(validate(&read(number_draft())), Ok(()));
        assert_eq!(validate(&read(choice_draft())), Ok(()));
    }

    #[test]
    fn names_the_field_at_fault() {
        use DraftReason::*;
        let n = number_draft;
        check(n(), "/skill", json!("Frac Add"), "skill", SkillShape);
        check(n(), "/skill", json!("frac--add"), "skill", SkillShape);
        check(n(), "/skill", json!("frac-"), "skill", SkillShape);
        check(n(), "/skill", json!("7-frac"), "skill", SkillShape);
        check(n(), "/statement", json!({}), "statement", NoLanguage);
        check(n(), "/title", json!({"ko": "제목"}), "title.en", MissingLanguage(Language::En));
        check(n(), "/title", json!({"ko": "제목", "en": " "}), "title.en", Blank);
        check(n(), "/statement/ko", json!("가".repeat(2731)), "statement.ko", TooLong(8192));
        check(n(), "/statement/ko", json!("a\u{0}"), "statement.ko", ForbiddenCharacter);
        check(n(), "/solution/en", json!("a\u{202E}b"), "solution.en", ForbiddenCharacter);
        check(
            n(),
            "/figure/svg",
            json!("<svg><script/></svg>"),
            "figure.svg",
            Svg(SvgFault::Element("script".to_owned())),
        );
        check(n(), "/figure/svg", json!(" ".repeat(65_537) + "x"), "figure.svg", TooLong(65_536));
        check(n(), "/figure/alt/ko", json!(""), "figure.alt.ko", Blank);
        check(n(), "/key", json!({"kind": "short_text", "accepted": ["x"]}), "key.kind", KeyKind);
        check(n(), "/key/value", json!("five"), "key.value", Key(GradeError::Value(Unreadable::NotANumber)));
        check(
            n(),
            "/key/value",
            json!("1/0"),
            "key.value",
            Key(GradeError::Value(Unreadable::ZeroDenominator)),
        );
        check(n(), "/key/tolerance", json!("-1"), "key.tolerance", Key(GradeError::NegativeTolerance));
        check(n(), "/key/units", json!(["cm", "분의 3"]), "key.units.1", Unit);
        check(n(), "/key/units", json!(["2"]), "key.units.0", Unit);
        check(n(), "/key/units", json!(["/3"]), "key.units.0", Unit);
        check(n(), "/key/unit_required", json!(true), "key.units", TooFew(1));
        check(n(), "/check", json!("1/2 + 1/4"), "check", CheckDiffers("3/4".to_owned()));
        check(n(), "/check", json!("1/0"), "check", Check(ExpressionError::DivisionByZero));
        check(n(), "/hints", json!([{"ko": "가"}]), "hints.0.en", MissingLanguage(Language::En));
        check(n(), "/hints/0/en", json!("It is 10/12."), "hints.0.en", TellsAnswer);
        check(n(), "/hints/0/ko", json!("6분의 5예요"), "hints.0.ko", TellsAnswer);
        check(n(), "/hints", json!(vec![json!({"ko": "가", "en": "a"}); 9]), "hints", TooMany(8));
        let wrong = |text: &str| json!({"answer": {"kind": "number", "text": text}, "misconception": {"ko": "가", "en": "a"}});
        check(n(), "/common_wrong/0", wrong("10/12"), "common_wrong.0.answer", NotWrong);
        check(
            n(),
            "/common_wrong/0",
            wrong("3,50"),
            "common_wrong.0.answer",
            NotUnderstood(Unreadable::Comma),
        );
        check(n(), "/common_wrong/1", wrong("0.4"), "common_wrong.1.answer", DuplicateAnswer);
        let silent = json!({"answer": {"kind": "number", "text": "1"}, "misconception": {"ko": "가"}});
        check(
            n(),
            "/common_wrong/0",
            silent,
            "common_wrong.0.misconception.en",
            MissingLanguage(Language::En),
        );

        let c = choice_draft;
        check(c(), "/title/en", json!("Shapes"), "title.en", ExtraLanguage(Language::En));
        check(c(), "/question/choices/0/id", json!("b"), "question.choices.1.id", DuplicateChoice);
        check(c(), "/question/choices/0/id", json!("가"), "question.choices.0.id", ChoiceId);
        check(c(), "/question/choices/0/id", json!("A"), "question.choices.0.id", ChoiceId);
        check(
            c(),
            "/question/choices",
            json!([{"id": "b", "text": {"ko": "하나"}}]),
            "question.choices",
            TooFew(2),
        );
        let many: Vec<Value> =
            (0..13).map(|n| json!({"id": format!("c{n}"), "text": {"ko": "가"}})).collect();
        check(c(), "/question/choices", json!(many), "question.choices", TooMany(12));
        check(c(), "/key/choice", json!("c"), "key.choice", UnknownChoice);
        check(c(), "/check", json!("1"), "check", CheckWithoutNumber);
        check(c(), "/hints/0/ko", json!("이등변 삼각형을 찾아요."), "hints.0.ko", TellsAnswer);
        check(c(), "/hints/0/ko", json!("답은 b예요."), "hints.0.ko", TellsAnswer);
        let foreign =
            json!({"answer": {"kind": "single_choice", "choice": "z"}, "misconception": {"ko": "가"}});
        check(
            c(),
            "/common_wrong/0",
            foreign,
            "common_wrong.0.answer",
            NotUnderstood(Unreadable::UnknownChoice),
        );
    }

    /// A draft of a question and its key, in Korean, without a figure and hints.
    fn draft_of(question: Value, key: Value) -> Value {
        let mut draft = choice_draft();
        draft["question"] = question;
        draft["key"] = key;
        draft["hints"] = json!([]);
        draft
    }

    fn true_false_draft() -> Value {
        draft_of(json!({"kind": "true_false"}), json!({"kind": "true_false", "value": false}))
    }

    fn ordering_draft() -> Value {
        draft_of(
            json!({"kind": "ordering", "items": [
                {"id": "a", "text": {"ko": "0.7"}}, {"id": "b", "text": {"ko": "0.5"}}, {"id": "c", "text": {"ko": "0.6"}}
            ]}),
            json!({"kind": "ordering", "order": ["b", "c", "a"]}),
        )
    }

    fn matching_draft() -> Value {
        draft_of(
            json!({"kind": "matching",
                "left": [{"id": "a", "text": {"ko": "삼각기둥"}}, {"id": "b", "text": {"ko": "사각뿔"}}],
                "right": [{"id": "1", "text": {"ko": "9"}}, {"id": "2", "text": {"ko": "8"}}, {"id": "3", "text": {"ko": "6"}}]}),
            json!({"kind": "matching", "pairs": [{"left": "a", "right": "1"}, {"left": "b", "right": "2"}]}),
        )
    }

    fn cloze_draft() -> Value {
        draft_of(
            json!({"kind": "cloze", "text": {"ko": "12의 [[w]]는 [[n]]개이고 $3+4$보다 [[c]]."}, "gaps": [
                {"id": "w", "entry": {"kind": "text"}},
                {"id": "n", "entry": {"kind": "number"}},
                {"id": "c", "entry": {"kind": "choice", "choices": [
                    {"id": "a", "text": {"ko": "많아요"}}, {"id": "b", "text": {"ko": "적어요"}}
                ]}}
            ]}),
            json!({"kind": "cloze", "gaps": [
                {"gap": "w", "key": {"kind": "text", "accepted": ["약수"]}},
                {"gap": "n", "key": {"kind": "number", "value": "6"}},
                {"gap": "c", "key": {"kind": "choice", "choice": "b"}}
            ]}),
        )
    }

    #[test]
    fn names_the_field_at_fault_in_every_kind() {
        use DraftReason::*;
        for draft in [true_false_draft(), ordering_draft(), matching_draft(), cloze_draft()] {
            assert_eq!(validate(&read(draft)), Ok(()));
        }
        let t = true_false_draft;
        check(t(), "/key", json!({"kind": "short_text", "accepted": ["x"]}), "key.kind", KeyKind);
        check(t(), "/hints", json!([{"ko": "답은 거짓이에요."}]), "hints.0.ko", TellsAnswer);
        let wrong =
            json!([{"answer": {"kind": "true_false", "value": false}, "misconception": {"ko": "가"}}]);
        check(t(), "/common_wrong", wrong, "common_wrong.0.answer", NotWrong);

        let o = ordering_draft;
        check(o(), "/question/items/1/id", json!("a"), "question.items.1.id", DuplicateChoice);
        check(o(), "/question/items/2/text", json!({"ko": " "}), "question.items.2.text.ko", Blank);
        check(o(), "/key/order", json!(["b", "c"]), "key.order", KeyLacks("a".to_owned()));
        check(o(), "/key/order", json!(["b", "c", "b"]), "key.order.2", KeyRepeats);
        check(o(), "/key/order", json!(["b", "c", "d"]), "key.order.2", UnknownChoice);
        check(o(), "/key/order", json!(["a", "b", "c"]), "question.items", ShownInOrder);
        check(o(), "/hints", json!([{"ko": "0.5, 0.6, 0.7이에요."}]), "hints.0.ko", TellsAnswer);
        let part = json!([{"answer": {"kind": "ordering", "order": ["a"]}, "misconception": {"ko": "가"}}]);
        check(o(), "/common_wrong", part, "common_wrong.0.answer", NotUnderstood(Unreadable::Incomplete));

        let m = matching_draft;
        check(m(), "/question/right/2/id", json!("2"), "question.right.2.id", DuplicateChoice);
        check(m(), "/question/left/1/text", json!({}), "question.left.1.text", NoLanguage);
        check(m(), "/key/pairs/1", json!({"left": "a", "right": "2"}), "key.pairs.1.left", KeyRepeats);
        check(m(), "/key/pairs/1", json!({"left": "b", "right": "9"}), "key.pairs.1.right", UnknownChoice);
        check(m(), "/key/pairs", json!([{"left": "b", "right": "2"}]), "key.pairs", KeyLacks("a".to_owned()));
        check(m(), "/hints", json!([{"ko": "사각뿔의 모서리는 8개예요."}]), "hints.0.ko", TellsAnswer);
        let foreign = json!([{
            "answer": {"kind": "matching", "pairs": [{"left": "a", "right": "z"}, {"left": "b", "right": "2"}]},
            "misconception": {"ko": "가"}
        }]);
        check(
            m(),
            "/common_wrong",
            foreign,
            "common_wrong.0.answer",
            NotUnderstood(Unreadable::UnknownChoice),
        );

        let c = cloze_draft;
        let text = "/question/text/ko";
        check(c(), text, json!("12의 [[w]]는 [[n]]개"), "question.text.ko", GapUnmarked("c".to_owned()));
        check(
            c(),
            text,
            json!("[[w]] [[n]] [[c]] [[w]]"),
            "question.text.ko",
            GapMarkedTwice("w".to_owned()),
        );
        check(c(), text, json!("[[w]] [[n]] [[c]] [[d]]"), "question.text.ko", UnknownGap("d".to_owned()));
        check(c(), text, json!("[[w]] $3+[[n]]$ [[c]]"), "question.text.ko", GapInFormula("n".to_owned()));
        check(c(), "/question/gaps/1/id", json!("w"), "question.gaps.1.id", DuplicateChoice);
        check(c(), "/question/gaps", json!([]), "question.gaps", TooFew(1));
        check(c(), "/key/gaps", json!([]), "key.gaps", KeyLacks("c".to_owned()));
        check(
            c(),
            "/key/gaps/1/key/value",
            json!("six"),
            "key.gaps.1.key.value",
            Key(GradeError::Value(Unreadable::NotANumber)),
        );
        check(
            c(),
            "/key/gaps/1/key",
            json!({"kind": "choice", "choice": "b"}),
            "key.gaps.1.key.kind",
            KeyKind,
        );
        check(c(), "/key/gaps/0/key/accepted", json!([]), "key.gaps.0.key.accepted", TooFew(1));
        check(c(), "/key/gaps/2/key/choice", json!("z"), "key.gaps.2.key.choice", UnknownChoice);
        check(c(), "/hints", json!([{"ko": "모두 6개예요."}]), "hints.0.ko", TellsAnswer);
        check(c(), "/check", json!("6"), "check", CheckWithoutNumber);
    }

    #[test]
    fn a_draft_knows_the_right_and_the_choices_of_gaps() {
        let matching = read(matching_draft());
        let pair = |left: &str, right: &str| MatchPair { left: left.to_owned(), right: right.to_owned() };
        let grade = |right: &str| {
            grade_draft(&matching, &Answer::Matching { pairs: vec![pair("a", "1"), pair("b", right)] })
        };
        assert_eq!(grade("2"), Ok(Grade::Right));
        assert_eq!(grade("3"), Ok(Grade::Wrong));
        assert_eq!(grade("z"), Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice }));

        let draft = read(cloze_draft());
        let fill = |texts: [(&str, &str); 3]| {
            let gaps =
                texts.map(|(gap, text)| GapAnswer { gap: gap.to_owned(), text: text.to_owned() }).to_vec();
            grade_draft(&draft, &Answer::Cloze { gaps })
        };
        assert_eq!(fill([("w", "약수"), ("n", "6"), ("c", "b")]), Ok(Grade::Right));
        assert_eq!(fill([("w", "약수"), ("n", "6"), ("c", "①")]), Ok(Grade::Wrong));
        assert_eq!(
            fill([("w", "약수"), ("n", "6"), ("c", "z")]),
            Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice })
        );
    }

    #[test]
    fn a_shown_unit_is_accepted_and_not_asked_for() {
        let mut draft = number_draft();
        draft["question"]["unit"] = json!("cm²");
        assert_eq!(validate(&read(draft.clone())), Ok(()));
        draft["key"]["units"] = json!(["㎠"]);
        assert_eq!(validate(&read(draft.clone())), Ok(()));
        check(draft.clone(), "/key/unit_required", json!(true), "key.unit_required", DraftReason::UnitShown);
        check(draft, "/key/units", json!(["cm"]), "key.units", DraftReason::UnitNotAccepted);
    }

    #[test]
    fn a_draft_knows_its_choices() {
        let draft = read(choice_draft());
        let grade = |choice: &str| grade_draft(&draft, &Answer::SingleChoice { choice: choice.to_owned() });
        assert_eq!(grade("②"), Ok(Grade::Right));
        assert_eq!(grade("a"), Ok(Grade::Wrong));
        assert_eq!(grade("e"), Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice }));
        assert_eq!(grade("9"), Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice }));
    }

    #[test]
    fn a_misconception_is_found_by_value() {
        let draft = read(number_draft());
        let find = |text: &str| {
            crate::find_misconception(
                &draft.common_wrong,
                &draft.key,
                &Answer::Number { text: text.to_owned() },
            )
        };
        for text in ["2/5", "0.4", "5분의 2", "４／１０", "x = 2/5"] {
            assert_eq!(find(text), draft.common_wrong.first(), "{text}");
        }
        assert_eq!(find("5/6"), None);
        assert_eq!(find("모름"), None);
        let other = Answer::ShortText { text: "2/5".to_owned() };
        assert_eq!(crate::find_misconception(&draft.common_wrong, &draft.key, &other), None);
    }

    #[test]
    fn choices_that_say_the_same_are_refused() {
        let same = || DraftReason::DuplicateText;
        let second = "/question/choices/1/text/ko";
        check(choice_draft(), second, json!(" 사다리꼴"), "question.choices.1.text.ko", same());
        // Written by a Mac, whose file names and copies come in single letters.
        check(
            choice_draft(),
            second,
            json!("사다리꼴".nfd().collect::<String>()),
            "question.choices.1.text.ko",
            same(),
        );
        check(
            matching_draft(),
            "/question/right/2",
            json!({"id": "3", "text": matching_draft()["question"]["right"][0]["text"].clone()}),
            "question.right.2.text.ko",
            same(),
        );
        let mut draft = choice_draft();
        draft["question"]["choices"][0]["text"]["ko"] = json!("점 a");
        draft["question"]["choices"][1]["text"]["ko"] = json!("점 A");
        assert_eq!(validate(&read(draft)), Ok(()), "a point and a side may differ in case only");
    }

    #[test]
    fn faults_read_well() {
        let fault = DraftFault { field: "hints.0.ko".to_owned(), reason: DraftReason::TellsAnswer };
        assert_eq!(fault.to_string(), "hints.0.ko: it tells the answer");
    }

    fn a_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,20}",
            "[0-9/., 와분의-]{0,10}",
            "[a-d①②]{0,2}",
            Just("5/6".to_owned()),
            any::<String>()
        ]
    }

    fn an_answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            a_text().prop_map(|choice| Answer::SingleChoice { choice }),
            proptest::collection::vec(a_text(), 0..4).prop_map(|choices| Answer::MultipleChoice { choices }),
            a_text().prop_map(|text| Answer::Number { text }),
            a_text().prop_map(|text| Answer::ShortText { text }),
            any::<bool>().prop_map(|value| Answer::TrueFalse { value }),
            proptest::collection::vec(a_text(), 0..4).prop_map(|order| Answer::Ordering { order }),
            proptest::collection::vec((a_text(), a_text()), 0..4).prop_map(|pairs| Answer::Matching {
                pairs: pairs.into_iter().map(|(left, right)| MatchPair { left, right }).collect()
            }),
            proptest::collection::vec((a_text(), a_text()), 0..4).prop_map(|gaps| Answer::Cloze {
                gaps: gaps.into_iter().map(|(gap, text)| GapAnswer { gap, text }).collect()
            }),
        ]
    }

    fn a_key() -> impl Strategy<Value = AnswerKey> {
        let texts = || proptest::collection::vec(a_text(), 0..3);
        prop_oneof![
            a_text().prop_map(|choice| AnswerKey::SingleChoice { choice }),
            texts().prop_map(|choices| AnswerKey::MultipleChoice { choices }),
            (a_text(), proptest::option::of(a_text()), texts(), any::<(bool, bool)>()).prop_map(
                |(value, tolerance, units, (unit_required, lowest_terms))| AnswerKey::Number {
                    value,
                    tolerance,
                    units,
                    unit_required,
                    lowest_terms,
                    form: None,
                }
            ),
            texts().prop_map(|accepted| AnswerKey::ShortText { accepted }),
            any::<bool>().prop_map(|value| AnswerKey::TrueFalse { value }),
            texts().prop_map(|order| AnswerKey::Ordering { order }),
            proptest::collection::vec((a_text(), a_text()), 0..3).prop_map(|pairs| AnswerKey::Matching {
                pairs: pairs.into_iter().map(|(left, right)| MatchPair { left, right }).collect()
            }),
            proptest::collection::vec((a_text(), a_gap_key()), 0..3).prop_map(|gaps| AnswerKey::Cloze {
                gaps: gaps.into_iter().map(|(gap, key)| GapKey { gap, key }).collect()
            }),
        ]
    }

    fn a_gap_key() -> impl Strategy<Value = GapKeyKind> {
        prop_oneof![
            (a_text(), proptest::option::of(a_text()))
                .prop_map(|(value, tolerance)| GapKeyKind::Number { value, tolerance }),
            proptest::collection::vec(a_text(), 0..3).prop_map(|accepted| GapKeyKind::Text { accepted }),
            a_text().prop_map(|choice| GapKeyKind::Choice { choice }),
        ]
    }

    /// A question that may fit the key.
    fn a_question_for(key: &AnswerKey) -> QuestionDraft {
        let choice = |id: &str| ChoiceDraft {
            id: id.to_owned(),
            text: Localised { ko: Some(format!("보기 {id}")), en: None },
        };
        let letters = || ["a", "b", "c", "d"].map(choice).to_vec();
        match key {
            AnswerKey::Number { .. } => QuestionDraft::Number { unit: None, entry: Default::default() },
            AnswerKey::ShortText { .. } => QuestionDraft::ShortText,
            AnswerKey::TrueFalse { .. } => QuestionDraft::TrueFalse,
            AnswerKey::SingleChoice { .. } => QuestionDraft::SingleChoice { choices: letters() },
            AnswerKey::MultipleChoice { .. } => QuestionDraft::MultipleChoice { choices: letters() },
            AnswerKey::Ordering { order } => {
                QuestionDraft::Ordering { items: order.iter().rev().map(|id| choice(id)).collect() }
            }
            AnswerKey::Matching { pairs } => QuestionDraft::Matching {
                left: pairs.iter().map(|pair| choice(&pair.left)).collect(),
                right: letters(),
            },
            AnswerKey::Cloze { gaps } => QuestionDraft::Cloze {
                text: Localised {
                    ko: Some(gaps.iter().map(|gap| format!("[[{}]]", gap.gap)).collect()),
                    en: None,
                },
                gaps: gaps
                    .iter()
                    .map(|gap| GapDraft {
                        id: gap.gap.clone(),
                        entry: match gap.key {
                            GapKeyKind::Number { .. } => GapEntryDraft::Number,
                            GapKeyKind::Text { .. } => GapEntryDraft::Text,
                            GapKeyKind::Choice { .. } => GapEntryDraft::Choice { choices: letters() },
                        },
                    })
                    .collect(),
            },
        }
    }

    proptest! {
        #[test]
        fn grading_never_panics(key in a_key(), answer in an_answer()) {
            let _ = grade(&key, &answer);
            let wrong = CommonWrong { answer: answer.clone(), misconception: Localised::default() };
            let _ = crate::find_misconception(&[wrong], &key, &answer);
        }

        #[test]
        fn validating_never_panics_and_what_passes_can_be_graded(
            key in a_key(), answer in an_answer(), text in a_text(), check in proptest::option::of(a_text()), base in 0..3
        ) {
            let localised = Localised { ko: Some(text.clone()), en: None };
            let mut draft = read(if base == 0 { choice_draft() } else { number_draft() });
            if base == 2 {
                draft = ProblemDraft {
                    skill: "x".to_owned(), title: localised.clone(), statement: localised.clone(), figure: None,
                    question: a_question_for(&key),
                    key, check, solution: localised.clone(), hints: vec![localised.clone()],
                    common_wrong: vec![CommonWrong { answer: answer.clone(), misconception: localised }],
                };
            } else {
                draft.key = key;
                draft.check = check;
            }
            if validate(&draft).is_ok() {
                prop_assert!(grade(&draft.key, &answer).is_ok());
                prop_assert!(grade_draft(&draft, &answer).is_ok());
            }
        }
    }
}
