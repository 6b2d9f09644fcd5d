//! Reads GIFT: blank lines part the items, a backslash makes the signs `\ ~ = # { } :` plain and `\n` ends a line.
//!
//! ```text
//! item     = [ "::" title "::" ] [ format ] text [ "{" body "}" text ]
//! format   = "[html]" | "[moodle]" | "[plain]" | "[markdown]"
//! body     = asked [ "####" general ]
//! asked    = "" | ( "T" | "F" | "TRUE" | "FALSE" ) [ "#" wrong [ "#" right ] ]
//!          | "#" numbers | { ( "=" | "~" ) [ "%" percent "%" ] [ format ] answer [ "#" feedback ] }
//! numbers  = number | { ( "=" | "~" ) [ "%" percent "%" ] number [ "#" feedback ] }
//! number   = value [ ":" tolerance ] | low ".." high
//! ```
//! An answer with `->` makes all of them pairs; one with `~` makes them choices, of which several may be right if none
//! begins with `=`; otherwise they are short answers. Lines that begin with `//` are comments; in them stand `[tag:…]`
//! and what an export of ours keeps there. `$CATEGORY:` names a place in another program and is passed over.

use crate::{
    Entry, MAX_ITEMS,
    question::{Asked, NumberAnswer, Question, Text, TextFormat, Weighed},
    remark::{FileFault, Refusal},
    rest,
};

/// Reads a whole file.
pub(crate) fn read(source: &str) -> Result<Vec<Entry>, FileFault> {
    let mut entries = Vec::new();
    let mut chunk = Chunk::default();
    for (number, line) in (1_u32..).zip(source.lines()) {
        let bare = line.trim();
        if bare.is_empty() {
            finish(&mut chunk, &mut entries)?;
        } else if let Some(comment) = bare.strip_prefix("//") {
            chunk.comments.push(comment.trim());
        } else if chunk.lines.is_empty() && is_category(bare) {
            chunk = Chunk::default();
        } else {
            if chunk.lines.is_empty() {
                chunk.first = number;
            }
            chunk.lines.push(line);
        }
    }
    finish(&mut chunk, &mut entries)?;
    Ok(entries)
}

/// The lines of one item.
#[derive(Default)]
struct Chunk<'a> {
    first: u32,
    lines: Vec<&'a str>,
    comments: Vec<&'a str>,
}

/// A character and whether a backslash stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    c: char,
    plain: bool,
}

const UNCLOSED: Refusal = Refusal::Syntax(
    "여는 중괄호에 닫는 중괄호가 없습니다. 문제 안에 빈 줄이 없는지 확인하세요.",
    "A brace is opened and not closed; make sure that no blank line stands inside the question.",
);
const STRAY_BRACE: Refusal = Refusal::Syntax(
    "답 밖의 중괄호나 답 속의 중괄호 앞에는 \\를 써야 합니다.",
    "A brace outside or inside of the answers needs a backslash before it.",
);
const NO_PAIR: Refusal =
    Refusal::Syntax("짝짓기의 답마다 ->가 하나 있어야 합니다.", "Each pair of a matching needs one ->.");
const STRAY_WORDS: Refusal = Refusal::Syntax(
    "답 앞에 = 나 ~ 없이 쓰인 글이 있습니다.",
    "Words stand before the first answer without = or ~.",
);
const NO_NUMBER: Refusal =
    Refusal::Syntax("답의 수를 읽을 수 없습니다.", "The number of an answer cannot be read.");

fn is_category(line: &str) -> bool {
    line.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("$CATEGORY:"))
}

