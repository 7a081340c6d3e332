//! SignCertificate: the charge point wants a certificate (whitepaper, A02). It comes by CertificateSigned.

use super::common::Acceptance;
use crate::Text;

record! {
    pub struct Request {
        /// PKCS #10 in PEM.
        csr as "csr": Text<5500>,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SignCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_request_to_sign() {
        let text = r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}"#;
        let request: Request = clean(text);
        assert!(request.csr.starts_with("-----BEGIN"));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "csr".into()));
    }
}
