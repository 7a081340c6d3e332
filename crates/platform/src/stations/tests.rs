//! Charge points, their passwords and epochs, and the codes on connectors.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::stations::{ConnectorStatus, PlugType};
use domain::{ConnectorCode, OcppIdentity, Watt};

use super::*;
use crate::bus::LocalBus;
use crate::tariffs::Tariffs;
use crate::testing::TestDb;

struct House {
    test: TestDb,
    stations: Stations,
    points: Vec<SeededChargePoint>,
    plan: DemoPlan,
}

async fn house() -> House {
    let test = TestDb::new().await;
    let stations = Stations::new(test.db.clone(), Arc::new(LocalBus::new()));
    let tariff = Tariffs::new(test.db.clone()).ensure_standard("Standard").await.unwrap();
    let connector = |label: &str| SeedConnector {
        label: label.to_owned(),
        plug: PlugType::Ccs2,
        max_power: Watt::new(60_000),
        tariff,
        code: None,
    };
    let station = |name: &str, latitude_e7, identity: &str| SeedStation {
        name: name.to_owned(),
        address: "Chüy 1".into(),
        latitude_e7,
        longitude_e7: 745_900_000,
        helpline: "+996312000000".into(),
        seller_name: "Red Petroleum EV".into(),
        seller_tin: "22222222222222".into(),
        charge_points: vec![SeedChargePoint {
            identity: OcppIdentity::parse(identity).unwrap(),
            connectors: vec![connector("A"), connector("B")],
        }],
    };
    let plan = DemoPlan {
        partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7000 },
        stations: vec![
            station("Here", 428_700_000, "HERE"),
            station("Far", 400_000_000, "FAR"),
            station("Near", 428_800_000, "NEAR"),
        ],
    };
    let points = stations.seed(plan.clone()).await.unwrap();
    House { test, stations, points, plan }
}

impl House {
    fn point(&self, identity: &str) -> &SeededChargePoint {
        self.points.iter().find(|p| p.identity.as_str() == identity).unwrap()
    }

    async fn connect(&self, identity: &str) -> Lease {
        let lease = self.stations.arrive(self.point(identity).id).await.unwrap();
        self.stations.connected(lease, "ocpp1.6", "one").await.unwrap();
        lease
    }

    async fn report(&self, identity: &str, evse_no: i32, status: ConnectorStatus) {
        let id = self.point(identity).id;
        db::tx(&self.test.db, move |mut tx| async move {
            let now = tx.now();
            let report = StatusReport { evse_no, connector_no: 1, status, error_code: None };
            record_status(&mut tx, id, &report, now).await
        })
        .await
        .unwrap();
    }

    async fn status(&self, identity: &str, index: usize) -> ConnectorStatus {
        self.stations.connector(self.point(identity).connectors[index].id).await.unwrap().unwrap().status
    }

