//! StopTransaction: no more energy flows (§ 4.10, § 6.49).

use super::meter_values::MeterValue;
use super::{IdTag, IdTagInfo};
use crate::Timestamp;

text_enum! {
    /// The specification's Reason. Left out means Local.
    pub enum Reason {
        DeAuthorized = "DeAuthorized",
        EmergencyStop = "EmergencyStop",
        EvDisconnected = "EVDisconnected",
        HardReset = "HardReset",
        Local = "Local",
        OtherReason = "Other",
        PowerLoss = "PowerLoss",
        Reboot = "Reboot",
        Remote = "Remote",
        SoftReset = "SoftReset",
        UnlockCommand = "UnlockCommand",
    }
}

record! {
    pub struct Request {
        /// Who stopped it, if anybody showed a card.
        id_tag as "idTag": Option<IdTag>,
        meter_stop_wh as "meterStop": i64,
        timestamp as "timestamp": Timestamp,
        /// As the charger remembers it: -1, 0 and strange ones are real.
        transaction_id as "transactionId": i64,
        reason as "reason": Option<Reason>,
        transaction_data as "transactionData": Option<Vec<MeterValue>>,
    }
}

record! {
    pub struct Response {
        id_tag_info as "idTagInfo": Option<IdTagInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "StopTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::v16::common::testing::{clean, json, noted, refused};

    #[test]
    fn a_transaction_ends() {
        let request: Request = clean(
            r#"{"meterStop":2500,"timestamp":"2026-11-22T13:00:00.123Z","transactionId":42,"reason":"EVDisconnected",
                "transactionData":[{"timestamp":"2026-11-22T13:00:00Z","sampledValue":[{"value":"2500","context":"Transaction.End"}]}]}"#,
        );
        assert_eq!((request.reason, request.id_tag), (Some(Reason::EvDisconnected), None));
        assert_eq!(request.transaction_data.map(|data| data.len()), Some(1));
        assert_eq!(json(&Response { id_tag_info: None }), "{}");
    }

    #[test]
    fn odd_ids_reasons_and_data_are_survived() {
        let (request, notes) = noted::<Request>(
            r#"{"meterStop":0,"timestamp":"2026-11-22T13:00:00Z","transactionId":-1,"reason":"SuspendedEV","transactionData":"none"}"#,
        );
        assert_eq!(request.transaction_id, -1);
        assert_eq!(request.reason, Some(Reason::Other("SuspendedEV".into())));
        assert_eq!(request.transaction_data, None);
        assert_eq!(notes, ["reason: unknown value 'SuspendedEV'", "transactionData: is a string, must be an array, left out",]);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"meterStop":0,"timestamp":"2026-11-22T13:00:00Z"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "transactionId".into())
        );
    }
}
