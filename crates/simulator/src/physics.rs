//! Energy: how a battery fills and a meter counts. Integers only; milliwatt-hours inside.

use crate::rng::Rng;

/// A car as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Car {
    pub battery_wh: i64,
    /// What is in the battery on arrival.
    pub charged_wh: i64,
    pub max_power_w: i64,
}

impl Default for Car {
    /// 60 kWh, a fifth full.
    fn default() -> Self {
        Self { battery_wh: 60_000, charged_wh: 12_000, max_power_w: 120_000 }
    }
}

impl Car {
    /// A car that is full after this much.
    pub fn wanting_wh(wanted_wh: i64) -> Self {
        let car = Self::default();
        let battery_wh = car.battery_wh.max(wanted_wh);
        Self { battery_wh, charged_wh: battery_wh - wanted_wh.max(0), ..car }
    }
}

/// The largest battery, register and power that are believed: far beyond all real ones, and far from overflow.
const MAX_WH: i64 = 1_000_000_000_000;
const MAX_W: i64 = 10_000_000;

/// Power climbs to its limit in this (simulated) time.
const RAMP_MS: i64 = 20_000;
/// Above this state of charge the power tapers off, ...
const TAPER_FROM_PERMILLE: i64 = 800;
/// ... down to this share of it at the end. Not 0: the last watt-hour must come some day.
const TAPER_TO_PERMILLE: i64 = 50;

/// One mWh is 3.6 J; energy is counted in millijoules (watts times milliseconds) and handed on in whole mWh.
const MILLIJOULES_PER_MWH: i64 = 3_600;

/// The finest step of simulated time, and the most steps that one call takes: hours may have passed since the last.
const MIN_STEP_MS: i64 = 1_000;
const MAX_STEPS: i64 = 2_000;

#[derive(Debug, Clone)]
pub(crate) struct Battery {
    capacity_mwh: i64,
    energy_mwh: i64,
    max_power_w: i64,
}

impl Battery {
    pub(crate) fn new(car: Car) -> Self {
        let capacity_mwh = car.battery_wh.clamp(1, MAX_WH) * 1000;
        Self {
            capacity_mwh,
            energy_mwh: (car.charged_wh.clamp(0, MAX_WH) * 1000).min(capacity_mwh),
            max_power_w: car.max_power_w.clamp(1, MAX_W),
        }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.energy_mwh >= self.capacity_mwh
    }

    const fn permille(&self) -> i64 {
        self.energy_mwh / (self.capacity_mwh / 1000)
    }

    pub(crate) fn soc_percent(&self) -> u8 {
        u8::try_from(self.permille() / 10).unwrap_or(100).min(100)
    }

    /// What it takes when it may take `limit_w`, `flowing_ms` of simulated time after the first watt.
    fn power_w(&self, limit_w: i64, flowing_ms: i64) -> i64 {
        if self.is_full() {
            return 0;
        }
        let mut power_w = limit_w.clamp(0, self.max_power_w);
        if flowing_ms < RAMP_MS {
            power_w = power_w * (flowing_ms + MIN_STEP_MS).min(RAMP_MS) / RAMP_MS;
        }
        let permille = self.permille();
        if permille > TAPER_FROM_PERMILLE {
            let left = (1000 - permille).max(0);
            let share = TAPER_TO_PERMILLE + (1000 - TAPER_TO_PERMILLE) * left / (1000 - TAPER_FROM_PERMILLE);
            power_w = power_w * share / 1000;
        }
        power_w.max(i64::from(limit_w > 0))
    }
}

/// A lifetime register.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    register_mwh: i64,
    rest_mj: i64,
}

impl Meter {
    pub(crate) fn new(register_wh: i64) -> Self {
        Self { register_mwh: register_wh.clamp(0, MAX_WH) * 1000, rest_mj: 0 }
    }

    pub(crate) const fn register_mwh(&self) -> i64 {
        self.register_mwh
    }

    pub(crate) const fn register_wh(&self) -> i64 {
        self.register_mwh / 1000
    }

    pub(crate) const fn reset(&mut self) {
        self.register_mwh = 0;
        self.rest_mj = 0;
    }

