//! Exact rational arithmetic for an author's `check`: the key's value by another way.
//!
//! `+ - * / ^`, parentheses, integers, decimals, and `gcd`, `lcm`, `mean`, `min`, `max`, `abs`. A power binds tighter
//! than a sign (`-2^2` is −4) and to the right. Nothing is ever rounded. Limits keep a hostile expression cheap.

use crate::normalise::fold;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// The longest expression, in characters.
pub const MAX_LENGTH: usize = 400;
/// The deepest nesting of parentheses, calls, signs and powers.
pub const MAX_DEPTH: usize = 32;
/// The largest exponent, either way.
pub const MAX_EXPONENT: i32 = 64;
/// The largest numerator or denominator on the way, in bits.
pub const MAX_BITS: u64 = 1024;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("the expression is longer than {MAX_LENGTH} characters")]
    TooLong,
    #[error("the expression is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("a value on the way is too large")]
    TooLarge,
    #[error("`{found}` was not expected at character {at}")]
    Unexpected { found: char, at: usize },
    #[error("the expression ends too early")]
    EndsEarly,
    #[error("`{0}` is not a function; known are gcd, lcm, mean, min, max, abs")]
    UnknownFunction(String),
    #[error("`{0}` does not take these arguments")]
    Arguments(&'static str),
    #[error("a division by zero")]
    DivisionByZero,
    #[error("an exponent must be a whole number from -{MAX_EXPONENT} to {MAX_EXPONENT}")]
    Exponent,
}

/// The exact value of `text`.
///
/// # Errors
/// The text is no expression, divides by zero or goes beyond a limit.
pub fn evaluate(text: &str) -> Result<BigRational, ExpressionError> {
    if text.chars().count() > MAX_LENGTH {
        return Err(ExpressionError::TooLong);
    }
    let mut parser = Parser { chars: fold(text).chars().collect(), at: 0 };
    let value = parser.sum(0)?;
    match parser.peek() {
        None => Ok(value),
        Some(found) => Err(ExpressionError::Unexpected { found, at: parser.at }),
    }
}

