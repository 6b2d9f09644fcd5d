//! Finds the number in a text, from the character up: numerals, fractions, mixed numbers, in plain spelling and LaTeX.

use crate::normalise::fold;
use dreamseed_wire::answer::Unreadable;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Pow, Signed, Zero};

/// The most digits of one numeral, and the largest exponent of ten.
const MAX_DIGITS: usize = 30;

/// A number found in a running text.
pub(crate) struct Found {
    pub(crate) value: BigRational,
    /// The whole numbers that its spelling shows: of `2 1/3` these are 2, 1 and 3.
    pub(crate) parts: Vec<BigInt>,
    /// First character and one past the last, in the text as [`spell_plainly`] gives it.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelling {
    Integer,
    Decimal,
    Fraction { numerator: BigInt, denominator: BigInt },
    Mixed { whole: BigInt, numerator: BigInt, denominator: BigInt },
}

/// Every number of a running text, the longest reading at each place, without its sign. Numerals too large to read are
/// passed over.
pub(crate) fn find_numbers(plain: &[char]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        match read_magnitude(plain, at) {
            Ok(Some((value, spelling, end))) => {
                let mut parts = match spelling {
                    Spelling::Integer | Spelling::Decimal => Vec::new(),
                    Spelling::Fraction { numerator, denominator } => vec![numerator, denominator],
                    Spelling::Mixed { whole, numerator, denominator } => vec![whole, numerator, denominator],
                };
                if value.is_integer() {
                    parts.push(value.to_integer());
                }
                found.push(Found { value, parts, start: at, end });
                at = end;
            }
            Err(_) => at = skip(plain, at, |c| c.is_ascii_digit() || c == '.').max(at + 1),
            Ok(None) => at += 1,
        }
    }
    found
}

/// The text in the plain spelling that the reader knows: folded, LaTeX's spaces, thousands and fractions made uniform.
pub(crate) fn spell_plainly(text: &str) -> String {
    let mut plain = fold(text);
    if plain.contains(['\\', '{']) {
        for (latex, simple) in [
            ("\\dfrac", "\\frac"),
            ("\\tfrac", "\\frac"),
            ("\\cfrac", "\\frac"),
            ("{,}", ","),
            ("\\,", " "),
            ("\\;", " "),
            ("\\:", " "),
            ("\\!", ""),
            ("\\ ", " "),
            ("\\%", "%"),
            ("\\left", ""),
            ("\\right", ""),
        ] {
            plain = plain.replace(latex, simple);
        }
    }
    plain
}

/// Drops what pupils put around a number: `x =`, `답:`, `$…$`, one pair of parentheses, `입니다`.
pub(super) fn strip_wrapping(plain: &str) -> &str {
    let mut bare = plain.trim();
    if let Some(inner) = bare.strip_prefix('$').and_then(|rest| rest.strip_suffix('$')) {
        bare = inner.trim();
    }
    for opening in ["정답은", "정답:", "정답", "답은", "답:", "답"] {
        if let Some(rest) = bare.strip_prefix(opening) {
            bare = rest.trim_start();
            break;
        }
    }
    if let Some((name, rest)) = bare.split_once('=') {
        let mut name = name.trim().chars();
        let first = name.next();
        // At most one sign before the equals: `x`, `□`, `?`, or nothing. Digits would be an equation, not a number.
        if name.next().is_none() && first.is_none_or(|c| !c.is_ascii_digit()) {
            bare = rest.trim_start();
        }
    }
    if let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        bare = inner.trim();
    }
    for closing in ["입니다", "이에요", "예요", "이다"] {
        if let Some(rest) = bare.trim_end_matches('.').strip_suffix(closing) {
            bare = rest.trim_end();
            break;
        }
    }
    bare
}

pub(super) fn read_sign(chars: &[char], at: usize) -> (bool, usize) {
    for (word, negative) in [("마이너스", true), ("minus", true), ("-", true), ("+", false)] {
        if let Some(end) = read_word(chars, at, word) {
            return (negative, skip_spaces(chars, end));
        }
    }
    (false, at)
}

