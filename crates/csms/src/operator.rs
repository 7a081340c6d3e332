//! What a person sends to a charge point: any message of the protocol that it speaks, checked by the message's own types.
//!
//! Not here: what begins or ends a charge (sessions do that, and pay for it), passwords and certificates (which have ways of their own, so that
//! nobody is locked out and no secret stands in a log).

use domain::ChargePointId;
use ocpp::{Frame, ToStation, ToStationError};
use platform::audit::Actor;
use platform::charging::{Charging, ChargingError, CommandBody, CommandOutcome};
use platform::stations::{Stations, StationsError};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::handler::{Call, Unsayable};
use crate::protocol::Protocol;

/// Actions with a way of their own, and which.
const RESERVED: &[(&str, &str)] = &[
    ("RemoteStartTransaction", "sessions start charging: somebody must pay"),
    ("RequestStartTransaction", "sessions start charging: somebody must pay"),
    ("RemoteStopTransaction", "sessions stop charging"),
    ("RequestStopTransaction", "sessions stop charging"),
    ("CertificateSigned", "a certificate is sent when the charge point asks for one"),
];
/// The names of passwords.
const PASSWORDS: &[&str] = &["AuthorizationKey", "BasicAuthPassword"];
/// Answers that mean yes. What has no status is one.
const YES: &[&str] = &["Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"];

/// Where an answer says yes or no to each of several.
const RESULTS: &[&str] = &["setVariableResult", "getVariableResult", "setMonitoringResult", "clearMonitoringResult"];

