//! UpdateFirmware: install this firmware (L01, L02).

use super::common::StatusInfo;
use crate::{Text, Timestamp};

record! {
    /// The specification's FirmwareType.
    pub struct Firmware {
        location as "location": Text<512>,
        retrieve_date_time as "retrieveDateTime": Timestamp,
        install_date_time as "installDateTime": Option<Timestamp>,
        signing_certificate as "signingCertificate": Option<Text<5500>>,
        signature as "signature": Option<Text<800>>,
    }
}

record! {
    pub struct Request {
        request_id as "requestId": i64,
        firmware as "firmware": Firmware,
        /// How often to try again; left out, the station decides.
        retries as "retries": Option<u32>,
        retry_interval_s as "retryInterval": Option<u32>,
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
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "UpdateFirmware";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_signed_update() {
        let text = r#"{"requestId":5,"firmware":{"location":"https://fw.example/2.bin","retrieveDateTime":"2026-11-22T12:00:00.000Z","signingCertificate":"-----BEGIN CERTIFICATE-----","signature":"c2ln"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.firmware.location, "https://fw.example/2.bin");
        assert_eq!(json(&request), text);
        let text = r#"{"status":"InvalidCertificate"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"firmware":{"location":"https://fw.example/2.bin","retrieveDateTime":"2026-11-22T12:00:00.000Z","signingCertificate":"-----BEGIN CERTIFICATE-----","signature":"c2ln"}}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
