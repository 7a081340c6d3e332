//! FirmwareStatusNotification: how an update of the firmware goes (L01).

text_enum! {
    /// The specification's FirmwareStatusEnumType.
    pub enum Status {
        Downloaded = "Downloaded",
        DownloadFailed = "DownloadFailed",
        Downloading = "Downloading",
        DownloadScheduled = "DownloadScheduled",
        DownloadPaused = "DownloadPaused",
        Idle = "Idle",
        InstallationFailed = "InstallationFailed",
        Installing = "Installing",
        Installed = "Installed",
        InstallRebooting = "InstallRebooting",
        InstallScheduled = "InstallScheduled",
        InstallVerificationFailed = "InstallVerificationFailed",
        InvalidSignature = "InvalidSignature",
        SignatureVerified = "SignatureVerified",
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
    const ACTION: &'static str = "FirmwareStatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_update_goes_on() {
        let text = r#"{"status":"InstallRebooting","requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.status, Status::InstallRebooting);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{"requestId":5}"#), (ErrorCode::OccurrenceConstraintViolation, "status".into()));
    }
}
