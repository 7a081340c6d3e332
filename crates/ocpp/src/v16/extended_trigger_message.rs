//! ExtendedTriggerMessage: send me this message now, the whitepaper's too (whitepaper, F06).

text_enum! {
    /// The specification's MessageTriggerEnumType.
    pub enum Requested {
        BootNotification = "BootNotification",
        LogStatusNotification = "LogStatusNotification",
        FirmwareStatusNotification = "FirmwareStatusNotification",
        Heartbeat = "Heartbeat",
        MeterValues = "MeterValues",
        SignChargePointCertificate = "SignChargePointCertificate",
        StatusNotification = "StatusNotification",
    }
}

record! {
    pub struct Request {
        requested_message as "requestedMessage": Requested,
        /// Left out: all connectors.
        connector_id as "connectorId": Option<u32>,
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
        /// The message itself follows as a CALL of its own.
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ExtendedTriggerMessage";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_new_certificate_is_asked_for() {
        let text = r#"{"requestedMessage":"SignChargePointCertificate"}"#;
        let request: Request = clean(text);
        assert_eq!(request.requested_message, Requested::SignChargePointCertificate);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotImplemented"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "requestedMessage".into()));
    }
}
