//! Energy in watt-hours and power in watts, whole numbers only.

use chrono::Duration;
use serde::{Deserialize, Serialize};

/// Energy in watt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wh(i64);

impl Wh {
    pub const ZERO: Self = Self(0);
    pub const fn new(wh: i64) -> Self {
        Self(wh)
    }
    pub const fn get(self) -> i64 {
        self.0
    }
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(v) => Some(Self(v)),
            None => None,
        }
    }
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(v) => Some(Self(v)),
            None => None,
        }
    }
    /// The sum; `None` when it does not fit.
    pub fn checked_sum(energies: impl IntoIterator<Item = Self>) -> Option<Self> {
        energies.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

/// Power in watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watt(i64);

impl Watt {
    pub const ZERO: Self = Self(0);
    pub const fn new(watt: i64) -> Self {
        Self(watt)
    }
    pub const fn get(self) -> i64 {
        self.0
    }
    /// The energy that this power gives in a time, rounded up to whole watt-hours and cut off at what fits. Zero for negative
    /// power or time. Rounded up because it is a bound: what may flow at most.
    pub fn energy_over(self, time: Duration) -> Wh {
        let micros = i128::from(time.num_microseconds().unwrap_or(if time < Duration::zero() { 0 } else { i64::MAX }).max(0));
        let exact = i128::from(self.0.max(0)) * micros;
        let rounded_up = exact / MICROS_PER_HOUR + i128::from(exact % MICROS_PER_HOUR != 0);
        Wh(i64::try_from(rounded_up).unwrap_or(i64::MAX))
    }
    /// The power that gives this energy in this time, rounded up; zero when no time passed.
    pub fn from_energy(energy: Wh, time: Duration) -> Self {
        let micros = i128::from(time.num_microseconds().unwrap_or(i64::MAX));
        if micros <= 0 || energy.0 <= 0 {
            return Self::ZERO;
        }
        let exact = i128::from(energy.0) * MICROS_PER_HOUR;
        let rounded_up = exact / micros + i128::from(exact % micros != 0);
        Self(i64::try_from(rounded_up).unwrap_or(i64::MAX))
    }
}

/// Watts times microseconds to watt-hours.
const MICROS_PER_HOUR: i128 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_over_time_is_energy_rounded_up() {
        assert_eq!(Watt::new(22_000).energy_over(Duration::minutes(60)), Wh::new(22_000));
        assert_eq!(Watt::new(1).energy_over(Duration::seconds(1)), Wh::new(1));
        assert_eq!(Watt::new(-5).energy_over(Duration::hours(1)), Wh::ZERO);
        assert_eq!(Watt::new(5).energy_over(Duration::hours(-1)), Wh::ZERO);
        assert_eq!(Watt::new(i64::MAX).energy_over(Duration::MAX), Wh::new(i64::MAX));
        assert_eq!(Watt::new(9).energy_over(Duration::MIN), Wh::ZERO);
    }

    #[test]
    fn energy_over_time_is_power() {
        assert_eq!(Watt::from_energy(Wh::new(100), Duration::seconds(60)), Watt::new(6_000));
        assert_eq!(Watt::from_energy(Wh::new(100), Duration::zero()), Watt::ZERO);
        assert_eq!(Watt::from_energy(Wh::new(i64::MAX), Duration::microseconds(1)), Watt::new(i64::MAX));
    }

    #[test]
    fn sums_that_do_not_fit_are_none() {
        assert_eq!(Wh::new(i64::MAX).checked_add(Wh::new(1)), None);
        assert_eq!(Wh::new(i64::MIN).checked_sub(Wh::new(1)), None);
        assert_eq!(Wh::checked_sum([Wh::new(i64::MAX), Wh::new(1)]), None);
    }
}
