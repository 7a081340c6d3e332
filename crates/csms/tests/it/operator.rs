//! What staff sends to a charge point, and what charge points tell of it. With the ids of the Open Charge Alliance's cases for OCPP 1.6.

use chrono::TimeDelta;
use domain::CommandId;
use platform::audit::Actor;
use platform::charging::{ChargingSettings, CommandState, CommandView};
use platform::devices::Devices;
use serde_json::{Value, json};
use simulator::raw::{RawClient, RawRequest};

use crate::house::{Charger, House, Node, patient};

/// A person sends a message; the command.
async fn sent(house: &House, action: &str, payload: Value) -> CommandId {
    let (stations, charging) = (&house.node.stations, house.charging());
    let key = format!("{action}:{payload}");
    let message = (action, payload.to_string());
    let within = TimeDelta::seconds(60);
    csms::operator::send(stations, charging, house.id("CP1"), (message.0, &message.1), &key, within, Actor::System)
        .await
        .unwrap()
}

/// A person sends a message, the charge point answers it; what the person sees.
async fn told(house: &House, charger: &mut Charger, action: &str, payload: Value, answer: Value) -> CommandView {
    let command = sent(house, action, payload.clone()).await;
    let (id, asked) = charger.asked_for(action).await;
    assert_eq!(asked, payload, "{action} is said as it was written");
    charger.raw.send(json!([3, id, answer]).to_string()).await.unwrap();
    let seen = house.ended(command).await;
    assert_eq!(seen.answer, Some(answer), "{action}");
    seen
}

/// Each request with its answer, and whether that means that it was done.
async fn tells(exchanges: &[(&str, Value, Value, CommandState)]) {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    for (action, payload, answer, state) in exchanges {
        let seen = told(&house, &mut charger, action, payload.clone(), answer.clone()).await;
        assert_eq!(seen.state, *state, "{action} {payload}: {answer}");
    }
}

/// Each message of a charge point is answered with nothing, and kept: the kinds, the oldest first.
async fn kept(house: &House, charger: &mut Charger, said: &[(&str, Value)]) -> Vec<String> {
    for (action, payload) in said {
        assert_eq!(charger.call(action, &payload.to_string()).await, json!({}), "{action}");
    }
    let events = Devices::new(house.test.db.clone()).events(house.id("CP1"), 100).await.unwrap();
    events.into_iter().rev().map(|event| event.kind).collect()
}

fn status(status: &str) -> Value {
    json!({ "status": status })
}

use CommandState::{Accepted, Failed, Rejected};

#[tokio::test]
async fn oca_017_1_unlock_a_connector_without_a_session() {
    tells(&[("UnlockConnector", json!({ "connectorId": 1 }), status("Unlocked"), Accepted)]).await;
}

#[tokio::test]
async fn oca_017_2_unlock_a_connector_with_a_fixed_cable() {
    tells(&[("UnlockConnector", json!({ "connectorId": 1 }), status("NotSupported"), Rejected)]).await;
}

