//! What the programs of `make bench` have in common: a server as a process of its own, charge points to load it with, pages.

#![allow(dead_code, reason = "each of the programs uses its part")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::stations::PlugType;
use domain::{OcppIdentity, Watt};
use platform::db::Db;
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, Stations};
use platform::tariffs::Tariffs;
use platform::{Ids as _, LocalBus, SystemIds};
use simulator::load::{LoadPlan, Work};
use simulator::{ClientConfig, Config, VirtualChargePoint};
use tokio_util::sync::CancellationToken;

/// A connector of the demo whose page is measured, and its charge point.
pub const CODE: &str = "CHUYB2";
const SHOWN: &str = "RP-CHUY-2";
/// What the page says of itself when the connector may be paid for.
const FOR_SALE: &str = "data-for-sale=\"true\"";
/// In what /proc/PID/stat counts: Linux tells user space 100 a second on every machine.
const TICK: Duration = Duration::from_millis(10);
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A process that ends with this value.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub fn cpu(&self) -> Duration {
        Stat::of(self.0.id()).map(|stat| stat.own).unwrap_or_default()
    }
}

/// Of this process.
pub fn own_cpu() -> Duration {
    Stat::of(std::process::id()).map(|stat| stat.own).unwrap_or_default()
}

/// Of a PostgreSQL server with all its processes, also those that have ended; `backend` is any of the living.
pub fn postgres_cpu(backend: u32) -> Duration {
    let Some(server) = Stat::of(backend).map(|stat| stat.parent) else { return Duration::ZERO };
    let own = Stat::of(server).map(|stat| stat.own + stat.ended_children).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    own + processes.filter_map(Stat::of).filter(|stat| stat.parent == server).map(|stat| stat.own).sum::<Duration>()
}

struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn of(process: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name stands in brackets and may hold anything; the parent is the second field after it.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |a: usize, b: usize| -> Option<Duration> {
            Some(TICK * (fields.get(a)?.parse::<u32>().ok()? + fields.get(b)?.parse::<u32>().ok()?))
        };
        Some(Self { parent: fields.get(1)?.parse().ok()?, own: ticks(11, 12)?, ended_children: ticks(13, 14)? })
    }
}

/// Passwords.
pub struct Seeded {
    /// Of the charge points of the load, by number.
    load: Vec<String>,
    /// Of the one whose page is measured.
    shown: String,
}

