//! Decimal numbers in thousandths: what meters send, without floats.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::{DecodeError, ErrorCode};

/// Digits before the decimal point that are believed; more would not fit into `i64` thousandths.
const MAX_WHOLE_DIGITS: usize = 15;

/// A decimal number in thousandths. Digits beyond the third are cut off, towards zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i64);

impl Decimal {
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// `None` when it does not fit.
    pub fn from_whole(whole: i64) -> Option<Self> {
        whole.checked_mul(1000).map(Self)
    }

    pub const fn milli(self) -> i64 {
        self.0
    }

    /// The whole part, towards zero.
    pub const fn trunc(self) -> i64 {
        self.0 / 1000
    }

    /// The number times ten to the power of `exponent`; what falls below a thousandth is cut off. `None` when it does not fit.
    pub fn times_ten_to(self, exponent: i32) -> Option<Self> {
        let factor = 10_i64.checked_pow(exponent.unsigned_abs());
        match (self.0, factor) {
            (0, _) => Some(self),
            (milli, Some(factor)) if exponent >= 0 => milli.checked_mul(factor).map(Self),
            (milli, Some(factor)) => Some(Self(milli / factor)),
            (_, None) => (exponent < 0).then_some(Self(0)),
        }
    }

    /// The nearest whole number, halves away from zero.
    pub const fn round(self) -> i64 {
        let half = if self.0 < 0 { -500 } else { 500 };
        self.0.saturating_add(half) / 1000
    }

    /// Reads `12`, `-0.5`, `+3.25`, `.5`, `5.`, `1e3`, `1,5` (a comma for the point), with white space around. Anything else,
    /// or more than fifteen digits before the point, is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        };
        let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // The point stands after `point` digits of whole ++ fraction; thousandths need three more.
        let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
        let mut milli: i64 = 0;
        let mut significant = 0;
        let mut digits = whole.bytes().chain(fraction.bytes());
        let mut position = 0;
        // An exponent can ask for zeros that are not written, but never for more than the limit allows.
        while position < point + 3 {
            let digit = digits.next();
            if digit.is_none() && milli == 0 {
                break;
            }
            let digit = i64::from(digit.unwrap_or(b'0') - b'0');
            if milli != 0 || digit != 0 {
                significant += 1;
            }
            if significant > MAX_WHOLE_DIGITS + 3 {
                return None;
            }
            milli = milli * 10 + digit;
            position += 1;
        }
        Some(Self(if negative { -milli } else { milli }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:03}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// A JSON number, written from integers.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl Field for Decimal {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => {
                notes.add(path, "a string, must be a number");
                text.clone()
            }
            other => return Err(wrong_type(other, path, "a number")),
        };
        Self::parse(&text).ok_or_else(|| match value {
            Value::Number(_) => DecodeError::new(ErrorCode::PropertyConstraintViolation, path, "is out of range"),
            other => wrong_type(other, path, "a number"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn milli(text: &str) -> Option<i64> {
        Decimal::parse(text).map(Decimal::milli)
    }

    #[test]
    fn what_meters_write() {
        assert_eq!(milli("12"), Some(12_000));
        assert_eq!(milli(" 12.3456 "), Some(12_345));
        assert_eq!(milli("-0.5"), Some(-500));
        assert_eq!(milli("1,5"), Some(1_500));
        assert_eq!(milli(".5"), Some(500));
        assert_eq!(milli("5."), Some(5_000));
        assert_eq!(milli("1e3"), Some(1_000_000));
        assert_eq!(milli("1.5E-2"), Some(15));
        assert_eq!(milli("0e9999"), Some(0));
        assert_eq!(milli("000000000000000000000012"), Some(12_000));
        for bad in ["", " ", "-", ".", "NaN", "Infinity", "1.2.3", "12 kWh", "0x1F", "1e", "1e99", "9999999999999999"] {
            assert_eq!(milli(bad), None, "{bad}");
        }
    }

    #[test]
    fn rounding_and_writing() {
        assert_eq!(Decimal::from_milli(79_600).round(), 80);
        assert_eq!(Decimal::from_milli(-79_600).round(), -80);
        assert_eq!(Decimal::from_milli(79_999).trunc(), 79);
        assert_eq!(Decimal::from_milli(-1_050).to_string(), "-1.05");
        assert_eq!(serde_json::to_string(&Decimal::from_milli(16_500)).unwrap(), "16.5");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") { let _ = Decimal::parse(&text); }

        #[test]
        fn never_panics_on_near_numbers(text in "[-+]?[0-9]{0,25}[.,]?[0-9]{0,25}([eE][-+]?[0-9]{1,6})?") { let _ = Decimal::parse(&text); }

        #[test]
        fn written_is_read(number in -999_999_999_999_999_999_i64..=999_999_999_999_999_999) {
            prop_assert_eq!(milli(&Decimal::from_milli(number).to_string()), Some(number));
        }
    }
}
