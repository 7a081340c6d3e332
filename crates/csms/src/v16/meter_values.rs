//! MeterValues (1.6 § 4.7): readings, with or without a transaction. Never refused; answered when they are durable.

use chrono::{DateTime, Utc};
use domain::{Watt, Wh};
pub(super) use ocpp::v16::meter_values::{Request, Response};
use ocpp::v16::meter_values::{MeterValue, normalise};
use platform::charging::{MeterReport, Sample};

use super::{CONNECTOR_NO, evse_no};

/// The readings to be kept. Connector 0 is the main meter of the charge point: it stays in the log and is billed to nobody.
pub(super) fn report(request: &Request, received_at: DateTime<Utc>) -> Option<MeterReport> {
    let samples = samples(&request.meter_values);
    (request.connector_id > 0 && !samples.is_empty()).then(|| MeterReport {
        evse_no: evse_no(request.connector_id),
        connector_no: CONNECTOR_NO,
        transaction: request.transaction_id,
        received_at,
        samples,
    })
}

/// Readings in our words: Wh and W, in the order they came.
pub(super) fn samples(values: &[MeterValue]) -> Vec<Sample> {
    let (samples, _violations) = normalise(values);
    samples
        .into_iter()
        .filter(|s| s.energy_wh.is_some() || s.power_w.is_some() || s.soc_percent.is_some())
        .map(|s| Sample {
            claimed_at: s.claimed_at.and_then(|t| t.instant()),
            register: s.energy_wh.map(Wh::new),
            power: s.power_w.map(Watt::new),
            state_of_charge_percent: s.soc_percent,
        })
        .collect()
}
