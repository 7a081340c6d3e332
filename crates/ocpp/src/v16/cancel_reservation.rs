//! CancelReservation: forget a reservation (§ 5.1).

use super::common::Acceptance;

record! {
    pub struct Request {
        reservation_id as "reservationId": i64,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "CancelReservation";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(refused::<Request>(r#"{}"#), (crate::ErrorCode::OccurrenceConstraintViolation, "reservationId".into()));
    }
}