fn finish(chunk: &mut Chunk<'_>, entries: &mut Vec<Entry>) -> Result<(), FileFault> {
    let chunk = std::mem::take(chunk);
    if chunk.lines.is_empty() {
        return Ok(());
    }
    if entries.len() == MAX_ITEMS {
        return Err(FileFault::TooManyItems(MAX_ITEMS));
    }
    let signs = unescape(&chunk.lines.join("\n"));
    let (title, signs) = read_title(trim(&signs));
    let question = read_item(title.clone().unwrap_or_default(), signs, &chunk.comments);
    let title = title.unwrap_or_else(|| {
        let words: String = text_of(signs).chars().take_while(|c| *c != '{').take(40).collect();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    entries.push(Entry { line: Some(chunk.first), title, question });
    Ok(())
}

fn unescape(source: &str) -> Vec<Sign> {
    let mut signs = Vec::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match (c, chars.peek()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some(sign @ ('\\' | '~' | '=' | '#' | '{' | '}' | ':'))) => Some(*sign),
            _ => None,
        };
        match escaped {
            Some(plain) => {
                chars.next();
                signs.push(Sign { c: plain, plain: true });
            }
            None => signs.push(Sign { c, plain: false }),
        }
    }
    signs
}

fn is(sign: Sign, c: char) -> bool {
    sign.c == c && !sign.plain
}

fn find(signs: &[Sign], word: &str) -> Option<usize> {
    let word: Vec<char> = word.chars().collect();
    signs
        .windows(word.len().max(1))
        .position(|window| window.iter().zip(&word).all(|(sign, c)| is(*sign, *c)))
}

fn trim(signs: &[Sign]) -> &[Sign] {
    let blank = |sign: &Sign| sign.c.is_whitespace() && !sign.plain;
    let start = signs.iter().position(|sign| !blank(sign)).unwrap_or(signs.len());
    let end = signs.iter().rposition(|sign| !blank(sign)).map_or(start, |end| end + 1);
    signs.get(start..end).unwrap_or_default()
}

fn text_of(signs: &[Sign]) -> String {
    trim(signs).iter().map(|sign| sign.c).collect()
}

fn from(signs: &[Sign], at: usize) -> &[Sign] {
    signs.get(at..).unwrap_or_default()
}

fn until(signs: &[Sign], at: usize) -> &[Sign] {
    signs.get(..at).unwrap_or_default()
}

fn read_title(signs: &[Sign]) -> (Option<String>, &[Sign]) {
    let is_open =
        signs.first().is_some_and(|sign| is(*sign, ':')) && signs.get(1).is_some_and(|sign| is(*sign, ':'));
    if !is_open {
        return (None, signs);
    }
    let inside = from(signs, 2);
    match find(inside, "::") {
        Some(end) => (Some(text_of(until(inside, end))), trim(from(inside, end + 2))),
        None => (None, signs),
    }
}

fn read_format(signs: &[Sign]) -> (Option<TextFormat>, &[Sign]) {
    for (mark, format) in [
        ("[html]", TextFormat::Html),
        ("[moodle]", TextFormat::Moodle),
        ("[plain]", TextFormat::Plain),
        ("[markdown]", TextFormat::Markdown),
    ] {
        let mark: Vec<char> = mark.chars().collect();
        let fits = signs.len() >= mark.len()
            && signs.iter().zip(&mark).all(|(sign, c)| sign.c.to_ascii_lowercase() == *c && !sign.plain);
        if fits {
            return (Some(format), trim(from(signs, mark.len())));
        }
    }
    (None, signs)
}

fn read_item(title: String, signs: &[Sign], comments: &[&str]) -> Result<Question, Refusal> {
    let (format, signs) = read_format(signs);
    let format = format.unwrap_or_default();
    let Some(open) = signs.iter().position(|sign| is(*sign, '{')) else {
        let is_stray = signs.iter().any(|sign| is(*sign, '}'));
        return Err(if is_stray { STRAY_BRACE } else { Refusal::Description });
    };
    let (before, rest) = (until(signs, open), from(signs, open + 1));
    let close = rest.iter().position(|sign| is(*sign, '}')).ok_or(UNCLOSED)?;
    let (body, after) = (until(rest, close), from(rest, close + 1));
    let is_brace = |sign: &Sign| is(*sign, '{') || is(*sign, '}');
    if before.iter().chain(body).chain(after).any(is_brace) {
        return Err(STRAY_BRACE);
    }
    let (body, general) = match find(body, "####") {
        Some(at) => (until(body, at), Some(read_text(from(body, at + 4), format))),
        None => (body, None),
    };
    let after = text_of(after);
    // Text after the answers: they stand for a missing word.
    let source = if after.is_empty() {
        text_of(before)
    } else {
        let joint = if after.starts_with(|c: char| c.is_alphanumeric()) { " " } else { "" };
        format!("{} _____{joint}{after}", text_of(before))
    };
    let mut question = Question {
        title,
        text: Text { source, format },
        asked: read_body(trim(body), format)?,
        general,
        hints: Vec::new(),
        tags: Vec::new(),
        rest: None,
        drawings: Vec::new(),
        remarks: Vec::new(),
    };
    for comment in comments {
        match comment.strip_prefix(rest::MARK) {
            Some(json) => question.rest = Some(json.to_owned()),
            None => question.tags.extend(read_tags(comment)),
        }
    }
    Ok(question)
}

