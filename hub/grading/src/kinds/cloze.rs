//! A text with gaps: right if every gap is, each graded as the question of its kind would be.
//!
//! A gap that is empty or cannot be read makes the whole answer not understood, so that a slip of the keyboard in one
//! gap costs nothing in the others. Numbers are compared by value, without a form that is asked for.

use super::{number, short_text, single_choice};
use crate::GradeError;
use dreamseed_wire::{
    answer::{GapAnswer, Grade, Unreadable},
    authoring::{GapKey, GapKeyKind},
};
use std::{collections::BTreeMap, ops::Range};

/// The most gaps that one answer may fill; no question has as many.
pub(crate) const MAX_NAMED: usize = 64;

/// Grades what `given` puts in the gaps.
pub(crate) fn grade(key: &[GapKey], given: &[GapAnswer]) -> Result<Result<Grade, Unreadable>, GradeError> {
    let key = read_key(key)?;
    Ok(read(&key, given).and_then(|texts| grade_gaps(&key, &texts)))
}

/// Whether two answers put the same in every gap, by value.
pub(crate) fn is_same(key: &[GapKey], listed: &[GapAnswer], given: &[GapAnswer]) -> bool {
    let Ok(key) = read_key(key) else { return false };
    let (Ok(listed), Ok(given)) = (read(&key, listed), read(&key, given)) else { return false };
    key.iter().all(|(gap, filling)| match (listed.get(gap), given.get(gap)) {
        (Some(listed), Some(given)) => match filling {
            Filling::Number(_) => number::is_same(&[], listed, given),
            Filling::Text(_) => short_text::is_same(listed, given),
            Filling::Choice(choice) => single_choice::is_same(choice, listed, given),
        },
        (Some(_) | None, _) => false,
    })
}

/// What belongs in a gap, ready to grade.
#[derive(Debug)]
pub(crate) enum Filling {
    Number(number::Key),
    /// As [`short_text::read_key`] gives it.
    Text(Vec<String>),
    Choice(String),
}

/// The filling of each gap by the gap's id.
pub(crate) fn read_key(key: &[GapKey]) -> Result<BTreeMap<String, Filling>, GradeError> {
    let mut fillings = BTreeMap::new();
    for gap in key {
        let id = single_choice::read_id(&gap.gap).ok_or(GradeError::NoGaps)?;
        if fillings.insert(id, read_filling(&gap.key)?).is_some() {
            return Err(GradeError::NoGaps);
        }
    }
    if fillings.is_empty() { Err(GradeError::NoGaps) } else { Ok(fillings) }
}

/// The filling of one gap.
pub(crate) fn read_filling(key: &GapKeyKind) -> Result<Filling, GradeError> {
    Ok(match key {
        GapKeyKind::Number { value, tolerance } => {
            Filling::Number(number::Key::read(value, tolerance.as_deref(), &[], false, false, None)?)
        }
        GapKeyKind::Text { accepted } => Filling::Text(short_text::read_key(accepted)?),
        GapKeyKind::Choice { choice } => {
            Filling::Choice(single_choice::read_id(choice).ok_or(GradeError::NoChoice)?)
        }
    })
}

/// The text in each gap: every gap of the key, each once, none blank.
pub(crate) fn read<'a>(
    key: &BTreeMap<String, Filling>,
    given: &'a [GapAnswer],
) -> Result<BTreeMap<String, &'a str>, Unreadable> {
    if given.len() > MAX_NAMED {
        return Err(Unreadable::TooLong);
    }
    if given.iter().all(|gap| gap.text.trim().is_empty()) {
        return Err(Unreadable::Empty);
    }
    let mut texts = BTreeMap::new();
    for gap in given {
        let id = single_choice::read_id(&gap.gap).filter(|id| key.contains_key(id));
        let id = id.ok_or(Unreadable::UnknownChoice)?;
        if gap.text.trim().is_empty() || texts.insert(id, gap.text.as_str()).is_some() {
            return Err(Unreadable::Incomplete);
        }
    }
    if texts.len() == key.len() { Ok(texts) } else { Err(Unreadable::Incomplete) }
}

