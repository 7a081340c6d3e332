//! A tariff worked out for one context: the week as a table of slots, so that a price at an instant is one look-up.

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::document::{CivilTime, PriceRule, TariffElement, Weekday};
use super::{Band, FrozenTariff, PriceError};
use crate::Tyiyn;
use crate::money::div_half_up;

/// Microseconds since 1970: what PostgreSQL keeps of a time, so that a bill from stored samples equals the live one.
pub(super) type Micros = i64;
pub(super) const SECOND: Micros = 1_000_000;
const MINUTE: Micros = 60 * SECOND;
const DAY: Micros = 24 * 60 * MINUTE;
/// Nothing in a tariff has a period longer than a week; one day more for a change of the clocks.
const SEARCH: Micros = 8 * DAY;

/// A price and what people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Priced {
    pub band: Band,
    pub price: Tyiyn,
}

/// All prices of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prices {
    pub energy: Option<Priced>,
    pub minute: Option<Priced>,
    pub session: Option<Priced>,
    pub idle: Option<Priced>,
    pub idle_grace_minutes: u32,
}

/// The worked-out tariff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    zone: Tz,
    /// Minutes of the day at which anything can change; the first is 0.
    borders: Vec<u16>,
    /// By weekday, then by border.
    slots: Vec<Prices>,
    constant: bool,
    pub has_minute_price: bool,
    pub has_idle_price: bool,
}

impl Schedule {
    pub fn new(tariff: &FrozenTariff) -> Result<Self, PriceError> {
        let zone = tariff.document.zone()?;
        let elements: Vec<&TariffElement> =
            tariff.document.elements.iter().filter(|element| element.when.match_context(&tariff.context)).collect();
        let mut borders: Vec<u16> =
            elements.iter().flat_map(|e| [e.when.from, e.when.to]).flatten().map(CivilTime::minute).collect();
        borders.push(0);
        borders.sort_unstable();
        borders.dedup();
        let mut slots = Vec::with_capacity(7 * borders.len());
        for &day in Weekday::ALL {
            for &minute in &borders {
                slots.push(prices(tariff, &elements, day, minute)?);
            }
        }
        let constant = slots.windows(2).all(|pair| pair[0] == pair[1]);
        let costs = |price: Option<Priced>| price.is_some_and(|priced| priced.price.is_positive());
        Ok(Self {
            zone,
            constant,
            has_minute_price: slots.iter().any(|prices| costs(prices.minute)),
            has_idle_price: slots.iter().any(|prices| costs(prices.idle)),
            borders,
            slots,
        })
    }

    /// `Err` names the first slot without an energy price.
    pub fn check_complete(&self) -> Result<(), String> {
        match self.slots.iter().position(|prices| prices.energy.is_none()) {
            None => Ok(()),
            Some(slot) => {
                let minute = self.borders[slot % self.borders.len()];
                let day = Weekday::ALL[slot / self.borders.len()];
                Err(format!("{} {:02}:{:02}", day.as_str(), minute / 60, minute % 60))
            }
        }
    }

    /// The prices at an instant.
    pub fn at(&self, at: Micros) -> Prices {
        let (day, time) = self.civil(at);
        // 1 January 1970 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        let slot = self.borders.partition_point(|&border| i64::from(border) * MINUTE <= time) - 1;
        self.slots[weekday * self.borders.len() + slot]
    }

    /// The first instant after `at` at which `part` of the prices differs, and that part then; `None` if it never does.
    pub fn next_change<T: PartialEq>(&self, at: Micros, part: impl Fn(&Prices) -> T) -> Option<Micros> {
        if self.constant {
            return None;
        }
        let now = part(&self.at(at));
        let end = at.saturating_add(SEARCH);
        let mut border = at;
        while border < end {
            border = self.next_border(border);
            if part(&self.at(border)) != now {
                return Some(border);
            }
        }
        None
    }

    /// The next instant at which the slot may change: a border of the civil day, midnight, or a change of the clocks.
    fn next_border(&self, at: Micros) -> Micros {
        let (_, time) = self.civil(at);
        let next = self.borders.partition_point(|&border| i64::from(border) * MINUTE <= time);
        let until = self.borders.get(next).map_or(DAY, |&border| i64::from(border) * MINUTE) - time;
        let border = at.saturating_add(until);
        match self.clock_change(at, border) {
            Some(change) => change,
            None => border,
        }
    }

