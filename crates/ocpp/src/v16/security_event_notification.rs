//! SecurityEventNotification: something that staff should look at (whitepaper, A04).

use crate::{Text, Timestamp};

record! {
    pub struct Request {
        kind as "type": Text<50>,
        timestamp as "timestamp": Timestamp,
        tech_info as "techInfo": Option<Text<255>>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "SecurityEventNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_door_is_opened() {
        let text = r#"{"type":"TamperDetectionActivated","timestamp":"2026-11-22T12:00:00.000Z"}"#;
        let request: Request = clean(text);
        assert_eq!(request.kind, "TamperDetectionActivated");
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"timestamp":"2026-11-22T12:00:00.000Z"}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "type".into())
        );
    }
}
