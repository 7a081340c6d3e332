//! Get15118EVCertificate: a vehicle wants a contract certificate (M01, M02).

use super::common::StatusInfo;
use crate::Text;

text_enum! {
    /// The specification's CertificateActionEnumType.
    pub enum CertificateAction {
        Install = "Install",
        Update = "Update",
    }
}

record! {
    pub struct Request {
        iso15118_schema_version as "iso15118SchemaVersion": Text<50>,
        action as "action": CertificateAction,
        /// From the vehicle, in base64; it is handed on as it is.
        exi_request as "exiRequest": Text<5600>,
    }
}

text_enum! {
    /// The specification's Iso15118EVCertificateStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Failed = "Failed",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        exi_response as "exiResponse": Text<7500>,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Get15118EVCertificate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_vehicle_asks() {
        let text = r#"{"iso15118SchemaVersion":"urn:iso:15118:2:2013:MsgDef","action":"Install","exiRequest":"gJgC"}"#;
        let request: Request = clean(text);
        assert_eq!(request.action, CertificateAction::Install);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Failed","exiResponse":"","statusInfo":{"reasonCode":"NotSupported"}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"action":"Install","exiRequest":"gJgC"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "iso15118SchemaVersion".into())
        );
    }
}
