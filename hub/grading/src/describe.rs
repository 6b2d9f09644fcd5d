//! An answer as a person reads it: the words of the choice, not its id.

use crate::kinds::single_choice;
use dreamseed_wire::{
    Language,
    answer::{Answer, GapAnswer, MatchPair},
    authoring::{ChoiceDraft, GapDraft, GapEntryDraft, QuestionDraft},
};

/// What a pupil answered to a question, in one line.
///
/// Ids that the question does not have, and answers of another kind than the question, are shown as they were sent.
pub fn describe(question: &QuestionDraft, answer: &Answer, language: Language) -> String {
    let choices = choices_of(question);
    match answer {
        Answer::SingleChoice { choice } => name_of(choices, choice, language),
        Answer::MultipleChoice { choices: given } => {
            let mut given: Vec<_> = given.iter().collect();
            given.sort_by_key(|id| place_of(choices, id));
            let names: Vec<_> = given.iter().map(|id| name_of(choices, id, language)).collect();
            or_nothing(names.join(", "), language)
        }
        Answer::Number { text } | Answer::ShortText { text } => or_nothing(text.trim().to_owned(), language),
        Answer::TrueFalse { value } => match (language, value) {
            (Language::Ko, true) => "참".to_owned(),
            (Language::Ko, false) => "거짓".to_owned(),
            (Language::En, true) => "True".to_owned(),
            (Language::En, false) => "False".to_owned(),
        },
        Answer::Ordering { order } => {
            order.iter().map(|id| name_of(choices, id, language)).collect::<Vec<_>>().join(" → ")
        }
        Answer::Matching { pairs } => describe_pairs(question, pairs, language),
        Answer::Cloze { gaps } => describe_gaps(question, gaps, language),
    }
}

