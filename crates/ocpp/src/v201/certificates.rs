//! How certificates are named without being sent.

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
    /// The specification's OCSPRequestDataType.
    pub struct OcspRequestData {
        hash_algorithm as "hashAlgorithm": HashAlgorithm,
        issuer_name_hash as "issuerNameHash": Text<128>,
        issuer_key_hash as "issuerKeyHash": Text<128>,
        serial_number as "serialNumber": Text<40>,
        responder_url as "responderURL": Text<512>,
    }
}

text_enum! {
    /// The specification's CertificateSigningUseEnumType.
    pub enum CertificateSigningUse {
        ChargingStationCertificate = "ChargingStationCertificate",
        V2GCertificate = "V2GCertificate",
    }
}
