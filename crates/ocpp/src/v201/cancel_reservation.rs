//! CancelReservation: forget a reservation (H02).

use super::common::StatusInfo;

record! {
    pub struct Request {
        reservation_id as "reservationId": i64,
    }
}

text_enum! {
    /// The specification's CancelReservationStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "CancelReservation";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_reservation_is_dropped() {
        let text = r#"{"reservationId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.reservation_id, 5);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Rejected"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "reservationId".into()));
    }
}