/// The demo's stations, and one with all the charge points of the load.
pub async fn seed(db: &Db, count: usize) -> Seeded {
    let demo = server::seed::demo(db).await.unwrap();
    let shown = demo.into_iter().find(|c| c.identity.as_str() == SHOWN).unwrap().password;
    let tariff = Tariffs::new(db.clone()).ensure_standard("Стандартный").await.unwrap();
    let charge_points = (0..count)
        .map(|n| SeedChargePoint {
            identity: OcppIdentity::parse(&format!("LOAD-{n:05}")).unwrap(),
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
        partner: NewPartner { name: "Load".into(), tin: "22222222222222".into(), share_bp: 0 },
        stations: vec![SeedStation {
            name: "Load".into(),
            address: "Load".into(),
            latitude_e7: 0,
            longitude_e7: 0,
            helpline: server::demo::plan::HELPLINE.into(),
            seller_name: "Load".into(),
            seller_tin: "22222222222222".into(),
            charge_points,
        }],
    };
    let seeded = Stations::new(db.clone(), Arc::new(LocalBus::new())).seed(plan).await.unwrap();
    Seeded { load: seeded.into_iter().map(|c| c.password).collect(), shown }
}

/// Connects the charge point whose page is measured, and waits until that page offers its connector for sale.
pub async fn for_sale(url: &str, seeded: &Seeded) -> VirtualChargePoint {
    let mut charger = Config::dc(SHOWN);
    charger.connectors = vec![charger.connectors[0].clone(); 2];
    let client = ClientConfig::new(ocpp_url(url), charger).password(seeded.shown.clone());
    let charge_point = VirtualChargePoint::connect(client).await.unwrap();
    let give_up = Instant::now() + READY_WITHIN;
    while !page(&reqwest::Client::new(), &format!("{url}/q/{CODE}")).await {
        assert!(Instant::now() < give_up, "the connector is not for sale");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    charge_point
}

/// Whether the page came, and offers the connector for sale.
async fn page(client: &reqwest::Client, address: &str) -> bool {
    let Ok(answer) = client.get(address).send().await else { return false };
    answer.status().is_success() && answer.text().await.is_ok_and(|html| html.contains(FOR_SALE))
}

fn ocpp_url(url: &str) -> String {
    format!("{}/ocpp", url.replacen("http", "ws", 1))
}

/// `http://` and a free port of this machine.
pub fn free_url() -> String {
    format!("http://{}", std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap())
}

/// Starts `evp serve` at the URL and waits until it is ready.
pub async fn serve(database_url: &str, url: &str) -> Process {
    let nowhere = "http://127.0.0.1:9/".to_owned();
    let env: BTreeMap<&str, String> = [
        ("DATABASE_URL", database_url.to_owned()),
        ("EVP_LISTEN", url.trim_start_matches("http://").to_owned()),
        ("EVP_PUBLIC_URL", url.to_owned()),
        ("EVP_NAMBA_URL", nowhere.clone()),
        ("EVP_NAMBA_MERCHANT", SystemIds.uuid().to_string()),
        ("EVP_NAMBA_SECRET", SystemIds.token(32)),
        ("EVP_NIKITA_URL", nowhere),
        ("EVP_NIKITA_LOGIN", "bench".to_owned()),
        ("EVP_NIKITA_PASSWORD", SystemIds.token(16)),
        ("EVP_NIKITA_SENDER", "RedPetrol".to_owned()),
        ("EVP_HELPLINE", server::demo::plan::HELPLINE.to_owned()),
        ("EVP_METER_INTERVAL_S", "60".to_owned()),
        ("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "off".to_owned())),
    ]
    .into_iter()
    .collect();
    let child = Command::new(env!("CARGO_BIN_EXE_evp"))
        .args(["--die-with-parent", "serve"])
        .envs(env)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let server = Process(child);
    let give_up = Instant::now() + READY_WITHIN;
    while !reqwest::get(format!("{url}/readyz")).await.is_ok_and(|a| a.status().is_success()) {
        assert!(Instant::now() < give_up, "the server did not become ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server
}

/// The charge points from number `first` on, at the server of this URL.
pub fn load(url: &str, seeded: &Seeded, first: usize, count: usize, work: Work, duration: Duration) -> LoadPlan {
    LoadPlan {
        url: ocpp_url(url),
        identity: "LOAD-{n}".to_owned(),
        first,
        count,
        password: None,
        passwords: seeded.load[first..first + count].to_vec(),
        id_tag: "LOAD".to_owned(),
        remote_start: false,
        work,
        version: simulator::Version::V16,
        duration,
        connect_at_once: 32,
    }
}

/// How long pages took.
pub struct Pages {
    /// When it was due, since the first; and how long it took.
    timed: Vec<(Duration, Duration)>,
    sorted: Vec<Duration>,
    pub failed: usize,
}

impl Pages {
    pub fn percentile(&self, percent: usize) -> Duration {
        self.sorted.get(self.sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// How many were slower, and when the first and the last of them were asked for.
    pub fn slower_than(&self, limit: Duration) -> Option<(usize, Duration, Duration)> {
        let due = || self.timed.iter().filter(|(_, took)| *took > limit).map(|(due, _)| *due);
        Some((due().count(), due().min()?, due().max()?))
    }
}

/// Asks for the page of the connector for sale. Open loop: requests leave by the clock, however slow the answers are.
pub async fn pages(url: &str, per_second: u32, at_most: u32, stop: &CancellationToken) -> Pages {
    let client = reqwest::Client::builder().pool_max_idle_per_host(64).build().unwrap();
    let address = format!("{url}/q/{CODE}");
    let tasks = tokio_util::task::TaskTracker::new();
    let (sender, mut latencies) = tokio::sync::mpsc::unbounded_channel();
    let begun = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
    for _ in 0..at_most {
        let due = tokio::select! {
            due = tick.tick() => due,
            () = stop.cancelled() => break,
        };
        let (client, address, sender) = (client.clone(), address.clone(), sender.clone());
        tasks.spawn(async move {
            let is_good = page(&client, &address).await;
            let _ = sender.send((is_good, due - begun, due.elapsed()));
        });
    }
    drop(sender);
    let (mut timed, mut failed) = (Vec::new(), 0);
    while let Some((is_good, due, elapsed)) = latencies.recv().await {
        if is_good { timed.push((due, elapsed)) } else { failed += 1 }
    }
    let mut sorted: Vec<_> = timed.iter().map(|(_, elapsed)| *elapsed).collect();
    sorted.sort_unstable();
    Pages { timed, sorted, failed }
}
