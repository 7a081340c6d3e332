//! GetChargingProfiles: report these charging profiles (K09). They come by ReportChargingProfiles.

use super::common::{Many, StatusInfo};
use super::smart_charging::{ChargingLimitSource, ChargingProfilePurpose};

record! {
    /// The specification's ChargingProfileCriterionType.
    #[derive(Default)]
    pub struct ChargingProfileCriterion {
        charging_profile_purpose as "chargingProfilePurpose": Option<ChargingProfilePurpose>,
        stack_level as "stackLevel": Option<u32>,
        charging_profile_id as "chargingProfileId": Option<Many<i64>>,
        charging_limit_source as "chargingLimitSource": Option<Many<ChargingLimitSource, 4>>,
    }
}

record! {
    pub struct Request {
        request_id as "requestId": i64,
        charging_profile as "chargingProfile": ChargingProfileCriterion,
        evse_id as "evseId": Option<u32>,
    }
}

text_enum! {
    /// The specification's GetChargingProfileStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        NoProfiles = "NoProfiles",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetChargingProfiles";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn profiles_are_asked_for() {
        let text = r#"{"requestId":5,"chargingProfile":{"chargingProfileId":[7]}}"#;
        let request: Request = clean(text);
        assert_eq!(request.request_id, 5);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NoProfiles"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"chargingProfile":{"chargingProfileId":[7]}}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
