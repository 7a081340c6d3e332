//! MeterValues (1.6 § 4.7): readings, with or without a transaction. Never refused; answered when they are durable.

use chrono::{DateTime, Utc};
use domain::{Watt, Wh};
use ocpp::Violation;
use ocpp::v16::meter_values::{MeterValue, Request, Response, normalise};
use platform::charging::{MeterReport, Sample};

use super::{CONNECTOR_NO, Context, HandlerError, evse_no};
use crate::handler::{Answer, StationClock};

/// By far the most frequent message: its readings are written in the same batch as the frames.
pub(super) async fn handle(context: Context, request: Request) -> Result<Answer<Response>, HandlerError> {
    let (meter, notes) = report(&request, context.clock(), context.received_at);
    Ok(Answer { response: Response {}, meter, notes })
}

/// The readings to be kept, and what was odd about them. Connector 0 is the main meter of the charge point: it stays in the log and is
/// billed to nobody, unless it names a transaction (field case 12).
fn report(request: &Request, clock: StationClock, received_at: DateTime<Utc>) -> (Option<MeterReport>, Vec<Violation>) {
    let (samples, violations) = samples(clock, &request.meter_values);
    let report = (!samples.is_empty()).then(|| MeterReport {
        evse_no: evse_no(request.connector_id),
        connector_no: CONNECTOR_NO,
        transaction: request.transaction_id,
        received_at,
        samples,
        seq_no: None,
    });
    (report, violations)
}

/// Readings in our words: Wh and W, in the order they came.
pub(super) fn samples(clock: StationClock, values: &[MeterValue]) -> (Vec<Sample>, Vec<Violation>) {
    let (samples, violations) = normalise(values);
    let samples = samples
        .into_iter()
        .filter(|s| s.energy_wh.is_some() || s.power_w.is_some() || s.soc_percent.is_some())
        .map(|s| Sample {
            claimed_at: s.claimed_at.and_then(|t| clock.instant(&t)),
            register: s.energy_wh.map(Wh::new),
            power: s.power_w.map(Watt::new),
            state_of_charge_percent: s.soc_percent,
        })
        .collect();
    (samples, violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocpp::Payload as _;

    fn read(json: &str) -> (Option<MeterReport>, Vec<Violation>) {
        report(&Request::decode_text(json).unwrap().value, StationClock::default(), DateTime::UNIX_EPOCH)
    }

    /// Field case 6 and money mistake 2.
    #[test]
    fn kilowatt_hours_are_not_watt_hours() {
        let (report, _) = read(
            r#"{"connectorId":1,"transactionId":7,"meterValue":[{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[
                {"value":"1.5","unit":"kWh"},{"value":"7.2","unit":"kW","measurand":"Power.Active.Import"}]}]}"#,
        );
        let report = report.unwrap();
        assert_eq!((report.evse_no, report.transaction), (1, Some(7)));
        assert_eq!((report.samples[0].register, report.samples[0].power), (Some(Wh::new(1_500)), Some(Watt::new(7_200))));
    }

    /// Field case 7.
    #[test]
    fn nothing_in_it_is_nothing_to_keep() {
        assert_eq!(read(r#"{"connectorId":1,"meterValue":[]}"#).0, None);
        assert_eq!(read(r#"{"connectorId":1,"meterValue":[{"timestamp":"x","sampledValue":[]}]}"#).0, None);
    }
}
