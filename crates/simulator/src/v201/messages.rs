//! The CALLs of a charge point, and how the faults spoil them.

use chrono::SecondsFormat;
use ocpp::v16::meter_values::Context;
use ocpp::v16::status_notification::Status;
use ocpp::v16::stop_transaction::Reason;
use ocpp::{Decimal, EncodeError, Frame};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::call::{Body, Event, Sample, Start, Stop, deci_ampere, thirds, volts};
use crate::charger::{Charger, Time};
use crate::settings::Measurand;
use crate::{Current, Fault, spoil};

/// The kind of a token that is held to the reader.
const CARD: &str = "ISO14443";

pub(crate) const fn action(body: &Body) -> &'static str {
    match body {
        Body::Boot => "BootNotification",
        Body::Heartbeat => "Heartbeat",
        Body::Status { .. } => "StatusNotification",
        Body::Authorize { .. } => "Authorize",
        Body::Meter(_, None) => "MeterValues",
        Body::Start(_) | Body::Meter(_, Some(_)) | Body::Changed { .. } | Body::Stop(_) => "TransactionEvent",
        Body::Written { action, .. } => action,
    }
}

/// What 2.0.1 calls the occasion of an end.
pub(crate) const fn trigger_of(reason: &Reason) -> &'static str {
    match reason {
        Reason::DeAuthorized => "Deauthorized",
        Reason::EvDisconnected => "EVCommunicationLost",
        Reason::HardReset | Reason::SoftReset => "ResetCommand",
        Reason::Local => "StopAuthorized",
        Reason::Remote => "RemoteStop",
        Reason::UnlockCommand => "UnlockCommand",
        _ => "AbnormalCondition",
    }
}

const fn stopped_reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::DeAuthorized => "DeAuthorized",
        Reason::EmergencyStop => "EmergencyStop",
        Reason::EvDisconnected => "EVDisconnected",
        Reason::HardReset | Reason::SoftReset => "ImmediateReset",
        Reason::Local => "Local",
        Reason::PowerLoss => "PowerLoss",
        Reason::Reboot => "Reboot",
        Reason::Remote => "Remote",
        _ => "Other",
    }
}

pub(crate) const fn connector_status(status: &Status) -> &'static str {
    match status {
        Status::Available => "Available",
        Status::Reserved => "Reserved",
        Status::Unavailable => "Unavailable",
        Status::Faulted => "Faulted",
        _ => "Occupied",
    }
}

