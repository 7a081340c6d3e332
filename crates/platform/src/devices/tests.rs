//! The device model and the events, told in parts, twice and too much.

use std::sync::Arc;

use domain::OcppIdentity;
use serde_json::json;

use super::*;
use crate::bus::LocalBus;
use crate::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedStation, Stations};
use crate::testing::TestDb;

struct House {
    test: TestDb,
    devices: Devices,
    lease: Lease,
}

async fn house() -> House {
    let test = TestDb::new().await;
    let stations = Stations::new(test.db.clone(), Arc::new(LocalBus::new()));
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
            charge_points: vec![SeedChargePoint { identity: OcppIdentity::parse("CP1").unwrap(), connectors: vec![] }],
        }],
    };
    let points = stations.seed(plan).await.unwrap();
    let lease = stations.arrive(points[0].id).await.unwrap();
    stations.connected(lease, "ocpp2.0.1", "one").await.unwrap();
    House { devices: Devices::new(test.db.clone()), test, lease }
}

fn variable(component: &str, name: &str, value: &str) -> Variable {
    Variable {
        name: VariableName { component: component.into(), variable: name.into(), ..VariableName::default() },
        characteristics: None,
        attributes: vec![Attribute {
            kind: "Actual".into(),
            value: Some(value.into()),
            mutability: "ReadWrite".into(),
            ..Attribute::default()
        }],
    }
}

fn part(request: i32, seq_no: i64, is_last: bool, variables: Vec<Variable>) -> ReportPart {
    ReportPart { request: request.into(), seq_no, is_last, variables }
}

#[tokio::test]
async fn the_newest_value_of_a_variable_stands() {
    let House { test: _test, devices, lease } = house().await;
    let request = devices.inventory_wanted(lease, Some("1.0".into())).await.unwrap().unwrap();
    let first =
        vec![variable("EVSE", "Power", "7"), variable("EVSE", "Power", "11"), variable("OCPPCommCtrlr", "Interval", "60")];
    devices.take_report(lease, part(request, 0, false, first)).await.unwrap();
    devices.take_report(lease, part(request, 1, true, vec![variable("OCPPCommCtrlr", "Interval", "300")])).await.unwrap();
    let kept = devices.variables(lease.charge_point).await.unwrap();
    let values: Vec<_> = kept.iter().map(|v| (v.name.variable.as_str(), v.attributes[0].value.as_deref().unwrap())).collect();
    assert_eq!(values, [("Power", "11"), ("Interval", "300")]);
}

#[tokio::test]
async fn a_whole_report_is_asked_for_once_a_firmware() {
    let House { test: _test, devices, lease } = house().await;
    let wanted = |firmware: &'static str| {
        let devices = devices.clone();
        async move { devices.inventory_wanted(lease, Some(firmware.into())).await.unwrap() }
    };
    let request = wanted("1.0").await.unwrap();
    // Until its last part is there, the next boot asks again.
    assert!(wanted("1.0").await.is_some());
    devices.take_report(lease, part(request, 0, true, vec![])).await.unwrap();
    assert_eq!(wanted("1.0").await, None);
    assert!(wanted("1.1").await.is_some());
}

#[tokio::test]
async fn an_event_that_is_told_twice_is_kept_once() {
    let House { test, devices, lease } = house().await;
    let event = Event {
        kind: "security_event",
        message_id: "1".into(),
        claimed_at: Some(test.db.now()),
        received_at: test.db.now(),
        payload: json!({ "type": "SettingSystemTime" }),
    };
    devices.take_event(lease, event.clone()).await.unwrap();
    // With another message id it is the same all the same.
    devices.take_event(lease, Event { message_id: "2".into(), ..event.clone() }).await.unwrap();
    devices.take_event(lease, Event { payload: json!({ "type": "Other" }), ..event }).await.unwrap();
    assert_eq!(devices.events(lease.charge_point, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn old_events_go_and_new_ones_stay() {
    let House { test, devices, lease } = house().await;
    let event = |id: &str| Event {
        kind: "firmware_status",
        message_id: id.into(),
        claimed_at: None,
        received_at: test.db.now(),
        payload: json!({ "status": id }),
    };
    devices.take_event(lease, event("old")).await.unwrap();
    test.clock.advance(chrono::TimeDelta::days(2));
    devices.take_event(lease, event("new")).await.unwrap();
    assert_eq!(devices.forget_events(chrono::TimeDelta::days(1)).await.unwrap(), 1);
    let kept = devices.events(lease.charge_point, 10).await.unwrap();
    assert_eq!(kept.iter().map(|event| &event.payload["status"]).collect::<Vec<_>>(), ["new"]);
}

#[tokio::test]
async fn what_comes_over_an_old_connection_is_refused() {
    let House { test: _test, devices, lease } = house().await;
    let old = Lease { epoch: lease.epoch - 1, ..lease };
    assert!(matches!(devices.take_report(old, part(1, 0, true, vec![])).await, Err(StationsError::Fenced)));
}
