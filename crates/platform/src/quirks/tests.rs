//! Stories of quirks, against a real database.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::stations::PlugType;
use domain::{OcppIdentity, Watt};
use serde_json::json;

use super::*;
use crate::LocalBus;
use crate::stations::{self, BootFacts, DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, Stations};
use crate::tariffs::Tariffs;
use crate::testing::TestDb;

struct House {
    test: TestDb,
    quirks: Quirks,
    charge_point: ChargePointId,
}

/// A charge point that has booted as a ZX-7 of Acme with firmware 2.1.4.
async fn house() -> House {
    let test = TestDb::new().await;
    let tariff = Tariffs::new(test.db.clone()).ensure_standard("Standard").await.unwrap();
    let stations = Stations::new(test.db.clone(), Arc::new(LocalBus::new()));
    let connector =
        SeedConnector { label: "A".into(), plug: PlugType::Type2, max_power: Watt::new(22_000), tariff, code: None };
    let identity = OcppIdentity::parse("CP1").unwrap();
    let plan = DemoPlan {
        partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 0 },
        stations: vec![SeedStation {
            name: "Ala-Too".into(),
            address: "Chüy 1".into(),
            latitude_e7: 0,
            longitude_e7: 0,
            helpline: "+996312000000".into(),
            seller_name: "Seller".into(),
            seller_tin: "22222222222222".into(),
            charge_points: vec![SeedChargePoint { identity, connectors: vec![connector] }],
        }],
    };
    let charge_point = stations.seed(plan).await.unwrap()[0].id;
    let lease = stations.arrive(charge_point).await.unwrap();
    stations.connected(lease, "ocpp1.6", "one").await.unwrap();
    let facts = BootFacts {
        vendor: Some("Acme".into()),
        model: Some("ZX-7".into()),
        serial_number: None,
        firmware_version: Some("2.1.4".into()),
    };
    assert_eq!(stations::record_boots(test.db.pool(), &[(lease, facts)], test.db.now()).await.unwrap(), [true]);
    House { quirks: Quirks::new(test.db.clone()), test, charge_point }
}

fn set(quirks: &[Quirk]) -> BTreeSet<Quirk> {
    quirks.iter().copied().collect()
}

fn key(vendor: &str, model: Option<&str>, firmware: Option<&str>) -> ProfileKey {
    ProfileKey { vendor: vendor.into(), model: model.map(Into::into), firmware_prefix: firmware.map(Into::into) }
}

#[tokio::test]
async fn a_charge_point_has_its_own_quirks_and_those_of_its_kind() {
    let house = house().await;
    let profile = |key, quirk| house.quirks.set_profile(key, set(&[quirk]), Actor::System);
    profile(key("ACME", None, None), Quirk::LocalTime).await.unwrap();
    profile(key("Acme", Some("ZX-7"), Some("2.1")), Quirk::NoTriggerMessage).await.unwrap();
    profile(key("Acme", Some("ZX-7"), Some("3")), Quirk::NoSubprotocol).await.unwrap();
    profile(key("Other", None, None), Quirk::NoChargingProfile).await.unwrap();
    house.quirks.give(house.charge_point, set(&[Quirk::NoMeterConfiguration]), Actor::System).await.unwrap();
    let believed: Vec<_> = house.quirks.of(house.charge_point).await.unwrap().iter().collect();
    assert_eq!(believed, [Quirk::LocalTime, Quirk::NoMeterConfiguration, Quirk::NoTriggerMessage]);
}

#[tokio::test]
async fn a_profile_without_quirks_is_none() {
    let house = house().await;
    house.quirks.set_profile(key("Acme", None, None), set(&[Quirk::LocalTime]), Actor::System).await.unwrap();
    house.quirks.set_profile(key("Acme", None, None), set(&[]), Actor::System).await.unwrap();
    assert_eq!(house.quirks.of(house.charge_point).await.unwrap(), QuirkSet::default());
    let unnamed = house.quirks.set_profile(key(" ", None, None), set(&[Quirk::LocalTime]), Actor::System).await;
    assert!(matches!(unnamed, Err(StationsError::Invalid(_))));
}

#[tokio::test]
async fn what_is_proposed_is_believed_when_staff_says_so() {
    let house = house().await;
    for n in 1..=2 {
        house.quirks.propose(house.charge_point, Quirk::NoTriggerMessage, json!({ "answer": n })).await.unwrap();
    }
    house.quirks.propose(house.charge_point, Quirk::LocalTime, json!({})).await.unwrap();
    let proposals = house.quirks.proposals(house.charge_point).await.unwrap();
    let of = |quirk| proposals.iter().find(|p| p.quirk == quirk).unwrap();
    assert_eq!((of(Quirk::NoTriggerMessage).times, &of(Quirk::NoTriggerMessage).evidence), (2, &json!({ "answer": 2 })));
    assert_eq!(house.quirks.of(house.charge_point).await.unwrap(), QuirkSet::default());

    let staff = Actor::Person("1".into());
    house.quirks.decide(house.charge_point, Quirk::NoTriggerMessage, true, staff.clone()).await.unwrap();
    house.quirks.decide(house.charge_point, Quirk::LocalTime, false, staff.clone()).await.unwrap();
    assert_eq!(house.quirks.of(house.charge_point).await.unwrap().iter().collect::<Vec<_>>(), [Quirk::NoTriggerMessage]);
    let unknown = house.quirks.decide(house.charge_point, Quirk::NoSubprotocol, true, staff).await;
    assert!(matches!(unknown, Err(StationsError::NotFound("proposal"))));
}

#[tokio::test]
async fn the_database_knows_every_quirk_and_no_other() {
    let house = house().await;
    house.quirks.give(house.charge_point, Quirk::ALL.iter().copied().collect(), Actor::System).await.unwrap();
    assert_eq!(house.quirks.of(house.charge_point).await.unwrap().iter().count(), Quirk::ALL.len());
    let foreign = sqlx::query("update charge_point_traits set quirks = '{flies}'").execute(house.test.db.pool()).await;
    assert!(foreign.is_err());
}
