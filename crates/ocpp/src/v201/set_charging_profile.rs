//! SetChargingProfile: a cap on power over time (K01).

use super::common::StatusInfo;
use super::smart_charging::ChargingProfile;

record! {
    pub struct Request {
        evse_id as "evseId": u32,
        charging_profile as "chargingProfile": ChargingProfile,
    }
}

text_enum! {
    /// The specification's ChargingProfileStatusEnumType.
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
    const ACTION: &'static str = "SetChargingProfile";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::super::smart_charging::ChargingRateUnit;
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_session_is_capped() {
        let text = r#"{"evseId":1,"chargingProfile":{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":[{"id":7,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000},{"startPeriod":3600,"limit":0}]}],"transactionId":"tx-1"}}"#;
        let request: Request = clean(text);
        assert_eq!(
            Some(request.charging_profile.clone()),
            ChargingProfile::session_cap(7, Some("tx-1"), 11_000, ChargingRateUnit::W, Some(3600))
        );
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"chargingProfile":{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":[{"id":7,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000},{"startPeriod":3600,"limit":0}]}],"transactionId":"tx-1"}}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "evseId".into())
        );
    }
}
