//! Exactly one of the choices.
//!
//! Screens send the id of the choice. Besides, an answer may name it as pupils do on paper: `①`, `1`, `1번`, `(1)`,
//! `ㄱ`, `가`. The key knows only its own id, so a position means a choice by the order of the alphabet — 1 is `a`, 2 is
//! `b` … — and only where the key's id is a single letter.

use crate::{
    GradeError,
    normalise::{fold, is_forbidden},
};
use dreamseed_wire::answer::{Grade, Unreadable};

/// The longest id of a choice, in bytes.
pub(crate) const MAX_ID: usize = 16;
/// The longest answer that is looked at, in characters.
const MAX_LENGTH: usize = 200;

/// Grades the choice that `given` names.
pub(crate) fn grade(key: &str, given: &str) -> Result<Result<Grade, Unreadable>, GradeError> {
    let key = read_id(key).ok_or(GradeError::NoChoice)?;
    Ok(grade_read(&key, given))
}

/// Grades against a key as [`read_id`] gives it.
pub(crate) fn grade_read(key: &str, given: &str) -> Result<Grade, Unreadable> {
    read(key, given).map(|choice| if choice == key { Grade::Right } else { Grade::Wrong })
}

/// Whether two answers name one choice.
pub(crate) fn is_same(key: &str, listed: &str, given: &str) -> bool {
    let Some(key) = read_id(key) else { return false };
    matches!((read(&key, listed), read(&key, given)), (Ok(listed), Ok(given)) if listed == given)
}

/// The id as authors write it, in lower case: 1 to [`MAX_ID`] of `a-z`, `0-9`, `-`, `_`.
pub(crate) fn read_id(id: &str) -> Option<String> {
    let id = id.trim().to_ascii_lowercase();
    let fits = (1..=MAX_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    fits.then_some(id)
}

/// The id that an answer names; `sibling` is any id of the same question and tells whether ids are letters.
pub(crate) fn read(sibling: &str, given: &str) -> Result<String, Unreadable> {
    if given.chars().count() > MAX_LENGTH {
        return Err(Unreadable::TooLong);
    }
    if given.chars().any(is_forbidden) {
        return Err(Unreadable::UnknownChoice);
    }
    let folded = fold(given).to_lowercase();
    let folded = folded.trim();
    if folded.is_empty() {
        return Err(Unreadable::Empty);
    }
    let bare = folded.strip_suffix('번').unwrap_or(folded);
    let bare = bare.trim_end_matches(['.', ')']).trim_start_matches('(').trim();
    if is_letter(sibling)
        && let Some(letter) = read_position(bare).and_then(letter_at)
    {
        return Ok(letter.to_string());
    }
    read_id(bare).ok_or(Unreadable::UnknownChoice)
}

/// The letter that names the choice at a position, counted from 1.
pub(crate) fn letter_at(position: usize) -> Option<char> {
    let index = u8::try_from(position.checked_sub(1)?).ok().filter(|index| *index < 26)?;
    Some(char::from(b'a' + index))
}

/// Whether an id is a single letter, so that positions name choices too.
pub(crate) fn is_letter(id: &str) -> bool {
    matches!(id.as_bytes(), [letter] if letter.is_ascii_alphabetic())
}

/// The position that a number or a Korean enumeration letter stands for.
fn read_position(text: &str) -> Option<usize> {
    // NFKC has turned the letters ㄱ, ㄴ … into the initial jamo of the same sound.
    const JAMO: &str =
        "\u{1100}\u{1102}\u{1103}\u{1105}\u{1106}\u{1107}\u{1109}\u{110B}\u{110C}\u{110E}\u{110F}\u{1110}";
    const SYLLABLES: &str = "가나다라마바사아자차카타";
    let mut chars = text.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        let among = |list: &str| list.chars().position(|c| c == only).map(|index| index + 1);
        if let Some(position) = among(JAMO).or_else(|| among(SYLLABLES)) {
            return Some(position);
        }
    }
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};

    fn check(key: &str, given: &str, expected: &Grade) {
        let grade = grade(key, given).expect("the key is sound");
        assert_eq!(
            &grade.unwrap_or_else(|why| Grade::NotUnderstood { why }),
            expected,
            "{given:?} for {key}"
        );
    }

    fn unread(why: Unreadable) -> Grade {
        Grade::NotUnderstood { why }
    }

    #[test]
    fn takes_an_id_in_any_case() {
        check("b", "b", &Right);
        check("b", "B", &Right);
        check("b", " ｂ ", &Right);
        check("B", "b", &Right);
        check("b", "a", &Wrong);
        check("isosceles", "ISOSCELES", &Right);
    }

    #[test]
    fn takes_a_position_where_ids_are_letters() {
        check("b", "②", &Right);
        check("b", "❷", &Right);
        check("b", "２", &Right);
        check("b", "2번", &Right);
        check("b", "(2)", &Right);
        check("b", "⑵", &Right);
        check("b", "2)", &Right);
        check("b", "ㄴ", &Right);
        check("b", "나", &Right);
        check("b", "①", &Wrong);
        check("b", "ㄷ", &Wrong);
        check("2", "②", &Right);
        check("2", "b", &Wrong);
    }

    #[test]
    fn does_not_guess() {
        check("b", "", &unread(Unreadable::Empty));
        check("b", " \n", &unread(Unreadable::Empty));
        check("b", "①②", &unread(Unreadable::UnknownChoice));
        check("b", "b!", &unread(Unreadable::UnknownChoice));
        check("b", "b\0", &unread(Unreadable::UnknownChoice));
        check("b", "\u{202E}b", &unread(Unreadable::UnknownChoice));
        check("b", &"b".repeat(17), &unread(Unreadable::UnknownChoice));
        check("b", &"b".repeat(201), &unread(Unreadable::TooLong));
        assert_eq!(grade("", "a"), Err(GradeError::NoChoice));
        assert_eq!(grade("가", "a"), Err(GradeError::NoChoice));
    }
}
