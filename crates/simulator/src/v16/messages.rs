//! The CALLs of a charge point, and how the faults spoil them.

use ocpp::frame::{self, Frame};
use ocpp::v16::meter_values::{Context, Location, Measurand, MeterValue, Phase, SampledValue, Unit};
use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;
use ocpp::v16::{
    authorize, boot_notification, heartbeat, meter_values, start_transaction, status_notification, stop_transaction,
};
use ocpp::{Decimal, EncodeError, Message};
use serde_json::value::RawValue;

use super::{Charger, Time};
use crate::{Current, Fault, spoil};

/// Three phases of 230 V.
const AC_VOLT: i64 = 230;
const DC_VOLT: i64 = 400;

/// One reading of a meter.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) key: Option<u64>,
    pub(super) connector: u32,
    pub(super) at: Time,
    pub(super) context: Context,
    pub(super) register_mwh: i64,
    /// The register at the start of the transaction.
    pub(super) begin_mwh: Option<i64>,
    pub(super) power_w: i64,
    pub(super) offered_w: i64,
    pub(super) soc_percent: Option<u8>,
    pub(super) current: Current,
}

/// A CALL to make. It is written when it is sent: the number of a transaction may not be known before.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Boot,
    Heartbeat,
    Status {
        connector: u32,
        status: Status,
        error: ErrorCode,
        at: Time,
    },
    Authorize {
        connector: u32,
        id_tag: String,
    },
    Start {
        key: u64,
        connector: u32,
        id_tag: String,
        meter_start_wh: i64,
        at: Time,
    },
    Meter(Box<Sample>),
    Stop {
        key: u64,
        id_tag: Option<String>,
        meter_stop_wh: i64,
        at: Time,
        reason: Reason,
        end: Option<Box<Sample>>,
    },
    /// Something that was told before.
    Again {
        action: &'static str,
        payload: Box<RawValue>,
    },
}

impl Body {
    pub(super) const fn action(&self) -> &'static str {
        match self {
            Self::Boot => boot_notification::Request::ACTION,
            Self::Heartbeat => heartbeat::Request::ACTION,
            Self::Status { .. } => status_notification::Request::ACTION,
            Self::Authorize { .. } => authorize::Request::ACTION,
            Self::Start { .. } => start_transaction::Request::ACTION,
            Self::Meter(_) => meter_values::Request::ACTION,
            Self::Stop { .. } => stop_transaction::Request::ACTION,
            Self::Again { action, .. } => action,
        }
    }

    /// The transaction it is about.
    pub(super) const fn key(&self) -> Option<u64> {
        match self {
            Self::Start { key, .. } | Self::Stop { key, .. } => Some(*key),
            Self::Meter(sample) => sample.key,
            _ => None,
        }
    }

    pub(super) const fn is_transactional(&self) -> bool {
        self.key().is_some()
    }
}

impl Charger {
    /// The text of a CALL.
    pub(super) fn render(&self, id: &str, body: &Body) -> Result<String, EncodeError> {
        match body {
            Body::Boot => self.write(
                id,
                &boot_notification::Request {
                    charge_point_vendor: self.config.vendor.as_str().into(),
                    charge_point_model: self.config.model.as_str().into(),
                    charge_point_serial_number: self.config.serial_number.as_deref().map(Into::into),
                    firmware_version: self.config.firmware_version.as_deref().map(Into::into),
                    ..Default::default()
                },
            ),
            Body::Heartbeat => self.write(id, &heartbeat::Request {}),
            Body::Status { connector, status, error, at } => self.write(
                id,
                &status_notification::Request {
                    connector_id: *connector,
                    error_code: error.clone(),
                    info: None,
                    status: status.clone(),
                    timestamp: Some(self.claimed(*at).into()),
                    vendor_id: None,
                    vendor_error_code: None,
                },
            ),
            Body::Authorize { id_tag, .. } => self.write(id, &authorize::Request { id_tag: self.tag(id_tag).into() }),
            Body::Start { connector, id_tag, meter_start_wh, at, .. } => self.write(
                id,
                &start_transaction::Request {
                    connector_id: *connector,
                    id_tag: self.tag(id_tag).into(),
                    meter_start_wh: *meter_start_wh,
                    reservation_id: None,
                    timestamp: self.claimed(*at).into(),
                },
            ),
            Body::Meter(sample) => self.write(
                id,
                &meter_values::Request {
                    connector_id: self.claimed_connector(sample.connector),
                    transaction_id: sample
                        .key
                        .and_then(|key| self.number(key))
                        .filter(|_| !self.faults.has(&Fault::NoTransactionIdInMeterValues)),
                    meter_values: vec![self.meter_value(sample, &self.keys.sampled_data)],
                },
            ),
            Body::Stop { key, id_tag, meter_stop_wh, at, reason, end } => self.write(
                id,
                &stop_transaction::Request {
                    id_tag: id_tag.as_deref().map(|id_tag| self.tag(id_tag).into()),
                    meter_stop_wh: *meter_stop_wh,
                    timestamp: self.claimed(*at).into(),
                    // A charger whose StartTransaction was refused for good has no number; -1 is what they send then.
                    transaction_id: self.number(*key).unwrap_or(-1),
                    reason: Some(reason.clone()),
                    transaction_data: end.as_deref().map(|end| vec![self.meter_value(end, &self.keys.stop_data)]),
                },
            ),
            Body::Again { action, payload } => Frame::Call { id: id.into(), action: (*action).into(), payload }.encode(),
        }
    }