#[tokio::test]
async fn oca_018_1_unlock_a_connector_that_charges_ends_the_session() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    told(&house, &mut charger, "UnlockConnector", json!({ "connectorId": 1 }), status("Unlocked")).await;
    house.pass(TimeDelta::minutes(10));
    charger.end(running.transaction, 1_002_000, &house.time(), "UnlockCommand").await;
    charger.status(1, "Finishing").await;
    assert_eq!(house.see(running.session).await.billed, Some(domain::Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn oca_030_and_031_an_unlock_that_fails_or_has_no_connector() {
    tells(&[
        ("UnlockConnector", json!({ "connectorId": 1 }), status("UnlockFailed"), Rejected),
        ("UnlockConnector", json!({ "connectorId": 9 }), status("NotSupported"), Rejected),
    ])
    .await;
}

#[tokio::test]
async fn oca_019_1_and_2_the_configuration_whole_or_in_part_is_kept() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let key = |key: &str, value: &str, readonly: bool| json!({ "key": key, "value": value, "readonly": readonly });
    let all = json!({ "configurationKey": [key("HeartbeatInterval", "300", false), key("NumberOfConnectors", "2", true)] });
    assert_eq!(told(&house, &mut charger, "GetConfiguration", json!({}), all).await.state, Accepted);
    let some = json!({ "configurationKey": [key("HeartbeatInterval", "60", false)], "unknownKey": ["Colour"] });
    let asked = json!({ "key": ["HeartbeatInterval", "Colour"] });
    told(&house, &mut charger, "GetConfiguration", asked, some).await;
    let known = Devices::new(house.test.db.clone()).variables(house.id("CP1")).await.unwrap();
    let values: Vec<_> = known.iter().map(|v| (v.name.variable.as_str(), v.attributes[0].value.as_deref())).collect();
    assert_eq!(values, [("HeartbeatInterval", Some("60")), ("NumberOfConnectors", Some("2"))]);
}

#[tokio::test]
async fn oca_042_1_and_2_the_version_of_the_local_list() {
    tells(&[("GetLocalListVersion", json!({}), json!({ "listVersion": -1 }), Accepted)]).await;
    tells(&[("GetLocalListVersion", json!({}), json!({ "listVersion": 0 }), Accepted)]).await;
}

fn list(version: i64, kind: &str) -> Value {
    json!({ "listVersion": version, "localAuthorizationList": [{ "idTag": "STAFF-1", "idTagInfo": { "status": "Accepted" } }], "updateType": kind })
}

#[tokio::test]
async fn oca_043_1_and_3_to_5_a_local_list_is_taken_or_not() {
    tells(&[
        ("SendLocalList", list(1, "Full"), status("NotSupported"), Rejected),
        ("SendLocalList", list(2, "Full"), status("Failed"), Rejected),
        ("SendLocalList", list(3, "Full"), status("Accepted"), Accepted),
        ("SendLocalList", list(3, "Differential"), status("VersionMismatch"), Rejected),
        ("SendLocalList", list(4, "Differential"), status("Accepted"), Accepted),
    ])
    .await;
}

#[tokio::test]
async fn oca_044_1_to_3_a_firmware_is_installed_or_not() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let update = json!({ "location": "https://firmware.example/2.bin", "retrieveDate": "2026-11-23T00:00:00.000Z" });
    assert_eq!(told(&house, &mut charger, "UpdateFirmware", update, json!({})).await.state, Accepted);
    let steps = ["Downloading", "DownloadFailed", "Downloading", "Downloaded", "Installing", "InstallationFailed", "Installed"];
    let said: Vec<_> = steps.iter().map(|step| ("FirmwareStatusNotification", status(step))).collect();
    assert_eq!(kept(&house, &mut charger, &said).await, ["firmware_status"; 7]);
}

#[tokio::test]
async fn oca_045_1_and_2_diagnostics_are_uploaded_or_not() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let asked = json!({ "location": "https://logs.example/in" });
    let seen = told(&house, &mut charger, "GetDiagnostics", asked, json!({ "fileName": "cp1.log" })).await;
    assert_eq!(seen.state, Accepted);
    let said = ["Uploading", "Uploaded", "UploadFailed"].map(|step| ("DiagnosticsStatusNotification", status(step)));
    assert_eq!(kept(&house, &mut charger, &said).await, ["diagnostics_status"; 3]);
}

fn reservation(id: i64, connector: i64) -> Value {
    json!({ "connectorId": connector, "expiryDate": "2026-11-23T12:00:00.000Z", "idTag": "STAFF-1", "reservationId": id })
}

#[tokio::test]
async fn oca_046_a_reserved_connector_is_sold_to_nobody_else() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    assert_eq!(told(&house, &mut charger, "ReserveNow", reservation(1, 1), status("Accepted")).await.state, Accepted);
    charger.status(1, "Reserved").await;
    let refused = house.begin_at(house.connector("CP1", 1), 500).await;
    assert!(matches!(refused, Err(platform::charging::BeginRefusal::Busy)));
}

