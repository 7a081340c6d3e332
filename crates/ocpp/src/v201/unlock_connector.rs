//! UnlockConnector: let go of a cable (F05).

use super::common::StatusInfo;

record! {
    pub struct Request {
        evse_id as "evseId": u32,
        connector_id as "connectorId": u32,
    }
}

text_enum! {
    /// The specification's UnlockStatusEnumType.
    pub enum Status {
        Unlocked = "Unlocked",
        UnlockFailed = "UnlockFailed",
        OngoingAuthorizedTransaction = "OngoingAuthorizedTransaction",
        UnknownConnector = "UnknownConnector",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "UnlockConnector";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_cable_is_freed() {
        let text = r#"{"evseId":1,"connectorId":1}"#;
        let request: Request = clean(text);
        assert_eq!((request.evse_id, request.connector_id), (1, 1));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"OngoingAuthorizedTransaction"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{"connectorId":1}"#), (ErrorCode::OccurrenceConstraintViolation, "evseId".into()));
    }
}
