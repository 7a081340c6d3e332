//! CertificateSigned: the certificate that SignCertificate asked for (whitepaper, A02).

use super::common::Acceptance;
use crate::Text;

record! {
    pub struct Request {
        /// PEM, the leaf first.
        certificate_chain as "certificateChain": Text<10000>,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "CertificateSigned";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_certificate_is_handed_over() {
        let text = r#"{"certificateChain":"-----BEGIN CERTIFICATE-----"}"#;
        let request: Request = clean(text);
        assert!(request.certificate_chain.starts_with("-----BEGIN"));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "certificateChain".into()));
    }
}
