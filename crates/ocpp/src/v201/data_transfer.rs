//! DataTransfer: vendors' own messages, both ways (P01, P02).

use super::common::{AnyJson, StatusInfo};
use crate::Text;

record! {
    #[derive(Default)]
    pub struct Request {
        vendor_id as "vendorId": Text<255>,
        message_id as "messageId": Option<Text<50>>,
        data as "data": Option<AnyJson>,
    }
}

text_enum! {
    /// The specification's DataTransferStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        UnknownMessageId = "UnknownMessageId",
        UnknownVendorId = "UnknownVendorId",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
        data as "data": Option<AnyJson>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "DataTransfer";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn anything_at_all() {
        let text = r#"{"vendorId":"kg.petroleum","messageId":"Ping","data":{"n":[1,"two",null]}}"#;
        let request: Request = clean(text);
        assert_eq!(request.message_id.as_deref(), Some("Ping"));
        assert_eq!(json(&request), text);
        let text = r#"{"status":"UnknownVendorId"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"messageId":"Ping","data":{"n":[1,"two",null]}}"#),
            (ErrorCode::OccurrenceConstraintViolation, "vendorId".into())
        );
    }
}
