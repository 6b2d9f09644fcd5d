//! Says whether a text gives a problem's answer away: for authors' hints and for what a model writes to a pupil.
//!
//! The walk: spell the text plainly, then by kind of key
//! - number: every number of the text, in any spelling (`3/4`, `\frac{3}{4}`, `4분의 3`, `0.75`, `７５%`), is compared by
//!   value. One that already stands in what the pupil has before them — the problem's statement and their own answer —
//!   tells nothing new, unless it is announced: `답은 …`, `answer is …`, `= …`. List numbers, ordinals, exponents and
//!   digits inside a name (`cm2`) are no numbers of the text.
//! - choice: the right id is announced (`답은 b`, `②번이 정답`, `choose (b)`), or the full text of the right choice
//!   appears. Of several right choices, one announced id or all the texts tell.
//! - short text: an accepted word appears that is not in what is given, or it is announced.
//!
//! It errs towards "tells": a hint too many is rewritten or replaced by the next, an answer once told is not taken
//! back. It does not read numbers in words (`seven`, `일곱`), and an answer spread over several sentences passes.

use crate::{
    kinds::{
        multiple_choice,
        number::{self, Key},
        single_choice,
    },
    normalise::{is_forbidden, squeeze_answer},
};
use dreamseed_wire::authoring::AnswerKey;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::{collections::BTreeSet, ops::Range};

/// How far back and ahead an announcement is looked for, in characters without spaces.
const WINDOW: usize = 24;
/// What comes right before an answer that is being told; without spaces, in lower case.
const ANNOUNCEMENTS: &[&str] = &[
    "답은",
    "답이",
    "답:",
    "정답",
    "답으로",
    "결과는",
    "값은",
    "answeris",
    "answer:",
    "resultis",
    "equals",
    "youget",
    "isequalto",
];
const EQUALS: &[&str] = &["=", "≈", "→", "⇒"];

/// Whether `text` gives the answer away.
///
/// `choices` are the question's choices as (id, text) in the order shown, empty for other kinds. `given` is what the
/// pupil has before them: the statement and their own answer. A broken key tells nothing.
pub fn tells_answer(key: &AnswerKey, choices: &[(String, String)], given: &str, text: &str) -> bool {
    let (given, text) = (Passage::read(given), Passage::read(text));
    match key {
        AnswerKey::Number { value, tolerance, units, .. } => {
            let key = Key::read(value, tolerance.as_deref(), units, false, false, None);
            key.is_ok_and(|key| tells_number(&key, &given, &text))
        }
        AnswerKey::SingleChoice { choice } => {
            tells_choices(std::slice::from_ref(choice), choices, &given, &text)
        }
        AnswerKey::MultipleChoice { choices: right } => tells_choices(right, choices, &given, &text),
        AnswerKey::ShortText { accepted } => {
            accepted.iter().any(|words| tells_words(words, &[], &given, &text))
        }
    }
}

/// A text in the spelling that the checks need: plain, lower case, without Markdown and LaTeX marks.
struct Passage {
    plain: Vec<char>,
}

impl Passage {
    fn read(text: &str) -> Self {
        let visible: String = text.chars().filter(|c| !is_forbidden(*c)).collect();
        Self { plain: number::spell_plainly(&drop_marks(&visible)).to_lowercase().chars().collect() }
    }
}

/// Replaces Markdown's and LaTeX's marks by spaces; keeps `\frac` and turns relations into `=`.
fn drop_marks(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '\\' if chars.get(at).is_some_and(char::is_ascii_alphabetic) => {
                let rest = chars.get(at..).unwrap_or_default();
                let name: String = rest.iter().take_while(|c| c.is_ascii_alphabetic()).collect();
                at += name.len();
                kept.push_str(match name.as_str() {
                    "frac" | "dfrac" | "tfrac" | "cfrac" => "\\frac",
                    "approx" | "fallingdotseq" | "simeq" => "=",
                    "left" | "right" => "",
                    _ => " ",
                });
            }
            '$' | '`' => kept.push(' '),
            // Bold, not a product.
            '*' if chars.get(at) == Some(&'*') || (at > 1 && chars.get(at - 2) == Some(&'*')) => {
                kept.push(' ');
            }
            other => kept.push(other),
        }
    }
    kept
}