/// The marks `[[id]]` of a text, in their order: where each stands and the id in it, which need not be a sound one.
pub(crate) fn find_marks(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut marks = Vec::new();
    let mut from = 0;
    while let Some((before, rest)) = text.get(from..).and_then(|rest| rest.split_once("[[")) {
        let start = from + before.len();
        let Some((id, _)) = rest.split_once("]]") else { break };
        let end = start + id.len() + 4;
        marks.push((start..end, id));
        from = end;
    }
    marks
}

/// The text without its marks.
pub(crate) fn drop_marks(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut from = 0;
    for (place, _) in find_marks(text) {
        bare.push_str(text.get(from..place.start).unwrap_or_default());
        bare.push(' ');
        from = place.end;
    }
    bare.push_str(text.get(from..).unwrap_or_default());
    bare
}

fn grade_gaps(key: &BTreeMap<String, Filling>, texts: &BTreeMap<String, &str>) -> Result<Grade, Unreadable> {
    let mut all_right = true;
    for (gap, filling) in key {
        let text = texts.get(gap).copied().unwrap_or_default();
        let grade = match filling {
            Filling::Number(key) => number::grade(key, text)?,
            Filling::Text(accepted) => short_text::grade_read(accepted, text)?,
            Filling::Choice(choice) => single_choice::grade_read(choice, text)?,
        };
        all_right &= grade.is_right();
    }
    Ok(if all_right { Grade::Right } else { Grade::Wrong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};
    use proptest::prelude::*;

    fn number(gap: &str, value: &str) -> GapKey {
        GapKey { gap: gap.to_owned(), key: GapKeyKind::Number { value: value.to_owned(), tolerance: None } }
    }

    /// n: 3/4 · w: 약수 or divisor · c: the choice b
    fn key() -> Vec<GapKey> {
        let accepted = vec!["약수".to_owned(), "divisor".to_owned()];
        vec![
            number("n", "3/4"),
            GapKey { gap: "w".to_owned(), key: GapKeyKind::Text { accepted } },
            GapKey { gap: "c".to_owned(), key: GapKeyKind::Choice { choice: "b".to_owned() } },
        ]
    }

    fn fill(gaps: &[(&str, &str)]) -> Vec<GapAnswer> {
        gaps.iter()
            .map(|(gap, text)| GapAnswer { gap: (*gap).to_owned(), text: (*text).to_owned() })
            .collect()
    }

    fn check(given: &[(&str, &str)], expected: &Grade) {
        let grade = grade(&key(), &fill(given)).expect("the key is sound");
        assert_eq!(&grade.unwrap_or_else(|why| Grade::NotUnderstood { why }), expected, "{given:?}");
    }

    fn unread(why: Unreadable) -> Grade {
        Grade::NotUnderstood { why }
    }

    #[test]
    fn grades_each_gap_as_its_kind() {
        check(&[("n", "3/4"), ("w", "약수"), ("c", "b")], &Right);
        check(&[("c", "②"), ("n", "０.75"), ("w", " Divisor. ")], &Right);
        check(&[("n", "4분의 3"), ("w", "약 수"), ("c", "B")], &Right);
        check(&[("n", "3/5"), ("w", "약수"), ("c", "b")], &Wrong);
        check(&[("n", "3/4"), ("w", "배수"), ("c", "b")], &Wrong);
        check(&[("n", "3/4"), ("w", "약수"), ("c", "a")], &Wrong);
        check(&[("n", "1"), ("w", "배수"), ("c", "a")], &Wrong);
    }

    #[test]
    fn every_gap_is_filled_once() {
        check(&[], &unread(Unreadable::Empty));
        check(&[("n", ""), ("w", " "), ("c", "")], &unread(Unreadable::Empty));
        check(&[("n", "3/4"), ("w", ""), ("c", "b")], &unread(Unreadable::Incomplete));
        check(&[("n", "3/4"), ("w", "약수")], &unread(Unreadable::Incomplete));
        check(&[("n", "3/4"), ("w", "약수"), ("c", "b"), ("c", "b")], &unread(Unreadable::Incomplete));
        check(&[("n", "3/4"), ("w", "약수"), ("x", "b")], &unread(Unreadable::UnknownChoice));
        check(&[("n", "x"); 65], &unread(Unreadable::TooLong));
    }

    #[test]
    fn a_gap_that_cannot_be_read_is_held_against_nobody() {
        check(&[("n", "3,50"), ("w", "배수"), ("c", "b")], &unread(Unreadable::Comma));
        check(&[("n", "몰라"), ("w", "약수"), ("c", "b")], &unread(Unreadable::NotANumber));
        check(&[("n", "1/0"), ("w", "약수"), ("c", "b")], &unread(Unreadable::ZeroDenominator));
        check(&[("n", "3/4"), ("w", &"약".repeat(401)), ("c", "b")], &unread(Unreadable::TooLong));
        check(&[("n", "3/4"), ("w", "약수"), ("c", "b!")], &unread(Unreadable::UnknownChoice));
    }

    #[test]
    fn a_broken_key_grades_nothing() {
        let grade = |key: &[GapKey]| grade(key, &fill(&[("n", "1")]));
        assert_eq!(grade(&[]), Err(GradeError::NoGaps));
        assert_eq!(grade(&[number("n", "1"), number("N", "1")]), Err(GradeError::NoGaps));
        assert_eq!(grade(&[number("가", "1")]), Err(GradeError::NoGaps));
        assert_eq!(grade(&[number("n", "one")]), Err(GradeError::Value(Unreadable::NotANumber)));
        let blank = GapKeyKind::Text { accepted: vec![".".to_owned()] };
        assert_eq!(grade(&[GapKey { gap: "n".to_owned(), key: blank }]), Err(GradeError::NoAccepted));
        let nameless = GapKeyKind::Choice { choice: String::new() };
        assert_eq!(grade(&[GapKey { gap: "n".to_owned(), key: nameless }]), Err(GradeError::NoChoice));
    }

    #[test]
    fn two_answers_are_one_by_value() {
        let listed = fill(&[("n", "1/2"), ("w", "배수"), ("c", "a")]);
        let same = |given: &[(&str, &str)]| is_same(&key(), &listed, &fill(given));
        assert!(same(&[("c", "①"), ("n", "0.5"), ("w", "배 수")]));
        assert!(!same(&[("c", "a"), ("n", "0.5"), ("w", "약수")]));
        assert!(!same(&[("c", "a"), ("n", "0.5")]));
    }

    #[test]
    fn finds_the_marks_of_a_text() {
        let ids = |text| find_marks(text).into_iter().map(|(_, id)| id.to_owned()).collect::<Vec<_>>();
        assert_eq!(ids("12의 [[w]]는 [[n]]개"), ["w", "n"]);
        assert_eq!(ids("[[a]][[b]]"), ["a", "b"]);
        assert_eq!(ids("[a] [[ b ]] ]] [[c"), [" b "]);
        assert_eq!(ids("[[[a]]"), ["[a"]);
        assert_eq!(drop_marks("가 [[a]]는 [[b]]"), "가  는  ");
    }

    proptest! {
        #[test]
        fn one_wrong_gap_makes_it_wrong(values in prop::collection::vec(-99_i32..99, 1..9), shifts in prop::collection::vec(0_i32..2, 9)) {
            let key: Vec<GapKey> = (0..).zip(&values).map(|(n, value): (u32, _)| number(&format!("g{n}"), &value.to_string())).collect();
            let given: Vec<GapAnswer> = (0..).zip(values.iter().zip(&shifts))
                .map(|(n, (value, shift)): (u32, _)| GapAnswer { gap: format!("g{n}"), text: (value + shift).to_string() })
                .collect();
            let expected = if shifts.iter().take(values.len()).all(|shift| *shift == 0) { Right } else { Wrong };
            prop_assert_eq!(grade(&key, &given), Ok(Ok(expected)));
        }

        #[test]
        fn never_panics(gaps in prop::collection::vec(("\\PC{0,3}|[nwc]", "\\PC{0,9}|[0-9/.b]{0,5}"), 0..5), text in "(\\PC|\\[|\\]){0,20}") {
            let given: Vec<GapAnswer> = gaps.into_iter().map(|(gap, text)| GapAnswer { gap, text }).collect();
            let _ = grade(&key(), &given);
            let _ = is_same(&key(), &given, &given);
            let _ = drop_marks(&text);
        }
    }
}
