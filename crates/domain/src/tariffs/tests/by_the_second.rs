//! The engine against a model that walks second by second and knows nothing of borders, elements or time zones; and the
//! running bill against the bill.

use super::*;
use proptest::prelude::*;

/// What the model knows of a tariff: plain numbers.
#[derive(Debug, Clone)]
struct Plain {
    day: i64,
    peak: i64,
    night_percent: i64,
    /// Minutes of the day.
    peak_hours: (i64, i64),
    night_hours: (i64, i64),
    dc: bool,
    watt: i64,
    dc_adder: i64,
    power_adders: Vec<(i64, i64)>,
    idle_price: i64,
    grace_minutes: i64,
    minute_price: i64,
    night_minute_price: i64,
    session_price: i64,
    discount_percent: i64,
}

impl Plain {
    fn document(&self) -> TariffDocument {
        let t = Tyiyn::new;
        let time =
            |minute: i64| CivilTime::new(u16::try_from(minute / 60).unwrap(), u16::try_from(minute % 60).unwrap()).unwrap();
        let percent = |p: i64| i16::try_from(p).unwrap();
        let mut document = TariffDocument::standard_with(&StandardPrices {
            day: t(self.day),
            peak: t(self.peak),
            peak_hours: (time(self.peak_hours.0), time(self.peak_hours.1)),
            night_change_percent: percent(-self.night_percent),
            night_hours: (time(self.night_hours.0), time(self.night_hours.1)),
            dc_adder: t(self.dc_adder),
            power_adders: self.power_adders.iter().map(|&(watt, adder)| (Watt::new(watt), t(adder))).collect(),
            idle: Some((t(self.idle_price), u32::try_from(self.grace_minutes).unwrap())),
        });
        document.elements.push(TariffElement {
            when: Restrictions {
                from: Some(time(self.night_hours.0)),
                to: Some(time(self.night_hours.1)),
                ..Restrictions::default()
            },
            tyiyn_per_minute: Some(PriceRule::Set(t(self.night_minute_price))),
            ..TariffElement::named("night minutes")
        });
        document.elements.push(TariffElement {
            tyiyn_per_kwh: Some(PriceRule::ChangePercent(percent(-self.discount_percent))),
            tyiyn_per_minute: Some(PriceRule::Set(t(self.minute_price))),
            tyiyn_per_session: Some(PriceRule::Set(t(self.session_price))),
            ..TariffElement::named("the rest")
        });
        document
    }

    fn frozen(&self) -> FrozenTariff {
        frozen(self.document(), if self.dc { CurrentType::Dc } else { CurrentType::Ac }, self.watt)
    }

    /// Whether the second, counted from a midnight in Bishkek, lies in the hours.
    fn within(hours: (i64, i64), second: i64) -> bool {
        let minute = second.rem_euclid(86_400) / 60;
        if hours.0 < hours.1 { hours.0 <= minute && minute < hours.1 } else { minute >= hours.0 || minute < hours.1 }
    }

    fn energy_price(&self, second: i64) -> (Band, i64) {
        let half_up = |product: i64| (product * 2 + 100).div_euclid(200);
        let (band, mut price) = if Self::within(self.night_hours, second) {
            (Band::Night, half_up(self.day * (100 - self.night_percent)))
        } else if Self::within(self.peak_hours, second) {
            (Band::Peak, self.peak)
        } else {
            (Band::Day, self.day)
        };
        if self.dc {
            price += self.dc_adder;
        }
        for (from, adder) in &self.power_adders {
            if self.watt >= *from {
                price += adder;
            }
        }
        (band, half_up(price * (100 - self.discount_percent)))
    }

    /// Energy, time and idle amounts; rounded at each end of a stretch of one price and band.
    fn total(&self, points: &[(i64, i64)], idle_since: Option<i64>, end: i64) -> i64 {
        let start = points[0].0;
        let energy = Stretches::sum(start, points[points.len() - 1].0, 1_000, |second| {
            (self.energy_price(second), register_at(points, second + 1) - register_at(points, second))
        });
        let time = Stretches::sum(start, idle_since.unwrap_or(end), 60, |second| {
            let night = Self::within(self.night_hours, second);
            ((Band::Flat, if night { self.night_minute_price } else { self.minute_price }), 1)
        });
        let idle_from = idle_since.map_or(end, |idle| idle + self.grace_minutes * 60);
        let idle = Stretches::sum(idle_from, end, 60, |_| ((Band::Flat, self.idle_price), 1));
        energy + time + idle + self.session_price
    }
}

