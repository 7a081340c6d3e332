//! The one price engine: estimate, live cost, stop threshold, bill, receipt and statement come from here (DESIGN §4.8, §6).
//!
//! Knows no sessions, payers or chargers: only energy, time and a frozen tariff.

mod bill;
mod document;
mod schedule;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

pub use bill::{RunningBill, SESSION_DAYS_MAX};
pub use document::{
    CHANGE_PERCENT, CivilTime, ELEMENTS_MAX, IDLE_GRACE_MINUTES_MAX, InvalidTime, NAME_CHARS_MAX, PRICE_MAX, PriceRule,
    Restrictions, StandardPrices, TARIFF_FORMAT, TariffDocument, TariffElement, Weekday,
};
use schedule::Schedule;

use crate::stations::CurrentType;
use crate::text_enum::text_enum;
use crate::{Tyiyn, Watt, Wh};

/// What the restrictions of a tariff are asked about: facts of the connector and the payer, frozen with the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceContext {
    pub current: CurrentType,
    /// The most the connector gives.
    pub max_power: Watt,
    /// The company's contract code, if the payer has one.
    pub contract: Option<String>,
}

/// A tariff version bound to its context: what a session freezes at its start (`charging_session.tariff`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenTariff {
    pub document: TariffDocument,
    pub context: PriceContext,
}

/// The name of a price band, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    Day,
    Peak,
    Night,
    Contract,
    Flat,
}

text_enum!(Band { Day = "day", Peak = "peak", Night = "night", Contract = "contract", Flat = "flat" });

/// All prices that hold at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceNow {
    pub band: Band,
    pub price_per_kwh: Tyiyn,
    pub price_per_minute: Tyiyn,
    pub price_per_session: Tyiyn,
    pub idle_price_per_minute: Tyiyn,
    pub idle_grace_minutes: u32,
    /// When the next different price begins; `None` if it never changes.
    pub until: Option<DateTime<Utc>>,
}

/// One stretch of a timetable of prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricePeriod {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub price: PriceNow,
}

/// One reading: energy since the session's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterPoint {
    pub at: DateTime<Utc>,
    pub energy: Wh,
}

/// What was used. Points in order of time; the first is the start (0 Wh), the last the end (so far).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub points: Vec<MeterPoint>,
    /// Since when the car has drawn nothing while the cable stayed in; the idle fee runs from here plus the grace.
    pub idle_since: Option<DateTime<Utc>>,
    /// When the connector was freed, or now.
    pub ended_at: DateTime<Utc>,
}

/// What a line of the bill charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Energy,
    Time,
    Session,
    Idle,
}

text_enum!(LineKind { Energy = "energy", Time = "time", Session = "session", Idle = "idle" });

/// One line: one contiguous time of one price band, of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillLine {
    pub kind: LineKind,
    pub band: Band,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// For energy lines, else zero.
    pub energy: Wh,
    /// For time and idle lines, else zero.
    pub seconds: i64,
    pub unit_price: Tyiyn,
    /// Rounded once, half up.
    pub amount: Tyiyn,
}

impl BillLine {
    /// Whether the amount is the quantity times the unit price, rounded half up: what a person with a calculator checks.
    pub fn is_exact(&self) -> bool {
        let amount = match self.kind {
            LineKind::Energy => bill::energy_amount(self.unit_price, self.energy),
            LineKind::Time | LineKind::Idle => bill::time_amount(self.unit_price, self.seconds),
            LineKind::Session => Some(self.unit_price),
        };
        amount == Some(self.amount)
    }
}

/// The bill: lines whose amounts sum to the total. Energy by time, then time, session, idling, each by time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    pub lines: Vec<BillLine>,
    pub total: Tyiyn,
}

