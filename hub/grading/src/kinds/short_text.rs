//! A word or a short phrase: equal to one of the accepted ones but for case, spaces, width, jamo and final punctuation.

use crate::{GradeError, normalise::squeeze_answer};
use dreamseed_wire::answer::{Grade, Unreadable};

/// The longest answer, in characters.
pub(crate) const MAX_LENGTH: usize = 400;

/// Grades a text against the accepted ones.
pub(crate) fn grade(accepted: &[String], given: &str) -> Result<Result<Grade, Unreadable>, GradeError> {
    let accepted = read_key(accepted)?;
    Ok(grade_read(&accepted, given))
}

/// The accepted texts in the spelling that is compared.
pub(crate) fn read_key(accepted: &[String]) -> Result<Vec<String>, GradeError> {
    let accepted: Vec<String> =
        accepted.iter().map(|text| squeeze_answer(text)).filter(|text| !text.is_empty()).collect();
    if accepted.is_empty() { Err(GradeError::NoAccepted) } else { Ok(accepted) }
}

/// Grades a text against accepted ones as [`read_key`] gives them.
pub(crate) fn grade_read(accepted: &[String], given: &str) -> Result<Grade, Unreadable> {
    read(given).map(|text| if accepted.contains(&text) { Grade::Right } else { Grade::Wrong })
}

/// Whether two answers are one text.
pub(crate) fn is_same(listed: &str, given: &str) -> bool {
    matches!((read(listed), read(given)), (Ok(listed), Ok(given)) if listed == given)
}

fn read(given: &str) -> Result<String, Unreadable> {
    if given.chars().count() > MAX_LENGTH {
        return Err(Unreadable::TooLong);
    }
    let text = squeeze_answer(given);
    if text.is_empty() { Err(Unreadable::Empty) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Right, Wrong};

    fn check(accepted: &[&str], given: &str, expected: &Grade) {
        let accepted: Vec<String> = accepted.iter().map(|text| (*text).to_owned()).collect();
        let grade = grade(&accepted, given).expect("the key is sound");
        assert_eq!(&grade.unwrap_or_else(|why| Grade::NotUnderstood { why }), expected, "{given:?}");
    }

    #[test]
    fn looks_past_spelling() {
        check(&["이등변삼각형"], "이등변 삼각형", &Right);
        check(&["이등변삼각형"], " 이등변삼각형. ", &Right);
        check(&["이등변 삼각형"], "이등변삼각형", &Right);
        check(&["isosceles triangle"], "Isosceles  TRIANGLE!", &Right);
        check(&["isosceles triangle"], "ｉｓｏｓｃｅｌｅｓ ｔｒｉａｎｇｌｅ", &Right);
        check(&["정사각형", "square"], "Square", &Right);
        check(&["소수"], "\u{1109}\u{1169}\u{1109}\u{116E}", &Right);
        check(&["소수"], "ㅅㅗㅅㅜ", &Right);
        check(&["소수"], "소\u{200B}수", &Right);
        check(&["x+3"], "x + 3", &Right);
        check(&["소수"], "합성수", &Wrong);
        check(&["소수"], "소수가 아니다", &Wrong);
    }

    #[test]
    fn does_not_guess() {
        check(&["소수"], "", &Grade::NotUnderstood { why: Unreadable::Empty });
        check(&["소수"], " ...\0", &Grade::NotUnderstood { why: Unreadable::Empty });
        check(&["소수"], &"소".repeat(401), &Grade::NotUnderstood { why: Unreadable::TooLong });
        assert_eq!(grade(&[], "a"), Err(GradeError::NoAccepted));
        assert_eq!(grade(&["..".to_owned()], "a"), Err(GradeError::NoAccepted));
    }
}
