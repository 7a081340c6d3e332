//! GetVariables: what do these variables say (B06)?

use super::common::{Many, StatusInfo};
use super::device_model::{AttributeType, Component, Variable};
use crate::Text;

record! {
    /// The specification's GetVariableDataType.
    pub struct GetVariableData {
        component as "component": Component,
        variable as "variable": Variable,
        attribute_type as "attributeType": Option<AttributeType>,
    }
}

record! {
    pub struct Request {
        get_variable_data as "getVariableData": Many<GetVariableData>,
    }
}

text_enum! {
    /// The specification's GetVariableStatusEnumType.
    pub enum GetVariableStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
        UnknownComponent = "UnknownComponent",
        UnknownVariable = "UnknownVariable",
        NotSupportedAttributeType = "NotSupportedAttributeType",
    }
}

record! {
    /// The specification's GetVariableResultType.
    pub struct GetVariableResult {
        attribute_status as "attributeStatus": GetVariableStatus,
        component as "component": Component,
        variable as "variable": Variable,
        attribute_status_info as "attributeStatusInfo": Option<StatusInfo>,
        attribute_type as "attributeType": Option<AttributeType>,
        attribute_value as "attributeValue": Option<Text<2500>>,
    }
}

record! {
    pub struct Response {
        get_variable_result as "getVariableResult": Many<GetVariableResult>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetVariables";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::Payload as _;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_setting_is_read() {
        let text = r#"{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"attributeType":"Actual"}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.get_variable_data[0].variable.name, "HeartbeatInterval");
        assert_eq!(json(&request), text);
        let text = r#"{"getVariableResult":[{"attributeStatus":"Accepted","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"attributeValue":"300"}]}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn nothing_is_asked_for_by_an_empty_list() {
        assert!(Request { get_variable_data: Vec::new().into() }.encode().is_err());
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "getVariableData".into()));
    }
}
