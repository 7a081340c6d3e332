//! The CALLs of the central system.

use ocpp::v16::meter_values::Context;
use ocpp::v16::stop_transaction::Reason;
use ocpp::{Decimal, DecodeError, ErrorCode, Frame, Path};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::messages::number;
use super::variables::{ITEMS_PER_MESSAGE, Variable};
use crate::call::Body;
use crate::charger::{Charger, Close, PendingReset, SOFT_RESET_PATIENCE_MS, Time, after_ms};
use crate::connector::{Grant, Phase};
use crate::profile::{MAX_PERIODS, Period, Profile};
use crate::{Fault, RemoteStartFault, RemoteStopFault};

/// What this station knows the name of and does not do.
const NOT_DONE: &[&str] = &[
    "CancelReservation",
    "CertificateSigned",
    "ClearVariableMonitoring",
    "DeleteCertificate",
    "GetCompositeSchedule",
    "GetInstalledCertificateIds",
    "GetMonitoringReport",
    "InstallCertificate",
    "PublishFirmware",
    "ReserveNow",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "UnpublishFirmware",
];
/// An IdToken's length.
const MAX_TOKEN_CHARS: usize = 36;

/// What is answered; `None` is silence, which only a fault keeps.
pub(super) type Done = Result<Option<Value>, DecodeError>;

fn wrong(code: ErrorCode, name: &str, what: &'static str) -> DecodeError {
    DecodeError::new(code, &Path::ROOT.name(name), what)
}

/// A payload, which is an object.
pub(crate) fn object(payload: &RawValue) -> Result<Value, DecodeError> {
    let value: Value = serde_json::from_str(payload.get())
        .map_err(|_| DecodeError::new(ErrorCode::FormatViolation, &Path::ROOT, "is no JSON that can be read"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(DecodeError::new(ErrorCode::FormatViolation, &Path::ROOT, "must be an object"))
    }
}

pub(crate) fn member<'a>(object: &'a Value, name: &str) -> Result<&'a Value, DecodeError> {
    let found = object.get(name).filter(|value| !value.is_null());
    found.ok_or_else(|| wrong(ErrorCode::OccurrenceConstraintViolation, name, "is required"))
}

pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str, DecodeError> {
    let not_text = || wrong(ErrorCode::TypeConstraintViolation, name, "must be a string");
    member(object, name)?.as_str().ok_or_else(not_text)
}

pub(crate) fn optional_text<'a>(object: &'a Value, name: &str) -> Result<Option<&'a str>, DecodeError> {
    if object.get(name).is_none_or(Value::is_null) { Ok(None) } else { text(object, name).map(Some) }
}

pub(super) fn integer(object: &Value, name: &str) -> Result<i64, DecodeError> {
    let no_integer = || wrong(ErrorCode::TypeConstraintViolation, name, "must be an integer");
    member(object, name)?.as_i64().ok_or_else(no_integer)
}

pub(super) fn optional_integer(object: &Value, name: &str) -> Result<Option<i64>, DecodeError> {
    if object.get(name).is_none_or(Value::is_null) { Ok(None) } else { integer(object, name).map(Some) }
}

pub(super) fn list<'a>(object: &'a Value, name: &str) -> Result<&'a [Value], DecodeError> {
    let no_list = || wrong(ErrorCode::TypeConstraintViolation, name, "must be an array");
    let items = member(object, name)?.as_array().ok_or_else(no_list)?;
    if items.is_empty() {
        return Err(wrong(ErrorCode::OccurrenceConstraintViolation, name, "must not be empty"));
    }
    Ok(items)
}

/// A value of a list of the standard.
pub(super) fn option<'a>(object: &'a Value, name: &str, known: &[&str]) -> Result<&'a str, DecodeError> {
    let value = text(object, name)?;
    if known.contains(&value) {
        Ok(value)
    } else {
        Err(wrong(ErrorCode::PropertyConstraintViolation, name, "is not a value of the standard"))
    }
}

fn time(object: &Value, name: &str) -> Result<Option<Time>, DecodeError> {
    let Some(text) = optional_text(object, name)? else { return Ok(None) };
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    parsed.map(Some).map_err(|_| wrong(ErrorCode::FormatViolation, name, "is no time"))
}

