//! GetLog: upload a log (N01).

use super::common::StatusInfo;
use crate::{Text, Timestamp};

record! {
    /// The specification's LogParametersType.
    #[derive(Default)]
    pub struct LogParameters {
        remote_location as "remoteLocation": Text<512>,
        oldest_timestamp as "oldestTimestamp": Option<Timestamp>,
        latest_timestamp as "latestTimestamp": Option<Timestamp>,
    }
}

text_enum! {
    /// The specification's LogEnumType.
    pub enum LogType {
        DiagnosticsLog = "DiagnosticsLog",
        SecurityLog = "SecurityLog",
    }
}

record! {
    pub struct Request {
        log as "log": LogParameters,
        log_type as "logType": LogType,
        request_id as "requestId": i64,
        /// How often to try again; left out, the station decides.
        retries as "retries": Option<u32>,
        retry_interval_s as "retryInterval": Option<u32>,
    }
}

text_enum! {
    /// The specification's LogStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        AcceptedCanceled = "AcceptedCanceled",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
        filename as "filename": Option<Text<255>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetLog";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn diagnostics_of_a_day() {
        let text = r#"{"log":{"remoteLocation":"https://logs.example/5","oldestTimestamp":"2026-11-21T12:00:00.000Z"},"logType":"DiagnosticsLog","requestId":5}"#;
        let request: Request = clean(text);
        assert_eq!(request.log_type, LogType::DiagnosticsLog);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"AcceptedCanceled","filename":"5.zip"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"logType":"DiagnosticsLog","requestId":5}"#),
            (ErrorCode::OccurrenceConstraintViolation, "log".into())
        );
    }
}