fn tells_number(key: &Key, given: &Passage, text: &Passage) -> bool {
    let mut known: BTreeSet<BigRational> = BTreeSet::new();
    let mut equated: BTreeSet<BigRational> = BTreeSet::new();
    for found in number::find_numbers(&given.plain) {
        let values = signed_values(&given.plain, found.start, &found.value);
        if is_announced(&given.plain, found.start, EQUALS) {
            equated.extend(values.iter().cloned());
        }
        known.extend(values);
        known.extend(found.parts.into_iter().map(BigRational::from_integer));
    }
    let mut next_item = 1;
    for found in number::find_numbers(&text.plain) {
        if found.value.is_integer()
            && is_list_number(&text.plain, found.start, found.end)
            && found.value.to_integer().to_usize() == Some(next_item)
        {
            next_item += 1;
            continue;
        }
        let mut values = signed_values(&text.plain, found.start, &found.value);
        if text.plain.get(found.end) == Some(&'%') {
            let hundredth = &found.value / BigRational::from_integer(100.into());
            values.push(hundredth);
        }
        for value in values.iter().filter(|value| key.accepts(value)) {
            let announced = is_announced(&text.plain, found.start, ANNOUNCEMENTS);
            let equals = is_announced(&text.plain, found.start, EQUALS) && !equated.contains(value);
            if announced || equals {
                return true;
            }
            if !known.contains(value) && !is_no_quantity(&text.plain, found.start, found.end) {
                return true;
            }
        }
    }
    false
}

/// The values that a number may have by the minus before it: after an operand it may be a subtraction or a sign.
fn signed_values(plain: &[char], start: usize, value: &BigRational) -> Vec<BigRational> {
    let before = before(plain, start);
    match before.as_slice() {
        [.., operand, '-'] if operand.is_alphanumeric() || matches!(operand, ')' | '}' | ']') => {
            vec![value.clone(), -value]
        }
        [.., '-'] => vec![-value],
        _ => vec![value.clone()],
    }
}

/// Whether one of `words` stands right before `start`, with nothing but signs, brackets and quotes between.
fn is_announced(plain: &[char], start: usize, words: &[&str]) -> bool {
    let before: String = before(plain, start).into_iter().collect();
    let filler = ['(', '[', '{', '"', '\'', '“', '‘', '*', '-', '+', '약', '「', '<'];
    let bare = before.trim_end_matches(filler);
    words.iter().any(|word| bare.ends_with(word))
}

/// What stands before a place, without spaces: at most [`WINDOW`] characters, in reading order.
fn before(plain: &[char], start: usize) -> Vec<char> {
    let mut back: Vec<char> = plain
        .get(..start)
        .unwrap_or_default()
        .iter()
        .rev()
        .copied()
        .filter(|c| !c.is_whitespace())
        .take(WINDOW)
        .collect();
    back.reverse();
    back
}

/// What follows a place, without spaces.
fn after(plain: &[char], end: usize) -> String {
    plain.get(end..).unwrap_or_default().iter().copied().filter(|c| !c.is_whitespace()).take(WINDOW).collect()
}

/// Whether a number opens a line as `3.` or `3)` do before an item's text.
fn is_list_number(plain: &[char], start: usize, end: usize) -> bool {
    let opens =
        plain.get(..start).unwrap_or_default().iter().rev().find(|c| **c != ' ').is_none_or(|c| *c == '\n');
    let marked = matches!(plain.get(end), Some('.' | ')')) && plain.get(end + 1).is_some_and(|c| *c == ' ');
    opens && marked && !after(plain, end + 1).is_empty()
}

/// Whether a number stands for something else than a quantity: an exponent, an index, a step, part of a name.
fn is_no_quantity(plain: &[char], start: usize, end: usize) -> bool {
    let previous = start.checked_sub(1).and_then(|at| plain.get(at)).copied();
    let part_of_name = previous.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '^' | '_'));
    let before: String = before(plain, start).into_iter().collect();
    let after = after(plain, end);
    part_of_name
        || before.ends_with("step")
        || ["번째", "단계", "st", "nd", "rd", "th"].iter().any(|ordinal| after.starts_with(ordinal))
}

