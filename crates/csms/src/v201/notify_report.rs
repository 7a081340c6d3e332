//! NotifyReport: a part of the device model.

use ocpp::v201::device_model::{self, Component};
use ocpp::v201::notify_report::{ReportData, Request, Response, VariableAttribute};
use platform::devices::{Attribute, Characteristics, ReportPart, Variable, VariableName};

use super::{Context, HandlerError, number};
use crate::handler::of_stations;

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let part = ReportPart {
        request: request.request_id,
        seq_no: request.seq_no,
        is_last: request.to_be_continued != Some(true),
        variables: request.report_data.unwrap_or_default().into_iter().map(variable).collect(),
    };
    context.csms.0.stations.devices().take_report(context.lease, part).await.map_err(of_stations)?;
    Ok(Response {})
}

/// The name in our words.
pub(super) fn name(component: &Component, variable: &device_model::Variable) -> VariableName {
    let evse = component.evse.as_ref();
    VariableName {
        component: component.name.as_str().to_owned(),
        component_instance: component.instance.as_deref().unwrap_or_default().to_owned(),
        evse_no: evse.map_or(0, |evse| i32::try_from(evse.id).unwrap_or(i32::MAX)),
        connector_no: evse.and_then(|evse| evse.connector_id).map_or(0, number),
        variable: variable.name.as_str().to_owned(),
        variable_instance: variable.instance.as_deref().unwrap_or_default().to_owned(),
    }
}

fn variable(told: ReportData) -> Variable {
    Variable {
        name: name(&told.component, &told.variable),
        characteristics: told.variable_characteristics.map(|c| Characteristics {
            data_type: c.data_type.as_str().to_owned(),
            unit: c.unit.map(|unit| unit.as_str().to_owned()),
            min_limit: c.min_limit.map(|limit| limit.to_string()),
            max_limit: c.max_limit.map(|limit| limit.to_string()),
            values_list: c.values_list.map(|list| list.as_str().to_owned()),
            supports_monitoring: c.supports_monitoring,
        }),
        attributes: told.variable_attribute.into_iter().map(attribute).collect(),
    }
}

/// What is left out is said by the standard: the actual value, which can be written, and is neither kept nor constant.
fn attribute(told: VariableAttribute) -> Attribute {
    Attribute {
        kind: told.kind.map_or_else(|| "Actual".to_owned(), |kind| kind.as_str().to_owned()),
        value: told.value.map(|value| value.as_str().to_owned()),
        mutability: told.mutability.map_or_else(|| "ReadWrite".to_owned(), |mutability| mutability.as_str().to_owned()),
        persistent: told.persistent.unwrap_or_default(),
        constant: told.constant.unwrap_or_default(),
    }
}