/// The `[tag:…]` of a comment; `[id:…]` names the question in another program.
fn read_tags(comment: &str) -> Vec<String> {
    let tags = comment.split("[tag:").skip(1);
    tags.filter_map(|tag| tag.split_once(']')).map(|(tag, _)| tag.trim().to_owned()).collect()
}

fn read_text(signs: &[Sign], format: TextFormat) -> Text {
    let (own, signs) = read_format(trim(signs));
    Text { source: text_of(signs), format: own.unwrap_or(format) }
}

fn read_body(body: &[Sign], format: TextFormat) -> Result<Asked, Refusal> {
    if body.is_empty() {
        return Err(Refusal::Essay);
    }
    if body.first().is_some_and(|sign| is(*sign, '#')) {
        return read_numbers(from(body, 1), format);
    }
    if let Some(asked) = read_true_false(body, format) {
        return Ok(asked);
    }
    if body.iter().any(|sign| is(*sign, '~')) {
        let answers = split_answers(body)?;
        let single = answers.iter().any(|answer| answer.right);
        let answers = answers.into_iter().map(|answer| answer.weigh(format)).collect();
        return Ok(Asked::Choice { single, answers });
    }
    if find(body, "->").is_some() && body.first().is_some_and(|sign| is(*sign, '=')) {
        return read_pairs(body, format);
    }
    // One short answer may stand without its sign.
    if !body.iter().any(|sign| is(*sign, '=')) {
        let (text, feedback) = split_feedback(body, format);
        let text = Text::plain(text_of(text));
        return Ok(Asked::ShortText {
            answers: vec![Weighed { percent: 100.0, text, feedback }],
            minds_case: false,
        });
    }
    let answers = split_answers(body)?;
    let answers = answers.into_iter().map(|answer| {
        let weighed = answer.weigh(format);
        Weighed { text: Text::plain(weighed.text.source), ..weighed }
    });
    Ok(Asked::ShortText { answers: answers.collect(), minds_case: false })
}

fn read_true_false(body: &[Sign], format: TextFormat) -> Option<Asked> {
    let mut parts = body.split(|sign| is(*sign, '#'));
    let value = match text_of(parts.next()?).to_ascii_uppercase().as_str() {
        "T" | "TRUE" => true,
        "F" | "FALSE" => false,
        _ => return None,
    };
    let feedback =
        |signs: Option<&[Sign]>| signs.map(|signs| read_text(signs, format)).filter(|text| !text.is_blank());
    let on_wrong = feedback(parts.next());
    let on_right = feedback(parts.next());
    let (on_true, on_false) = if value { (on_right, on_wrong) } else { (on_wrong, on_right) };
    Some(Asked::TrueFalse { value, on_true, on_false })
}

struct RawAnswer<'a> {
    right: bool,
    percent: Option<f64>,
    body: &'a [Sign],
}

impl RawAnswer<'_> {
    fn percent(&self) -> f64 {
        self.percent.unwrap_or(if self.right { 100.0 } else { 0.0 })
    }

    fn weigh(&self, format: TextFormat) -> Weighed {
        let (text, feedback) = split_feedback(self.body, format);
        Weighed { percent: self.percent(), text: read_text(text, format), feedback }
    }
}

