//! Decimal numbers: what a formula computes with.
//!
//! [`Number`] is a 96-bit decimal: 28 to 29 significant digits, of which at most 28 stand after the
//! point. `0.1 + 0.2` is `0.3`. Sums, differences, products and whole powers are exact while they
//! fit; what needs more digits after the point, as `1 / 3` does, is rounded to 28 of them. What
//! needs more digits *before* the point is an error, never a wrong number.
//!
//! # Not here
//!
//! Operators of Rust (`+`, `-`): every operation can fail, so each is a method that returns a
//! [`Result`]. The type behind it is nobody's business, so a plugin does not depend on it.

use core::fmt;
use std::error::Error;

use rust_decimal::{Decimal, RoundingStrategy};

/// An exact decimal number.
///
/// # Examples
///
/// ```
/// use formulas::Number;
///
/// let sum = Number::parse("0.1")?.plus(Number::parse("0.2")?)?;
/// assert_eq!(sum.to_string(), "0.3");
/// # Ok::<(), formulas::NumberError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Number(Decimal);

impl Number {
    /// 0.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// 1.
    pub const ONE: Self = Self(Decimal::ONE);

    /// Reads digits with at most one point: `5`, `0.25`, `.25`.
    ///
    /// # Errors
    ///
    /// - [`NumberError::TooManyDigits`] – it would have to be rounded.
    /// - [`NumberError::Overflow`] – it is too large.
    /// - [`NumberError::Malformed`] – it is not such a text.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !plain {
            return Err(NumberError::Malformed);
        }
        Decimal::from_str_exact(text)
            .map(Self)
            .map_err(|error| match error {
                rust_decimal::Error::Underflow => NumberError::TooManyDigits,
                rust_decimal::Error::ExceedsMaximumPossibleValue => NumberError::Overflow,
                _ if text.len() > 28 => NumberError::Overflow,
                _ => NumberError::Malformed,
            })
    }

    /// The number that `text` says, which may have an exponent: `1e-7`. What is more than 28 digits after the point is rounded.
    ///
    /// # Errors
    ///
    /// - [`NumberError::Overflow`] – it is too large.
    /// - [`NumberError::Malformed`] – it is not such a text.
    pub(crate) fn parse_scientific(text: &str) -> Result<Self, NumberError> {
        let parse = |digits: &str| digits.parse().map(Self).map_err(|_| NumberError::Malformed);
        let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
            return parse(text);
        };
        let exponent: i32 = exponent.parse().map_err(|_| NumberError::Malformed)?;
        let mut scaled = parse(digits)?;
        let ten = Self(Decimal::TEN);
        // A number has 28 digits on each side of the point: what is shifted further is 0, or too large.
        for _ in 0..exponent.unsigned_abs().min(60) {
            scaled = match exponent < 0 {
                true => scaled.over(ten)?,
                false => scaled.times(ten)?,
            };
        }
        Ok(scaled)
    }

    /// `self + other`.
    ///
    /// # Errors
    ///
    /// [`NumberError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, NumberError> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(NumberError::Overflow)
    }

    /// `self - other`.
    ///
    /// # Errors
    ///
    /// [`NumberError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, NumberError> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(NumberError::Overflow)
    }

    /// `self * other`.
    ///
    /// # Errors
    ///
    /// [`NumberError::Overflow`].
    pub fn times(self, other: Self) -> Result<Self, NumberError> {
        self.0
            .checked_mul(other.0)
            .map(Self)
            .ok_or(NumberError::Overflow)
    }

    /// `self / other`, rounded to 28 digits if it does not end earlier.
    ///
    /// # Errors
    ///
    /// [`NumberError::DivisionByZero`] and [`NumberError::Overflow`].
    pub fn over(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        self.0
            .checked_div(other.0)
            .map(Self)
            .ok_or(NumberError::Overflow)
    }

    /// What is left of `self` after division by `other`; it has the sign of `self`.
    ///
    /// # Errors
    ///
    /// [`NumberError::DivisionByZero`] and [`NumberError::Overflow`].
    pub fn modulo(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        self.0
            .checked_rem(other.0)
            .map(Self)
            .ok_or(NumberError::Overflow)
    }

    /// `self` to the power of a whole `exponent`, which may be negative; `0 ^ 0` is 1.
    ///
    /// # Errors
    ///
    /// [`NumberError::FractionalExponent`], [`NumberError::Overflow`], and
    /// [`NumberError::DivisionByZero`] for a negative power of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use formulas::Number;
    ///
    /// let two = Number::parse("2")?;
    /// assert_eq!(two.power(Number::parse("10")?)?.to_string(), "1024");
    /// assert_eq!(two.power(Number::parse("2")?.negated())?.to_string(), "0.25");
    /// # Ok::<(), formulas::NumberError>(())
    /// ```
    pub fn power(self, exponent: Self) -> Result<Self, NumberError> {
        let n = exponent.whole().ok_or(if exponent.0.is_integer() {
            NumberError::Overflow
        } else {
            NumberError::FractionalExponent
        })?;
        if n < 0 {
            return Self::ONE.over(self.raised(n.unsigned_abs())?);
        }
        self.raised(n.unsigned_abs())
    }

    /// `self` to the power of `n`, by squaring.
    fn raised(self, mut n: u64) -> Result<Self, NumberError> {
        let mut result = Self::ONE;
        let mut square = self;
        while n > 0 {
            if n & 1 == 1 {
                result = result.times(square)?;
            }
            n >>= 1;
            // The square that nobody needs any more must not overflow.
            if n > 0 {
                square = square.times(square)?;
            }
        }
        Ok(result)
    }

    /// `-self`; there is no negative zero.
    #[must_use]
    pub fn negated(self) -> Self {
        if self.is_zero() {
            Self::ZERO
        } else {
            Self(-self.0)
        }
    }

    /// `self` without its sign.
    #[must_use]
    pub fn absolute(self) -> Self {
        Self(self.0.abs())
    }

    /// `self` with at most `places` digits after the point; a half goes away from zero.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        Self(
            self.0
                .round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero),
        )
    }

    /// The greatest whole number that is not above `self`.
    #[must_use]
    pub fn floor(self) -> Self {
        Self(self.0.floor())
    }

    /// The least whole number that is not below `self`.
    #[must_use]
    pub fn ceiling(self) -> Self {
        Self(self.0.ceil())
    }

    /// The number as an `i64`, if it is whole and fits.
    #[must_use]
    pub fn whole(self) -> Option<i64> {
        if self.0.is_integer() {
            i64::try_from(self.0).ok()
        } else {
            None
        }
    }

    /// Whether it is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below 0.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }
}

