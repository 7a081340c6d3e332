//! A central system with one station, and charge points that say what the test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::i18n::Locale;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use csms::{Csms, CsmsSettings};
use domain::charging::hold::Limit;
use domain::charging::session::{SessionState, StopReason};
use domain::stations::PlugType;
use domain::{ChargePointId, CommandId, ConnectorId, OcppIdentity, OrderId, SessionId, Tyiyn, Watt};
use platform::charging::{
    BeginRefusal, Charging, ChargingSettings, CommandView, Ingest, PayerKind, SessionSnapshot, StartRequest,
};
use platform::ledger::{self, AccountCode, NewEntry};
use platform::ocpp_logs::{LoggedFrame, OcppLogs};
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, Stations};
use platform::tariffs::Tariffs;
use platform::testing::TestDb;
use platform::{Bus, Db, LocalBus, db, invariants};
use serde_json::Value;
use simulator::raw::{RawClient, RawError, RawFrame, RawRequest};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Wait for a condition this long at most; a loaded machine is slow, a broken one never gets there.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct House {
    pub test: TestDb,
    pub node: Node,
    pub points: Vec<SeededChargePoint>,
    pub charging_settings: ChargingSettings,
}

/// What runs in one process.
pub struct Node {
    pub db: Db,
    pub stations: Stations,
    pub charging: Charging,
    pub csms: Csms,
    pub logs: OcppLogs,
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Node {
    pub async fn start(db: Db, name: &str, charging: ChargingSettings, csms: CsmsSettings) -> Self {
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        let stations = Stations::new(db.clone(), bus.clone());
        let logs = OcppLogs::new(db.clone());
        logs.ensure_partitions().await.unwrap();
        stations.forget_connections_of(name).await.unwrap();
        let charging = Charging::new(db.clone(), bus.clone(), charging);
        let csms = Csms::new(
            stations.clone(),
            charging.clone(),
            Ingest::start(&charging),
            bus,
            CsmsSettings { node: name.to_owned(), ..csms },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let service = axum::serve(listener, csms::router(csms.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
        let serving = db.tracker().spawn(async move { service.await.unwrap() });
        Self { db, stations, charging, csms, logs, address, stop, serving }
    }

    /// Stops as a server does. Nothing is left in memory.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.csms.shut_down().await;
        self.serving.await.unwrap();
        drop(self.csms);
        self.db.close().await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }
}

/// What most stories need: no commands but their own.
pub fn quiet() -> ChargingSettings {
    ChargingSettings { configure_meters: false, ..ChargingSettings::default() }
}

/// Asks for nothing by itself within a test.
pub fn patient() -> CsmsSettings {
    CsmsSettings { ask_status_after: Duration::from_secs(3600), ..CsmsSettings::default() }
}

fn connector(label: &str, plug: PlugType, watts: i64, tariff: domain::TariffId) -> SeedConnector {
    SeedConnector { label: label.to_owned(), plug, max_power: Watt::new(watts), tariff, code: None }
}

impl House {
    pub async fn open() -> Self {
        Self::with(quiet(), patient()).await
    }

    pub async fn with(charging_settings: ChargingSettings, csms_settings: CsmsSettings) -> Self {
        let test = TestDb::new().await;
        let node = Node::start(test.another_node().await, "one", charging_settings.clone(), csms_settings).await;
        let tariff = Tariffs::new(test.db.clone()).ensure_standard("Standard").await.unwrap();
        let point =
            |identity: &str, connectors| SeedChargePoint { identity: OcppIdentity::parse(identity).unwrap(), connectors };
        let plan = DemoPlan {
            partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7000 },
            stations: vec![SeedStation {
                name: "Ala-Too".into(),
                address: "Chüy 1".into(),
                latitude_e7: 428_700_000,
                longitude_e7: 745_900_000,
                helpline: "+996312000000".into(),
                seller_name: "Red Petroleum EV".into(),
                seller_tin: "22222222222222".into(),
                charge_points: vec![
                    point(
                        "CP1",
                        vec![connector("A", PlugType::Type2, 22_000, tariff), connector("B", PlugType::Type2, 22_000, tariff)],
                    ),
                    point("CP2", vec![connector("A", PlugType::Type2, 22_000, tariff)]),
                ],
            }],
        };
        let points = node.stations.seed(plan).await.unwrap();
        Self { test, node, points, charging_settings }
    }

    /// The process ends and another one begins, with the same database.
    pub async fn restart(self) -> Self {
        self.restart_with(patient()).await
    }

    pub async fn restart_with(self, csms: CsmsSettings) -> Self {
        let Self { test, node, points, charging_settings } = self;
        node.shut_down().await;
        let node = Node::start(test.another_node().await, "one", charging_settings.clone(), csms).await;
        Self { test, node, points, charging_settings }
    }

    pub fn charging(&self) -> &Charging {
        &self.node.charging
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.test.db.now()
    }

    /// The clock's time as a charge point writes it.
    pub fn time(&self) -> String {
        self.now().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub fn pass(&self, time: TimeDelta) {
        self.test.clock.advance(time);
    }

    pub fn point(&self, identity: &str) -> &SeededChargePoint {
        self.points.iter().find(|p| p.identity.as_str() == identity).unwrap()
    }

    pub fn id(&self, identity: &str) -> ChargePointId {
        self.point(identity).id
    }

    pub fn connector(&self, identity: &str, evse_no: i32) -> ConnectorId {
        self.point(identity).connectors.iter().find(|c| c.evse_no == evse_no).unwrap().id
    }

    pub fn request(&self, identity: &str) -> RawRequest {
        self.request_in(identity, "ocpp1.6")
    }

    pub fn request_in(&self, identity: &str, subprotocol: &str) -> RawRequest {
        let password = &self.point(identity).password;
        RawRequest::new(self.node.url(&format!("/ocpp/{identity}"))).subprotocol(subprotocol).basic(identity, password)
    }

    /// A socket, and nothing said yet.
    pub async fn socket(&self, identity: &str) -> Charger {
        Charger { raw: RawClient::connect(self.request(identity)).await.unwrap() }
    }

    /// A charge point that has booted and whose connectors are free.
    pub async fn charger(&self, identity: &str) -> Charger {
        let mut charger = self.socket(identity).await;
        charger.boot().await;
        for connector in &self.point(identity).connectors {
            charger.status(connector.evse_no, "Available").await;
        }
        charger
    }

    /// A guest has paid this much and wants to charge at the first connector.
    pub async fn begin(&self, identity: &str, som: i64) -> SessionId {
        self.begin_at(self.connector(identity, 1), som).await.unwrap()
    }

    pub async fn begin_at(&self, connector_id: ConnectorId, som: i64) -> Result<SessionId, BeginRefusal> {
        self.begin_limited(connector_id, som, Limit::Amount(Tyiyn::from_som(som).unwrap())).await
    }

    /// The same with a limit of its own.
    pub async fn begin_limited(&self, connector_id: ConnectorId, som: i64, limit: Limit) -> Result<SessionId, BeginRefusal> {
        let charging = self.charging().clone();
        let amount = Tyiyn::from_som(som).unwrap();
        db::tx(&self.node.db, move |mut tx| {
            let charging = charging.clone();
            async move {
                let order = OrderId::from_uuid(tx.uuid());
                let payer_account = AccountCode::GuestOrder(order);
                let paid = NewEntry::new("paid", format!("paid:{order}"), "Paid", tx.now())
                    .debit(AccountCode::NambaClearing, amount)
                    .credit(payer_account.clone(), amount);
                ledger::post(&mut tx, &paid).await.map_err(platform::charging::ChargingError::from)?;
                let request = StartRequest {
                    connector_id,
                    payer_kind: PayerKind::Guest,
                    payer_id: Uuid::nil(),
                    payer_account,
                    locale: Locale::Ru,
                    limit: Some(limit),
                    agreed: amount,
                    contract: None,
                    payment_reference: Some("12345".into()),
                };
                charging.begin(&mut tx, request).await
            }
        })
        .await
    }

    /// A paid session whose transaction runs.
    pub async fn charge(&self, charger: &mut Charger, identity: &str, som: i64) -> Running {
        let session = self.begin(identity, som).await;
        let id_tag = charger.accept_start().await;
        let transaction = charger.start(1, &id_tag, 1_000_000, &self.time()).await;
        Running { session, id_tag, transaction }
    }

    pub async fn see(&self, session: SessionId) -> SessionSnapshot {
        self.charging().snapshot(session).await.unwrap()
    }

    pub async fn until(&self, session: SessionId, state: SessionState) -> SessionSnapshot {
        self.until_seen(session, |s| s.state == state).await
    }

    /// Waits until the session looks like that.
    pub async fn until_seen(&self, session: SessionId, fits: impl Fn(&SessionSnapshot) -> bool) -> SessionSnapshot {
        let mut changes = tokio::time::interval(Duration::from_millis(5));
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let seen = self.see(session).await;
                if fits(&seen) {
                    return seen;
                }
                changes.tick().await;
            }
        });
        match waited.await {
            Ok(seen) => seen,
            Err(_) => panic!("still {:?}", self.see(session).await),
        }
    }

