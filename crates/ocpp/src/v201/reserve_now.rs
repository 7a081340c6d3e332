//! ReserveNow: keep an EVSE for this token (H01).

use super::common::{IdToken, StatusInfo};
use crate::Timestamp;

text_enum! {
    /// The specification's ConnectorEnumType.
    pub enum ConnectorType {
        CableCcs1 = "cCCS1",
        CableCcs2 = "cCCS2",
        CableG105 = "cG105",
        CableTesla = "cTesla",
        CableType1 = "cType1",
        CableType2 = "cType2",
        S3091P16A = "s309-1P-16A",
        S3091P32A = "s309-1P-32A",
        S3093P16A = "s309-3P-16A",
        S3093P32A = "s309-3P-32A",
        Sbs1361 = "sBS1361",
        Scee77 = "sCEE-7-7",
        SType2 = "sType2",
        SType3 = "sType3",
        Other1PhMax16A = "Other1PhMax16A",
        Other1PhOver16A = "Other1PhOver16A",
        Other3Ph = "Other3Ph",
        Pan = "Pan",
        WInductive = "wInductive",
        WResonant = "wResonant",
        Undetermined = "Undetermined",
        Unknown = "Unknown",
    }
}

record! {
    pub struct Request {
        /// Made by the central system.
        id as "id": i64,
        expiry_date_time as "expiryDateTime": Timestamp,
        id_token as "idToken": IdToken,
        connector_type as "connectorType": Option<ConnectorType>,
        /// Left out: any EVSE.
        evse_id as "evseId": Option<u32>,
        group_id_token as "groupIdToken": Option<IdToken>,
    }
}

text_enum! {
    /// The specification's ReserveNowStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Faulted = "Faulted",
        Occupied = "Occupied",
        Rejected = "Rejected",
        Unavailable = "Unavailable",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ReserveNow";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn an_evse_is_kept() {
        let text = r#"{"id":5,"expiryDateTime":"2026-11-22T13:00:00.000Z","idToken":{"idToken":"G-1F","type":"Central"},"connectorType":"cCCS2","evseId":1}"#;
        let request: Request = clean(text);
        assert_eq!(request.connector_type, Some(ConnectorType::CableCcs2));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Occupied"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"expiryDateTime":"2026-11-22T13:00:00.000Z","idToken":{"idToken":"G-1F","type":"Central"},"connectorType":"cCCS2","evseId":1}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "id".into())
        );
    }
}
