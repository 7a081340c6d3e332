//! A whole server with the world around it: a database of its own, the stand-ins of both providers, virtual charge points.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform::stations::SeededChargePoint;
use platform::testing::TestDb;
use platform::{Clock, Ids, SystemClock, SystemIds};
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext, StandInHandle};
use secrecy::SecretString;
use serde_json::{Value, json};
use server::config::Config;
use server::serve::{self, Running};
use simulator::client::{ClientConfig, VirtualChargePoint};
use simulator::{Car, ConnectorConfig, Current};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::guest::GuestDriver;

/// The machine's clock, and as much ahead of it as the test wishes.
#[derive(Debug, Default)]
pub struct MovableClock(Mutex<TimeDelta>);

impl MovableClock {
    /// Moves the time on for server, charge points and stand-ins alike.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for MovableClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + *self.0.lock().unwrap()
    }
}

/// Everything but the server.
pub struct World {
    pub database: TestDb,
    pub clock: Arc<MovableClock>,
    pub namba: StandInHandle,
    pub sms: StandInHandle,
    pub charge_points: Vec<SeededChargePoint>,
    pub http: reqwest::Client,
    secrets: BTreeMap<String, String>,
    _tasks: TaskTracker,
}

/// How much faster than the clock the cars of the tests charge, so that a test takes seconds.
pub const SPEED: u32 = 150;
/// Between two readings: fast as well.
pub const METER_INTERVAL_MS: u32 = 200;
/// The sender that the SMS stand-in has approved.
const SENDER: &str = "RedPetrol";

impl World {
    /// A seeded database and both stand-ins.
    pub async fn new() -> Self {
        let database = TestDb::new().await;
        let clock = Arc::new(MovableClock::default());
        let tasks = TaskTracker::new();
        let now = Arc::clone(&clock);
        #[allow(clippy::disallowed_methods, reason = "the ids of the outside world")]
        let context = StandInContext::new(move || now.now(), uuid::Uuid::new_v4, tasks.clone());
        let (merchant, secret, password) = (SystemIds.uuid().to_string(), SystemIds.token(32), SystemIds.token(16));
        let namba = NambaStandInConfig {
            webhook_retry_every: Duration::from_millis(200),
            refund_delay: Duration::from_millis(50),
            ..NambaStandInConfig::new(merchant.clone(), SecretString::from(secret.clone()))
        };
        let namba = NambaStandIn::start(([127, 0, 0, 1], 0).into(), namba, context.clone()).await.unwrap();
        let sms = NikitaStandInConfig::new("test", SecretString::from(password.clone()), SENDER);
        let sms = NikitaStandIn::start(([127, 0, 0, 1], 0).into(), sms, context).await.unwrap();
        let charge_points = server::seed::demo(&database.with_system_clock().await).await.unwrap();
        let secrets = [
            ("EVP_NAMBA_MERCHANT", merchant),
            ("EVP_NAMBA_SECRET", secret),
            ("EVP_NAMBA_WEBHOOK_SECRET", SystemIds.token(32)),
            ("EVP_NIKITA_LOGIN", "test".to_owned()),
            ("EVP_NIKITA_PASSWORD", password),
        ];
        let secrets = secrets.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { database, clock, namba, sms, charge_points, http, secrets, _tasks: tasks }
    }

    /// The variables of a server that lives in this world. `database` may be a proxy's address.
    pub fn variables(&self, listen: &str, public_url: &str, database: &str) -> BTreeMap<String, String> {
        let mut env = self.secrets.clone();
        let more = [
            ("DATABASE_URL", database.to_owned()),
            ("EVP_LISTEN", listen.to_owned()),
            ("EVP_PUBLIC_URL", public_url.to_owned()),
            ("EVP_NAMBA_URL", self.namba.base_url.to_string()),
            ("EVP_NIKITA_URL", self.sms.base_url.to_string()),
            ("EVP_NIKITA_SENDER", SENDER.to_owned()),
            ("EVP_HELPLINE", server::demo::plan::HELPLINE.to_owned()),
            ("EVP_METER_INTERVAL_S", "1".to_owned()),
            ("EVP_METER_PLAUSIBLE_PERCENT", (SPEED * 300).to_string()),
        ];
        env.extend(more.into_iter().map(|(k, v)| (k.to_owned(), v)));
        env
    }

    /// The secret that genuine webhooks carry.
    pub fn webhook_secret(&self) -> &str {
        &self.secrets["EVP_NAMBA_WEBHOOK_SECRET"]
    }

    /// A charger of the seed with its true password, pointed at a server.
    pub fn charger(&self, server: &str, identity: &str) -> ClientConfig {
        let known = self.charge_points.iter().find(|c| c.identity.as_str() == identity).expect("a charge point of the seed");
        let plan = server::demo::plan::charge_point(identity).expect("in the plan");
        let mut config = simulator::Config::dc(identity).speed(SPEED).meter_interval_ms(METER_INTERVAL_MS);
        config.connectors = plan
            .connectors
            .iter()
            .map(|c| ConnectorConfig { current: Current::Dc, max_power_w: c.max_power.get(), register_wh: 4_500_000 })
            .collect();
        config.connection_timeout_s = 300;
        config.boot_duration_ms = 50;
        if plan.ocpp == server::demo::plan::Ocpp::V201 {
            config = config.v201();
        }
        let clock = Arc::clone(&self.clock);
        let mut client = ClientConfig::new(format!("{}/ocpp", server.replacen("http", "ws", 1)), config)
            .password(known.password.clone())
            .clock(Arc::new(move || clock.now()));
        client.reconnect_max_ms = 300;
        client
    }

