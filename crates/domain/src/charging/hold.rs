//! Hold and stop (DESIGN §5): with a limit L the hold is 95 % of L, without one 90 % of what is available. The session is
//! stopped when the projected cost at the next expected sample reaches the hold.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::tariffs::{PriceError, RunningBill};
use crate::{Tyiyn, Watt, Wh};

/// What the payer agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit { Amount(Tyiyn), Energy(Wh), Minutes(u32) }

/// The percentages, from configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPolicy { pub percent_of_limit: u8, pub percent_of_balance: u8 }

impl Default for HoldPolicy {
    fn default() -> Self { Self { percent_of_limit: 95, percent_of_balance: 90 } }
}

impl HoldPolicy {
    /// The sum to set aside for a session, rounded down. An energy or time limit holds by the balance.
    pub fn hold(self, limit: Option<Limit>, available: Tyiyn) -> Tyiyn { let _ = (limit, available); todo!() }
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
    /// the caller), `next_sample_in` the expected time to the next reading; when readings are overdue, the projection runs from
    /// the last reading to `now + next_sample_in`, so that silence stops a session too.
    pub fn judge(&self, bill: &RunningBill, power: Watt, now: DateTime<Utc>, next_sample_in: Duration) -> Result<Verdict, PriceError> {
        let _ = (bill, power, now, next_sample_in);
        todo!()
    }
}
