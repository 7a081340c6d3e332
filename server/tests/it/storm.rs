//! Load without tears: hundreds of charge points come back in the same moment, or the database falls silent, and nothing is lost, nothing
//! grows, and nobody else notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use csms::AdmissionSettings;
use domain::stations::PlugType;
use domain::{OcppIdentity, Watt};
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, Stations};
use platform::tariffs::Tariffs;
use platform::{LocalBus, SystemIds};
use server::config::Config;
use server::serve::{self, Running};
use simulator::load::{LoadPlan, LoadReport, Work};
use simulator::raw::{RawClient, RawRequest};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::app::{World, eventually, free_address};
use crate::pg_proxy::PgProxy;

/// Charge points of the storm.
const COUNT: usize = 120;
/// The server of these stories has few database connections, so that its bounds are felt.
const DATABASE_CONNECTIONS: usize = 12;

struct Scene {
    world: World,
    proxy: PgProxy,
    url: String,
    points: Vec<SeededChargePoint>,
    running: Running,
}

impl Scene {
    async fn set(count: usize) -> Self {
        let world = World::new().await;
        let points = seed(&world, count).await;
        let mut database = url::Url::parse(world.database.url()).unwrap();
        let postgres: SocketAddr = format!("{}:{}", database.host_str().unwrap(), database.port().unwrap()).parse().unwrap();
        let proxy = PgProxy::start(postgres).await;
        database.set_ip_host(proxy.address.ip()).unwrap();
        database.set_port(Some(proxy.address.port())).unwrap();
        let listen = free_address();
        let url = format!("http://{listen}");
        let mut env = world.variables(&listen, &url, database.as_str());
        env.insert("EVP_DATABASE_CONNECTIONS".into(), DATABASE_CONNECTIONS.to_string());
        let config = Config::from_env(&env).unwrap();
        let running = serve::start(&config, world.clock.clone(), Arc::new(SystemIds), &Handle::current()).await.unwrap();
        Self { world, proxy, url, points, running }
    }

    /// All charge points connect, lose their link at the same moment, and come back.
    async fn storm(&self) -> LoadReport {
        simulator::load::run(self.plan(), simulator::system_clock(), CancellationToken::new(), None).await
    }

    fn plan(&self) -> LoadPlan {
        LoadPlan {
            url: format!("{}/ocpp", self.url.replacen("http", "ws", 1)),
            version: simulator::Version::V16,
            identity: "STORM-{n}".into(),
            first: 0,
            count: self.points.len(),
            password: None,
            passwords: self.points.iter().map(|p| p.password.clone()).collect(),
            id_tag: "X".into(),
            remote_start: false,
            work: Work::Storm,
            duration: Duration::from_secs(120),
            connect_at_once: 8,
        }
    }

    async fn raw(&self, index: usize) -> RawClient {
        let point = &self.points[index];
        let identity = point.identity.as_str();
        let url = format!("{}/ocpp/{identity}", self.url.replacen("http", "ws", 1));
        RawClient::connect(RawRequest::new(url).subprotocol("ocpp1.6").basic(identity, &point.password)).await.unwrap()
    }
}

async fn seed(world: &World, count: usize) -> Vec<SeededChargePoint> {
    let db = world.database.with_system_clock().await;
    let tariff = Tariffs::new(db.clone()).ensure_standard("Стандартный").await.unwrap();
    let charge_points = (0..count)
        .map(|n| SeedChargePoint {
            identity: OcppIdentity::parse(&format!("STORM-{n:05}")).unwrap(),
            connectors: vec![SeedConnector {
                label: "A".into(),
                plug: PlugType::Ccs2,
                max_power: Watt::new(60_000),
                tariff,
                code: None,
            }],
        })
        .collect();
    let plan = DemoPlan {
        partner: NewPartner { name: "Storm".into(), tin: "33333333333333".into(), share_bp: 0 },
        stations: vec![SeedStation {
            name: "Storm".into(),
            address: "Storm".into(),
            latitude_e7: 0,
            longitude_e7: 0,
            helpline: server::demo::plan::HELPLINE.into(),
            seller_name: "Storm".into(),
            seller_tin: "33333333333333".into(),
            charge_points,
        }],
    };
    Stations::new(db, Arc::new(LocalBus::new())).seed(plan).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_reconnects_is_let_in_in_turns_and_disturbs_nobody() {
    let scene = Scene::set(COUNT + 1).await;
    let mut witness = scene.raw(COUNT).await;
    let scene = Scene { points: scene.points[..COUNT].to_vec(), ..scene };
    let over = CancellationToken::new();
    let storm = async {
        let report = scene.storm().await;
        over.cancel();
        report
    };
    let others = async {
        while !over.is_cancelled() {
            witness.call("Heartbeat", "{}").await.unwrap();
            let page = scene.world.http.get(format!("{}/q/CHUYB2", scene.url)).send().await.unwrap();
            assert_eq!(page.status(), 200);
        }
    };
    let (report, ()) = tokio::join!(storm, others);
    assert_eq!((report.connected, report.failed), (COUNT as u64, 0));
    assert!(report.storm_ms.is_some(), "not all came back: {report:?}");
    eventually("all have gone", || async {
        (scene.running.csms.counters().connections.load(Ordering::Relaxed) == 1).then_some(())
    })
    .await;
    let figures = scene.running.csms.admission();
    assert!(figures.at_once_most.load(Ordering::Relaxed) <= AdmissionSettings::default().handshakes_at_once, "{figures:?}");
    witness.call("Heartbeat", "{}").await.unwrap();
    scene.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_slows_answers_and_loses_none() {
    const POINTS: usize = 40;
    let scene = Scene::set(POINTS).await;
    let mut chargers = vec![];
    for index in 0..POINTS {
        chargers.push(scene.raw(index).await);
    }
    let time = "2026-11-22T09:00:00Z";
    scene.proxy.pause();
    for charger in &mut chargers {
        let start = format!(r#"{{"connectorId":1,"idTag":"X","meterStart":1000,"timestamp":"{time}"}}"#);
        charger.send(format!(r#"[2,"start","StartTransaction",{start}]"#)).await.unwrap();
        // Without waiting for the answer: it is answered after the first one.
        charger.send(r#"[2,"beat","Heartbeat",{}]"#).await.unwrap();
    }
    let early = tokio::time::timeout(Duration::from_millis(300), chargers[0].text()).await;
    assert!(early.is_err(), "answered before it was durable: {early:?}");
    scene.proxy.resume();
    for charger in &mut chargers {
        assert!(charger.answer("start").await.unwrap().contains("transactionId"));
        assert!(charger.answer("beat").await.unwrap().contains("currentTime"));
    }
    let db = scene.world.database.with_system_clock().await;
    let kept: i64 = sqlx::query_scalar("select count(*) from charging_transaction").fetch_one(db.pool()).await.unwrap();
    assert_eq!(usize::try_from(kept).unwrap(), POINTS);
    scene.running.shut_down().await;
}
