//! Payloads spoiled after they were written: what no type would let through.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::{Fault, Faults};

/// The faults that are done here.
const SPOILING: &[Fault] = &[
    Fault::NoTimeZone,
    Fault::NumberValues,
    Fault::VendorSpellings,
    Fault::UnknownValues,
    Fault::ExtraFields,
    Fault::EmptyVendor,
    Fault::NulInStrings,
];

/// Free texts of all messages.
const FREE_TEXTS: &[&str] = &["chargePointModel", "firmwareVersion", "info", "model", "vendorErrorCode"];
/// Lists of values that a charge point may get wrong without becoming another message.
const LISTS: &[&str] = &["chargingState", "context", "errorCode", "location", "reason", "stoppedReason", "triggerReason"];
const SPELLED: &[&str] = &["context", "location", "measurand", "unit"];

pub(crate) fn is_needed(faults: &Faults) -> bool {
    faults.iter().any(|fault| SPOILING.contains(fault))
}

pub(crate) fn spoil(faults: &Faults, payload: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let mut value: Value = serde_json::from_str(payload.get())?;
    walk(faults, &mut value);
    to_raw_value(&value)
}

fn walk(faults: &Faults, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(faults, item)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) => {
                        if let Some(spoiled) = spoiled(faults, name, text) {
                            *field = spoiled;
                        }
                    }
                    other => walk(faults, other),
                }
            }
            add(faults, fields);
        }
        _ => {}
    }
}

fn spoiled(faults: &Faults, name: &str, text: &str) -> Option<Value> {
    let has = |fault: Fault| faults.has(&fault);
    if name == "timestamp" && has(Fault::NoTimeZone) {
        return text.split_once('.').map(|(head, _)| head.into());
    }
    if name == "value" && has(Fault::NumberValues) {
        return serde_json::from_str(text).ok().map(Value::Number);
    }
    if matches!(name, "chargePointVendor" | "vendorName") && has(Fault::EmptyVendor) {
        return Some("".into());
    }
    if FREE_TEXTS.contains(&name) && has(Fault::NulInStrings) {
        return Some(format!("{text}\u{0}").into());
    }
    if LISTS.contains(&name) && has(Fault::UnknownValues) {
        return Some(format!("Vendor.{text}").into());
    }
    (SPELLED.contains(&name) && has(Fault::VendorSpellings)).then(|| text.to_ascii_lowercase().into())
}

fn add(faults: &Faults, fields: &mut Map<String, Value>) {
    if faults.has(&Fault::ExtraFields) {
        fields.insert("vendorSignal".into(), json!({ "rssi": -71, "band": null }));
    }
    if faults.has(&Fault::NulInStrings) && fields.contains_key("errorCode") {
        fields.insert("info".into(), "door\u{0}open".into());
    }
    if faults.has(&Fault::VendorSpellings)
        && let Some(Value::Array(samples)) = fields.get_mut("sampledValue")
    {
        // The misspelling of many chargers; 2.0.1 has numbers and a unit of its own.
        let is_text = samples.first().is_none_or(|sample| sample["value"].is_string());
        samples.push(if is_text {
            json!({ "value": "31.5", "measurand": "Temperature", "unit": "Celcius" })
        } else {
            json!({ "value": 31.5, "measurand": "Temperature", "unitOfMeasure": { "unit": "Celcius" } })
        });
    }
}
