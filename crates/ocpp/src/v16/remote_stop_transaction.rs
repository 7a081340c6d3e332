//! RemoteStopTransaction: end this transaction (§ 5.12, § 6.35).

use super::common::Acceptance;

record! {
    pub struct Request {
        transaction_id as "transactionId": i64,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "RemoteStopTransaction";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json, noted};

    #[test]
    fn a_stop_from_afar() {
        assert_eq!(json(&Request { transaction_id: 42 }), r#"{"transactionId":42}"#);
        assert_eq!(clean::<Response>(r#"{"status":"Rejected"}"#).status, Acceptance::Rejected);
        assert_eq!(noted::<Response>(r#"{"status":"Unknown"}"#).0.status, Acceptance::Other("Unknown".into()));
    }
}