/// Adds up quantities second by second, and rounds when the price or its name changes.
struct Stretches;

impl Stretches {
    fn sum(from: i64, to: i64, per: i64, at: impl Fn(i64) -> ((Band, i64), i64)) -> i64 {
        let (mut total, mut current, mut quantity) = (0, None, 0);
        let rounded = |current: Option<(Band, i64)>, quantity: i64| {
            current.map_or(0, |(_, price)| (price * quantity * 2 + per).div_euclid(2 * per))
        };
        for second in from..to {
            let (price, more) = at(second);
            if current != Some(price) {
                total += rounded(current, quantity);
                (current, quantity) = (Some(price), 0);
            }
            quantity += more;
        }
        total + rounded(current, quantity)
    }
}

fn hours() -> impl Strategy<Value = (i64, i64)> {
    (0_i64..1_440, 1_i64..1_440).prop_map(|(from, length)| (from, (from + length) % 1_440))
}

fn plain() -> impl Strategy<Value = Plain> {
    let adders = proptest::collection::vec((0_i64..200_000, 0_i64..300), 0..3).prop_map(|mut adders| {
        adders.sort_unstable();
        adders.dedup_by_key(|adder| adder.0);
        adders
    });
    let prices = (0_i64..3_000, 0_i64..3_000, 0_i64..=100, 0_i64..300, adders);
    let others = (0_i64..500, 0_i64..40, 0_i64..100, 0_i64..100, 0_i64..2_000, prop_oneof![Just(0_i64), 0_i64..=50]);
    (prices, others, hours(), hours(), any::<bool>(), 3_000_i64..200_000).prop_map(
        |(prices, others, peak_hours, night_hours, dc, watt)| {
            let (day, peak, night_percent, dc_adder, power_adders) = prices;
            let (idle_price, grace_minutes, minute_price, night_minute_price, session_price, discount_percent) = others;
            Plain {
                day,
                peak,
                night_percent,
                peak_hours,
                night_hours,
                dc,
                watt,
                dc_adder,
                power_adders,
                idle_price,
                grace_minutes,
                minute_price,
                night_minute_price,
                session_price,
                discount_percent,
            }
        },
    )
}

