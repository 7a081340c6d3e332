//! PublishFirmwareStatusNotification: how a local controller publishes a firmware (L03).

use super::common::Many;
use crate::Text;

text_enum! {
    /// The specification's PublishFirmwareStatusEnumType.
    pub enum Status {
        Idle = "Idle",
        DownloadScheduled = "DownloadScheduled",
        Downloading = "Downloading",
        Downloaded = "Downloaded",
        Published = "Published",
        DownloadFailed = "DownloadFailed",
        DownloadPaused = "DownloadPaused",
        InvalidChecksum = "InvalidChecksum",
        ChecksumVerified = "ChecksumVerified",
        PublishFailed = "PublishFailed",
    }
}

record! {
    pub struct Request {
        status as "status": Status,
        location as "location": Option<Many<Text<512>>>,
        request_id as "requestId": Option<i64>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "PublishFirmwareStatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_firmware_is_published() {
        let text = r#"{"status":"Published","location":["http://controller.example/fw.bin"],"requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.status, Status::Published);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"location":["http://controller.example/fw.bin"],"requestId":5}"#),
            (ErrorCode::OccurrenceConstraintViolation, "status".into())
        );
    }
}