/// A decimal in thousandths.
fn milli(object: &Value, name: &str) -> Result<i64, DecodeError> {
    let no_number = || wrong(ErrorCode::TypeConstraintViolation, name, "must be a number");
    let Value::Number(number) = member(object, name)? else { return Err(no_number()) };
    Decimal::parse(&number.to_string()).map(Decimal::milli).ok_or_else(no_number)
}

pub(super) fn status(status: &str) -> Done {
    Ok(Some(json!({ "status": status })))
}

impl Charger {
    pub(crate) fn receive_call_v201(&mut self, id: &str, action: &str, payload: &RawValue, now: Time) {
        let done: fn(&mut Self, &Value, Time) -> Done = match action {
            "ChangeAvailability" => Self::change_availability_v201,
            "ClearCache" => Self::clear_cache_v201,
            "ClearChargingProfile" => Self::clear_charging_profile_v201,
            "ClearDisplayMessage" => Self::clear_display_message,
            "CostUpdated" => Self::cost_updated,
            "CustomerInformation" => Self::customer_information,
            "DataTransfer" => Self::data_transfer_v201,
            "GetBaseReport" => Self::get_base_report,
            "GetChargingProfiles" => Self::get_charging_profiles,
            "GetDisplayMessages" => Self::get_display_messages,
            "GetLocalListVersion" => Self::get_local_list_version,
            "GetLog" => Self::get_log,
            "GetReport" => Self::get_report,
            "GetTransactionStatus" => Self::get_transaction_status,
            "GetVariables" => Self::get_variables,
            "RequestStartTransaction" => Self::request_start,
            "RequestStopTransaction" => Self::request_stop,
            "Reset" => Self::reset_v201,
            "SendLocalList" => Self::send_local_list,
            "SetChargingProfile" => Self::set_charging_profile_v201,
            "SetDisplayMessage" => Self::set_display_message,
            "SetVariables" => Self::set_variables,
            "TriggerMessage" => Self::trigger_message_v201,
            "UnlockConnector" => Self::unlock_connector_v201,
            "UpdateFirmware" => Self::update_firmware,
            _ if NOT_DONE.contains(&action) => return self.reply_error(id, ErrorCode::NotSupported, action, now),
            _ => return self.reply_error(id, ErrorCode::NotImplemented, action, now),
        };
        let answer = object(payload).and_then(|request| done(self, &request, now));
        let answer = match answer {
            Ok(None) => return,
            Ok(Some(answer)) => answer,
            Err(error) => return self.reply_error(id, error.code, &error.description(), now),
        };
        let written = to_raw_value(&answer).ok().and_then(|payload| {
            let frame = Frame::CallResult { id: id.into(), payload: &payload };
            frame.encode().ok()
        });
        match written {
            Some(text) => self.reply(text, now),
            None => self.reply_error(id, ErrorCode::InternalError, "the answer cannot be written", now),
        }
    }

    fn request_start(&mut self, request: &Value, now: Time) -> Done {
        let token = member(request, "idToken")?;
        let (id_token, kind) = (text(token, "idToken")?, text(token, "type")?);
        let remote_start_id = integer(request, "remoteStartId")?;
        let evse = optional_integer(request, "evseId")?;
        let profile = request.get("chargingProfile").map(profile).transpose()?;
        match self.remote_start_fault() {
            None => {}
            Some(RemoteStartFault::Refuse) => return status("Rejected"),
            Some(RemoteStartFault::AcceptAndNeverStart) => return status("Accepted"),
            Some(RemoteStartFault::NoReply) => return Ok(None),
        }
        let is_token = (1..=MAX_TOKEN_CHARS).contains(&id_token.chars().count());
        let fits = profile.as_ref().is_none_or(|profile| profile.purpose == "TxProfile" && profile.is_readable());
        let wanted = evse.map(|evse| u32::try_from(evse).unwrap_or(u32::MAX));
        let Some(id) = self.connector_for_remote_start(wanted).filter(|_| is_token && fits) else {
            return status("Rejected");
        };
        let grant = Grant {
            id_tag: id_token.to_owned(),
            token_kind: Some(kind.to_owned()),
            remote_start_id: Some(remote_start_id),
            profile: profile.map(|profile| Box::new(profile.profile)),
        };
        self.start_remotely(id, grant, now);
        status("Accepted")
    }

