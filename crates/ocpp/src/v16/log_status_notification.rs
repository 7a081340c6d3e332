//! LogStatusNotification: how an upload of a log goes (whitepaper, N01).

text_enum! {
    /// The specification's UploadLogStatusEnumType.
    pub enum Status {
        BadMessage = "BadMessage",
        Idle = "Idle",
        NotSupportedOperation = "NotSupportedOperation",
        PermissionDenied = "PermissionDenied",
        Uploaded = "Uploaded",
        UploadFailure = "UploadFailure",
        Uploading = "Uploading",
    }
}

record! {
    pub struct Request {
        status as "status": Status,
        /// Left out only when idle.
        request_id as "requestId": Option<i64>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "LogStatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_log_is_uploaded() {
        let text = r#"{"status":"Uploaded","requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.request_id, Some(5));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"requestId":5}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "status".into())
        );
    }
}
