//! The central system's side of the Open Charge Alliance's test cases for OCPP 1.6, by their ids. Ids that are not here are listed in
//! docs/OCPP.md. Nobody charges by a card yet, so the valid idTag of a case is that of a session that a guest has paid for.

use chrono::{SecondsFormat, TimeDelta};
use domain::charging::session::{SessionState, StopReason};
use domain::guest::StartFailure;
use domain::{Tyiyn, Wh};
use platform::charging::{BeginRefusal, ChargingSettings, ResetKind};
use serde_json::json;
use simulator::raw::{RawClient, RawRequest};

use crate::house::{Charger, House, patient, refused};

async fn is_authorized(charger: &mut Charger, id_tag: &str) -> bool {
    charger.call("Authorize", &json!({ "idTag": id_tag }).to_string()).await["idTagInfo"]["status"] == "Accepted"
}

/// Ten minutes of charging, the stop at the charger, and the car drives away.
async fn charges_and_leaves(house: &House, charger: &mut Charger, transaction: i64, reason: &str) {
    charger.status(1, "Charging").await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(transaction, 1_002_000, &house.time()).await;
    charger.end(transaction, 1_002_000, &house.time(), reason).await;
    charger.status(1, "Finishing").await;
    charger.status(1, "Available").await;
}

#[tokio::test]
async fn oca_001_cold_boot() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    let boot = charger
        .call("BootNotification", r#"{"chargePointVendor":"Acme","chargePointModel":"One","firmwareVersion":"1.0"}"#)
        .await;
    assert_eq!((&boot["status"], &boot["currentTime"]), (&json!("Accepted"), &json!(house.time())));
    assert!(boot["interval"].as_i64().unwrap() > 0);
    for connector in 0..=2 {
        charger.status(connector, "Available").await;
    }
    assert_eq!(charger.call("Heartbeat", "{}").await, json!({ "currentTime": house.time() }));
}

