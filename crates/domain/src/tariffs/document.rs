//! A tariff version's content: plain JSON in OCPI's terms, with rules that say how a price comes about rather than its result.
//!
//! ```json
//! { "format": 1, "currency": "KGS", "time_zone": "Asia/Bishkek",
//!   "elements": [
//!     { "name": "night", "band": "night", "when": { "from": "23:00", "to": "06:00" },
//!       "tyiyn_per_kwh": { "relative_to": { "element": "day", "change_percent": -20 } } },
//!     { "name": "peak", "band": "peak", "when": { "from": "18:00", "to": "22:00" }, "tyiyn_per_kwh": { "set": 1800 } },
//!     { "name": "day", "band": "day", "tyiyn_per_kwh": { "set": 1500 } },
//!     { "name": "dc", "when": { "current": "dc" }, "tyiyn_per_kwh": { "add": 200 } } ] }
//! ```
//!
//! How a price is found, for each of the four components (energy, time, session, idle) by itself:
//! 1. **Base**: the first element in order that matches and says `set` or `relative_to`, as in OCPI 2.2.1 § 11.4.3.
//!    `relative_to` is the named element's `set` price changed by a percentage, once, rounded half up; the named element need not match.
//! 2. **Adders**: the `add` of every matching element is added to the base.
//! 3. **Contract**: the first matching element that says `replace` (the price, whatever 1 and 2 gave) or
//!    `change_percent` (of the sum of 1 and 2, rounded half up). Only the first: a discount is never applied twice.

use std::fmt;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use super::{Band, FrozenTariff, PriceContext, PriceError};
use crate::stations::CurrentType;
use crate::text_enum::text_enum;
use crate::{Tyiyn, Watt};

/// The shape that this version reads and writes.
pub const TARIFF_FORMAT: u16 = 1;
/// A tariff that people understand has a dozen elements; this bounds what a request can make the engine do.
pub const ELEMENTS_MAX: usize = 64;
/// No price of a kWh, a minute or a start is a thousand som; a hundred times too much is a typing error.
pub const PRICE_MAX: Tyiyn = Tyiyn::new(100_000);
/// Names and contract codes, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// A grace of more than a day is no grace.
pub const IDLE_GRACE_MINUTES_MAX: u32 = 24 * 60;
/// Five times the named price at most, and not below zero.
pub const CHANGE_PERCENT: std::ops::RangeInclusive<i16> = -100..=400;

/// A tariff version's content; `tariff_version.document`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffDocument {
    pub format: u16,
    /// Always `KGS`: said, so that a document speaks for itself.
    pub currency: String,
    /// The IANA name of the zone whose civil time the restrictions mean.
    pub time_zone: String,
    pub elements: Vec<TariffElement>,
}

/// One element: where and when it matches, and what it says about the prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffElement {
    /// Unique in the document; `relative_to` refers to it.
    pub name: String,
    /// What people call the price when this element gives the base or replaces it; adders and discounts may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    #[serde(default, skip_serializing_if = "Restrictions::is_empty")]
    pub when: Restrictions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tyiyn_per_kwh: Option<PriceRule>,
    /// For the time from the start until the car draws nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tyiyn_per_minute: Option<PriceRule>,
    /// Once, at the price of the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tyiyn_per_session: Option<PriceRule>,
    /// For the time that the cable stays in after the car is done and the grace is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_tyiyn_per_minute: Option<PriceRule>,
    /// Goes with the idle price of this element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_grace_minutes: Option<u32>,
}

impl TariffElement {
    /// An element that matches always and says nothing yet.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            band: None,
            when: Restrictions::default(),
            tyiyn_per_kwh: None,
            tyiyn_per_minute: None,
            tyiyn_per_session: None,
            idle_tyiyn_per_minute: None,
            idle_grace_minutes: None,
        }
    }

    fn rules(&self) -> [&Option<PriceRule>; 4] {
        [&self.tyiyn_per_kwh, &self.tyiyn_per_minute, &self.tyiyn_per_session, &self.idle_tyiyn_per_minute]
    }
}

