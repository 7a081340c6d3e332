//! CALLs to charge points whose contents a person wrote: checked by the messages' own types before they go, and their answers read by
//! the same types.

use serde_json::value::RawValue;

use crate::{DecodeError, Decoded, EncodeError, Message, Payload as _, Violation};

/// Why a request written by a person is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToStationError {
    /// A part that must be there is missing or of another type.
    #[error("{0}")]
    Unreadable(#[from] DecodeError),
    /// It would be understood, and still breaks the standard: what is lenient towards chargers is strict towards ourselves.
    #[error("the message breaks the standard: {}", listed(.0))]
    Forbidden(Vec<Violation>),
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
}

fn listed(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A message to charge points, as the types of its version know it.
#[derive(Debug, Clone, Copy)]
pub struct ToStation {
    pub action: &'static str,
    request: fn(&str) -> Result<Box<RawValue>, ToStationError>,
    response: fn(&RawValue) -> Result<Vec<Violation>, DecodeError>,
}

impl ToStation {
    pub(crate) const fn of<M: Message>() -> Self {
        Self { action: M::ACTION, request: request::<M>, response: response::<M> }
    }

    /// The request as it may be sent.
    pub fn request(&self, json: &str) -> Result<Box<RawValue>, ToStationError> {
        (self.request)(json)
    }

    /// Whether a charge point's answer can be understood; what it broke.
    pub fn response(&self, payload: &RawValue) -> Result<Vec<Violation>, DecodeError> {
        (self.response)(payload)
    }
}

fn request<M: Message>(json: &str) -> Result<Box<RawValue>, ToStationError> {
    let Decoded { value, violations } = M::decode_text(json)?;
    if !violations.is_empty() {
        return Err(ToStationError::Forbidden(violations));
    }
    Ok(value.encode()?)
}

fn response<M: Message>(payload: &RawValue) -> Result<Vec<Violation>, DecodeError> {
    Ok(M::Response::decode(payload)?.violations)
}

/// The table of a version: the modules whose `Request` goes to charge points.
macro_rules! to_station {
    ($($module:ident)*) => {
        /// All messages to charge points, by the names of their actions.
        pub const TO_STATION: &[$crate::ToStation] = &[$($crate::ToStation::of::<$module::Request>()),*];

        #[cfg(test)]
        #[test]
        fn every_message_to_charge_points_is_in_the_table() {
            let mut actions: Vec<_> = Action::ALL.iter().filter(|a| a.direction().is_to_station()).map(|a| a.name()).collect();
            let mut table: Vec<_> = TO_STATION.iter().map(|message| message.action).collect();
            actions.sort_unstable();
            table.sort_unstable();
            assert_eq!(table, actions);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, v16, v201};

    fn written(table: &[ToStation], action: &str, json: &str) -> Result<String, ToStationError> {
        let message = table.iter().find(|message| message.action == action).unwrap();
        Ok(message.request(json)?.get().to_owned())
    }

    #[test]
    fn what_a_person_wrote_goes_as_the_standard_has_it() {
        let unlock = written(v16::TO_STATION, "UnlockConnector", r#" { "connectorId": 1 } "#);
        assert_eq!(unlock.unwrap(), r#"{"connectorId":1}"#);
        let version = written(v201::TO_STATION, "GetLocalListVersion", "{}");
        assert_eq!(version.unwrap(), "{}");
    }

    #[test]
    fn what_breaks_the_standard_does_not_go() {
        let missing = written(v16::TO_STATION, "UnlockConnector", "{}").unwrap_err();
        assert!(matches!(missing, ToStationError::Unreadable(e) if e.code == ErrorCode::OccurrenceConstraintViolation));
        let unknown = written(v16::TO_STATION, "Reset", r#"{"type":"Warm"}"#).unwrap_err();
        assert_eq!(unknown.to_string(), "the message breaks the standard: type: unknown value 'Warm'");
        let extra = written(v201::TO_STATION, "ClearCache", r#"{"now":true}"#).unwrap_err();
        assert!(matches!(extra, ToStationError::Forbidden(_)));
    }
}