/// Recursive descent over the characters; each method consumes one level of the grammar.
struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn sum(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        let mut value = self.product(depth)?;
        while let Some(operator @ ('+' | '-')) = self.peek() {
            self.at += 1;
            let right = self.product(depth)?;
            value = bounded(if operator == '+' { value + right } else { value - right })?;
        }
        Ok(value)
    }

    fn product(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        let mut value = self.signed(depth)?;
        while let Some(operator @ ('*' | '×' | '/' | '÷')) = self.peek() {
            self.at += 1;
            let right = self.signed(depth)?;
            value = bounded(if matches!(operator, '*' | '×') {
                value * right
            } else if right.is_zero() {
                return Err(ExpressionError::DivisionByZero);
            } else {
                value / right
            })?;
        }
        Ok(value)
    }

    fn signed(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        match self.peek() {
            Some('-') => {
                self.at += 1;
                Ok(-self.signed(deeper(depth)?)?)
            }
            Some('+') => {
                self.at += 1;
                self.signed(deeper(depth)?)
            }
            _ => self.power(depth),
        }
    }

    fn power(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        let base = self.atom(depth)?;
        if self.peek() != Some('^') {
            return Ok(base);
        }
        self.at += 1;
        let exponent = self.signed(deeper(depth)?)?;
        let exponent = exponent.is_integer().then(|| exponent.to_integer().to_i32()).flatten();
        let exponent = exponent.filter(|e| e.abs() <= MAX_EXPONENT).ok_or(ExpressionError::Exponent)?;
        if base.is_zero() && exponent < 0 {
            return Err(ExpressionError::DivisionByZero);
        }
        // Bounds before the power is taken: the result has at most |exponent| times the bits.
        let bits = base.numer().bits().max(base.denom().bits());
        if bits.saturating_mul(u64::from(exponent.unsigned_abs())) > 2 * MAX_BITS {
            return Err(ExpressionError::TooLarge);
        }
        bounded(base.pow(exponent))
    }

    fn atom(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        match self.peek() {
            None => Err(ExpressionError::EndsEarly),
            Some('(') => {
                self.at += 1;
                let value = self.sum(deeper(depth)?)?;
                self.expect(')')?;
                Ok(value)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.literal(),
            Some(c) if c.is_ascii_alphabetic() => self.call(deeper(depth)?),
            Some(found) => Err(ExpressionError::Unexpected { found, at: self.at }),
        }
    }

    /// An integer or a decimal, with digits on at least one side of the point.
    fn literal(&mut self) -> Result<BigRational, ExpressionError> {
        let (mut digits, mut scale, mut point) = (String::new(), BigInt::one(), false);
        while let Some(&c) = self.chars.get(self.at) {
            if c.is_ascii_digit() {
                digits.push(c);
                if point {
                    scale *= 10;
                }
            } else if c == '.' && !point {
                point = true;
            } else {
                break;
            }
            self.at += 1;
        }
        // Only a lone point has no digits.
        let numerator: BigInt = digits
            .parse()
            .map_err(|_| ExpressionError::Unexpected { found: '.', at: self.at.saturating_sub(1) })?;
        bounded(BigRational::new(numerator, scale))
    }

    fn call(&mut self, depth: usize) -> Result<BigRational, ExpressionError> {
        let mut name = String::new();
        while let Some(c) = self.chars.get(self.at).filter(|c| c.is_ascii_alphabetic()) {
            name.push(c.to_ascii_lowercase());
            self.at += 1;
        }
        self.expect('(')?;
        let mut arguments = vec![self.sum(depth)?];
        while self.peek() == Some(',') {
            self.at += 1;
            arguments.push(self.sum(depth)?);
        }
        self.expect(')')?;
        apply(&name, &arguments)
    }

    fn expect(&mut self, wanted: char) -> Result<(), ExpressionError> {
        match self.peek() {
            Some(c) if c == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(ExpressionError::Unexpected { found, at: self.at }),
            None => Err(ExpressionError::EndsEarly),
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.chars.get(self.at).copied()
    }
}

fn apply(name: &str, arguments: &[BigRational]) -> Result<BigRational, ExpressionError> {
    let folded = |function: fn(BigRational, BigRational) -> BigRational| {
        arguments.iter().cloned().reduce(function).ok_or(ExpressionError::EndsEarly).and_then(bounded)
    };
    match name {
        "gcd" => fold_integers("gcd", arguments, |a, b| gcd(&a, &b)),
        "lcm" => fold_integers("lcm", arguments, |a, b| {
            let divisor = gcd(&a, &b);
            if divisor.is_zero() { divisor } else { a / divisor * b }
        }),
        "mean" => {
            let total: BigRational = arguments.iter().sum();
            bounded(total / BigRational::from_integer(BigInt::from(arguments.len())))
        }
        "min" => folded(Ord::min),
        "max" => folded(Ord::max),
        "abs" => match arguments {
            [only] => Ok(only.abs()),
            _ => Err(ExpressionError::Arguments("abs")),
        },
        other => Err(ExpressionError::UnknownFunction(other.to_owned())),
    }
}

/// Folds two or more whole numbers, taken without their signs.
fn fold_integers(
    name: &'static str,
    arguments: &[BigRational],
    function: impl Fn(BigInt, BigInt) -> BigInt,
) -> Result<BigRational, ExpressionError> {
    if arguments.len() < 2 || arguments.iter().any(|argument| !argument.is_integer()) {
        return Err(ExpressionError::Arguments(name));
    }
    let mut value = BigInt::zero();
    for (index, argument) in arguments.iter().enumerate() {
        let argument = argument.to_integer().abs();
        value = if index == 0 { argument } else { function(value, argument) };
        if value.bits() > MAX_BITS {
            return Err(ExpressionError::TooLarge);
        }
    }
    Ok(BigRational::from_integer(value))
}

/// The greatest common divisor of two numbers that are not negative (Euclid); `gcd(0, n)` is `n`.
pub(crate) fn gcd(a: &BigInt, b: &BigInt) -> BigInt {
    let (mut a, mut b) = (a.abs(), b.abs());
    while !b.is_zero() {
        let rest = &a % &b;
        a = std::mem::replace(&mut b, rest);
    }
    a
}

fn deeper(depth: usize) -> Result<usize, ExpressionError> {
    if depth >= MAX_DEPTH { Err(ExpressionError::TooDeep) } else { Ok(depth + 1) }
}

fn bounded(value: BigRational) -> Result<BigRational, ExpressionError> {
    if value.numer().bits().max(value.denom().bits()) > MAX_BITS {
        Err(ExpressionError::TooLarge)
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn evaluates_exactly() {
        for (text, numerator, denominator) in [
            ("1/2 + 1/3", 5, 6),
            ("2 + 3 * 4", 14, 1),
            ("(2 + 3) * 4", 20, 1),
            ("0.1 + 0.2", 3, 10),
            ("-2^2", -4, 1),
            ("(-2)^2", 4, 1),
            ("2^3^2", 512, 1),
            ("2^-2", 1, 4),
            ("7 - 2 - 1", 4, 1),
            ("8 / 2 / 2", 2, 1),
            ("gcd(12, 18)", 6, 1),
            ("lcm(4, 6, 10)", 60, 1),
            ("lcm(0, 3)", 0, 1),
            ("gcd(-12, 18)", 6, 1),
            ("mean(80, 90, 85, 91)", 173, 2),
            ("min(3, 1/2)", 1, 2),
            ("max(3, 1/2)", 3, 1),
            ("abs(2 - 5)", 3, 1),
            ("12 × 3 ÷ 4", 9, 1),
            ("５−２", 3, 1),
            (".5", 1, 2),
            ("5.", 5, 1),
            ("--3", 3, 1),
        ] {
            assert_eq!(evaluate(text), Ok(ratio(numerator, denominator)), "{text}");
        }
    }

    #[test]
    fn says_why_there_is_no_value() {
        use ExpressionError::*;
        for (text, why) in [
            ("", EndsEarly),
            ("1 +", EndsEarly),
            ("(1", EndsEarly),
            ("1/0", DivisionByZero),
            ("0^-1", DivisionByZero),
            ("1/(2-2)", DivisionByZero),
            ("2^65", Exponent),
            ("2^(1/2)", Exponent),
            ("2^99999999999", Exponent),
            ("1 2", Unexpected { found: '2', at: 2 }),
            (".", Unexpected { found: '.', at: 0 }),
            ("1;2", Unexpected { found: ';', at: 1 }),
            ("sqrt(4)", UnknownFunction("sqrt".to_owned())),
            ("gcd(1/2, 3)", Arguments("gcd")),
            ("gcd(4)", Arguments("gcd")),
            ("abs(1, 2)", Arguments("abs")),
            ("(2^64)^64", TooLarge),
        ] {
            assert_eq!(evaluate(text), Err(why), "{text}");
        }
        assert_eq!(evaluate(&"(".repeat(300)), Err(TooDeep));
        assert_eq!(evaluate(&"-".repeat(300)), Err(TooDeep));
        assert_eq!(evaluate(&"1".repeat(401)), Err(TooLong));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = evaluate(&text);
        }

        #[test]
        fn never_panics_on_what_looks_like_an_expression(text in "[-0-9+*/^(). ,gcdlm]{0,80}") {
            let _ = evaluate(&text);
        }

        #[test]
        fn agrees_with_rational_arithmetic(a in -999_i64..999, b in 1_i64..99, c in -999_i64..999, d in 1_i64..99) {
            prop_assert_eq!(evaluate(&format!("({a})/{b} + ({c})/{d}")), Ok(ratio(a, b) + ratio(c, d)));
            prop_assert_eq!(evaluate(&format!("({a})/{b} * ({c})/{d}")), Ok(ratio(a, b) * ratio(c, d)));
        }
    }
}