/// How an element takes part in one price; see the page's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceRule {
    Set(Tyiyn),
    RelativeTo { element: String, change_percent: i16 },
    Add(Tyiyn),
    Replace(Tyiyn),
    ChangePercent(i16),
}

/// When an element matches: all that is said must hold; nothing said matches always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restrictions {
    /// Civil time, from (inclusive) …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<CivilTime>,
    /// … to (exclusive). Earlier than `from`: over midnight. One without the other means from or until midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<CivilTime>,
    /// The civil day of the instant itself: "Friday 23:00–06:00" is Friday's last hour and Friday's first six.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<CurrentType>,
    /// The most that the connector gives, from (inclusive) … A band of connectors, not of the power that flows: a price
    /// that changes while a car's battery warms up cannot be told before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_power_w: Option<Watt>,
    /// … to (exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watt>,
    /// Only for payers with this contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
}

impl Restrictions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the facts that do not change during a session match.
    pub(super) fn match_context(&self, context: &PriceContext) -> bool {
        self.current.is_none_or(|current| current == context.current)
            && self.min_power_w.is_none_or(|min| min <= context.max_power)
            && self.max_power_w.is_none_or(|max| context.max_power < max)
            && self.contract.as_ref().is_none_or(|contract| Some(contract) == context.contract.as_ref())
    }

    /// Whether a civil minute of a weekday matches.
    pub(super) fn match_time(&self, day: Weekday, minute: u16) -> bool {
        let from = self.from.map_or(0, CivilTime::minute);
        let to = self.to.map_or(0, CivilTime::minute);
        let in_hours = match (from, to) {
            // From or until midnight, or the whole day.
            (from, 0) => from <= minute,
            (from, to) if from < to => from <= minute && minute < to,
            (from, to) => from <= minute || minute < to,
        };
        in_hours && (self.days.is_empty() || self.days.contains(&day))
    }
}

/// A civil time of day, to the minute; `"HH:MM"` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilTime(u16);

/// A text that is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day like 23:00")]
pub struct InvalidTime;

impl CivilTime {
    /// `None` unless `hour < 24` and `minute < 60`.
    pub const fn new(hour: u16, minute: u16) -> Option<Self> {
        if hour < 24 && minute < 60 { Some(Self(hour * 60 + minute)) } else { None }
    }
    /// Reads `HH:MM`.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return Err(InvalidTime) };
        if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
            return Err(InvalidTime);
        }
        let number = |tens: u8, ones: u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        Self::new(number(h1, h2), number(m1, m2)).ok_or(InvalidTime)
    }
    /// Minutes since midnight.
    pub const fn minute(self) -> u16 {
        self.0
    }
}
impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}
impl TryFrom<String> for CivilTime {
    type Error = InvalidTime;
    fn try_from(text: String) -> Result<Self, InvalidTime> {
        Self::parse(&text)
    }
}
impl From<CivilTime> for String {
    fn from(time: CivilTime) -> String {
        time.to_string()
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

text_enum!(Weekday {
    Monday = "monday",
    Tuesday = "tuesday",
    Wednesday = "wednesday",
    Thursday = "thursday",
    Friday = "friday",
    Saturday = "saturday",
    Sunday = "sunday",
});

/// The numbers of the standard tariff. The default is DESIGN §6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardPrices {
    pub day: Tyiyn,
    pub peak: Tyiyn,
    /// From and to, civil time; configuration.
    pub peak_hours: (CivilTime, CivilTime),
    /// Night in per cent of change against day.
    pub night_change_percent: i16,
    pub night_hours: (CivilTime, CivilTime),
    /// Added on every DC connector.
    pub dc_adder: Tyiyn,
    /// Added from a connector's power up; all that match are added, so that 60 kW and 120 kW are steps of a stair.
    pub power_adders: Vec<(Watt, Tyiyn)>,
    /// The idle price of a minute and the grace in minutes; no idle fee when it is `None`.
    pub idle: Option<(Tyiyn, u32)>,
}

impl Default for StandardPrices {
    /// Day 15, peak 18 (18:00–22:00), night −20 % of day (23:00–06:00) som/kWh. DC +2; from 60 kW +1, from 120 kW +1 more
    /// (so +2 in all) som/kWh: a 22 kW AC connector costs 15/18/12, a 50 kW DC one 17/20/14, 60 kW 18/21/15, 150 kW 19/22/16.
    /// No idle fee, nothing by minute or session: per kWh alone is what people compare.
    fn default() -> Self {
        const fn hours(from: u16, to: u16) -> (CivilTime, CivilTime) {
            (CivilTime(from * 60), CivilTime(to * 60))
        }
        Self {
            day: Tyiyn::new(1500),
            peak: Tyiyn::new(1800),
            peak_hours: hours(18, 22),
            night_change_percent: -20,
            night_hours: hours(23, 6),
            dc_adder: Tyiyn::new(200),
            power_adders: vec![(Watt::new(60_000), Tyiyn::new(100)), (Watt::new(120_000), Tyiyn::new(100))],
            idle: None,
        }
    }
}

impl TariffDocument {
    /// The standard tariff (DESIGN §6): day 15, peak 18 (18:00–22:00), night −20 % of day, DC and power adders.
    pub fn standard() -> Self {
        Self::standard_with(&StandardPrices::default())
    }

