//! SetMonitoringBase: which monitors run (N03).

use super::common::{GenericDeviceModelStatus, StatusInfo};

text_enum! {
    /// The specification's MonitoringBaseEnumType.
    pub enum MonitoringBase {
        All = "All",
        FactoryDefault = "FactoryDefault",
        HardWiredOnly = "HardWiredOnly",
    }
}

record! {
    pub struct Request {
        monitoring_base as "monitoringBase": MonitoringBase,
    }
}

record! {
    pub struct Response {
        status as "status": GenericDeviceModelStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetMonitoringBase";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn as_from_the_factory() {
        let text = r#"{"monitoringBase":"FactoryDefault"}"#;
        let request: Request = clean(text);
        assert_eq!(request.monitoring_base, MonitoringBase::FactoryDefault);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"NotSupported"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "monitoringBase".into()));
    }
}