    /// The instant within `(from, to]` from which the zone's offset is another, if there is one. The two are at most a day
    /// apart, and no zone has changed its clocks twice in a day.
    fn clock_change(&self, from: Micros, to: Micros) -> Option<Micros> {
        let before = self.offset(from);
        if self.offset(to) == before {
            return None;
        }
        let (mut low, mut high) = (from, to);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset(middle) == before { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// The civil day since 1970 and the time of that day.
    fn civil(&self, at: Micros) -> (i64, Micros) {
        let local = at.saturating_add(self.offset(at));
        (local.div_euclid(DAY), local.rem_euclid(DAY))
    }

    fn offset(&self, at: Micros) -> Micros {
        let seconds = self.zone.offset_from_utc_datetime(&time_of(at).naive_utc()).fix().local_minus_utc();
        i64::from(seconds) * SECOND
    }
}

pub(super) fn micros_of(at: DateTime<Utc>) -> Micros {
    at.timestamp_micros()
}

pub(super) fn time_of(at: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn prices(tariff: &FrozenTariff, elements: &[&TariffElement], day: Weekday, minute: u16) -> Result<Prices, PriceError> {
    let matching: Vec<&TariffElement> = elements.iter().copied().filter(|e| e.when.match_time(day, minute)).collect();
    let component = |rule: fn(&TariffElement) -> &Option<PriceRule>| component(tariff, &matching, rule);
    // The grace goes with the element that gives the idle price.
    let gives_idle = |e: &&&TariffElement| {
        matches!(e.idle_tyiyn_per_minute, Some(PriceRule::Set(_) | PriceRule::RelativeTo { .. } | PriceRule::Replace(_)))
    };
    let replaces_idle = |e: &&&TariffElement| matches!(e.idle_tyiyn_per_minute, Some(PriceRule::Replace(_)));
    let idle_from = matching.iter().find(replaces_idle).or_else(|| matching.iter().find(gives_idle));
    Ok(Prices {
        energy: component(|e| &e.tyiyn_per_kwh)?,
        minute: component(|e| &e.tyiyn_per_minute)?,
        session: component(|e| &e.tyiyn_per_session)?,
        idle: component(|e| &e.idle_tyiyn_per_minute)?,
        idle_grace_minutes: idle_from.and_then(|e| e.idle_grace_minutes).unwrap_or(0),
    })
}

/// Base, adders, contract: see the head of `document.rs`.
fn component(
    tariff: &FrozenTariff,
    matching: &[&TariffElement],
    rule: fn(&TariffElement) -> &Option<PriceRule>,
) -> Result<Option<Priced>, PriceError> {
    let mut base = None;
    let mut adders = Tyiyn::ZERO;
    let mut contract = None;
    for &element in matching {
        match rule(element) {
            Some(PriceRule::Set(price)) => {
                base.get_or_insert((element, *price));
            }
            Some(PriceRule::RelativeTo { element: other, change_percent }) => {
                let named = tariff.document.elements.iter().find(|candidate| candidate.name == *other);
                let Some(Some(PriceRule::Set(price))) = named.map(rule) else {
                    return Err(PriceError::InvalidTariff(format!(
                        "{other} does not set the price that {} needs",
                        element.name
                    )));
                };
                let price = changed_by(*price, *change_percent)?;
                base.get_or_insert((element, price));
            }
            Some(PriceRule::Add(price)) => adders = adders.checked_add(*price).ok_or(PriceError::Overflow)?,
            Some(PriceRule::Replace(_) | PriceRule::ChangePercent(_)) => {
                contract.get_or_insert(element);
            }
            None => {}
        }
    }
    let base = match base {
        Some((element, price)) => {
            let price = price.checked_add(adders).ok_or(PriceError::Overflow)?;
            Some(Priced { band: element.band.unwrap_or(Band::Flat), price })
        }
        None => None,
    };
    Ok(match contract.map(|element| (element, rule(element))) {
        Some((element, Some(PriceRule::Replace(price)))) => {
            Some(Priced { band: element.band.unwrap_or(Band::Contract), price: *price })
        }
        Some((element, Some(PriceRule::ChangePercent(change_percent)))) => match base {
            Some(base) => {
                Some(Priced { band: element.band.unwrap_or(base.band), price: changed_by(base.price, *change_percent)? })
            }
            None => None,
        },
        _ => base,
    })
}

fn changed_by(price: Tyiyn, change_percent: i16) -> Result<Tyiyn, PriceError> {
    let product = i128::from(price.get()) * (100 + i128::from(change_percent));
    div_half_up(product, 100).map(Tyiyn::new).ok_or(PriceError::Overflow)
}
