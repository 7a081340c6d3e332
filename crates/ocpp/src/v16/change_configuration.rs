//! ChangeConfiguration: set one key (§ 5.3, § 6.9).

use crate::Text;

record! {
    pub struct Request {
        key as "key": Text<50>,
        value as "value": Text<500>,
    }
}

text_enum! {
    /// The specification's ConfigurationStatus.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        RebootRequired = "RebootRequired",
        NotSupported = "NotSupported",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ChangeConfiguration";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload as _;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn a_key_is_set() {
        let request = Request { key: "MeterValueSampleInterval".into(), value: "30".into() };
        assert_eq!(json(&request), r#"{"key":"MeterValueSampleInterval","value":"30"}"#);
        assert_eq!(clean::<Response>(r#"{"status":"RebootRequired"}"#).status, Status::RebootRequired);
        assert!(Request { key: "K".into(), value: "v".repeat(501).into() }.encode().is_err());
    }
}
