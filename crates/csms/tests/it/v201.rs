//! OCPP 2.0.1 by raw frames: the same sessions, stops and receipts as with 1.6.

use chrono::TimeDelta;
use domain::charging::session::{SessionState, StopReason};
use domain::guest::StartFailure;
use domain::stations::ConnectorStatus;
use domain::{SessionId, Tyiyn, Wh};
use platform::charging::{ChargingSettings, ResetKind};
use platform::devices::Devices;
use serde_json::{Value, json};
use simulator::raw::RawClient;

use crate::house::{Charger, House, patient, quiet};

/// A transaction as its charge point tells it.
pub struct Told {
    pub id: &'static str,
    pub id_tag: String,
    remote_start: i64,
}

impl House {
    pub async fn socket_201(&self, identity: &str) -> Charger {
        Charger { raw: RawClient::connect(self.request_in(identity, "ocpp2.0.1")).await.unwrap() }
    }

    /// A charge point that has booted and whose connectors are free.
    pub async fn charger_201(&self, identity: &str) -> Charger {
        let mut charger = self.socket_201(identity).await;
        boot(&mut charger).await;
        // Without a known device model it is asked for.
        let (id, _) = charger.asked_for("GetBaseReport").await;
        charger.answer(&id, "NotSupported").await;
        for connector in &self.point(identity).connectors {
            self.status_201(&mut charger, connector.evse_no, "Available").await;
        }
        charger
    }

    async fn status_201(&self, charger: &mut Charger, evse: i32, status: &str) {
        let time = self.time();
        let payload = json!({ "timestamp": time, "connectorStatus": status, "evseId": evse, "connectorId": 1 });
        charger.call("StatusNotification", &payload.to_string()).await;
    }

    /// A paid session that the charge point was asked to start, and said yes to.
    async fn asked_to_start(&self, charger: &mut Charger, id: &'static str, som: i64) -> (SessionId, Told) {
        let session = self.begin("CP1", som).await;
        let (message, payload) = charger.asked_for("RequestStartTransaction").await;
        assert_eq!(payload["evseId"], 1);
        charger.answer(&message, "Accepted").await;
        self.until_seen(session, |s| s.start_accepted).await;
        let id_tag = payload["idToken"]["idToken"].as_str().unwrap().to_owned();
        (session, Told { id, id_tag, remote_start: payload["remoteStartId"].as_i64().unwrap() })
    }

    /// The same, and it charges from 1,000,000 Wh on.
    pub async fn charging_201(&self, charger: &mut Charger, id: &'static str, som: i64) -> (SessionId, Told) {
        let (session, told) = self.asked_to_start(charger, id, som).await;
        let answer = charger.event(&told.started(&self.time(), 1_000_000)).await;
        assert_eq!(answer["idTokenInfo"]["status"], "Accepted");
        (session, told)
    }
}

async fn boot(charger: &mut Charger) {
    let payload = r#"{"reason":"PowerUp","chargingStation":{"model":"One","vendorName":"Acme","firmwareVersion":"1.0"}}"#;
    assert_eq!(charger.call("BootNotification", payload).await["status"], "Accepted");
}

impl Charger {
    pub async fn event(&mut self, event: &Value) -> Value {
        self.call("TransactionEvent", &event.to_string()).await
    }

    /// Says yes to a RequestStop of this transaction.
    async fn accept_stop_201(&mut self, told: &Told) {
        let (id, payload) = self.asked_for("RequestStopTransaction").await;
        assert_eq!(payload, json!({ "transactionId": told.id }));
        self.answer(&id, "Accepted").await;
    }
}

