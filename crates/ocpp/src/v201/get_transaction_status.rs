//! GetTransactionStatus: does the transaction go on, and do messages of it wait (E14)?

use crate::Text;

record! {
    pub struct Request {
        transaction_id as "transactionId": Option<Text<36>>,
    }
}

record! {
    pub struct Response {
        /// Whether messages of the transaction (or of any, if none was asked for) wait at the station.
        messages_in_queue as "messagesInQueue": bool,
        ongoing_indicator as "ongoingIndicator": Option<bool>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetTransactionStatus";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json};

    #[test]
    fn messages_wait() {
        let text = r#"{"transactionId":"tx-1"}"#;
        let request: Request = clean(text);
        assert_eq!(request.transaction_id.as_deref(), Some("tx-1"));
        assert_eq!(json(&request), text);
        let text = r#"{"messagesInQueue":true,"ongoingIndicator":false}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
