//! SetVariableMonitoring: watch these variables (N04).

use super::common::{Many, StatusInfo};
use super::device_model::{Component, MonitorType, Variable};
use crate::Decimal;

record! {
    /// The specification's SetMonitoringDataType.
    pub struct SetMonitoringData {
        value as "value": Decimal,
        kind as "type": MonitorType,
        severity as "severity": u32,
        component as "component": Component,
        variable as "variable": Variable,
        id as "id": Option<i64>,
        transaction as "transaction": Option<bool>,
    }
}

record! {
    pub struct Request {
        set_monitoring_data as "setMonitoringData": Many<SetMonitoringData>,
    }
}

text_enum! {
    /// The specification's SetMonitoringStatusEnumType.
    pub enum SetMonitoringStatus {
        Accepted = "Accepted",
        UnknownComponent = "UnknownComponent",
        UnknownVariable = "UnknownVariable",
        UnsupportedMonitorType = "UnsupportedMonitorType",
        Rejected = "Rejected",
        Duplicate = "Duplicate",
    }
}

record! {
    /// The specification's SetMonitoringResultType.
    pub struct SetMonitoringResult {
        status as "status": SetMonitoringStatus,
        kind as "type": MonitorType,
        component as "component": Component,
        variable as "variable": Variable,
        severity as "severity": u32,
        id as "id": Option<i64>,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

record! {
    pub struct Response {
        set_monitoring_result as "setMonitoringResult": Many<SetMonitoringResult>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetVariableMonitoring";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_temperature_is_watched() {
        let text = r#"{"setMonitoringData":[{"value":70.5,"type":"UpperThreshold","severity":3,"component":{"name":"Cooling"},"variable":{"name":"Temperature"}}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.set_monitoring_data[0].value, Decimal::from_milli(70_500));
        assert_eq!(json(&request), text);
        let text = r#"{"setMonitoringResult":[{"status":"Accepted","type":"UpperThreshold","component":{"name":"Cooling"},"variable":{"name":"Temperature"},"severity":3,"id":1}]}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "setMonitoringData".into()));
    }
}
