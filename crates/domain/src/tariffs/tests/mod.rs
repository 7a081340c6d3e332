//! Tests of the price engine: stories that a person can check by hand, a model that walks second by second, and an
//! independent implementation of OCPI.

mod by_the_second;
mod oracle;
mod stories;

use super::*;

/// Seconds from Sunday, 22 November 2026, 00:00 in Bishkek (UTC+6).
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_284_000 + second, 0).unwrap()
}

/// A civil time of that day in Bishkek; hours above 24 are of the days after.
fn hm(hour: i64, minute: i64) -> DateTime<Utc> {
    at(hour * 3_600 + minute * 60)
}

fn frozen(document: TariffDocument, current: CurrentType, watt: i64) -> FrozenTariff {
    FrozenTariff { document, context: PriceContext { current, max_power: Watt::new(watt), contract: None } }
}

/// The standard tariff on a 22 kW AC connector.
fn standard() -> FrozenTariff {
    frozen(TariffDocument::standard(), CurrentType::Ac, 22_000)
}

fn usage(points: &[(DateTime<Utc>, i64)]) -> Usage {
    Usage {
        points: points.iter().map(|&(at, wh)| MeterPoint { at, energy: Wh::new(wh) }).collect(),
        idle_since: None,
        ended_at: points.last().unwrap().0,
    }
}

/// The register between two points as the engine reads it at a border: evenly, in whole Wh, half up.
fn register_at(points: &[(i64, i64)], second: i64) -> i64 {
    let after = points.iter().position(|point| point.0 >= second).unwrap();
    let (t1, e1) = points[after];
    if t1 == second || after == 0 {
        // Of several readings at one time the last.
        return points.iter().rev().find(|point| point.0 == second).map_or(e1, |point| point.1);
    }
    let (t0, e0) = points[after - 1];
    let doubled = i128::from(e1 - e0) * i128::from(second - t0) * 2 + i128::from(t1 - t0);
    e0 + i64::try_from(doubled.div_euclid(i128::from(t1 - t0) * 2)).unwrap()
}
