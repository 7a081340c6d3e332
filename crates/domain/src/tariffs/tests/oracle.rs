//! The engine against `ocpi-tariffs`, an implementation of OCPI 2.2.1 pricing that nobody here wrote.
//!
//! It can say what OCPI can: time of day and weekday in a zone (clock changes too), the first matching element, prices per
//! kWh, hour, parking hour and start. It cannot say adders, percentages and contracts; those are the second-by-second
//! model's. It prices charging periods and does not cut them, so the periods here are cut at every third minute (0.05 hours
//! exactly, as OCPI counts time in decimal hours), and it is the oracle that finds the price of each. It rounds nothing on
//! the way: the difference may be half a tyiyn for each line of ours.

use chrono_tz::Tz;
use ocpi_tariffs::{Version, cdr, json, price, tariff};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const STEP: i64 = 180;

/// A number that JSON carries exactly: OCPI wants decimals.
fn decimal(value: i64, digits: u32) -> Value {
    let scale = 10_i64.pow(digits);
    let width = usize::try_from(digits).unwrap();
    serde_json::from_str(&format!("{}.{:0width$}", value / scale, value % scale)).unwrap()
}

fn ocpi_tariff(document: &TariffDocument) -> String {
    let elements: Vec<Value> = document
        .elements
        .iter()
        .map(|element| {
            let mut components = vec![];
            let mut add = |kind: &str, rule: &Option<PriceRule>, factor: i64| match rule {
                Some(PriceRule::Set(price)) => {
                    components.push(json!({ "type": kind, "price": decimal(price.get() * factor, 2), "step_size": 1 }));
                }
                None => {}
                other => panic!("OCPI cannot say {other:?}"),
            };
            add("ENERGY", &element.tyiyn_per_kwh, 1);
            add("TIME", &element.tyiyn_per_minute, 60);
            add("FLAT", &element.tyiyn_per_session, 1);
            add("PARKING_TIME", &element.idle_tyiyn_per_minute, 60);
            let mut restrictions = serde_json::Map::new();
            if let (Some(from), Some(to)) = (element.when.from, element.when.to) {
                restrictions.insert("start_time".into(), from.to_string().into());
                restrictions.insert("end_time".into(), to.to_string().into());
            }
            if !element.when.days.is_empty() {
                let days: Vec<String> = element.when.days.iter().map(|day| day.as_str().to_uppercase()).collect();
                restrictions.insert("day_of_week".into(), days.into());
            }
            if restrictions.is_empty() {
                json!({ "price_components": components })
            } else {
                json!({ "price_components": components, "restrictions": restrictions })
            }
        })
        .collect();
    json!({
        "country_code": "KG", "party_id": "RPE", "id": "1", "currency": "KGS", "elements": elements,
        "last_updated": "2026-01-01T00:00:00Z",
    })
    .to_string()
}

/// The charge detail record of what was used: `points` in seconds from [`at`]'s origin.
fn ocpi_cdr(points: &[(i64, i64)], idle_since: Option<i64>, grace_seconds: i64, end: i64) -> String {
    let (start, last) = (points[0].0, points[points.len() - 1]);
    let text = |second: i64| at(second).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut periods = vec![];
    let mut second = start;
    while second < end {
        let register = |second: i64| if second >= last.0 { last.1 } else { register_at(points, second) };
        let mut dimensions =
            vec![json!({ "type": "ENERGY", "volume": decimal(register(second + STEP) - register(second), 3) })];
        match idle_since {
            Some(idle) if second >= idle + grace_seconds => dimensions.push(json!({ "type": "PARKING_TIME", "volume": 0.05 })),
            Some(idle) if second >= idle => {}
            _ => dimensions.push(json!({ "type": "TIME", "volume": 0.05 })),
        }
        periods.push(json!({ "start_date_time": text(second), "dimensions": dimensions }));
        second += STEP;
    }
    json!({
        "country_code": "KG", "party_id": "RPE", "id": "1", "currency": "KGS", "tariffs": [],
        "start_date_time": text(start), "end_date_time": text(end), "charging_periods": periods,
        "cdr_location": { "country": "KGZ" },
        "total_cost": { "excl_vat": 0 }, "total_energy": decimal(last.1, 3), "total_time": 1, "last_updated": text(end),
    })
    .to_string()
}

