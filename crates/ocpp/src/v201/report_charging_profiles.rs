//! ReportChargingProfiles: the charging profiles that a station has, in parts (K09).

use super::common::Many;
use super::smart_charging::{ChargingLimitSource, ChargingProfile};

record! {
    pub struct Request {
        request_id as "requestId": i64,
        charging_limit_source as "chargingLimitSource": ChargingLimitSource,
        charging_profile as "chargingProfile": Many<ChargingProfile>,
        evse_id as "evseId": u32,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "ReportChargingProfiles";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_profile_is_reported() {
        let text = r#"{"requestId":5,"chargingLimitSource":"CSO","chargingProfile":[{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Recurring","chargingSchedule":[{"id":7,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.5,"numberPhases":3}]}],"recurrencyKind":"Daily"}],"evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_profile[0].id, 7);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"chargingLimitSource":"CSO","chargingProfile":[{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Recurring","chargingSchedule":[{"id":7,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.5,"numberPhases":3}]}],"recurrencyKind":"Daily"}],"evseId":1}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