fn reading(context: &str, register_wh: i64, time: &str) -> Value {
    json!([{ "timestamp": time, "sampledValue": [
        { "value": register_wh, "context": context, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": { "unit": "Wh" } }
    ] }])
}

impl Told {
    fn event(&self, kind: &str, trigger: &str, seq_no: i64, time: &str) -> Value {
        json!({
            "eventType": kind, "timestamp": time, "triggerReason": trigger, "seqNo": seq_no,
            "transactionInfo": { "transactionId": self.id }, "evse": { "id": 1, "connectorId": 1 }
        })
    }

    fn started(&self, time: &str, register_wh: i64) -> Value {
        let mut event = self.event("Started", "RemoteStart", 0, time);
        event["transactionInfo"]["remoteStartId"] = self.remote_start.into();
        event["transactionInfo"]["chargingState"] = "Charging".into();
        event["idToken"] = json!({ "idToken": self.id_tag, "type": "Central" });
        event["meterValue"] = reading("Transaction.Begin", register_wh, time);
        event
    }

    pub fn updated(&self, seq_no: i64, time: &str, register_wh: i64) -> Value {
        let mut event = self.event("Updated", "MeterValuePeriodic", seq_no, time);
        event["meterValue"] = reading("Sample.Periodic", register_wh, time);
        event
    }

    fn ended(&self, seq_no: i64, time: &str, register_wh: i64, reason: &str) -> Value {
        let mut event = self.event("Ended", "RemoteStop", seq_no, time);
        event["transactionInfo"]["stoppedReason"] = reason.into();
        event["meterValue"] = reading("Transaction.End", register_wh, time);
        event
    }
}

#[tokio::test]
async fn a_guest_charges_by_2_0_1_as_by_1_6() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    house.status_201(&mut charger, 1, "Occupied").await;
    let connector = house.connector("CP1", 1);
    let facts = house.node.stations.connector(connector).await.unwrap().unwrap();
    assert_eq!(facts.status, ConnectorStatus::Preparing);
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let asked = json!({ "idToken": { "idToken": told.id_tag, "type": "Central" } });
    assert_eq!(charger.call("Authorize", &asked.to_string()).await["idTokenInfo"]["status"], "Accepted");
    charger.event(&told.started(&house.time(), 1_000_000)).await;
    assert_eq!(house.see(session).await.status, ConnectorStatus::Charging);
    for minutes in 1..=6_i64 {
        house.pass(TimeDelta::minutes(10));
        let answer = charger.event(&told.updated(minutes, &house.time(), 1_000_000 + minutes * 2_000)).await;
        assert_eq!(answer, json!({}));
    }
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy, seen.cost), (SessionState::Charging, Wh::new(12_000), Tyiyn::new(18_000)));

    house.stop(session).await;
    charger.accept_stop_201(&told).await;
    let answer = charger.event(&told.ended(7, &house.time(), 1_012_000, "Remote")).await;
    assert_eq!(answer, json!({ "totalCost": 180 }), "the display shows what is billed");
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.stop_reason), (SessionState::Settled, Some(StopReason::Payer)));
    assert_eq!((seen.billed, seen.written_off), (Some(Tyiyn::new(18_000)), Some(Tyiyn::ZERO)));
    assert_eq!(seen.status, ConnectorStatus::Finishing);
    house.is_in_order().await;
}

/// Money mistake 1, in 2.0.1.
#[tokio::test]
async fn auto_stop_of_2_0_1_survives_a_reconnect_and_a_restart() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.charging_201(&mut charger, "tx-1", 100).await;
    house.pass(TimeDelta::minutes(10));
    charger.event(&told.updated(1, &house.time(), 1_002_000)).await;
    charger.vanish();
    let house = house.restart().await;
    let mut charger = house.socket_201("CP1").await;
    let (mut register_wh, mut seq_no) = (1_002_000, 1);
    while house.see(session).await.state == SessionState::Charging {
        house.pass(TimeDelta::minutes(5));
        (register_wh, seq_no) = (register_wh + 1_000, seq_no + 1);
        assert!(register_wh < 1_100_000, "never stopped");
        charger.event(&told.updated(seq_no, &house.time(), register_wh)).await;
    }
    charger.accept_stop_201(&told).await;
    charger.event(&told.ended(seq_no + 1, &house.time(), register_wh, "Remote")).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.stop_reason), (SessionState::Settled, Some(StopReason::Limit)));
    let billed = seen.billed.unwrap();
    assert!(Tyiyn::new(8_500) <= billed && billed <= Tyiyn::new(10_000), "{billed:?}");
    house.is_in_order().await;
}