    /// The standard tariff with other numbers. Night goes before peak, should the hours overlap.
    pub fn standard_with(prices: &StandardPrices) -> Self {
        let between =
            |(from, to): (CivilTime, CivilTime)| Restrictions { from: Some(from), to: Some(to), ..Restrictions::default() };
        let mut elements = vec![
            TariffElement {
                band: Some(Band::Night),
                when: between(prices.night_hours),
                tyiyn_per_kwh: Some(PriceRule::RelativeTo {
                    element: "day".into(),
                    change_percent: prices.night_change_percent,
                }),
                ..TariffElement::named("night")
            },
            TariffElement {
                band: Some(Band::Peak),
                when: between(prices.peak_hours),
                tyiyn_per_kwh: Some(PriceRule::Set(prices.peak)),
                ..TariffElement::named("peak")
            },
            TariffElement {
                band: Some(Band::Day),
                tyiyn_per_kwh: Some(PriceRule::Set(prices.day)),
                ..TariffElement::named("day")
            },
            TariffElement {
                when: Restrictions { current: Some(CurrentType::Dc), ..Restrictions::default() },
                tyiyn_per_kwh: Some(PriceRule::Add(prices.dc_adder)),
                ..TariffElement::named("dc")
            },
        ];
        elements.extend(prices.power_adders.iter().map(|&(from, adder)| TariffElement {
            when: Restrictions { min_power_w: Some(from), ..Restrictions::default() },
            tyiyn_per_kwh: Some(PriceRule::Add(adder)),
            ..TariffElement::named(&format!("from {} W", from.get()))
        }));
        elements.extend(prices.idle.map(|(price, grace)| TariffElement {
            idle_tyiyn_per_minute: Some(PriceRule::Set(price)),
            idle_grace_minutes: Some(grace),
            ..TariffElement::named("idle")
        }));
        Self { format: TARIFF_FORMAT, currency: "KGS".into(), time_zone: "Asia/Bishkek".into(), elements }
    }

    /// Refuses gaps (an instant without an energy price), negative prices, unknown time zones, absurd sizes.
    ///
    /// A gap is looked for at every minute of the week, for AC and DC, every power class and every contract that the document names.
    pub fn validate(&self) -> Result<(), PriceError> {
        let wrong = |what: String| Err(PriceError::InvalidTariff(what));
        if self.format != TARIFF_FORMAT {
            return wrong(format!("format {} is not {TARIFF_FORMAT}", self.format));
        }
        if self.currency != "KGS" {
            return wrong("the currency is not KGS".into());
        }
        self.zone()?;
        if self.elements.is_empty() || self.elements.len() > ELEMENTS_MAX {
            return wrong(format!("not 1 to {ELEMENTS_MAX} elements"));
        }
        for (index, element) in self.elements.iter().enumerate() {
            let name = &element.name;
            if !is_name(name) {
                return wrong(format!("the name of element {index} is empty, too long or not printable"));
            }
            if self.elements[..index].iter().any(|other| other.name == *name) {
                return wrong(format!("two elements are named {name}"));
            }
        }
        for element in &self.elements {
            if let Err(what) = self.check_element(element) {
                return wrong(format!("element {}: {what}", element.name));
            }
        }
        for context in self.contexts() {
            Schedule::new(&FrozenTariff { document: self.clone(), context: context.clone() })?.check_complete().map_err(
                |day_time| {
                    PriceError::InvalidTariff(format!(
                        "no energy price on {day_time} for {}, {} W, contract {}",
                        context.current.as_str(),
                        context.max_power.get(),
                        context.contract.as_deref().unwrap_or("none"),
                    ))
                },
            )?;
        }
        Ok(())
    }