    fn request_stop(&mut self, request: &Value, now: Time) -> Done {
        let transaction_id = text(request, "transactionId")?;
        match self.remote_stop_fault() {
            None => {}
            Some(RemoteStopFault::Refuse) => return status("Rejected"),
            Some(RemoteStopFault::AcceptAndIgnore) => return status("Accepted"),
            Some(RemoteStopFault::NoReply) => return Ok(None),
        }
        let Some(id) = self.connector_of_own(transaction_id) else { return status("Rejected") };
        self.stop(id, Reason::Remote, None, now);
        status("Accepted")
    }

    /// The connector where the transaction of this name runs.
    pub(super) fn connector_of_own(&self, transaction_id: &str) -> Option<u32> {
        let runs = |phase: &Phase| matches!(phase, Phase::Charging(running) if self.own_name(running.key) == transaction_id);
        self.connectors.iter().find(|connector| runs(&connector.phase)).map(|connector| connector.id)
    }

    fn reset_v201(&mut self, request: &Value, now: Time) -> Done {
        let kind = option(request, "type", &["Immediate", "OnIdle"])?;
        if optional_integer(request, "evseId")?.is_some() {
            // It has one computer for all its EVSEs.
            return status("Rejected");
        }
        let waits = kind == "OnIdle" && self.connectors.iter().any(crate::connector::Connector::is_in_transaction);
        self.boot_reason = if waits { "ScheduledReset" } else { "RemoteReset" };
        if !waits {
            self.stop_all(&Reason::HardReset, now);
        }
        let deadline = (!waits).then(|| after_ms(now, SOFT_RESET_PATIENCE_MS));
        self.pending_reset = Some(PendingReset { close: Close::Clean, deadline });
        if self.faults.has(&Fault::SilentReset) {
            self.pending_reset = Some(PendingReset { close: Close::Abrupt, deadline: Some(now) });
            return Ok(None);
        }
        status(if waits { "Scheduled" } else { "Accepted" })
    }

    fn change_availability_v201(&mut self, request: &Value, _now: Time) -> Done {
        let is_operative = option(request, "operationalStatus", &["Operative", "Inoperative"])? == "Operative";
        let evse = match request.get("evse") {
            None => None,
            Some(evse) => Some(self.evse(evse)?),
        };
        let changed = match evse {
            None => self.set_availability(None, is_operative),
            Some(None) => None,
            Some(Some(id)) => self.set_availability(Some(id), is_operative),
        };
        status(match changed {
            None => "Rejected",
            Some(true) => "Scheduled",
            Some(false) => "Accepted",
        })
    }

    /// The connector that an EVSEType means, if there is one.
    fn evse(&self, evse: &Value) -> Result<Option<u32>, DecodeError> {
        let id = u32::try_from(integer(evse, "id")?).unwrap_or(0);
        let connector = optional_integer(evse, "connectorId")?;
        let is_there = self.connectors.iter().any(|known| known.id == id) && connector.is_none_or(|connector| connector == 1);
        Ok(is_there.then_some(id))
    }

    fn unlock_connector_v201(&mut self, request: &Value, _now: Time) -> Done {
        let (evse, connector) = (integer(request, "evseId")?, integer(request, "connectorId")?);
        let id = u32::try_from(evse).unwrap_or(0);
        status(match self.connector(id) {
            Some(found) if connector == 1 => {
                if found.is_in_transaction() {
                    "OngoingAuthorizedTransaction"
                } else {
                    "Unlocked"
                }
            }
            _ => "UnknownConnector",
        })
    }

    fn clear_cache_v201(&mut self, _request: &Value, _now: Time) -> Done {
        self.forget_tags();
        status("Accepted")
    }