/// Cuts at `=` and `~`.
fn split_answers(body: &[Sign]) -> Result<Vec<RawAnswer<'_>>, Refusal> {
    let is_mark = |sign: &Sign| is(*sign, '=') || is(*sign, '~');
    if !body.first().is_some_and(is_mark) {
        return Err(STRAY_WORDS);
    }
    let marks: Vec<usize> =
        body.iter().enumerate().filter(|(_, sign)| is_mark(sign)).map(|(at, _)| at).collect();
    let mut answers = Vec::new();
    for (number, start) in marks.iter().enumerate() {
        let end = marks.get(number + 1).copied().unwrap_or(body.len());
        let inside = trim(body.get(start + 1..end).unwrap_or_default());
        let (percent, inside) = read_percent(inside);
        answers.push(RawAnswer {
            right: body.get(*start).is_some_and(|sign| is(*sign, '=')),
            percent,
            body: inside,
        });
    }
    Ok(answers)
}

fn read_percent(signs: &[Sign]) -> (Option<f64>, &[Sign]) {
    if !signs.first().is_some_and(|sign| is(*sign, '%')) {
        return (None, signs);
    }
    let inside = from(signs, 1);
    let Some(end) = find(inside, "%") else { return (None, signs) };
    match text_of(until(inside, end)).parse::<f64>() {
        Ok(percent) if percent.is_finite() => (Some(percent), trim(from(inside, end + 1))),
        Ok(_) | Err(_) => (None, signs),
    }
}

fn split_feedback(signs: &[Sign], format: TextFormat) -> (&[Sign], Option<Text>) {
    match signs.iter().position(|sign| is(*sign, '#')) {
        Some(at) => {
            let feedback = read_text(from(signs, at + 1), format);
            (until(signs, at), (!feedback.is_blank()).then_some(feedback))
        }
        None => (signs, None),
    }
}

fn read_pairs(body: &[Sign], format: TextFormat) -> Result<Asked, Refusal> {
    let mut pairs = Vec::new();
    for answer in split_answers(body)? {
        let at = find(answer.body, "->").ok_or(NO_PAIR)?;
        let (left, right) = (until(answer.body, at), from(answer.body, at + 2));
        if find(right, "->").is_some() {
            return Err(NO_PAIR);
        }
        pairs.push((read_text(left, format), read_text(right, format)));
    }
    Ok(Asked::Matching { pairs })
}

fn read_numbers(body: &[Sign], format: TextFormat) -> Result<Asked, Refusal> {
    let body = trim(body);
    let mut answers = Vec::new();
    if body.first().is_some_and(|sign| is(*sign, '=') || is(*sign, '~')) {
        for answer in split_answers(body)? {
            let (number, feedback) = split_feedback(answer.body, format);
            // `~` without a number speaks to all other answers.
            let number = if text_of(number).is_empty() && !answer.right {
                ("*".to_owned(), None)
            } else {
                read_number(number)?
            };
            answers.push(NumberAnswer {
                percent: answer.percent(),
                value: number.0,
                tolerance: number.1,
                feedback,
            });
        }
    } else {
        let (number, feedback) = split_feedback(body, format);
        let (value, tolerance) = read_number(number)?;
        answers.push(NumberAnswer { percent: 100.0, value, tolerance, feedback });
    }
    Ok(Asked::Number { answers, units: Vec::new(), unit_required: false })
}

/// A value and its tolerance, from `value`, `value:tolerance` or `low..high`.
fn read_number(signs: &[Sign]) -> Result<(String, Option<String>), Refusal> {
    let text = text_of(signs);
    if let Some((low, high)) = text.split_once("..") {
        return middle(low.trim(), high.trim()).ok_or(NO_NUMBER);
    }
    let (value, tolerance) = text.split_once(':').unwrap_or((&text, ""));
    let (value, tolerance) = (value.trim(), tolerance.trim());
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    if value != "*" && !is_number(value) || !tolerance.is_empty() && !is_number(tolerance) {
        return Err(NO_NUMBER);
    }
    Ok((value.to_owned(), (!tolerance.is_empty()).then(|| tolerance.to_owned())))
}

