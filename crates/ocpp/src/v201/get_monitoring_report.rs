//! GetMonitoringReport: what is monitored (N02)? It comes by NotifyMonitoringReport.

use super::common::{GenericDeviceModelStatus, Many, StatusInfo};
use super::device_model::ComponentVariable;

text_enum! {
    /// The specification's MonitoringCriterionEnumType.
    pub enum MonitoringCriterion {
        ThresholdMonitoring = "ThresholdMonitoring",
        DeltaMonitoring = "DeltaMonitoring",
        PeriodicMonitoring = "PeriodicMonitoring",
    }
}

record! {
    #[derive(Default)]
    pub struct Request {
        request_id as "requestId": i64,
        component_variable as "componentVariable": Option<Many<ComponentVariable>>,
        monitoring_criteria as "monitoringCriteria": Option<Many<MonitoringCriterion, 3>>,
    }
}

record! {
    pub struct Response {
        status as "status": GenericDeviceModelStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetMonitoringReport";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn thresholds_are_asked_for() {
        let text = r#"{"requestId":5,"monitoringCriteria":["ThresholdMonitoring"]}"#;
        let request: Request = clean(text);
        assert_eq!(request.request_id, 5);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"EmptyResultSet"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"monitoringCriteria":["ThresholdMonitoring"]}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
