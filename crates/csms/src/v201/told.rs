//! What answers tell of a charge point's settings: the values of GetVariables. (Whole reports come by NotifyReport.)

use ocpp::Payload as _;
use ocpp::v201::get_variables::{GetVariableStatus, Response};
use platform::charging::CommandBody;
use platform::devices::{Attribute, ReportPart, Variable};
use serde_json::value::RawValue;

use super::notify_report::name;

pub(super) fn told(body: &CommandBody, payload: &RawValue) -> Option<ReportPart> {
    if !matches!(body, CommandBody::Operator { action, .. } if action == "GetVariables") {
        return None;
    }
    let response = Response::decode(payload).ok()?.value;
    let known = response.get_variable_result.iter().filter(|r| r.attribute_status == GetVariableStatus::Accepted);
    let variables = known.map(|told| Variable {
        name: name(&told.component, &told.variable),
        characteristics: None,
        attributes: vec![Attribute {
            kind: told.attribute_type.as_ref().map_or_else(|| "Actual".to_owned(), |kind| kind.as_str().to_owned()),
            value: told.attribute_value.as_ref().map(|value| value.as_str().to_owned()),
            mutability: "ReadWrite".to_owned(),
            persistent: false,
            constant: false,
        }],
    });
    Some(ReportPart { request: 0, seq_no: 0, is_last: true, variables: variables.collect() })
}