/// A number without its sign at `at`: value, spelling and where it ends. `None` if none starts there.
pub(super) fn read_magnitude(
    chars: &[char],
    at: usize,
) -> Result<Option<(BigRational, Spelling, usize)>, Unreadable> {
    if let Some(fraction) = read_latex_fraction(chars, at)? {
        return fraction.into_value().map(Some);
    }
    let Some(numeral) = read_numeral(chars, at)? else { return Ok(None) };
    if !numeral.whole {
        return Ok(Some((numeral.value, Spelling::Decimal, numeral.end)));
    }
    if let Some(fraction) = continue_fraction(chars, &numeral)? {
        return fraction.into_value().map(Some);
    }
    if let Some(fraction) = read_fraction_part(chars, numeral.end)? {
        let end = fraction.end;
        let whole = numeral.value.to_integer();
        let (numerator, denominator) = (fraction.numerator.clone(), fraction.denominator.clone());
        let (part, _, _) = fraction.into_value()?;
        return Ok(Some((numeral.value + part, Spelling::Mixed { whole, numerator, denominator }, end)));
    }
    Ok(Some((numeral.value, Spelling::Integer, numeral.end)))
}

struct Fraction {
    numerator: BigInt,
    denominator: BigInt,
    end: usize,
}

impl Fraction {
    fn into_value(self) -> Result<(BigRational, Spelling, usize), Unreadable> {
        if self.denominator.is_zero() {
            return Err(Unreadable::ZeroDenominator);
        }
        let value = BigRational::new(self.numerator.clone(), self.denominator.clone());
        Ok((value, Spelling::Fraction { numerator: self.numerator, denominator: self.denominator }, self.end))
    }
}

/// The fraction part of a mixed number: `와 1/2`, ` 1/2`, `\frac{1}{2}`, ` 2분의 1`.
fn read_fraction_part(chars: &[char], at: usize) -> Result<Option<Fraction>, Unreadable> {
    let spaced = skip_spaces(chars, at);
    let connected = ["와", "과", "하고", "and"].iter().find_map(|word| read_word(chars, spaced, word));
    let start = connected.map_or(spaced, |end| skip_spaces(chars, end));
    if let Some(fraction) = read_latex_fraction(chars, start)? {
        return Ok(
            (!fraction.numerator.is_negative() && !fraction.denominator.is_negative()).then_some(fraction)
        );
    }
    if start == at {
        return Ok(None);
    }
    match read_numeral(chars, start)? {
        Some(first) if first.whole => continue_fraction(chars, &first)
            .map(|fraction| fraction.filter(|fraction| !fraction.denominator.is_negative())),
        Some(_) | None => Ok(None),
    }
}

/// A fraction whose first number is read: `/ 4` behind a numerator, `분의 3` behind a denominator.
fn continue_fraction(chars: &[char], first: &Numeral) -> Result<Option<Fraction>, Unreadable> {
    let at = skip_spaces(chars, first.end);
    let whole = first.value.to_integer();
    if chars.get(at) == Some(&'/') {
        let start = skip_spaces(chars, at + 1);
        let (negative, start) = read_sign(chars, start);
        if let Some(second) = read_numeral(chars, start)?.filter(|second| second.whole) {
            let denominator = second.value.to_integer();
            let denominator = if negative { -denominator } else { denominator };
            return Ok(Some(Fraction { numerator: whole, denominator, end: second.end }));
        }
    } else if let Some(end) = read_word(chars, at, "분의")
        && let Some(second) = read_numeral(chars, skip_spaces(chars, end))?.filter(|second| second.whole)
    {
        return Ok(Some(Fraction {
            numerator: second.value.to_integer(),
            denominator: whole,
            end: second.end,
        }));
    }
    Ok(None)
}

/// `\frac{1}{2}`, `\frac12`.
fn read_latex_fraction(chars: &[char], at: usize) -> Result<Option<Fraction>, Unreadable> {
    let Some(at) = read_word(chars, at, "\\frac") else { return Ok(None) };
    let Some((numerator, at)) = read_latex_group(chars, at)? else { return Ok(None) };
    let Some((denominator, end)) = read_latex_group(chars, at)? else { return Ok(None) };
    Ok(Some(Fraction { numerator, denominator, end }))
}

