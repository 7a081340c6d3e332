//! StartTransaction: energy flows from now on (§ 4.8, § 6.45).

use super::{IdTag, IdTagInfo};
use crate::Timestamp;

record! {
    pub struct Request {
        /// Never 0: that is the charge point as a whole; what comes with 0 is for the receiver to judge.
        connector_id as "connectorId": u32,
        id_tag as "idTag": IdTag,
        meter_start_wh as "meterStart": i64,
        reservation_id as "reservationId": Option<i64>,
        timestamp as "timestamp": Timestamp,
    }
}

record! {
    pub struct Response {
        id_tag_info as "idTagInfo": IdTagInfo,
        transaction_id as "transactionId": i64,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "StartTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::v16::AuthorizationStatus;
    use crate::v16::common::testing::{clean, json, noted, refused};

    #[test]
    fn a_transaction_starts() {
        let request: Request = clean(r#"{"connectorId":1,"idTag":"TAG","meterStart":1500,"timestamp":"2026-11-22T12:00:00Z"}"#);
        assert_eq!((request.connector_id, request.meter_start_wh, request.reservation_id), (1, 1500, None));
        assert_eq!(
            json(&Response { id_tag_info: IdTagInfo::new(AuthorizationStatus::Accepted), transaction_id: 42 }),
            r#"{"idTagInfo":{"status":"Accepted"},"transactionId":42}"#
        );
    }

    #[test]
    fn a_local_time_and_a_fraction_of_a_watt_hour() {
        let (request, notes) =
            noted::<Request>(r#"{"connectorId":1,"idTag":"T","meterStart":1500.7,"timestamp":"2026-11-22T12:00:00"}"#);
        assert_eq!(request.meter_start_wh, 1500);
        assert_eq!(request.timestamp.claimed(), "2026-11-22T12:00:00");
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn an_unreadable_time_does_not_lose_the_transaction() {
        let (request, notes) = noted::<Request>(r#"{"connectorId":1,"idTag":"T","meterStart":-1,"timestamp":"00:00"}"#);
        assert_eq!((request.timestamp.instant(), request.meter_start_wh), (None, -1));
        assert_eq!(notes, ["timestamp: not a date and time"]);
    }

    #[test]
    fn a_connector_that_cannot_be_does_not_lose_the_transaction() {
        let (request, notes) =
            noted::<Request>(r#"{"connectorId":-1,"idTag":"T","meterStart":0,"timestamp":"2026-11-22T12:00:00Z"}"#);
        assert_eq!(request.connector_id, u32::MAX);
        assert_eq!(notes, ["connectorId: is out of range"]);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"connectorId":1,"meterStart":0,"timestamp":"2026-11-22T12:00:00Z"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "idTag".into())
        );
        assert_eq!(
            refused::<Request>(r#"{"connectorId":"1","idTag":"T","meterStart":0,"timestamp":"2026-11-22T12:00:00Z"}"#),
            (ErrorCode::TypeConstraintViolation, "connectorId".into())
        );
    }
}
