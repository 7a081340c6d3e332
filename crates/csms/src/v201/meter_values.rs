//! MeterValues: readings outside of transactions. Never refused; answered when they are durable. If a transaction runs on the EVSE,
//! it is the same register; those of the charge point as a whole (EVSE 0) are nobody's and stay in the log.

use domain::{Watt, Wh};
use ocpp::Violation;
use ocpp::v16::meter_values::Context as ReadingContext;
use ocpp::v201::meter_values::{MeterValue, Request, Response, normalise};
use platform::charging::{MeterReport, Sample};

use super::{Context, HandlerError, number};
use crate::handler::{Answer, StationClock};

pub(super) async fn handle(context: Context, request: Request) -> Result<Answer<Response>, HandlerError> {
    let readings = read(context.clock(), &request.meter_values);
    let meter = (!readings.samples.is_empty()).then_some(MeterReport {
        evse_no: number(request.evse_id),
        connector_no: 0,
        transaction: None,
        received_at: context.received_at,
        samples: readings.samples,
        seq_no: None,
    });
    Ok(Answer { response: Response {}, meter, notes: readings.notes })
}

/// Readings in our words, in the order they came.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) samples: Vec<Sample>,
    /// The register as the transaction began and ended, where a reading says that it is that.
    pub(super) begin: Option<Wh>,
    pub(super) end: Option<Wh>,
    pub(super) notes: Vec<Violation>,
}

pub(super) fn read(clock: StationClock, values: &[MeterValue]) -> Readings {
    let (normalised, notes) = normalise(values);
    let mut readings = Readings { notes, ..Readings::default() };
    for one in normalised {
        let register = one.energy_wh.map(Wh::new);
        match one.context {
            ReadingContext::TransactionBegin => readings.begin = readings.begin.or(register),
            ReadingContext::TransactionEnd => readings.end = register.or(readings.end),
            _ => {}
        }
        if one.energy_wh.is_some() || one.power_w.is_some() || one.soc_percent.is_some() {
            readings.samples.push(Sample {
                claimed_at: one.claimed_at.and_then(|t| clock.instant(&t)),
                register,
                power: one.power_w.map(Watt::new),
                state_of_charge_percent: one.soc_percent,
            });
        }
    }
    readings
}