    pub(super) fn zone(&self) -> Result<Tz, PriceError> {
        self.time_zone.parse().map_err(|_| PriceError::InvalidTariff("unknown time zone".into()))
    }

    fn check_element(&self, element: &TariffElement) -> Result<(), String> {
        if element.rules().iter().all(|rule| rule.is_none()) {
            return Err("says nothing about any price".into());
        }
        let when = &element.when;
        if when.from.is_some() && when.from == when.to {
            return Err("from and to are the same time; leave both out for the whole day".into());
        }
        if when.days.len() > 7 {
            return Err("a week has seven days".into());
        }
        if [when.min_power_w, when.max_power_w].into_iter().flatten().any(|power| power < Watt::ZERO)
            || matches!((when.min_power_w, when.max_power_w), (Some(min), Some(max)) if min >= max)
        {
            return Err("the power range is empty or negative".into());
        }
        if when.contract.as_deref().is_some_and(|contract| !is_name(contract)) {
            return Err("the contract code is empty, too long or not printable".into());
        }
        if element.idle_grace_minutes.is_some_and(|grace| grace > IDLE_GRACE_MINUTES_MAX) {
            return Err(format!("a grace of more than {IDLE_GRACE_MINUTES_MAX} minutes"));
        }
        if element.idle_grace_minutes.is_some()
            && !matches!(
                element.idle_tyiyn_per_minute,
                Some(PriceRule::Set(_) | PriceRule::RelativeTo { .. } | PriceRule::Replace(_))
            )
        {
            return Err("a grace without an idle price of its own".into());
        }
        for (component, rule) in element.rules().into_iter().enumerate() {
            if let Some(PriceRule::Set(price) | PriceRule::Add(price) | PriceRule::Replace(price)) = rule
                && (price.is_negative() || *price > PRICE_MAX)
            {
                return Err(format!("a price that is negative or above {} tyiyn", PRICE_MAX.get()));
            }
            if let Some(PriceRule::RelativeTo { change_percent, .. } | PriceRule::ChangePercent(change_percent)) = rule
                && !CHANGE_PERCENT.contains(change_percent)
            {
                return Err("a change that is not between -100 and 400 per cent".into());
            }
            if let Some(PriceRule::RelativeTo { element: other, .. }) = rule {
                // Only to a set price: a chain of percentages would be a discount on a discount.
                let named = self.elements.iter().find(|candidate| candidate.name == *other);
                if !named.is_some_and(|named| matches!(named.rules()[component], Some(PriceRule::Set(_)))) {
                    return Err(format!("is relative to {other}, which does not set this price"));
                }
            }
        }
        Ok(())
    }

    /// One context of every kind that the restrictions tell apart.
    fn contexts(&self) -> Vec<PriceContext> {
        let whens = || self.elements.iter().map(|element| &element.when);
        let mut powers: Vec<Watt> = whens().flat_map(|when| [when.min_power_w, when.max_power_w]).flatten().collect();
        powers.push(Watt::ZERO);
        powers.sort_unstable();
        powers.dedup();
        let mut contracts: Vec<Option<String>> = whens().map(|when| when.contract.clone()).collect();
        contracts.push(None);
        contracts.sort_unstable();
        contracts.dedup();
        let mut contexts = vec![];
        for &current in CurrentType::ALL {
            for &max_power in &powers {
                for contract in &contracts {
                    contexts.push(PriceContext { current, max_power, contract: contract.clone() });
                }
            }
        }
        contexts
    }
}

fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=NAME_CHARS_MAX).contains(&length) && text.trim() == text && !text.chars().any(char::is_control)
}