impl From<i64> for Number {
    fn from(whole: i64) -> Self {
        Self(Decimal::from(whole))
    }
}

/// The shortest form: without trailing zeros after the point.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.normalize(), f)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

/// Why an operation on [`Number`]s has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// The result needs more digits before the point than a [`Number`] has.
    Overflow,
    /// The divisor is 0.
    DivisionByZero,
    /// The exponent of a power is not whole.
    FractionalExponent,
    /// A written number has more digits after the point than can be kept.
    TooManyDigits,
    /// The text is not a number.
    Malformed,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "overflow: a number has at most 28 digits",
            Self::DivisionByZero => "division by zero",
            Self::FractionalExponent => "the exponent must be a whole number",
            Self::TooManyDigits => "too many digits after the point: at most 28 can be kept",
            Self::Malformed => "not a number",
        })
    }
}

impl Error for NumberError {}

#[cfg(test)]
mod tests {
    use super::{Number, NumberError};

    fn number(text: &str) -> Number {
        match text.strip_prefix('-') {
            Some(positive) => Number::parse(positive).unwrap().negated(),
            None => Number::parse(text).unwrap(),
        }
    }

    #[test]
    fn written_numbers_are_kept_exactly_or_refused() {
        for (text, expected) in [
            ("5", "5"),
            ("0.10", "0.1"),
            (".25", "0.25"),
            ("000", "0"),
            ("1.000", "1"),
        ] {
            assert_eq!(number(text).to_string(), expected);
        }
        let most = "79228162514264337593543950335";
        assert_eq!(number(most).to_string(), most);
        for (text, expected) in [
            ("79228162514264337593543950336", NumberError::Overflow),
            ("99999999999999999999999999999999999", NumberError::Overflow),
            (
                "0.00000000000000000000000000001",
                NumberError::TooManyDigits,
            ),
            ("1.2.3", NumberError::Malformed),
            ("1e5", NumberError::Malformed),
            ("", NumberError::Malformed),
        ] {
            assert_eq!(Number::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn powers_are_exact_and_overflow_only_when_the_result_does() {
        for (base, exponent, expected) in [
            ("2", "95", Ok("39614081257132168796771975168")),
            ("2", "96", Err(NumberError::Overflow)),
            ("1.1", "2", Ok("1.21")),
            ("10", "-2", Ok("0.01")),
            ("0", "0", Ok("1")),
            ("0", "-1", Err(NumberError::DivisionByZero)),
            ("2", "0.5", Err(NumberError::FractionalExponent)),
            ("1", "9223372036854775807", Ok("1")),
            ("2", "99999999999999999999", Err(NumberError::Overflow)),
            ("-2", "3", Ok("-8")),
        ] {
            let power = number(base).power(number(exponent)).map(|n| n.to_string());
            assert_eq!(power, expected.map(str::to_owned), "{base} ^ {exponent}");
        }
    }

    #[test]
    fn a_half_is_rounded_away_from_zero_and_zero_has_no_sign() {
        assert_eq!(number("2.5").rounded(0), number("3"));
        assert_eq!(number("-2.5").rounded(0), number("-3"));
        assert_eq!(number("1.005").rounded(2), number("1.01"));
        assert_eq!(Number::ZERO.negated().to_string(), "0");
        assert_eq!(number("-0.4").ceiling().to_string(), "0");
        assert!(!number("-0.4").ceiling().is_negative());
    }
}
