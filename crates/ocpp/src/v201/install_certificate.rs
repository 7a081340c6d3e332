//! InstallCertificate: trust this root (M05).

use super::common::StatusInfo;
use crate::Text;

text_enum! {
    /// The specification's InstallCertificateUseEnumType.
    pub enum InstallCertificateUse {
        V2GRootCertificate = "V2GRootCertificate",
        MoRootCertificate = "MORootCertificate",
        CsmsRootCertificate = "CSMSRootCertificate",
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    }
}

record! {
    pub struct Request {
        certificate_type as "certificateType": InstallCertificateUse,
        /// One certificate in PEM.
        certificate as "certificate": Text<5500>,
    }
}

text_enum! {
    /// The specification's InstallCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Failed = "Failed",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "InstallCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_root_is_installed() {
        let text = r#"{"certificateType":"CSMSRootCertificate","certificate":"-----BEGIN CERTIFICATE-----"}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_type, InstallCertificateUse::CsmsRootCertificate);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"certificate":"-----BEGIN CERTIFICATE-----"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "certificateType".into())
        );
    }
}
