//! GetCompositeSchedule: what all caps together allow (K08).

use super::common::{GenericStatus, Many, StatusInfo};
use super::smart_charging::{ChargingRateUnit, ChargingSchedulePeriod};
use crate::Timestamp;

record! {
    pub struct Request {
        duration_s as "duration": u32,
        /// 0: the whole station.
        evse_id as "evseId": u32,
        charging_rate_unit as "chargingRateUnit": Option<ChargingRateUnit>,
    }
}

record! {
    /// The specification's CompositeScheduleType.
    pub struct CompositeSchedule {
        charging_schedule_period as "chargingSchedulePeriod": Many<ChargingSchedulePeriod>,
        evse_id as "evseId": u32,
        duration_s as "duration": u32,
        schedule_start as "scheduleStart": Timestamp,
        charging_rate_unit as "chargingRateUnit": ChargingRateUnit,
    }
}

record! {
    pub struct Response {
        status as "status": GenericStatus,
        status_info as "statusInfo": Option<StatusInfo>,
        schedule as "schedule": Option<CompositeSchedule>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetCompositeSchedule";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_hour_ahead() {
        let text = r#"{"duration":3600,"evseId":1,"chargingRateUnit":"W"}"#;
        let request: Request = clean(text);
        assert_eq!((request.duration_s, request.evse_id), (3600, 1));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted","schedule":{"chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}],"evseId":1,"duration":3600,"scheduleStart":"2026-11-22T12:00:00.000Z","chargingRateUnit":"W"}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"evseId":1,"chargingRateUnit":"W"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "duration".into())
        );
    }
}
