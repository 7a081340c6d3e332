//! GetInstalledCertificateIds: which certificates are installed (whitepaper, M03)?

use super::delete_certificate::CertificateHashData;
use super::install_certificate::CertificateUse;

record! {
    pub struct Request {
        certificate_type as "certificateType": CertificateUse,
    }
}

text_enum! {
    /// The specification's GetInstalledCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        NotFound = "NotFound",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        certificate_hash_data as "certificateHashData": Option<Vec<CertificateHashData>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetInstalledCertificateIds";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn no_root_is_there() {
        let text = r#"{"certificateType":"CentralSystemRootCertificate"}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_type, CertificateUse::CentralSystemRootCertificate);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotFound"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn a_root_is_there() {
        let response: Response = clean(
            r#"{"status":"Accepted","certificateHashData":[{"hashAlgorithm":"SHA512","issuerNameHash":"a1","issuerKeyHash":"c3","serialNumber":"1f"}]}"#,
        );
        assert_eq!(response.certificate_hash_data.map(|certificates| certificates.len()), Some(1));
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "certificateType".into()));
    }
}
