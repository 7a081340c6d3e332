//! Hold and stop (DESIGN §5): with a limit L the hold is 95 % of L, without one 90 % of what is available. The session is
//! stopped when the projected cost at the next expected sample reaches the hold. The margin pays for the overshoot.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::tariffs::{PriceError, RunningBill};
use crate::{Tyiyn, Watt, Wh};

/// What the payer agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Amount(Tyiyn),
    Energy(Wh),
    Minutes(u32),
}

/// The percentages, from configuration; more than 100 counts as 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPolicy {
    pub percent_of_limit: u8,
    pub percent_of_balance: u8,
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self { percent_of_limit: 95, percent_of_balance: 90 }
    }
}

impl HoldPolicy {
    /// The sum to set aside for a session, rounded down; never negative and never more than is available. A limit in som
    /// holds by the limit, a limit of energy or time (and no limit) by the balance.
    pub fn hold(self, limit: Option<Limit>, available: Tyiyn) -> Tyiyn {
        let available = available.max(Tyiyn::ZERO);
        let (whole, percent) = match limit {
            Some(Limit::Amount(limit)) => (limit.max(Tyiyn::ZERO), self.percent_of_limit),
            Some(Limit::Energy(_) | Limit::Minutes(_)) | None => (available, self.percent_of_balance),
        };
        // At most 100 % of what fits, so the share always fits.
        let share = whole.checked_share_floor(u32::from(percent.min(100)), 100).unwrap_or(whole);
        share.min(available)
    }
}

/// What a live session is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRule {
    pub hold: Tyiyn,
    pub limit: Option<Limit>,
    pub started_at: DateTime<Utc>,
}

/// The judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    GoOn,
    /// The threshold is reached or will be before the next expected sample.
    Stop,
}

impl StopRule {
    /// Judges at `now`. `power` is what flows now (the greater of the reported and the one derived from the last readings, by
    /// the caller: `RegisterModel::power`), `next_sample_in` the expected time to the next reading; when readings are overdue,
    /// the projection runs from the last reading to `now + next_sample_in`, so that silence stops a session too.
    ///
    /// Stops when by then the cost would reach the hold, the energy an energy limit, or the time a time limit. What is too
    /// large to be counted is a reason to stop. An error means that the tariff gives no price: stop too, and raise an alarm.
    ///
    /// A stop that is obeyed within one interval leaves the bill under `hold + the cost of one interval`; with the default
    /// policy that is within the limit as long as an interval costs at most 5 % of it (property-tested below).
    pub fn judge(
        &self,
        bill: &RunningBill,
        power: Watt,
        now: DateTime<Utc>,
        next_sample_in: Duration,
    ) -> Result<Verdict, PriceError> {
        let last = bill.position();
        let horizon =
            now.max(last.at).checked_add_signed(next_sample_in.max(Duration::zero())).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let more = power.energy_over(horizon - last.at);
        let energy = last.energy.checked_add(more).unwrap_or(Wh::new(i64::MAX));
        let limit_reached = match self.limit {
            // Judged as the cost below: the hold is its 95 %.
            Some(Limit::Amount(_)) | None => false,
            Some(Limit::Energy(limit)) => energy >= limit,
            Some(Limit::Minutes(minutes)) => horizon - self.started_at >= Duration::minutes(i64::from(minutes)),
        };
        if limit_reached {
            return Ok(Verdict::Stop);
        }
        match bill.projected_total(horizon, energy) {
            Ok(cost) if cost < self.hold => Ok(Verdict::GoOn),
            Ok(_) | Err(PriceError::Overflow | PriceError::TooLong) => Ok(Verdict::Stop),
            Err(error) => Err(error),
        }
    }
}
