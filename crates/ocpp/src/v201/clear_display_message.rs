//! ClearDisplayMessage: take a message from the display (O05).

use super::common::StatusInfo;

record! {
    pub struct Request {
        id as "id": i64,
    }
}

text_enum! {
    /// The specification's ClearMessageStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Unknown = "Unknown",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearDisplayMessage";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_message_is_taken_away() {
        let text = r#"{"id":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.id, 1);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Unknown"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "id".into()));
    }
}
