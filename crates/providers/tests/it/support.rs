//! A provider in the test's own process, a client, and somebody who receives the webhooks.

#![allow(clippy::disallowed_methods, reason = "a test has no shutdown that waits for tasks")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeZone as _, Utc};
use domain::{Phone, Tyiyn};
use providers::namba::{ApiVersion, NambaConfig, Timeouts};
use providers::nikita::{NikitaConfig, SendMode};
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext, StandInHandle};
use providers::{CreateLink, CreateRefund, NambaClient, NikitaClient, PaymentOrder, SendSms, SmsMessageId};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

pub const MERCHANT: &str = "39b826bf-6b00-4996-bee7-7bfab4e055f5";
pub const SECRET: &str = "signs in tests";
pub const WEBHOOK_SECRET: &str = "0123456789abcdef";
pub const SECRET_HEADER: &str = "x-rp-webhook-secret";
/// A condition that is not met in this time never will be.
const PATIENCE: Duration = Duration::from_secs(20);
pub const ANY_PORT: &str = "127.0.0.1:0";

/// A clock that the test moves.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap())))
    }
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
    fn context(&self) -> StandInContext {
        let clock = self.clone();
        StandInContext::new(move || *clock.0.lock().unwrap(), Uuid::new_v4, TaskTracker::new())
    }
}

/// The time that patient clients have; generous, since the machine may be busy.
pub fn patient() -> Timeouts {
    Timeouts { connect: PATIENCE, total: PATIENCE }
}
/// For providers that never answer: long enough to be heard, short enough to wait for.
pub fn impatient() -> Timeouts {
    Timeouts { connect: PATIENCE, total: Duration::from_millis(1_500) }
}

/// A received webhook.
pub struct Received {
    pub secret: Option<String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    pub fn status(&self) -> String {
        self.json()["data"]["status"].as_str().unwrap().to_owned()
    }
}

/// Somebody who receives webhooks and answers as told, then with 200.
pub struct Receiver {
    pub url: String,
    answers: Arc<Mutex<VecDeque<u16>>>,
    received: mpsc::UnboundedReceiver<Received>,
}

type ReceiverState = (mpsc::UnboundedSender<Received>, Arc<Mutex<VecDeque<u16>>>);

impl Receiver {
    pub async fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        let listener = TcpListener::bind(ANY_PORT).await.unwrap();
        let url = format!("http://{}/webhooks/namba", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state((sender, answers.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers, received }
    }
    /// The next answers; after them 200.
    pub fn will_answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }
    pub async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a webhook comes").unwrap()
    }
    /// What has come and was not looked at.
    pub fn pending(&mut self) -> usize {
        std::iter::from_fn(|| self.received.try_recv().ok()).count()
    }
}

async fn receive(State((sender, answers)): State<ReceiverState>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = headers.get(SECRET_HEADER).map(|v| v.to_str().unwrap().to_owned());
    let _ = sender.send(Received { secret, body: body.to_vec() });
    let status = answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

/// Namba One, a client of it, and the receiver of its webhooks.
pub struct NambaWorld {
    pub provider: StandInHandle,
    pub client: NambaClient,
    pub receiver: Receiver,
    pub clock: TestClock,
    pub http: reqwest::Client,
}

impl NambaWorld {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }
    pub async fn start_with(change: impl FnOnce(&mut NambaStandInConfig)) -> Self {
        let clock = TestClock::new();
        let mut config = NambaStandInConfig {
            refund_delay: Duration::ZERO,
            webhook_retry_every: Duration::from_millis(10),
            ..NambaStandInConfig::new(MERCHANT, SecretString::from(SECRET))
        };
        change(&mut config);
        let provider = NambaStandIn::start(ANY_PORT.parse().unwrap(), config, clock.context()).await.unwrap();
        let client = namba_client(&provider.base_url, |_| {});
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self { provider, client, receiver: Receiver::start().await, clock, http }
    }
    /// A client that differs.
    pub fn client_with(&self, change: impl FnOnce(&mut NambaConfig)) -> NambaClient {
        namba_client(&self.provider.base_url, change)
    }
    pub fn link(&self, external_id: &str, som: i64) -> CreateLink {
        CreateLink {
            external_id: external_id.to_owned(),
            amount: Tyiyn::from_som(som).unwrap(),
            comment: "Зарядка A1 <b>".to_owned(),
            webhook_url: Some(self.receiver.url.clone()),
            webhook_headers: BTreeMap::from([(SECRET_HEADER.to_owned(), WEBHOOK_SECRET.to_owned())]),
            redirect_link: Some("http://127.0.0.1:3000/g/token".to_owned()),
            auto_redirect: true,
        }
    }
    pub fn refund(&self, order: &PaymentOrder, tyiyn: i64) -> CreateRefund {
        CreateRefund {
            payment_order_guid: order.guid.clone(),
            order_kind: order.kind.clone(),
            amount: Tyiyn::new(tyiyn),
            comment: "rest".to_owned(),
            webhook_url: Some(self.receiver.url.clone()),
            webhook_headers: BTreeMap::from([(SECRET_HEADER.to_owned(), WEBHOOK_SECRET.to_owned())]),
        }
    }
    /// A link that has been paid; its webhook is read off.
    pub async fn paid(&mut self, external_id: &str, som: i64) -> PaymentOrder {
        self.client.create_link(self.link(external_id, som)).await.unwrap();
        self.control(&format!("pay/{external_id}"), json!({"wait": true})).await;
        self.receiver.next().await;
        self.client.payment_by_external_id(external_id).await.unwrap().unwrap()
    }
    pub async fn faults(&self, faults: Value) {
        self.control("faults", faults).await;
    }
    pub async fn control(&self, path: &str, body: Value) -> Value {
        control(&self.http, &self.provider.base_url, path, body).await
    }
    pub async fn state(&self) -> Value {
        self.http.get(format!("{}control/state", self.provider.base_url)).send().await.unwrap().json().await.unwrap()
    }
}

