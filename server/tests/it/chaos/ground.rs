//! What a seeded run stands on: a database of its own, both providers' stand-ins over HTTP, a clock that the run moves, and server
//! lives that begin and end on the same database.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use csms::{Csms, CsmsSettings};
use domain::guest::AmountLimits;
use domain::stations::PlugType;
use domain::{ConnectorCode, OcppIdentity, Tyiyn, Watt};
use futures::FutureExt as _;
use platform::balance::{Balance, BalanceSettings};
use platform::charging::{Charging, ChargingSettings, Ingest};
use platform::db::{Db, DbOptions};
use platform::guest::{Guest, GuestParts, GuestSettings};
use platform::jobs::Runner;
use platform::notify::Notify;
use platform::receipts::Receipts;
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, Stations};
use platform::tariffs::Tariffs;
use platform::testing::{TestDb, start_of_time};
use platform::{Bus, Clock, Ids, LocalBus, ManualClock, SeededIds};
use providers::Timeouts;
use providers::namba::{ApiVersion, NambaClient, NambaConfig};
use providers::nikita::{NikitaClient, NikitaConfig, SendMode};
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext, StandInHandle};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::pg_proxy::{Counted, PgProxy, Side};

pub const WEBHOOK_SECRET: &str = "chaos-webhook-secret";
/// Of the two connectors.
pub const CODES: [&str; 2] = ["ABCD", "EFGH"];
const NODE: &str = "one";
const MERCHANT: &str = "39b826bf-6b00-4996-bee7-7bfab4e055f5";
/// One step at a time is done, so a life needs few.
const CONNECTIONS_MAX: u32 = 2;
/// Longer than any answer on a busy machine: faults are answers, never a wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Ids that begin anew with each run.
#[derive(Debug)]
pub struct RunIds(Mutex<SeededIds>);

impl RunIds {
    fn lock(&self) -> std::sync::MutexGuard<'_, SeededIds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ids for RunIds {
    fn uuid(&self) -> Uuid {
        self.lock().uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.lock().fill(bytes);
    }
}

/// What outlives a run: the providers, the clock and the ids, all set back at its begin.
pub struct Ground {
    pub clock: Arc<ManualClock>,
    pub ids: Arc<RunIds>,
    namba: StandInHandle,
    nikita: StandInHandle,
    payments: Arc<NambaClient>,
    gateway: Arc<NikitaClient>,
    http: reqwest::Client,
}

impl Ground {
    pub async fn lay() -> Self {
        let clock = Arc::new(ManualClock::new(start_of_time()));
        let ids = Arc::new(RunIds(Mutex::new(SeededIds::new(0))));
        // The outside world has a source of its own, so that it does not shift ours.
        let outside = Arc::new(SeededIds::new(1));
        let new_id = move || {
            let mut bytes = [0; 16];
            outside.fill(&mut bytes);
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        };
        let now = Arc::clone(&clock);
        let context = StandInContext::new(move || now.now(), new_id.clone(), TaskTracker::new());
        let secret = SecretString::from("signs the requests");
        let anywhere = || SocketAddr::from(([127, 0, 0, 1], 0));
        // Refunds are completed by the run, never by the machine's clock.
        let config = NambaStandInConfig {
            refund_delay: Duration::from_secs(24 * 3_600),
            ..NambaStandInConfig::new(MERCHANT, secret.clone())
        };
        let namba = NambaStandIn::start(anywhere(), config, context.clone()).await.unwrap();
        let password = SecretString::from("password");
        let config = NikitaStandInConfig::new("login", password.clone(), "RedPetrol");
        let nikita = NikitaStandIn::start(anywhere(), config, context).await.unwrap();
        let timeouts = Timeouts { connect: CALL_TIMEOUT, total: CALL_TIMEOUT };
        let payments = NambaClient::new(
            NambaConfig {
                base_url: namba.base_url.clone(),
                merchant_guid: MERCHANT.to_owned(),
                secret,
                api_version: ApiVersion::V2,
                refund_parent_type: None,
                timeouts,
            },
            new_id,
        )
        .unwrap();
        let gateway = NikitaClient::new(NikitaConfig {
            base_url: nikita.base_url.clone(),
            login: "login".to_owned(),
            password,
            sender: "RedPetrol".to_owned(),
            parts_max: 4,
            mode: SendMode::default(),
            timeouts,
        })
        .unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { clock, ids, namba, nikita, payments: Arc::new(payments), gateway: Arc::new(gateway), http }
    }