fn describe_pairs(question: &QuestionDraft, pairs: &[MatchPair], language: Language) -> String {
    let (left, right): (&[ChoiceDraft], &[ChoiceDraft]) = match question {
        QuestionDraft::Matching { left, right } => (left, right),
        QuestionDraft::SingleChoice { .. }
        | QuestionDraft::MultipleChoice { .. }
        | QuestionDraft::Number { .. }
        | QuestionDraft::ShortText
        | QuestionDraft::TrueFalse
        | QuestionDraft::Ordering { .. }
        | QuestionDraft::Cloze { .. } => (&[], &[]),
    };
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort_by_key(|pair| place_of(left, &pair.left));
    let pair = |pair: &MatchPair| {
        format!("{} – {}", name_of(left, &pair.left, language), name_of(right, &pair.right, language))
    };
    pairs.into_iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn describe_gaps(question: &QuestionDraft, given: &[GapAnswer], language: Language) -> String {
    let gaps: &[GapDraft] = match question {
        QuestionDraft::Cloze { gaps, .. } => gaps,
        QuestionDraft::SingleChoice { .. }
        | QuestionDraft::MultipleChoice { .. }
        | QuestionDraft::Number { .. }
        | QuestionDraft::ShortText
        | QuestionDraft::TrueFalse
        | QuestionDraft::Ordering { .. }
        | QuestionDraft::Matching { .. } => &[],
    };
    let place = |id: &str| gaps.iter().position(|gap| gap.id == id).unwrap_or(usize::MAX);
    let mut given: Vec<_> = given.iter().collect();
    given.sort_by_key(|filled| place(&filled.gap));
    let fill = |filled: &GapAnswer| match gaps.get(place(&filled.gap)).map(|gap| &gap.entry) {
        Some(GapEntryDraft::Choice { choices }) => name_of(choices, &filled.text, language),
        Some(GapEntryDraft::Number | GapEntryDraft::Text) | None => {
            or_nothing(filled.text.trim().to_owned(), language)
        }
    };
    given.into_iter().map(fill).collect::<Vec<_>>().join(" / ")
}

/// What a question offers to choose from or to put in order.
fn choices_of(question: &QuestionDraft) -> &[ChoiceDraft] {
    match question {
        QuestionDraft::SingleChoice { choices } | QuestionDraft::MultipleChoice { choices } => choices,
        QuestionDraft::Ordering { items } => items,
        QuestionDraft::Number { .. }
        | QuestionDraft::ShortText
        | QuestionDraft::TrueFalse
        | QuestionDraft::Matching { .. }
        | QuestionDraft::Cloze { .. } => &[],
    }
}

fn name_of(choices: &[ChoiceDraft], id: &str, language: Language) -> String {
    match choices.get(place_of(choices, id)) {
        Some(choice) => choice.text.get(language).to_owned(),
        None => id.to_owned(),
    }
}

/// Where a choice stands in its question; behind all of them if it does not.
fn place_of(choices: &[ChoiceDraft], id: &str) -> usize {
    let wanted = single_choice::read_id(id);
    choices.iter().position(|choice| single_choice::read_id(&choice.id) == wanted).unwrap_or(usize::MAX)
}

fn or_nothing(text: String, language: Language) -> String {
    match (text.is_empty(), language) {
        (false, _) => text,
        (true, Language::Ko) => "(빈칸)".to_owned(),
        (true, Language::En) => "(blank)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::{authoring::Localised, question::NumberEntry};

    #[test]
    fn choices_are_read_by_their_words() {
        let question = QuestionDraft::SingleChoice { choices: fruit() };
        let answer = |id: &str| Answer::SingleChoice { choice: id.into() };
        check(&question, &answer("b"), "배", "Pear");
        check(&question, &answer("z"), "z", "z");
        let question = QuestionDraft::MultipleChoice { choices: fruit() };
        let answer =
            |ids: &[&str]| Answer::MultipleChoice { choices: ids.iter().map(|id| (*id).into()).collect() };
        check(&question, &answer(&["c", "a"]), "사과, 감", "Apple, Persimmon");
        check(&question, &answer(&[]), "(빈칸)", "(blank)");
    }

    #[test]
    fn what_was_typed_is_shown_as_typed() {
        let question = QuestionDraft::Number { unit: None, entry: NumberEntry::Fraction };
        check(&question, &Answer::Number { text: " 2/5 ".into() }, "2/5", "2/5");
        check(&QuestionDraft::ShortText, &Answer::ShortText { text: String::new() }, "(빈칸)", "(blank)");
        check(&QuestionDraft::ShortText, &Answer::SingleChoice { choice: "a".into() }, "a", "a");
    }

    #[test]
    fn answers_of_several_parts_are_one_line() {
        check(&QuestionDraft::TrueFalse, &Answer::TrueFalse { value: false }, "거짓", "False");
        let question = QuestionDraft::Ordering { items: fruit() };
        let answer = Answer::Ordering { order: vec!["c".into(), "a".into(), "b".into()] };
        check(&question, &answer, "감 → 사과 → 배", "Persimmon → Apple → Pear");
        let question = QuestionDraft::Matching { left: fruit(), right: fruit() };
        let pair = |left: &str, right: &str| MatchPair { left: left.into(), right: right.into() };
        let answer = Answer::Matching { pairs: vec![pair("b", "a"), pair("a", "c")] };
        check(&question, &answer, "사과 – 감, 배 – 사과", "Apple – Persimmon, Pear – Apple");
        let gap = |id: &str, entry| GapDraft { id: id.into(), entry };
        let question = QuestionDraft::Cloze {
            text: both("[[x]] [[y]]", "[[x]] [[y]]"),
            gaps: vec![gap("x", GapEntryDraft::Number), gap("y", GapEntryDraft::Choice { choices: fruit() })],
        };
        let filled = |gap: &str, text: &str| GapAnswer { gap: gap.into(), text: text.into() };
        let answer = Answer::Cloze { gaps: vec![filled("y", "a"), filled("x", "3")] };
        check(&question, &answer, "3 / 사과", "3 / Apple");
    }

    fn check(question: &QuestionDraft, answer: &Answer, ko: &str, en: &str) {
        assert_eq!(describe(question, answer, Language::Ko), ko);
        assert_eq!(describe(question, answer, Language::En), en);
    }

    fn fruit() -> Vec<ChoiceDraft> {
        [("a", "사과", "Apple"), ("b", "배", "Pear"), ("c", "감", "Persimmon")]
            .map(|(id, ko, en)| ChoiceDraft { id: id.into(), text: both(ko, en) })
            .to_vec()
    }

    fn both(ko: &str, en: &str) -> Localised {
        Localised { ko: Some(ko.into()), en: Some(en.into()) }
    }
}
