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

#[cfg(test)]
#[allow(clippy::inconsistent_digit_grouping, reason = "500_00 reads as 500 som 00 tyiyn")]
mod tests {
    use super::*;
    use crate::stations::CurrentType;
    use crate::tariffs::{FrozenTariff, MeterPoint, PriceContext, StandardPrices, TariffDocument};
    use proptest::prelude::*;

    fn t(tyiyn: i64) -> Tyiyn {
        Tyiyn::new(tyiyn)
    }
    /// Seconds from 22 November 2026, 12:00 in Bishkek.
    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_327_200 + second, 0).unwrap()
    }
    fn ac() -> FrozenTariff {
        let context = PriceContext { current: CurrentType::Ac, max_power: Watt::new(22_000), contract: None };
        FrozenTariff { document: TariffDocument::standard(), context }
    }
    fn bill(points: &[(i64, i64)]) -> RunningBill {
        let mut bill = RunningBill::new(ac(), at(0));
        for &(second, wh) in points {
            bill.push(MeterPoint { at: at(second), energy: Wh::new(wh) }).unwrap();
        }
        bill
    }
    fn rule(hold: i64, limit: Option<Limit>) -> StopRule {
        StopRule { hold: t(hold), limit, started_at: at(0) }
    }
    const MINUTE: Duration = Duration::seconds(60);

    #[test]
    fn holds_95_percent_of_a_limit_and_90_of_a_balance() {
        let policy = HoldPolicy::default();
        assert_eq!(policy.hold(Some(Limit::Amount(t(50_000))), t(50_000)), t(47_500));
        assert_eq!(policy.hold(Some(Limit::Amount(t(99))), t(1_000)), t(94));
        assert_eq!(policy.hold(None, t(50_000)), t(45_000));
        assert_eq!(policy.hold(Some(Limit::Energy(Wh::new(1))), t(50_000)), t(45_000));
        assert_eq!(policy.hold(Some(Limit::Minutes(30)), t(50_000)), t(45_000));
    }

    #[test]
    fn never_holds_more_than_there_is() {
        let policy = HoldPolicy { percent_of_limit: 255, percent_of_balance: 255 };
        assert_eq!(policy.hold(Some(Limit::Amount(t(50_000))), t(30_000)), t(30_000));
        assert_eq!(policy.hold(None, t(30_000)), t(30_000));
        assert_eq!(policy.hold(None, t(-5)), t(0));
        assert_eq!(policy.hold(Some(Limit::Amount(t(-5))), t(10)), t(0));
        assert_eq!(policy.hold(Some(Limit::Amount(t(i64::MAX))), t(i64::MAX)), t(i64::MAX));
    }

    #[test]
    fn stops_when_the_next_sample_would_reach_the_hold() {
        // 15 som/kWh and 6 kW: 1.50 som a minute. Ten minutes are 15 som.
        let bill = bill(&[(0, 0), (600, 1_000)]);
        let power = Watt::new(6_000);
        assert_eq!(rule(16_51, None).judge(&bill, power, at(600), MINUTE), Ok(Verdict::GoOn));
        assert_eq!(rule(16_50, None).judge(&bill, power, at(600), MINUTE), Ok(Verdict::Stop));
    }

    #[test]
    fn silence_is_projected_from_the_last_reading() {
        let bill = bill(&[(0, 0), (600, 1_000)]);
        let power = Watt::new(6_000);
        assert_eq!(rule(30_00, None).judge(&bill, power, at(600 + 8 * 60), MINUTE), Ok(Verdict::GoOn));
        assert_eq!(rule(30_00, None).judge(&bill, power, at(600 + 9 * 60), MINUTE), Ok(Verdict::Stop));
    }

    #[test]
    fn limits_of_energy_and_time_stop_before_they_are_passed() {
        let bill = bill(&[(0, 0), (600, 1_000)]);
        let power = Watt::new(6_000);
        let judge = |limit| rule(1_000_00, Some(limit)).judge(&bill, power, at(600), MINUTE).unwrap();
        assert_eq!(judge(Limit::Energy(Wh::new(1_101))), Verdict::GoOn);
        assert_eq!(judge(Limit::Energy(Wh::new(1_100))), Verdict::Stop);
        assert_eq!(judge(Limit::Minutes(12)), Verdict::GoOn);
        assert_eq!(judge(Limit::Minutes(11)), Verdict::Stop);
    }

    #[test]
    fn an_idle_fee_stops_a_session_too() {
        let document =
            TariffDocument::standard_with(&StandardPrices { idle: Some((t(5_00), 10)), ..StandardPrices::default() });
        let mut bill = RunningBill::new(FrozenTariff { document, ..ac() }, at(0));
        bill.set_idle_since(Some(at(0)));
        let judge = |minute: i64| rule(50_00, None).judge(&bill, Watt::ZERO, at(minute * 60), MINUTE).unwrap();
        assert_eq!((judge(18), judge(19)), (Verdict::GoOn, Verdict::Stop));
    }

    #[test]
    fn what_cannot_be_counted_stops_and_odd_times_are_no_error() {
        let bill = bill(&[(0, 0), (600, 1_000)]);
        let rule = rule(1_000_000_00, None);
        assert_eq!(rule.judge(&bill, Watt::new(i64::MAX), at(600), MINUTE), Ok(Verdict::Stop));
        assert_eq!(rule.judge(&bill, Watt::ZERO, DateTime::<Utc>::MAX_UTC, Duration::MAX), Ok(Verdict::Stop));
        assert_eq!(rule.judge(&bill, Watt::new(-1), at(0), Duration::seconds(-60)), Ok(Verdict::GoOn));
    }

    proptest! {
        /// Drives whole sessions over all hours of the day. The stop is obeyed at the very end of the next interval, and the
        /// power rises as fast as it can: from zero to its most within the ramp.
        #[test]
        fn obeyed_within_one_interval_the_bill_stays_within_the_limit_and_the_stop_is_not_early(
            start in 0_i64..86_400,
            interval in 5_i64..120,
            max_power in 3_000_i64..180_000,
            ramp in prop_oneof![Just(0_i64), 0_i64..600],
            more_than_needed in 0_i64..2_000_00,
        ) {
            let context = PriceContext { current: CurrentType::Dc, max_power: Watt::new(max_power), contract: None };
            let tariff = FrozenTariff { document: TariffDocument::standard(), context };
            let dearest = 22_00; // Peak on a connector of 120 kW and more.
            let interval_cost = max_power * interval * dearest / 3_600_000 + 2;
            // The margin of 5 % pays for one interval at constant power, and for two when the power may double meanwhile.
            let limit = 20 * interval_cost * if ramp == 0 { 1 } else { 2 } + 100 + more_than_needed;
            let hold = HoldPolicy::default().hold(Some(Limit::Amount(t(limit))), t(limit));
            let rule = StopRule { hold, limit: Some(Limit::Amount(t(limit))), started_at: at(start) };
            let power_at = |second: i64| if second >= ramp { max_power } else { max_power * second / ramp };

            let mut bill = RunningBill::new(tariff, at(start));
            let (mut second, mut watt_seconds, mut stopping) = (0, 0, false);
            loop {
                for _ in 0..interval {
                    watt_seconds += power_at(second);
                    second += 1;
                }
                let now = at(start + second);
                bill.push(MeterPoint { at: now, energy: Wh::new(watt_seconds / 3_600) }).unwrap();
                let cost = bill.bill_at(now).unwrap().total;
                if stopping {
                    prop_assert!(cost <= t(limit), "{cost:?} of {limit}");
                    break;
                }
                if rule.judge(&bill, Watt::new(power_at(second)), now, Duration::seconds(interval)).unwrap() == Verdict::Stop {
                    prop_assert!(cost.get() + interval_cost >= hold.get(), "{cost:?} of {hold:?}");
                    stopping = true;
                }
                prop_assert!(second < 40 * 86_400, "never stopped");
            }
        }
    }
}