#[tokio::test]
async fn oca_047_a_reservation_that_expires_frees_the_connector() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    told(&house, &mut charger, "ReserveNow", reservation(1, 1), status("Accepted")).await;
    charger.status(1, "Reserved").await;
    charger.status(1, "Available").await;
    assert!(house.begin_at(house.connector("CP1", 1), 500).await.is_ok());
}

#[tokio::test]
async fn oca_048_1_to_4_and_049_a_reservation_is_refused() {
    tells(&[
        ("ReserveNow", reservation(1, 1), status("Faulted"), Rejected),
        ("ReserveNow", reservation(2, 1), status("Occupied"), Rejected),
        ("ReserveNow", reservation(3, 1), status("Unavailable"), Rejected),
        ("ReserveNow", reservation(4, 1), status("Rejected"), Rejected),
        ("ReserveNow", reservation(5, 0), status("Accepted"), Accepted),
    ])
    .await;
}

#[tokio::test]
async fn oca_051_and_052_a_reservation_is_cancelled_or_unknown() {
    tells(&[
        ("CancelReservation", json!({ "reservationId": 1 }), status("Accepted"), Accepted),
        ("CancelReservation", json!({ "reservationId": 9 }), status("Rejected"), Rejected),
    ])
    .await;
}

#[tokio::test]
async fn oca_053_a_reservation_for_a_group_names_its_parent() {
    let mut group = reservation(1, 1);
    group["parentIdTag"] = json!("STAFF");
    tells(&[("ReserveNow", group, status("Accepted"), Accepted)]).await;
}

fn profile(purpose: &str) -> Value {
    json!({
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
        "chargingSchedule": { "chargingRateUnit": "W", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 11000 }] },
    })
}

#[tokio::test]
async fn oca_056_a_default_profile() {
    let asked = json!({ "connectorId": 1, "csChargingProfiles": profile("TxDefaultProfile") });
    tells(&[("SetChargingProfile", asked, status("Accepted"), Accepted)]).await;
}

#[tokio::test]
async fn oca_057_a_profile_of_a_transaction() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    let mut of_transaction = profile("TxProfile");
    of_transaction["transactionId"] = json!(running.transaction);
    let asked = json!({ "connectorId": 1, "csChargingProfiles": of_transaction });
    assert_eq!(told(&house, &mut charger, "SetChargingProfile", asked, status("Accepted")).await.state, Accepted);
}

#[tokio::test]
async fn oca_061_the_cache_is_cleared() {
    tells(&[("ClearCache", json!({}), status("Accepted"), Accepted)]).await;
    tells(&[("ClearCache", json!({}), status("Rejected"), Rejected)]).await;
}

#[tokio::test]
async fn oca_066_the_schedule_that_counts() {
    let schedule = json!({ "chargingRateUnit": "W", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 11000 }] });
    let answer = json!({ "status": "Accepted", "connectorId": 1, "scheduleStart": "2026-11-22T12:00:00.000Z", "chargingSchedule": schedule });
    tells(&[("GetCompositeSchedule", json!({ "connectorId": 1, "duration": 600 }), answer, Accepted)]).await;
}

#[tokio::test]
async fn oca_067_profiles_are_cleared() {
    tells(&[
        ("ClearChargingProfile", json!({ "id": 1 }), status("Accepted"), Accepted),
        (
            "ClearChargingProfile",
            json!({ "connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile" }),
            status("Unknown"),
            Rejected,
        ),
    ])
    .await;
}

fn hash() -> Value {
    json!({ "hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": "c3" })
}