/// The first so many characters: the standard limits the length of what a factory wrote on the plate.
pub(crate) fn first(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn token(id_tag: &str, kind: Option<&str>) -> Value {
    json!({ "idToken": id_tag, "type": kind.unwrap_or(CARD) })
}

impl Charger {
    /// The text of a CALL.
    pub(crate) fn render_v201(&self, id: &str, body: &Body) -> Result<String, EncodeError> {
        let payload = match body {
            Body::Boot => self.boot_notification(self.boot_reason),
            Body::Heartbeat => json!({}),
            Body::Status { connector, status, at, .. } => {
                let is_zero = self.faults.has(&Fault::StatusOfEvseZero);
                json!({
                    "timestamp": self.time(*at),
                    "connectorStatus": connector_status(status),
                    "evseId": if is_zero { 0 } else { *connector },
                    "connectorId": i32::from(!is_zero),
                })
            }
            Body::Authorize { id_tag, .. } => json!({ "idToken": token(&self.tag(id_tag), None) }),
            Body::Start(start) => self.started(start),
            Body::Meter(sample, None) => json!({
                "evseId": self.claimed_connector(sample.connector),
                "meterValue": [self.meter_value_v201(sample, &self.settings.sampled_data)],
            }),
            Body::Meter(sample, Some(event)) => {
                let mut payload = self.transaction_event("Updated", sample.key.unwrap_or_default(), sample.at, event);
                payload["meterValue"] = json!([self.meter_value_v201(sample, &self.settings.sampled_data)]);
                if self.faults.has(&Fault::ConnectorsMixedUp) || self.faults.has(&Fault::ConnectorZero) {
                    payload["evse"] = json!({ "id": self.claimed_connector(sample.connector), "connectorId": 1 });
                }
                payload
            }
            Body::Changed { key, at, event, .. } => self.transaction_event("Updated", *key, *at, event),
            Body::Stop(stop) => self.ended(stop),
            Body::Written { action, payload } => {
                return Frame::Call { id: id.into(), action: (*action).into(), payload }.encode();
            }
        };
        let unwritable = |error: serde_json::Error| EncodeError::Json(error.to_string());
        let mut payload = to_raw_value(&payload).map_err(unwritable)?;
        if spoil::is_needed(&self.faults) {
            payload = spoil::spoil(&self.faults, &payload).map_err(unwritable)?;
        }
        Frame::Call { id: id.into(), action: action(body).into(), payload: &payload }.encode()
    }

    pub(crate) fn boot_notification(&self, reason: &str) -> Value {
        let mut station = json!({
            "model": first(&self.config.model, 20),
            "vendorName": first(&self.config.vendor, 50),
        });
        if let Some(serial_number) = &self.config.serial_number {
            station["serialNumber"] = first(serial_number, 25).into();
        }
        if let Some(firmware_version) = &self.config.firmware_version {
            station["firmwareVersion"] = first(firmware_version, 50).into();
        }
        json!({ "reason": reason, "chargingStation": station })
    }

    /// A time as it writes it.
    pub(crate) fn time(&self, at: Time) -> String {
        self.claimed(at).to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    fn started(&self, start: &Start) -> Value {
        let mut payload = self.transaction_event("Started", start.key, start.begin.at, &start.event);
        payload["evse"] = json!({ "id": start.connector, "connectorId": 1 });
        payload["idToken"] = token(&self.tag(&start.id_tag), start.token_kind.as_deref());
        payload["meterValue"] = json!([self.meter_value_v201(&start.begin, &[Measurand::Energy])]);
        if let Some(remote_start_id) = start.remote_start_id {
            payload["transactionInfo"]["remoteStartId"] = remote_start_id.into();
        }
        payload
    }

    fn ended(&self, stop: &Stop) -> Value {
        let mut payload = self.transaction_event("Ended", stop.key, stop.at, &stop.event);
        payload["transactionInfo"]["stoppedReason"] = stopped_reason(&stop.reason).into();
        if let Some(id_tag) = &stop.id_tag {
            payload["idToken"] = token(&self.tag(id_tag), None);
        }
        if let Some(end) = &stop.end {
            payload["meterValue"] = json!([self.meter_value_v201(end, &self.settings.stop_data)]);
        }
        payload
    }

    fn transaction_event(&self, kind: &str, key: u64, at: Time, event: &Event) -> Value {
        let transaction_id = match self.wrong_transaction_id() {
            Some(wrong) => wrong.to_string(),
            None => self.own_name(key),
        };
        let mut payload = json!({
            "eventType": kind,
            "timestamp": self.time(at),
            "triggerReason": event.trigger,
            "seqNo": event.seq,
            "transactionInfo": { "transactionId": transaction_id, "chargingState": event.charging_state },
        });
        if event.is_offline {
            payload["offline"] = true.into();
        }
        payload
    }

    fn meter_value_v201(&self, sample: &Sample, measurands: &[Measurand]) -> Value {
        let mut values = Vec::new();
        if !self.faults.has(&Fault::EmptySamples) {
            if self.faults.has(&Fault::BeginInEachSample)
                && let Some(begin_mwh) = sample.begin_mwh
            {
                self.energy_v201(&mut values, begin_mwh, &Context::TransactionBegin);
            }
            for measurand in measurands {
                self.measure_v201(&mut values, sample, *measurand);
            }
        }
        json!({ "timestamp": self.time(sample.at), "sampledValue": values })
    }

    fn measure_v201(&self, values: &mut Vec<Value>, sample: &Sample, measurand: Measurand) {
        let simple = |value: Value, unit: &str| {
            json!({
                "value": value,
                "context": sample.context.as_str(),
                "measurand": measurand.name(),
                "unitOfMeasure": { "unit": unit },
            })
        };
        match measurand {
            Measurand::Energy => {
                let relative = self.faults.has(&Fault::SessionRelativeRegister);
                let base_mwh = sample.begin_mwh.filter(|_| relative).unwrap_or(0);
                self.energy_v201(values, sample.register_mwh - base_mwh, &sample.context);
            }
            Measurand::Power if sample.current == Current::Ac && self.faults.has(&Fault::PhasesOnly) => {
                values.extend(thirds(sample.power_w).map(|(phase, share)| {
                    let mut value = simple(share.into(), "W");
                    value["phase"] = phase.into();
                    value
                }));
            }
            Measurand::Power => values.push(simple(sample.power_w.into(), "W")),
            Measurand::Offered => values.push(simple(sample.offered_w.into(), "W")),
            Measurand::Soc => {
                if let Some(soc_percent) = sample.soc_percent {
                    let mut value = simple(soc_percent.into(), "Percent");
                    value["location"] = "EV".into();
                    values.push(value);
                }
            }
            Measurand::Voltage => values.push(simple(volts(sample.current).into(), "V")),
            Measurand::Current => {
                let ampere = Decimal::from_milli(deci_ampere(sample.power_w, sample.current) * 100);
                values.push(simple(number(ampere), "A"));
            }
        }
    }

    /// The register, in the spelling of this charger.
    fn energy_v201(&self, values: &mut Vec<Value>, mwh: i64, context: &Context) {
        let value = |mwh: i64, phase: Option<&str>| {
            let is_kwh = self.faults.has(&Fault::KilowattHours);
            let mut value = json!({ "value": mwh / 1000, "context": context.as_str() });
            if is_kwh {
                value["value"] = number(Decimal::from_milli(mwh / 1000));
            }
            if !self.faults.has(&Fault::BareEnergy) {
                value["measurand"] = Measurand::Energy.name().into();
                value["location"] = "Outlet".into();
            }
            if is_kwh || !self.faults.has(&Fault::BareEnergy) {
                value["unitOfMeasure"] = json!({ "unit": if is_kwh { "kWh" } else { "Wh" } });
            }
            if let Some(phase) = phase {
                value["phase"] = phase.into();
            }
            value
        };
        if self.faults.has(&Fault::PhasesOnly) {
            values.extend(thirds(mwh / 1000).map(|(phase, share)| value(share * 1000, Some(phase))));
        } else {
            values.push(value(mwh, None));
        }
    }
}

/// A decimal as a JSON number.
pub(super) fn number(value: Decimal) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}
