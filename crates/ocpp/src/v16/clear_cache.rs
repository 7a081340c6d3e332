//! ClearCache: forget the cached authorisations (§ 5.4, § 6.11).

use super::common::Acceptance;

record! {
    pub struct Request {}
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearCache";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn forgotten() {
        assert_eq!(json(&Request {}), "{}");
        assert_eq!(clean::<Response>(r#"{"status":"Rejected"}"#).status, Acceptance::Rejected);
    }
}
