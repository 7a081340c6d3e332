//! RequestStartTransaction: start charging for this token (F01, F02).

use super::common::{IdToken, StartStopStatus, StatusInfo};
use super::smart_charging::ChargingProfile;
use crate::Text;

record! {
    pub struct Request {
        id_token as "idToken": IdToken,
        /// Comes back in TransactionEvent.
        remote_start_id as "remoteStartId": i64,
        evse_id as "evseId": Option<u32>,
        group_id_token as "groupIdToken": Option<IdToken>,
        /// Only a TxProfile without a transactionId.
        charging_profile as "chargingProfile": Option<ChargingProfile>,
    }
}

record! {
    pub struct Response {
        status as "status": StartStopStatus,
        status_info as "statusInfo": Option<StatusInfo>,
        /// Only if the cable made a transaction before.
        transaction_id as "transactionId": Option<Text<36>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "RequestStartTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_start_from_afar() {
        let text = r#"{"idToken":{"idToken":"G-1F","type":"Central"},"remoteStartId":7,"evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!((request.remote_start_id, request.evse_id), (7, Some(1)));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted","transactionId":"tx-1"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"remoteStartId":7,"evseId":1}"#),
            (ErrorCode::OccurrenceConstraintViolation, "idToken".into())
        );
    }
}
