//! Embedded answers: `{1:SHORTANSWER:=five~%50%5#almost}` in a text, after Moodle's documentation of the Cloze question
//! type ↔ marks `[[a]]` and gaps.
//!
//! A brace that begins no such answer is plain text. Inside, a backslash makes `}`, `#`, `~`, `=`, `/`, `"` and itself
//! plain.

use crate::{html, question::Text, remark::Refusal, take::choice_id};

/// The most gaps of one text; more are refused by `grading` anyway.
const MAX_GAPS: usize = 100;

/// One embedded answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gap {
    pub(crate) kind: Kind,
    pub(crate) answers: Vec<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text { minds_case: bool },
    Number,
    Choice,
}

/// A filling of a gap, as HTML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) percent: f64,
    pub(crate) text: String,
    pub(crate) feedback: Option<String>,
}

impl Answer {
    /// The filling as it is typed.
    pub(crate) fn plain(&self) -> String {
        Text::html(self.text.clone()).words()
    }
}

/// Takes the embedded answers out of an HTML text and leaves the marks `[[a]]`, `[[b]]` … in their places.
pub(crate) fn read(source: &str) -> Result<(String, Vec<Gap>), Refusal> {
    let mut text = String::with_capacity(source.len());
    let mut gaps = Vec::new();
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('{')) {
        // What looks like one of our marks is none.
        text.push_str(&source[at..at + found].replace("[[", "[ ["));
        at += found;
        match read_gap(&source[at..])? {
            Some((gap, length)) => {
                if gaps.len() == MAX_GAPS {
                    return Err(Refusal::Syntax("빈칸이 너무 많습니다.", "There are too many gaps."));
                }
                text.push_str(&format!("[[{}]]", choice_id(gaps.len())));
                gaps.push(gap);
                at += length;
            }
            None => {
                text.push('{');
                at += 1;
            }
        }
    }
    text.push_str(&source.get(at..).unwrap_or_default().replace("[[", "[ ["));
    if gaps.is_empty() {
        return Err(Refusal::Syntax("빈칸이 없습니다.", "There are no embedded answers."));
    }
    Ok((text, gaps))
}

/// Writes one embedded answer.
pub(crate) fn write(gap: &Gap) -> String {
    let kind = match gap.kind {
        Kind::Text { .. } => "SHORTANSWER",
        Kind::Number => "NUMERICAL",
        Kind::Choice => "MULTICHOICE",
    };
    let answers: Vec<String> = gap
        .answers
        .iter()
        .map(|answer| {
            let feedback =
                answer.feedback.as_ref().map(|text| format!("#{}", escape(text))).unwrap_or_default();
            let right = if answer.percent > 0.0 { "=" } else { "%0%" };
            format!("{right}{}{feedback}", escape(&answer.text))
        })
        .collect();
    format!("{{1:{kind}:{}}}", answers.join("~"))
}

