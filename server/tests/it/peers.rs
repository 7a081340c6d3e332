//! Charge points that nobody here wrote: the public packages `ocpp` (Python) and `ocpp-rpc` (Node). Their copies of the official
//! schemas check every frame that we send, and the guests never notice whom they charge at.
//!
//! The programs beside (`server/tests/peers/`) play what the test says and tell what they were asked; a frame that breaks the
//! standard is a fault, and a fault ends the test. `scripts/setup test` installs both packages from lock files.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use domain::guest::GuestPhase;
use platform::audit::Actor;
use platform::charging::{Charging, ChargingSettings, CommandState, ResetKind};
use platform::stations::{Lease, Stations};
use platform::{Clock as _, LocalBus};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::app::{TestApp, eventually};

/// Something is answered, or never will be.
const PATIENCE: Duration = Duration::from_secs(40);
const IDENTITY: &str = "RP-CHUY-2";
const CODE: &str = "CHUYB2";

/// Who plays the charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Package {
    PythonOcpp,
    NodeOcppRpc,
}

const PACKAGES: [Package; 2] = [Package::PythonOcpp, Package::NodeOcppRpc];

impl Package {
    fn program(self) -> Command {
        let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        match self {
            Self::PythonOcpp => {
                let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
                let caches = || std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("red-petroleum-ev");
                let cache = std::env::var_os("EVP_CACHE").map_or_else(caches, PathBuf::from);
                let python = cache.join("peers/bin/python");
                assert!(python.exists(), "{} is not there: run scripts/setup test", python.display());
                let mut command = Command::new(python);
                command.arg(scripts.join("chargepoint.py"));
                command
            }
            Self::NodeOcppRpc => {
                let mut command = Command::new("node");
                command.arg(scripts.join("chargepoint.mjs"));
                command
            }
        }
    }
}

/// A charge point of another house, as a process.
struct Peer {
    process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it was asked while something else was waited for.
    asked: VecDeque<(String, Value)>,
}

impl Peer {
    async fn connect(package: Package, app: &TestApp) -> Self {
        Self::connect_in(package, app, "ocpp1.6").await
    }

    async fn connect_in(package: Package, app: &TestApp, subprotocol: &str) -> Self {
        let known = app.world.charge_points.iter().find(|c| c.identity.as_str() == IDENTITY).unwrap();
        let url = format!("{}/ocpp", app.url.replacen("http", "ws", 1));
        let mut process = package
            .program()
            .args([&url, IDENTITY, &known.password, subprotocol])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{package:?} does not start: {error}"));
        let stdin = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut peer = Self { process, stdin, lines, asked: VecDeque::new() };
        assert_eq!(peer.line().await, json!({ "open": subprotocol }));
        peer
    }

    /// A charge point that has introduced itself and whose two connectors are free.
    async fn booted(package: Package, app: &TestApp) -> Self {
        let mut peer = Self::connect(package, app).await;
        let facts = json!({
            "chargePointVendor": "Independent", "chargePointModel": format!("{package:?}"), "firmwareVersion": "1.0",
        });
        assert_eq!(peer.call("BootNotification", facts).await["status"], "Accepted");
        for connector in 0..=2 {
            peer.status(connector, "Available").await;
        }
        peer
    }

    /// The same as a station of OCPP 2.0.1 with two EVSEs.
    async fn booted_201(package: Package, app: &TestApp) -> Self {
        let mut peer = Self::connect_in(package, app, "ocpp2.0.1").await;
        let station = json!({ "vendorName": "Independent", "model": format!("{package:?}"), "firmwareVersion": "1.0" });
        let answer = peer.call("BootNotification", json!({ "reason": "PowerUp", "chargingStation": station })).await;
        assert_eq!(answer["status"], "Accepted");
        for evse in 1..=2 {
            peer.status_201(app, evse, "Available").await;
        }
        peer
    }

    async fn status_201(&mut self, app: &TestApp, evse: i32, status: &str) {
        let payload = json!({ "timestamp": time(app), "connectorStatus": status, "evseId": evse, "connectorId": 1 });
        assert_eq!(self.call("StatusNotification", payload).await, json!({}));
    }

    /// An event of the transaction `tx-1`; the answer.
    async fn event(&mut self, app: &TestApp, seq_no: i64, kind: &str, trigger: &str, more: Value) -> Value {
        let mut event = json!({
            "eventType": kind, "timestamp": time(app), "triggerReason": trigger, "seqNo": seq_no,
            "transactionInfo": { "transactionId": "tx-1" }, "evse": { "id": 1, "connectorId": 1 },
        });
        for (field, value) in more.as_object().unwrap() {
            event[field] = value.clone();
        }
        self.call("TransactionEvent", event).await
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("the peer says nothing").unwrap();
        let line: Value = serde_json::from_str(&line.expect("the peer has ended")).unwrap();
        assert!(line.get("fault").is_none(), "the standard is broken: {line}");
        line
    }