    /// Switches faults of the payment stand-in.
    pub async fn namba_faults(&self, faults: Value) {
        self.control("faults", faults).await;
    }

    /// A call of the payment stand-in's control API.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}control/{path}", self.namba.base_url);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "control {path}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.unwrap_or(Value::Null)
    }

    /// Orders, refunds and webhooks as the payment stand-in knows them.
    pub async fn namba_state(&self) -> Value {
        self.http.get(format!("{}control/state", self.namba.base_url)).send().await.unwrap().json().await.unwrap()
    }

    /// All text messages that were sent, newest last.
    pub async fn messages(&self) -> Vec<String> {
        let answer: Value =
            self.http.get(format!("{}control/inbox", self.sms.base_url)).send().await.unwrap().json().await.unwrap();
        let list = answer.as_array().or_else(|| answer["messages"].as_array()).cloned().unwrap_or_default();
        list.iter().map(|m| m["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The invariants of the design, asked of the database itself.
    pub async fn assert_invariants(&self) {
        let db = self.database.with_system_clock().await;
        let violations = platform::invariants::check_all(&db).await.unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// Polls until it is there: whole servers have no hook to wait on. Not a sleep of guessed length: it ends when the thing is true.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, probe: impl FnMut() -> F) -> T {
    eventually_or(what, probe, String::new).await
}

/// The same; when it never happens, the failure says what was seen instead.
pub async fn eventually_or<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
    seen: impl Fn() -> String,
) -> T {
    let give_up = tokio::time::Instant::now() + Duration::from_secs(40);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < give_up, "never happened: {what} {}", seen());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// A server in this process, with the world around it.
pub struct TestApp {
    pub world: World,
    pub url: String,
    running: Option<Running>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With variables of its own.
    pub async fn start_with(variables: &[(&str, Option<&str>)]) -> Self {
        let world = World::new().await;
        // The port must be known before the server starts, because links are made of the public URL.
        let listen = free_address();
        let url = format!("http://{listen}");
        let mut env = world.variables(&listen, &url, world.database.url());
        for (name, value) in variables {
            match value {
                Some(value) => env.insert((*name).to_owned(), (*value).to_owned()),
                None => env.remove(*name),
            };
        }
        let mut app = Self { world, url, running: None };
        app.run(&env).await;
        app
    }

    async fn run(&mut self, env: &BTreeMap<String, String>) {
        let config = Config::from_env(env).unwrap();
        self.running =
            Some(serve::start(&config, self.world.clock.clone(), Arc::new(SystemIds), &Handle::current()).await.unwrap());
    }

    /// Stops the server in good order and starts it again on the same database.
    pub async fn restart(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.running.take().expect("running").shut_down().await;
        let env = self.world.variables(&address, &self.url, self.world.database.url());
        self.run(&env).await;
    }

    /// A connected virtual charge point with a car at hand.
    pub async fn charger(&self, identity: &str) -> VirtualChargePoint {
        let charger = VirtualChargePoint::connect(self.world.charger(&self.url, identity)).await.unwrap();
        // Of each connector, and in 1.6 of the charge point itself.
        let of_itself =
            usize::from(server::demo::plan::charge_point(identity).is_some_and(|c| c.ocpp == server::demo::plan::Ocpp::V16));
        let reports = charger.state().connectors.len() + of_itself;
        charger.until_answered("StatusNotification", reports).await;
        charger
    }

    /// A guest in front of a connector.
    pub fn guest(&self, code: &str) -> GuestDriver {
        GuestDriver::new(&self.world, &self.url, code)
    }

    /// The routes as they were declared.
    pub fn routes(&self) -> Vec<app::routes::Declared> {
        self.running.as_ref().expect("running").routes.clone()
    }

    /// A table's value, asked of the database.
    pub async fn number(&self, query: &'static str) -> i64 {
        let db = self.world.database.with_system_clock().await;
        sqlx::query_scalar::<_, i64>(query).fetch_one(db.pool()).await.unwrap()
    }

    /// A genuine-looking webhook about an order, or a forged one.
    pub async fn webhook(&self, secret: Option<&str>, body: impl Into<reqwest::Body>) -> reqwest::StatusCode {
        let mut request =
            self.world.http.post(format!("{}/webhooks/namba", self.url)).header("content-type", "application/json").body(body);
        if let Some(secret) = secret {
            request = request.header("x-rp-webhook-secret", secret);
        }
        request.send().await.unwrap().status()
    }
}

/// An address that nobody else takes before the server does: below the ports that the kernel hands out by itself, and each process of
/// tests has sixteen of its own.
pub fn free_address() -> String {
    const FIRST: u16 = 10_000;
    const PROCESSES: u16 = 1_400;
    const EACH: u16 = 16;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = FIRST + u16::try_from(std::process::id() % u32::from(PROCESSES)).unwrap() * EACH;
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (0..EACH).map(|_| own + NEXT.fetch_add(1, Ordering::Relaxed) % EACH).find(is_free).expect("a free port");
    format!("127.0.0.1:{port}")
}

/// A car that takes this much and is full then.
pub fn car_wanting(wh: i64) -> Car {
    Car::wanting_wh(wh)
}

/// The body of a webhook as the provider writes it.
pub fn payment_notice(external_id: &str, status: &str, paid_tyiyn: i64) -> String {
    json!({
        "type": "PAYMENT_ORDER", "version": "1", "createdAt": "2026-11-22T10:00:00Z",
        "data": {
            "guid": SystemIds.uuid().to_string(), "externalId": external_id, "status": status, "amount": paid_tyiyn.to_string(),
            "paymentAmount": paid_tyiyn.to_string(), "currency": "KGS", "type": "PAYMENT_QR",
        },
    })
    .to_string()
}
