//! NotifyChargingLimit: a limit from outside holds (K12).

use super::common::Many;
use super::smart_charging::{ChargingLimitSource, ChargingSchedule};

record! {
    /// The specification's ChargingLimitType.
    pub struct ChargingLimit {
        charging_limit_source as "chargingLimitSource": ChargingLimitSource,
        is_grid_critical as "isGridCritical": Option<bool>,
    }
}

record! {
    pub struct Request {
        charging_limit as "chargingLimit": ChargingLimit,
        charging_schedule as "chargingSchedule": Option<Many<ChargingSchedule>>,
        evse_id as "evseId": Option<u32>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyChargingLimit";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_limit_from_the_grid() {
        let text = r#"{"chargingLimit":{"chargingLimitSource":"SO","isGridCritical":true},"chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6}]}],"evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_limit.is_grid_critical, Some(true));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6}]}],"evseId":1}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "chargingLimit".into())
        );
    }
}