    async fn say(&mut self, what: Value) {
        self.stdin.write_all(format!("{what}\n").as_bytes()).await.unwrap();
    }

    /// Sends a CALL; the payload of its CALLRESULT.
    async fn call(&mut self, action: &str, payload: Value) -> Value {
        self.say(json!({ "call": action, "payload": payload })).await;
        loop {
            let mut line = self.line().await;
            if let Some(asked) = line["asked"].as_str() {
                self.asked.push_back((asked.to_owned(), line["payload"].take()));
                continue;
            }
            return line.get_mut("result").unwrap_or_else(|| panic!("{action} was refused")).take();
        }
    }

    /// Waits until the central system asks for this; what else it asks for meanwhile is answered by the package.
    async fn asked_for(&mut self, action: &str) -> Value {
        loop {
            while let Some((asked, payload)) = self.asked.pop_front() {
                if asked == action {
                    return payload;
                }
            }
            let mut line = self.line().await;
            let asked = line["asked"].as_str().unwrap_or_else(|| panic!("{action} never came, but {line}")).to_owned();
            self.asked.push_back((asked, line["payload"].take()));
        }
    }

    /// From now on the answer to that CALL.
    async fn will_answer(&mut self, action: &str, answer: Value) {
        self.say(json!({ "answer": action, "with": answer })).await;
    }

    async fn status(&mut self, connector: i32, status: &str) {
        let payload = json!({ "connectorId": connector, "errorCode": "NoError", "status": status });
        assert_eq!(self.call("StatusNotification", payload).await, json!({}));
    }

    async fn start(&mut self, app: &TestApp, id_tag: &str) -> i64 {
        let authorized = self.call("Authorize", json!({ "idTag": id_tag })).await;
        assert_eq!(authorized["idTagInfo"]["status"], "Accepted");
        self.status(1, "Preparing").await;
        let payload = json!({ "connectorId": 1, "idTag": id_tag, "meterStart": 1_000_000, "timestamp": time(app) });
        let started = self.call("StartTransaction", payload).await;
        assert_eq!(started["idTagInfo"]["status"], "Accepted");
        self.status(1, "Charging").await;
        started["transactionId"].as_i64().unwrap()
    }

    async fn meter(&mut self, app: &TestApp, transaction: i64, register_wh: i64) {
        let sampled = json!([
            { "value": register_wh.to_string(), "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic" },
            { "value": "60000", "measurand": "Power.Active.Import", "unit": "W" },
            { "value": "41", "measurand": "SoC", "unit": "Percent", "location": "EV" },
        ]);
        let values = json!([{ "timestamp": time(app), "sampledValue": sampled }]);
        let payload = json!({ "connectorId": 1, "transactionId": transaction, "meterValue": values });
        assert_eq!(self.call("MeterValues", payload).await, json!({}));
    }

    async fn end(&mut self, app: &TestApp, transaction: i64, register_wh: i64, reason: &str) {
        let payload = json!({
            "transactionId": transaction, "meterStop": register_wh, "timestamp": time(app), "reason": reason,
        });
        self.call("StopTransaction", payload).await;
        self.status(1, "Finishing").await;
        self.status(1, "Available").await;
    }

