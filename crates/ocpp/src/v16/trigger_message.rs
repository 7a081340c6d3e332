//! TriggerMessage: send me this message now (§ 5.17, § 6.51).

text_enum! {
    /// The specification's MessageTrigger.
    pub enum Requested {
        BootNotification = "BootNotification",
        DiagnosticsStatusNotification = "DiagnosticsStatusNotification",
        FirmwareStatusNotification = "FirmwareStatusNotification",
        Heartbeat = "Heartbeat",
        MeterValues = "MeterValues",
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
    /// The specification's TriggerMessageStatus.
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
    const ACTION: &'static str = "TriggerMessage";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn a_message_is_asked_for() {
        let request = Request { requested_message: Requested::StatusNotification, connector_id: Some(2) };
        assert_eq!(json(&request), r#"{"requestedMessage":"StatusNotification","connectorId":2}"#);
        assert_eq!(clean::<Response>(r#"{"status":"NotImplemented"}"#).status, Status::NotImplemented);
    }
}