pub async fn control(http: &reqwest::Client, base_url: &Url, path: &str, body: Value) -> Value {
    let answer = http.post(format!("{base_url}control/{path}")).json(&body).send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert!(status.is_success(), "control/{path}: {status} {body}");
    serde_json::from_str(&body).unwrap()
}

fn namba_client(base_url: &Url, change: impl FnOnce(&mut NambaConfig)) -> NambaClient {
    let mut config = NambaConfig {
        base_url: base_url.clone(),
        merchant_guid: MERCHANT.to_owned(),
        secret: SecretString::from(SECRET),
        api_version: ApiVersion::V2,
        refund_parent_type: None,
        timeouts: patient(),
    };
    change(&mut config);
    NambaClient::new(config, Uuid::new_v4).unwrap()
}

/// Nikita SMS and a client of it.
pub struct NikitaWorld {
    pub provider: StandInHandle,
    pub client: NikitaClient,
    pub http: reqwest::Client,
}

impl NikitaWorld {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }
    pub async fn start_with(change: impl FnOnce(&mut NikitaStandInConfig)) -> Self {
        let mut config = NikitaStandInConfig::new("login", SecretString::from("p&<w>\"'d"), "RedPetrol");
        change(&mut config);
        let provider = NikitaStandIn::start(ANY_PORT.parse().unwrap(), config, TestClock::new().context()).await.unwrap();
        let client = nikita_client(&provider.base_url, |_| {});
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { provider, client, http }
    }
    pub fn client_with(&self, change: impl FnOnce(&mut NikitaConfig)) -> NikitaClient {
        nikita_client(&self.provider.base_url, change)
    }
    pub async fn faults(&self, faults: Value) {
        control(&self.http, &self.provider.base_url, "faults", faults).await;
    }
    /// Texts in the inbox, newest first.
    pub async fn inbox(&self, phone: &str) -> Vec<String> {
        let url = format!("{}control/inbox?phone={phone}", self.provider.base_url);
        let messages: Vec<Value> = self.http.get(url).send().await.unwrap().json().await.unwrap();
        messages.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    }
}

fn nikita_client(base_url: &Url, change: impl FnOnce(&mut NikitaConfig)) -> NikitaClient {
    let mut config = NikitaConfig {
        base_url: base_url.clone(),
        login: "login".to_owned(),
        password: SecretString::from("p&<w>\"'d"),
        sender: "RedPetrol".to_owned(),
        parts_max: providers::nikita::PARTS_MAX_DEFAULT,
        mode: SendMode::Real,
        timeouts: patient(),
    };
    change(&mut config);
    NikitaClient::new(config).unwrap()
}

pub fn sms(id: &str, text: &str) -> SendSms {
    SendSms {
        id: SmsMessageId::parse(id).unwrap(),
        sender: None,
        phone: Phone::parse("+996700123456").unwrap(),
        text: text.to_owned(),
    }
}

/// An address that nobody listens on.
pub async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    listener.local_addr().unwrap()
}

/// Somebody who reads a request's beginning, says `answer` and hangs up.
pub async fn hangs_up_after(answer: &'static [u8]) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0u8; 4096]).await;
            let _ = socket.write_all(answer).await;
        }
    });
    addr
}
