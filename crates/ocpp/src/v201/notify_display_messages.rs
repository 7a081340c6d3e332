//! NotifyDisplayMessages: the messages that a display has, in parts (O03, O04).

use super::common::Many;
use super::display::MessageInfo;

record! {
    #[derive(Default)]
    pub struct Request {
        request_id as "requestId": i64,
        message_info as "messageInfo": Option<Many<MessageInfo>>,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyDisplayMessages";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_display_tells() {
        let text = r#"{"requestId":5,"messageInfo":[{"id":1,"priority":"NormalCycle","message":{"format":"UTF8","content":"Кош келиңиз","language":"ky"}}],"tbc":false}"#;
        let request: Request = clean(text);
        assert_eq!(request.message_info.as_ref().map(|messages| messages.len()), Some(1));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"messageInfo":[{"id":1,"priority":"NormalCycle","message":{"format":"UTF8","content":"Кош келиңиз","language":"ky"}}],"tbc":false}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
