//! The arithmetic: energy and time become lines, reading by reading. [`FrozenTariff::bill`] is this, fed all at once.
//!
//! * **Cut.** The energy between two readings is spread evenly over the time between them. At a border of the prices the
//!   register is taken as it would have been read there, in whole watt-hours rounded half up: the parts sum to the whole,
//!   and a person with a calculator finds every line's amount from its energy and price.
//! * **Line.** One contiguous time of one price and one band is one line, and is rounded once, half up. Night, day and
//!   night again are three lines: they are three times on a receipt, and "once per price band" means each of them.
//! * **Time.** Whole seconds, as a clock that started with the session shows them at the border.

use chrono::{DateTime, Utc};

use super::schedule::{Micros, Priced, SECOND, Schedule, micros_of, time_of};
use super::{Bill, BillLine, FrozenTariff, LineKind, MeterPoint, PriceError, PriceNow};
use crate::money::div_half_up;
use crate::{Tyiyn, Wh};

/// The longest session that is priced. A car is full in two days; years come from a wrong clock, and would make a bill of
/// thousands of lines.
pub const SESSION_DAYS_MAX: i64 = 100;

/// Where the running bill stands: what is needed to go on, and nothing of what is behind.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: Micros,
    energy: Wh,
    /// The line that is being written.
    open: OpenLine,
    /// When the energy price changes next.
    until: Option<Micros>,
}

/// An energy line whose end is not known yet.
#[derive(Debug, Clone, Copy)]
struct OpenLine {
    priced: Priced,
    from: Micros,
    energy_from: Wh,
}

impl OpenLine {
    fn close(self, to: Micros, energy_to: Wh) -> Result<Option<BillLine>, PriceError> {
        let energy = energy_to.checked_sub(self.energy_from).ok_or(PriceError::Overflow)?;
        if energy == Wh::ZERO {
            return Ok(None);
        }
        Ok(Some(BillLine {
            kind: LineKind::Energy,
            band: self.priced.band,
            from: time_of(self.from),
            to: time_of(to),
            energy,
            seconds: 0,
            unit_price: self.priced.price,
            amount: energy_amount(self.priced.price, energy).ok_or(PriceError::Overflow)?,
        }))
    }
}

/// Half up: tyiyn per kWh times Wh.
pub(super) fn energy_amount(price: Tyiyn, energy: Wh) -> Option<Tyiyn> {
    div_half_up(i128::from(price.get()) * i128::from(energy.get()), 1000).map(Tyiyn::new)
}

/// Half up: tyiyn per minute times seconds.
pub(super) fn time_amount(price: Tyiyn, seconds: i64) -> Option<Tyiyn> {
    div_half_up(i128::from(price.get()) * i128::from(seconds), 60).map(Tyiyn::new)
}

/// The running bill of a live session: the same arithmetic as [`FrozenTariff::bill`], fed a reading at a time.
/// Invariant (property-tested): after any points, `bill_at(end)` equals `FrozenTariff::bill` of the same usage.
///
/// A push costs as much as borders were crossed, mostly none; a total as much as the session has lines, whatever the number
/// of readings.
#[derive(Debug, Clone)]
pub struct RunningBill {
    tariff: FrozenTariff,
    schedule: Result<Schedule, PriceError>,
    started_at: Micros,
    idle_since: Option<Micros>,
    last_point: Option<MeterPoint>,
    /// Energy lines that are complete, and their sum.
    closed: Vec<BillLine>,
    closed_total: Tyiyn,
    /// `None` until the first reading.
    cursor: Option<Cursor>,
}

impl RunningBill {
    /// A bill without readings. A tariff that is invalid shows at the first use.
    pub fn new(tariff: FrozenTariff, started_at: DateTime<Utc>) -> Self {
        Self {
            schedule: Schedule::new(&tariff),
            tariff,
            started_at: micros_of(started_at),
            idle_since: None,
            last_point: None,
            closed: vec![],
            closed_total: Tyiyn::ZERO,
            cursor: None,
        }
    }

