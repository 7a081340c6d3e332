//! The CALLs of a charge point, and how the faults spoil them.

use ocpp::frame::{self, Frame};
use ocpp::v16::meter_values::{Context, Location, Measurand, MeterValue, Phase, SampledValue, Unit};
use ocpp::v16::{
    authorize, boot_notification, heartbeat, meter_values, start_transaction, status_notification, stop_transaction,
};
use ocpp::{Decimal, EncodeError, Message};

use crate::call::{Body, Sample, deci_ampere, thirds, volts};
use crate::charger::{Charger, Time};
use crate::settings::Measurand as Kind;
use crate::{Current, Fault, spoil};

pub(crate) const fn action(body: &Body) -> &'static str {
    match body {
        Body::Boot => boot_notification::Request::ACTION,
        Body::Heartbeat => heartbeat::Request::ACTION,
        Body::Status { .. } => status_notification::Request::ACTION,
        Body::Authorize { .. } => authorize::Request::ACTION,
        Body::Start(_) => start_transaction::Request::ACTION,
        Body::Meter(..) | Body::Changed { .. } => meter_values::Request::ACTION,
        Body::Stop(_) => stop_transaction::Request::ACTION,
        Body::Written { action, .. } => action,
    }
}

impl Charger {
    /// The text of a CALL.
    pub(crate) fn render_v16(&self, id: &str, body: &Body) -> Result<String, EncodeError> {
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
            Body::Start(start) => self.write(
                id,
                &start_transaction::Request {
                    connector_id: start.connector,
                    id_tag: self.tag(&start.id_tag).into(),
                    meter_start_wh: start.begin.register_mwh / 1000,
                    reservation_id: None,
                    timestamp: self.claimed(start.begin.at).into(),
                },
            ),
            Body::Meter(sample, _) => self.write(
                id,
                &meter_values::Request {
                    connector_id: self.claimed_connector(sample.connector),
                    transaction_id: sample
                        .key
                        .and_then(|key| self.number(key))
                        .filter(|_| !self.faults.has(&Fault::NoTransactionIdInMeterValues)),
                    meter_values: vec![self.meter_value(sample, &self.settings.sampled_data)],
                },
            ),
            Body::Stop(stop) => self.write(
                id,
                &stop_transaction::Request {
                    id_tag: stop.id_tag.as_deref().map(|id_tag| self.tag(id_tag).into()),
                    meter_stop_wh: stop.meter_stop_wh,
                    timestamp: self.claimed(stop.at).into(),
                    // A charger whose StartTransaction was refused for good has no number; -1 is what they send then.
                    transaction_id: self.number(stop.key).unwrap_or(-1),
                    reason: Some(stop.reason.clone()),
                    transaction_data: stop.end.as_ref().map(|end| vec![self.meter_value(end, &self.settings.stop_data)]),
                },
            ),
            Body::Written { action, payload } => Frame::Call { id: id.into(), action: (*action).into(), payload }.encode(),
            // Only 2.0.1 has it.
            Body::Changed { .. } => Err(EncodeError::Json("1.6 tells no charging state".into())),
        }
    }

    pub(crate) fn number(&self, key: u64) -> Option<i64> {
        self.wrong_transaction_id().or_else(|| self.numbers.get(&key).copied().flatten())
    }

    pub(crate) fn wrong_transaction_id(&self) -> Option<i64> {
        self.faults.find(|fault| match fault {
            Fault::WrongTransactionId(wrong) => Some(*wrong),
            _ => None,
        })
    }

    pub(crate) fn tag(&self, id_tag: &str) -> String {
        if self.faults.has(&Fault::LowerCaseTags) { id_tag.to_lowercase() } else { id_tag.to_owned() }
    }

    pub(crate) fn claimed_connector(&self, id: u32) -> u32 {
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
    pub(crate) fn claimed(&self, at: Time) -> Time {
        self.faults.claimed(at, self.started_at.unwrap_or(at))
    }

    fn meter_value(&self, sample: &Sample, measurands: &[Kind]) -> MeterValue {
        let mut values = Vec::new();
        if !self.faults.has(&Fault::EmptySamples) {
            if self.faults.has(&Fault::BeginInEachSample)
                && let Some(begin_mwh) = sample.begin_mwh
            {
                self.energy(&mut values, begin_mwh, &Context::TransactionBegin);
            }
            for measurand in measurands {
                self.measure(&mut values, sample, *measurand);
            }
        }
        MeterValue { timestamp: self.claimed(sample.at).into(), sampled_values: values }
    }

    fn measure(&self, values: &mut Vec<SampledValue>, sample: &Sample, kind: Kind) {
        let is_phased = sample.current == Current::Ac && self.faults.has(&Fault::PhasesOnly);
        let simple = |value: i64, unit: Unit| SampledValue {
            value: value.into(),
            context: Some(sample.context.clone()),
            measurand: Some(Measurand::from_wire(kind.name())),
            unit: Some(unit),
            ..Default::default()
        };
        match kind {
            Kind::Energy => {
                let relative = self.faults.has(&Fault::SessionRelativeRegister);
                let base_mwh = sample.begin_mwh.filter(|_| relative).unwrap_or(0);
                self.energy(values, sample.register_mwh - base_mwh, &sample.context);
            }
            Kind::Power if is_phased => {
                for (phase, share) in thirds(sample.power_w) {
                    values.push(SampledValue { phase: Some(Phase::from_wire(phase)), ..simple(share, Unit::W) });
                }
            }
            Kind::Power => values.push(simple(sample.power_w, Unit::W)),
            Kind::Offered => values.push(simple(sample.offered_w, Unit::W)),
            Kind::Soc => {
                if let Some(soc_percent) = sample.soc_percent {
                    let value = simple(soc_percent.into(), Unit::Percent);
                    values.push(SampledValue { location: Some(Location::Ev), ..value });
                }
            }
            Kind::Voltage => values.push(simple(volts(sample.current), Unit::V)),
            Kind::Current => {
                let deci_ampere = deci_ampere(sample.power_w, sample.current);
                let value = simple(0, Unit::A);
                values.push(SampledValue { value: Decimal::from_milli(deci_ampere * 100).into(), ..value });
            }
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
            values.extend(thirds(mwh / 1000).map(|(phase, share)| value(share * 1000, Some(Phase::from_wire(phase)))));
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
