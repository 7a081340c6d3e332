//! GetDisplayMessages: which messages does the display have (O03, O04)?

use super::common::{Many, StatusInfo};
use super::display::{MessagePriority, MessageState};

record! {
    #[derive(Default)]
    pub struct Request {
        request_id as "requestId": i64,
        id as "id": Option<Many<i64>>,
        priority as "priority": Option<MessagePriority>,
        state as "state": Option<MessageState>,
    }
}

text_enum! {
    /// The specification's GetDisplayMessagesStatusEnumType.
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
    const ACTION: &'static str = "GetDisplayMessages";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn all_in_front() {
        let text = r#"{"requestId":5,"priority":"AlwaysFront"}"#;
        let request: Request = clean(text);
        assert_eq!(request.priority, Some(MessagePriority::AlwaysFront));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Unknown"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"priority":"AlwaysFront"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
