//! Versions, and what a page shows of them.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::tariffs::{Band, StandardPrices};
use domain::{OcppIdentity, Watt};

use super::*;
use crate::bus::LocalBus;
use crate::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, Stations};
use crate::testing::TestDb;

struct House {
    test: TestDb,
    tariffs: Tariffs,
    tariff: TariffId,
    connector: ConnectorFacts,
}

async fn house() -> House {
    let test = TestDb::new().await;
    let stations = Stations::new(test.db.clone(), Arc::new(LocalBus::new()));
    let tariffs = Tariffs::new(test.db.clone());
    let tariff = tariffs.ensure_standard("Standard").await.unwrap();
    let connector = SeedConnector {
        label: "A".into(),
        plug: domain::stations::PlugType::Type2,
        max_power: Watt::new(20_000),
        tariff,
        code: None,
    };
    let plan = DemoPlan {
        partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7000 },
        stations: vec![SeedStation {
            name: "Here".into(),
            address: "Chüy 1".into(),
            latitude_e7: 0,
            longitude_e7: 0,
            helpline: "+996312000000".into(),
            seller_name: "Seller".into(),
            seller_tin: "22222222222222".into(),
            charge_points: vec![SeedChargePoint { identity: OcppIdentity::parse("CP").unwrap(), connectors: vec![connector] }],
        }],
    };
    let points = stations.seed(plan).await.unwrap();
    let connector = stations.connector(points[0].connectors[0].id).await.unwrap().unwrap();
    House { test, tariffs, tariff, connector }
}

fn dearer() -> TariffDocument {
    TariffDocument::standard_with(&StandardPrices { day: Tyiyn::new(1_600), ..StandardPrices::default() })
}

#[tokio::test]
async fn a_page_shows_the_price_now_and_the_next_one() {
    let house = house().await;
    // 15:00 in Bishkek; the peak begins at 18:00.
    let now = house.test.db.now();
    let view = house.tariffs.price_view(&house.connector, now).await.unwrap();
    assert_eq!((view.price.band, view.price.price_per_kwh), (Band::Day, Tyiyn::new(1_500)));
    assert_eq!(view.price.until, Some(now + TimeDelta::hours(3)));
    assert_eq!(view.next_price.unwrap().price_per_kwh, Tyiyn::new(1_800));
    assert_eq!(view.example_20_kwh, Tyiyn::new(30_000));
}

#[tokio::test]
async fn a_version_that_comes_is_the_next_price_and_one_that_has_come_the_price() {
    let house = house().await;
    let now = house.test.db.now();
    let change = now + TimeDelta::hours(1);
    house.tariffs.publish(house.tariff, dearer(), change).await.unwrap();
    let view = house.tariffs.price_view(&house.connector, now).await.unwrap();
    assert_eq!((view.price.price_per_kwh, view.price.until), (Tyiyn::new(1_500), Some(change)));
    assert_eq!(view.next_price.unwrap().price_per_kwh, Tyiyn::new(1_600));
    let view = house.tariffs.price_view(&house.connector, change).await.unwrap();
    assert_eq!(view.price.price_per_kwh, Tyiyn::new(1_600));
}

#[tokio::test]
async fn an_instant_has_one_version_and_an_invalid_one_is_refused() {
    let house = house().await;
    let at = house.test.db.now();
    house.tariffs.publish(house.tariff, dearer(), at).await.unwrap();
    assert!(matches!(house.tariffs.publish(house.tariff, dearer(), at).await, Err(TariffsError::Taken)));
    let mut broken = dearer();
    broken.elements.clear();
    assert!(matches!(house.tariffs.publish(house.tariff, broken, at + TimeDelta::days(1)).await, Err(TariffsError::Price(_))));
    let nobody = TariffId::from_uuid(house.test.db.ids().uuid());
    assert!(matches!(house.tariffs.publish(nobody, dearer(), at).await, Err(TariffsError::NotFound)));
}

#[tokio::test]
async fn a_tariff_without_a_version_sells_nothing() {
    let house = house().await;
    let empty = house.tariffs.create("Empty").await.unwrap();
    assert_eq!(house.tariffs.create("Empty").await.unwrap(), empty);
    let mut connector = house.connector.clone();
    connector.tariff = empty;
    assert!(matches!(house.tariffs.price_view(&connector, house.test.db.now()).await, Err(TariffsError::NoVersion { .. })));
}

#[tokio::test]
async fn taxes_are_those_of_the_day() {
    let house = house().await;
    let mut connection = house.test.db.pool().acquire().await.unwrap();
    let rates = taxes_at(&mut connection, house.test.db.now()).await.unwrap();
    let shown: Vec<_> = rates.iter().map(|r| (r.code.as_str(), r.rate_bp)).collect();
    assert_eq!(shown, [("sales_tax", 100), ("vat", 1200)]);
    assert_eq!(taxes_at(&mut connection, DateTime::UNIX_EPOCH).await.unwrap(), []);
}