/// The middle of a range and half its width, as exact decimals.
fn middle(low: &str, high: &str) -> Option<(String, Option<String>)> {
    let ((low, low_places), (high, high_places)) = (read_decimal(low)?, read_decimal(high)?);
    let places = low_places.max(high_places);
    let scale = |value: i128, from: u32| value.checked_mul(10_i128.checked_pow(places - from)?);
    let (low, high) = (scale(low, low_places)?, scale(high, high_places)?);
    if low > high {
        return None;
    }
    // Times five and one place more is half of it.
    let middle = low.checked_add(high)?.checked_mul(5)?;
    let width = high.checked_sub(low)?.checked_mul(5)?;
    let width = (width != 0).then(|| write_decimal(width, places + 1));
    Some((write_decimal(middle, places + 1), width))
}

fn read_decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let fits = (1..=30).contains(&all.len()) && all.bytes().all(|b| b.is_ascii_digit());
    let value: i128 = fits.then(|| all.parse().ok()).flatten()?;
    Some((sign * value, u32::try_from(part.len()).ok()?))
}

fn write_decimal(value: i128, places: u32) -> String {
    let places = usize::try_from(places).unwrap_or_default();
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str) -> Result<Question, Refusal> {
        let mut entries = read(source).expect("a file");
        assert_eq!(entries.len(), 1, "{source}");
        entries.remove(0).question
    }

    fn asked(source: &str) -> Asked {
        one(source).expect(source).asked
    }

    fn moodle(source: &str) -> Text {
        Text { source: source.to_owned(), format: TextFormat::Moodle }
    }

    fn weighed(percent: f64, source: &str, feedback: Option<&str>) -> Weighed {
        Weighed { percent, text: moodle(source), feedback: feedback.map(moodle) }
    }

    fn short(percent: f64, source: &str, feedback: Option<&str>) -> Weighed {
        Weighed { text: Text::plain(source), ..weighed(percent, source, feedback) }
    }

    fn number(percent: f64, value: &str, tolerance: Option<&str>) -> NumberAnswer {
        NumberAnswer {
            percent,
            value: value.to_owned(),
            tolerance: tolerance.map(str::to_owned),
            feedback: None,
        }
    }

    #[test]
    fn choices_of_one_and_of_several() {
        assert_eq!(
            asked("Q {~Ulm #no, \\#1\n =Bonn ~%50%Rom}"),
            Asked::Choice {
                single: true,
                answers: vec![
                    weighed(0.0, "Ulm", Some("no, #1")),
                    weighed(100.0, "Bonn", None),
                    weighed(50.0, "Rom", None)
                ]
            }
        );
        assert_eq!(
            asked("Q {~%-100%a ~%50%b ~%50%c}"),
            Asked::Choice {
                single: false,
                answers: vec![weighed(-100.0, "a", None), weighed(50.0, "b", None), weighed(50.0, "c", None)]
            }
        );
    }

    #[test]
    fn true_and_false_with_their_feedback() {
        for (body, value) in [("T", true), ("TRUE", true), ("f", false), (" False ", false)] {
            assert_eq!(
                asked(&format!("Q{{{body}}}")),
                Asked::TrueFalse { value, on_true: None, on_false: None }
            );
        }
        assert_eq!(
            asked("Q{F#wrong#right}"),
            Asked::TrueFalse {
                value: false,
                on_true: Some(moodle("wrong")),
                on_false: Some(moodle("right"))
            }
        );
    }

    #[test]
    fn short_answers_with_and_without_their_sign() {
        assert_eq!(
            asked("Q {=one =%50%two#almost}"),
            Asked::ShortText {
                answers: vec![short(100.0, "one", None), short(50.0, "two", Some("almost"))],
                minds_case: false
            }
        );
        assert_eq!(
            asked("Q {four}"),
            Asked::ShortText { answers: vec![short(100.0, "four", None)], minds_case: false }
        );
    }

    #[test]
    fn numbers_with_tolerance_ranges_and_several() {
        for (body, value, tolerance) in [
            ("#3", "3", None),
            ("#3.1415:0.0005", "3.1415", Some("0.0005")),
            ("#1..5", "3", Some("2")),
            ("# 3.141 .. 3.142", "3.1415", Some("0.0005")),
            ("#-3..-2", "-2.5", Some("0.5")),
            ("#2..2", "2", None),
        ] {
            let answers = vec![number(100.0, value, tolerance)];
            let expected = Asked::Number { answers, units: Vec::new(), unit_required: false };
            assert_eq!(asked(&format!("Q{{{body}}}")), expected, "{body}");
        }
        let answers = vec![number(100.0, "1822", Some("0")), number(50.0, "1822", Some("2"))];
        let expected = Asked::Number { answers, units: Vec::new(), unit_required: false };
        assert_eq!(asked("Q{#\n =1822:0\n =%50%1822:2}"), expected);
        for body in ["#", "#five", "#1:x", "#5..1", "#1...2", "#=", "#NaN", "#inf"] {
            assert_eq!(one(&format!("Q{{{body}}}")), Err(NO_NUMBER), "{body}");
        }
    }

    #[test]
    fn pairs() {
        assert_eq!(
            asked("Q {=Canada->Ottawa\n=Italy -> Rome = -> Ulm}"),
            Asked::Matching {
                pairs: vec![
                    (moodle("Canada"), moodle("Ottawa")),
                    (moodle("Italy"), moodle("Rome")),
                    (moodle(""), moodle("Ulm"))
                ]
            }
        );
        assert_eq!(one("Q {=a->b =c}"), Err(NO_PAIR));
    }

    #[test]
    fn titles_formats_escapes_and_missing_words() {
        let question = one("// [id:7] [tag:easy] [tag:skill:ratio]\n::Q\\:1::[markdown]1 \\= **1**\\n? {T####[html]<b>so</b>}")
            .expect("read");
        assert_eq!(question.title, "Q:1");
        assert_eq!(question.text, Text { source: "1 = **1**\n?".into(), format: TextFormat::Markdown });
        assert_eq!(question.general, Some(Text::html("<b>so</b>")));
        assert_eq!(question.tags, ["easy", "skill:ratio"]);
        assert_eq!(
            one("Grant is {=x ~y} in his tomb.").expect("read").text,
            moodle("Grant is _____ in his tomb.")
        );
        assert_eq!(
            one("Two plus two equals {=four =4}.").expect("read").text,
            moodle("Two plus two equals _____.")
        );
        assert_eq!(one("a \\{b\\} \\\\{T}").expect("read").text, moodle("a {b} \\"));
    }

    #[test]
    fn lines_comments_and_categories() {
        let entries =
            read("\u{20}\n$CATEGORY: a/b\n\n// note\nFirst\nline {T}\n\n\n$CATEGORY: c\n::Two::Q{F}\n// end\n\nThree").expect("read");
        let seen: Vec<_> = entries.iter().map(|entry| (entry.line, entry.title.as_str())).collect();
        assert_eq!(seen, [(Some(5), "First line"), (Some(10), "Two"), (Some(13), "Three")]);
        assert_eq!(entries[2].question, Err(Refusal::Description));
    }

    #[test]
    fn refuses_with_the_reason() {
        for (source, refusal) in [
            ("Write. {}", Refusal::Essay),
            ("Write. {####so}", Refusal::Essay),
            ("Only words", Refusal::Description),
            ("Open {=a", UNCLOSED),
            ("\\frac{1}{2} is {=a}", STRAY_BRACE),
            ("Stray } here", STRAY_BRACE),
            ("Q {words ~a =b}", STRAY_WORDS),
        ] {
            assert_eq!(one(source), Err(refusal), "{source}");
        }
    }

    #[test]
    fn more_items_than_the_limit_are_refused() {
        let file = "Q{T}\n\n".repeat(MAX_ITEMS + 1);
        assert_eq!(read(&file).map(|_| ()), Err(FileFault::TooManyItems(MAX_ITEMS)));
    }
}
