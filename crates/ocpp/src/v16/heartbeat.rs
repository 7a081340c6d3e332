//! Heartbeat: I am here; what time is it? (§ 4.6, § 6.29)

use crate::Timestamp;

record! {
    pub struct Request {}
}

record! {
    pub struct Response {
        current_time as "currentTime": Timestamp,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "Heartbeat";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json, noted};

    #[test]
    fn empty_and_nearly_empty() {
        assert_eq!(json(&clean::<Request>("{}")), "{}");
        assert_eq!(noted::<Request>("null").1, [": null instead of an object"]);
        assert_eq!(noted::<Request>(r#"{"status":"ok"}"#).1, ["status: unknown field, ignored"]);
    }

    #[test]
    fn the_time_comes_back() {
        let response: Response = clean(r#"{"currentTime":"2026-11-22T18:00:00+06:00"}"#);
        assert_eq!(json(&response), r#"{"currentTime":"2026-11-22T12:00:00.000Z"}"#);
    }
}
