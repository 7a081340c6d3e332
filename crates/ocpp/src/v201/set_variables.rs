//! SetVariables: set these variables (B05).

use super::common::{Many, StatusInfo};
use super::device_model::{AttributeType, Component, Variable};
use crate::Text;

record! {
    /// The specification's SetVariableDataType.
    pub struct SetVariableData {
        attribute_value as "attributeValue": Text<1000>,
        component as "component": Component,
        variable as "variable": Variable,
        attribute_type as "attributeType": Option<AttributeType>,
    }
}

record! {
    pub struct Request {
        set_variable_data as "setVariableData": Many<SetVariableData>,
    }
}

text_enum! {
    /// The specification's SetVariableStatusEnumType.
    pub enum SetVariableStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
        UnknownComponent = "UnknownComponent",
        UnknownVariable = "UnknownVariable",
        NotSupportedAttributeType = "NotSupportedAttributeType",
        RebootRequired = "RebootRequired",
    }
}

record! {
    /// The specification's SetVariableResultType.
    pub struct SetVariableResult {
        attribute_status as "attributeStatus": SetVariableStatus,
        component as "component": Component,
        variable as "variable": Variable,
        attribute_type as "attributeType": Option<AttributeType>,
        attribute_status_info as "attributeStatusInfo": Option<StatusInfo>,
    }
}

record! {
    pub struct Response {
        set_variable_result as "setVariableResult": Many<SetVariableResult>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetVariables";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_setting_is_made() {
        let text = r#"{"setVariableData":[{"attributeValue":"300","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}"#;
        let request: Request = clean(text);
        assert_eq!(request.set_variable_data[0].attribute_value, "300");
        assert_eq!(json(&request), text);
        let text = r#"{"setVariableResult":[{"attributeStatus":"RebootRequired","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(refused::<Request>(r#"{}"#), (ErrorCode::OccurrenceConstraintViolation, "setVariableData".into()));
    }
}