    fn data_transfer_v201(&mut self, request: &Value, _now: Time) -> Done {
        text(request, "vendorId")?;
        status("UnknownVendorId")
    }

    fn cost_updated(&mut self, request: &Value, _now: Time) -> Done {
        milli(request, "totalCost")?;
        let cost = member(request, "totalCost")?.to_string();
        let found = self.connector_of_own(text(request, "transactionId")?);
        if let Some(connector) = found.and_then(|id| self.connector(id))
            && let Phase::Charging(running) = &mut connector.phase
        {
            running.cost = Some(cost);
        }
        Ok(Some(json!({})))
    }

    fn get_transaction_status(&mut self, request: &Value, _now: Time) -> Done {
        let Some(transaction_id) = optional_text(request, "transactionId")? else {
            return Ok(Some(json!({ "messagesInQueue": self.outbox.undelivered() > 0 })));
        };
        let in_queue = self.outbox.keys().any(|key| self.own_name(key) == transaction_id);
        let is_running = self.connector_of_own(transaction_id).is_some();
        Ok(Some(json!({ "ongoingIndicator": is_running, "messagesInQueue": in_queue })))
    }

    // --- device model -------------------------------------------------------------------------------------------------

    fn get_variables(&mut self, request: &Value, _now: Time) -> Done {
        let model = self.device_model();
        let mut results = Vec::new();
        for asked in items(request, "getVariableData")? {
            let (component, variable) = component_variable(asked)?;
            results.push(self.get_variable(&model, component, variable, optional_text(asked, "attributeType")?));
        }
        Ok(Some(json!({ "getVariableResult": results })))
    }

    fn set_variables(&mut self, request: &Value, _now: Time) -> Done {
        let mut wanted = Vec::new();
        // All of them are read before one is set.
        for asked in items(request, "setVariableData")? {
            let (component, variable) = component_variable(asked)?;
            wanted.push((component, variable, optional_text(asked, "attributeType")?, text(asked, "attributeValue")?));
        }
        let model = self.device_model();
        let set = |(component, variable, kind, value): (&Value, &Value, Option<&str>, &str)| {
            self.set_variable(&model, component, variable, kind, value)
        };
        let results: Vec<Value> = wanted.into_iter().map(set).collect();
        Ok(Some(json!({ "setVariableResult": results })))
    }

    fn get_base_report(&mut self, request: &Value, now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        let base = option(request, "reportBase", &["ConfigurationInventory", "FullInventory", "SummaryInventory"])?;
        let mut model = self.device_model();
        match base {
            "ConfigurationInventory" => model.retain(Variable::is_settable),
            "SummaryInventory" => model.retain(Variable::is_summary),
            _ => {}
        }
        self.report(request_id, &model, now);
        status("Accepted")
    }

    fn get_report(&mut self, request: &Value, now: Time) -> Done {
        let request_id = integer(request, "requestId")?;
        if request.get("componentCriteria").is_some_and(|criteria| criteria != &json!(["Available"])) {
            return status("EmptyResultSet");
        }
        let mut model = self.device_model();
        if request.get("componentVariable").is_some() {
            let wanted = list(request, "componentVariable")?;
            for asked in wanted {
                text(member(asked, "component")?, "name")?;
            }
            let is_meant =
                |known: &Variable| wanted.iter().any(|asked| known.is_meant(&asked["component"], asked.get("variable")));
            model.retain(is_meant);
        }
        if model.is_empty() {
            return status("EmptyResultSet");
        }
        self.report(request_id, &model, now);
        status("Accepted")
    }

    /// NotifyReport, in parts.
    fn report(&mut self, request_id: i64, model: &[Variable], now: Time) {
        let count = model.chunks(ITEMS_PER_MESSAGE).count();
        let generated_at = self.time(now);
        for (seq, part) in model.chunks(ITEMS_PER_MESSAGE).enumerate() {
            let rows: Vec<Value> = part.iter().map(Variable::report).collect();
            let is_last = seq + 1 == count;
            self.notify(
                "NotifyReport",
                &json!({
                    "requestId": request_id, "generatedAt": generated_at, "seqNo": seq, "tbc": !is_last, "reportData": rows,
                }),
            );
        }
    }