    fn number(&self, key: u64) -> Option<i64> {
        let wrong = self.faults.find(|fault| match fault {
            Fault::WrongTransactionId(wrong) => Some(*wrong),
            _ => None,
        });
        wrong.or_else(|| self.numbers.get(&key).copied().flatten())
    }

    fn tag(&self, id_tag: &str) -> String {
        if self.faults.has(&Fault::LowerCaseTags) { id_tag.to_lowercase() } else { id_tag.to_owned() }
    }

    fn claimed_connector(&self, id: u32) -> u32 {
        let count = u32::try_from(self.connectors.len()).unwrap_or(u32::MAX).max(1);
        if self.faults.has(&Fault::ConnectorZero) {
            0
        } else if self.faults.has(&Fault::ConnectorsMixedUp) {
            id % count + 1
        } else {
            id
        }
    }

    /// What its clock shows.
    fn claimed(&self, at: Time) -> Time {
        self.faults.claimed(at, self.started_at.unwrap_or(at))
    }

    fn meter_value(&self, sample: &Sample, measurands: &[Measurand]) -> MeterValue {
        let mut values = Vec::new();
        if !self.faults.has(&Fault::EmptySamples) {
            if self.faults.has(&Fault::BeginInEachSample)
                && let Some(begin_mwh) = sample.begin_mwh
            {
                self.energy(&mut values, begin_mwh, &Context::TransactionBegin);
            }
            for measurand in measurands {
                self.measure(&mut values, sample, measurand);
            }
        }
        MeterValue { timestamp: self.claimed(sample.at).into(), sampled_values: values }
    }

    fn measure(&self, values: &mut Vec<SampledValue>, sample: &Sample, measurand: &Measurand) {
        let is_phased = sample.current == Current::Ac && self.faults.has(&Fault::PhasesOnly);
        let simple = |value: i64, unit: Unit| SampledValue {
            value: value.into(),
            context: Some(sample.context.clone()),
            measurand: Some(measurand.clone()),
            unit: Some(unit),
            ..Default::default()
        };
        match measurand {
            Measurand::EnergyActiveImportRegister => {
                let relative = self.faults.has(&Fault::SessionRelativeRegister);
                let base_mwh = sample.begin_mwh.filter(|_| relative).unwrap_or(0);
                self.energy(values, sample.register_mwh - base_mwh, &sample.context);
            }
            Measurand::PowerActiveImport if is_phased => {
                for (phase, share) in thirds(sample.power_w) {
                    values.push(SampledValue { phase: Some(phase), ..simple(share, Unit::W) });
                }
            }
            Measurand::PowerActiveImport => values.push(simple(sample.power_w, Unit::W)),
            Measurand::PowerOffered => values.push(simple(sample.offered_w, Unit::W)),
            Measurand::Soc => {
                if let Some(soc_percent) = sample.soc_percent {
                    let value = simple(soc_percent.into(), Unit::Percent);
                    values.push(SampledValue { location: Some(Location::Ev), ..value });
                }
            }
            Measurand::Voltage => values.push(simple(volts(sample.current), Unit::V)),
            Measurand::CurrentImport => {
                let phases = if sample.current == Current::Ac { 3 } else { 1 };
                let deci_ampere = sample.power_w * 10 / (volts(sample.current) * phases);
                let value = simple(0, Unit::A);
                values.push(SampledValue { value: Decimal::from_milli(deci_ampere * 100).into(), ..value });
            }
            // keys.rs lets no other through.
            _ => {}
        }
    }

    /// The register, in the spelling of this charger.
    fn energy(&self, values: &mut Vec<SampledValue>, mwh: i64, context: &Context) {
        let value = |mwh: i64, phase: Option<Phase>| {
            let mut value = SampledValue {
                value: (mwh / 1000).into(),
                context: Some(context.clone()),
                measurand: Some(Measurand::EnergyActiveImportRegister),
                phase,
                location: Some(Location::Outlet),
                unit: Some(Unit::Wh),
                ..Default::default()
            };
            if self.faults.has(&Fault::KilowattHours) {
                value.value = Decimal::from_milli(mwh / 1000).into();
                value.unit = Some(Unit::Kwh);
            }
            if self.faults.has(&Fault::BareEnergy) {
                value.measurand = None;
                value.location = None;
                if value.unit == Some(Unit::Wh) {
                    value.unit = None;
                }
            }
            value
        };
        if self.faults.has(&Fault::PhasesOnly) {
            // In whole watt-hours, so that the phases add up to the register.
            values.extend(thirds(mwh / 1000).map(|(phase, share)| value(share * 1000, Some(phase))));
        } else {
            values.push(value(mwh, None));
        }
    }

    /// Writes a CALL, as the standard has it or spoiled.
    fn write<M: Message>(&self, id: &str, request: &M) -> Result<String, EncodeError> {
        if !spoil::is_needed(&self.faults) {
            return frame::call(id, request);
        }
        let payload = spoil::spoil(&self.faults, &request.encode()?).map_err(|error| EncodeError::Json(error.to_string()))?;
        Frame::Call { id: id.into(), action: M::ACTION.into(), payload: &payload }.encode()
    }
}

const fn volts(current: Current) -> i64 {
    match current {
        Current::Ac => AC_VOLT,
        Current::Dc => DC_VOLT,
    }
}

/// A number over three phases; the first carries the remainder.
fn thirds(total: i64) -> [(Phase, i64); 3] {
    [(Phase::L1, total - total / 3 * 2), (Phase::L2, total / 3), (Phase::L3, total / 3)]
}
