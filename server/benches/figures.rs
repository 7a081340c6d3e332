//! `make bench`: the figures of a release build. The server is a process of its own; the load comes from this one.
//!
//! Absolute times are noisy on a shared machine: compare within one run. What bounds a figure is printed beside it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for a developer's terminal")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::stations::PlugType;
use domain::{OcppIdentity, Watt};
use platform::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, Stations};
use platform::tariffs::Tariffs;
use platform::testing::TestDb;
use platform::{Ids, LocalBus, SystemIds};
use simulator::load::{LoadPlan, LoadReport, Work};
use simulator::system_clock;
use tokio_util::sync::CancellationToken;

/// Of the issue: MeterValues from so many.
const BUSY: usize = 200;
/// Of the issue: idle ones, for the memory of a connection.
const IDLE: usize = 2_000;
const PAGE_REQUESTS_PER_SECOND: u32 = 200;
const PAGE_SECONDS: u32 = 15;
const METER_SECONDS: u64 = 20;
const CODE: &str = "CHUYB2";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let database = TestDb::new().await;
    let passwords = seed(&database).await;
    let listen = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let url = format!("http://{listen}");
    let server = start(&database, &url, &listen.to_string());
    until_ready(&url).await;

    println!("The page of a connector, GET /q/{CODE}");
    sizes(&url).await;
    page(&url).await;

    println!("\nMemory of a connection (RSS of the server's process)");
    let before = server.rss_kib();
    let (mut plan, stop) = (load(&url, &passwords, BUSY, IDLE, Work::Idle), CancellationToken::new());
    plan.duration = Duration::from_secs(600);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let running = simulator::load::run(plan, system_clock(), stop.clone(), Some(ready));
    let measured = async {
        let connected = is_ready.await.unwrap_or(0);
        let after = server.rss_kib();
        println!("  0 connections           {before} KiB");
        println!("  {connected} idle connections   {after} KiB");
        println!("  each                    {} KiB   (aim: at most 30)", after.saturating_sub(before) / connected.max(1));
        stop.cancel();
    };
    let _ = tokio::join!(running, measured);

    println!("\nOCPP 1.6 MeterValues, durable before answered, from {BUSY} charge points");
    let mut plan = load(&url, &passwords, 0, BUSY, Work::MeterValues { every: None });
    plan.duration = Duration::from_secs(METER_SECONDS);
    let report: LoadReport = simulator::load::run(plan, system_clock(), CancellationToken::new(), None).await;
    for line in report.to_string().lines() {
        println!("  {line}");
    }
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!(
        "  generator, server and PostgreSQL (fsync off) share {cores} cores; each message is two rows of the log and one sample"
    );
}

/// The demo's stations, and one with all the charge points of the load. Passwords by number.
async fn seed(database: &TestDb) -> Vec<String> {
    let db = database.with_system_clock().await;
    server::seed::demo(&db).await.unwrap();
    let tariff = Tariffs::new(db.clone()).ensure_standard("Стандартный").await.unwrap();
    let charge_points = (0..BUSY + IDLE)
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
    db.close().await;
    seeded.into_iter().map(|c| c.password).collect()
}

fn start(database: &TestDb, url: &str, listen: &str) -> Server {
    let nowhere = "http://127.0.0.1:9/".to_owned();
    let env: BTreeMap<&str, String> = [
        ("DATABASE_URL", database.url().to_owned()),
        ("EVP_LISTEN", listen.to_owned()),
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
        ("RUST_LOG", "error".to_owned()),
    ]
    .into_iter()
    .collect();
    let child = Command::new(env!("CARGO_BIN_EXE_evp"))
        .args(["--die-with-parent", "serve"])
        .envs(env)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Server(child)
}

async fn until_ready(url: &str) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !reqwest::get(format!("{url}/readyz")).await.is_ok_and(|a| a.status().is_success()) {
        assert!(Instant::now() < give_up, "the server did not become ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn load(url: &str, passwords: &[String], first: usize, count: usize, work: Work) -> LoadPlan {
    LoadPlan {
        url: format!("{}/ocpp", url.replacen("http", "ws", 1)),
        identity: "LOAD-{n}".to_owned(),
        first,
        count,
        password: None,
        passwords: passwords[first..first + count].to_vec(),
        id_tag: "LOAD".to_owned(),
        work,
        version: simulator::Version::V16,
        duration: Duration::from_secs(METER_SECONDS),
        connect_at_once: 32,
    }
}

/// Bytes on the wire, by the programs that a browser's peer would use.
async fn sizes(url: &str) {
    let html = reqwest::get(format!("{url}/q/{CODE}")).await.unwrap().bytes().await.unwrap();
    println!("  HTML, gzip              {} bytes   (aim: at most 20 480)", compressed("gzip", &["-9", "-c"], &html));
    let package = PathBuf::from(std::env::var("EVP_SITE_ROOT").unwrap_or_else(|_| "target/site".to_owned())).join("pkg");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&package).map(|d| d.filter_map(|e| Some(e.ok()?.path())).collect()).unwrap_or_default();
    let of = |ending: &str, program: &str, arguments: &[&str]| -> usize {
        let wanted = files.iter().filter(|p| p.extension().is_some_and(|e| e == ending));
        wanted.map(|p| compressed(program, arguments, &std::fs::read(p).unwrap())).sum()
    };
    println!("  CSS, gzip               {} bytes   (aim: at most 15 360)", of("css", "gzip", &["-9", "-c"]));
    let (js, wasm) = (of("js", "brotli", &["-q", "11", "-c"]), of("wasm", "brotli", &["-q", "11", "-c"]));
    println!("  JS + WASM, brotli       {js} + {wasm} = {} bytes   (aim: at most 112 640)", js + wasm);
}

fn compressed(program: &str, arguments: &[&str], bytes: &[u8]) -> usize {
    use std::io::Write as _;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout.len()
}

/// Open loop: requests leave by the clock, however slow the answers are.
async fn page(url: &str) {
    let client = reqwest::Client::builder().pool_max_idle_per_host(64).build().unwrap();
    let address = format!("{url}/q/{CODE}");
    let tasks = tokio_util::task::TaskTracker::new();
    let (sender, mut latencies) = tokio::sync::mpsc::unbounded_channel();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PAGE_REQUESTS_PER_SECOND);
    let total = PAGE_REQUESTS_PER_SECOND * PAGE_SECONDS;
    for _ in 0..total {
        let due = tick.tick().await;
        let (client, address, sender) = (client.clone(), address.clone(), sender.clone());
        tasks.spawn(async move {
            let answer = client.get(address).send().await;
            let is_good = match answer {
                Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
                Err(_) => false,
            };
            let _ = sender.send((is_good, due.elapsed()));
        });
    }
    drop(sender);
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some((is_good, elapsed)) = latencies.recv().await {
        if is_good { times.push(elapsed) } else { failed += 1 }
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    println!(
        "  {PAGE_REQUESTS_PER_SECOND} requests/s for {PAGE_SECONDS} s    p50 {:?}, p99 {:?}, failed {failed}   (aim: p99 at most 10 ms)",
        at(50),
        at(99)
    );
}