#[tokio::test]
async fn oca_003_a_session_with_the_cable_plugged_in_first() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.status(1, "Preparing").await;
    let session = house.begin("CP1", 500).await;
    let (_, asked) = charger.asked_for("RemoteStartTransaction").await;
    let id_tag = asked["idTag"].as_str().unwrap();
    // The driver's tag is read at the charger before it has answered.
    assert!(is_authorized(&mut charger, id_tag).await);
    let transaction = charger.start(1, id_tag, 1_000_000, &house.time()).await;
    charges_and_leaves(&house, &mut charger, transaction, "Local").await;
    let seen = house.see(session).await;
    assert_eq!((seen.stop_reason, seen.billed), (Some(StopReason::Charger), Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_004_1_a_session_with_identification_first() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let (_, asked) = charger.asked_for("RemoteStartTransaction").await;
    let id_tag = asked["idTag"].as_str().unwrap();
    assert!(is_authorized(&mut charger, id_tag).await);
    charger.status(1, "Preparing").await;
    let transaction = charger.start(1, id_tag, 1_000_000, &house.time()).await;
    charges_and_leaves(&house, &mut charger, transaction, "Local").await;
    assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_004_2_identification_first_and_no_cable_in_time() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    assert!(is_authorized(&mut charger, &id_tag).await);
    charger.status(1, "Preparing").await;
    house.pass(TimeDelta::seconds(60));
    charger.status(1, "Available").await;
    house.pass(TimeDelta::seconds(121));
    house.tick().await;
    assert_eq!(house.see(session).await.failure, Some(StartFailure::NoCable));
    assert!(!is_authorized(&mut charger, &id_tag).await, "the tag was good for that session only");
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_005_1_disconnected_at_the_cars_side() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.status(1, "SuspendedEV").await;
    charges_and_leaves(&house, &mut charger, running.transaction, "EVDisconnected").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.stop_reason, seen.billed), (Some(StopReason::Charger), Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_007_a_start_by_a_cached_id_without_authorize() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charges_and_leaves(&house, &mut charger, running.transaction, "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_010_remote_start_with_the_cable_plugged_in_first() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.status(1, "Preparing").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charges_and_leaves(&house, &mut charger, running.transaction, "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_011_1_remote_start_first() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    assert!(is_authorized(&mut charger, &id_tag).await);
    charger.status(1, "Preparing").await;
    let transaction = charger.start(1, &id_tag, 1_000_000, &house.time()).await;
    charges_and_leaves(&house, &mut charger, transaction, "Local").await;
    assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_011_2_remote_start_and_no_cable_in_time() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.status(1, "Preparing").await;
    charger.status(1, "Available").await;
    house.pass(TimeDelta::seconds(181));
    house.tick().await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.failure), (SessionState::Failed, Some(StartFailure::NoCable)));
    house.begin("CP1", 500).await;
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_012_remote_stop() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    charger.accept_stop(running.transaction).await;
    charges_and_leaves(&house, &mut charger, running.transaction, "Remote").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.stop_reason, seen.billed), (Some(StopReason::Payer), Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

async fn is_reset(kind: ResetKind, word: &str) {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    house.charging().reset(house.id("CP1"), kind, "1").await.unwrap();
    let (id, payload) = charger.asked_for("Reset").await;
    assert_eq!(payload, json!({ "type": word }));
    charger.answer(&id, "Accepted").await;
    charger.call("Heartbeat", "{}").await;
    charger.vanish();
    house.charger("CP1").await.was_asked_nothing().await;
    assert_eq!(house.number("select count(*) from command where state = 'accepted'").await, 1);
}

#[tokio::test]
async fn oca_013_hard_reset() {
    is_reset(ResetKind::Hard, "Hard").await;
}

#[tokio::test]
async fn oca_014_soft_reset() {
    is_reset(ResetKind::Soft, "Soft").await;
}

/// The answer to a change of configuration, and whether the command counts as done.
async fn configuration_is_answered(status: &str, state: &str) {
    let house = House::with(ChargingSettings { meter_interval_s: 15, ..ChargingSettings::default() }, patient()).await;
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    let (id, payload) = charger.asked_for("ChangeConfiguration").await;
    assert_eq!(payload, json!({ "key": "MeterValueSampleInterval", "value": "15" }));
    charger.answer(&id, status).await;
    // The next one comes when this one has ended.
    charger.asked_for("ChangeConfiguration").await;
    let ended = house.number("select count(*) from command where state = 'accepted'").await;
    assert_eq!(ended == 1, state == "accepted");
    let facts = house.node.stations.connector(house.connector("CP1", 1)).await.unwrap().unwrap();
    assert_eq!(facts.meter_interval_s == 15, state == "accepted", "{}", facts.meter_interval_s);
    charger.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn oca_021_change_of_configuration() {
    configuration_is_answered("Accepted", "accepted").await;
    configuration_is_answered("RebootRequired", "accepted").await;
}

#[tokio::test]
async fn oca_040_1_a_configuration_key_that_is_not_supported() {
    configuration_is_answered("NotSupported", "rejected").await;
}

#[tokio::test]
async fn oca_040_2_a_configuration_value_that_is_refused() {
    configuration_is_answered("Rejected", "rejected").await;
}

#[tokio::test]
async fn oca_023_1_an_invalid_tag_is_not_authorized() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let answer = charger.call("Authorize", r#"{"idTag":"04E1A2B3"}"#).await;
    assert_eq!(answer, json!({ "idTagInfo": { "status": "Invalid" } }));
}

#[tokio::test]
async fn oca_023_2_the_tag_of_a_session_that_has_ended_is_expired() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.end(running.transaction, 1_001_000, &house.time(), "EVDisconnected").await;
    house.until(running.session, SessionState::Settled).await;
    let answer = charger.call("Authorize", &json!({ "idTag": running.id_tag }).to_string()).await;
    assert_eq!(answer, json!({ "idTagInfo": { "status": "Expired" } }));
}

#[tokio::test]
async fn oca_023_3_the_tag_of_a_session_that_was_paid_back_is_blocked() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.pass(TimeDelta::seconds(181));
    house.tick().await;
    house.until(session, SessionState::Failed).await;
    let answer = charger.call("Authorize", &json!({ "idTag": id_tag }).to_string()).await;
    assert_eq!(answer, json!({ "idTagInfo": { "status": "Blocked" } }));
}

#[tokio::test]
async fn oca_024_a_lock_that_fails_is_seen_and_nothing_is_sold_there() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let payload = r#"{"connectorId":1,"errorCode":"ConnectorLockFailure","status":"Faulted"}"#;
    assert_eq!(charger.call("StatusNotification", payload).await, json!({}));
    let at = house.connector("CP1", 1);
    let facts = house.node.stations.connector(at).await.unwrap().unwrap();
    assert_eq!(facts.error_code.as_deref(), Some("ConnectorLockFailure"));
    assert!(matches!(house.begin_at(at, 500).await, Err(BeginRefusal::OutOfOrder)));
}

#[tokio::test]
async fn oca_026_a_remote_start_that_is_rejected() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    for _ in 0..2 {
        let (id, _) = charger.asked_for("RemoteStartTransaction").await;
        charger.answer(&id, "Rejected").await;
    }
    assert_eq!(house.until(session, SessionState::Failed).await.failure, Some(StartFailure::Rejected));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_028_a_remote_stop_that_is_rejected() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    let (id, _) = charger.asked_for("RemoteStopTransaction").await;
    charger.answer(&id, "Rejected").await;
    charger.accept_stop(running.transaction).await;
    assert_eq!(house.see(running.session).await.state, SessionState::Stopping, "a rejected stop is no end");
}

