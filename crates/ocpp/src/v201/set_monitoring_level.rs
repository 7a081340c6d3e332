//! SetMonitoringLevel: how severe an event must be to be told (N05).

use super::common::{GenericStatus, StatusInfo};

record! {
    pub struct Request {
        /// 0 (danger) to 9 (debug); events of this and of lower numbers are reported.
        severity as "severity": u32,
    }
}

record! {
    pub struct Response {
        status as "status": GenericStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetMonitoringLevel";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn errors_and_worse() {
        let text = r#"{"severity":4}"#;
        let request: Request = clean(text);
        assert_eq!(request.severity, 4);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "severity".into()));
    }
}