    pub(super) fn notify(&mut self, action: &'static str, payload: &Value) {
        if let Ok(payload) = to_raw_value(payload) {
            self.outbox.push_at_once(Body::Written { action, payload });
        }
    }

    fn trigger_message_v201(&mut self, request: &Value, now: Time) -> Done {
        let asked = text(request, "requestedMessage")?;
        let ids = match request.get("evse") {
            None => self.connector_ids(),
            Some(evse) => match self.evse(evse)? {
                Some(id) => vec![id],
                None => return status("Rejected"),
            },
        };
        match asked {
            "BootNotification" if self.is_registered() => return status("Rejected"),
            "BootNotification" => {
                self.boot_reason = "Triggered";
                self.outbox.push_at_once(Body::Boot);
            }
            "Heartbeat" => self.outbox.push_at_once(Body::Heartbeat),
            "StatusNotification" => {
                for id in ids {
                    let version = self.config.version;
                    let Some(connector) = self.connector(id) else { continue };
                    let (status, error) = connector.told_status(version);
                    self.outbox.push_at_once(Body::Status { connector: id, status, error, at: now });
                }
            }
            "MeterValues" => {
                for id in ids {
                    if let Some(mut sample) = self.reading(id, Context::Trigger, now) {
                        // Of the EVSE, whatever goes on there.
                        sample.key = None;
                        self.outbox.push_at_once(Body::Meter(Box::new(sample), None));
                    }
                }
            }
            "TransactionEvent" => {
                let mut is_one = false;
                for id in ids {
                    let Some(event) = self.event(id, "Trigger") else { continue };
                    if let Some(sample) = self.reading(id, Context::Trigger, now) {
                        self.outbox.push_at_once(Body::Meter(Box::new(sample), Some(event)));
                        is_one = true;
                    }
                }
                if !is_one {
                    return status("Rejected");
                }
            }
            "FirmwareStatusNotification" => self.notify("FirmwareStatusNotification", &json!({ "status": "Idle" })),
            "LogStatusNotification" => self.notify("LogStatusNotification", &json!({ "status": "Idle" })),
            _ => return status("NotImplemented"),
        }
        status("Accepted")
    }

    // --- charging profiles --------------------------------------------------------------------------------------------

    fn set_charging_profile_v201(&mut self, request: &Value, now: Time) -> Done {
        let evse = integer(request, "evseId")?;
        let given = profile(member(request, "chargingProfile")?)?;
        let of_transaction = given.transaction_id.as_deref().map(|transaction_id| self.connector_of_own(transaction_id));
        let id = u32::try_from(evse).unwrap_or(0);
        let fits = given.purpose == "TxProfile" && given.is_readable() && of_transaction == Some(Some(id));
        let Some(connector) = self.connector(id).filter(|_| fits) else { return status("Rejected") };
        let Phase::Charging(running) = &mut connector.phase else { return status("Rejected") };
        running.profile = Some(Box::new(given.profile));
        connector.apply_profile(now);
        status("Accepted")
    }

    fn clear_charging_profile_v201(&mut self, request: &Value, now: Time) -> Done {
        let wanted_id = optional_integer(request, "chargingProfileId")?;
        let criteria = request.get("chargingProfileCriteria").unwrap_or(&Value::Null);
        let evse = optional_integer(criteria, "evseId")?;
        let purpose = optional_text(criteria, "chargingProfilePurpose")?;
        let stack_level = optional_integer(criteria, "stackLevel")?;
        let fits = |id: u32, profile: &Profile| {
            wanted_id.is_none_or(|wanted| wanted == profile.id)
                && evse.is_none_or(|wanted| wanted == i64::from(id))
                && purpose.is_none_or(|wanted| wanted == "TxProfile")
                && stack_level.is_none_or(|wanted| wanted == i64::from(profile.stack_level))
        };
        status(if self.clear_profiles(fits, now) { "Accepted" } else { "Unknown" })
    }
}

