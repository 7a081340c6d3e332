//! Authorize: may this token charge (C01)?

use super::certificates::OcspRequestData;
use super::common::{IdToken, IdTokenInfo, Many};
use crate::Text;

record! {
    pub struct Request {
        id_token as "idToken": IdToken,
        certificate as "certificate": Option<Text<5500>>,
        iso15118_certificate_hash_data as "iso15118CertificateHashData": Option<Many<OcspRequestData, 4>>,
    }
}

text_enum! {
    /// The specification's AuthorizeCertificateStatusEnumType.
    pub enum AuthorizeCertificateStatus {
        Accepted = "Accepted",
        SignatureError = "SignatureError",
        CertificateExpired = "CertificateExpired",
        CertificateRevoked = "CertificateRevoked",
        NoCertificateAvailable = "NoCertificateAvailable",
        CertChainError = "CertChainError",
        ContractCancelled = "ContractCancelled",
    }
}

record! {
    pub struct Response {
        id_token_info as "idTokenInfo": IdTokenInfo,
        certificate_status as "certificateStatus": Option<AuthorizeCertificateStatus>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Authorize";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_card_is_shown() {
        let text = r#"{"idToken":{"idToken":"04A1B2C3","type":"ISO14443"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.id_token, IdToken::new(crate::v201::IdTokenType::Iso14443, "04A1B2C3"));
        assert_eq!(json(&request), text);
        let text = r#"{"idTokenInfo":{"status":"Accepted","cacheExpiryDateTime":"2026-11-23T12:00:00.000Z","groupIdToken":{"idToken":"FLEET","type":"Central"}}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn an_unreadable_token_is_refused() {
        assert_eq!(refused::<Request>(r#"{"idToken":"04A1B2C3"}"#), (ErrorCode::FormatViolation, "idToken".into()));
        assert_eq!(
            refused::<Request>(r#"{"idToken":{"idToken":4,"type":"Central"}}"#),
            (ErrorCode::TypeConstraintViolation, "idToken.idToken".into())
        );
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "idToken".into()));
    }
}