#[tokio::test]
async fn oca_075_1_and_2_and_076_root_certificates_are_installed_listed_and_deleted() {
    let install = |kind: &str| json!({ "certificateType": kind, "certificate": "-----BEGIN CERTIFICATE-----" });
    tells(&[
        ("InstallCertificate", install("CentralSystemRootCertificate"), status("Accepted"), Accepted),
        ("InstallCertificate", install("ManufacturerRootCertificate"), status("Rejected"), Rejected),
        (
            "GetInstalledCertificateIds",
            json!({ "certificateType": "CentralSystemRootCertificate" }),
            json!({ "status": "Accepted", "certificateHashData": [hash()] }),
            Accepted,
        ),
        ("DeleteCertificate", json!({ "certificateHashData": hash() }), status("Accepted"), Accepted),
    ])
    .await;
}

#[tokio::test]
async fn oca_077_and_078_security_events_are_kept_once() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let time = house.time();
    let event = |kind: &str| ("SecurityEventNotification", json!({ "type": kind, "timestamp": time }));
    let said = [
        event("InvalidChargePointCertificate"),
        event("InvalidCentralSystemCertificate"),
        event("InvalidCentralSystemCertificate"),
    ];
    assert_eq!(kept(&house, &mut charger, &said).await, ["security_event"; 2]);
}

#[tokio::test]
async fn oca_079_the_security_log_is_uploaded() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let asked = json!({ "log": { "remoteLocation": "https://logs.example/5" }, "logType": "SecurityLog", "requestId": 5 });
    let seen = told(&house, &mut charger, "GetLog", asked, json!({ "status": "Accepted", "filename": "5.log" })).await;
    assert_eq!(seen.state, Accepted);
    let said = ["Uploading", "Uploaded"].map(|step| ("LogStatusNotification", json!({ "status": step, "requestId": 5 })));
    assert_eq!(kept(&house, &mut charger, &said).await, ["log_status"; 2]);
}

#[tokio::test]
async fn oca_080_and_081_a_signed_firmware_is_installed_or_has_a_wrong_signature() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let firmware = json!({
        "location": "https://firmware.example/2.bin", "retrieveDateTime": "2026-11-23T00:00:00.000Z",
        "signingCertificate": "-----BEGIN CERTIFICATE-----", "signature": "c2ln",
    });
    let asked = json!({ "requestId": 7, "firmware": firmware });
    assert_eq!(told(&house, &mut charger, "SignedUpdateFirmware", asked, status("Accepted")).await.state, Accepted);
    let said = ["Downloading", "SignatureVerified", "Installed", "InvalidSignature"]
        .map(|step| ("SignedFirmwareStatusNotification", json!({ "status": step, "requestId": 7 })));
    assert_eq!(kept(&house, &mut charger, &said).await, ["firmware_status"; 4]);
}

#[tokio::test]
async fn a_charge_point_is_told_its_availability_and_to_report_by_the_extended_trigger() {
    tells(&[
        ("ChangeAvailability", json!({ "connectorId": 1, "type": "Inoperative" }), status("Scheduled"), Accepted),
        ("ChangeAvailability", json!({ "connectorId": 1, "type": "Operative" }), status("Rejected"), Rejected),
        ("ExtendedTriggerMessage", json!({ "requestedMessage": "SignChargePointCertificate" }), status("Accepted"), Accepted),
        ("DataTransfer", json!({ "vendorId": "acme", "messageId": "hello", "data": "1" }), status("UnknownVendorId"), Rejected),
    ])
    .await;
}

#[tokio::test]
async fn an_error_or_nonsense_for_an_answer_is_a_failure_and_the_link_lives_on() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let command = sent(&house, "ClearCache", json!({})).await;
    let (id, _) = charger.asked_for("ClearCache").await;
    charger.raw.send(format!(r#"[4,"{id}","NotImplemented","no cache",{{}}]"#)).await.unwrap();
    let seen = house.ended(command).await;
    assert_eq!((seen.state, seen.answer.unwrap()["code"].clone()), (Failed, json!("NotImplemented")));
    let seen = told(&house, &mut charger, "GetLocalListVersion", json!({}), json!({ "listVersion": "many" })).await;
    assert_eq!(seen.state, Failed);
    charger.was_asked_nothing().await;
}

#[tokio::test]
async fn what_a_person_sent_is_sent_once_and_ends_as_expired_when_the_link_took_its_answer() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let command = sent(&house, "ClearCache", json!({})).await;
    assert_eq!(sent(&house, "ClearCache", json!({})).await, command, "one button, one command");
    charger.asked_for("ClearCache").await;
    charger.vanish();
    let mut charger = house.charger("CP1").await;
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::seconds(61));
    house.tick().await;
    assert_eq!(house.ended(command).await.state, CommandState::Expired);
}