/// Readings at whole seconds over up to a day and a half, with gaps from one second to half a day.
fn points() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let step = (prop_oneof![4 => 1_i64..900, 1 => 1_i64..43_200], prop_oneof![1 => Just(0_i64), 4 => 0_i64..40_000]);
    (0_i64..86_400, proptest::collection::vec(step, 0..12)).prop_map(|(start, steps)| {
        let mut points = vec![(start, 0)];
        for (seconds, wh) in steps {
            let (at, energy) = points[points.len() - 1];
            if at + seconds - start < 130_000 {
                points.push((at + seconds, energy + wh));
            }
        }
        points
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_bill_is_what_walking_second_by_second_gives(
        plain in plain(),
        points in points(),
        stays in 0_i64..20_000,
        idle in any::<Option<prop::sample::Index>>(),
    ) {
        let end = points[points.len() - 1].0 + stays;
        let seconds = usize::try_from(end - points[0].0 + 1).unwrap();
        let idle_since = idle.map(|idle| points[0].0 + i64::try_from(idle.index(seconds)).unwrap());
        let tariff = plain.frozen();
        prop_assert_eq!(tariff.document.validate(), Ok(()));
        let bill = tariff.bill(&Usage {
            points: points.iter().map(|&(second, wh)| MeterPoint { at: at(second), energy: Wh::new(wh) }).collect(),
            idle_since: idle_since.map(at),
            ended_at: at(end),
        }).unwrap();
        prop_assert_eq!(bill.total.get(), plain.total(&points, idle_since, end));

        // And the lines are a receipt: exact, in order, without overlap, all of the energy, no more than 0.5 Wh moved at a border.
        let energy_lines: Vec<_> = bill.lines.iter().filter(|line| line.kind == LineKind::Energy).collect();
        prop_assert_eq!(energy_lines.iter().map(|line| line.energy.get()).sum::<i64>(), points[points.len() - 1].1);
        prop_assert!(bill.lines.iter().all(BillLine::is_exact));
        for pair in bill.lines.windows(2) {
            let same_kind = pair[0].kind == pair[1].kind;
            prop_assert!(!same_kind || pair[0].to <= pair[1].from);
            prop_assert!(pair[0].kind as u8 <= pair[1].kind as u8);
        }
        for line in energy_lines {
            // An instant within the line has its price.
            let now = tariff.price_at(line.from).unwrap();
            prop_assert_eq!((now.band, now.price_per_kwh), (line.band, line.unit_price));
        }
    }

    /// Any instants to the microsecond, any order of asking: the running bill is the bill.
    #[test]
    fn the_running_bill_is_the_bill(
        plain in plain(),
        start in 0_i64..86_400_000_000,
        steps in proptest::collection::vec((prop_oneof![Just(0_i64), 0_i64..3_000_000_000, 0_i64..60_000_000_000], 0_i64..5_000, any::<bool>()), 0..25),
        idle_after in any::<Option<prop::sample::Index>>(),
        stays in 0_i64..7_200_000_000,
    ) {
        let tariff = plain.frozen();
        let micros = |micros: i64| at(0) + Duration::microseconds(micros);
        let mut running = RunningBill::new(tariff.clone(), micros(start));
        let mut points = vec![MeterPoint { at: micros(start), energy: Wh::ZERO }];
        let (mut now, mut wh) = (start, 0);
        let idle_index = idle_after.map(|index| index.index(steps.len() + 1));
        let mut idle_since = None;
        for (index, (step, more, ask)) in steps.into_iter().enumerate() {
            now += step;
            wh += more;
            let point = MeterPoint { at: micros(now), energy: Wh::new(wh) };
            points.push(point);
            let usage = Usage { points: points.clone(), idle_since, ended_at: point.at };
            if ask {
                let projected = running.projected_total(point.at, point.energy).unwrap();
                prop_assert_eq!(projected, tariff.bill(&usage).unwrap().total);
            }
            running.push(point).unwrap();
            if ask {
                prop_assert_eq!(running.bill_at(point.at).unwrap(), tariff.bill(&usage).unwrap());
            }
            if idle_index == Some(index) {
                idle_since = Some(point.at);
                running.set_idle_since(idle_since);
            }
        }
        let usage = Usage { points, idle_since, ended_at: micros(now + stays) };
        prop_assert_eq!(running.bill_at(usage.ended_at).unwrap(), tariff.bill(&usage).unwrap());
    }

    /// A person watching never sees the cost fall, and reading more often only moves what the rounding of the cuts moves.
    #[test]
    fn cost_never_falls(plain in plain(), points in points()) {
        let tariff = plain.frozen();
        let mut running = RunningBill::new(tariff, at(points[0].0));
        let mut before = Tyiyn::ZERO;
        for (second, wh) in points {
            running.push(MeterPoint { at: at(second), energy: Wh::new(wh) }).unwrap();
            let total = running.bill_at(at(second)).unwrap().total;
            prop_assert!(before <= total);
            before = total;
        }
    }

    #[test]
    fn what_a_sum_buys_costs_no_more_than_the_sum(plain in plain(), start in 0_i64..86_400, som in 0_i64..5_000, watt in 1_000_i64..200_000) {
        let tariff = plain.frozen();
        let (amount, power) = (Tyiyn::new(som * 100), Watt::new(watt));
        let bought = tariff.energy_for(amount, power, at(start)).unwrap();
        if bought > Wh::ZERO {
            prop_assert!(tariff.estimate(bought, power, at(start)).unwrap().total <= amount);
        }
    }
}
