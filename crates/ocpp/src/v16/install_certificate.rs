//! InstallCertificate: trust this root (whitepaper, M05).

use crate::Text;

text_enum! {
    /// The specification's CertificateUseEnumType.
    pub enum CertificateUse {
        CentralSystemRootCertificate = "CentralSystemRootCertificate",
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    }
}

record! {
    pub struct Request {
        certificate_type as "certificateType": CertificateUse,
        /// One certificate in PEM.
        certificate as "certificate": Text<5500>,
    }
}

text_enum! {
    /// The specification's InstallCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "InstallCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_root_is_installed() {
        let text = r#"{"certificateType":"CentralSystemRootCertificate","certificate":"-----BEGIN CERTIFICATE-----"}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_type, CertificateUse::CentralSystemRootCertificate);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"certificateType":"CentralSystemRootCertificate"}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "certificate".into())
        );
    }
}