#[tokio::test]
async fn what_a_person_sends_waits_for_a_charge_point_and_survives_a_restart() {
    let house = House::open().await;
    house.charger("CP1").await.vanish();
    house.until_online("CP1", false).await;
    let command = sent(&house, "ClearCache", json!({})).await;
    let house = house.restart().await;
    let mut charger = house.socket("CP1").await;
    let (id, _) = charger.asked_for("ClearCache").await;
    charger.answer(&id, "Accepted").await;
    assert_eq!(house.ended(command).await.state, Accepted);
}

#[tokio::test]
async fn commands_follow_a_charge_point_to_another_node_and_are_done_once() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    charger.asked_for("RemoteStopTransaction").await;
    charger.vanish();
    let by_hand = sent(&house, "GetLocalListVersion", json!({})).await;
    // The second node has another bus and another process' memory: all it knows is in the database.
    let other = Node::start(house.test.another_node().await, "two", house.charging_settings.clone(), patient()).await;
    let request = RawRequest::new(other.url("/ocpp/CP1")).subprotocol("ocpp1.6").basic("CP1", &house.point("CP1").password);
    let mut charger = Charger { raw: RawClient::connect(request).await.unwrap() };
    charger.accept_stop(running.transaction).await;
    let (id, _) = charger.asked_for("GetLocalListVersion").await;
    charger.raw.send(json!([3, id, { "listVersion": 0 }]).to_string()).await.unwrap();
    assert_eq!(house.ended(by_hand).await.state, Accepted);
    charger.was_asked_nothing().await;
    charger.end(running.transaction, 1_001_000, &house.time(), "Remote").await;
    assert_eq!(house.see(running.session).await.billed, Some(domain::Tyiyn::new(1_500)));
    other.shut_down().await;
    house.is_in_order().await;
}

#[tokio::test]
async fn a_charge_point_that_speaks_another_protocol_meanwhile_is_not_sent_what_it_does_not_know() {
    let house = House::open().await;
    house.charger("CP1").await.vanish();
    house.until_online("CP1", false).await;
    let command = sent(&house, "GetLocalListVersion", json!({})).await;
    let mut charger = house.socket_201("CP1").await;
    assert_eq!(house.ended(command).await.state, Failed);
    charger.was_asked_nothing().await;
}

#[tokio::test]
async fn a_charge_point_tells_its_settings_after_its_first_boot() {
    let settings = ChargingSettings { meter_interval_s: 10, ..ChargingSettings::default() };
    let house = House::with(settings, patient()).await;
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    for key in ["MeterValueSampleInterval", "MeterValuesSampledData"] {
        let (id, asked) = charger.asked_for("ChangeConfiguration").await;
        assert_eq!(asked["key"], key);
        charger.answer(&id, "Accepted").await;
    }
    let (id, asked) = charger.asked_for("GetConfiguration").await;
    assert_eq!(asked, json!({}));
    let keys = json!([{ "key": "SupportedFeatureProfiles", "readonly": true, "value": "Core,SmartCharging" }]);
    charger.raw.send(json!([3, id, { "configurationKey": keys }]).to_string()).await.unwrap();
    charger.was_asked_nothing().await;
    let known = Devices::new(house.test.db.clone()).variables(house.id("CP1")).await.unwrap();
    assert_eq!(known[0].attributes[0].value.as_deref(), Some("Core,SmartCharging"));
}
