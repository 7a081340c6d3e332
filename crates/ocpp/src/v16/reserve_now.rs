//! ReserveNow: keep a connector for this idTag (§ 5.13).

use super::IdTag;
use crate::Timestamp;

record! {
    pub struct Request {
        /// 0: any connector.
        connector_id as "connectorId": u32,
        expiry_date as "expiryDate": Timestamp,
        id_tag as "idTag": IdTag,
        parent_id_tag as "parentIdTag": Option<IdTag>,
        /// Made by the central system; the same again replaces the reservation.
        reservation_id as "reservationId": i64,
    }
}

text_enum! {
    /// The specification's ReservationStatus.
    pub enum Status {
        Accepted = "Accepted",
        Faulted = "Faulted",
        Occupied = "Occupied",
        Rejected = "Rejected",
        Unavailable = "Unavailable",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ReserveNow";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_connector_is_kept() {
        let text = r#"{"connectorId":1,"expiryDate":"2026-11-22T12:00:00.000Z","idTag":"B-1","reservationId":5}"#;
        let request: Request = clean(text);
        assert_eq!((request.connector_id, request.reservation_id), (1, 5));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Occupied"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"connectorId":1,"expiryDate":"2026-11-22T12:00:00.000Z","reservationId":5}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "idTag".into())
        );
    }
}
