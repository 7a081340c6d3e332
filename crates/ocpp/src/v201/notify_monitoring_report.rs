//! NotifyMonitoringReport: what is monitored, in parts (N02).

use super::common::Many;
use super::device_model::{Component, MonitorType, Variable};
use crate::{Decimal, Timestamp};

record! {
    /// The specification's VariableMonitoringType.
    pub struct VariableMonitoring {
        id as "id": i64,
        transaction as "transaction": bool,
        value as "value": Decimal,
        kind as "type": MonitorType,
        severity as "severity": u32,
    }
}

record! {
    /// The specification's MonitoringDataType.
    pub struct MonitoringData {
        component as "component": Component,
        variable as "variable": Variable,
        variable_monitoring as "variableMonitoring": Many<VariableMonitoring>,
    }
}

record! {
    pub struct Request {
        request_id as "requestId": i64,
        seq_no as "seqNo": i64,
        generated_at as "generatedAt": Timestamp,
        monitor as "monitor": Option<Many<MonitoringData>>,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyMonitoringReport";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_threshold_is_reported() {
        let text = r#"{"requestId":5,"seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","monitor":[{"component":{"name":"Cooling"},"variable":{"name":"Temperature"},"variableMonitoring":[{"id":1,"transaction":false,"value":70.5,"type":"UpperThreshold","severity":3}]}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.seq_no, 0);
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","monitor":[{"component":{"name":"Cooling"},"variable":{"name":"Temperature"},"variableMonitoring":[{"id":1,"transaction":false,"value":70.5,"type":"UpperThreshold","severity":3}]}]}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
