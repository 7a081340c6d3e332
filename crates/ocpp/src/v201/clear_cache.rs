//! ClearCache: forget the cached authorisations (C11).

use super::common::StatusInfo;

record! {
    pub struct Request {}
}

text_enum! {
    /// The specification's ClearCacheStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearCache";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json};

    #[test]
    fn forgotten() {
        let text = r#"{}"#;
        let request: Request = clean(text);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Rejected"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