/// A filling that is typed, as HTML.
pub(crate) fn typed(text: &str) -> String {
    html::escape(text)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '}' | '#' | '~' | '/' | '"' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn read_gap(source: &str) -> Result<Option<(Gap, usize)>, Refusal> {
    let Some(inside) = source.strip_prefix('{') else { return Ok(None) };
    let weight = inside.trim_start_matches([' ', '\n', '\r', '\t']);
    let rest = weight.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
    let Some(rest) = rest.strip_prefix(':') else { return Ok(None) };
    let Some((name, answers)) = rest.split_once(':') else { return Ok(None) };
    let Some(kind) = read_kind(name.trim()) else { return Ok(None) };
    let Some(end) = find_bare(answers, '}') else {
        return Err(Refusal::Syntax(
            "빈칸의 중괄호가 닫히지 않았습니다.",
            "The brace of a gap is not closed.",
        ));
    };
    let kind = kind.ok_or_else(|| Refusal::Kind(format!("cloze {}", name.trim())))?;
    let mut list = Vec::new();
    let mut left = &answers[..end];
    loop {
        let cut = find_bare(left, '~');
        let one = cut.map_or(left, |cut| &left[..cut]);
        if !one.trim().is_empty() {
            list.push(read_answer(one));
        }
        match cut {
            Some(cut) => left = &left[cut + 1..],
            None => break,
        }
    }
    let length = source.len() - answers.len() + end + 1;
    Ok(Some((Gap { kind, answers: list }, length)))
}

/// The kind of a gap; `Some(None)` for one that is known but has no place here.
fn read_kind(name: &str) -> Option<Option<Kind>> {
    let kind = match name.to_ascii_uppercase().as_str() {
        "SHORTANSWER" | "SA" | "MW" => Some(Kind::Text { minds_case: false }),
        "SHORTANSWER_C" | "SAC" | "MWC" => Some(Kind::Text { minds_case: true }),
        "NUMERICAL" | "NM" => Some(Kind::Number),
        "MULTICHOICE" | "MC" | "MULTICHOICE_S" | "MCS" | "MULTICHOICE_V" | "MCV" | "MULTICHOICE_VS"
        | "MCVS" | "MULTICHOICE_H" | "MCH" | "MULTICHOICE_HS" | "MCHS" => Some(Kind::Choice),
        "MULTIRESPONSE" | "MR" | "MULTIRESPONSE_S" | "MRS" | "MULTIRESPONSE_H" | "MRH"
        | "MULTIRESPONSE_HS" | "MRHS" | "REGEXP" | "REGEXP_C" => None,
        _ => return None,
    };
    Some(kind)
}

fn read_answer(source: &str) -> Answer {
    let (body, feedback) = match find_bare(source, '#') {
        Some(cut) => (&source[..cut], Some(unescape(source[cut + 1..].trim()))),
        None => (source, None),
    };
    let body = body.trim();
    let (percent, text) = match body.strip_prefix('=') {
        Some(text) => (100.0, text),
        None => match body.strip_prefix('%').and_then(|rest| rest.split_once('%')) {
            Some((percent, text)) if percent.trim().parse::<f64>().is_ok() => {
                (percent.trim().parse().unwrap_or_default(), text)
            }
            Some(_) | None => (0.0, body),
        },
    };
    Answer { percent, text: unescape(text.trim()), feedback: feedback.filter(|text| !text.is_empty()) }
}

/// Where a sign stands that no backslash makes plain.
fn find_bare(text: &str, sign: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == sign {
            return Some(at);
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('}' | '#' | '~' | '/' | '"' | '\\' | '=')) => plain.extend(chars.next()),
            (c, _) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(percent: f64, text: &str, feedback: Option<&str>) -> Answer {
        Answer { percent, text: text.to_owned(), feedback: feedback.map(str::to_owned) }
    }

    #[test]
    fn reads_answers_in_a_text() {
        let (text, gaps) = read(
            "<p>{1:SHORTANSWER:=Paris#Correct~%50%Lyon~*#no} and {:NM:=23.8:0.1} or { 2 :MCV:a~=b \\} \\~ c\\=d} {x} [[a]]</p>",
        )
        .expect("read");
        assert_eq!(text, "<p>[[a]] and [[b]] or [[c]] {x} [ [a]]</p>");
        assert_eq!(
            gaps,
            [
                Gap {
                    kind: Kind::Text { minds_case: false },
                    answers: vec![
                        answer(100.0, "Paris", Some("Correct")),
                        answer(50.0, "Lyon", None),
                        answer(0.0, "*", Some("no"))
                    ]
                },
                Gap { kind: Kind::Number, answers: vec![answer(100.0, "23.8:0.1", None)] },
                Gap {
                    kind: Kind::Choice,
                    answers: vec![answer(0.0, "a", None), answer(100.0, "b } ~ c=d", None)]
                },
            ]
        );
    }

    #[test]
    fn refuses_what_has_no_place_or_no_end() {
        assert_eq!(read("{1:MULTIRESPONSE:=a~=b}"), Err(Refusal::Kind("cloze MULTIRESPONSE".into())));
        assert!(matches!(read("{1:SA:=a"), Err(Refusal::Syntax(..))));
        assert!(matches!(read("no gaps {here}"), Err(Refusal::Syntax(..))));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let gap = Gap {
            kind: Kind::Choice,
            answers: vec![answer(0.0, "a}#~/\"\\=", Some("왜? ~#}")), answer(100.0, "\\frac{1}{2}", None)],
        };
        assert_eq!(read(&write(&gap)), Ok(("[[a]]".to_owned(), vec![gap])));
    }
}
