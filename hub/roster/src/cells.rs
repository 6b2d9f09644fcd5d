//! What people write into the cells of a class list, as grades, classes, numbers and names.

use unicode_normalization::UnicodeNormalization;

use crate::MAX_CELL;

/// Characters of a name.
pub const MAX_NAME: usize = 40;
/// Characters of a class without its grade.
pub const MAX_CLASS: usize = 20;
/// Digits of a class that is a number; a date as a spreadsheet keeps it has five.
const MAX_CLASS_DIGITS: usize = 3;
/// A Korean name of so many syllables has no spaces; `이 준` is spaced to look good in a column.
const KOREAN_NAME: usize = 4;

/// `5`, `5학년`, `５`, `Grade 5`: 1 to 12.
pub fn read_grade(text: &str) -> Option<u8> {
    let text = fold(text);
    let text = text.strip_prefix("grade").unwrap_or(&text);
    let text = text.strip_prefix('제').unwrap_or(text);
    let digits = text.strip_suffix("학년").or_else(|| text.strip_suffix("학")).unwrap_or(text);
    read_digits(digits).filter(|grade| (1..=12).contains(grade)).and_then(|grade| u8::try_from(grade).ok())
}

/// `3`, `3번`, `03`, `３`: 1 to 999.
pub fn read_number(text: &str) -> Option<u16> {
    let text = fold(text);
    let text = text.strip_prefix("no.").or_else(|| text.strip_prefix('#')).unwrap_or(&text);
    let digits = text.strip_suffix('번').or_else(|| text.strip_suffix('호')).unwrap_or(text);
    read_digits(digits).filter(|number| (1..=999).contains(number))
}

/// A class, with its grade if it is written with one: `1`, `1반`, `햇살반`, `5-1`, `5학년 1반`.
pub fn read_class(text: &str) -> Option<(Option<u8>, String)> {
    if text.chars().count() > MAX_CELL || text.chars().any(is_unfit) {
        return None;
    }
    let text: String = text.nfkc().collect();
    let text = text.trim();
    let (grade, class) = split_grade(text);
    let class = strip_class_word(class);
    let class = match read_digits(class) {
        Some(number) => number.to_string(),
        None => class.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    // A date, such as a spreadsheet makes of `5-1`, is no class, and neither is a row of dashes.
    let is_class = (1..=MAX_CLASS).contains(&class.chars().count())
        && !is_date(&class)
        && class.chars().any(char::is_alphanumeric)
        && class.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '(' | ')'))
        && class != "0";
    is_class.then_some((grade, class))
}

/// `20305`: grade 2, class 3, number 5, as schools write a pupil's 학번.
pub fn read_school_number(text: &str) -> Option<(u8, String, u16)> {
    let text = fold(text);
    if text.len() != 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (grade, class, number) = (&text[..1], &text[1..3], &text[3..]);
    let class = read_digits(class).filter(|class| *class > 0)?;
    Some((read_grade(grade)?, class.to_string(), read_number(number)?))
}

/// By what classes of a grade are compared: `1반`, `5학년 1반`, `5-1` and `1` are one class, `햇살반` and `햇살` are.
pub fn class_key(grade: u8, name: &str) -> String {
    let folded = fold(name);
    let (written, class) = split_grade(&folded);
    let class =
        if written.is_none_or(|written| written == grade) { strip_class_word(class) } else { &folded };
    match read_digits(class) {
        Some(number) => number.to_string(),
        None => class.to_owned(),
    }
}

/// A name: composed, trimmed, of characters that can be seen.
pub fn read_name(text: &str) -> Option<String> {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > MAX_NAME
        || text.chars().any(|c| is_unfit(c) || matches!(c, '<' | '>' | '=' | '@'))
    {
        return None;
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let together = parts.concat();
    let is_spaced_out =
        together.chars().count() <= KOREAN_NAME && together.chars().all(|c| ('가'..='힣').contains(&c));
    let name = if is_spaced_out { together } else { parts.join(" ") };
    name.chars().any(char::is_alphabetic).then_some(name)
}

/// A text in which only what was meant counts: compatible forms as one, no spaces, small letters.
pub fn fold(text: &str) -> String {
    let text = text.chars().take(MAX_CELL).collect::<String>();
    text.nfkc().filter(|c| !c.is_whitespace() && !is_unfit(*c)).flat_map(char::to_lowercase).collect()
}

/// Control characters, and those that change the direction or the look of what stands around them.
pub fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}'
        )
}

/// `5학년 1반` → (5, `1반`); `5-1` → (5, `1`); anything else is a class without a grade.
fn split_grade(text: &str) -> (Option<u8>, &str) {
    let lower = text.to_ascii_lowercase();
    if let Some((grade, class)) = text.split_once("학년")
        && let Some(grade) = read_grade(grade)
        && !class.trim().is_empty()
    {
        return (Some(grade), class.trim_start_matches(['-', '_', ' ']));
    }
    if lower.starts_with("grade") {
        let rest = text["grade".len()..].trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (grade, class) = rest.split_at(digits);
        if let Some(grade) = read_grade(grade)
            && !class.trim().is_empty()
        {
            return (Some(grade), class.trim_start_matches(['-', '_', ' ', ',']));
        }
    }
    if let Some((grade, class)) = text.split_once(['-', '–', '−'])
        && let Some(grade) = read_digits(grade.trim()).and_then(|grade| u8::try_from(grade).ok())
        && (1..=12).contains(&grade)
        && !class.contains('-')
    {
        return (Some(grade), class.trim());
    }
    (None, text)
}

