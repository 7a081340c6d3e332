//! Integers in payloads. Energy registers and transaction ids are `i64`: the standard says "integer", chargers go beyond 32 bits.
//!
//! The schemas bound none of them. A number that is out of range is noted and taken for the nearest (a register that was never
//! set), or for the greatest where a negative one would mean something else: no connector has that number. A refusal would make
//! the charger repeat it for ever.

use serde_json::Value;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::{Decimal, DecodeError};

const OUT_OF_RANGE: &str = "is out of range";

impl Field for i64 {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let Value::Number(number) = value else { return Err(wrong_type(value, path, "an integer")) };
        if let Some(integer) = number.as_i64() {
            return Ok(integer);
        }
        // Some chargers write 1234.0, or a meter register with a fraction. The fraction is cut off.
        match Decimal::parse(&number.to_string()) {
            Some(decimal) => {
                notes.add(path, "has a fraction or an exponent, must be an integer");
                Ok(decimal.trunc())
            }
            None => {
                notes.add(path, OUT_OF_RANGE);
                Ok(if number.as_f64().is_some_and(|n| n < 0.0) { Self::MIN } else { Self::MAX })
            }
        }
    }
}

macro_rules! narrow {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
                let integer = i64::read(value, path, notes)?;
                Ok(<$ty>::try_from(integer).unwrap_or_else(|_| {
                    notes.add(path, OUT_OF_RANGE);
                    Self::MAX
                }))
            }
        }
    )*};
}
// u32 for what cannot be negative: connector ids, seconds, indexes. i32 where the standard's own type is enough.
narrow!(u32, i32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use serde_json::json;

    fn read<T: Field>(value: Value) -> (Result<T, ErrorCode>, usize) {
        let mut notes = Notes::default();
        let read = T::read(&value, &Path::ROOT, &mut notes).map_err(|error| error.code);
        (read, notes.into_violations().len())
    }

    #[test]
    fn integers_and_what_passes_for_them() {
        assert_eq!(read::<i64>(json!(-5)), (Ok(-5), 0));
        assert_eq!(read::<i64>(json!(1234.0)), (Ok(1234), 1));
        assert_eq!(read::<i64>(json!(1234.9)), (Ok(1234), 1));
        assert_eq!(read::<i64>(json!("7")), (Err(ErrorCode::TypeConstraintViolation), 0));
        assert_eq!(read::<u32>(json!(-1)), (Ok(u32::MAX), 1));
        assert_eq!(read::<i64>(json!(u64::MAX)), (Ok(i64::MAX), 1));
        assert_eq!(read::<i64>(json!(-1e300)), (Ok(i64::MIN), 1));
    }
}