#[tokio::test]
async fn events_that_come_twice_late_or_not_at_all_change_nothing() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.charging_201(&mut charger, "tx-1", 500).await;
    let begin = house.time();
    let mut updates = vec![];
    for seq_no in 1..=4 {
        house.pass(TimeDelta::minutes(10));
        updates.push(told.updated(seq_no, &house.time(), 1_000_000 + seq_no * 2_000));
    }
    // 1 is lost, 3 comes before 2, and everything comes twice.
    for at in [2, 1, 2, 3, 1, 3] {
        charger.event(&updates[at]).await;
    }
    charger.event(&told.started(&begin, 1_000_000)).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy, seen.cost), (SessionState::Charging, Wh::new(8_000), Tyiyn::new(12_000)));
    let noted: Vec<_> = house
        .frames("CP1")
        .await
        .into_iter()
        .filter_map(|frame| frame.violations)
        .flat_map(|list| list.as_array().cloned().unwrap_or_default())
        .filter(|violation| violation["path"] == "seqNo")
        .map(|violation| violation["what"].as_str().unwrap().to_owned())
        .collect();
    assert!(noted.iter().any(|what| what.contains("a gap")) && noted.iter().any(|what| what.contains("late")), "{noted:?}");
    let ended = told.ended(5, &house.time(), 1_008_000, "Local");
    charger.event(&ended).await;
    charger.event(&ended).await;
    charger.event(&updates[0]).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(12_000))));
    house.is_in_order().await;
}

/// Field case 18.
#[tokio::test]
async fn a_started_that_is_not_the_first_event_is_taken_as_it_is() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let mut started = told.started(&house.time(), 1_000_000);
    started["seqNo"] = 1.into();
    charger.event(&started).await;
    assert_eq!(house.see(session).await.state, SessionState::Charging);
    let zero = json!({ "timestamp": house.time(), "connectorStatus": "Occupied", "evseId": 0, "connectorId": 0 });
    charger.call("StatusNotification", &zero.to_string()).await;
    house.is_in_order().await;
}

#[tokio::test]
async fn an_end_that_comes_before_its_start_is_billed_when_the_start_is_there() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let begin = house.time();
    house.pass(TimeDelta::minutes(2));
    charger.event(&told.ended(2, &house.time(), 1_000_600, "EVDisconnected")).await;
    assert_eq!(house.see(session).await.state, SessionState::Starting, "nobody knows yet whose it was");
    charger.event(&told.started(&begin, 1_000_000)).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy, seen.billed), (SessionState::Settled, Wh::new(600), Some(Tyiyn::new(900))));
    house.is_in_order().await;
}

/// What happened without a link is told afterwards.
#[tokio::test]
async fn a_transaction_that_is_told_when_the_link_is_back_is_billed() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    charger.vanish();
    let begin = house.time();
    house.pass(TimeDelta::minutes(2));
    let end = house.time();
    house.pass(TimeDelta::seconds(30));
    let mut charger = house.socket_201("CP1").await;
    for mut event in [told.started(&begin, 1_000_000), told.ended(1, &end, 1_000_600, "Local")] {
        event["offline"] = true.into();
        charger.event(&event).await;
    }
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(900))));
    assert_eq!(seen.ended_at.unwrap(), house.now() - TimeDelta::seconds(30));
    house.is_in_order().await;
}

/// A charge point whose transactions begin with the cable.
#[tokio::test]
async fn a_cable_alone_is_no_unpaid_transaction_and_is_paid_for_from_the_start_that_was_asked_for() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let told = Told { id: "tx-1", id_tag: String::new(), remote_start: 0 };
    let mut plugged = told.event("Started", "CablePluggedIn", 0, &house.time());
    plugged["transactionInfo"]["chargingState"] = "EVConnected".into();
    assert_eq!(charger.event(&plugged).await, json!({}));
    house.tick().await;
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::minutes(10));
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let mut begun = told.started(&house.time(), 1_000_000);
    begun["eventType"] = "Updated".into();
    begun["seqNo"] = 1.into();
    assert_eq!(charger.event(&begun).await["idTokenInfo"]["status"], "Accepted");
    house.pass(TimeDelta::minutes(10));
    charger.event(&told.updated(2, &house.time(), 1_002_000)).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy, seen.cost), (SessionState::Charging, Wh::new(2_000), Tyiyn::new(3_000)));
    assert_eq!(seen.started_at.unwrap(), house.now() - TimeDelta::minutes(10));
    house.is_in_order().await;
}