/// Without the word for a class: `햇살반` → `햇살`, `Class A` → `A`.
fn strip_class_word(class: &str) -> &str {
    let class = class.trim();
    let class = match class.get(..5) {
        Some(word) if word.eq_ignore_ascii_case("class") && class.len() > 5 => class[5..].trim_start(),
        Some(_) | None => class,
    };
    let class = class
        .strip_prefix('제')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(class);
    class.strip_suffix('반').map(str::trim_end).filter(|rest| !rest.is_empty()).unwrap_or(class)
}

/// What is left of `5-1` when a spreadsheet has made a date of it: `45413`, `45413.5`, `05월 01일`, `1-May`.
fn is_date(class: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_amount = class.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_amount && (class.len() > MAX_CLASS_DIGITS || class.contains('.'))
        || class.starts_with(|c: char| c.is_ascii_digit()) && class.contains('월') && class.ends_with('일')
        || MONTHS.iter().any(|month| class.eq_ignore_ascii_case(month))
}

fn read_digits(text: &str) -> Option<u16> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for text in ["5", "5학년", " ５ ", "5 학년", "제5학년", "Grade 5", "05"] {
            assert_eq!(read_grade(text), Some(5), "{text}");
        }
        for text in ["", "0", "13", "오학년", "5.5", "-5", "2026-05-01", "55555"] {
            assert_eq!(read_grade(text), None, "{text}");
        }
        for text in ["3", "3번", "03", "３", " 3 ", "No. 3", "#3"] {
            assert_eq!(read_number(text), Some(3), "{text}");
        }
        for text in ["", "0", "1000", "-3", "3.5", "세번", "1e3", "99999999999999999999"] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }

    #[test]
    fn classes_with_and_without_their_grade() {
        let class = |text: &str| read_class(text).map(|(grade, class)| (grade.unwrap_or(0), class));
        for (text, grade, name) in [
            ("1", 0, "1"),
            ("1반", 0, "1"),
            ("０１ 반", 0, "1"),
            ("제1반", 0, "1"),
            ("햇살반", 0, "햇살"),
            ("햇살", 0, "햇살"),
            ("반", 0, "반"),
            ("5-1", 5, "1"),
            ("5 - 1반", 5, "1"),
            ("5학년 1반", 5, "1"),
            ("5학년햇살반", 5, "햇살"),
            ("Grade 6 Class B", 6, "B"),
            ("Sunshine", 0, "Sunshine"),
        ] {
            assert_eq!(class(text), Some((grade, name.to_owned())), "{text}");
        }
        for text in ["", "-", "0", "2026-05-01", "<b>", "1\u{202e}반", &"가".repeat(21), "=1", "45413.5e9x!"]
        {
            assert_eq!(class(text), None, "{text}");
        }
        for date in ["45413", "45413.5", "05월 01일", "5월 1일", "1-May", "01-MAY", "May-01", "2026"] {
            assert_eq!(class(date), None, "{date}");
        }
    }

    #[test]
    fn a_school_number_is_grade_class_and_number() {
        for text in ["20305", " ２０３０５ "] {
            assert_eq!(read_school_number(text), Some((2, "3".into(), 5)), "{text}");
        }
        assert_eq!(read_school_number("61240"), Some((6, "12".into(), 40)));
        for text in ["", "2305", "203005", "00305", "20005", "20300", "2030a"] {
            assert_eq!(read_school_number(text), None, "{text}");
        }
    }

    #[test]
    fn a_class_is_the_same_however_it_is_named() {
        for name in ["1", "1반", "01", "5-1", "5학년 1반", "5학년1반", "제1반", "Grade 5 Class 1", "１반"]
        {
            assert_eq!(class_key(5, name), "1", "{name}");
        }
        assert_eq!(class_key(5, "햇살반"), class_key(5, "5학년 햇살 반"));
        assert_ne!(class_key(5, "6-1"), class_key(5, "1"), "another grade's");
        assert_ne!(class_key(6, "Grade 6 English A"), class_key(6, "Grade 6 English B"));
    }

    #[test]
    fn names_are_what_can_be_seen() {
        let name = |text: &str| read_name(text);
        assert_eq!(name("  김민준 ").as_deref(), Some("김민준"));
        assert_eq!(
            name("\u{1100}\u{1175}\u{11b7}민준").as_deref(),
            Some("김민준"),
            "letters sent one by one"
        );
        assert_eq!(name("이　 준").as_deref(), Some("이준"));
        assert_eq!(name("응우옌  티 란").as_deref(), Some("응우옌 티 란"));
        assert_eq!(name("Anne-Marie  O'Neil").as_deref(), Some("Anne-Marie O'Neil"));
        assert_eq!(name("김민준A").as_deref(), Some("김민준A"));
        for text in [
            "",
            " ",
            "123",
            "-",
            "김\u{200b}민준",
            "김\u{202e}민준",
            "김\n민준",
            "<script>",
            "=A1",
            &"가".repeat(41),
        ] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }
}
