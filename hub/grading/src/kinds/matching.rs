//! Pairs: right if each of the left has the partner that the key gives it, in any order of the pairs.
//!
//! One partner given to two of the left where the key does not do so is readable, and wrong.

use super::single_choice;
use crate::GradeError;
use dreamseed_wire::answer::{Grade, MatchPair, Unreadable};
use std::collections::BTreeMap;

/// The most pairs that one answer may name; no question has as many.
pub(crate) const MAX_NAMED: usize = 64;

/// Grades the pairs that `given` names.
pub(crate) fn grade(key: &[MatchPair], given: &[MatchPair]) -> Result<Result<Grade, Unreadable>, GradeError> {
    let key = read_key(key).ok_or(GradeError::NoPairs)?;
    Ok(read(&key, given).map(|pairs| if pairs == key { Grade::Right } else { Grade::Wrong }))
}

/// Whether two answers make the same pairs.
pub(crate) fn is_same(key: &[MatchPair], listed: &[MatchPair], given: &[MatchPair]) -> bool {
    let Some(key) = read_key(key) else { return false };
    matches!((read(&key, listed), read(&key, given)), (Ok(listed), Ok(given)) if listed == given)
}

/// The key's partner of each of the left; `None` if there is none, one of the left stands twice, or an id is malformed.
pub(crate) fn read_key(key: &[MatchPair]) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    for pair in key {
        let (left, right) = (single_choice::read_id(&pair.left)?, single_choice::read_id(&pair.right)?);
        if pairs.insert(left, right).is_some() {
            return None;
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// The pairs that an answer names: one for each of the key's left. Which of the right there are, the key does not say.
pub(crate) fn read(
    key: &BTreeMap<String, String>,
    given: &[MatchPair],
) -> Result<BTreeMap<String, String>, Unreadable> {
    if given.is_empty() {
        return Err(Unreadable::Empty);
    }
    if given.len() > MAX_NAMED {
        return Err(Unreadable::TooLong);
    }
    let mut pairs = BTreeMap::new();
    for pair in given {
        if pair.right.trim().is_empty() {
            return Err(Unreadable::Incomplete);
        }
        let left = single_choice::read_id(&pair.left).filter(|id| key.contains_key(id));
        let (Some(left), Some(right)) = (left, single_choice::read_id(&pair.right)) else {
            return Err(Unreadable::UnknownChoice);
        };
        if pairs.insert(left, right).is_some() {
            return Err(Unreadable::Incomplete);
        }
    }
    if pairs.len() == key.len() { Ok(pairs) } else { Err(Unreadable::Incomplete) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};
    use proptest::prelude::*;

    /// `"a1 b2"`: the pairs a–1 and b–2; `_` is an empty right.
    fn pairs(text: &str) -> Vec<MatchPair> {
        text.split_whitespace()
            .map(|pair| {
                let (left, right) = pair.split_at(pair.chars().next().map_or(0, char::len_utf8));
                MatchPair { left: left.to_owned(), right: right.replace('_', "") }
            })
            .collect()
    }

    fn check(key: &str, given: &str, expected: &Grade) {
        let grade = grade(&pairs(key), &pairs(given)).expect("the key is sound");
        assert_eq!(&grade.unwrap_or_else(|why| Grade::NotUnderstood { why }), expected, "{given} for {key}");
    }

    fn unread(why: Unreadable) -> Grade {
        Grade::NotUnderstood { why }
    }

    #[test]
    fn compares_pairs_in_any_order() {
        check("a1 b2 c3", "a1 b2 c3", &Right);
        check("a1 b2 c3", "c3 a1 b2", &Right);
        check("a1 b2 c3", "A1 B2 C3", &Right);
        check("a1 b2 c3", "a2 b1 c3", &Wrong);
        check("a1 b2 c3", "a1 b2 c4", &Wrong);
    }

    #[test]
    fn a_partner_serves_twice_only_where_the_key_says_so() {
        check("a1 b1 c2", "a1 b1 c2", &Right);
        check("a1 b1 c2", "a1 b2 c2", &Wrong);
        check("a1 b2 c3", "a1 b1 c3", &Wrong);
    }

    #[test]
    fn each_of_the_left_stands_once() {
        check("a1 b2", "", &unread(Unreadable::Empty));
        check("a1 b2", "a1", &unread(Unreadable::Incomplete));
        check("a1 b2", "a1 b_", &unread(Unreadable::Incomplete));
        check("a1 b2", "a1 a1", &unread(Unreadable::Incomplete));
        check("a1 b2", "a1 b2 b1", &unread(Unreadable::Incomplete));
        check("a1 b2", "a1 c2", &unread(Unreadable::UnknownChoice));
        check("a1 b2", "a1 b?", &unread(Unreadable::UnknownChoice));
        check("a1 b2", &"a1 ".repeat(65), &unread(Unreadable::TooLong));
    }

    #[test]
    fn a_broken_key_grades_nothing() {
        for key in ["", "a1 a2", "a!", "가1"] {
            assert_eq!(grade(&pairs(key), &pairs("a1")), Err(GradeError::NoPairs), "{key}");
        }
    }

    proptest! {
        #[test]
        fn right_is_the_key_and_nothing_else(key in prop::collection::vec(0_u8..4, 1..9), given in prop::collection::vec(0_u8..4, 1..9), seed in any::<u64>()) {
            let pairs = |rights: &[u8]| -> Vec<MatchPair> {
                (0..).zip(rights).map(|(n, right): (u32, _)| MatchPair { left: format!("l{n}"), right: format!("r{right}") }).collect()
            };
            let (key_pairs, mut given_pairs) = (pairs(&key), pairs(&given));
            let turn = usize::try_from(seed % 8).unwrap_or(0) % given_pairs.len();
            given_pairs.rotate_left(turn);
            match grade(&key_pairs, &given_pairs) {
                Ok(Ok(grade)) => {
                    prop_assert_eq!(key.len(), given.len());
                    prop_assert_eq!(grade.is_right(), key == given);
                    prop_assert!(is_same(&key_pairs, &given_pairs, &pairs(&given)));
                }
                other => {
                    prop_assert_ne!(key.len(), given.len());
                    prop_assert!(matches!(other, Ok(Err(_))));
                }
            }
        }

        #[test]
        fn never_panics(key in prop::collection::vec(("\\PC{0,3}|[ab]", "\\PC{0,3}|[ab]"), 0..4), given in prop::collection::vec(("\\PC{0,3}|[ab]", "\\PC{0,3}|[ab]"), 0..4)) {
            let pairs = |texts: Vec<(String, String)>| -> Vec<MatchPair> {
                texts.into_iter().map(|(left, right)| MatchPair { left, right }).collect()
            };
            let (key, given) = (pairs(key), pairs(given));
            let _ = grade(&key, &given);
            let _ = is_same(&key, &given, &given);
        }
    }
}