/// Why something cannot be priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("no price for energy at {at}")]
    NoEnergyPrice { at: DateTime<Utc> },
    #[error("readings out of order")]
    OutOfOrder,
    #[error("the sum does not fit")]
    Overflow,
    /// More than [`SESSION_DAYS_MAX`].
    #[error("the session is longer than anything that is priced")]
    TooLong,
    #[error("the tariff is invalid: {0}")]
    InvalidTariff(String),
}

/// An estimate looks this far ahead: a car is full long before.
const ESTIMATE_DAYS_MAX: i64 = 30;
/// A timetable has at most this many stretches: two weeks of the standard tariff.
const TIMETABLE_PERIODS_MAX: usize = 64;

impl FrozenTariff {
    /// The prices at an instant and when they change.
    pub fn price_at(&self, at: DateTime<Utc>) -> Result<PriceNow, PriceError> {
        bill::price_at(&Schedule::new(self)?, at)
    }

    /// The prices from one instant to another, stretch by stretch; at most 64 of them.
    pub fn timetable(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<PricePeriod>, PriceError> {
        let schedule = Schedule::new(self)?;
        let mut periods = vec![];
        let mut at = from;
        while at < to && periods.len() < TIMETABLE_PERIODS_MAX {
            let price = bill::price_at(&schedule, at)?;
            let end = price.until.map_or(to, |until| until.min(to));
            periods.push(PricePeriod { from: at, to: end, price });
            at = end;
        }
        Ok(periods)
    }

    /// The bill of what was used. The only function that makes a price out of energy and time: [`RunningBill`] is the same
    /// arithmetic, fed a reading at a time. Without any point nothing was used.
    pub fn bill(&self, usage: &Usage) -> Result<Bill, PriceError> {
        let Some(start) = usage.points.first() else { return Ok(Bill::default()) };
        let mut running = RunningBill::new(self.clone(), start.at);
        for &point in &usage.points {
            running.push(point)?;
        }
        running.set_idle_since(usage.idle_since);
        running.bill_at(usage.ended_at)
    }

    /// An estimate for a person: how much energy a sum buys when charging at `power` from `at`. The most whose bill, with all
    /// that it contains, is not above `amount`; at most what flows in 30 days.
    pub fn energy_for(&self, amount: Tyiyn, power: Watt, at: DateTime<Utc>) -> Result<Wh, PriceError> {
        if power <= Watt::ZERO {
            return Ok(Wh::ZERO);
        }
        let running = RunningBill::new(self.clone(), at);
        let costs_at_most = |wh: i64| {
            let energy = Wh::new(wh);
            match running.projected_total(charged_at(power, energy, at), energy) {
                Ok(cost) => Ok(cost <= amount),
                Err(PriceError::Overflow) => Ok(false),
                Err(error) => Err(error),
            }
        };
        let (mut enough, mut too_much) = (0, power.energy_over(Duration::days(ESTIMATE_DAYS_MAX)).get());
        if costs_at_most(too_much)? {
            return Ok(Wh::new(too_much));
        }
        while too_much - enough > 1 {
            let middle = enough + (too_much - enough) / 2;
            if costs_at_most(middle)? { enough = middle } else { too_much = middle }
        }
        Ok(Wh::new(enough))
    }

    /// An example for a person: the bill of an amount of energy when charging at `power` from `at`.
    pub fn estimate(&self, energy: Wh, power: Watt, at: DateTime<Utc>) -> Result<Bill, PriceError> {
        let end = charged_at(power, energy, at);
        let points = vec![MeterPoint { at, energy: Wh::ZERO }, MeterPoint { at: end, energy }];
        self.bill(&Usage { points, idle_since: None, ended_at: end })
    }
}

/// When the energy has flowed; at once when no power is known.
fn charged_at(power: Watt, energy: Wh, from: DateTime<Utc>) -> DateTime<Utc> {
    let micros = match i128::from(power.get()) {
        power if power > 0 => i128::from(energy.get()) * 3_600_000_000 / power,
        _ => 0,
    };
    let time = Duration::microseconds(i64::try_from(micros).unwrap_or(i64::MAX));
    from.checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
