//! A number, read the way Korean pupils write it and compared exactly.
//!
//! The walk: [`grade`] reads the answer ([`read`]: even out the spelling, drop `x =` and a closing `입니다`, read sign and
//! number, take the rest for a unit), compares values as exact rationals, and only for a right value looks at the form
//! that was asked for. What is not surely a number is not understood: `3,50` is never taken for 3.5, and a number with an
//! unknown word behind it (`3만`, `5x`) is not read at all.

use crate::{
    GradeError,
    expression::gcd,
    normalise::{fold, is_forbidden},
};
use dreamseed_wire::{
    answer::{FormFault, Grade, Unreadable},
    authoring::NumberForm,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, Zero};

/// The longest answer, in characters.
pub(crate) const MAX_LENGTH: usize = 200;
/// The most digits of one numeral, and the largest exponent of ten.
const MAX_DIGITS: usize = 30;

/// A number key, ready to grade.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) value: BigRational,
    tolerance: Option<BigRational>,
    /// In [`canonical_unit`] spelling; the first is the proper one.
    units: Vec<String>,
    unit_required: bool,
    lowest_terms: bool,
    form: Option<NumberForm>,
}

/// A number as it was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) value: BigRational,
    spelling: Spelling,
    /// What stood behind it, in [`canonical_unit`] spelling.
    pub(crate) unit: Option<String>,
}

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
enum Spelling {
    Integer,
    Decimal,
    Fraction { numerator: BigInt, denominator: BigInt },
    Mixed { whole: BigInt, numerator: BigInt, denominator: BigInt },
}

impl Key {
    /// Reads the fields of a number key.
    pub(crate) fn read(
        value: &str,
        tolerance: Option<&str>,
        units: &[String],
        unit_required: bool,
        lowest_terms: bool,
        form: Option<NumberForm>,
    ) -> Result<Self, GradeError> {
        let value = read_bare(value).map_err(GradeError::Value)?;
        let tolerance = tolerance.map(read_bare).transpose().map_err(GradeError::Tolerance)?;
        if tolerance.as_ref().is_some_and(Signed::is_negative) {
            return Err(GradeError::NegativeTolerance);
        }
        let units = units.iter().map(|unit| canonical_unit(unit)).collect();
        Ok(Self { value, tolerance, units, unit_required, lowest_terms, form })
    }

    /// A key that is exactly this value, in any form.
    pub(crate) fn of(value: BigRational) -> Self {
        Self {
            value,
            tolerance: None,
            units: Vec::new(),
            unit_required: false,
            lowest_terms: false,
            form: None,
        }
    }

    /// Whether a value is the key's, within its tolerance.
    pub(crate) fn accepts(&self, value: &BigRational) -> bool {
        match &self.tolerance {
            None => *value == self.value,
            Some(tolerance) => (value - &self.value).abs() <= *tolerance,
        }
    }
}

/// Grades what the pupil wrote.
///
/// A unit: with no units in the key any known unit may follow the number. Otherwise one that the key lists is right —
/// where it measures the same as the proper one, the quantity is compared (`120 mm` is `12 cm`) — and for any other
/// known unit the number, as written or converted, may still be right in value: `RightButForm` with
/// [`FormFault::Unit`].
pub(crate) fn grade(key: &Key, text: &str) -> Result<Grade, Unreadable> {
    let written = read(text, &key.units)?;
    let (right, unit_fits) = match (&written.unit, key.units.first()) {
        (None, _) => (key.accepts(&written.value), !key.unit_required),
        (Some(_), None) => (key.accepts(&written.value), true),
        (Some(unit), Some(proper)) => {
            let converted = convert(&written.value, unit, proper);
            if key.units.contains(unit) {
                (key.accepts(converted.as_ref().unwrap_or(&written.value)), true)
            } else {
                let right = key.accepts(&written.value) || converted.is_some_and(|value| key.accepts(&value));
                (right, false)
            }
        }
    };
    Ok(if !right {
        Grade::Wrong
    } else if let Some(what) = find_form_fault(key, &written) {
        Grade::RightButForm { what }
    } else if !unit_fits {
        Grade::RightButForm { what: FormFault::Unit }
    } else {
        Grade::Right
    })
}

/// Whether two answers are one number. A unit counts where the listed answer has one.
pub(crate) fn is_same(units: &[String], listed: &str, given: &str) -> bool {
    let units: Vec<String> = units.iter().map(|unit| canonical_unit(unit)).collect();
    let (Ok(listed), Ok(given)) = (read(listed, &units), read(given, &units)) else { return false };
    listed.value == given.value && (listed.unit.is_none() || listed.unit == given.unit)
}

