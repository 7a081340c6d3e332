//! The words of a driver's balance.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

/// The days that one statement covers at most.
pub const PERIOD_DAYS_MAX: i64 = 366;

/// Where a top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUpState {
    AwaitingPayment,
    Paid,
    /// The provider says that it will not be paid. A late payment is credited all the same.
    Failed,
    /// Not paid in time. A late payment is credited all the same.
    Expired,
}

text_enum!(TopUpState { AwaitingPayment = "awaiting_payment", Paid = "paid", Failed = "failed", Expired = "expired" });

/// What moved a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    TopUp,
    Charge,
    Refund,
    /// By finance, with a reason.
    Correction,
    Other,
}

text_enum!(MovementKind {
    TopUp = "top_up",
    Charge = "charge",
    Refund = "refund",
    Correction = "correction",
    Other = "other",
});

/// Where a driver's wish for money back stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundRequestState {
    /// Finance has to approve it; the money is held.
    AwaitingApproval,
    /// On its way.
    UnderWay,
    /// With staff: the provider needs a hand.
    Delayed,
    Completed,
    /// The money is available again.
    Rejected,
}

text_enum!(RefundRequestState {
    AwaitingApproval = "awaiting_approval",
    UnderWay = "under_way",
    Delayed = "delayed",
    Completed = "completed",
    Rejected = "rejected",
});

/// Days from the first to the one after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(NaiveDate, NaiveDate)", into = "(NaiveDate, NaiveDate)")]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

/// Days that are no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to {PERIOD_DAYS_MAX} days")]
pub struct InvalidPeriod;

impl Period {
    /// `from` belongs to it, `to` does not.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, InvalidPeriod> {
        let days = to.signed_duration_since(from).num_days();
        if (1..=PERIOD_DAYS_MAX).contains(&days) { Ok(Self { from, to }) } else { Err(InvalidPeriod) }
    }
    /// As a form asks for it: the last day belongs to it too.
    pub fn of_days(first: NaiveDate, last: NaiveDate) -> Result<Self, InvalidPeriod> {
        Self::new(first, last.checked_add_days(Days::new(1)).ok_or(InvalidPeriod)?)
    }
    pub const fn from(self) -> NaiveDate {
        self.from
    }
    pub const fn to(self) -> NaiveDate {
        self.to
    }
}

impl TryFrom<(NaiveDate, NaiveDate)> for Period {
    type Error = InvalidPeriod;
    fn try_from((from, to): (NaiveDate, NaiveDate)) -> Result<Self, InvalidPeriod> {
        Self::new(from, to)
    }
}

impl From<Period> for (NaiveDate, NaiveDate) {
    fn from(period: Period) -> Self {
        (period.from, period.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_has_a_day_and_at_most_a_leap_year() {
        let one = Period::of_days(day("2026-11-22"), day("2026-11-22")).unwrap();
        assert_eq!((one.from(), one.to()), (day("2026-11-22"), day("2026-11-23")));
        assert!(Period::new(day("2024-01-01"), day("2025-01-01")).is_ok());
        for (from, to) in [("2026-11-22", "2026-11-22"), ("2026-11-22", "2026-11-21"), ("2024-01-01", "2025-01-02")] {
            assert_eq!(Period::new(day(from), day(to)), Err(InvalidPeriod));
        }
        assert_eq!(Period::of_days(NaiveDate::MIN, NaiveDate::MAX), Err(InvalidPeriod));
    }
}
