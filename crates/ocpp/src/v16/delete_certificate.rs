//! DeleteCertificate: remove a certificate (whitepaper, M04).

use crate::Text;

text_enum! {
    /// The specification's HashAlgorithmEnumType.
    pub enum HashAlgorithm {
        Sha256 = "SHA256",
        Sha384 = "SHA384",
        Sha512 = "SHA512",
    }
}

record! {
    /// The specification's CertificateHashDataType.
    pub struct CertificateHashData {
        hash_algorithm as "hashAlgorithm": HashAlgorithm,
        issuer_name_hash as "issuerNameHash": Text<128>,
        issuer_key_hash as "issuerKeyHash": Text<128>,
        serial_number as "serialNumber": Text<40>,
    }
}

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
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "DeleteCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_root_is_removed() {
        let text = r#"{"certificateHashData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_hash_data.hash_algorithm, HashAlgorithm::Sha256);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotFound"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "certificateHashData".into())
        );
    }
}
