//! Any number of the choices: right if the set is the key's set, in any order, however often each is named.

use super::single_choice;
use crate::GradeError;
use dreamseed_wire::answer::{Grade, Unreadable};
use std::collections::BTreeSet;

/// The most choices that one answer may name; no question has as many.
const MAX_NAMED: usize = 64;

/// Grades the set of choices that `given` names.
pub(crate) fn grade(key: &[String], given: &[String]) -> Result<Result<Grade, Unreadable>, GradeError> {
    let key = read_key(key).ok_or(GradeError::NoChoice)?;
    Ok(read(&key, given).map(|choices| if choices == key { Grade::Right } else { Grade::Wrong }))
}

/// Whether two answers name one set of choices.
pub(crate) fn is_same(key: &[String], listed: &[String], given: &[String]) -> bool {
    let Some(key) = read_key(key) else { return false };
    matches!((read(&key, listed), read(&key, given)), (Ok(listed), Ok(given)) if listed == given)
}

/// The key's set; `None` if it is empty or an id is malformed.
pub(crate) fn read_key(key: &[String]) -> Option<BTreeSet<String>> {
    let ids: Option<BTreeSet<String>> = key.iter().map(|id| single_choice::read_id(id)).collect();
    ids.filter(|ids| !ids.is_empty())
}

/// The set that an answer names. Positions count where every id of the key is a letter.
pub(crate) fn read(key: &BTreeSet<String>, given: &[String]) -> Result<BTreeSet<String>, Unreadable> {
    if given.is_empty() {
        return Err(Unreadable::Empty);
    }
    if given.len() > MAX_NAMED {
        return Err(Unreadable::TooLong);
    }
    let sibling = key.iter().find(|id| !single_choice::is_letter(id)).or_else(|| key.first());
    let sibling = sibling.map_or("", String::as_str);
    given.iter().map(|choice| single_choice::read(sibling, choice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};

    fn check(key: &[&str], given: &[&str], expected: &Grade) {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let grade = grade(&owned(key), &owned(given)).expect("the key is sound");
        assert_eq!(
            &grade.unwrap_or_else(|why| Grade::NotUnderstood { why }),
            expected,
            "{given:?} for {key:?}"
        );
    }

    #[test]
    fn compares_sets() {
        check(&["a", "c"], &["a", "c"], &Right);
        check(&["a", "c"], &["c", "a"], &Right);
        check(&["a", "c"], &["c", "a", "A", "①"], &Right);
        check(&["a", "c"], &["①", "③"], &Right);
        check(&["a", "c"], &["ㄱ", "ㄷ"], &Right);
        check(&["a", "c"], &["a"], &Wrong);
        check(&["a", "c"], &["a", "b", "c"], &Wrong);
        check(&["a"], &["a"], &Right);
    }

    #[test]
    fn does_not_guess() {
        check(&["a"], &[], &Grade::NotUnderstood { why: Unreadable::Empty });
        check(&["a"], &["a", ""], &Grade::NotUnderstood { why: Unreadable::Empty });
        check(&["a"], &["a", "?"], &Grade::NotUnderstood { why: Unreadable::UnknownChoice });
        check(&["a"], &["a"; 65], &Grade::NotUnderstood { why: Unreadable::TooLong });
        assert_eq!(grade(&[], &["a".to_owned()]), Err(GradeError::NoChoice));
    }
}
