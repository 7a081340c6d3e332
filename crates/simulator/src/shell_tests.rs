//! The shell over real sockets, against a central system of a few lines.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use ocpp::Frame;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::load::{self, LoadPlan, Work};
use crate::{
    Car, ClientConfig, Config, ConnectError, Fault, RawClient, RawError, RawFrame, RawRequest, Version, VirtualChargePoint,
    system_clock,
};

/// What a charge point said when it knocked.
struct Handshake {
    path: String,
    subprotocol: String,
    authorization: String,
}

/// Accepts everything of whoever knows the password.
#[derive(Clone)]
struct Csms {
    port: u16,
    to_all: broadcast::Sender<String>,
    next_transaction: Arc<AtomicI64>,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
    tasks: TaskTracker,
}

const PASSWORD: &str = "a password of the test";

impl Csms {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let this = Self {
            port: listener.local_addr().expect("an address").port(),
            to_all: broadcast::Sender::new(16),
            next_transaction: Arc::new(AtomicI64::new(1)),
            handshakes: Arc::default(),
            tasks: TaskTracker::new(),
        };
        let csms = this.clone();
        this.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                csms.tasks.spawn(csms.clone().serve(stream));
            }
        });
        this
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/ocpp", self.port)
    }

    #[allow(clippy::result_large_err, reason = "the library's callback returns a whole response")]
    async fn serve(self, stream: TcpStream) {
        let check = |request: &Request, mut response: Response| {
            let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            self.handshakes.lock().expect("unpoisoned").push(Handshake {
                path: request.uri().path().to_owned(),
                subprotocol: header("sec-websocket-protocol").to_owned(),
                authorization: header("authorization").to_owned(),
            });
            let identity = request.uri().path().trim_start_matches("/ocpp/").trim_end_matches('/').to_owned();
            if !header("authorization").eq_ignore_ascii_case(&crate::client::basic_auth(&identity, PASSWORD)) {
                let mut refusal = ErrorResponse::new(Some("who are you?".to_owned()));
                *refusal.status_mut() = 401.try_into().expect("a status");
                return Err(refusal);
            }
            if header("sec-websocket-protocol") == "ocpp2.0.1" {
                response.headers_mut().insert("sec-websocket-protocol", "ocpp2.0.1".parse().expect("a header"));
            } else if header("sec-websocket-protocol").contains("ocpp1.6") {
                response.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().expect("a header"));
            }
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, check).await else { return };
        let mut commands = self.to_all.subscribe();
        loop {
            let text = tokio::select! {
                Ok(command) = commands.recv() => command,
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => match self.answer(text.as_str()) {
                        Some(answer) => answer,
                        None => continue,
                    },
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
            };
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, text: &str) -> Option<String> {
        let Ok(Frame::Call { id, action, .. }) = Frame::parse(text) else { return None };
        let time = "2026-11-22T12:00:00Z";
        let accepted = json!({ "status": "Accepted" });
        let payload: Value = match &*action {
            "BootNotification" => json!({ "status": "Accepted", "currentTime": time, "interval": 300 }),
            "Authorize" => json!({ "idTagInfo": accepted }),
            "TransactionEvent" => json!({ "idTokenInfo": accepted }),
            "StartTransaction" => {
                let transaction_id = self.next_transaction.fetch_add(1, Ordering::Relaxed);
                json!({ "idTagInfo": accepted, "transactionId": transaction_id })
            }
            _ => json!({}),
        };
        Some(format!(r#"[3,"{id}",{payload}]"#))
    }

    fn send(&self, text: &str) {
        self.to_all.send(text.to_owned()).expect("somebody is connected");
    }

    async fn charger(&self) -> VirtualChargePoint {
        let config = Config::dc("CP-1").speed(100).meter_interval_ms(100);
        let config = ClientConfig::new(self.url(), config).password(PASSWORD);
        VirtualChargePoint::connect(config).await.expect("a link")
    }
}

#[tokio::test]
async fn a_session_from_plug_to_receipt() {
    let csms = Csms::start().await;
    let car = csms.charger().await;
    car.plug_car(1, Car::wanting_wh(3_000)).await;
    csms.send(r#"[2,"r1","RemoteStartTransaction",{"connectorId":1,"idTag":"G-1"}]"#);
    car.until(|state| state.connector(1).is_charging()).await;
    car.until_answered("MeterValues", 3).await;
    car.until(|state| state.connector(1).is_full()).await;
    car.unplug(1).await;
    let state = car.until(|state| state.connector(1).is_settled()).await;
    let finished = state.connector(1).finished.as_ref().expect("a transaction");
    assert_eq!(finished.meter_stop_wh - finished.meter_start_wh, 3_000);
    assert_eq!(car.sent("StopTransaction")[0]["reason"], "EVDisconnected");
    assert_eq!(car.received("RemoteStartTransaction").len(), 1);
    car.shutdown().await;
}

#[tokio::test]
async fn a_link_lost_and_found() {
    let csms = Csms::start().await;
    let car = csms.charger().await;
    car.go_offline().await;
    assert!(!car.state().is_linked);
    car.plug(1).await;
    car.present_tag(1, "TAG").await;
    car.until(|state| state.connector(1).energy_wh() > 100).await;
    car.press_stop(1).await;
    assert!(car.sent("StartTransaction").is_empty());
    car.go_online().await;
    car.until(|state| state.connector(1).is_settled() && state.is_delivered()).await;
    assert_eq!((car.sent("StartTransaction").len(), car.sent("StopTransaction").len()), (1, 1));
}

#[tokio::test]
async fn a_half_open_socket_is_left_and_a_new_one_taken() {
    let csms = Csms::start().await;
    let car = csms.charger().await;
    car.leave_half_open().await;
    car.until_sent("BootNotification", 2).await;
    car.until(|state| state.is_online()).await;
}

#[tokio::test]
async fn a_restart_comes_back() {
    let csms = Csms::start().await;
    let car = csms.charger().await;
    csms.send(r#"[2,"r1","Reset",{"type":"Hard"}]"#);
    car.until(|state| state.boots == 2 && state.is_online()).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let csms = Csms::start().await;
    let config = ClientConfig::new(csms.url(), Config::ac("CP-1")).password("another");
    assert_eq!(VirtualChargePoint::connect(config).await.expect_err("refused"), ConnectError::Refused { status: 401 });
    let raw = RawClient::connect(RawRequest::new(format!("{}/CP-1", csms.url()))).await;
    assert!(matches!(raw, Err(RawError::Refused { status: 401, .. })), "{raw:?}");
}

#[tokio::test]
async fn a_raw_client_says_what_it_likes() {
    let csms = Csms::start().await;
    let request = RawRequest::new(format!("{}/CP-1", csms.url())).basic("CP-1", PASSWORD).subprotocol("ocpp2.0.1, ocpp1.6");
    let mut raw = RawClient::connect(request).await.expect("a link");
    assert_eq!(raw.selected_protocol(), Some("ocpp1.6"));
    csms.send(r#"[2,"c1","ClearCache",{}]"#);
    let answer = raw.call("Authorize", r#"{"idTag":"T"}"#).await.expect("an answer");
    assert_eq!(answer, r#"[3,"raw-1",{"idTagInfo":{"status":"Accepted"}}]"#);
    // What came in between, or comes after, is not lost.
    assert!(raw.text().await.expect("a command").contains("ClearCache"));
    raw.close(1000, "bye").await.expect("sent");
    assert!(matches!(raw.frame().await.expect("an end"), RawFrame::Closed { .. }));
}

#[tokio::test]
async fn a_crowd_is_measured() {
    let csms = Csms::start().await;
    let plan = |work, count, version| LoadPlan {
        url: csms.url(),
        identity: "LOAD-{n}".to_owned(),
        first: 1,
        count,
        password: Some(PASSWORD.to_owned()),
        passwords: vec![],
        id_tag: "LOAD".to_owned(),
        remote_start: false,
        work,
        version,
        duration: Duration::from_millis(300),
        connect_at_once: 4,
    };
    assert_eq!(plan(Work::Idle, 1, Version::V16).identity(6), "LOAD-00007");
    for version in [Version::V16, Version::V201] {
        let work = Work::MeterValues { every: None };
        let report = load::run(plan(work, 8, version), system_clock(), CancellationToken::new(), None).await;
        assert_eq!((report.connected, report.failed, report.errors), (8, 0, 0), "{report}");
        assert!(report.calls > 8 && report.p50_us <= report.p99_us && report.p99_us <= report.max_us, "{report}");
    }
    let report = load::run(plan(Work::Idle, 20, Version::V16), system_clock(), CancellationToken::new(), None).await;
    assert_eq!((report.connected, report.failed, report.calls), (20, 0, 0), "{report}");
    let patient = LoadPlan { duration: Duration::from_secs(30), ..plan(Work::Storm, 20, Version::V201) };
    let report = load::run(patient, system_clock(), CancellationToken::new(), None).await;
    assert_eq!((report.connected, report.failed, report.calls), (20, 0, 20), "{report}");
    assert!(report.storm_ms.is_some_and(|storm_ms| storm_ms < 30_000), "{report}");
}

#[tokio::test]
async fn row_10_handshakes_that_are_a_little_wrong() {
    let csms = Csms::start().await;
    for fault in [Fault::NoSubprotocol, Fault::TrailingSlash, Fault::LowerCaseBasicAuth] {
        let config = ClientConfig::new(csms.url(), Config::dc("CP-1").fault(fault.clone())).password(PASSWORD);
        let car = VirtualChargePoint::connect(config).await.expect("a link");
        car.shutdown().await;
        let seen = csms.handshakes.lock().expect("unpoisoned").pop().expect("a handshake");
        match fault {
            Fault::NoSubprotocol => assert_eq!(seen.subprotocol, ""),
            Fault::TrailingSlash => assert_eq!(seen.path, "/ocpp/CP-1/"),
            _ => assert!(seen.authorization.starts_with("basic ")),
        }
    }
}

#[tokio::test]
async fn row_04_a_lost_link_leaves_its_socket_open() {
    let csms = Csms::start().await;
    let car = csms.charger().await;
    car.set_fault(Fault::HalfOpen).await;
    car.go_offline().await;
    car.go_online().await;
    car.until_answered("BootNotification", 2).await;
}

#[tokio::test]
async fn a_session_in_ocpp_2_0_1() {
    let csms = Csms::start().await;
    let config = Config::dc("CP-1").v201().speed(100).meter_interval_ms(100);
    let car = VirtualChargePoint::connect(ClientConfig::new(csms.url(), config).password(PASSWORD)).await.expect("a link");
    car.plug_car(1, Car::wanting_wh(3_000)).await;
    let token = r#"{"idToken":"G-1","type":"Central"}"#;
    csms.send(&format!(r#"[2,"r1","RequestStartTransaction",{{"evseId":1,"remoteStartId":7,"idToken":{token}}}]"#));
    car.until(|state| state.connector(1).is_charging()).await;
    car.until(|state| state.connector(1).is_full()).await;
    car.unplug(1).await;
    let state = car.until(|state| state.connector(1).is_settled() && state.is_delivered()).await;
    let finished = state.connector(1).finished.as_ref().expect("a transaction");
    assert_eq!(finished.meter_stop_wh - finished.meter_start_wh, 3_000);
    let events = car.sent("TransactionEvent");
    let of = |index: usize, name: &str| events[index][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((of(0, "eventType"), of(0, "triggerReason")), ("Started".into(), "RemoteStart".into()));
    assert_eq!(events[0]["transactionInfo"]["remoteStartId"], 7);
    assert_eq!(
        (of(events.len() - 1, "eventType"), of(events.len() - 1, "triggerReason")),
        ("Ended".into(), "EVCommunicationLost".into())
    );
    let name = finished.station_transaction_id.as_deref();
    assert!(events.iter().all(|event| event["transactionInfo"]["transactionId"].as_str() == name));
    car.shutdown().await;
}