fn tells_choices(right: &[String], choices: &[(String, String)], given: &Passage, text: &Passage) -> bool {
    let Some(right) = multiple_choice::read_key(right) else { return false };
    let is_right = |id: &str| single_choice::read_id(id).is_some_and(|id| right.contains(&id));
    let positioned: Vec<(usize, &(String, String))> = (1..).zip(choices).collect();
    // Ids first: a key of a question whose choices are not known is still announced by its id.
    let announced = right.iter().any(|id| {
        let position =
            positioned.iter().find(|(_, (choice, _))| choice.eq_ignore_ascii_case(id)).map(|(n, _)| *n);
        names_choice(&text.plain, id) || position.is_some_and(|n| names_choice(&text.plain, &n.to_string()))
    });
    if announced {
        return true;
    }
    let texts: Vec<&str> =
        choices.iter().filter(|(id, _)| is_right(id)).map(|(_, text)| text.as_str()).collect();
    let others: Vec<Vec<char>> = choices.iter().map(|(_, other)| read_word(other)).collect();
    !texts.is_empty() && texts.iter().all(|words| tells_words(words, &others, given, text))
}

/// Whether the text points to the choice of this name as the right one.
fn names_choice(plain: &[char], name: &str) -> bool {
    const FOLLOWED: &[&str] = &[
        "가답",
        "이답",
        "가정답",
        "이정답",
        "은정답",
        "는정답",
        "가맞",
        "이맞",
        "은맞",
        "는맞",
        "가옳",
        "이옳",
        "은옳",
        "는옳",
        "을고르",
        "를고르",
        "을골라",
        "를골라",
        "을선택",
        "를선택",
        "isright",
        "iscorrect",
        "istheright",
        "isthecorrect",
        "istheanswer",
    ];
    const PRECEDED: &[&str] = &[
        "choose",
        "pick",
        "select",
        "chooseoption",
        "pickoption",
        "choicesis",
        "correctchoiceis",
        "correctoneis",
        "rightoneis",
    ];
    let name: Vec<char> = name.chars().collect();
    let joins = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_'));
    plain.windows(name.len().max(1)).enumerate().filter(|(_, window)| *window == name).any(|(start, _)| {
        let end = start + name.len();
        if joins(start.checked_sub(1).and_then(|at| plain.get(at))) || joins(plain.get(end)) {
            return false;
        }
        let decimal = matches!(plain.get(end..end + 2), Some(['.', digit]) if digit.is_ascii_digit());
        let behind_point = start > 0 && plain.get(start - 1) == Some(&'.');
        if decimal || behind_point {
            return false;
        }
        let after = after(plain, end);
        let after = after.trim_start_matches([')', ']', '"', '\'', '”', '’', '*']);
        let after = after.strip_prefix('번').unwrap_or(after);
        if FOLLOWED.iter().any(|words| after.starts_with(words)) {
            return true;
        }
        // `the answer is a number` names no choice: a word follows.
        let next_word = after.starts_with(|c: char| c.is_ascii_alphabetic()) && plain.get(end) != Some(&')');
        !next_word && (is_announced(plain, start, ANNOUNCEMENTS) || is_announced(plain, start, PRECEDED))
    })
}

/// Whether the text holds a word or a phrase that is not given, or announces it. Where it stands inside one of
/// `others` — `삼각형` inside the choice `이등변삼각형` — it is not meant.
fn tells_words(words: &str, others: &[Vec<char>], given: &Passage, text: &Passage) -> bool {
    if let Ok(value) = number::read_bare(&drop_marks(words)) {
        return tells_number(&Key::of(value), given, text);
    }
    let word = read_word(words);
    let longer = others.iter().filter(|other| other.len() > word.len());
    let covered: Vec<Range<usize>> = longer.flat_map(|other| find_word(&text.plain, other)).collect();
    let mut places = find_word(&text.plain, &word);
    places.retain(|place| !covered.iter().any(|range| range.start <= place.start && place.end <= range.end));
    if places.iter().any(|place| is_announced(&text.plain, place.start, ANNOUNCEMENTS)) {
        return true;
    }
    // A single syllable stands in half of all words.
    let telling = word.len() > 1 || word.iter().all(char::is_ascii);
    telling && !places.is_empty() && find_word(&given.plain, &word).is_empty()
}

/// A word or a phrase in the spelling in which [`find_word`] looks for it.
fn read_word(words: &str) -> Vec<char> {
    squeeze_answer(&drop_marks(words)).chars().collect()
}

