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
//! - true or false: a verdict on the claim is announced (`답은 참`, `이 설명은 틀려요`, `the statement is false`), either
//!   one, since the other follows from it. A bare `맞아요` or `right` is about anything and tells nothing. More cannot
//!   be kept: that a first answer was wrong tells the right one.
//! - ordering: items are named one after another in the key's order, forwards or backwards, and not in the order shown:
//!   all of them, or all but one of four and more. By their texts, ids (`c, a, b`) or places (`③①②`). Which item comes
//!   first is a step, not the answer.
//! - matching: one of the left and its partner stand together (`삼각형 → 3`, `a–2`), in either order.
//! - cloze: what belongs in any gap is told, as for the question of its kind.
//!
//! It errs towards "tells": a hint too many is rewritten or replaced by the next, an answer once told is not taken
//! back. It does not read numbers in words (`seven`, `일곱`), and an answer spread over several sentences passes.

use crate::{
    kinds::{
        cloze, matching, multiple_choice,
        number::{self, Key},
        ordering, single_choice,
    },
    normalise::{is_forbidden, squeeze_answer},
};
use dreamseed_wire::{
    answer::MatchPair,
    authoring::{AnswerKey, GapKey, GapKeyKind},
    question::{Choice, Gap, GapEntry, Question},
};
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
/// How far apart the two of a pair may stand, in characters without spaces.
const PAIR_REACH: usize = 12;

/// Whether `text` gives the answer away.
///
/// `question` is as the pupil sees it. `given` is what else the pupil has before them: the statement and their own
/// answer. A broken key tells nothing.
pub fn tells_answer(key: &AnswerKey, question: &Question, given: &str, text: &str) -> bool {
    let (given, text) = (Passage::read(&add_cloze_text(question, given)), Passage::read(text));
    let choices = choices_of(question);
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
        AnswerKey::TrueFalse { .. } => tells_verdict(&text.plain),
        AnswerKey::Ordering { order } => tells_order(order, choices, &text.plain),
        AnswerKey::Matching { pairs } => {
            let (left, right) = sides_of(question);
            tells_pair(pairs, left, right, &given.plain, &text.plain)
        }
        AnswerKey::Cloze { gaps } => {
            gaps.iter().any(|key| tells_gap(key, choices_of_gap(question, &key.gap), &given, &text))
        }
    }
}

/// What stands around the gaps of a cloze question is given too.
fn add_cloze_text(question: &Question, given: &str) -> String {
    match question {
        Question::Cloze { text, .. } => format!("{given}\n{}", cloze::drop_marks(text)),
        Question::SingleChoice { .. }
        | Question::MultipleChoice { .. }
        | Question::Number { .. }
        | Question::ShortText
        | Question::TrueFalse
        | Question::Ordering { .. }
        | Question::Matching { .. } => given.to_owned(),
    }
}

/// Choices or items, in the order shown.
fn choices_of(question: &Question) -> &[Choice] {
    match question {
        Question::SingleChoice { choices } | Question::MultipleChoice { choices } => choices,
        Question::Ordering { items } => items,
        Question::Number { .. }
        | Question::ShortText
        | Question::TrueFalse
        | Question::Matching { .. }
        | Question::Cloze { .. } => &[],
    }
}

fn sides_of(question: &Question) -> (&[Choice], &[Choice]) {
    if let Question::Matching { left, right } = question { (left, right) } else { (&[], &[]) }
}

