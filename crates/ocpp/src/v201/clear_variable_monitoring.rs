//! ClearVariableMonitoring: stop watching (N06).

use super::common::{Many, StatusInfo};

record! {
    pub struct Request {
        id as "id": Many<i64>,
    }
}

text_enum! {
    /// The specification's ClearMonitoringStatusEnumType.
    pub enum ClearMonitoringStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
        NotFound = "NotFound",
    }
}

record! {
    /// The specification's ClearMonitoringResultType.
    pub struct ClearMonitoringResult {
        status as "status": ClearMonitoringStatus,
        id as "id": i64,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

record! {
    pub struct Response {
        clear_monitoring_result as "clearMonitoringResult": Many<ClearMonitoringResult>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "ClearVariableMonitoring";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn two_monitors_end() {
        let text = r#"{"id":[1,2]}"#;
        let request: Request = clean(text);
        assert_eq!(*request.id, [1, 2]);
        assert_eq!(json(&request), text);
        let text = r#"{"clearMonitoringResult":[{"status":"Accepted","id":1},{"status":"NotFound","id":2}]}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "id".into()));
    }
}
