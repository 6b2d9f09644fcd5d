//! Makes sure that a problem can be shown and graded before it is saved, and names the field that is at fault.
//!
//! The walk of [`validate`]: skill, texts, figure, question, key, check, common wrong answers, hints — in the order of
//! the editor's form, up to the first fault.

use crate::{
    GradeError, SvgFault, check_svg,
    expression::{self, ExpressionError},
    grade,
    kinds::{multiple_choice, number, short_text, single_choice},
    leak,
    normalise::{is_forbidden, squeeze_answer},
};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade, Unreadable},
    authoring::{AnswerKey, ChoiceDraft, Localised, ProblemDraft, QuestionDraft},
};
use num_traits::One;
use std::collections::BTreeSet;

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
    #[error("there are fewer than {0}")]
    TooFew(usize),
    #[error("there are more than {0}")]
    TooMany(usize),
    #[error("a choice's id is up to 16 of a-z, 0-9, `-`, `_`")]
    ChoiceId,
    #[error("another choice has this id")]
    DuplicateChoice,
    #[error("the question has no such choice")]
    UnknownChoice,
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
    for (index, choice) in choices_of(&draft.question).iter().enumerate() {
        check_text(&format!("question.choices.{index}.text"), &choice.text, MAX_LINE)?;
    }
    check_text("solution", &draft.solution, MAX_STATEMENT)?;
    check_key(draft)?;
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
    let known: BTreeSet<String> =
        choices_of(&draft.question).iter().filter_map(|choice| single_choice::read_id(&choice.id)).collect();
    let unknown = || Ok(Grade::NotUnderstood { why: Unreadable::UnknownChoice });
    match (&draft.key, answer, &grade) {
        (AnswerKey::SingleChoice { choice: key }, Answer::SingleChoice { choice }, Grade::Wrong) => {
            match single_choice::read(key, choice) {
                Ok(id) if !known.contains(&id) => unknown(),
                Ok(_) | Err(_) => Ok(grade),
            }
        }
        (AnswerKey::MultipleChoice { choices: key }, Answer::MultipleChoice { choices }, Grade::Wrong) => {
            let key = multiple_choice::read_key(key).unwrap_or_default();
            match multiple_choice::read(&key, choices) {
                Ok(ids) if !ids.is_subset(&known) => unknown(),
                Ok(_) | Err(_) => Ok(grade),
            }
        }
        _ => Ok(grade),
    }
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

fn choices_of(question: &QuestionDraft) -> &[ChoiceDraft] {
    match question {
        QuestionDraft::SingleChoice { choices } | QuestionDraft::MultipleChoice { choices } => choices,
        QuestionDraft::Number { .. } | QuestionDraft::ShortText => &[],
    }
}

/// Checks the question's own shape and that the key grades it.
fn check_key(draft: &ProblemDraft) -> Result<(), DraftFault> {
    match (&draft.question, &draft.key) {
        (QuestionDraft::SingleChoice { choices }, AnswerKey::SingleChoice { choice }) => {
            let ids = check_choices(choices)?;
            check_key_choice(&ids, choice).at("key.choice")
        }
        (QuestionDraft::MultipleChoice { choices }, AnswerKey::MultipleChoice { choices: right }) => {
            let ids = check_choices(choices)?;
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
            check_plain(value, MAX_WORD).at("key.value")?;
            if let Some(tolerance) = tolerance {
                check_plain(tolerance, MAX_WORD).at("key.tolerance")?;
            }
            if let Err(fault) =
                number::Key::read(value, tolerance.as_deref(), units, *unit_required, *lowest_terms, *form)
            {
                let field = match fault {
                    GradeError::Tolerance(_) | GradeError::NegativeTolerance => "key.tolerance",
                    GradeError::Value(_) | GradeError::NoChoice | GradeError::NoAccepted => "key.value",
                };
                return Err(DraftReason::Key(fault)).at(field);
            }
            check_units(unit.as_deref(), units, *unit_required)
        }
        (QuestionDraft::ShortText, AnswerKey::ShortText { accepted }) => {
            check_count(accepted.len(), 1, MAX_ACCEPTED).at("key.accepted")?;
            for (index, text) in accepted.iter().enumerate() {
                let field = format!("key.accepted.{index}");
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
        (QuestionDraft::SingleChoice { .. }, _)
        | (QuestionDraft::MultipleChoice { .. }, _)
        | (QuestionDraft::Number { .. }, _)
        | (QuestionDraft::ShortText, _) => Err(DraftReason::KeyKind).at("key.kind"),
    }
}

fn check_choices(choices: &[ChoiceDraft]) -> Result<BTreeSet<String>, DraftFault> {
    check_count(choices.len(), MIN_CHOICES, MAX_CHOICES).at("question.choices")?;
    let mut ids = BTreeSet::new();
    for (index, choice) in choices.iter().enumerate() {
        let field = format!("question.choices.{index}.id");
        // The very id, not one that reads like it: ids are compared byte by byte elsewhere.
        let Some(id) = single_choice::read_id(&choice.id).filter(|id| *id == choice.id) else {
            return Err(DraftReason::ChoiceId).at(field);
        };
        if !ids.insert(id) {
            return Err(DraftReason::DuplicateChoice).at(field);
        }
    }
    Ok(ids)
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
        let choices: Vec<(String, String)> = choices_of(&draft.question)
            .iter()
            .map(|choice| (choice.id.clone(), choice.text.get(language).to_owned()))
            .collect();
        let alt = draft.figure.as_ref().map_or("", |figure| figure.alt.get(language));
        let given = format!("{}\n{}\n{alt}", draft.title.get(language), draft.statement.get(language));
        if leak::tells_answer(&draft.key, &choices, &given, text) {
            return Err(DraftReason::TellsAnswer).at(format!("{field}.{}", language.code()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::authoring::CommonWrong;
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
        ]
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
                    question: match &key {
                        AnswerKey::Number { .. } => QuestionDraft::Number { unit: None, entry: Default::default() },
                        AnswerKey::ShortText { .. } | AnswerKey::SingleChoice { .. } | AnswerKey::MultipleChoice { .. } => QuestionDraft::ShortText,
                    },
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
