//! ClearChargingProfile: take caps away (§ 5.5, § 6.13). Every filter that is given must fit.

use super::set_charging_profile::Purpose;

record! {
    #[derive(Default)]
    pub struct Request {
        id as "id": Option<i64>,
        connector_id as "connectorId": Option<u32>,
        purpose as "chargingProfilePurpose": Option<Purpose>,
        stack_level as "stackLevel": Option<u32>,
    }
}

text_enum! {
    /// The specification's ClearChargingProfileStatus.
    pub enum Status {
        Accepted = "Accepted",
        /// No profile fits.
        Unknown = "Unknown",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearChargingProfile";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn by_id() {
        assert_eq!(json(&Request { id: Some(7), ..Request::default() }), r#"{"id":7}"#);
        assert_eq!(clean::<Response>(r#"{"status":"Unknown"}"#).status, Status::Unknown);
    }
}