#[tokio::test]
async fn energy_that_nobody_pays_for_is_answered_and_stopped() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let told = Told { id: "tx-1", id_tag: "STRANGER".into(), remote_start: 0 };
    let mut started = told.started(&house.time(), 0);
    started["transactionInfo"].as_object_mut().unwrap().remove("remoteStartId");
    assert_eq!(charger.event(&started).await["idTokenInfo"]["status"], "Unknown");
    charger.accept_stop_201(&told).await;
    charger.event(&told.ended(1, &house.time(), 100, "Remote")).await;
    house.is_in_order().await;
}

/// No reading at the start: the first one that comes is where the meter began.
#[tokio::test]
async fn a_lifetime_register_is_not_billed_when_the_start_brings_no_reading() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let mut started = told.started(&house.time(), 0);
    started.as_object_mut().unwrap().remove("meterValue");
    charger.event(&started).await;
    house.pass(TimeDelta::seconds(10));
    charger.event(&told.updated(1, &house.time(), 7_000_000)).await;
    house.pass(TimeDelta::minutes(10));
    charger.event(&told.updated(2, &house.time(), 7_002_000)).await;
    assert_eq!(house.see(session).await.energy, Wh::new(2_000));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_start_by_its_number_alone_finds_its_session() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (session, told) = house.asked_to_start(&mut charger, "tx-1", 500).await;
    let mut started = told.started(&house.time(), 1_000_000);
    started.as_object_mut().unwrap().remove("idToken");
    assert_eq!(charger.event(&started).await, json!({}));
    assert_eq!(house.see(session).await.state, SessionState::Charging);
}

