//! GetInstalledCertificateIds: which certificates are installed (M03)?

use super::certificates::CertificateHashData;
use super::common::{Many, StatusInfo};

text_enum! {
    /// The specification's GetCertificateIdUseEnumType.
    pub enum GetCertificateIdUse {
        V2GRootCertificate = "V2GRootCertificate",
        MoRootCertificate = "MORootCertificate",
        CsmsRootCertificate = "CSMSRootCertificate",
        V2GCertificateChain = "V2GCertificateChain",
        ManufacturerRootCertificate = "ManufacturerRootCertificate",
    }
}

record! {
    pub struct Request {
        certificate_type as "certificateType": Option<Many<GetCertificateIdUse>>,
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
    /// The specification's CertificateHashDataChainType.
    pub struct CertificateHashDataChain {
        certificate_hash_data as "certificateHashData": CertificateHashData,
        certificate_type as "certificateType": GetCertificateIdUse,
        child_certificate_hash_data as "childCertificateHashData": Option<Many<CertificateHashData, 4>>,
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
        certificate_hash_data_chain as "certificateHashDataChain": Option<Many<CertificateHashDataChain>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetInstalledCertificateIds";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json};

    #[test]
    fn a_root_is_there() {
        let text = r#"{"certificateType":["CSMSRootCertificate"]}"#;
        let request: Request = clean(text);
        assert_eq!(request.certificate_type.as_ref().map(|kinds| kinds.len()), Some(1));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted","certificateHashDataChain":[{"certificateHashData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f"},"certificateType":"CSMSRootCertificate"}]}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