/// Reads one number with nothing but a unit behind it; `units` in [`canonical_unit`] spelling.
pub(crate) fn read(text: &str, units: &[String]) -> Result<Written, Unreadable> {
    if text.chars().count() > MAX_LENGTH {
        return Err(Unreadable::TooLong);
    }
    if text.chars().any(is_forbidden) {
        return Err(Unreadable::NotANumber);
    }
    let plain = spell_plainly(text);
    let bare = strip_wrapping(&plain);
    if bare.is_empty() {
        return Err(Unreadable::Empty);
    }
    let chars: Vec<char> = bare.chars().collect();
    let (negative, at) = read_sign(&chars, 0);
    let Some((value, spelling, end)) = read_magnitude(&chars, at)? else {
        let comma_first = matches!(chars.get(at..at + 2), Some([',', digit]) if digit.is_ascii_digit());
        return Err(if comma_first { Unreadable::Comma } else { Unreadable::NotANumber });
    };
    let tail: String = chars.get(end..).unwrap_or_default().iter().collect();
    let unit = read_unit(tail.trim(), units)?;
    let value = if negative { -value } else { value };
    Ok(Written { value, spelling, unit })
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

/// One spelling for a unit: `㎠`, `cm^2`, `CM²` and `제곱센티미터` are all `cm2`.
pub(crate) fn canonical_unit(unit: &str) -> String {
    let folded = fold(unit).replace("\\text", "").replace("\\mathrm", "").replace("^\\circ", "°");
    let bare: String = folded
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '^' | '{' | '}'))
        .flat_map(char::to_lowercase)
        .collect();
    KNOWN_UNITS
        .iter()
        .find(|known| known.spellings.contains(&bare.as_str()))
        .map_or(bare, |known| known.name().to_owned())
}

/// A number without a unit, as keys and tolerances are written.
pub(crate) fn read_bare(text: &str) -> Result<BigRational, Unreadable> {
    let written = read(text, &[])?;
    if written.unit.is_some() { Err(Unreadable::NotANumber) } else { Ok(written.value) }
}

/// The first thing that a right value lacks in form. An integer value written as an integer fits every form.
fn find_form_fault(key: &Key, written: &Written) -> Option<FormFault> {
    let spelling = &written.spelling;
    let form_fault = match key.form {
        None => None,
        Some(_) if *spelling == Spelling::Integer => None,
        Some(NumberForm::Fraction) => match spelling {
            Spelling::Fraction { .. } => None,
            Spelling::Integer | Spelling::Decimal | Spelling::Mixed { .. } => Some(FormFault::Fraction),
        },
        Some(NumberForm::Mixed) => match spelling {
            // 대분수 has a whole part and a proper fraction.
            Spelling::Mixed { whole, numerator, denominator } => {
                (whole.is_zero() || numerator >= denominator).then_some(FormFault::Mixed)
            }
            // Below one there is no mixed number; the proper fraction is the form.
            Spelling::Fraction { .. } => {
                (written.value.abs() >= BigRational::one()).then_some(FormFault::Mixed)
            }
            Spelling::Integer | Spelling::Decimal => Some(FormFault::Mixed),
        },
        Some(NumberForm::Decimal) => match spelling {
            Spelling::Decimal => None,
            Spelling::Integer | Spelling::Fraction { .. } | Spelling::Mixed { .. } => {
                Some(FormFault::Decimal)
            }
        },
    };
    let reducible = match spelling {
        Spelling::Integer | Spelling::Decimal => false,
        Spelling::Fraction { numerator, denominator } | Spelling::Mixed { numerator, denominator, .. } => {
            gcd(numerator, denominator) != BigInt::one()
        }
    };
    form_fault.or_else(|| (key.lowest_terms && reducible).then_some(FormFault::LowestTerms))
}

