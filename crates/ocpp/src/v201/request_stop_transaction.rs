//! RequestStopTransaction: stop this transaction (F03).

use super::common::{StartStopStatus, StatusInfo};
use crate::Text;

record! {
    pub struct Request {
        transaction_id as "transactionId": Text<36>,
    }
}

record! {
    pub struct Response {
        status as "status": StartStopStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "RequestStopTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_stop_from_afar() {
        let text = r#"{"transactionId":"tx-1"}"#;
        let request: Request = clean(text);
        assert_eq!(request.transaction_id, "tx-1");
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Rejected","statusInfo":{"reasonCode":"TxNotFound"}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "transactionId".into()));
    }
}
