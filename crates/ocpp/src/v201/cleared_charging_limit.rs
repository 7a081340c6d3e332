//! ClearedChargingLimit: a limit from outside is gone (K13).

use super::smart_charging::ChargingLimitSource;

record! {
    pub struct Request {
        charging_limit_source as "chargingLimitSource": ChargingLimitSource,
        /// Left out: the whole station.
        evse_id as "evseId": Option<u32>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearedChargingLimit";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_limit_is_gone() {
        let text = r#"{"chargingLimitSource":"EMS","evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_limit_source, ChargingLimitSource::Ems);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"evseId":1}"#),
            (ErrorCode::OccurrenceConstraintViolation, "chargingLimitSource".into())
        );
    }
}
