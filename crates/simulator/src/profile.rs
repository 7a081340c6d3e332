//! What a charging profile says, whatever version it came in.

use crate::Current;
use crate::charger::Time;

/// What an ampere is worth: the phases of a three-phase connection, and a middling car battery.
const AC_VOLT: i64 = 230;
const DC_VOLT: i64 = 400;

/// ChargingScheduleMaxPeriods.
pub(crate) const MAX_PERIODS: usize = 24;

/// A cap on one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) id: i64,
    pub(crate) stack_level: u32,
    /// Not counted from the start of the transaction.
    pub(crate) is_absolute: bool,
    pub(crate) valid_from: Option<Time>,
    pub(crate) valid_to: Option<Time>,
    pub(crate) start: Option<Time>,
    pub(crate) duration_s: Option<i64>,
    pub(crate) is_in_ampere: bool,
    pub(crate) periods: Vec<Period>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// From the start of the schedule.
    pub(crate) start_s: i64,
    /// Thousandths of a watt or of an ampere.
    pub(crate) limit_milli: i64,
    pub(crate) phases: Option<u32>,
}

impl Profile {
    /// What it allows at a time; `None` where it says nothing (1.6 § 3.13, 2.0.1 part 2 K).
    pub(crate) fn cap_w(&self, started_at: Time, at: Time, current: Current) -> Option<i64> {
        if self.valid_from.is_some_and(|from| at < from) || self.valid_to.is_some_and(|to| at >= to) {
            return None;
        }
        let start = if self.is_absolute { self.start.unwrap_or(started_at) } else { started_at };
        let elapsed_s = (at - start).num_seconds();
        if elapsed_s < 0 || self.duration_s.is_some_and(|duration_s| elapsed_s >= duration_s) {
            return None;
        }
        let begun = self.periods.iter().filter(|period| period.start_s <= elapsed_s);
        let period = begun.max_by_key(|period| period.start_s)?;
        if !self.is_in_ampere {
            return Some(period.limit_milli / 1000);
        }
        let volts = match current {
            Current::Ac => AC_VOLT * i64::from(period.phases.unwrap_or(3).min(3)),
            Current::Dc => DC_VOLT,
        };
        Some(period.limit_milli.saturating_mul(volts) / 1000)
    }
}
