//! Items in an order: right if the order is the key's from first to last. There is no credit for a part of it.

use super::single_choice;
use crate::GradeError;
use dreamseed_wire::answer::{Grade, Unreadable};
use std::collections::BTreeSet;

/// The most items that one answer may name; no question has as many.
pub(crate) const MAX_NAMED: usize = 64;

/// Grades the order that `given` names.
pub(crate) fn grade(key: &[String], given: &[String]) -> Result<Result<Grade, Unreadable>, GradeError> {
    let key = read_key(key).ok_or(GradeError::NoOrder)?;
    Ok(read(&key, given).map(|order| if order == key { Grade::Right } else { Grade::Wrong }))
}

/// Whether two answers are one order of the key's items.
pub(crate) fn is_same(key: &[String], listed: &[String], given: &[String]) -> bool {
    let Some(key) = read_key(key) else { return false };
    matches!((read(&key, listed), read(&key, given)), (Ok(listed), Ok(given)) if listed == given)
}

/// The key's order; `None` if it has fewer than two items, one twice, or an id is malformed.
pub(crate) fn read_key(key: &[String]) -> Option<Vec<String>> {
    let order: Vec<String> = key.iter().map(|id| single_choice::read_id(id)).collect::<Option<_>>()?;
    let distinct: BTreeSet<&String> = order.iter().collect();
    (order.len() > 1 && distinct.len() == order.len()).then_some(order)
}

/// The order that an answer names: every item of the key, each once.
fn read(key: &[String], given: &[String]) -> Result<Vec<String>, Unreadable> {
    if given.is_empty() {
        return Err(Unreadable::Empty);
    }
    if given.len() > MAX_NAMED {
        return Err(Unreadable::TooLong);
    }
    let mut order = Vec::with_capacity(key.len());
    for item in given {
        let id =
            single_choice::read_id(item).filter(|id| key.contains(id)).ok_or(Unreadable::UnknownChoice)?;
        if order.contains(&id) {
            return Err(Unreadable::Incomplete);
        }
        order.push(id);
    }
    if order.len() == key.len() { Ok(order) } else { Err(Unreadable::Incomplete) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};
    use proptest::prelude::*;

    fn owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn check(key: &[&str], given: &[&str], expected: &Grade) {
        let grade = grade(&owned(key), &owned(given)).expect("the key is sound");
        assert_eq!(
            &grade.unwrap_or_else(|why| Grade::NotUnderstood { why }),
            expected,
            "{given:?} for {key:?}"
        );
    }

    fn unread(why: Unreadable) -> Grade {
        Grade::NotUnderstood { why }
    }

    #[test]
    fn compares_from_first_to_last() {
        check(&["b", "c", "a"], &["b", "c", "a"], &Right);
        check(&["b", "c", "a"], &["B", " c ", "A"], &Right);
        check(&["b", "c", "a"], &["b", "a", "c"], &Wrong);
        check(&["b", "c", "a"], &["a", "c", "b"], &Wrong);
        check(&["first", "2"], &["first", "2"], &Right);
        check(&["first", "2"], &["2", "first"], &Wrong);
    }

    #[test]
    fn every_item_stands_once() {
        check(&["b", "c", "a"], &[], &unread(Unreadable::Empty));
        check(&["b", "c", "a"], &["b"], &unread(Unreadable::Incomplete));
        check(&["b", "c", "a"], &["b", "c"], &unread(Unreadable::Incomplete));
        check(&["b", "c", "a"], &["b", "c", "c"], &unread(Unreadable::Incomplete));
        check(&["b", "c", "a"], &["b", "c", "a", "a"], &unread(Unreadable::Incomplete));
        check(&["b", "c", "a"], &["b", "c", "d"], &unread(Unreadable::UnknownChoice));
        check(&["b", "c", "a"], &["b", "c", ""], &unread(Unreadable::UnknownChoice));
        check(&["b", "c", "a"], &["b", "c\0", "a"], &unread(Unreadable::UnknownChoice));
        check(&["b", "c", "a"], &["b", "c", &"a".repeat(999)], &unread(Unreadable::UnknownChoice));
        check(&["b", "c", "a"], &["b"; 65], &unread(Unreadable::TooLong));
    }

    #[test]
    fn a_broken_key_grades_nothing() {
        for key in [&[][..], &["a"], &["a", "A"], &["a", "가"]] {
            assert_eq!(grade(&owned(key), &owned(&["a"])), Err(GradeError::NoOrder), "{key:?}");
        }
    }

    fn an_order() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
        (2_usize..12).prop_flat_map(|count| {
            let ids: Vec<String> = (0..count).map(|n| format!("i{n}")).collect();
            (Just(ids.clone()).prop_shuffle(), Just(ids).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn right_is_the_key_and_nothing_else((key, given) in an_order()) {
            let expected = if key == given { Right } else { Wrong };
            prop_assert_eq!(grade(&key, &given), Ok(Ok(expected)));
            prop_assert_eq!(grade(&key, &key), Ok(Ok(Right)));
            prop_assert_eq!(is_same(&key, &given, &given), true);
            prop_assert_eq!(is_same(&key, &key, &given), key == given);
        }

        #[test]
        fn a_part_is_never_graded((key, mut given) in an_order(), at in any::<prop::sample::Index>()) {
            given.remove(at.index(given.len()));
            let grade = grade(&key, &given);
            prop_assert!(matches!(grade, Ok(Err(_))), "{grade:?}");
        }

        #[test]
        fn never_panics(key in prop::collection::vec("\\PC{0,4}|[a-c]", 0..5), given in prop::collection::vec("\\PC{0,4}|[a-c]", 0..5)) {
            let _ = grade(&key, &given);
            let _ = is_same(&key, &given, &given);
        }
    }
}
