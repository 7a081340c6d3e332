//! ClearChargingProfile: take caps away (K10). By its id, or all that fit the criteria.

use super::common::StatusInfo;
use super::smart_charging::ChargingProfilePurpose;

record! {
    /// The specification's ClearChargingProfileType.
    #[derive(Default)]
    pub struct Criteria {
        evse_id as "evseId": Option<u32>,
        charging_profile_purpose as "chargingProfilePurpose": Option<ChargingProfilePurpose>,
        stack_level as "stackLevel": Option<u32>,
    }
}

record! {
    #[derive(Default)]
    pub struct Request {
        charging_profile_id as "chargingProfileId": Option<i64>,
        charging_profile_criteria as "chargingProfileCriteria": Option<Criteria>,
    }
}

text_enum! {
    /// The specification's ClearChargingProfileStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Unknown = "Unknown",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearChargingProfile";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json};

    #[test]
    fn by_what_it_is_for() {
        let text = r#"{"chargingProfileCriteria":{"evseId":1,"chargingProfilePurpose":"TxProfile"}}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_profile_id, None);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Unknown"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