/// A whole number in braces, or a single digit without them.
fn read_latex_group(chars: &[char], at: usize) -> Result<Option<(BigInt, usize)>, Unreadable> {
    let at = skip_spaces(chars, at);
    match chars.get(at) {
        Some('{') => {
            let (negative, start) = read_sign(chars, skip_spaces(chars, at + 1));
            let Some(numeral) = read_numeral(chars, start)?.filter(|numeral| numeral.whole) else {
                return Ok(None);
            };
            let close = skip_spaces(chars, numeral.end);
            let value = numeral.value.to_integer();
            Ok((chars.get(close) == Some(&'}')).then(|| (if negative { -value } else { value }, close + 1)))
        }
        Some(c) => Ok(c.to_digit(10).map(|digit| (BigInt::from(digit), at + 1))),
        None => Ok(None),
    }
}

struct Numeral {
    value: BigRational,
    /// Written without a point and an exponent.
    whole: bool,
    end: usize,
}

/// Digits, with commas between groups of three, a point and an exponent: `1,234.5`, `.5`, `1e3`.
///
/// A comma that does not group three digits ends the numeral, and so does a point without digits behind it.
fn read_numeral(chars: &[char], start: usize) -> Result<Option<Numeral>, Unreadable> {
    let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let mut end = skip(chars, start, |c| c.is_ascii_digit());
    // `0,123` groups nothing: a number of thousands does not begin with 0.
    if (1..=3).contains(&(end - start)) && chars.get(start) != Some(&'0') {
        while chars.get(end) == Some(&',') && skip(chars, end + 1, |c| c.is_ascii_digit()) == end + 4 {
            end += 4;
        }
    }
    let mut digits: String =
        chars.get(start..end).unwrap_or_default().iter().filter(|c| **c != ',').collect();
    let mut decimals = 0;
    let mut whole = true;
    if chars.get(end) == Some(&'.') && is_digit(end + 1) {
        let fraction_end = skip(chars, end + 1, |c| c.is_ascii_digit());
        digits.extend(chars.get(end + 1..fraction_end).unwrap_or_default());
        decimals = fraction_end - end - 1;
        whole = false;
        end = fraction_end;
    }
    if digits.is_empty() {
        return Ok(None);
    }
    if digits.len() > MAX_DIGITS {
        return Err(Unreadable::TooLarge);
    }
    let mut exponent = 0;
    if matches!(chars.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
        let first = end + 1 + sign;
        if is_digit(first) {
            let last = skip(chars, first, |c| c.is_ascii_digit());
            let size: String = chars.get(first..last).unwrap_or_default().iter().collect();
            let size: u32 = size.parse().unwrap_or(u32::MAX);
            if usize::try_from(size).map_or(true, |size| size > MAX_DIGITS) {
                return Err(Unreadable::TooLarge);
            }
            exponent = i64::from(size) * if chars.get(end + 1) == Some(&'-') { -1 } else { 1 };
            whole = false;
            end = last;
        }
    }
    let numerator: BigInt = digits.parse().map_err(|_| Unreadable::NotANumber)?;
    let ten = |power: u64| Pow::pow(BigInt::from(10), power);
    let scale = BigRational::new(ten(exponent.max(0).unsigned_abs()), ten(exponent.min(0).unsigned_abs()));
    let value = BigRational::new(numerator, ten(u64::try_from(decimals).unwrap_or_default())) * scale;
    Ok(Some(Numeral { value, whole, end }))
}

fn read_word(chars: &[char], at: usize, word: &str) -> Option<usize> {
    let length = word.chars().count();
    let there = chars.get(at..at.checked_add(length)?)?;
    there.iter().copied().eq(word.chars()).then_some(at + length)
}

/// Past white space, but not past the end of a line.
fn skip_spaces(chars: &[char], at: usize) -> usize {
    skip(chars, at, |c| c.is_whitespace() && c != '\n')
}

fn skip(chars: &[char], mut at: usize, belongs: impl Fn(char) -> bool) -> usize {
    while chars.get(at).is_some_and(|c| belongs(*c)) {
        at += 1;
    }
    at
}
