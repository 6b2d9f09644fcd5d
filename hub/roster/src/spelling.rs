//! Whether two names are one name spelled in two ways.

use unicode_normalization::UnicodeNormalization;

use crate::cells::fold;

/// Letters of a name in which two may differ: one in any name, two in one of eight letters or more.
const LETTERS_PER_SLIP: usize = 4;
const MAX_SLIPS: usize = 2;

/// Whether one name may be the other with its spelling corrected.
///
/// It is if they differ only in spaces, case, compatible forms, or in what one of them adds to tell people of one name
/// apart: `김민준` and `김민준(A)`, `김민준(金敏俊)`, `김민준 2`. It is too if no more than one letter of four and two in all
/// must be changed, added or left out, a Hangul syllable being its two or three letters: `이서연` and `이서현`. And it is
/// if the list says so, with the old name in brackets: `최수아(박지호)` was `박지호`. Everything else is another person, and
/// so are two with different marks: `김민준A` and `김민준B`.
pub fn is_spelling_of(one: &str, other: &str) -> bool {
    let (one, other) = (Parts::new(one), Parts::new(other));
    let tells = |new: &Parts, old: &Parts| new.mark.as_ref().is_some_and(|mark| *mark == old.base);
    if tells(&one, &other) || tells(&other, &one) {
        return true;
    }
    if one.mark.is_some() && other.mark.is_some() && one.mark != other.mark {
        return false;
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.base.nfd().collect(), other.base.nfd().collect());
    let allowed = (one.len().max(other.len()) / LETTERS_PER_SLIP).clamp(1, MAX_SLIPS);
    !one.is_empty() && !other.is_empty() && (one == other || distance(&one, &other) <= allowed)
}

/// A name and what is added to it.
struct Parts {
    base: String,
    /// `A` of `김민준(A)`; Chinese characters are the name itself once more, not a mark.
    mark: Option<String>,
}

impl Parts {
    fn new(name: &str) -> Self {
        let name = fold(name);
        let (mut base, mark) = match name.split_once(['(', '[']) {
            Some((base, rest)) => (base.to_owned(), rest.trim_end_matches([')', ']']).to_owned()),
            None => (name, String::new()),
        };
        let is_chinese = mark.chars().all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let mut mark = Some(mark).filter(|_| !is_chinese);
        if mark.is_none() && base.starts_with(is_hangul) {
            let name_end = base.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len();
            mark = Some(base.split_off(name_end)).filter(|tail| !tail.is_empty());
        }
        Parts { base, mark }
    }
}

fn is_hangul(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

/// Levenshtein's: the fewest letters to change, add or leave out.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut line = vec![at + 1];
        for (place, against) in other.iter().enumerate() {
            let changed = above[place] + usize::from(letter != against);
            line.push(changed.min(above[place + 1] + 1).min(line[place] + 1));
        }
        above = line;
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_a_spelling_and_another_child_is_not() {
        for (one, other) in [
            ("김민준", "김민준(A)"),
            ("김민준", "김민준A"),
            ("김민준 2", "김민준"),
            ("김민준", "김민준(金敏俊)"),
            ("김민준(金敏俊)", "김민준(金敏準)"),
            ("이서연", "이서현"),
            ("이서여", "이서연"),
            ("박도윤", "박도현"),
            ("최하은", "최하운"),
            ("강지유", "강지우"),
            ("이준", "이쥰"),
            ("응우옌티란", "응우옌 티 란"),
            ("emma park", "Emma Park"),
            ("Jon Miller", "John Miller"),
            ("박지호", "최수아(박지호)"),
            ("최수아(박지호)", "최수아"),
        ] {
            assert!(is_spelling_of(one, other) && is_spelling_of(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("박지호", "황보영"),
            ("박지호", "최수아"),
            ("김민준", "김서연"),
            ("김민준", "김민서"),
            ("박민준", "최민준"),
            ("김민준A", "김민준B"),
            ("김민준(A)", "김민준B"),
            ("김민준(남)", "김민준(여)"),
            ("이준", "이안"),
            ("김민", "김민준"),
            ("Emma Park", "Mia Tanaka"),
            ("Emma", "Emil"),
            ("김민준", ""),
            ("(A)", "(A)"),
            ("박지호", "최수아(박지현)"),
        ] {
            assert!(!is_spelling_of(one, other) && !is_spelling_of(other, one), "{one} {other}");
        }
    }
}