    /// Everything as at the first second.
    pub async fn begin(&self, seed: u64) {
        self.clock.set(start_of_time());
        *self.ids.lock() = SeededIds::new(seed);
        self.control("reset", json!({})).await;
        self.faults(json!({ "reset": true, "webhooks_off": true })).await;
    }

    /// A call of the payment stand-in's control API. What it refuses is the caller's to see: 409 when an order is paid already.
    pub async fn control(&self, path: &str, body: Value) -> u16 {
        let url = format!("{}control/{path}", self.namba.base_url);
        self.http.post(url).json(&body).send().await.unwrap().status().as_u16()
    }

    pub async fn faults(&self, faults: Value) {
        assert_eq!(self.control("faults", faults).await, 200);
    }

    /// Orders and refunds as the payment stand-in knows them.
    pub async fn namba(&self) -> Value {
        let url = format!("{}control/state", self.namba.base_url);
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.namba.shutdown.cancel();
        self.nikita.shutdown.cancel();
    }
}

/// A database, and the charge point in it. It is set back before each run: a new one for each would cost more than the run.
pub struct Site {
    pub test: TestDb,
    pub point: SeededChargePoint,
    postgres: SocketAddr,
    set_back: String,
    runs: u32,
}

/// Every row of every table as it was when this was made, every sequence too. Without triggers, because what is booked is booked for
/// good as far as they are concerned.
const KEEP: &str = "
    create schema kept;
    do $$ declare t record; begin
        for t in select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
        loop execute format('create table kept.%I as table public.%I', t.name, t.name); end loop;
    end $$;";
const SET_BACK: &str = "
    select 'set session_replication_role = replica;' || string_agg(statement, ';' order by rank, statement) || ';set session_replication_role = origin'
    from (
        select 1 as rank, format('delete from public.%I', relname) as statement
        from pg_class where relnamespace = 'kept'::regnamespace and relkind = 'r' and relname <> '_sqlx_migrations'
        union all
        select 2, format('insert into public.%I overriding system value select * from kept.%I', relname, relname)
        from pg_class where relnamespace = 'kept'::regnamespace and relkind = 'r' and relname <> '_sqlx_migrations'
            and (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from kept.%I', relname), false, true, '')))[1]::text::bigint > 0
        union all
        select 3, format('select setval(%L, %s, %L)', 'public.' || sequencename, coalesce(last_value, 1), last_value is not null)
        from pg_sequences where schemaname = 'public'
    ) s";
/// What is deleted leaves holes; after so many runs a new database is quicker.
const RUNS_MAX: u32 = 150;

impl Site {
    pub async fn new(ground: &Ground) -> Self {
        let test = TestDb::with_connections(2).await;
        let url = url::Url::parse(test.url()).unwrap();
        let postgres = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap();
        let options = DbOptions { max_connections: 1, ..DbOptions::new(test.url().to_owned()) };
        let db = Db::connect(&options, ground.clock.clone(), ground.ids.clone()).await.unwrap();
        let tariff = Tariffs::new(db.clone()).ensure_standard("Standard").await.unwrap();
        let connector = |(label, code): (&str, &str)| SeedConnector {
            label: label.to_owned(),
            plug: PlugType::Type2,
            max_power: Watt::new(22_000),
            tariff,
            code: Some(ConnectorCode::parse(code).unwrap()),
        };
        let plan = DemoPlan {
            partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7_000 },
            stations: vec![SeedStation {
                name: "Ala-Too".into(),
                address: "Chüy 1".into(),
                latitude_e7: 428_700_000,
                longitude_e7: 745_900_000,
                helpline: "+996312000000".into(),
                seller_name: "Red Petroleum EV".into(),
                seller_tin: "22222222222222".into(),
                charge_points: vec![SeedChargePoint {
                    identity: OcppIdentity::parse("CHAOS").unwrap(),
                    connectors: ["A", "B"].into_iter().zip(CODES).map(connector).collect(),
                }],
            }],
        };
        let stations = Stations::new(db.clone(), Arc::new(LocalBus::new()));
        let point = stations.seed(plan).await.unwrap().remove(0);
        db.close().await;
        sqlx::raw_sql(KEEP).execute(test.db.pool()).await.unwrap();
        let set_back = sqlx::query_scalar(SET_BACK).fetch_one(test.db.pool()).await.unwrap();
        Self { test, point, postgres, set_back, runs: 0 }
    }

    /// Everything as it was at first.
    pub async fn set_back(&mut self) {
        self.runs += 1;
        sqlx::raw_sql(sqlx::AssertSqlSafe(self.set_back.clone())).execute(self.test.db.pool()).await.unwrap();
    }

    pub const fn is_worn(&self) -> bool {
        self.runs >= RUNS_MAX
    }
}

