//! UnlockConnector: let go of the cable (§ 5.18, § 6.53).

record! {
    pub struct Request {
        connector_id as "connectorId": u32,
    }
}

text_enum! {
    /// The specification's UnlockStatus.
    pub enum Status {
        Unlocked = "Unlocked",
        UnlockFailed = "UnlockFailed",
        NotSupported = "NotSupported",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "UnlockConnector";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn let_go() {
        assert_eq!(json(&Request { connector_id: 1 }), r#"{"connectorId":1}"#);
        assert_eq!(clean::<Response>(r#"{"status":"UnlockFailed"}"#).status, Status::UnlockFailed);
    }
}
