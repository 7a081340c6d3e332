//! How many come in and how fast, and what staff sees of the others.

use std::time::Duration;

use chrono::TimeDelta;
use csms::{AdmissionSettings, CsmsSettings, Rate};
use simulator::raw::{RawClient, RawError};

use crate::house::{House, patient, quiet, refused};

async fn house(admission: AdmissionSettings) -> House {
    House::with(quiet(), CsmsSettings { admission, ..patient() }).await
}

#[tokio::test]
async fn more_than_the_rate_is_told_to_come_again_and_nobody_else_notices() {
    let house =
        house(AdmissionSettings { all: Rate::new(3, Duration::from_secs(3_600)), ..AdmissionSettings::default() }).await;
    let mut inside = house.charger("CP1").await;
    house.socket("CP2").await;
    house.socket("CP2").await;
    match RawClient::connect(house.request("CP2")).await {
        Err(RawError::Refused { status: 503, body }) => assert_eq!(body, "come again\n"),
        other => panic!("{other:?}"),
    }
    inside.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn wrong_passwords_are_slowed_down_and_the_right_one_elsewhere_is_not() {
    let failures = Rate::new(3, Duration::from_secs(3_600));
    let house = house(AdmissionSettings { identity_failures: failures, ..AdmissionSettings::default() }).await;
    let wrong = || house.request("CP1").header("Authorization", "Basic Q1AxOndyb25n");
    let bare =
        |identity: &str| simulator::raw::RawRequest::new(house.node.url(&format!("/ocpp/{identity}"))).subprotocol("ocpp1.6");
    for _ in 0..3 {
        assert_eq!(refused(bare("CP1")).await, 401);
    }
    // Not even looked at.
    assert_eq!(refused(wrong()).await, 503);
    house.charger("CP2").await;
}

#[tokio::test]
async fn staff_sees_who_was_refused_and_why() {
    let house = House::open().await;
    let url =
        |identity: &str| simulator::raw::RawRequest::new(house.node.url(&format!("/ocpp/{identity}"))).subprotocol("ocpp1.6");
    for _ in 0..2 {
        assert_eq!(refused(url("CP1").basic("CP1", "wrong")).await, 401);
    }
    assert_eq!(refused(url("CP2")).await, 401);
    assert_eq!(refused(url("NOBODY").basic("NOBODY", "x")).await, 404);
    let request = simulator::raw::RawRequest::new(house.node.url("/ocpp/CP1")).basic("CP1", &house.point("CP1").password);
    assert_eq!(refused(request).await, 400);
    let refusals = house.node.csms.refusals();
    refusals.write().await.unwrap();
    let mut seen: Vec<_> =
        refusals.recent(None, 10).await.unwrap().into_iter().map(|r| (r.identity, r.reason, r.times)).collect();
    seen.sort();
    let row = |identity: &str, reason: &str, times| (identity.to_owned(), reason.to_owned(), times);
    assert_eq!(
        seen,
        [
            row("CP1", "no common subprotocol", 1),
            row("CP1", "wrong password", 2),
            row("CP2", "no password for this identity", 1),
            row("NOBODY", "unknown charge point", 1),
        ]
    );
}

#[tokio::test]
async fn each_charge_point_beats_at_an_interval_of_its_own() {
    let house = House::open().await;
    let mut intervals = vec![];
    for identity in ["CP1", "CP2", "CP1"] {
        let mut charger = house.socket(identity).await;
        let boot = charger.call("BootNotification", r#"{"chargePointVendor":"Acme","chargePointModel":"One"}"#).await;
        intervals.push(boot["interval"].as_u64().unwrap());
        house.pass(TimeDelta::seconds(1));
    }
    assert!(intervals.iter().all(|interval| (300..=330).contains(interval)), "{intervals:?}");
    assert_eq!(intervals[0], intervals[2]);
}