/// Drops what pupils put around a number: `x =`, `답:`, `$…$`, one pair of parentheses, `입니다`.
fn strip_wrapping(plain: &str) -> &str {
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

fn read_sign(chars: &[char], at: usize) -> (bool, usize) {
    for (word, negative) in [("마이너스", true), ("minus", true), ("-", true), ("+", false)] {
        if let Some(end) = read_word(chars, at, word) {
            return (negative, skip_spaces(chars, end));
        }
    }
    (false, at)
}

/// The unit in what follows a number: none, one of the key's, or a known one.
fn read_unit(tail: &str, units: &[String]) -> Result<Option<String>, Unreadable> {
    let bare = tail.trim_end_matches('.').trim_end();
    if bare.is_empty() {
        return Ok(None);
    }
    if bare.starts_with(',') {
        return Err(Unreadable::Comma);
    }
    let unit = canonical_unit(bare);
    if unit.is_empty() {
        return Err(Unreadable::NotANumber);
    }
    if units.contains(&unit) {
        return Ok(Some(unit));
    }
    // A lone Latin letter behind a number that asks for no unit is algebra (`5m`), not metres.
    let letter = unit.len() == 1 && units.is_empty();
    if !letter && KNOWN_UNITS.iter().any(|known| known.name() == unit) {
        return Ok(Some(unit));
    }
    Err(Unreadable::NotANumber)
}

/// A number without its sign at `at`: value, spelling and where it ends. `None` if none starts there.
fn read_magnitude(chars: &[char], at: usize) -> Result<Option<(BigRational, Spelling, usize)>, Unreadable> {
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

/// A value of unit `from` in unit `to`, if both measure the same quantity.
fn convert(value: &BigRational, from: &str, to: &str) -> Option<BigRational> {
    let find = |name: &str| KNOWN_UNITS.iter().find(|known| known.name() == name);
    let (from, to) = (find(from)?, find(to)?);
    let (quantity, from_size) = from.size?;
    let (other, to_size) = to.size?;
    (quantity == other).then(|| value * BigRational::new(from_size.into(), to_size.into()))
}

/// What can follow a number without the key naming it.
struct KnownUnit {
    /// The first is the name; all in lower case without spaces.
    spellings: &'static [&'static str],
    /// The quantity and the unit's size in its smallest unit here; none for what is only counted.
    size: Option<(Quantity, i64)>,
}

impl KnownUnit {
    fn name(&self) -> &'static str {
        self.spellings.first().copied().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Length,
    Area,
    Volume,
    Mass,
    Time,
}

const fn unit(quantity: Quantity, size: i64, spellings: &'static [&'static str]) -> KnownUnit {
    KnownUnit { spellings, size: Some((quantity, size)) }
}

const fn counter(spellings: &'static [&'static str]) -> KnownUnit {
    KnownUnit { spellings, size: None }
}

