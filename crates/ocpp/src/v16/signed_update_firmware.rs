//! SignedUpdateFirmware: install this signed firmware (whitepaper, L01).

use crate::{Text, Timestamp};

record! {
    /// The specification's FirmwareType.
    pub struct Firmware {
        location as "location": Text<512>,
        retrieve_date_time as "retrieveDateTime": Timestamp,
        install_date_time as "installDateTime": Option<Timestamp>,
        /// PEM.
        signing_certificate as "signingCertificate": Text<5500>,
        /// In base64.
        signature as "signature": Text<800>,
    }
}

record! {
    pub struct Request {
        /// How often to try again; left out, the charge point decides.
        retries as "retries": Option<u32>,
        retry_interval_s as "retryInterval": Option<u32>,
        request_id as "requestId": i64,
        firmware as "firmware": Firmware,
    }
}

text_enum! {
    /// The specification's UpdateFirmwareStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        AcceptedCanceled = "AcceptedCanceled",
        InvalidCertificate = "InvalidCertificate",
        RevokedCertificate = "RevokedCertificate",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SignedUpdateFirmware";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_signed_update() {
        let text = r#"{"requestId":5,"firmware":{"location":"https://fw.example/2.bin","retrieveDateTime":"2026-11-22T12:00:00.000Z","signingCertificate":"-----BEGIN CERTIFICATE-----","signature":"c2ln"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.firmware.signature, "c2ln");
        assert_eq!(json(&request), text);
        let text = r#"{"status":"InvalidCertificate"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"requestId":5}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "firmware".into())
        );
    }
}
