//! CertificateSigned: the certificate that SignCertificate asked for (A02).

use super::certificates::CertificateSigningUse;
use super::common::StatusInfo;
use crate::Text;

record! {
    pub struct Request {
        /// PEM, the leaf first.
        certificate_chain as "certificateChain": Text<10000>,
        certificate_type as "certificateType": Option<CertificateSigningUse>,
    }
}

text_enum! {
    /// The specification's CertificateSignedStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "CertificateSigned";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_certificate_is_handed_over() {
        let text = r#"{"certificateChain":"-----BEGIN CERTIFICATE-----","certificateType":"ChargingStationCertificate"}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_type, Some(CertificateSigningUse::ChargingStationCertificate));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"certificateType":"ChargingStationCertificate"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "certificateChain".into())
        );
    }
}
