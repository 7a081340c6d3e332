//! Integers in payloads. Energy registers and transaction ids are `i64`: the standard says "integer", chargers go beyond 32 bits.

use serde_json::Value;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::{Decimal, DecodeError, ErrorCode};

fn out_of_range(path: &Path<'_>) -> DecodeError {
    DecodeError::new(ErrorCode::PropertyConstraintViolation, path, "is out of range")
}

impl Field for i64 {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let Value::Number(number) = value else { return Err(wrong_type(value, path, "an integer")) };
        if let Some(integer) = number.as_i64() {
            return Ok(integer);
        }
        // Some chargers write 1234.0, or a meter register with a fraction. The fraction is cut off.
        let decimal = Decimal::parse(&number.to_string()).ok_or_else(|| out_of_range(path))?;
        notes.add(path, "has a fraction or an exponent, must be an integer");
        Ok(decimal.trunc())
    }
}

macro_rules! narrow {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
                <$ty>::try_from(i64::read(value, path, notes)?).map_err(|_| out_of_range(path))
            }
        }
    )*};
}
// u32 for what cannot be negative: connector ids, seconds, indexes. i32 where the standard's own type is enough.
narrow!(u32, i32);

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(read::<u32>(json!(-1)), (Err(ErrorCode::PropertyConstraintViolation), 0));
        assert_eq!(read::<i64>(json!(u64::MAX)), (Err(ErrorCode::PropertyConstraintViolation), 0));
    }
}
