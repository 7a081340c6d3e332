//! What the tests of messages say.

use crate::{Decoded, ErrorCode, Payload};

/// The value of a payload that breaks nothing.
pub(crate) fn clean<P: Payload>(json: &str) -> P {
    let Decoded { value, violations } = P::decode_text(json).expect("readable");
    assert_eq!(violations, [], "{json}");
    value
}

/// The value of a payload that breaks something, and what it breaks.
pub(crate) fn noted<P: Payload>(json: &str) -> (P, Vec<String>) {
    let Decoded { value, violations } = P::decode_text(json).expect("readable");
    (value, violations.iter().map(ToString::to_string).collect())
}

/// The refusal: code and field.
pub(crate) fn refused<P: Payload>(json: &str) -> (ErrorCode, String) {
    match P::decode_text(json) {
        Ok(_) => panic!("was read: {json}"),
        Err(error) => (error.code, error.path.into()),
    }
}

pub(crate) fn json<P: Payload>(payload: &P) -> String {
    payload.encode().expect("writable").get().to_owned()
}

/// What is read and breaks nothing can be written, and reads as the same.
pub(crate) fn round_trip<P: Payload + PartialEq + std::fmt::Debug>(json: &str) {
    let Ok(decoded) = P::decode_text(json) else { return };
    if decoded.violations.is_empty() {
        let written = decoded.value.encode().expect("what breaks nothing can be written");
        let again = P::decode(&written).expect("what was written can be read");
        assert_eq!(again.violations, []);
        assert_eq!(again.value, decoded.value);
    }
}