/// Where a text holds a word, whatever the spaces in both. Latin words are found whole only: `line b` is not in
/// `line by line`.
fn find_word(plain: &[char], word: &[char]) -> Vec<Range<usize>> {
    let is_latin = |c: Option<&char>| c.is_some_and(char::is_ascii_alphanumeric);
    let visible: Vec<usize> =
        plain.iter().enumerate().filter(|(_, c)| !c.is_whitespace()).map(|(at, _)| at).collect();
    let mut places = Vec::new();
    for window in visible.windows(word.len().max(1)) {
        let (Some(&start), Some(&last)) = (window.first(), window.last()) else { continue };
        let is_there = window.iter().map(|at| plain.get(*at)).eq(word.iter().map(Some));
        let before = start.checked_sub(1).and_then(|at| plain.get(at));
        let cut_off = (is_latin(word.first()) && is_latin(before))
            || (is_latin(word.last()) && is_latin(plain.get(last + 1)));
        if is_there && !cut_off {
            places.push(start..last + 1);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(value: &str) -> AnswerKey {
        AnswerKey::Number {
            value: value.to_owned(),
            tolerance: None,
            units: Vec::new(),
            unit_required: false,
            lowest_terms: false,
            form: None,
        }
    }

    fn check_number(value: &str, given: &str, text: &str, tells: bool) {
        assert_eq!(
            tells_answer(&number(value), &[], given, text),
            tells,
            "{value} in {text:?} given {given:?}"
        );
    }

    fn choices() -> Vec<(String, String)> {
        [("a", "삼각형"), ("b", "이등변삼각형"), ("c", "$\\frac{3}{4}$")]
            .map(|(id, text)| (id.to_owned(), text.to_owned()))
            .to_vec()
    }

    fn check_choice(id: &str, text: &str, tells: bool) {
        let key = AnswerKey::SingleChoice { choice: id.to_owned() };
        assert_eq!(tells_answer(&key, &choices(), "알맞은 것을 고르세요.", text), tells, "{id} in {text:?}");
    }

    #[test]
    fn a_number_tells_in_any_spelling() {
        for text in [
            "3/4",
            "답은 3/4이에요",
            "$\\frac{3}{4}$",
            "$\\dfrac{3}{4}$",
            "\\frac34",
            "6/8",
            "0.75",
            ".75",
            "75%",
            "4분의 3",
            "¾",
            "３／４",
            "It is 3/4.",
            "**3/4**",
            "x=3/4",
            "0.750입니다",
        ] {
            check_number("3/4", "1/2 + 1/4", text, true);
        }
        for text in ["7/2", "3.5", "3 1/2", "3과 1/2", "3\\frac{1}{2}", "3½", "2분의 7"] {
            check_number("3 1/2", "", text, true);
        }
        for text in ["1,234", "1{,}234", "1234", "１２３４", "1234원"] {
            check_number("1234", "", text, true);
        }
        check_number("-3", "x + 5 = 2", "x = -3", true);
        check_number("-3", "x + 5 = 2", "x = −3", true);
        check_number("-3", "x + 5 = 2", "3을 생각해요", false);
        check_number("12", "", "3 × 4 = 12", true);
        check_number("12", "", "\\times12", true);
        check_number("12", "", "답은12", true);
    }

    #[test]
    fn other_numbers_tell_nothing() {
        for text in ["", "분모를 같게 만들어 보세요.", "3과 4를 보세요", "1/4", "3/45", "13/4", "30.75"]
        {
            check_number("3/4", "", text, false);
        }
        check_number("5", "", "15와 50, 1.5, 5.5, 1/5", false);
        check_number("2", "", "넓이는 $x^2$, cm², cm2", false);
        check_number("2", "", "2단계에서 2번째 값", false);
        check_number("2", "", "Look at step 2 and the 2nd row", false);
        check_number("2", "", "1. 분모를 봐요\n2. 통분해요", false);
        check_number("2", "", "2. 맞아요", true);
    }

    #[test]
    fn what_is_given_tells_nothing_unless_it_is_announced() {
        check_number("6", "사과 6개를 3명이", "6개를 나눠 봐요", false);
        check_number("6", "사과 6개를 3명이", "답은 6이에요", true);
        check_number("6", "사과 6개를 3명이", "The answer is **6**", true);
        check_number("6", "사과 6개를 3명이", "정답: 6", true);
        check_number("6", "사과 6개를 3명이", "3 + 3 = 6", true);
        check_number("3/4", "계산하세요.\n6/8", "Your answer 6/8 can be made simpler", false);
        check_number("3/4", "계산하세요.\n6/8", "Answer: 6/8", true);
        check_number("6", "x + 2 = 6", "식 x + 2 = 6을 다시 봐요", false);
        check_number("2", "1/2 + 1/3", "분모 2와 3을 봐요", false);
    }

    #[test]
    fn a_tolerance_widens_what_tells() {
        let key = AnswerKey::Number {
            value: "3.14".to_owned(),
            tolerance: Some("0.01".to_owned()),
            units: Vec::new(),
            unit_required: false,
            lowest_terms: false,
            form: None,
        };
        assert!(tells_answer(&key, &[], "", "약 3.15"));
        assert!(!tells_answer(&key, &[], "", "약 3.16"));
    }

    #[test]
    fn an_announced_choice_tells() {
        for text in [
            "답은 b예요",
            "정답은 b",
            "정답: (b)",
            "The answer is b.",
            "answer is (B)",
            "②번이 정답이에요",
            "2번이 맞아요",
            "답은 ②",
            "Choose b",
            "b is correct",
            "(b) is the right one",
            "b를 골라요",
            "answer: b",
        ] {
            check_choice("b", text, true);
        }
        for text in [
            "b와 c를 비교해 봐요",
            "2번 읽어 보세요",
            "두 변을 보세요",
            "답은 2.5보다 커요",
            "a가 정답",
            "label",
        ] {
            check_choice("b", text, false);
        }
        check_choice("a", "The answer is a shape with three sides", false);
        check_choice("a", "Choose a number line", false);
    }

    #[test]
    fn the_text_of_the_right_choice_tells() {
        check_choice("b", "이등변 삼각형을 떠올려요", true);
        check_choice("a", "삼각형이에요", true);
        check_choice("a", "이등변삼각형은 아니에요", false);
        check_choice("c", "0.75를 떠올려요", true);
        check_choice("c", "1/4을 떠올려요", false);
        let both = AnswerKey::MultipleChoice { choices: vec!["a".to_owned(), "b".to_owned()] };
        assert!(!tells_answer(&both, &choices(), "", "이등변삼각형을 봐요"));
        assert!(tells_answer(&both, &choices(), "", "이등변삼각형, 그리고 삼각형"));
        assert!(tells_answer(&both, &choices(), "", "답은 a와 다른 하나"));
    }

    #[test]
    fn an_accepted_word_tells() {
        let key = AnswerKey::ShortText {
            accepted: vec!["소수".to_owned(), "prime".to_owned(), "각".to_owned()],
        };
        let check = |given: &str, text: &str, tells: bool| {
            assert_eq!(tells_answer(&key, &[], given, text), tells, "{text:?} given {given:?}");
        };
        check("", "소 수를 떠올려요", true);
        check("", "A PRIME number", true);
        check("", "약수가 몇 개인가요?", false);
        check("소수와 합성수", "소수의 뜻을 봐요", false);
        check("소수와 합성수", "답은 소수예요", true);
        check("", "생각해 봐요", false);
        check("", "답은 각이에요", true);
        let key = AnswerKey::ShortText { accepted: vec!["B".to_owned(), "line B".to_owned()] };
        assert!(!tells_answer(&key, &[], "A: … B: …", "Go line by line"));
        assert!(!tells_answer(&key, &[], "", "Both are big"));
        assert!(tells_answer(&key, &[], "A: … B: …", "Look at line B"));
        assert!(tells_answer(&key, &[], "A: … B: …", "답은 B예요"));
    }

    proptest! {
        #[test]
        fn never_panics(given in "\\PC{0,40}", text in "\\PC{0,80}") {
            tells_answer(&number("3/4"), &[], &given, &text);
            tells_answer(&AnswerKey::SingleChoice { choice: "b".to_owned() }, &choices(), &given, &text);
            tells_answer(&AnswerKey::ShortText { accepted: vec![text.clone()] }, &[], &given, &text);
        }

        #[test]
        fn a_fraction_tells_itself(a in 1_u32..500, b in 1_u32..500) {
            let key = number(&format!("{a}/{b}"));
            let latex = format!("$\\frac{{{a}}}{{{b}}}$");
            let korean = format!("{b}분의 {a}입니다");
            prop_assert!(tells_answer(&key, &[], "", &latex));
            prop_assert!(tells_answer(&key, &[], "", &korean));
            let twice = format!("{}/{}", a * 2, b * 2);
            prop_assert!(tells_answer(&key, &[], "", &twice));
        }
    }
}