    /// What the session froze at its start.
    pub fn tariff(&self) -> &FrozenTariff {
        &self.tariff
    }
    pub fn started_at(&self) -> DateTime<Utc> {
        time_of(self.started_at)
    }
    /// The prices at an instant and when they change; see [`FrozenTariff::price_at`].
    pub fn price_at(&self, at: DateTime<Utc>) -> Result<PriceNow, PriceError> {
        price_at(self.schedule()?, at)
    }

    /// Adds a reading; an older one or one with less energy is refused and changes nothing.
    pub fn push(&mut self, point: MeterPoint) -> Result<(), PriceError> {
        let mut closed = vec![];
        let cursor = self.advance(micros_of(point.at), point.energy, |line| closed.push(line))?;
        let sum = Tyiyn::checked_sum(closed.iter().map(|line| line.amount)).ok_or(PriceError::Overflow)?;
        self.closed_total = self.closed_total.checked_add(sum).ok_or(PriceError::Overflow)?;
        self.closed.append(&mut closed);
        self.cursor = Some(cursor);
        self.last_point = Some(point);
        Ok(())
    }

    /// Marks since when the car has drawn nothing.
    pub fn set_idle_since(&mut self, at: Option<DateTime<Utc>>) {
        self.idle_since = at.map(micros_of);
    }

    /// The bill if the session ended at `end` (not before the last reading) with no more energy.
    pub fn bill_at(&self, end: DateTime<Utc>) -> Result<Bill, PriceError> {
        let end = micros_of(end);
        self.check_end(end)?;
        let mut lines = self.closed.clone();
        if let Some(cursor) = self.cursor {
            lines.extend(cursor.open.close(cursor.at, cursor.energy)?);
        }
        self.lines_of_time(end, |line| lines.push(line))?;
        let total = Tyiyn::checked_sum(lines.iter().map(|line| line.amount)).ok_or(PriceError::Overflow)?;
        Ok(Bill { lines, total })
    }

    /// The total if by `end` the register showed `energy`: for the projected stop.
    pub fn projected_total(&self, end: DateTime<Utc>, energy: Wh) -> Result<Tyiyn, PriceError> {
        let end = micros_of(end);
        let mut total = Some(self.closed_total);
        let mut add = |line: BillLine| total = total.and_then(|sum| sum.checked_add(line.amount));
        let cursor = self.advance(end, energy, &mut add)?;
        cursor.open.close(cursor.at, cursor.energy)?.into_iter().for_each(&mut add);
        self.lines_of_time(end, &mut add)?;
        total.ok_or(PriceError::Overflow)
    }

    /// The last reading; `None` before the first.
    pub fn last_point(&self) -> Option<MeterPoint> {
        self.last_point
    }
    /// The last reading, or the start with nothing used.
    pub fn position(&self) -> MeterPoint {
        self.last_point.unwrap_or(MeterPoint { at: time_of(self.started_at), energy: Wh::ZERO })
    }

    fn schedule(&self) -> Result<&Schedule, PriceError> {
        self.schedule.as_ref().map_err(Clone::clone)
    }

    fn check_end(&self, end: Micros) -> Result<(), PriceError> {
        if end < self.cursor.map_or(self.started_at, |cursor| cursor.at) {
            return Err(PriceError::OutOfOrder);
        }
        if end.saturating_sub(self.started_at) > SESSION_DAYS_MAX * 86_400 * SECOND {
            return Err(PriceError::TooLong);
        }
        Ok(())
    }