    /// Waits until the charge point is known to have a link, or to have none.
    pub async fn until_online(&self, identity: &str, online: bool) {
        let connector = self.connector(identity, 1);
        let mut changes = tokio::time::interval(Duration::from_millis(5));
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.node.stations.connector(connector).await.unwrap().unwrap().online != online {
                changes.tick().await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{identity} is still not {}", if online { "online" } else { "offline" }));
    }

    /// A number, asked of the database itself.
    pub async fn number(&self, query: &'static str) -> i64 {
        self.test.number(query).await
    }

    pub async fn stop(&self, session: SessionId) {
        self.charging().request_stop(session, StopReason::Payer).await.unwrap();
    }

    /// Waits until nothing more will come of a command.
    pub async fn ended(&self, command: CommandId) -> CommandView {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let seen = self.charging().command(command).await.unwrap().unwrap();
                if seen.state.is_final() {
                    return seen;
                }
                looks.tick().await;
            }
        });
        waited.await.expect("the command ends")
    }

    /// The clock is looked at.
    pub async fn tick(&self) {
        let report = self.charging().tick().await.unwrap();
        assert_eq!(report.failures, 0);
    }

    /// The newest frames of a charge point, oldest first.
    pub async fn frames(&self, identity: &str) -> Vec<LoggedFrame> {
        let mut frames = self.node.logs.tail(self.id(identity), None, 500).await.unwrap();
        frames.reverse();
        frames
    }

    /// Nothing that must always hold is broken.
    pub async fn is_in_order(&self) {
        let violations = invariants::check(&self.test.db, CHECKS).await.unwrap();
        assert_eq!(violations, []);
    }
}

