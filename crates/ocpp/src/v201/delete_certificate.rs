//! DeleteCertificate: remove a certificate (M04).

use super::certificates::CertificateHashData;
use super::common::StatusInfo;

record! {
    pub struct Request {
        certificate_hash_data as "certificateHashData": CertificateHashData,
    }
}

text_enum! {
    /// The specification's DeleteCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
        NotFound = "NotFound",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "DeleteCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_root_is_removed() {
        let text = r#"{"certificateHashData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_hash_data.hash_algorithm.as_str(), "SHA256");
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotFound"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "certificateHashData".into()));
    }
}
