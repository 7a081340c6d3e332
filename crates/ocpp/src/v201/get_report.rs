//! GetReport: send a part of the device model (B08). It comes by NotifyReport.

use super::common::{GenericDeviceModelStatus, Many, StatusInfo};
use super::device_model::ComponentVariable;

text_enum! {
    /// The specification's ComponentCriterionEnumType.
    pub enum ComponentCriterion {
        Active = "Active",
        Available = "Available",
        Enabled = "Enabled",
        Problem = "Problem",
    }
}

record! {
    #[derive(Default)]
    pub struct Request {
        request_id as "requestId": i64,
        component_variable as "componentVariable": Option<Many<ComponentVariable>>,
        component_criteria as "componentCriteria": Option<Many<ComponentCriterion, 4>>,
    }
}

record! {
    pub struct Response {
        status as "status": GenericDeviceModelStatus,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetReport";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn what_has_a_problem() {
        let text = r#"{"requestId":5,"componentCriteria":["Problem"]}"#;
        let request: Request = clean(text);
        assert_eq!(request.request_id, 5);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"EmptyResultSet"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"componentCriteria":["Problem"]}"#),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
