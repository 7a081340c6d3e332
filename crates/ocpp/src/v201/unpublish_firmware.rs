//! UnpublishFirmware: a local controller is to publish a firmware no more (L04).

use crate::Text;

record! {
    pub struct Request {
        /// That of PublishFirmware.
        checksum as "checksum": Text<32>,
    }
}

text_enum! {
    /// The specification's UnpublishFirmwareStatusEnumType.
    pub enum Status {
        DownloadOngoing = "DownloadOngoing",
        NoFirmware = "NoFirmware",
        Unpublished = "Unpublished",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "UnpublishFirmware";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_firmware_is_withdrawn() {
        let text = r#"{"checksum":"d41d8cd98f00b204e9800998ecf8427e"}"#;
        let request: Request = clean(text);
        assert_eq!(request.checksum.len(), 32);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NoFirmware"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "checksum".into()));
    }
}
