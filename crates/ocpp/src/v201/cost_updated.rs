//! CostUpdated: what the transaction costs so far, for the display (I02).

use crate::{Decimal, Text};

record! {
    pub struct Request {
        /// In the currency of the station, with taxes.
        total_cost as "totalCost": Decimal,
        transaction_id as "transactionId": Text<36>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "CostUpdated";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_cost_is_shown() {
        let text = r#"{"totalCost":125.5,"transactionId":"tx-1"}"#;
        let request: Request = clean(text);
        assert_eq!(request.total_cost, Decimal::from_milli(125_500));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"transactionId":"tx-1"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "totalCost".into())
        );
    }
}
