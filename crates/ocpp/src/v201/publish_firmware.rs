//! PublishFirmware: a local controller is to publish a firmware (L03).

use super::common::{GenericStatus, StatusInfo};
use crate::Text;

record! {
    #[derive(Default)]
    pub struct Request {
        location as "location": Text<512>,
        /// MD5 of the file, in hexadecimal.
        checksum as "checksum": Text<32>,
        request_id as "requestId": i64,
        retries as "retries": Option<u32>,
        retry_interval_s as "retryInterval": Option<u32>,
    }
}

record! {
    pub struct Response {
        status as "status": GenericStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "PublishFirmware";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_firmware_for_the_site() {
        let text = r#"{"location":"https://fw.example/2.bin","checksum":"d41d8cd98f00b204e9800998ecf8427e","requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.request_id, 5);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"checksum":"d41d8cd98f00b204e9800998ecf8427e","requestId":5}"#),
            (ErrorCode::OccurrenceConstraintViolation, "location".into())
        );
    }
}
