//! Commands: sent once, repeated where that is harmless, and never lost (field cases 9, 11 and 19, money mistake 7).

use std::time::Duration;

use chrono::TimeDelta;
use csms::{AdmissionSettings, CsmsSettings, Rate};
use domain::charging::session::SessionState;
use domain::guest::StartFailure;
use platform::charging::ChargingSettings;

use crate::house::{House, patient, quiet};

#[tokio::test]
async fn a_stop_that_is_refused_is_asked_for_again() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    for _ in 0..2 {
        let (id, _) = charger.asked_for("RemoteStopTransaction").await;
        charger.answer(&id, "Rejected").await;
    }
    // From the third on with growing pauses.
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::seconds(31));
    charger.accept_stop(running.transaction).await;
    charger.end(running.transaction, 1_000_000, &house.time(), "Remote").await;
    assert_eq!(house.see(running.session).await.state, SessionState::Settled);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_stop_whose_answer_was_lost_with_the_link_is_sent_again() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    charger.asked_for("RemoteStopTransaction").await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    charger.accept_stop(running.transaction).await;
    house.is_in_order().await;
}

#[tokio::test]
async fn a_stop_asked_for_while_offline_waits_for_the_link() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.vanish();
    house.until_seen(running.session, |s| s.link_lost).await;
    house.stop(running.session).await;
    assert!(house.see(running.session).await.stop_queued_offline);
    // It expires and is queued again for as long as it takes.
    for _ in 0..5 {
        house.pass(TimeDelta::minutes(11));
        house.tick().await;
    }
    let mut charger = house.socket("CP1").await;
    charger.accept_stop(running.transaction).await;
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_sent_again_to_a_free_connector() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let (first, payload) = charger.asked_for("RemoteStartTransaction").await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    let (second, again) = charger.asked_for("RemoteStartTransaction").await;
    assert_eq!((first, payload), (second.clone(), again), "the same message with the same tag");
    charger.answer(&second, "Accepted").await;
    house.until_seen(session, |s| s.start_accepted).await;
}

#[tokio::test]
async fn a_start_that_has_visibly_arrived_is_not_sent_twice() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let (_, payload) = charger.asked_for("RemoteStartTransaction").await;
    charger.status(1, "Preparing").await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.was_asked_nothing().await;
    charger.start(1, payload["idTag"].as_str().unwrap(), 0, &house.time()).await;
    assert_eq!(house.see(session).await.state, SessionState::Charging);
}

#[tokio::test]
async fn a_start_that_cannot_be_delivered_fails_and_is_not_sent_later() {
    let house = House::open().await;
    let charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    charger.vanish();
    house.until_seen(session, |s| s.link_lost).await;
    for _ in 0..2 {
        house.pass(TimeDelta::seconds(31));
        house.tick().await;
    }
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.failure), (SessionState::Failed, Some(StartFailure::Offline)));
    house.socket("CP1").await.was_asked_nothing().await;
    house.is_in_order().await;
}

#[tokio::test]
async fn a_charge_point_that_does_not_answer_is_asked_once_more_and_given_up() {
    let house = House::with(quiet(), CsmsSettings { answer_within: Duration::from_millis(100), ..patient() }).await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let (late, _) = charger.asked_for("RemoteStartTransaction").await;
    charger.asked_for("RemoteStartTransaction").await;
    let seen = house.until(session, SessionState::Failed).await;
    assert_eq!(seen.failure, Some(StartFailure::Offline));
    // The late answer changes nothing.
    charger.answer(&late, "Accepted").await;
    charger.was_asked_nothing().await;
    house.is_in_order().await;
}

#[tokio::test]
async fn a_payer_who_calls_it_off_before_it_was_sent_gets_the_money_at_once() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    charger.asked_for("RemoteStartTransaction").await;
    house.stop(session).await;
    assert_eq!(house.see(session).await.state, SessionState::Starting, "the charger may be about to start");
    house.pass(TimeDelta::seconds(181));
    house.tick().await;
    assert_eq!(house.see(session).await.failure, Some(StartFailure::Cancelled));
    house.is_in_order().await;
}

#[tokio::test]
async fn settings_that_a_storm_left_untold_are_told_over_the_next_connection() {
    let one_an_hour =
        AdmissionSettings { housekeeping: Rate::new(1, Duration::from_secs(3600)), ..AdmissionSettings::default() };
    let busy = CsmsSettings { admission: one_an_hour, ..patient() };
    let house = House::with(ChargingSettings::default(), busy).await;
    let mut first = house.socket("CP2").await;
    first.boot().await;
    first.asked_for("ChangeConfiguration").await;
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    charger.was_asked_nothing().await;
    let house = house.restart().await;
    house.socket("CP1").await.asked_for("ChangeConfiguration").await;
}

#[tokio::test]
async fn a_boot_is_followed_by_the_settings_of_the_meter_one_at_a_time() {
    let house = House::with(ChargingSettings { meter_interval_s: 15, ..ChargingSettings::default() }, patient()).await;
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    let (id, payload) = charger.asked_for("ChangeConfiguration").await;
    assert_eq!(payload, serde_json::json!({ "key": "MeterValueSampleInterval", "value": "15" }));
    charger.was_asked_nothing().await;
    charger.answer(&id, "Accepted").await;
    let (id, payload) = charger.asked_for("ChangeConfiguration").await;
    assert_eq!(payload["key"], "MeterValuesSampledData");
    charger.answer(&id, "NotSupported").await;
    charger.call("Heartbeat", "{}").await;
    let facts = house.node.stations.connector(house.connector("CP1", 1)).await.unwrap().unwrap();
    assert_eq!(facts.meter_interval_s, 15);
}
