//! NotifyEVChargingSchedule: how a vehicle means to charge (K15).

use super::common::{GenericStatus, StatusInfo};
use super::smart_charging::ChargingSchedule;
use crate::Timestamp;

record! {
    pub struct Request {
        time_base as "timeBase": Timestamp,
        charging_schedule as "chargingSchedule": ChargingSchedule,
        evse_id as "evseId": u32,
    }
}

record! {
    pub struct Response {
        status as "status": GenericStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyEVChargingSchedule";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_vehicle_has_a_plan() {
        let text = r#"{"timeBase":"2026-11-22T12:00:00.000Z","chargingSchedule":{"id":1,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}]},"evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_schedule.charging_schedule_period.len(), 1);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"chargingSchedule":{"id":1,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}]},"evseId":1}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "timeBase".into())
        );
    }
}
