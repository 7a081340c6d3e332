//! ChangeAvailability: take a station, an EVSE or a connector out of service, or back (G03, G04).

use super::common::{Evse, StatusInfo};

text_enum! {
    /// The specification's OperationalStatusEnumType.
    pub enum OperationalStatus {
        Inoperative = "Inoperative",
        Operative = "Operative",
    }
}

record! {
    pub struct Request {
        operational_status as "operationalStatus": OperationalStatus,
        /// Left out: the whole station.
        evse as "evse": Option<Evse>,
    }
}

text_enum! {
    /// The specification's ChangeAvailabilityStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Scheduled = "Scheduled",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ChangeAvailability";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn out_of_service_after_the_transaction() {
        let text = r#"{"operationalStatus":"Inoperative","evse":{"id":1}}"#;
        let request: Request = clean(text);
        assert_eq!(request.operational_status, OperationalStatus::Inoperative);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Scheduled"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"evse":{"id":1}}"#),
            (ErrorCode::OccurrenceConstraintViolation, "operationalStatus".into())
        );
    }
}