    async fn may_write(&self, lease: Lease) -> bool {
        let fenced = db::tx(&self.test.db, move |mut tx| async move {
            let now = tx.now();
            fence(&mut tx, lease, now).await
        })
        .await;
        match fenced {
            Ok(()) => true,
            Err(StationsError::Fenced) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn only_the_generated_password_opens() {
    let house = house().await;
    let point = house.point("HERE");
    let ask = async |password: &[u8]| house.stations.authenticate(&point.identity, password).await.unwrap();
    assert_eq!(ask(point.password.as_bytes()).await, Authentication::Accepted(point.id));
    assert_eq!(ask(b"").await, Authentication::WrongPassword);
    assert_eq!(ask(&[b'x'; 10_000]).await, Authentication::WrongPassword);
    let mut longer = point.password.clone().into_bytes();
    longer.resize(200, b'x');
    assert_eq!(ask(&longer).await, Authentication::WrongPassword);
    let nobody = OcppIdentity::parse("NOBODY").unwrap();
    assert_eq!(house.stations.authenticate(&nobody, b"x").await.unwrap(), Authentication::UnknownIdentity);
    let new = house.stations.reset_password(&point.identity).await.unwrap();
    assert_eq!(ask(point.password.as_bytes()).await, Authentication::WrongPassword);
    assert_eq!(ask(new.password.as_bytes()).await, Authentication::Accepted(point.id));
}

#[tokio::test]
async fn seeding_again_finds_what_is_there() {
    let house = house().await;
    let again = house.stations.seed(house.plan.clone()).await.unwrap();
    let codes = |points: &[SeededChargePoint]| points.iter().map(|p| (p.id, p.connectors.clone())).collect::<Vec<_>>();
    assert_eq!(codes(&again), codes(&house.points));
    assert_ne!(again[0].password, house.points[0].password);
}

#[tokio::test]
async fn who_arrived_later_is_the_newer_one_whoever_is_entered_first() {
    let house = house().await;
    let point = house.point("HERE");
    let arrive = async || house.stations.at_the_door(&point.identity, point.password.as_bytes()).await.unwrap().unwrap().lease;
    let (earlier, later) = (arrive().await, arrive().await);
    house.stations.connected(later, "ocpp1.6", "one").await.unwrap();
    let refused = house.stations.connected(earlier, "ocpp1.6", "one").await.unwrap_err();
    assert!(matches!(refused, StationsError::Fenced), "{refused}");
    assert!(!house.may_write(earlier).await && house.may_write(later).await);
}

#[tokio::test]
async fn who_comes_at_the_same_moment_is_entered_in_one_statement_each_as_if_alone() {
    let house = house().await;
    let arrive = async |identity: &str| {
        let point = house.point(identity);
        house.stations.at_the_door(&point.identity, point.password.as_bytes()).await.unwrap().unwrap().lease
    };
    let (earlier, later, other) = tokio::join!(arrive("HERE"), arrive("HERE"), arrive("FAR"));
    assert!(earlier.epoch < later.epoch);
    let enter = |lease| house.stations.connected(lease, "ocpp1.6", "one");
    let (refused, entered, elsewhere) = tokio::join!(enter(earlier), enter(later), enter(other));
    assert!(matches!(refused, Err(StationsError::Fenced)) && entered.is_ok() && elsewhere.is_ok());

    let (pool, now) = (house.test.db.pool(), house.test.db.now());
    let facts = |model: &str| BootFacts { model: Some(model.into()), ..BootFacts::default() };
    let boots = [(other, facts("Two")), (earlier, facts("Old")), (later, facts("One"))];
    assert_eq!(record_boots(pool, &boots, now).await.unwrap(), [true, false, true]);
    let models: Vec<Option<String>> =
        sqlx::query_scalar("select model from charge_point order by identity").fetch_all(pool).await.unwrap();
    assert_eq!(models, [Some("Two".into()), Some("One".into()), None]);

    let told = |lease, evse_no, status| (lease, StatusReport { evse_no, connector_no: 1, status, error_code: None });
    let reports = [
        told(earlier, 1, ConnectorStatus::Faulted),
        told(later, 2, ConnectorStatus::Preparing),
        told(other, 1, ConnectorStatus::Available),
        told(other, 9, ConnectorStatus::Available),
    ];
    let (b, far_a) = (house.point("HERE").connectors[1].id, house.point("FAR").connectors[0].id);
    assert_eq!(record_fenced_statuses(pool, &reports, now).await.unwrap(), [None, Some(b), Some(far_a), None]);
    assert_eq!(
        (house.status("HERE", 1).await, house.status("FAR", 0).await),
        (ConnectorStatus::Preparing, ConnectorStatus::Available)
    );
    let leave = |lease| house.stations.disconnected(lease);
    let (first, second) = tokio::join!(leave(earlier), leave(other));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(
        (house.status("HERE", 1).await, house.status("FAR", 0).await),
        (ConnectorStatus::Preparing, ConnectorStatus::Offline)
    );
}

#[tokio::test]
async fn the_newest_connection_writes_and_no_other() {
    let house = house().await;
    let first = house.connect("HERE").await;
    assert!(house.may_write(first).await);
    let second = house.connect("HERE").await;
    assert!(second.epoch > first.epoch);
    assert!(!house.may_write(first).await && house.may_write(second).await);
    assert_eq!(house.stations.outdated(&[first, second]).await.unwrap(), [first]);
    // The end of the old one is not the end of the new one.
    house.report("HERE", 1, ConnectorStatus::Available).await;
    house.stations.disconnected(first).await.unwrap();
    assert_eq!(house.status("HERE", 0).await, ConnectorStatus::Available);
    house.stations.disconnected(second).await.unwrap();
    assert_eq!(house.status("HERE", 0).await, ConnectorStatus::Offline);
}

#[tokio::test]
async fn a_killed_nodes_connections_are_forgotten() {
    let house = house().await;
    house.report("HERE", 1, ConnectorStatus::Available).await;
    house.connect("HERE").await;
    assert_eq!(house.stations.forget_connections_of("two").await.unwrap(), 0);
    assert_eq!(house.stations.forget_connections_of("one").await.unwrap(), 1);
    assert_eq!(house.status("HERE", 0).await, ConnectorStatus::Offline);
}

#[tokio::test]
async fn a_charge_point_that_is_out_of_order_sells_nothing_but_lets_go_on() {
    let house = house().await;
    house.connect("HERE").await;
    house.report("HERE", 1, ConnectorStatus::Available).await;
    house.report("HERE", 2, ConnectorStatus::Charging).await;
    house.report("HERE", 0, ConnectorStatus::Faulted).await;
    assert_eq!(house.status("HERE", 0).await, ConnectorStatus::Faulted);
    assert_eq!(house.status("HERE", 1).await, ConnectorStatus::Charging);
    house.report("HERE", 0, ConnectorStatus::Available).await;
    assert_eq!(house.status("HERE", 0).await, ConnectorStatus::Available);
}

#[tokio::test]
async fn a_code_leads_to_its_connector_or_its_successor_or_says_that_it_is_retired() {
    let house = house().await;
    let connector = &house.point("HERE").connectors[0];
    let spelled = format!(" {}-{} ", connector.code.as_str()[..3].to_lowercase(), &connector.code.as_str()[3..]);
    assert!(
        matches!(house.stations.look_up(&spelled).await.unwrap(), CodeTarget::Connector(facts) if facts.connector == connector.id)
    );

    let code = |text: &str| ConnectorCode::parse(text).unwrap();
    for text in ["SECND", "THXRD"] {
        house.stations.add_code(connector.id, Some(code(text))).await.unwrap();
    }
    house.stations.retire_code(&connector.code, Some(code("SECND"))).await.unwrap();
    house.stations.retire_code(&code("SECND"), Some(code("THXRD"))).await.unwrap();
    assert_eq!(house.stations.look_up(connector.code.as_str()).await.unwrap(), CodeTarget::Moved(code("THXRD")));
    assert_eq!(house.stations.code_of(connector.id).await.unwrap(), Some(code("THXRD")));
    house.stations.retire_code(&code("THXRD"), None).await.unwrap();
    assert!(matches!(house.stations.look_up("THXRD").await.unwrap(), CodeTarget::Retired(_)));
    // Two codes that follow each other end too.
    house.stations.retire_code(&code("THXRD"), Some(connector.code.clone())).await.unwrap();
    assert!(matches!(house.stations.look_up("THXRD").await.unwrap(), CodeTarget::Retired(_)));
    for nonsense in ["", "AB", "'; drop table", "НЕТ", "IIIIII"] {
        assert_eq!(house.stations.look_up(nonsense).await.unwrap(), CodeTarget::Unknown, "{nonsense}");
    }
    assert!(matches!(house.stations.add_code(connector.id, Some(code("SECND"))).await, Err(StationsError::Taken(_))));
}

#[tokio::test]
async fn free_connectors_of_the_same_station_come_first_then_the_nearest() {
    let house = house().await;
    for identity in ["HERE", "NEAR", "FAR"] {
        house.connect(identity).await;
        house.report(identity, 1, ConnectorStatus::Available).await;
        house.report(identity, 2, ConnectorStatus::Preparing).await;
    }
    house.report("NEAR", 2, ConnectorStatus::Charging).await;
    let here = house.point("HERE").connectors[0].id;
    let neighbours = house.stations.neighbours(Some(here)).await.unwrap();
    let shown: Vec<_> = neighbours.iter().map(|(_, n)| (n.station_name.as_str(), n.connector_label.as_str())).collect();
    assert_eq!(shown, [("Here", "B"), ("Near", "A"), ("Far", "A"), ("Far", "B")]);
    assert_eq!(house.stations.neighbours(None).await.unwrap().len(), 5);
}

#[tokio::test]
async fn what_is_entered_wrong_is_refused() {
    let house = house().await;
    let partner = |name: &str, tin: &str, share_bp| NewPartner { name: name.into(), tin: tin.into(), share_bp };
    for wrong in [partner("", "11111111111111", 1), partner("P", "1", 1), partner("P", "11111111111111", 10_001)] {
        assert!(matches!(house.stations.add_partner(wrong).await, Err(StationsError::Invalid(_))));
    }
    let identity = house.point("HERE").identity.clone();
    let station = house.stations.connector(house.point("HERE").connectors[0].id).await.unwrap().unwrap().station.id;
    assert!(matches!(house.stations.add_charge_point(station, identity).await, Err(StationsError::Taken(_))));
}

#[tokio::test]
async fn being_heard_of_is_noted_every_ten_seconds() {
    let house = house().await;
    let lease = house.connect("HERE").await;
    let connector = house.point("HERE").connectors[0].id;
    let seen = async || house.stations.connector(connector).await.unwrap().unwrap().last_seen_at.unwrap();
    let first = seen().await;
    house.test.clock.advance(TimeDelta::seconds(5));
    house.may_write(lease).await;
    assert_eq!(seen().await, first);
    house.test.clock.advance(TimeDelta::seconds(5));
    house.may_write(lease).await;
    assert_eq!(seen().await, first + TimeDelta::seconds(10));
}
