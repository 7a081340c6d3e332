//! Heartbeat: the station lives and asks for the time (G02).

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
    use crate::testing::{clean, json};

    #[test]
    fn the_time() {
        let text = r#"{}"#;
        let request: Request = clean(text);
        assert_eq!(json(&request), text);
        let text = r#"{"currentTime":"2026-11-22T12:00:00.000Z"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
