//! TriggerMessage: send me this message now (F06). It follows as a CALL of its own.

use super::common::{Evse, StatusInfo};

text_enum! {
    /// The specification's MessageTriggerEnumType.
    pub enum Requested {
        BootNotification = "BootNotification",
        LogStatusNotification = "LogStatusNotification",
        FirmwareStatusNotification = "FirmwareStatusNotification",
        Heartbeat = "Heartbeat",
        MeterValues = "MeterValues",
        SignChargingStationCertificate = "SignChargingStationCertificate",
        SignV2GCertificate = "SignV2GCertificate",
        StatusNotification = "StatusNotification",
        TransactionEvent = "TransactionEvent",
        SignCombinedCertificate = "SignCombinedCertificate",
        PublishFirmwareStatusNotification = "PublishFirmwareStatusNotification",
    }
}

record! {
    pub struct Request {
        requested_message as "requestedMessage": Requested,
        /// Left out: every EVSE that it makes sense for.
        evse as "evse": Option<Evse>,
    }
}

text_enum! {
    /// The specification's TriggerMessageStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        NotImplemented = "NotImplemented",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "TriggerMessage";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_message_is_asked_for() {
        let text = r#"{"requestedMessage":"StatusNotification","evse":{"id":1,"connectorId":1}}"#;
        let request: Request = clean(text);
        assert_eq!(request.requested_message, Requested::StatusNotification);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotImplemented"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"evse":{"id":1,"connectorId":1}}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestedMessage".into())
        );
    }
}
