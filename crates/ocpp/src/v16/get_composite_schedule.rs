//! GetCompositeSchedule: what all caps together allow (§ 5.7).

use super::common::Acceptance;
use super::set_charging_profile::{RateUnit, Schedule};
use crate::Timestamp;

record! {
    #[derive(Default)]
    pub struct Request {
        /// 0: the whole charge point.
        connector_id as "connectorId": u32,
        duration_s as "duration": u32,
        charging_rate_unit as "chargingRateUnit": Option<RateUnit>,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
        connector_id as "connectorId": Option<u32>,
        schedule_start as "scheduleStart": Option<Timestamp>,
        schedule as "chargingSchedule": Option<Schedule>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetCompositeSchedule";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_hour_ahead() {
        let text = r#"{"connectorId":1,"duration":3600,"chargingRateUnit":"W"}"#;
        let request: Request = clean(text);
        assert_eq!((request.connector_id, request.duration_s), (1, 3600));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted","connectorId":1,"scheduleStart":"2026-11-22T12:00:00.000Z","chargingSchedule":{"duration":3600,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}]}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"connectorId":1,"chargingRateUnit":"W"}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "duration".into())
        );
    }
}
