//! Switches that a person sets in a form and a test sets as JSON: one list of fields serves both.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::html::escape;

/// How a switch is set in the form.
pub(super) enum Kind {
    Check,
    /// Value and its words.
    Choice(&'static [(&'static str, &'static str)]),
    /// A whole number; empty is null.
    Number,
    Text,
}

/// A switch: its name in JSON, its words on the page, its kind.
pub(super) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
}

pub(super) const fn check(name: &'static str, label: &'static str) -> Field {
    Field { name, label, kind: Kind::Check }
}
pub(super) const fn choice(name: &'static str, label: &'static str, choices: &'static [(&'static str, &'static str)]) -> Field {
    Field { name, label, kind: Kind::Choice(choices) }
}
pub(super) const fn number(name: &'static str, label: &'static str) -> Field {
    Field { name, label, kind: Kind::Number }
}
pub(super) const fn text(name: &'static str, label: &'static str) -> Field {
    Field { name, label, kind: Kind::Text }
}

/// The form with the present values.
pub(super) fn form(fields: &[Field], current: &impl Serialize) -> String {
    let current = serde_json::to_value(current).unwrap_or_default();
    let mut html = String::from("<form method=\"post\" action=\"/faults\">");
    for Field { name, label, kind } in fields {
        let value = current.get(name).unwrap_or(&Value::Null);
        let shown = match value {
            Value::Null => String::new(),
            Value::String(s) => escape(s),
            other => escape(&other.to_string()),
        };
        html.push_str(&match kind {
            Kind::Check => {
                let checked = if value == &Value::Bool(true) { " checked" } else { "" };
                format!("<label><input type=\"checkbox\" name=\"{name}\"{checked}> {label}</label>")
            }
            Kind::Choice(choices) => {
                let options: String = choices
                    .iter()
                    .map(|(v, words)| {
                        let selected = if shown == *v { " selected" } else { "" };
                        format!("<option value=\"{v}\"{selected}>{words}</option>")
                    })
                    .collect();
                format!("<label>{label}<br><select name=\"{name}\">{options}</select></label>")
            }
            Kind::Number => format!(
                "<label>{label}<br><input type=\"text\" inputmode=\"numeric\" name=\"{name}\" value=\"{shown}\"></label>"
            ),
            Kind::Text => format!("<label>{label}<br><input type=\"text\" name=\"{name}\" value=\"{shown}\"></label>"),
        });
    }
    html.push_str("<button class=\"main\">Сохранить</button></form>");
    html
}

/// What the form sent, as a patch: a box that is not ticked is not sent, and means false.
pub(super) fn patch_of_form(fields: &[Field], sent: &[(String, String)]) -> Map<String, Value> {
    let sent = |name: &str| sent.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim());
    fields
        .iter()
        .map(|field| {
            let value = match (&field.kind, sent(field.name)) {
                (Kind::Check, found) => Value::Bool(found.is_some()),
                (Kind::Number, Some(text)) => text.parse::<i64>().map_or(Value::Null, Value::from),
                (Kind::Number, None) => Value::Null,
                (Kind::Choice(_) | Kind::Text, found) => Value::from(found.unwrap_or_default()),
            };
            (field.name.to_owned(), value)
        })
        .collect()
}

/// The switches after the patch; what is not named keeps its value, and `{"reset":true}` begins with all off.
pub(super) fn patched<T: Serialize + DeserializeOwned + Default>(
    current: &T,
    mut patch: Map<String, Value>,
) -> Result<T, String> {
    let base = if patch.remove("reset") == Some(Value::Bool(true)) {
        serde_json::to_value(T::default())
    } else {
        serde_json::to_value(current)
    };
    let Ok(Value::Object(mut merged)) = base else { return Err("the switches are no object".to_owned()) };
    merged.extend(patch);
    serde_json::from_value(Value::Object(merged)).map_err(|e| e.to_string())
}

/// `{"error": …}` for the control API.
pub(super) fn control_error(status: StatusCode, message: impl Into<String>) -> Response {
    (status, axum::Json(serde_json::json!({ "error": message.into() }))).into_response()
}
