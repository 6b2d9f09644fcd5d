//! Evens out spelling before anything is read: full width, ligatures, circled digits, vulgar fractions, dashes.

use unicode_normalization::UnicodeNormalization;

/// Whether a character has no place in an answer or a problem: controls (but tab and line ends), marks that turn the
/// writing direction, and characters of no width.
pub(crate) fn is_forbidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    control
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

/// NFKC with care for what plain NFKC would garble.
///
/// `1½` must not become `11/2`, `5²` must not become `52` and `①②` must not become `12`: vulgar fractions and circled
/// digits get spaces around them, superscripts and subscripts a `^` or `_` before them. All dashes that stand for a
/// minus become `-`, all fraction slashes `/`. Idempotent but for spaces.
pub(crate) fn fold(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if let Some(number) = circled_number(c) {
            spelled.push_str(&format!(" {number} "));
        } else {
            match c {
                '¼'..='¾' | '⅐'..='⅟' | '↉' => {
                    spelled.push(' ');
                    spelled.extend(std::iter::once(c).nfkc());
                    spelled.push(' ');
                }
                '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' => {
                    spelled.push('^');
                    spelled.push(c);
                }
                '₀'..='₉' => {
                    spelled.push('_');
                    spelled.push(c);
                }
                '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE63}' => spelled.push('-'),
                other => spelled.push(other),
            }
        }
    }
    spelled
        .nfkc()
        .map(|c| match c {
            '\u{2044}' | '\u{2215}' => '/',
            other => other,
        })
        .collect()
}

/// A text for comparing words: [`fold`]ed, lower case, without white space and forbidden characters. Hangul written
/// in separate jamo is composed by NFKC.
fn squeeze(text: &str) -> String {
    let lower: String = fold(text)
        .chars()
        .filter(|c| !c.is_whitespace() && !is_forbidden(*c))
        .flat_map(char::to_lowercase)
        .collect();
    lower.nfkc().collect()
}

/// [`squeeze`] without the punctuation at its end: `삼각형.` is `삼각형`.
pub(crate) fn squeeze_answer(text: &str) -> String {
    let squeezed = squeeze(text);
    let bare =
        squeezed.trim_end_matches(['.', ',', '!', '?', ';', ':', '~', '…', '。', '、', '"', '\'', '”', '’']);
    bare.to_owned()
}

/// The number in a circle, of any of Unicode's kinds: `①`, `❶`, `➀`, `➊`, `⓵`, `㉑`, `㊱`, `⓪`.
fn circled_number(c: char) -> Option<u32> {
    let code = u32::from(c);
    let (first, from) = match c {
        '⓪' => (0x24EA, 0),
        '①'..='⑳' => (0x2460, 1),
        '⓵'..='⓾' => (0x24F5, 1),
        '❶'..='❿' => (0x2776, 1),
        '➀'..='➉' => (0x2780, 1),
        '➊'..='➓' => (0x278A, 1),
        '㉑'..='㉟' => (0x3251, 21),
        '㊱'..='㊿' => (0x32B1, 36),
        _ => return None,
    };
    Some(code - first + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_what_pupils_type_without_garbling_it() {
        for (text, expected) in [
            ("１２", "12"),
            ("1½", "1 1/2 "),
            ("5²", "5^2"),
            ("cm²", "cm^2"),
            ("㎠", "cm2"),
            ("①②", " 1  2 "),
            ("㊱", " 36 "),
            ("❿", " 10 "),
            ("−3", "-3"),
            ("－3", "-3"),
            ("２／３", "2/3"),
            ("2⁄3", "2/3"),
        ] {
            assert_eq!(fold(text), expected, "{text}");
        }
    }

    #[test]
    fn squeezes_words_to_what_they_say() {
        assert_eq!(squeeze("Ｉsosceles  Triangle"), "isoscelestriangle");
        assert_eq!(squeeze("\u{1109}\u{1161}\u{11B7}각형"), "삼각형");
        assert_eq!(squeeze_answer(" 삼각형 입니다... "), "삼각형입니다");
    }

    #[test]
    fn forbids_what_hides_in_a_text() {
        for c in ['\0', '\u{7}', '\u{7F}', '\u{85}', '\u{202E}', '\u{200F}', '\u{FEFF}', '\u{2066}'] {
            assert!(is_forbidden(c), "{c:?}");
        }
        for c in ['\n', '\t', ' ', '가', '½'] {
            assert!(!is_forbidden(c), "{c:?}");
        }
    }
}
