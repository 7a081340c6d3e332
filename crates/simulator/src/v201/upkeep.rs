//! What is not about charging: the local list, firmware, logs, the display (2.0.1 part 2 D, L, N, O).
//!
//! A virtual charge point downloads and uploads nothing and is never busy with it: it says at once what a real one would say by and by.

use std::collections::BTreeMap;

use ocpp::DecodeError;
use serde_json::{Value, json};

use super::commands::{Done, integer, list, member, option, optional_integer, optional_text, status, text};
use crate::charger::{Charger, Time};

/// Tokens of the local list.
const MAX_LISTED: usize = 1_000;
/// Messages on the display.
const MAX_MESSAGES: usize = 20;
const PRIORITIES: &[&str] = &["AlwaysFront", "InFront", "NormalCycle"];
const STATES: &[&str] = &["Charging", "Faulted", "Idle", "Unavailable"];

/// Tokens that it knows without asking.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalList {
    version: i64,
    /// In lower case, and whether they may charge.
    tokens: BTreeMap<String, bool>,
}

impl LocalList {
    /// `None` where it says nothing.
    pub(crate) fn allows(&self, id_tag: &str) -> Option<bool> {
        self.tokens.get(&id_tag.to_lowercase()).copied()
    }
}

impl Charger {
    pub(super) fn get_local_list_version(&mut self, _request: &Value, _now: Time) -> Done {
        Ok(Some(json!({ "versionNumber": self.local_list.version })))
    }

    pub(super) fn send_local_list(&mut self, request: &Value, _now: Time) -> Done {
        let version = integer(request, "versionNumber")?;
        let is_full = option(request, "updateType", &["Differential", "Full"])? == "Full";
        let mut changes = Vec::new();
        if request.get("localAuthorizationList").is_some() {
            for entry in list(request, "localAuthorizationList")? {
                let token = text(member(entry, "idToken")?, "idToken")?.to_lowercase();
                // Without a word about it the token is taken off.
                let info = entry.get("idTokenInfo").unwrap_or(&Value::Null);
                changes.push((token, optional_text(info, "status")?.map(|status| status == "Accepted")));
            }
        }
        if !is_full && version <= self.local_list.version {
            return status("VersionMismatch");
        }
        let mut tokens = if is_full { BTreeMap::new() } else { self.local_list.tokens.clone() };
        for (token, is_allowed) in changes {
            match is_allowed {
                Some(is_allowed) => tokens.insert(token, is_allowed),
                None => tokens.remove(&token),
            };
        }
        if tokens.len() > MAX_LISTED {
            return status("Failed");
        }
        self.local_list = LocalList { version, tokens };
        status("Accepted")
    }

    pub(super) fn update_firmware(&mut self, request: &Value, _now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        text(member(request, "firmware")?, "location")?;
        for state in ["Downloading", "Downloaded", "Installing", "Installed"] {
            self.notify("FirmwareStatusNotification", &json!({ "status": state, "requestId": request_id }));
        }
        status("Accepted")
    }

    pub(super) fn get_log(&mut self, request: &Value, _now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        let kind = option(request, "logType", &["DiagnosticsLog", "SecurityLog"])?;
        text(member(request, "log")?, "remoteLocation")?;
        for state in ["Uploading", "Uploaded"] {
            self.notify("LogStatusNotification", &json!({ "status": state, "requestId": request_id }));
        }
        Ok(Some(json!({ "status": "Accepted", "filename": format!("{kind}-{request_id}.log") })))
    }

    pub(super) fn customer_information(&mut self, request: &Value, now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        let is_asked = |name: &str| member(request, name).map(|value| value == &json!(true));
        let (reports, clears) = (is_asked("report")?, is_asked("clear")?);
        if clears {
            self.forget_tags();
        }
        if reports {
            let payload = json!({ "data": "", "seqNo": 0, "generatedAt": self.time(now), "requestId": request_id });
            self.notify("NotifyCustomerInformation", &payload);
        }
        status("Accepted")
    }