    /// The process is killed: nobody says goodbye.
    async fn vanish(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// What the world's clock shows, as a charge point writes it.
fn time(app: &TestApp) -> String {
    app.world.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn is_paid_and_refunded(app: &TestApp, paid_tyiyn: i64, energy_wh: i64) {
    assert_eq!(app.number("select paid_tyiyn from payment_order").await, paid_tyiyn);
    assert_eq!(app.number("select energy_wh from charging_transaction").await, energy_wh);
    let billed = app.number("select billed_tyiyn from charging_session").await;
    assert!(billed > 0);
    let refunded = eventually("the rest is refunded", || async {
        let done = app.number("select coalesce(sum(amount_tyiyn), 0)::bigint from refund where state = 'completed'").await;
        (done > 0).then_some(done)
    })
    .await;
    assert_eq!(paid_tyiyn, billed + refunded);
    app.world.assert_invariants().await;
}

async fn a_guest_charges_stops_and_gets_the_rest_back(package: Package) {
    let app = TestApp::start().await;
    let mut peer = Peer::booted(package, &app).await;
    let mut guest = app.guest(CODE);

    assert!(guest.scan().await.has("pay"));
    guest.pay(500).await;
    let asked = peer.asked_for("RemoteStartTransaction").await;
    assert_eq!(asked["connectorId"], 1);
    guest.until(GuestPhase::PlugIn).await;
    let transaction = peer.start(&app, asked["idTag"].as_str().unwrap()).await;
    guest.until(GuestPhase::Charging).await;
    for minutes in 1..=5 {
        app.world.clock.advance(TimeDelta::minutes(1));
        peer.meter(&app, transaction, 1_000_000 + minutes * 1_000).await;
    }
    assert_eq!(guest.stop().await, 303);
    let stop = peer.asked_for("RemoteStopTransaction").await;
    assert_eq!(stop["transactionId"], transaction);
    peer.end(&app, transaction, 1_005_000, "Remote").await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("payer"));
    assert!(page.has("bill") && guest.pdf().await.starts_with(b"%PDF"));
    is_paid_and_refunded(&app, 50_000, 5_000).await;
}

async fn a_session_stops_by_itself_also_after_a_lost_link(package: Package) {
    let app = TestApp::start().await;
    let mut peer = Peer::booted(package, &app).await;
    let mut guest = app.guest(CODE);

    guest.pay(500).await;
    let asked = peer.asked_for("RemoteStartTransaction").await;
    let transaction = peer.start(&app, asked["idTag"].as_str().unwrap()).await;
    app.world.clock.advance(TimeDelta::minutes(1));
    peer.meter(&app, transaction, 1_001_000).await;
    peer.vanish().await;
    let mut peer = Peer::connect(package, &app).await;
    let mut register = 1_001_000;
    // The stop is asked for in the commit of a reading: no time passes until it is delivered.
    while app.number("select count(*) from charging_session where state = 'charging'").await == 1 {
        assert!(register < 1_050_000, "never stopped");
        app.world.clock.advance(TimeDelta::minutes(1));
        register += 1_000;
        peer.meter(&app, transaction, register).await;
    }
    let stop = peer.asked_for("RemoteStopTransaction").await;
    assert_eq!(stop["transactionId"], transaction);
    peer.end(&app, transaction, register, "Remote").await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("limit"));
    is_paid_and_refunded(&app, 50_000, register - 1_000_000).await;
}

async fn a_charge_point_that_refuses_costs_nothing(package: Package) {
    let app = TestApp::start().await;
    let mut peer = Peer::booted(package, &app).await;
    peer.will_answer("RemoteStartTransaction", json!({ "status": "Rejected" })).await;
    let mut guest = app.guest(CODE);

    guest.pay(500).await;
    peer.asked_for("RemoteStartTransaction").await;
    peer.asked_for("RemoteStartTransaction").await;
    let page = guest.until(GuestPhase::FailedRefunded).await;

    assert_eq!(page.attribute("data-failure"), Some("rejected"));
    app.world.assert_invariants().await;
}

/// A reading of the register as 2.0.1 has it.
fn reading(app: &TestApp, context: &str, register_wh: i64) -> Value {
    json!([{ "timestamp": time(app), "sampledValue": [
        { "value": register_wh, "context": context, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": { "unit": "Wh" } },
        { "value": 60_000.5, "measurand": "Power.Active.Import", "unitOfMeasure": { "unit": "W" } },
    ] }])
}

async fn a_guest_charges_at_a_station_of_2_0_1(package: Package) {
    let app = TestApp::start().await;
    let mut peer = Peer::booted_201(package, &app).await;
    let mut guest = app.guest(CODE);

    guest.pay(500).await;
    let asked = peer.asked_for("RequestStartTransaction").await;
    guest.until(GuestPhase::PlugIn).await;
    peer.status_201(&app, 1, "Occupied").await;
    let token = json!({ "idToken": asked["idToken"] });
    assert_eq!(peer.call("Authorize", token.clone()).await["idTokenInfo"]["status"], "Accepted");
    let begun = json!({
        "idToken": asked["idToken"], "meterValue": reading(&app, "Transaction.Begin", 1_000_000),
        "transactionInfo": { "transactionId": "tx-1", "chargingState": "Charging", "remoteStartId": asked["remoteStartId"] },
    });
    assert_eq!(peer.event(&app, 0, "Started", "RemoteStart", begun).await["idTokenInfo"]["status"], "Accepted");
    guest.until(GuestPhase::Charging).await;
    for minutes in 1..=5 {
        app.world.clock.advance(TimeDelta::minutes(1));
        let values = json!({ "meterValue": reading(&app, "Sample.Periodic", 1_000_000 + minutes * 1_000) });
        peer.event(&app, minutes, "Updated", "MeterValuePeriodic", values).await;
    }
    assert_eq!(guest.stop().await, 303);
    assert_eq!(peer.asked_for("RequestStopTransaction").await["transactionId"], "tx-1");
    let ended = json!({
        "meterValue": reading(&app, "Transaction.End", 1_005_000),
        "transactionInfo": { "transactionId": "tx-1", "stoppedReason": "Remote" },
    });
    let answer = peer.event(&app, 6, "Ended", "RemoteStop", ended).await;
    peer.status_201(&app, 1, "Available").await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("payer"));
    let billed = app.number("select billed_tyiyn from charging_session").await;
    assert_eq!(
        answer["totalCost"].as_f64().map(|som| format!("{som:.2}")),
        Some(format!("{}.{:02}", billed / 100, billed % 100))
    );
    is_paid_and_refunded(&app, 50_000, 5_000).await;
}

/// Every message that staff may send, in the version's own words.
async fn every_message_of_staff_is_such_as_the_schemas_know(package: Package, subprotocol: &str) {
    let app = TestApp::start().await;
    let mut peer = Peer::connect_in(package, &app, subprotocol).await;
    let charge_point = app.world.charge_points.iter().find(|c| c.identity.as_str() == IDENTITY).unwrap().id;
    let db = app.world.database.with_system_clock().await;
    let (bus, settings) = (Arc::new(LocalBus::new()), ChargingSettings::default());
    let (stations, charging) = (Stations::new(db.clone(), bus.clone()), Charging::new(db, bus, settings));
    let messages: Value = serde_json::from_str(include_str!("../peers/messages.json")).unwrap();
    let messages = messages[subprotocol].as_array().unwrap();
    // All at once: they go out one after the other.
    let mut commands = vec![];
    for message in messages {
        let (action, payload) = (message[0].as_str().unwrap(), message[1].to_string());
        let within = TimeDelta::seconds(60);
        let sent = csms::operator::send(&stations, &charging, charge_point, (action, &payload), action, within, Actor::System);
        commands.push((action, sent.await.unwrap_or_else(|error| panic!("{action}: {error}"))));
    }
    for message in messages {
        let action = message[0].as_str().unwrap();
        assert_eq!(peer.asked_for(action).await, message[1], "{action}");
    }
    for (action, command) in commands {
        let seen = eventually(action, || async {
            charging.command(command).await.unwrap().filter(|command| command.state.is_final())
        })
        .await;
        assert_ne!(seen.state, CommandState::Failed, "{action}: {:?}", seen.answer);
    }
}

/// What staff and the watch over connections ask for, beside a session's own commands.
async fn commands_are_such_as_the_schemas_know(package: Package) {
    let app = TestApp::start().await;
    let mut peer = Peer::connect(package, &app).await;
    let charge_point = app.world.charge_points.iter().find(|c| c.identity.as_str() == IDENTITY).unwrap().id;
    // As another node would ask: through the outbox.
    let db = app.world.database.with_system_clock().await;
    let charging = Charging::new(db, Arc::new(LocalBus::new()), ChargingSettings::default());
    charging.ask_status(Lease { charge_point, epoch: 1 }).await.unwrap();
    charging.reset(charge_point, ResetKind::Soft, "1").await.unwrap();
    charging.reset(charge_point, ResetKind::Hard, "2").await.unwrap();

    assert_eq!(peer.asked_for("TriggerMessage").await["requestedMessage"], "BootNotification");
    assert_eq!(peer.asked_for("TriggerMessage").await["requestedMessage"], "StatusNotification");
    assert_eq!(peer.asked_for("Reset").await["type"], "Soft");
    assert_eq!(peer.asked_for("Reset").await["type"], "Hard");
    eventually("all of them are accepted", || async {
        (app.number("select count(*) from command where state = 'accepted'").await == 4).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_charges_at_independent_stations_of_2_0_1() {
    for package in PACKAGES {
        a_guest_charges_at_a_station_of_2_0_1(package).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_charge_points_understand_all_that_staff_sends() {
    for package in PACKAGES {
        every_message_of_staff_is_such_as_the_schemas_know(package, "ocpp1.6").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_stations_of_2_0_1_understand_all_that_staff_sends() {
    for package in PACKAGES {
        every_message_of_staff_is_such_as_the_schemas_know(package, "ocpp2.0.1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_charge_points_understand_every_command() {
    for package in PACKAGES {
        commands_are_such_as_the_schemas_know(package).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_charges_at_independent_charge_points_and_gets_the_rest_back() {
    for package in PACKAGES {
        a_guest_charges_stops_and_gets_the_rest_back(package).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_charge_points_are_stopped_at_the_limit_also_after_a_lost_link() {
    for package in PACKAGES {
        a_session_stops_by_itself_also_after_a_lost_link(package).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_charge_points_that_refuse_cost_nothing() {
    for package in PACKAGES {
        a_charge_point_that_refuses_costs_nothing(package).await;
    }
}
