//! SignCertificate: the station wants a certificate (A02). It comes by CertificateSigned.

use super::certificates::CertificateSigningUse;
use super::common::{GenericStatus, StatusInfo};
use crate::Text;

record! {
    pub struct Request {
        /// PKCS #10 in PEM.
        csr as "csr": Text<5500>,
        certificate_type as "certificateType": Option<CertificateSigningUse>,
    }
}

record! {
    pub struct Response {
        status as "status": GenericStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SignCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_request_to_sign() {
        let text = r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----","certificateType":"ChargingStationCertificate"}"#;
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
            (ErrorCode::OccurrenceConstraintViolation, "csr".into())
        );
    }
}
