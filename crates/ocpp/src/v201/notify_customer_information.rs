//! NotifyCustomerInformation: what the station knows about a customer, in parts (N09).

use crate::{Text, Timestamp};

record! {
    pub struct Request {
        data as "data": Text<512>,
        seq_no as "seqNo": i64,
        generated_at as "generatedAt": Timestamp,
        request_id as "requestId": i64,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyCustomerInformation";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_part_of_what_is_known() {
        let text = r#"{"data":"nothing","seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.data, "nothing");
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","requestId":5}"#),
            (ErrorCode::OccurrenceConstraintViolation, "data".into())
        );
    }
}
