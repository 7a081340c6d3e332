//! Reset: restart the charge point (§ 5.14, § 6.39).

use super::common::Acceptance;

text_enum! {
    /// The specification's ResetType.
    pub enum Kind {
        /// Without stopping transactions gracefully first, if it must.
        Hard = "Hard",
        /// Stops transactions, then restarts.
        Soft = "Soft",
    }
}

record! {
    pub struct Request {
        kind as "type": Kind,
    }
}

record! {
    pub struct Response {
        status as "status": Acceptance,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Reset";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json};

    #[test]
    fn soft_and_hard() {
        assert_eq!(json(&Request { kind: Kind::Soft }), r#"{"type":"Soft"}"#);
        assert_eq!(clean::<Request>(r#"{"type":"Hard"}"#).kind, Kind::Hard);
    }
}