/// What the oracle charges, in hundredths of a tyiyn.
fn oracle_total(tariff_json: &str, cdr_json: &str, zone: Tz) -> i64 {
    let (tariff, _) = tariff::from_json(json::parse_object(tariff_json).unwrap(), Version::V221).into_parts();
    let (cdr, _) = cdr::from_json(json::parse_object(cdr_json).unwrap(), Version::V221).into_parts();
    let (report, _) = cdr::price(&cdr, price::TariffSource::single(tariff), zone).unwrap().into_parts();
    let total = report.total_cost.calculated.unwrap().excl_vat;
    // Som with four decimals, "0" for nothing.
    let text = format!("{total:#}");
    let (som, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    som.parse::<i64>().unwrap() * 10_000 + format!("{fraction:0<4}").parse::<i64>().unwrap()
}

/// Hours in steps of three minutes; not to midnight, which the oracle takes for the day's beginning.
fn hours() -> impl Strategy<Value = (CivilTime, CivilTime)> {
    let time = |step: i64| {
        let minute = u16::try_from(step * 3).unwrap();
        CivilTime::new(minute / 60, minute % 60).unwrap()
    };
    (0_i64..480, 1_i64..480).prop_map(move |(from, to)| (time(from), time(if from == to { (to % 479) + 1 } else { to })))
}

fn element(name: String) -> impl Strategy<Value = TariffElement> {
    let price =
        || any::<bool>().prop_flat_map(|said| if said { (0_i64..3_000).prop_map(Some).boxed() } else { Just(None).boxed() });
    let days = proptest::sample::subsequence(Weekday::ALL.to_vec(), 0..=7);
    (0_i64..3_000, price(), price(), any::<Option<()>>(), hours(), days).prop_map(
        move |(kwh, minute, idle, hourly, (from, to), days)| {
            let set = |price: i64| PriceRule::Set(Tyiyn::new(price));
            TariffElement {
                when: Restrictions { from: hourly.map(|()| from), to: hourly.map(|()| to), days, ..Restrictions::default() },
                tyiyn_per_kwh: Some(set(kwh)),
                tyiyn_per_minute: minute.map(set),
                idle_tyiyn_per_minute: idle.map(set),
                ..TariffElement::named(&name)
            }
        },
    )
}

fn document() -> impl Strategy<Value = TariffDocument> {
    let zone = proptest::sample::select(vec!["Asia/Bishkek", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu"]);
    let elements = (element("a".into()), element("b".into()), element("c".into()), element("d".into()));
    (zone, elements, 0_i64..2_000).prop_map(|(zone, (a, b, c, mut last), flat)| {
        last.when = Restrictions::default();
        last.tyiyn_per_session = Some(PriceRule::Set(Tyiyn::new(flat)));
        TariffDocument { time_zone: zone.into(), elements: vec![a, b, c, last], ..TariffDocument::standard() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_independent_implementation_agrees(
        document in document(),
        // Any week of a year, so that both changes of the clocks are among them.
        start in 0_i64..365 * 480,
        steps in proptest::collection::vec((1_i64..7_000, 0_i64..30_000), 0..12),
        stays in 0_i64..60,
        idle in any::<Option<prop::sample::Index>>(),
        grace_steps in 0_i64..10,
    ) {
        let start = start * STEP;
        let mut points = vec![(start, 0)];
        for (seconds, wh) in steps {
            let (second, energy) = points[points.len() - 1];
            points.push((second + seconds, energy + wh));
        }
        let last = points[points.len() - 1].0;
        // The end lies on a step.
        let end = start + ((last - start) / STEP + 1 + stays) * STEP;
        let steps = usize::try_from((end - start) / STEP).unwrap();
        let idle_since = idle.map(|idle| start + i64::try_from(idle.index(steps)).unwrap() * STEP);
        let mut document = document;
        for element in &mut document.elements {
            element.idle_grace_minutes = element.idle_tyiyn_per_minute.is_some().then(|| u32::try_from(grace_steps * 3).unwrap());
        }
        prop_assert_eq!(document.validate(), Ok(()));
        // Where no element says an idle price, no grace is known; it then matters to nobody.
        let zone: Tz = document.time_zone.parse().unwrap();
        let oracle = oracle_total(&ocpi_tariff(&document), &ocpi_cdr(&points, idle_since, grace_steps * STEP, end), zone);

        let tariff = frozen(document, CurrentType::Ac, 22_000);
        let grace_known = idle_since.is_none_or(|idle| tariff.price_at(at(idle)).unwrap().idle_grace_minutes == u32::try_from(grace_steps * 3).unwrap());
        prop_assume!(grace_known);
        let bill = tariff.bill(&Usage {
            points: points.iter().map(|&(second, wh)| MeterPoint { at: at(second), energy: Wh::new(wh) }).collect(),
            idle_since: idle_since.map(at),
            ended_at: at(end),
        }).unwrap();
        let difference = (bill.total.get() * 100 - oracle).abs();
        let allowed = i64::try_from(bill.lines.len()).unwrap() * 50 + 1;
        prop_assert!(difference <= allowed, "{} and {oracle}: {:#?}", bill.total.get(), bill.lines);
    }
}

#[test]
fn the_oracle_agrees_on_the_standard_night() {
    // In OCPI's terms the standard tariff of an AC connector is three plain prices.
    let mut document = TariffDocument::standard();
    document.elements.truncate(3);
    document.elements[0].tyiyn_per_kwh = Some(PriceRule::Set(Tyiyn::new(1_200)));
    let points = [(22 * 3_600, 0), (31 * 3_600, 9_000)];
    let oracle = oracle_total(&ocpi_tariff(&document), &ocpi_cdr(&points, None, 0, 31 * 3_600), chrono_tz::Asia::Bishkek);
    let bill = standard().bill(&usage(&[(hm(22, 0), 0), (hm(31, 0), 9_000)])).unwrap();
    assert_eq!((oracle, bill.total.get()), (1_140_000, 11_400));
}
