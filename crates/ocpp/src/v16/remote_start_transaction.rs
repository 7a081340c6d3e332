//! RemoteStartTransaction: start charging for this idTag (§ 5.11, § 6.33).

use super::IdTag;
use super::common::Acceptance;
use super::set_charging_profile::ChargingProfile;

record! {
    pub struct Request {
        connector_id as "connectorId": Option<u32>,
        id_tag as "idTag": IdTag,
        /// Only a TxProfile without a transactionId.
        charging_profile as "chargingProfile": Option<ChargingProfile>,
    }
}

record! {
    pub struct Response {
        /// Accepted promises to try: there is no transaction before StartTransaction.
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "RemoteStartTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn a_start_from_afar() {
        let request = Request { connector_id: Some(1), id_tag: "G-1F".into(), charging_profile: None };
        assert_eq!(json(&request), r#"{"connectorId":1,"idTag":"G-1F"}"#);
        assert_eq!(clean::<Request>(r#"{"idTag":"T"}"#).connector_id, None);
        assert_eq!(clean::<Response>(r#"{"status":"Accepted"}"#).status, Acceptance::Accepted);
    }
}