    // --- display ------------------------------------------------------------------------------------------------------

    pub(super) fn set_display_message(&mut self, request: &Value, _now: Time) -> Done {
        let message = member(request, "message")?;
        let id = integer(message, "id")?;
        option(message, "priority", PRIORITIES)?;
        text(member(message, "message")?, "content")?;
        if message.get("state").is_some() {
            option(message, "state", STATES)?;
        }
        let of_transaction = optional_text(message, "transactionId")?;
        if of_transaction.is_some_and(|transaction_id| self.connector_of_own(transaction_id).is_none()) {
            return status("UnknownTransaction");
        }
        if self.messages.len() >= MAX_MESSAGES && !self.messages.contains_key(&id) {
            return status("Rejected");
        }
        self.messages.insert(id, message.clone());
        status("Accepted")
    }

    pub(super) fn get_display_messages(&mut self, request: &Value, _now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        let (priority, state) = (optional_text(request, "priority")?, optional_text(request, "state")?);
        let ids = match request.get("id") {
            None => None,
            Some(_) => Some(list(request, "id")?),
        };
        let is_meant = |id: i64, message: &Value| {
            ids.is_none_or(|ids| ids.contains(&json!(id)))
                && priority.is_none_or(|priority| message["priority"] == priority)
                && state.is_none_or(|state| message["state"] == state)
        };
        let found = self.messages.iter().filter(|(id, message)| is_meant(**id, message));
        let found: Vec<Value> = found.map(|(_, message)| message.clone()).collect();
        if found.is_empty() {
            return status("Unknown");
        }
        self.notify("NotifyDisplayMessages", &json!({ "requestId": request_id, "messageInfo": found, "tbc": false }));
        status("Accepted")
    }

    pub(super) fn clear_display_message(&mut self, request: &Value, _now: Time) -> Done {
        let id = integer(request, "id")?;
        status(if self.messages.remove(&id).is_some() { "Accepted" } else { "Unknown" })
    }

    pub(super) fn get_charging_profiles(&mut self, request: &Value, _now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        let criteria = member(request, "chargingProfile")?;
        let evse = optional_integer(request, "evseId")?;
        let found: Vec<(u32, Value)> = self.installed_profiles(evse, criteria)?;
        if found.is_empty() {
            return status("NoProfiles");
        }
        let count = found.len();
        for (place, (evse, profile)) in found.into_iter().enumerate() {
            let payload = json!({
                "requestId": request_id, "chargingLimitSource": "CSO", "evseId": evse, "chargingProfile": [profile],
                "tbc": place + 1 < count,
            });
            self.notify("ReportChargingProfiles", &payload);
        }
        status("Accepted")
    }

    /// The profiles that a request means, as they are told.
    fn installed_profiles(&self, evse: Option<i64>, criteria: &Value) -> Result<Vec<(u32, Value)>, DecodeError> {
        let purpose = optional_text(criteria, "chargingProfilePurpose")?;
        let stack_level = optional_integer(criteria, "stackLevel")?;
        let ids = match criteria.get("chargingProfileId") {
            None => None,
            Some(_) => Some(list(criteria, "chargingProfileId")?),
        };
        let mut found = Vec::new();
        for connector in &self.connectors {
            let Some((name, profile)) = connector.profile().map(|(key, profile)| (self.own_name(key), profile)) else {
                continue;
            };
            let is_meant = evse.is_none_or(|evse| evse == i64::from(connector.id))
                && purpose.is_none_or(|purpose| purpose == "TxProfile")
                && stack_level.is_none_or(|level| level == i64::from(profile.stack_level))
                && ids.is_none_or(|ids| ids.contains(&json!(profile.id)));
            if is_meant {
                found.push((connector.id, super::commands::told_profile(profile, &name)));
            }
        }
        Ok(found)
    }
}