#[tokio::test]
async fn oca_032_1_a_power_failure_that_stops_the_transaction() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    let lost_at = house.time();
    charger.vanish();
    house.pass(TimeDelta::minutes(3));
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    charger.end(running.transaction, 1_002_000, &lost_at, "PowerLoss").await;
    charger.status(1, "Available").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.stop_reason, seen.billed), (Some(StopReason::Fault), Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_037_1_a_start_while_offline_by_a_valid_tag() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.vanish();
    house.pass(TimeDelta::seconds(30));
    let started_at = house.now();
    house.pass(TimeDelta::seconds(60));
    let mut charger = house.socket("CP1").await;
    charger.start(1, &id_tag, 1_000_000, &started_at.to_rfc3339_opts(SecondsFormat::Millis, true)).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.started_at), (SessionState::Charging, Some(started_at)));
}

#[tokio::test]
async fn oca_037_3_a_start_while_offline_by_an_invalid_tag() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let earlier = house.time();
    house.pass(TimeDelta::minutes(5));
    let (transaction, status) = charger.try_start(1, "04E1A2B3", 0, &earlier).await;
    assert_eq!(status, "Invalid");
    charger.end(transaction, 100, &house.time(), "DeAuthorized").await;
    assert_eq!(house.number("select count(*) from charging_transaction where accepted").await, 0);
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_039_a_whole_transaction_while_offline() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.vanish();
    house.pass(TimeDelta::seconds(30));
    let begun = house.time();
    house.pass(TimeDelta::seconds(120));
    let ended = house.time();
    let mut charger = house.socket("CP1").await;
    let transaction = charger.start(1, &id_tag, 1_000_000, &begun).await;
    charger.end(transaction, 1_000_500, &ended, "Local").await;
    let seen = house.see(session).await;
    assert_eq!((seen.energy, seen.billed), (Wh::new(500), Some(Tyiyn::new(750))));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_054_trigger_message() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    let lease = platform::stations::Lease { charge_point: house.id("CP1"), epoch: 1 };
    house.charging().ask_status(lease).await.unwrap();
    for (message, action, said) in [
        ("BootNotification", "BootNotification", r#"{"chargePointVendor":"A","chargePointModel":"B"}"#),
        ("StatusNotification", "StatusNotification", r#"{"connectorId":1,"errorCode":"NoError","status":"Available"}"#),
    ] {
        let (id, payload) = charger.asked_for("TriggerMessage").await;
        assert_eq!(payload, json!({ "requestedMessage": message }));
        charger.answer(&id, "Accepted").await;
        charger.call(action, said).await;
    }
    assert_eq!(house.number("select count(*) from command where state = 'accepted'").await, 2);
}

#[tokio::test]
async fn oca_055_a_trigger_message_that_is_rejected() {
    for status in ["Rejected", "NotImplemented"] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let lease = platform::stations::Lease { charge_point: house.id("CP1"), epoch: 1 };
        house.charging().ask_status(lease).await.unwrap();
        let (id, _) = charger.asked_for("TriggerMessage").await;
        charger.answer(&id, status).await;
        charger.was_asked_nothing().await;
        assert_eq!(house.number("select count(*) from command where state = 'rejected'").await, 1, "{status}");
    }
}

#[tokio::test]
async fn oca_064_data_transfer_of_an_unknown_vendor() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let answer = charger.call("DataTransfer", r#"{"vendorId":"com.example","messageId":"Hello","data":"x"}"#).await;
    assert_eq!(answer, json!({ "status": "UnknownVendorId" }));
}

#[tokio::test]
async fn oca_085_basic_authentication() {
    let house = House::open().await;
    let at = || RawRequest::new(house.node.url("/ocpp/CP1")).subprotocol("ocpp1.6");
    assert_eq!(refused(at()).await, 401);
    assert_eq!(refused(at().basic("CP1", "not the password")).await, 401);
    house.charger("CP1").await.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn oca_088_the_subprotocol_is_the_one_that_both_speak() {
    let house = House::open().await;
    let password = &house.point("CP1").password;
    let at = |names: &str| RawRequest::new(house.node.url("/ocpp/CP1")).subprotocol(names).basic("CP1", password);
    let client = RawClient::connect(at("ocpp9.9, ocpp1.6")).await.unwrap();
    assert_eq!(client.selected_protocol(), Some("ocpp1.6"));
    assert_eq!(refused(at("ocpp9.9")).await, 400);
}
