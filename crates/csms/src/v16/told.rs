//! What answers tell of a charge point's settings: the keys of GetConfiguration. In the device model they have no component.

use ocpp::Payload as _;
use ocpp::v16::get_configuration::Response;
use platform::charging::CommandBody;
use platform::devices::{Attribute, ReportPart, Variable, VariableName};
use serde_json::value::RawValue;

pub(super) fn told(body: &CommandBody, payload: &RawValue) -> Option<ReportPart> {
    let request = match body {
        CommandBody::ReportInventory { request } => i64::from(*request),
        CommandBody::Operator { action, .. } if action == "GetConfiguration" => 0,
        _ => return None,
    };
    let response = Response::decode(payload).ok()?.value;
    let variables = response.configuration_keys.unwrap_or_default().into_iter().map(|told| Variable {
        name: VariableName { variable: told.key.as_str().to_owned(), ..VariableName::default() },
        characteristics: None,
        attributes: vec![Attribute {
            kind: "Actual".to_owned(),
            value: told.value.map(|value| value.as_str().to_owned()),
            mutability: if told.readonly { "ReadOnly" } else { "ReadWrite" }.to_owned(),
            persistent: true,
            constant: false,
        }],
    });
    Some(ReportPart { request, seq_no: 0, is_last: true, variables: variables.collect() })
}
