//! SetDisplayMessage: show this (O01, O02, O06).

use super::common::StatusInfo;
use super::display::MessageInfo;

record! {
    pub struct Request {
        message as "message": MessageInfo,
    }
}

text_enum! {
    /// The specification's DisplayMessageStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        NotSupportedMessageFormat = "NotSupportedMessageFormat",
        Rejected = "Rejected",
        NotSupportedPriority = "NotSupportedPriority",
        NotSupportedState = "NotSupportedState",
        UnknownTransaction = "UnknownTransaction",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetDisplayMessage";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_greeting() {
        let text = r#"{"message":{"id":1,"priority":"NormalCycle","message":{"format":"UTF8","content":"Кош келиңиз","language":"ky"},"state":"Idle"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.message.id, 1);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotSupportedPriority"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "message".into()));
    }
}
