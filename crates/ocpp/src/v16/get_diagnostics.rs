//! GetDiagnostics: upload what you know (§ 5.9).

use crate::{Text, Timestamp};

record! {
    #[derive(Default)]
    pub struct Request {
        /// The folder to upload to, a URI.
        location as "location": Text<2500>,
        /// How often to try again; left out, the charge point decides.
        retries as "retries": Option<u32>,
        retry_interval_s as "retryInterval": Option<u32>,
        start_time as "startTime": Option<Timestamp>,
        stop_time as "stopTime": Option<Timestamp>,
    }
}

record! {
    pub struct Response {
        /// Left out: there is nothing to upload.
        file_name as "fileName": Option<Text<255>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetDiagnostics";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json, refused};

    #[test]
    fn diagnostics_of_an_hour() {
        let text =
            r#"{"location":"https://logs.example/5","retries":2,"retryInterval":60,"startTime":"2026-11-22T12:00:00.000Z"}"#;
        let request: Request = clean(text);
        assert_eq!(request.retry_interval_s, Some(60));
        assert_eq!(json(&request), text);
        let text = r#"{"fileName":"5.zip"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"retries":2,"retryInterval":60,"startTime":"2026-11-22T12:00:00.000Z"}"#),
            (crate::ErrorCode::OccurrenceConstraintViolation, "location".into())
        );
    }
}
