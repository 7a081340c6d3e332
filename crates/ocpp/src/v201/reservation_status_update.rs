//! ReservationStatusUpdate: a reservation ended without a charge (H04).

text_enum! {
    /// The specification's ReservationUpdateStatusEnumType.
    pub enum ReservationUpdateStatus {
        Expired = "Expired",
        Removed = "Removed",
    }
}

record! {
    pub struct Request {
        reservation_id as "reservationId": i64,
        reservation_update_status as "reservationUpdateStatus": ReservationUpdateStatus,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "ReservationStatusUpdate";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_reservation_expires() {
        let text = r#"{"reservationId":5,"reservationUpdateStatus":"Expired"}"#;
        let request: Request = clean(text);
        assert_eq!(request.reservation_update_status, ReservationUpdateStatus::Expired);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"reservationUpdateStatus":"Expired"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "reservationId".into())
        );
    }
}