/// A profile as it is told; its schedule has a number of its own, which means nothing here.
pub(super) fn told_profile(profile: &Profile, transaction_id: &str) -> Value {
    let written = |at: Time| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let periods: Vec<Value> = profile
        .periods
        .iter()
        .map(|period| {
            let mut told = json!({ "startPeriod": period.start_s, "limit": number(Decimal::from_milli(period.limit_milli)) });
            if let Some(phases) = period.phases {
                told["numberPhases"] = phases.into();
            }
            told
        })
        .collect();
    let unit = if profile.is_in_ampere { "A" } else { "W" };
    let mut schedule = json!({ "id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": periods });
    if let Some(start) = profile.start {
        schedule["startSchedule"] = written(start).into();
    }
    if let Some(duration_s) = profile.duration_s {
        schedule["duration"] = duration_s.into();
    }
    let mut told = json!({
        "id": profile.id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": if profile.is_absolute { "Absolute" } else { "Relative" },
        "transactionId": transaction_id,
        "chargingSchedule": [schedule],
    });
    for (name, time) in [("validFrom", profile.valid_from), ("validTo", profile.valid_to)] {
        if let Some(time) = time {
            told[name] = written(time).into();
        }
    }
    told
}

/// The items of Get- and SetVariables, not more than one message may have.
fn items<'a>(request: &'a Value, name: &str) -> Result<&'a [Value], DecodeError> {
    let items = list(request, name)?;
    if items.len() > ITEMS_PER_MESSAGE {
        return Err(wrong(ErrorCode::OccurrenceConstraintViolation, name, "has more items than ItemsPerMessage"));
    }
    Ok(items)
}

fn component_variable(asked: &Value) -> Result<(&Value, &Value), DecodeError> {
    let (component, variable) = (member(asked, "component")?, member(asked, "variable")?);
    text(component, "name")?;
    text(variable, "name")?;
    Ok((component, variable))
}

/// A ChargingProfile as it was given.
struct Given {
    profile: Profile,
    purpose: String,
    kind: String,
    transaction_id: Option<String>,
}

impl Given {
    /// Whether this station can do it.
    fn is_readable(&self) -> bool {
        matches!(self.kind.as_str(), "Absolute" | "Relative")
            && (1..=MAX_PERIODS).contains(&self.profile.periods.len())
            && self.profile.stack_level == 0
    }
}

fn profile(value: &Value) -> Result<Given, DecodeError> {
    let kind = option(value, "chargingProfileKind", &["Absolute", "Recurring", "Relative"])?;
    let purposes = ["ChargingStationExternalConstraints", "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"];
    let purpose = option(value, "chargingProfilePurpose", &purposes)?;
    // It has no ISO 15118 and so no choice: the first of them.
    let schedules = list(value, "chargingSchedule")?;
    let schedule =
        schedules.first().ok_or_else(|| wrong(ErrorCode::OccurrenceConstraintViolation, "chargingSchedule", "is empty"))?;
    let unit = option(schedule, "chargingRateUnit", &["W", "A"])?;
    let mut periods = Vec::new();
    for period in list(schedule, "chargingSchedulePeriod")? {
        periods.push(Period {
            start_s: integer(period, "startPeriod")?,
            limit_milli: milli(period, "limit")?,
            phases: optional_integer(period, "numberPhases")?.and_then(|phases| u32::try_from(phases).ok()),
        });
    }
    let stack_level = integer(value, "stackLevel")?;
    let not_negative = || wrong(ErrorCode::PropertyConstraintViolation, "stackLevel", "is negative");
    Ok(Given {
        profile: Profile {
            id: integer(value, "id")?,
            stack_level: u32::try_from(stack_level).map_err(|_| not_negative())?,
            is_absolute: kind == "Absolute",
            valid_from: time(value, "validFrom")?,
            valid_to: time(value, "validTo")?,
            start: time(schedule, "startSchedule")?,
            duration_s: optional_integer(schedule, "duration")?,
            is_in_ampere: unit == "A",
            periods,
        },
        purpose: purpose.to_owned(),
        kind: kind.to_owned(),
        transaction_id: optional_text(value, "transactionId")?.map(str::to_owned),
    })
}
