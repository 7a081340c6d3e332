//! GetCertificateStatus: has this certificate been revoked (M06)?

use super::certificates::OcspRequestData;
use super::common::StatusInfo;
use crate::Text;

record! {
    pub struct Request {
        ocsp_request_data as "ocspRequestData": OcspRequestData,
    }
}

text_enum! {
    /// The specification's GetCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
        /// The OCSP response: DER in base64.
        ocsp_result as "ocspResult": Option<Text<5500>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetCertificateStatus";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_certificate_is_looked_up() {
        let text = r#"{"ocspRequestData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f","responderURL":"http://ocsp.example"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.ocsp_request_data.serial_number, "1f");
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Failed"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "ocspRequestData".into()));
    }
}