/// What the trap in front of the database does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// One connection is lost; the server goes on.
    Cut,
    /// The server dies at this very statement.
    Crash,
}

/// One life of the server: everything that is in memory, and its way to the database.
pub struct Life {
    pub stations: Stations,
    pub charging: Charging,
    pub csms: Csms,
    pub guest: Guest,
    pub jobs: Runner,
    db: Db,
    proxy: PgProxy,
    died: CancellationToken,
}

impl Life {
    /// As `serve::start` does it, without ports and clocks of the machine.
    pub async fn begin(ground: &Ground, site: &Site) -> Self {
        let proxy = PgProxy::counting(site.postgres, Counted::Statements).await;
        let mut url = url::Url::parse(site.test.url()).unwrap();
        url.set_port(Some(proxy.address.port())).unwrap();
        let options = DbOptions {
            max_connections: CONNECTIONS_MAX,
            application_name: "evp-chaos".to_owned(),
            ..DbOptions::new(url.to_string())
        };
        let db = Db::connect(&options, ground.clock.clone(), ground.ids.clone()).await.unwrap();
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        let stations = Stations::new(db.clone(), Arc::clone(&bus));
        stations.forget_connections_of(NODE).await.unwrap();
        let charging =
            Charging::new(db.clone(), Arc::clone(&bus), ChargingSettings { writers: 1, ..ChargingSettings::default() });
        let settings = CsmsSettings { node: NODE.to_owned(), ..CsmsSettings::default() };
        let csms = Csms::new(stations.clone(), charging.clone(), Ingest::start(&charging), Arc::clone(&bus), settings);
        let balance = Balance::new(
            db.clone(),
            Arc::clone(&bus),
            ground.payments.clone(),
            BalanceSettings {
                public_url: "https://ev.example/".to_owned(),
                webhook_secret: Some(SecretString::from(WEBHOOK_SECRET)),
                payment_lifetime: chrono::TimeDelta::minutes(15),
            },
        );
        let guest = Guest::new(
            db.clone(),
            bus,
            GuestParts {
                balance: balance.clone(),
                charging: charging.clone(),
                stations: stations.clone(),
                tariffs: Tariffs::new(db.clone()),
                receipts: Receipts::new(db.clone()),
            },
            GuestSettings {
                public_url: "https://ev.example".to_owned(),
                amount_limits: AmountLimits { min: Tyiyn::new(5_000), max: Tyiyn::new(2_000_000) },
                helpline: "+996312000000".to_owned(),
            },
        );
        let mut handlers = balance.handlers();
        handlers.extend(guest.handlers());
        handlers.extend(Notify::new(db.clone(), ground.gateway.clone()).handlers());
        let jobs = Runner::new(db.clone(), NODE, handlers);
        jobs.release_earlier_life().await.unwrap();
        Self { stations, charging, csms, guest, jobs, db, proxy, died: CancellationToken::new() }
    }

    /// Something happens at the nth statement from now.
    pub fn set_trap(&self, nth: u64, side: Side, strike: Strike) {
        let died = self.died.clone();
        self.proxy.set_trap(nth, side, move || {
            if strike == Strike::Crash {
                died.cancel();
            }
        });
    }

    pub fn trap_is_set(&self) -> bool {
        self.proxy.trap_is_set()
    }

    pub fn clear_trap(&self) {
        self.proxy.clear_trap();
    }

    pub fn is_dead(&self) -> bool {
        self.died.is_cancelled()
    }

    /// Does it, unless the server dies meanwhile: then what was being done is dropped where it stood.
    pub async fn live<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        let done = self.died.run_until_cancelled(doing).await;
        done.filter(|_| !self.is_dead())
    }

    /// As after SIGKILL: nothing of this life reaches the database any more.
    pub fn kill(self) {
        self.died.cancel();
        self.proxy.close();
        // Their futures are dropped: the first look cancels, and nobody waits.
        let _ = self.csms.shut_down().now_or_never();
        let _ = self.db.pool().close().now_or_never();
    }
}