    /// Lets `span_ms` of simulated time pass. `limit_w` gives the limit at a simulated time after the beginning of the span.
    /// Returns the power at the end.
    pub(crate) fn advance(
        &mut self,
        battery: &mut Battery,
        flowing_ms: &mut i64,
        span_ms: i64,
        limit_w: impl Fn(i64) -> i64,
        rng: &mut Rng,
    ) -> i64 {
        let step_ms = (span_ms / MAX_STEPS).max(MIN_STEP_MS);
        let mut passed_ms = 0;
        while passed_ms < span_ms {
            let this_ms = step_ms.min(span_ms - passed_ms);
            let limit_w = limit_w(passed_ms).clamp(0, MAX_W);
            let power_w = jittered(battery.power_w(limit_w, *flowing_ms), limit_w, rng);
            self.rest_mj += power_w * this_ms;
            let wanted_mwh = self.rest_mj / MILLIJOULES_PER_MWH;
            let taken_mwh = wanted_mwh.min(battery.capacity_mwh - battery.energy_mwh);
            self.rest_mj -= wanted_mwh * MILLIJOULES_PER_MWH;
            self.register_mwh += taken_mwh;
            battery.energy_mwh += taken_mwh;
            passed_ms += this_ms;
            if limit_w > 0 {
                *flowing_ms += this_ms;
            }
        }
        battery.power_w(limit_w(span_ms).clamp(0, MAX_W), *flowing_ms)
    }
}

/// Half a percent up or down, never above the limit: no meter reads the same twice.
const fn jittered(power_w: i64, limit_w: i64, rng: &mut Rng) -> i64 {
    let permille = 995 + rng.below(11).cast_signed();
    let power_w = power_w * permille / 1000;
    if power_w > limit_w { limit_w } else { power_w }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    #[test]
    fn an_hour_at_ten_kilowatts() {
        let mut meter = Meter::new(1_000);
        let mut battery = Battery::new(Car { battery_wh: 100_000, charged_wh: 0, max_power_w: 50_000 });
        let mut flowing_ms = 0;
        let power_w = meter.advance(&mut battery, &mut flowing_ms, 3_600_000, |_| 10_000, &mut Rng::new(1));
        // A little less than 10 kWh: the ramp and the jitter.
        assert!((10_900..=11_000).contains(&meter.register_wh()), "{}", meter.register_wh());
        assert_eq!(power_w, 10_000);
    }

    #[test]
    fn a_battery_tapers_and_is_full() {
        let mut meter = Meter::new(0);
        let mut battery = Battery::new(Car { battery_wh: 50_000, charged_wh: 39_000, max_power_w: 50_000 });
        let mut flowing_ms = 0;
        let mut rng = Rng::new(1);
        let early_w = meter.advance(&mut battery, &mut flowing_ms, 60_000, |_| 50_000, &mut rng);
        let late_w = meter.advance(&mut battery, &mut flowing_ms, 900_000, |_| 50_000, &mut rng);
        assert!(early_w > 2 * late_w && late_w > 0, "{early_w} {late_w}");
        let end_w = meter.advance(&mut battery, &mut flowing_ms, 36_000_000, |_| 50_000, &mut rng);
        assert_eq!((end_w, battery.soc_percent(), meter.register_wh()), (0, 100, 11_000));
    }

    proptest! {
        #[test]
        fn the_register_never_falls_and_the_battery_never_overflows(
            battery_wh in 1_i64..200_000, charged_wh in 0_i64..200_000, max_power_w in 1_i64..400_000,
            spans in proptest::collection::vec((0_i64..10_000_000, -5_i64..400_000), 1..20), seed in any::<u64>(),
        ) {
            let mut meter = Meter::new(7);
            let mut battery = Battery::new(Car { battery_wh, charged_wh, max_power_w });
            let (mut flowing_ms, mut rng) = (0, Rng::new(seed));
            for (span_ms, limit_w) in spans {
                let before_mwh = meter.register_mwh();
                let power_w = meter.advance(&mut battery, &mut flowing_ms, span_ms, |_| limit_w, &mut rng);
                let most_mwh = limit_w.max(0) * span_ms / MILLIJOULES_PER_MWH + 1;
                prop_assert!(meter.register_mwh() >= before_mwh);
                prop_assert!(meter.register_mwh() - before_mwh <= most_mwh);
                prop_assert!(power_w <= limit_w.max(0) && battery.energy_mwh <= battery.capacity_mwh);
            }
        }
    }
}
