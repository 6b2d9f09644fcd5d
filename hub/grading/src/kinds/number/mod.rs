//! A number, read the way Korean pupils write it and compared exactly.
//!
//! The walk: [`grade`] reads the answer ([`read`]: even out the spelling, drop `x =` and a closing `입니다`, read sign and
//! number, take the rest for a unit), compares values as exact rationals, and only for a right value looks at the form
//! that was asked for. What is not surely a number is not understood: `3,50` is never taken for 3.5, and a number with an
//! unknown word behind it (`3만`, `5x`) is not read at all.

mod reader;
mod units;

pub(crate) use reader::{find_numbers, spell_plainly};
pub(crate) use units::canonical_unit;

use crate::{GradeError, expression::gcd, normalise::is_forbidden};
use dreamseed_wire::{
    answer::{FormFault, Grade, Unreadable},
    authoring::NumberForm,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use reader::{Spelling, read_magnitude, read_sign, strip_wrapping};
use units::{convert, read_unit};

/// The longest answer, in characters.
pub(crate) const MAX_LENGTH: usize = 200;

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