/// Those of the modules that have a part here: the guest's orders are not.
const CHECKS: &[invariants::Check] = &[ledger::check, platform::charging::check, platform::receipts::check];

/// A session that charges.
pub struct Running {
    pub session: SessionId,
    pub id_tag: String,
    pub transaction: i64,
}

/// A charge point, as far as the test plays it.
pub struct Charger {
    pub raw: RawClient,
}

impl Charger {
    /// Says something and returns the payload of the answer.
    pub async fn call(&mut self, action: &str, payload: &str) -> Value {
        let answer = self.raw.call(action, payload).await.unwrap();
        let frame: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(frame[0], 3, "{action} was refused: {answer}");
        frame[2].clone()
    }

    pub async fn boot(&mut self) {
        let answer = self.call("BootNotification", r#"{"chargePointVendor":"Acme","chargePointModel":"One"}"#).await;
        assert_eq!(answer["status"], "Accepted");
    }

    pub async fn status(&mut self, connector: i32, status: &str) {
        self.call("StatusNotification", &format!(r#"{{"connectorId":{connector},"errorCode":"NoError","status":"{status}"}}"#))
            .await;
    }

    /// The next thing that the central system asks for.
    pub async fn asked(&mut self) -> (String, String, Value) {
        let text = self.raw.text().await.unwrap();
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame[0], 2, "not a call: {text}");
        (frame[1].as_str().unwrap().to_owned(), frame[2].as_str().unwrap().to_owned(), frame[3].clone())
    }

    /// The next thing, which must be this.
    pub async fn asked_for(&mut self, action: &str) -> (String, Value) {
        let (id, asked, payload) = self.asked().await;
        assert_eq!(asked, action, "{payload}");
        (id, payload)
    }

    pub async fn answer(&mut self, id: &str, status: &str) {
        self.raw.send(format!(r#"[3,"{id}",{{"status":"{status}"}}]"#)).await.unwrap();
    }

    /// Says yes to a RemoteStart; its tag.
    pub async fn accept_start(&mut self) -> String {
        let (id, payload) = self.asked_for("RemoteStartTransaction").await;
        self.answer(&id, "Accepted").await;
        payload["idTag"].as_str().unwrap().to_owned()
    }

    /// Says yes to a RemoteStop of this transaction.
    pub async fn accept_stop(&mut self, transaction: i64) {
        let (id, payload) = self.asked_for("RemoteStopTransaction").await;
        assert_eq!(payload["transactionId"], transaction);
        self.answer(&id, "Accepted").await;
    }

    /// Starts a transaction that is accepted; its id.
    pub async fn start(&mut self, connector: i32, id_tag: &str, meter_start_wh: i64, time: &str) -> i64 {
        let (transaction, status) = self.try_start(connector, id_tag, meter_start_wh, time).await;
        assert_eq!(status, "Accepted");
        transaction
    }

    pub async fn try_start(&mut self, connector: i32, id_tag: &str, meter_start_wh: i64, time: &str) -> (i64, String) {
        let payload = start_payload(connector, id_tag, meter_start_wh, time);
        let answer = self.call("StartTransaction", &payload).await;
        (answer["transactionId"].as_i64().unwrap(), answer["idTagInfo"]["status"].as_str().unwrap().to_owned())
    }

    pub async fn meter(&mut self, transaction: i64, register_wh: i64, time: &str) {
        let payload = meter_payload(Some(transaction), register_wh, time);
        assert_eq!(self.call("MeterValues", &payload).await, serde_json::json!({}));
    }

    /// Readings of a connector as some charger writes them: `sampled` is the inside of `sampledValue`.
    pub async fn sampled(&mut self, connector: i32, transaction: i64, time: &str, sampled: &str) {
        let payload = format!(
            r#"{{"connectorId":{connector},"transactionId":{transaction},"meterValue":[{{"timestamp":"{time}","sampledValue":[{sampled}]}}]}}"#
        );
        assert_eq!(self.call("MeterValues", &payload).await, serde_json::json!({}));
    }

    pub async fn end(&mut self, transaction: i64, meter_stop_wh: i64, time: &str, reason: &str) {
        let payload = stop_payload(transaction, meter_stop_wh, time, reason);
        self.call("StopTransaction", &payload).await;
    }

    /// The link breaks without a word.
    pub fn vanish(self) {}

    pub async fn closed(&mut self) -> Option<u16> {
        self.raw.closed().await.unwrap()
    }

    /// Whether nothing but pings and answers to what was said has come.
    pub async fn was_asked_nothing(&mut self) {
        // What was queued before this call would have come before its answer.
        self.call("Heartbeat", "{}").await;
        self.raw.ping().await.unwrap();
        match self.raw.frame().await.unwrap() {
            RawFrame::Pong | RawFrame::Ping => {}
            other => panic!("asked: {other:?}"),
        }
    }
}

pub fn start_payload(connector: i32, id_tag: &str, meter_start_wh: i64, time: &str) -> String {
    format!(r#"{{"connectorId":{connector},"idTag":"{id_tag}","meterStart":{meter_start_wh},"timestamp":"{time}"}}"#)
}

pub fn meter_payload(transaction: Option<i64>, register_wh: i64, time: &str) -> String {
    let transaction = transaction.map(|id| format!(r#""transactionId":{id},"#)).unwrap_or_default();
    format!(
        r#"{{"connectorId":1,{transaction}"meterValue":[{{"timestamp":"{time}","sampledValue":[{{"value":"{register_wh}","unit":"Wh","measurand":"Energy.Active.Import.Register"}}]}}]}}"#
    )
}

pub fn stop_payload(transaction: i64, meter_stop_wh: i64, time: &str, reason: &str) -> String {
    format!(r#"{{"transactionId":{transaction},"meterStop":{meter_stop_wh},"timestamp":"{time}","reason":"{reason}"}}"#)
}

/// The status of a refused handshake.
pub async fn refused(request: RawRequest) -> u16 {
    match RawClient::connect(request).await {
        Err(RawError::Refused { status, .. }) => status,
        other => panic!("not refused: {other:?}"),
    }
}
