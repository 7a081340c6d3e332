//! FirmwareStatusNotification: how an update of the firmware goes (§ 4.5).

text_enum! {
    /// The specification's FirmwareStatus.
    pub enum Status {
        Downloaded = "Downloaded",
        DownloadFailed = "DownloadFailed",
        Downloading = "Downloading",
        Idle = "Idle",
        InstallationFailed = "InstallationFailed",
        Installing = "Installing",
        Installed = "Installed",
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
    const ACTION: &'static str = "FirmwareStatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_update_goes_on() {
        let text = r#"{"status":"Installing"}"#;
        let request: Request = clean(text);
        assert_eq!(request.status, Status::Installing);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "status".into()));
    }
}
