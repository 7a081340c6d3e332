//! NotifyReport: a part of the device model, as GetBaseReport or GetReport asked for it (B07, B08).

use super::common::Many;
use super::device_model::{AttributeType, Component, Variable};
use crate::{Decimal, Text, Timestamp};

text_enum! {
    /// The specification's MutabilityEnumType.
    pub enum Mutability {
        ReadOnly = "ReadOnly",
        WriteOnly = "WriteOnly",
        ReadWrite = "ReadWrite",
    }
}

record! {
    /// The specification's VariableAttributeType.
    #[derive(Default)]
    pub struct VariableAttribute {
        kind as "type": Option<AttributeType>,
        value as "value": Option<Text<2500>>,
        mutability as "mutability": Option<Mutability>,
        persistent as "persistent": Option<bool>,
        constant as "constant": Option<bool>,
    }
}

text_enum! {
    /// The specification's DataEnumType.
    pub enum DataType {
        Text = "string",
        Decimal = "decimal",
        Integer = "integer",
        DateTime = "dateTime",
        Boolean = "boolean",
        OptionList = "OptionList",
        SequenceList = "SequenceList",
        MemberList = "MemberList",
    }
}

record! {
    /// The specification's VariableCharacteristicsType.
    pub struct VariableCharacteristics {
        data_type as "dataType": DataType,
        supports_monitoring as "supportsMonitoring": bool,
        unit as "unit": Option<Text<16>>,
        min_limit as "minLimit": Option<Decimal>,
        max_limit as "maxLimit": Option<Decimal>,
        /// The values of a list type, with commas between.
        values_list as "valuesList": Option<Text<1000>>,
    }
}

record! {
    /// The specification's ReportDataType.
    pub struct ReportData {
        component as "component": Component,
        variable as "variable": Variable,
        variable_attribute as "variableAttribute": Many<VariableAttribute, 4>,
        variable_characteristics as "variableCharacteristics": Option<VariableCharacteristics>,
    }
}

record! {
    pub struct Request {
        request_id as "requestId": i64,
        generated_at as "generatedAt": Timestamp,
        seq_no as "seqNo": i64,
        report_data as "reportData": Option<Many<ReportData>>,
        /// More parts of this report follow.
        to_be_continued as "tbc": Option<bool>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "NotifyReport";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_part_of_the_device_model() {
        let text = r#"{"requestId":3,"generatedAt":"2026-11-22T12:00:00.000Z","seqNo":0,"reportData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"variableAttribute":[{"value":"300","mutability":"ReadWrite"}],"variableCharacteristics":{"dataType":"integer","supportsMonitoring":false,"unit":"s","minLimit":1}}],"tbc":true}"#;
        let request: Request = clean(text);
        assert_eq!(request.to_be_continued, Some(true));
        assert_eq!(json(&request), text);
        let text = r#"{}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"generatedAt":"2026-11-22T12:00:00.000Z","seqNo":0,"reportData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"variableAttribute":[{"value":"300","mutability":"ReadWrite"}],"variableCharacteristics":{"dataType":"integer","supportsMonitoring":false,"unit":"s","minLimit":1}}],"tbc":true}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "requestId".into())
        );
    }
}
