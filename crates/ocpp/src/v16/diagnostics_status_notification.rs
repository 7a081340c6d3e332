//! DiagnosticsStatusNotification: how an upload of diagnostics goes (§ 4.4).

text_enum! {
    /// The specification's DiagnosticsStatus.
    pub enum Status {
        Idle = "Idle",
        Uploaded = "Uploaded",
        UploadFailed = "UploadFailed",
        Uploading = "Uploading",
    }
}

record! {
    pub struct Request {
        status as "status": Status,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "DiagnosticsStatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn diagnostics_are_uploaded() {
        let text = r#"{"status":"Uploaded"}"#;
        let request: Request = clean(text);
        assert_eq!(request.status, Status::Uploaded);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "status".into()));
    }
}