/// Field case 16: the charge point makes the ids, so two may make the same one.
#[tokio::test]
async fn two_charge_points_may_use_the_same_transaction_id() {
    let house = House::open().await;
    let mut one = house.charger_201("CP1").await;
    let mut two = house.charger_201("CP2").await;
    let (session, told) = house.charging_201(&mut one, "1", 500).await;
    house.pass(TimeDelta::minutes(10));
    two.event(&told.updated(1, &house.time(), 1_100_000)).await;
    two.event(&told.ended(2, &house.time(), 1_100_000, "Local")).await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy), (SessionState::Charging, Wh::ZERO));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_start_that_2_0_1_refuses_twice_fails() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let session = house.begin("CP1", 500).await;
    let (first, payload) = charger.asked_for("RequestStartTransaction").await;
    charger.answer(&first, "Rejected").await;
    let (second, again) = charger.asked_for("RequestStartTransaction").await;
    assert_eq!(payload["remoteStartId"], again["remoteStartId"]);
    charger.answer(&second, "Rejected").await;
    assert_eq!(house.until(session, SessionState::Failed).await.failure, Some(StartFailure::Rejected));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_boot_is_followed_by_the_meters_variables_and_the_whole_report() {
    let house = House::with(ChargingSettings { meter_interval_s: 15, ..quiet_but_configured() }, patient()).await;
    let mut charger = house.socket_201("CP1").await;
    boot(&mut charger).await;
    let (id, payload) = charger.asked_for("SetVariables").await;
    let asked = json!({ "attributeValue": "15", "component": { "name": "SampledDataCtrlr" }, "variable": { "name": "TxUpdatedInterval" } });
    assert_eq!(payload["setVariableData"], json!([asked]));
    let result = |status: &str, name: &str| json!({ "setVariableResult": [{ "attributeStatus": status, "component": { "name": "SampledDataCtrlr" }, "variable": { "name": name } }] });
    charger.raw.send(format!(r#"[3,"{id}",{}]"#, result("Accepted", "TxUpdatedInterval"))).await.unwrap();
    let (id, payload) = charger.asked_for("SetVariables").await;
    assert_eq!(payload["setVariableData"][0]["variable"]["name"], "TxUpdatedMeasurands");
    charger.raw.send(format!(r#"[3,"{id}",{}]"#, result("UnknownVariable", "TxUpdatedMeasurands"))).await.unwrap();
    let (id, payload) = charger.asked_for("GetBaseReport").await;
    assert_eq!(payload["reportBase"], "FullInventory");
    charger.answer(&id, "Accepted").await;
    let part = |seq_no: i64, tbc: bool, value: &str| {
        json!({
            "requestId": payload["requestId"], "generatedAt": house.time(), "seqNo": seq_no, "tbc": tbc,
            "reportData": [{
                "component": { "name": "EVSE", "evse": { "id": 1 } }, "variable": { "name": format!("Power{seq_no}") },
                "variableAttribute": [{ "value": value, "mutability": "ReadOnly" }],
                "variableCharacteristics": { "dataType": "decimal", "unit": "W", "supportsMonitoring": true }
            }]
        })
    };
    charger.call("NotifyReport", &part(1, false, "22000").to_string()).await;
    charger.call("NotifyReport", &part(0, true, "11000").to_string()).await;
    let facts = house.node.stations.connector(house.connector("CP1", 1)).await.unwrap().unwrap();
    assert_eq!(facts.meter_interval_s, 15);
    let known = Devices::new(house.test.db.clone()).variables(house.id("CP1")).await.unwrap();
    assert_eq!(known.len(), 2);
    assert_eq!((known[1].name.evse_no, known[1].attributes[0].value.as_deref()), (1, Some("22000")));
}

fn quiet_but_configured() -> ChargingSettings {
    ChargingSettings { configure_meters: true, ..quiet() }
}

/// What is only kept.
#[tokio::test]
async fn notifications_are_answered_and_kept() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let time = house.time();
    let said = [
        ("SecurityEventNotification", json!({ "type": "SettingSystemTime", "timestamp": time, "techInfo": "a\u{0}b" })),
        ("FirmwareStatusNotification", json!({ "status": "Downloading", "requestId": 7 })),
        ("LogStatusNotification", json!({ "status": "Uploaded", "requestId": 8 })),
        (
            "NotifyEvent",
            json!({ "generatedAt": time, "seqNo": 0, "eventData": [{
                "eventId": 1, "timestamp": time, "trigger": "Alerting", "actualValue": "95", "eventNotificationType": "HardWiredNotification",
                "component": { "name": "ChargingStation" }, "variable": { "name": "Temperature" }
            }] }),
        ),
        ("ReservationStatusUpdate", json!({ "reservationId": 3, "reservationUpdateStatus": "Expired" })),
    ];
    for (action, payload) in &said {
        assert_eq!(charger.call(action, &payload.to_string()).await, json!({}), "{action}");
    }
    let kept = Devices::new(house.test.db.clone()).events(house.id("CP1"), 10).await.unwrap();
    let kinds: Vec<_> = kept.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["reservation_status_update", "event", "log_status", "firmware_status", "security_event"]);
    assert_eq!(charger.call("DataTransfer", r#"{"vendorId":"x"}"#).await["status"], "UnknownVendorId");
    assert!(charger.call("Heartbeat", "{}").await["currentTime"].is_string());
    charger.call("MeterValues", &json!({ "evseId": 0, "meterValue": reading("Sample.Clock", 5, &time) }).to_string()).await;
}

#[tokio::test]
async fn what_is_not_done_and_what_is_unknown_are_told_apart() {
    let house = House::open().await;
    let mut charger = house.socket_201("CP1").await;
    for (action, code) in [("StartTransaction", "NotImplemented"), ("Reset", "NotSupported")] {
        let answer = charger.raw.call(action, "{}").await.unwrap();
        let frame: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&frame[0], &frame[2]), (&json!(4), &json!(code)), "{action}");
    }
    // The version's own spelling.
    let answer = charger.raw.call("Authorize", "[]").await.unwrap();
    assert!(answer.contains("FormatViolation"), "{answer}");
}

#[tokio::test]
async fn a_reset_and_the_question_how_it_is_are_said_in_2_0_1() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    house.charging().reset(house.id("CP1"), ResetKind::Soft, "1").await.unwrap();
    let (id, payload) = charger.asked_for("Reset").await;
    assert_eq!(payload, json!({ "type": "OnIdle" }));
    charger.answer(&id, "Scheduled").await;
    charger.vanish();
    let settings = csms::CsmsSettings { ask_status_after: std::time::Duration::from_millis(20), ..patient() };
    let house = house.restart_with(settings).await;
    let mut charger = house.socket_201("CP1").await;
    let (_, payload) = charger.asked_for("TriggerMessage").await;
    assert_eq!(payload, json!({ "requestedMessage": "StatusNotification" }));
}