const KNOWN_UNITS: &[KnownUnit] = &[
    unit(Quantity::Length, 1, &["mm", "밀리미터"]),
    unit(Quantity::Length, 10, &["cm", "센티미터", "센티"]),
    unit(Quantity::Length, 1_000, &["m", "미터"]),
    unit(Quantity::Length, 1_000_000, &["km", "킬로미터"]),
    unit(Quantity::Area, 1, &["mm2", "제곱밀리미터"]),
    unit(Quantity::Area, 100, &["cm2", "제곱센티미터"]),
    unit(Quantity::Area, 1_000_000, &["m2", "제곱미터"]),
    unit(Quantity::Area, 10_000_000_000, &["ha", "헥타르"]),
    unit(Quantity::Area, 1_000_000_000_000, &["km2", "제곱킬로미터"]),
    unit(Quantity::Volume, 1, &["mm3", "세제곱밀리미터"]),
    unit(Quantity::Volume, 1_000, &["cm3", "세제곱센티미터", "cc", "시시"]),
    unit(Quantity::Volume, 1_000, &["ml", "밀리리터"]),
    unit(Quantity::Volume, 100_000, &["dl", "데시리터"]),
    unit(Quantity::Volume, 1_000_000, &["l", "리터"]),
    unit(Quantity::Volume, 1_000_000_000, &["m3", "세제곱미터"]),
    unit(Quantity::Volume, 1_000_000_000, &["kl", "킬로리터"]),
    unit(Quantity::Mass, 1, &["mg", "밀리그램"]),
    unit(Quantity::Mass, 1_000, &["g", "그램"]),
    unit(Quantity::Mass, 1_000_000, &["kg", "킬로그램"]),
    unit(Quantity::Mass, 1_000_000_000, &["t", "톤"]),
    unit(Quantity::Time, 1, &["초", "s", "sec", "second", "seconds"]),
    unit(Quantity::Time, 60, &["분", "min", "minute", "minutes"]),
    unit(Quantity::Time, 3_600, &["시간", "h", "hour", "hours"]),
    unit(Quantity::Time, 86_400, &["일", "day", "days"]),
    counter(&["°", "도", "degree", "degrees"]),
    counter(&["°c"]),
    counter(&["km/h"]),
    counter(&["m/s"]),
    counter(&["m/min", "m/분"]),
    counter(&["원", "won"]),
    counter(&["개"]),
    counter(&["명"]),
    counter(&["사람", "people", "persons"]),
    counter(&["마리"]),
    counter(&["장"]),
    counter(&["권", "books"]),
    counter(&["자루"]),
    counter(&["그루", "trees"]),
    counter(&["송이"]),
    counter(&["대"]),
    counter(&["살", "세"]),
    counter(&["번"]),
    counter(&["회", "times"]),
    counter(&["배"]),
    counter(&["점", "points"]),
    counter(&["병"]),
    counter(&["컵", "cups"]),
    counter(&["잔"]),
    counter(&["통"]),
    counter(&["줄"]),
    counter(&["쪽", "pages"]),
    counter(&["조각", "pieces"]),
    counter(&["칸"]),
    counter(&["켤레"]),
    counter(&["묶음"]),
    counter(&["상자", "boxes"]),
    counter(&["봉지", "bags"]),
    counter(&["가지"]),
    counter(&["students", "pupils"]),
    counter(&["달", "개월", "months"]),
    counter(&["주", "weeks"]),
    counter(&["년", "years"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use FormFault::{Decimal, Fraction as FractionForm, LowestTerms, Mixed, Unit};
    use Grade::{Right, Wrong};
    use Unreadable::{Comma, Empty, NotANumber, TooLarge, TooLong, ZeroDenominator};
    use proptest::prelude::*;

    fn check(text: &str, key: Key, expected: impl Into<Expected>) {
        let Expected(expected) = expected.into();
        let grade = grade(&key, text).unwrap_or_else(|why| Grade::NotUnderstood { why });
        assert_eq!(grade, expected, "{text:?} for {}", key.value);
        drop(key);
    }

    /// A grade, or what makes an answer unreadable or a right value incomplete.
    struct Expected(Grade);

    impl From<Grade> for Expected {
        fn from(grade: Grade) -> Self {
            Self(grade)
        }
    }

    impl From<Unreadable> for Expected {
        fn from(why: Unreadable) -> Self {
            Self(Grade::NotUnderstood { why })
        }
    }

    impl From<FormFault> for Expected {
        fn from(what: FormFault) -> Self {
            Self(Grade::RightButForm { what })
        }
    }

    fn key(value: &str) -> Key {
        Key::read(value, None, &[], false, false, None).expect("the key is sound")
    }

    impl Key {
        fn within(mut self, tolerance: &str) -> Self {
            self.tolerance = Some(read_bare(tolerance).expect("a number"));
            self
        }

        fn units(mut self, units: &[&str]) -> Self {
            self.units = units.iter().map(|unit| canonical_unit(unit)).collect();
            self
        }

        fn unit_required(mut self) -> Self {
            self.unit_required = true;
            self
        }

        fn lowest(mut self) -> Self {
            self.lowest_terms = true;
            self
        }

        fn form(mut self, form: NumberForm) -> Self {
            self.form = Some(form);
            self
        }
    }

    #[test]
    fn reads_whole_numbers() {
        check("12", key("12"), Right);
        check(" 12 ", key("12"), Right);
        check("12\n", key("12"), Right);
        check("１２", key("12"), Right);
        check("𝟏𝟐", key("12"), Right);
        check("012", key("12"), Right);
        check("+12", key("12"), Right);
        check("13", key("12"), Wrong);
        check("0", key("0"), Right);
        check("-0", key("0"), Right);
        check("⑫", key("12"), Right);
        check("①", key("1"), Right);
        check("❸", key("3"), Right);
        check("①②", key("12"), NotANumber);
    }

    #[test]
    fn the_comma_groups_thousands_and_nothing_else() {
        check("3,500", key("3500"), Right);
        check("1,234,567", key("1234567"), Right);
        check("12,345", key("12345"), Right);
        check("1,234.5", key("1234.5"), Right);
        check("３，５００", key("3500"), Right);
        check("3,50", key("3.5"), Comma);
        check("3,5", key("3.5"), Comma);
        check("3,5000", key("35000"), Comma);
        check("1234,567", key("1234567"), Comma);
        check("1,23,456", key("123456"), Comma);
        check("0,123", key("0.123"), Comma);
        check("3, 500", key("3500"), Comma);
        check(",5", key("0.5"), Comma);
        check("5,", key("5"), Comma);
        check("1.5,0", key("1.5"), Comma);
        check("1,234/2", key("617"), Right);
    }

    #[test]
    fn reads_decimals_exactly() {
        check("3.5", key("3.5"), Right);
        check("3.50", key("3.5"), Right);
        check(".5", key("0.5"), Right);
        check("5.", key("5"), Right);
        check("３．５", key("3.5"), Right);
        check("0.1", key("1/10"), Right);
        check("0.3333333333", key("1/3"), Wrong);
        check("0.30000000000000004", key("0.3"), Wrong);
        check(".", key("0"), NotANumber);
        check("1.2.3", key("1.2"), NotANumber);
        check("3 . 5", key("3.5"), NotANumber);
        check("1e3", key("1000"), Right);
        check("2.5E-1", key("1/4"), Right);
    }

    #[test]
    fn reads_fractions() {
        check("3/4", key("3/4"), Right);
        check(" 3 / 4 ", key("3/4"), Right);
        check("２/３", key("2/3"), Right);
        check("２／３", key("2/3"), Right);
        check("2⁄3", key("2/3"), Right);
        check("6/8", key("3/4"), Right);
        check("0.75", key("3/4"), Right);
        check("¾", key("3/4"), Right);
        check("⅓", key("1/3"), Right);
        check("7/2", key("3.5"), Right);
        check("4분의 3", key("3/4"), Right);
        check("4분의3", key("3/4"), Right);
        check("4 분의 3", key("3/4"), Right);
        check("3분의 4", key("3/4"), Wrong);
        check("\\frac{3}{4}", key("3/4"), Right);
        check("$\\dfrac{3}{4}$", key("3/4"), Right);
        check("\\frac34", key("3/4"), Right);
        check("-\\frac{3}{4}", key("-3/4"), Right);
        check("\\frac{-3}{4}", key("-3/4"), Right);
        check("3/-4", key("-3/4"), Right);
        check("-3/-4", key("3/4"), Right);
        check("1/2/3", key("1/6"), NotANumber);
        check("1.5/2", key("3/4"), NotANumber);
        check("/4", key("1/4"), NotANumber);
        check("3/", key("3"), NotANumber);
        check("4분의", key("4"), NotANumber);
    }

    #[test]
    fn reads_mixed_numbers() {
        check("2와 1/2", key("2.5"), Right);
        check("2과1/2", key("2.5"), Right);
        check("2 1/2", key("2.5"), Right);
        check("2  1 / 2", key("2.5"), Right);
        check("２ １/２", key("2.5"), Right);
        check("2하고 1/2", key("2.5"), Right);
        check("2 and 1/2", key("2.5"), Right);
        check("2½", key("2.5"), Right);
        check("2 ½", key("2.5"), Right);
        check("1½", key("11/2"), Wrong);
        check("2\\frac{1}{2}", key("2.5"), Right);
        check("1\\frac12", key("3/2"), Right);
        check("2와 4분의 3", key("11/4"), Right);
        check("2 4분의 3", key("11/4"), Right);
        check("-2 1/2", key("-2.5"), Right);
        check("-2 1/2", key("-1.5"), Wrong);
        check("1 5/2", key("7/2"), Right);
        check("2 -1/2", key("1.5"), NotANumber);
        check("2+1/2", key("2.5"), NotANumber);
        check("1.5 1/2", key("2"), NotANumber);
        check("2\n1/2", key("2.5"), NotANumber);
        check("2와", key("2"), NotANumber);
        check("1 2", key("12"), NotANumber);
    }

    #[test]
    fn reads_signs() {
        check("-3", key("-3"), Right);
        check("−3", key("-3"), Right);
        check("－３", key("-3"), Right);
        check("– 3", key("-3"), Right);
        check("-½", key("-1/2"), Right);
        check("(-3)", key("-3"), Right);
        check("마이너스 3", key("-3"), Right);
        check("3", key("-3"), Wrong);
        check("--3", key("3"), NotANumber);
        check("+-3", key("-3"), NotANumber);
        check("-", key("0"), NotANumber);
        check("3-", key("3"), NotANumber);
    }

    #[test]
    fn looks_past_what_pupils_write_around_a_number() {
        check("x=3", key("3"), Right);
        check("x = -3", key("-3"), Right);
        check("ｘ＝３", key("3"), Right);
        check("□ = 3", key("3"), Right);
        check("= 3", key("3"), Right);
        check("답: 3", key("3"), Right);
        check("답은 3입니다.", key("3"), Right);
        check("정답 3", key("3"), Right);
        check("3이에요", key("3"), Right);
        check("$3$", key("3"), Right);
        check("1+2=3", key("3"), NotANumber);
        check("3=x", key("3"), NotANumber);
        check("x=", key("3"), Empty);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        check("", key("0"), Empty);
        check("  \t\n", key("0"), Empty);
        check("　", key("0"), Empty);
        check(&"1".repeat(201), key("1"), TooLong);
        check(&" ".repeat(201), key("1"), TooLong);
        check(&"1".repeat(31), key("1"), TooLarge);
        check("1e999", key("1"), TooLarge);
        check("1e-999", key("0"), TooLarge);
        check("1e99999999999999999999", key("0"), TooLarge);
        check(&"9".repeat(30), key("1"), Wrong);
        check("1/0", key("1"), ZeroDenominator);
        check("0/0", key("0"), ZeroDenominator);
        check("2 1/0", key("2"), ZeroDenominator);
        check("0분의 1", key("0"), ZeroDenominator);
        check("\\frac{1}{0}", key("0"), ZeroDenominator);
        check("모르겠어요", key("1"), NotANumber);
        check("three", key("3"), NotANumber);
        check("5²", key("25"), NotANumber);
        check("5²", key("52"), NotANumber);
        check("3만", key("3"), NotANumber);
        check("5x", key("5"), NotANumber);
        check("5m", key("5"), NotANumber);
        check("∞", key("1"), NotANumber);
        check("NaN", key("0"), NotANumber);
        check("0x10", key("16"), NotANumber);
        check("1\u{0}2", key("12"), NotANumber);
        check("\u{202E}12", key("12"), NotANumber);
        check("\u{200F}12", key("12"), NotANumber);
        check("1\u{200B}2", key("12"), NotANumber);
        check("٣", key("3"), NotANumber);
        check("3 또는 4", key("3"), NotANumber);
    }

    #[test]
    fn a_unit_may_follow() {
        let cm = || key("12").units(&["cm"]);
        check("12", cm(), Right);
        check("12cm", cm(), Right);
        check("12 CM", cm(), Right);
        check("12㎝", cm(), Right);
        check("12 센티미터", cm(), Right);
        check("12cm.", cm(), Right);
        check("12cm입니다", cm(), Right);
        check("13cm", cm(), Wrong);
        check("12m", cm(), Unit);
        check("12개", cm(), Unit);
        check("120mm", cm(), Unit);
        check("120mm", key("12").units(&["cm", "mm"]), Right);
        check("12mm", key("12").units(&["cm", "mm"]), Wrong);
        check("12 foo", cm(), NotANumber);
        check("12%", cm(), NotANumber);
        let area = || key("12").units(&["cm²"]);
        check("12 cm²", area(), Right);
        check("12cm2", area(), Right);
        check("12cm^2", area(), Right);
        check("12㎠", area(), Right);
        check("12 \\text{cm}^2", area(), Right);
        check("12 제곱센티미터", area(), Right);
        check("12cm", area(), Unit);
        check("12 cm³", area(), Unit);
        check("3/4 m", key("3/4").units(&["m"]), Right);
        check("2와 1/2시간", key("2.5").units(&["시간"]), Right);
        check("4분", key("4").units(&["분"]), Right);
        check("4분의 3시간", key("3/4").units(&["시간"]), Right);
        check("45분", key("3/4").units(&["시간", "분"]), Right);
        check("60°", key("60").units(&["°"]), Right);
        check("60도", key("60").units(&["°"]), Right);
    }

    #[test]
    fn a_unit_may_be_asked_for() {
        check("12", key("12").units(&["cm"]).unit_required(), Unit);
        check("12cm", key("12").units(&["cm"]).unit_required(), Right);
        check("13", key("12").units(&["cm"]).unit_required(), Wrong);
    }

    #[test]
    fn a_key_without_units_takes_any_known_one() {
        check("5개", key("5"), Right);
        check("5 명", key("5"), Right);
        check("5cm", key("5"), Right);
        check("6개", key("5"), Wrong);
        check("5원", key("5"), Right);
    }

    #[test]
    fn percent_is_a_unit_that_the_key_must_name() {
        check("50%", key("50").units(&["%"]), Right);
        check("５０％", key("50").units(&["%"]), Right);
        check("50\\%", key("50").units(&["%"]), Right);
        check("50", key("50").units(&["%"]), Right);
        check("0.5", key("50").units(&["%"]), Wrong);
        check("50%", key("0.5"), NotANumber);
        check("50%", key("50"), NotANumber);
    }

    #[test]
    fn lowest_terms_are_asked_of_fractions() {
        check("3/4", key("3/4").lowest(), Right);
        check("6/8", key("3/4").lowest(), LowestTerms);
        check("0.75", key("3/4").lowest(), Right);
        check("2 2/4", key("5/2").lowest(), LowestTerms);
        check("2 1/2", key("5/2").lowest(), Right);
        check("5/2", key("5/2").lowest(), Right);
        check("10/4", key("5/2").lowest(), LowestTerms);
        check("6/2", key("3").lowest(), LowestTerms);
        check("3", key("3").lowest(), Right);
        check("8분의 6", key("3/4").lowest(), LowestTerms);
        check("5/8", key("3/4").lowest(), Wrong);
    }

    #[test]
    fn a_form_may_be_asked_for() {
        use NumberForm as Form;
        check("7/2", key("7/2").form(Form::Mixed), Mixed);
        check("3 1/2", key("7/2").form(Form::Mixed), Right);
        check("2 3/2", key("7/2").form(Form::Mixed), Mixed);
        check("3.5", key("7/2").form(Form::Mixed), Mixed);
        check("3", key("3").form(Form::Mixed), Right);
        check("6/2", key("3").form(Form::Mixed), Mixed);
        check("1/2", key("1/2").form(Form::Mixed), Right);
        check("0 1/2", key("1/2").form(Form::Mixed), Mixed);
        check("3 1/2", key("7/2").form(Form::Fraction), FractionForm);
        check("7/2", key("7/2").form(Form::Fraction), Right);
        check("3.5", key("7/2").form(Form::Fraction), FractionForm);
        check("3", key("3").form(Form::Fraction), Right);
        check("3.5", key("7/2").form(Form::Decimal), Right);
        check("7/2", key("7/2").form(Form::Decimal), Decimal);
        check("3 1/2", key("7/2").form(Form::Decimal), Decimal);
        check("3", key("3").form(Form::Decimal), Right);
        check("14/4", key("7/2").form(Form::Mixed).lowest(), Mixed);
        check("9/2", key("7/2").form(Form::Mixed), Wrong);
    }

    #[test]
    fn tolerance_is_exact_and_closed() {
        check("3.14", key("3.14").within("0.01"), Right);
        check("3.15", key("3.14").within("0.01"), Right);
        check("3.13", key("3.14").within("0.01"), Right);
        check("3.1500001", key("3.14").within("0.01"), Wrong);
        check("22/7", key("3.14").within("0.01"), Right);
    }

    #[test]
    fn broken_keys_are_errors() {
        let read =
            |value: &str, tolerance: Option<&str>| Key::read(value, tolerance, &[], false, false, None).err();
        assert_eq!(read("", None), Some(GradeError::Value(Empty)));
        assert_eq!(read("1/0", None), Some(GradeError::Value(ZeroDenominator)));
        assert_eq!(read("12cm", None), Some(GradeError::Value(NotANumber)));
        assert_eq!(read("1", Some("x")), Some(GradeError::Tolerance(NotANumber)));
        assert_eq!(read("1", Some("-1")), Some(GradeError::NegativeTolerance));
        assert_eq!(read("2 1/2", Some("0.1")), None);
    }

    #[test]
    fn same_is_by_value_and_by_the_unit_that_is_listed() {
        let units = ["cm²".to_owned(), "cm".to_owned()];
        assert!(is_same(&units, "1/2", "0.50"));
        assert!(is_same(&units, "12", "12cm"));
        assert!(is_same(&units, "12cm2", "12㎠"));
        assert!(!is_same(&units, "12cm", "12cm2"));
        assert!(!is_same(&units, "12", "13"));
        assert!(!is_same(&units, "x", "x"));
    }

    #[test]
    fn finds_the_numbers_of_a_text() {
        let plain: Vec<char> = spell_plainly("12, 13과 1/2, \\frac{3}{4}; 1,234원 x2 .5").chars().collect();
        let found: Vec<String> =
            find_numbers(&plain).into_iter().map(|found| found.value.to_string()).collect();
        assert_eq!(found, ["12", "27/2", "3/4", "1234", "2", "1/2"]);
    }

    proptest! {
        #[test]
        fn grading_never_panics(text in "\\PC{0,60}", value in "\\PC{0,20}") {
            let units = ["cm".to_owned(), "%".to_owned()];
            let _ = grade(&key("3/4").units(&["cm²"]), &text);
            if let Ok(key) = Key::read(&value, Some(&text), &units, true, true, Some(NumberForm::Mixed)) {
                let _ = grade(&key, &text);
            }
        }

        #[test]
        fn grading_never_panics_on_what_looks_like_a_number(text in "[-0-9,./eE 와과분의½①²\\\\frac{}cm%()=$]{0,40}") {
            let _ = grade(&key("3/4").units(&["cm²", "%"]), &text);
            let _ = find_numbers(&text.chars().collect::<Vec<_>>());
        }

        #[test]
        fn every_spelling_of_a_fraction_is_its_value(a in -9999_i64..9999, b in 1_i64..9999, k in 1_i64..9) {
            let value = BigRational::new(a.into(), b.into());
            let sign = if a < 0 { "-" } else { "" };
            let (n, d) = (a.abs() * k, b * k);
            let mut spellings = vec![
                format!("{sign}{n}/{d}"),
                format!("{sign} {n} / {d}"),
                format!("{sign}{d}분의 {n}"),
                format!("{sign}\\frac{{{n}}}{{{d}}}"),
                format!("x = {sign}{n}/{d}"),
                format!("{sign}{n}／{d}").replace('-', "−"),
            ];
            let (whole, rest) = (n / d, n % d);
            if whole > 0 {
                for between in [" ", "와 ", "과", "하고 ", " and "] {
                    spellings.push(format!("{sign}{whole}{between}{rest}/{d}"));
                }
                spellings.push(format!("{sign}{whole}\\frac{{{rest}}}{{{d}}}"));
                spellings.push(format!("{sign}{whole}와 {d}분의 {rest}"));
            }
            for spelling in spellings {
                let read = read(&spelling, &[]).map(|written| written.value);
                prop_assert_eq!(read, Ok(value.clone()), "{}", spelling);
            }
        }

        #[test]
        fn every_spelling_of_a_decimal_is_its_value(digits in 0_u64..1_000_000_000, places in 0_u32..9) {
            let scale = 10_u64.pow(places);
            let value = BigRational::new(digits.into(), scale.into());
            let (whole, rest) = (digits / scale, digits % scale);
            let width = usize::try_from(places).expect("small");
            let fraction = if places == 0 { String::new() } else { format!(".{rest:0width$}") };
            let full_width: String = whole
                .to_string()
                .chars()
                .map(|c| char::from_u32(u32::from(c) - u32::from('0') + 0xFF10).expect("a digit"))
                .collect();
            for spelling in [format!("{whole}{fraction}"), format!("{}{fraction}", grouped(whole)), format!("{full_width}{fraction}")] {
                prop_assert_eq!(read(&spelling, &[]).map(|written| written.value), Ok(value.clone()), "{}", spelling);
            }
        }

        #[test]
        fn a_comma_elsewhere_than_between_thousands_is_never_read(whole in 1_u64..10_000_000, at in 0_usize..9) {
            let digits = whole.to_string();
            prop_assume!(at < digits.len());
            let (head, tail) = digits.split_at(at);
            let text = format!("{head},{tail}");
            prop_assume!(text != grouped(whole));
            prop_assert_eq!(read(&text, &[]).map(|written| written.value), Err(Comma), "{}", text);
        }

        #[test]
        fn a_fraction_is_in_lowest_terms_or_told(a in 1_i64..500, b in 2_i64..500, k in 1_i64..20) {
            let value = format!("{a}/{b}");
            let reduced = BigRational::new(a.into(), b.into());
            let text = format!("{}/{}", reduced.numer() * k, reduced.denom() * k);
            let expected = if k == 1 { Right } else { Grade::RightButForm { what: LowestTerms } };
            prop_assert_eq!(grade(&key(&value).lowest(), &text), Ok(expected));
            prop_assert_eq!(grade(&key(&value), &text), Ok(Right));
        }
    }

    fn grouped(number: u64) -> String {
        let digits = number.to_string();
        let first = (digits.len() - 1) % 3 + 1;
        let mut text = digits.get(..first).unwrap_or_default().to_owned();
        for group in digits.as_bytes().get(first..).unwrap_or_default().chunks(3) {
            text.push(',');
            text.push_str(std::str::from_utf8(group).expect("digits"));
        }
        text
    }
}
