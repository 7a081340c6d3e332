//! The one price engine: estimate, live cost, stop threshold, bill, receipt and statement come from here (DESIGN §4.8, §6).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::stations::CurrentType;
use crate::{Tyiyn, Watt, Wh};

/// A tariff version's content, in OCPI's terms; `tariff_version.document`. The helper types of its elements are below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffDocument {}

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
pub struct FrozenTariff { pub document: TariffDocument, pub context: PriceContext }

/// The name of a price band, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band { Day, Peak, Night, Contract, Flat }

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

/// One reading: energy since the session's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterPoint { pub at: DateTime<Utc>, pub energy: Wh }

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
pub enum LineKind { Energy, Time, Session, Idle }

/// One line: a price band of one kind.
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

/// The bill: lines whose amounts sum to the total.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill { pub lines: Vec<BillLine>, pub total: Tyiyn }

/// Why something cannot be priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("no price for energy at {at}")] NoEnergyPrice { at: DateTime<Utc> },
    #[error("readings out of order")] OutOfOrder,
    #[error("the sum does not fit")] Overflow,
    #[error("the tariff is invalid: {0}")] InvalidTariff(String),
}

impl TariffDocument {
    /// The standard tariff (DESIGN §6): day 15, peak 18 (18:00–22:00), night −20 % of day, DC and power adders.
    pub fn standard() -> Self { todo!() }
    /// Refuses gaps (an instant without an energy price), negative prices, unknown time zones, absurd sizes.
    pub fn validate(&self) -> Result<(), PriceError> { todo!() }
}

impl FrozenTariff {
    /// The prices at an instant and when they change.
    pub fn price_at(&self, at: DateTime<Utc>) -> Result<PriceNow, PriceError> { let _ = at; todo!() }
    /// The bill of what was used. The only function that makes a price out of energy and time.
    pub fn bill(&self, usage: &Usage) -> Result<Bill, PriceError> { let _ = usage; todo!() }
    /// An estimate for a person: how much energy a sum buys when charging at `power` from `at`.
    pub fn energy_for(&self, amount: Tyiyn, power: Watt, at: DateTime<Utc>) -> Result<Wh, PriceError> { let _ = (amount, power, at); todo!() }
}

/// The running bill of a live session: the same arithmetic as [`FrozenTariff::bill`], fed a reading at a time.
/// Invariant (property-tested): after any points, `bill_at(end)` equals `FrozenTariff::bill` of the same usage.
#[derive(Debug, Clone)]
pub struct RunningBill {}

impl RunningBill {
    pub fn new(tariff: FrozenTariff, started_at: DateTime<Utc>) -> Self { let _ = (tariff, started_at); todo!() }
    /// Adds a reading; an older one or one with less energy is refused and changes nothing.
    pub fn push(&mut self, point: MeterPoint) -> Result<(), PriceError> { let _ = point; todo!() }
    /// Marks since when the car has drawn nothing.
    pub fn set_idle_since(&mut self, at: Option<DateTime<Utc>>) { let _ = at; todo!() }
    /// The bill if the session ended at `end` (not before the last reading) with no more energy.
    pub fn bill_at(&self, end: DateTime<Utc>) -> Result<Bill, PriceError> { let _ = end; todo!() }
    /// The total if by `end` the register showed `energy`: for the projected stop.
    pub fn projected_total(&self, end: DateTime<Utc>, energy: Wh) -> Result<Tyiyn, PriceError> { let _ = (end, energy); todo!() }
    pub fn last_point(&self) -> Option<MeterPoint> { todo!() }
}