fn choices_of_gap<'a>(question: &'a Question, id: &str) -> &'a [Choice] {
    let Question::Cloze { gaps, .. } = question else { return &[] };
    match gaps.iter().find(|gap| gap.id == id) {
        Some(Gap { entry: GapEntry::Choice { choices }, .. }) => choices,
        Some(Gap { entry: GapEntry::Number | GapEntry::Text, .. }) | None => &[],
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

fn tells_choices(right: &[String], choices: &[Choice], given: &Passage, text: &Passage) -> bool {
    let Some(right) = multiple_choice::read_key(right) else { return false };
    let is_right = |id: &str| single_choice::read_id(id).is_some_and(|id| right.contains(&id));
    let positioned: Vec<(usize, &Choice)> = (1..).zip(choices).collect();
    // Ids first: a key of a question whose choices are not known is still announced by its id.
    let announced = right.iter().any(|id| {
        let position =
            positioned.iter().find(|(_, choice)| choice.id.eq_ignore_ascii_case(id)).map(|(n, _)| *n);
        names_choice(&text.plain, id) || position.is_some_and(|n| names_choice(&text.plain, &n.to_string()))
    });
    if announced {
        return true;
    }
    let texts: Vec<&str> =
        choices.iter().filter(|choice| is_right(&choice.id)).map(|choice| choice.text.as_str()).collect();
    let others: Vec<Vec<char>> = choices.iter().map(|choice| read_word(&choice.text)).collect();
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

/// Whether the text says that the claim is true, or that it is false.
fn tells_verdict(plain: &[char]) -> bool {
    const VERDICTS: &[&str] = &[
        "참",
        "거짓",
        "맞",
        "틀리",
        "틀린",
        "틀렸",
        "틀려",
        "옳",
        "○",
        "×",
        "o",
        "x",
        "true",
        "false",
        "nottrue",
        "correct",
        "incorrect",
        "right",
        "wrong",
    ];
    const SUBJECTS: &[&str] = &[
        "문장은",
        "문장이",
        "설명은",
        "설명이",
        "주장은",
        "주장이",
        "말은",
        "말이",
        "생각은",
        "생각이",
        "statementis",
        "claimis",
        "sentenceis",
        "ideais",
    ];
    // `맞는지`, `참일까요`, `true or false`: a question, not a verdict.
    const ASKED: &[&str] = &[
        "는지",
        "는가",
        "았는지",
        "은지",
        "은가",
        "을",
        "나",
        "다면",
        "으면",
        "면",
        "추",
        "게",
        "인지",
        "일",
        "인가",
        "이나",
        "과",
        "또는",
        "이라면",
        "이려면",
        "려면",
        "or",
        "?",
    ];
    VERDICTS.iter().any(|verdict| {
        let word: Vec<char> = verdict.chars().collect();
        find_word(plain, &word).into_iter().any(|place| {
            let said = is_announced(plain, place.start, ANNOUNCEMENTS)
                || (word.len() > 1 || !word.iter().all(char::is_ascii))
                    && is_announced(plain, place.start, SUBJECTS);
            let before: String = before(plain, place.start).into_iter().collect();
            let after = after(plain, place.end);
            said && !before.contains("whether")
                && !before.contains("if")
                && !ASKED.iter().any(|asked| after.starts_with(asked))
                && (!after.starts_with('지') || after.starts_with("지않"))
        })
    })
}

/// Whether the text names the items one after another in the key's order, or backwards.
fn tells_order(order: &[String], items: &[Choice], plain: &[char]) -> bool {
    let Some(order) = ordering::read_key(order) else { return false };
    let places = |id: &String| items.iter().position(|item| item.id.eq_ignore_ascii_case(id));
    let Some(right) = order.iter().map(places).collect::<Option<Vec<usize>>>() else { return false };
    let backwards: Vec<usize> = right.iter().rev().copied().collect();
    let shown: Vec<usize> = (0..items.len()).collect();
    let told = if right.len() > 3 { right.len() - 1 } else { right.len() };

    let texts = items.iter().map(|item| Name::read(&item.text)).collect();
    let ids = items.iter().map(|item| Name::Words(item.id.chars().collect())).collect();
    let mut spellings: Vec<Vec<Name>> = vec![texts, ids];
    if items.iter().all(|item| single_choice::is_letter(&item.id)) {
        let positions = (1..=items.len()).map(|n| Name::Number(BigRational::from_integer(n.into())));
        spellings.push(positions.collect());
    }
    spellings.iter().any(|names| {
        let mut mentioned: Vec<usize> =
            find_mentions(plain, names).into_iter().map(|mention| mention.name).collect();
        mentioned.dedup();
        [&right, &backwards]
            .into_iter()
            .any(|order| order.windows(told).any(|run| has_run(&mentioned, run) && !has_run(&shown, run)))
    })
}

fn has_run(all: &[usize], run: &[usize]) -> bool {
    all.windows(run.len().max(1)).any(|window| window == run)
}

/// Whether one of the left and its partner stand together in the text, and not already in what is given.
fn tells_pair(pairs: &[MatchPair], left: &[Choice], right: &[Choice], given: &[char], text: &[char]) -> bool {
    let Some(key) = matching::read_key(pairs) else { return false };
    let is_pair = |one: usize, other: usize| {
        let (one, other) = (one.min(other), one.max(other));
        let right = other.checked_sub(left.len()).and_then(|at| right.get(at));
        let (Some(left), Some(right)) = (left.get(one), right) else { return false };
        key.get(&left.id.to_ascii_lowercase()).is_some_and(|partner| right.id.eq_ignore_ascii_case(partner))
    };
    let joined = |plain: &[char],
                  names: &[Name],
                  is_link: &dyn Fn(&str) -> bool|
     -> BTreeSet<(usize, usize)> {
        let mentions = find_mentions(plain, names);
        let neighbours = mentions.iter().zip(mentions.iter().skip(1));
        let together = neighbours.filter(|(first, second)| {
            let between = plain.get(first.place.end..second.place.start).unwrap_or_default();
            is_pair(first.name, second.name) && is_link(&between.iter().collect::<String>())
        });
        together.map(|(first, second)| (first.name.min(second.name), first.name.max(second.name))).collect()
    };
    let names = |spell: fn(&Choice) -> Name| left.iter().chain(right).map(spell).collect::<Vec<_>>();
    let texts = names(|choice| Name::read(&choice.text));
    let ids = names(|choice| Name::Words(choice.id.chars().collect()));
    !joined(text, &texts, &links_texts).is_subset(&joined(given, &texts, &links_texts))
        || !joined(text, &ids, &links_ids).is_empty()
}

/// Whether what stands between two texts joins them: a few words, and no end of a sentence or of an item of a list.
fn links_texts(between: &str) -> bool {
    let near = between.chars().filter(|c| !c.is_whitespace()).count() <= PAIR_REACH;
    near && !between.contains(['.', ',', ';', '?', '!', '\n', '、', '。'])
}

/// Whether what stands between two ids joins them: `a–1`, `a는 1`, `a goes with 1`.
fn links_ids(between: &str) -> bool {
    let marks = ['-', '—', '→', '=', ':', '·', '(', ')', '[', ']', '"', '\'', '~', '>'];
    let words: String = between.chars().filter(|c| !c.is_whitespace() && !marks.contains(c)).collect();
    ["", "은", "는", "이", "가", "와", "과", "의짝은", "to", "is", "with", "and", "goeswith", "matches"]
        .contains(&words.as_str())
}

fn tells_gap(key: &GapKey, choices: &[Choice], given: &Passage, text: &Passage) -> bool {
    match &key.key {
        GapKeyKind::Number { value, tolerance } => {
            let key = Key::read(value, tolerance.as_deref(), &[], false, false, None);
            key.is_ok_and(|key| tells_number(&key, given, text))
        }
        GapKeyKind::Text { accepted } => accepted.iter().any(|words| tells_words(words, &[], given, text)),
        GapKeyKind::Choice { choice } => tells_choices(std::slice::from_ref(choice), choices, given, text),
    }
}

/// What something is called in a running text.
enum Name {
    /// In any spelling.
    Number(BigRational),
    Words(Vec<char>),
}

impl Name {
    fn read(text: &str) -> Self {
        match number::read_bare(&drop_marks(text)) {
            Ok(value) => Name::Number(value),
            Err(_) => Name::Words(read_word(text)),
        }
    }
}

/// One of the names at its place in a text.
struct Mention {
    place: Range<usize>,
    /// Index of the name.
    name: usize,
}

/// Where a text says which of the names, in reading order. A name inside a longer one is not meant.
fn find_mentions(plain: &[char], names: &[Name]) -> Vec<Mention> {
    let numbers = number::find_numbers(plain);
    let mut mentions: Vec<Mention> = Vec::new();
    for (name, called) in names.iter().enumerate() {
        let places: Vec<Range<usize>> = match called {
            Name::Number(value) => numbers
                .iter()
                .filter(|found| signed_values(plain, found.start, &found.value).contains(value))
                .map(|found| found.start..found.end)
                .collect(),
            Name::Words(word) => find_word(plain, word),
        };
        mentions.extend(places.into_iter().map(|place| Mention { place, name }));
    }
    let places: Vec<Range<usize>> = mentions.iter().map(|mention| mention.place.clone()).collect();
    mentions.retain(|Mention { place, .. }| {
        !places
            .iter()
            .any(|other| other.len() > place.len() && other.start <= place.start && place.end <= other.end)
    });
    mentions.sort_by_key(|mention| mention.place.start);
    mentions
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
            tells_answer(&number(value), &Question::ShortText, given, text),
            tells,
            "{value} in {text:?} given {given:?}"
        );
    }

    fn list(texts: &[(&str, &str)]) -> Vec<Choice> {
        texts.iter().map(|(id, text)| Choice { id: (*id).to_owned(), text: (*text).to_owned() }).collect()
    }

    fn choices() -> Question {
        let choices = list(&[("a", "삼각형"), ("b", "이등변삼각형"), ("c", "$\\frac{3}{4}$")]);
        Question::SingleChoice { choices }
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
        assert!(tells_answer(&key, &Question::ShortText, "", "약 3.15"));
        assert!(!tells_answer(&key, &Question::ShortText, "", "약 3.16"));
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
            assert_eq!(
                tells_answer(&key, &Question::ShortText, given, text),
                tells,
                "{text:?} given {given:?}"
            );
        };
        check("", "소 수를 떠올려요", true);
        check("", "A PRIME number", true);
        check("", "약수가 몇 개인가요?", false);
        check("소수와 합성수", "소수의 뜻을 봐요", false);
        check("소수와 합성수", "답은 소수예요", true);
        check("", "생각해 봐요", false);
        check("", "답은 각이에요", true);
        let key = AnswerKey::ShortText { accepted: vec!["B".to_owned(), "line B".to_owned()] };
        assert!(!tells_answer(&key, &Question::ShortText, "A: … B: …", "Go line by line"));
        assert!(!tells_answer(&key, &Question::ShortText, "", "Both are big"));
        assert!(tells_answer(&key, &Question::ShortText, "A: … B: …", "Look at line B"));
        assert!(tells_answer(&key, &Question::ShortText, "A: … B: …", "답은 B예요"));
    }

    #[test]
    fn an_announced_verdict_tells() {
        let tells = |text: &str| {
            let key = AnswerKey::TrueFalse { value: false };
            tells_answer(&key, &Question::TrueFalse, "두 수의 곱은 언제나 합보다 커요.", text)
        };
        for text in [
            "답은 거짓이에요",
            "정답은 참",
            "정답: ×",
            "답은 O예요",
            "이 설명은 틀려요.",
            "수아의 말이 맞아요",
            "이 문장은 옳지 않아요",
            "The statement is **false**.",
            "The answer is true",
            "So the claim is wrong.",
            "the claim is not true",
        ] {
            assert!(tells(text), "{text}");
        }
        for text in [
            "",
            "맞아요, 먼저 작은 수로 확인해 보세요.",
            "계산은 맞았어요. 다른 수도 넣어 보세요.",
            "이 설명이 맞는지 예를 들어 확인해 보세요.",
            "이 말이 참인지 거짓인지 1을 넣어 보세요.",
            "답이 맞는지 다시 봐요",
            "Check whether the statement is true for 1.",
            "Is the statement true for 1 and 1?",
            "Right, now try small numbers.",
            "The answer is on the next page",
        ] {
            assert!(!tells(text), "{text}");
        }
    }

    #[test]
    fn a_sequence_in_the_keys_order_tells() {
        let four = list(&[("a", "$\\frac{2}{3}$"), ("b", "0.5"), ("c", "$\\frac{3}{4}$"), ("d", "0.7")]);
        let words = list(&[("first", "삼각형"), ("second", "이등변삼각형"), ("third", "오각형")]);
        let check = |items: &[Choice], order: &[&str], text: &str, tells: bool| {
            let key = AnswerKey::Ordering { order: order.iter().map(|id| (*id).to_owned()).collect() };
            let question = Question::Ordering { items: items.to_vec() };
            assert_eq!(tells_answer(&key, &question, "작은 수부터", text), tells, "{text:?}");
        };
        let order = ["b", "a", "d", "c"];
        for text in [
            "0.5, 2/3, 0.7, 3/4 순서예요",
            "1/2 < 2/3 < 7/10 < 3/4",
            "0.75가 가장 크고, 그다음은 0.7, 2/3, 0.5예요",
            "b, a, d, c",
            "B → A → D → C",
            "②①④③",
            "The order is 2-1-4-3",
            "0.5, 2/3, 0.7까지 왔어요",
        ] {
            check(&four, &order, text, true);
        }
        for text in [
            "가장 작은 수는 0.5예요",
            "2/3와 0.7을 비교해 보세요",
            "2/3, 0.5, 3/4, 0.7을 모두 소수로 바꾸어 보세요",
            "1. 소수로 바꾸어요\n2. 비교해요\n3. 써요\n4. 확인해요",
            "a number line may help",
        ] {
            check(&four, &order, text, false);
        }
        let order = ["second", "third", "first"];
        check(&words, &order, "이등변삼각형, 오각형, 삼각형", true);
        check(&words, &order, "이등변삼각형과 오각형", false);
        check(&words, &order, "삼각형, 이등변삼각형, 오각형의 변을 세어 보세요", false);
        check(&[], &order, "second third first", false);
    }

    #[test]
    fn a_pair_tells() {
        let question = Question::Matching {
            left: list(&[("a", "삼각기둥"), ("b", "사각뿔")]),
            right: list(&[("1", "면이 5개, 모서리가 9개"), ("2", "8"), ("3", "12개")]),
        };
        let pair = |left: &str, right: &str| MatchPair { left: left.to_owned(), right: right.to_owned() };
        let key = AnswerKey::Matching { pairs: vec![pair("a", "1"), pair("b", "2")] };
        let check = |given: &str, text: &str, tells: bool| {
            assert_eq!(tells_answer(&key, &question, given, text), tells, "{text:?} given {given:?}");
        };
        for text in [
            "사각뿔의 모서리는 8개예요",
            "사각뿔 → 8",
            "8은 사각뿔이에요",
            "b–2",
            "B: 2",
            "a는 1",
            "b goes with 2",
            "삼각기둥은 면이 5개, 모서리가 9개",
        ] {
            check("", text, true);
        }
        for text in [
            "사각뿔의 모서리를 세어 보세요",
            "사각뿔, 8",
            "사각뿔을 봐요. 8보다 클까요?",
            "삼각기둥은 8과 달라요",
            "a와 b를 비교해 보세요",
            "b는 3이 아니에요",
        ] {
            check("", text, false);
        }
        check("사각뿔의 모서리는 8개예요", "사각뿔의 모서리가 8이라고 했어요", false);
    }

    #[test]
    fn what_belongs_in_a_gap_tells() {
        let question = Question::Cloze {
            text: "12의 [[w]]는 [[n]]개이고, 36보다 [[c]].".to_owned(),
            gaps: vec![
                Gap { id: "w".to_owned(), entry: GapEntry::Text },
                Gap { id: "n".to_owned(), entry: GapEntry::Number },
                Gap {
                    id: "c".to_owned(),
                    entry: GapEntry::Choice { choices: list(&[("a", "많아요"), ("b", "적어요")]) },
                },
            ],
        };
        let gap = |gap: &str, key| GapKey { gap: gap.to_owned(), key };
        let key = AnswerKey::Cloze {
            gaps: vec![
                gap("w", GapKeyKind::Text { accepted: vec!["약수".to_owned()] }),
                gap("n", GapKeyKind::Number { value: "6".to_owned(), tolerance: None }),
                gap("c", GapKeyKind::Choice { choice: "b".to_owned() }),
            ],
        };
        let check = |text: &str, tells: bool| {
            assert_eq!(tells_answer(&key, &question, "빈칸을 채워 보세요.", text), tells, "{text:?}");
        };
        for text in ["12의 약수예요", "모두 6개예요", "36보다 적어요", "마지막 답은 b"] {
            check(text, true);
        }
        for text in ["12를 나누어떨어지게 하는 수예요", "36보다 많아요?", "12와 36을 비교해 보세요"]
        {
            check(text, false);
        }
    }

    proptest! {
        #[test]
        fn a_told_order_is_heard(order in Just(vec!["a", "b", "c", "d", "e"]).prop_shuffle()) {
            let items = list(&[("a", "빨강"), ("b", "노랑"), ("c", "파랑"), ("d", "하양"), ("e", "검정")]);
            let key = AnswerKey::Ordering { order: order.iter().map(|id| (*id).to_owned()).collect() };
            let texts: Vec<&str> = order.iter().filter_map(|id| items.iter().find(|item| item.id == **id)).map(|item| item.text.as_str()).collect();
            let question = Question::Ordering { items: items.clone() };
            let is_shown = order == ["a", "b", "c", "d", "e"] || order == ["e", "d", "c", "b", "a"];
            prop_assert_eq!(tells_answer(&key, &question, "", &texts.join(", ")), !is_shown || order[0] == "e");
            prop_assert_eq!(tells_answer(&key, &question, "", &order.join(" → ")), !is_shown || order[0] == "e");
        }

        #[test]
        fn never_panics_on_lists(text in "(\\PC|[a-c0-9.,→]){0,60}") {
            let items = list(&[("a", "1/2"), ("b", text.as_str()), ("c", "")]);
            let order = AnswerKey::Ordering { order: vec!["c".to_owned(), "a".to_owned(), "b".to_owned()] };
            tells_answer(&order, &Question::Ordering { items: items.clone() }, "", &text);
            let pairs = vec![MatchPair { left: "a".to_owned(), right: "b".to_owned() }];
            let matching = Question::Matching { left: items.clone(), right: items };
            tells_answer(&AnswerKey::Matching { pairs }, &matching, &text, &text);
            tells_answer(&AnswerKey::TrueFalse { value: true }, &Question::TrueFalse, "", &text);
        }

        #[test]
        fn never_panics(given in "\\PC{0,40}", text in "\\PC{0,80}") {
            tells_answer(&number("3/4"), &Question::ShortText, &given, &text);
            tells_answer(&AnswerKey::SingleChoice { choice: "b".to_owned() }, &choices(), &given, &text);
            tells_answer(&AnswerKey::ShortText { accepted: vec![text.clone()] }, &Question::ShortText, &given, &text);
        }

        #[test]
        fn a_fraction_tells_itself(a in 1_u32..500, b in 1_u32..500) {
            let key = number(&format!("{a}/{b}"));
            let latex = format!("$\\frac{{{a}}}{{{b}}}$");
            let korean = format!("{b}분의 {a}입니다");
            prop_assert!(tells_answer(&key, &Question::ShortText, "", &latex));
            prop_assert!(tells_answer(&key, &Question::ShortText, "", &korean));
            let twice = format!("{}/{}", a * 2, b * 2);
            prop_assert!(tells_answer(&key, &Question::ShortText, "", &twice));
        }
    }
}