    /// Goes on to a reading, and hands out the lines that it completes.
    fn advance(&self, at: Micros, energy: Wh, mut closed: impl FnMut(BillLine)) -> Result<Cursor, PriceError> {
        let schedule = self.schedule()?;
        self.check_end(at)?;
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None => Cursor {
                at: self.started_at,
                energy: Wh::ZERO,
                open: OpenLine {
                    priced: energy_price(schedule, self.started_at)?,
                    from: self.started_at,
                    energy_from: Wh::ZERO,
                },
                until: schedule.next_change(self.started_at, |prices| prices.energy),
            },
        };
        let more = energy.checked_sub(cursor.energy).filter(|more| *more >= Wh::ZERO).ok_or(PriceError::OutOfOrder)?;
        let (from, energy_from) = (cursor.at, cursor.energy);
        while let Some(border) = cursor.until.filter(|border| *border < at) {
            // The register as it would have been read at the border. What is read exactly there flowed before it.
            let part = i128::from(more.get()) * i128::from(border - from);
            let part = div_half_up(part, i128::from(at - from)).ok_or(PriceError::Overflow)?;
            let energy_there = energy_from.checked_add(Wh::new(part)).ok_or(PriceError::Overflow)?;
            cursor.open.close(border, energy_there)?.into_iter().for_each(&mut closed);
            cursor.open = OpenLine { priced: energy_price(schedule, border)?, from: border, energy_from: energy_there };
            cursor.until = schedule.next_change(border, |prices| prices.energy);
        }
        cursor.at = at;
        cursor.energy = energy;
        Ok(cursor)
    }

    /// Hands out the lines for time, session and idling until `end`.
    fn lines_of_time(&self, end: Micros, mut add: impl FnMut(BillLine)) -> Result<(), PriceError> {
        let schedule = self.schedule()?;
        let start = self.started_at;
        let idle_since = self.idle_since.map(|idle| idle.clamp(start, end));
        if schedule.has_minute_price {
            let charging_until = idle_since.unwrap_or(end);
            time_lines(schedule, LineKind::Time, start, charging_until, |prices| prices.minute, &mut add)?;
        }
        if let Some(priced) = schedule.at(start).session.filter(|priced| priced.price.is_positive()) {
            add(BillLine {
                kind: LineKind::Session,
                band: priced.band,
                from: time_of(start),
                to: time_of(start),
                energy: Wh::ZERO,
                seconds: 0,
                unit_price: priced.price,
                amount: priced.price,
            });
        }
        if let (true, Some(idle_since)) = (schedule.has_idle_price, idle_since) {
            let grace = i64::from(schedule.at(idle_since).idle_grace_minutes) * 60 * SECOND;
            let from = idle_since.saturating_add(grace);
            time_lines(schedule, LineKind::Idle, from, end, |prices| prices.idle, &mut add)?;
        }
        Ok(())
    }
}

fn energy_price(schedule: &Schedule, at: Micros) -> Result<Priced, PriceError> {
    schedule.at(at).energy.ok_or_else(|| PriceError::NoEnergyPrice { at: time_of(at) })
}

/// One line for each contiguous time of one price within `[from, end)`. No price is no line.
fn time_lines(
    schedule: &Schedule,
    kind: LineKind,
    from: Micros,
    end: Micros,
    part: fn(&super::schedule::Prices) -> Option<Priced>,
    mut add: impl FnMut(BillLine),
) -> Result<(), PriceError> {
    let clock = |at: Micros| (at - from) / SECOND;
    let mut at = from;
    while at < end {
        let to = schedule.next_change(at, part).unwrap_or(end).min(end);
        let seconds = clock(to) - clock(at);
        if let Some(priced) = part(&schedule.at(at)).filter(|priced| priced.price.is_positive() && seconds > 0) {
            add(BillLine {
                kind,
                band: priced.band,
                from: time_of(at),
                to: time_of(to),
                energy: Wh::ZERO,
                seconds,
                unit_price: priced.price,
                amount: time_amount(priced.price, seconds).ok_or(PriceError::Overflow)?,
            });
        }
        at = to;
    }
    Ok(())
}

pub(super) fn price_at(schedule: &Schedule, at: DateTime<Utc>) -> Result<PriceNow, PriceError> {
    let micros = micros_of(at);
    let energy = energy_price(schedule, micros)?;
    let prices = schedule.at(micros);
    let price = |priced: Option<Priced>| priced.map_or(Tyiyn::ZERO, |priced| priced.price);
    let all =
        |p: &super::schedule::Prices| (price(p.energy), price(p.minute), price(p.session), price(p.idle), p.idle_grace_minutes);
    Ok(PriceNow {
        band: energy.band,
        price_per_kwh: energy.price,
        price_per_minute: price(prices.minute),
        price_per_session: price(prices.session),
        idle_price_per_minute: price(prices.idle),
        idle_grace_minutes: prices.idle_grace_minutes,
        until: schedule.next_change(micros, all).map(time_of),
    })
}