/// Why a message of a person is not sent.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("the charge point has never been connected: nobody knows which OCPP it speaks")]
    NeverConnected,
    #[error("{action} is no message to a charge point in {protocol}")]
    NoSuchMessage { action: String, protocol: &'static str },
    #[error("{action} is not sent by hand: {why}")]
    Reserved { action: String, why: &'static str },
    #[error(transparent)]
    Message(#[from] ToStationError),
    #[error(transparent)]
    Stations(#[from] StationsError),
    #[error(transparent)]
    Charging(#[from] ChargingError),
}

/// Sends a message: the command's id. `key` makes it one, however often it is asked for.
pub async fn send(
    stations: &Stations,
    charging: &Charging,
    charge_point: ChargePointId,
    (action, payload): (&str, &str),
    key: &str,
    within: chrono::TimeDelta,
    actor: Actor,
) -> Result<domain::CommandId, OperatorError> {
    let protocol = stations.protocol_of(charge_point).await?.ok_or(OperatorError::NeverConnected)?;
    let body = check(&protocol, action, payload)?;
    Ok(charging.operate(charge_point, body, key, within, actor).await?)
}

/// The message as a command.
fn check(protocol: &str, action: &str, payload: &str) -> Result<CommandBody, OperatorError> {
    let protocol = Protocol::by_name(protocol).ok_or(OperatorError::NeverConnected)?;
    let reserved = |why| OperatorError::Reserved { action: action.to_owned(), why };
    if let Some((_, why)) = RESERVED.iter().find(|(name, _)| *name == action) {
        return Err(reserved(why));
    }
    let name = protocol.subprotocol();
    let message =
        message(protocol, action).ok_or_else(|| OperatorError::NoSuchMessage { action: action.to_owned(), protocol: name })?;
    let request = message.request(payload)?;
    let payload: Value = serde_json::from_str(request.get()).unwrap_or_default();
    if matches!(action, "ChangeConfiguration" | "SetVariables") && names_a_password(&payload) {
        return Err(reserved("a new password is sent so that the old one stays good until it is seen"));
    }
    Ok(CommandBody::Operator { protocol: name.to_owned(), action: action.to_owned(), payload })
}

fn message(protocol: Protocol, action: &str) -> Option<&'static ToStation> {
    protocol.to_station.iter().find(|message| message.action == action)
}

fn names_a_password(payload: &Value) -> bool {
    match payload {
        Value::String(text) => PASSWORDS.iter().any(|name| text.trim().eq_ignore_ascii_case(name)),
        Value::Array(items) => items.iter().any(names_a_password),
        Value::Object(fields) => fields.values().any(names_a_password),
        _ => false,
    }
}

/// Says it.
pub(crate) fn say(protocol: Protocol, id: &str, asked: &str, action: &str, payload: &Value) -> Result<Call, Unsayable> {
    let message = message(protocol, action).filter(|_| protocol.subprotocol() == asked);
    // It was written for what the charge point spoke then.
    let message = message.ok_or(Unsayable::OtherProtocol)?;
    let payload = message.request(&payload.to_string()).map_err(Unsayable::Operator)?;
    let frame = Frame::Call { id: id.into(), action: action.into(), payload: &payload }.encode()?;
    Ok(Call { action: message.action, frame })
}

/// What the answer means. One that cannot be understood is a failure, not a yes.
pub(crate) fn outcome(protocol: Protocol, action: &str, payload: &RawValue) -> CommandOutcome {
    let is_readable = message(protocol, action).is_some_and(|message| message.response(payload).is_ok());
    let Some(answer) = serde_json::from_str::<Value>(payload.get()).ok().filter(|_| is_readable) else {
        return CommandOutcome::Failed;
    };
    let is_yes = |status: &Value| status.as_str().is_none_or(|status| YES.contains(&status));
    let each = RESULTS.iter().find_map(|name| answer[name].as_array());
    let accepted = match each {
        Some(results) => results.iter().all(|result| is_yes(&result["attributeStatus"]) && is_yes(&result["status"])),
        None => is_yes(&answer["status"]),
    };
    if accepted { CommandOutcome::Accepted } else { CommandOutcome::Rejected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(protocol: &str, action: &str, payload: &str) -> String {
        check(protocol, action, payload).unwrap_err().to_string()
    }

    #[test]
    fn only_messages_of_its_protocol_go_to_a_charge_point() {
        assert!(check("ocpp1.6", "UnlockConnector", r#"{"connectorId":1}"#).is_ok());
        assert!(check("ocpp2.0.1", "UnlockConnector", r#"{"evseId":1,"connectorId":1}"#).is_ok());
        assert!(refused("ocpp2.0.1", "UnlockConnector", r#"{"connectorId":1}"#).contains("evseId"));
        assert_eq!(refused("ocpp1.6", "GetBaseReport", "{}"), "GetBaseReport is no message to a charge point in ocpp1.6");
        assert_eq!(refused("ocpp1.6", "Heartbeat", "{}"), "Heartbeat is no message to a charge point in ocpp1.6");
    }

    #[test]
    fn charging_passwords_and_certificates_have_ways_of_their_own() {
        assert!(refused("ocpp1.6", "RemoteStartTransaction", r#"{"idTag":"X"}"#).contains("somebody must pay"));
        assert!(refused("ocpp1.6", "CertificateSigned", r#"{"certificateChain":"x"}"#).contains("not sent by hand"));
        let password = r#"{"key":"authorizationkey","value":"00"}"#;
        assert!(refused("ocpp1.6", "ChangeConfiguration", password).contains("password"));
        let variable = r#"{"setVariableData":[{"attributeValue":"x","component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}}]}"#;
        assert!(refused("ocpp2.0.1", "SetVariables", variable).contains("password"));
    }

    #[test]
    fn an_answer_means_yes_no_or_nothing() {
        let means = |action: &str, answer: &str| {
            let raw = RawValue::from_string(answer.to_owned()).unwrap();
            outcome(Protocol::by_name("ocpp1.6").unwrap(), action, &raw)
        };
        assert_eq!(means("UnlockConnector", r#"{"status":"Unlocked"}"#), CommandOutcome::Accepted);
        assert_eq!(means("UnlockConnector", r#"{"status":"UnlockFailed"}"#), CommandOutcome::Rejected);
        assert_eq!(means("GetLocalListVersion", r#"{"listVersion":3}"#), CommandOutcome::Accepted);
        assert_eq!(means("UpdateFirmware", "{}"), CommandOutcome::Accepted);
        assert_eq!(means("GetLocalListVersion", "{}"), CommandOutcome::Failed);
    }
}
