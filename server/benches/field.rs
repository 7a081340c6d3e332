//! `make bench`: what the field asks of the server, and the same work on a central system made of the Python package `ocpp` that stores
//! nothing. One run, one machine, one load generator; each figure stands beside its peer, and what took the processor beside both.
//!
//! Absolute figures are noisy on a shared machine: the ratios are what counts. With `-- --statements` PostgreSQL counts the statements
//! of the saturated phases, which is how docs/ARCHITECTURE.md ("What bounds it") was written; `busy`, `held` and `storm` name parts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for a developer's terminal")]

mod support;

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use api::i18n::Locale;
use domain::charging::hold::Limit;
use domain::{ConnectorId, Tyiyn};
use localpg::{Cluster, Options};
use platform::charging::{BeginRefusal, Charging, ChargingError, ChargingSettings, PayerKind, StartRequest};
use platform::db::{self, Db, DbOptions};
use platform::ledger::{self, AccountCode, NewEntry};
use platform::{LocalBus, SystemClock, SystemIds};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::SecretString;
use simulator::load::{LoadReport, Work};
use simulator::system_clock;
use sqlx::{Connection as _, PgConnection};
use support::{Pages, Process, Seeded, load, own_cpu, pages, postgres_cpu, serve};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Of the issue.
const BUSY: usize = 1_000;
const HELD: usize = 10_000;
const STORM: usize = 5_000;
const TIMES_MIN: u64 = 10;
const P99_MAX: Duration = Duration::from_millis(50);
const BYTES_MAX: u64 = 20_000;
const STORM_AIM: Duration = Duration::from_secs(15);
const PAGE_P99_MAX: Duration = Duration::from_millis(100);
/// Files that a process needs beside its sockets.
const FILES: u64 = 500;
/// Long enough for a checkpoint to begin in it; short enough that all of `make bench` ends in minutes.
const SATURATED: Duration = Duration::from_secs(15);
const PACED: Duration = Duration::from_secs(15);
const PLAIN: Duration = Duration::from_secs(8);
/// Pages asked for while the storm lasts.
const PAGES_PER_SECOND: u32 = 50;
/// So long is waited for what a part leaves to be done.
const REST_MAX: Duration = Duration::from_secs(45);
/// A storm that is not over then counts as failed.
const STORM_MAX: Duration = Duration::from_secs(90);
/// More than any session of the figures costs: none is stopped.
const PREPAID_SOM: i64 = 10_000;
const DATABASE: &str = "field";
/// What an operator would give a database that is written to all day; all else, fsync too, is PostgreSQL's default.
const SETTINGS: [(&str, &str); 4] =
    [("shared_buffers", "512MB"), ("min_wal_size", "4GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "15min")];

fn main() {
    let held = u64::try_from(HELD).unwrap();
    let files = open_files(held + FILES);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(usize::try_from(files.saturating_sub(FILES).min(held)).unwrap()));
}

/// Raises the limit of open files for this process and those that it starts; what it is then.
fn open_files(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let possible = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < possible) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: limit.maximum }).unwrap();
    }
    getrlimit(Resource::Nofile).current.unwrap_or(wanted)
}

/// A central system under load.
struct Rival {
    name: &'static str,
    url: String,
    process: Process,
    /// One of the processes of the database behind it.
    backend: Option<u32>,
}

struct Bench {
    database_url: String,
    seeded: Seeded,
    payers: Payers,
    admin: PgConnection,
    /// The process behind it.
    backend: u32,
    statements: bool,
}

async fn run(held: usize) {
    let statements = std::env::args().any(|argument| argument == "--statements");
    let cluster = tokio::task::spawn_blocking(move || start_database(statements)).await.unwrap();
    let mut postgres = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    localpg::recreate_database(&mut postgres, DATABASE).await.unwrap();
    postgres.close().await.unwrap();
    let database_url = by_socket(&cluster, DATABASE);
    platform::db::migrate(&SecretString::from(database_url.clone())).await.unwrap();
    let options = DbOptions { max_connections: 4, ..DbOptions::new(database_url.clone()) };
    let db = Db::connect(&options, Arc::new(SystemClock), Arc::new(SystemIds)).await.unwrap();
    let seeded = support::seed(&db, HELD).await;
    let mut admin = PgConnection::connect(&database_url).await.unwrap();
    let payers = Payers::new(db, &mut admin).await;
    sqlx::raw_sql("vacuum analyze").execute(&mut admin).await.unwrap();
    let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut admin).await.unwrap();
    let version: String = sqlx::query_scalar("show server_version").fetch_one(&mut admin).await.unwrap();
    let backend = u32::try_from(backend).unwrap();
    let mut bench = Bench { database_url, seeded, payers, admin, backend, statements };

    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let settings = SETTINGS.map(|(name, value)| format!("{name} = {value}")).join(", ");
    println!("Every charger in the field: this server, and a central system of the Python package `ocpp` that stores nothing");
    println!("  {cores} cores for the generator, the server and PostgreSQL {version} (fsync on, {settings})");
    println!("  OCPP 1.6; each charge point waits for its answer before it says more; ours is durable before it is answered");

    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    if is_wanted("busy") {
        bench.busy().await;
    }
    if is_wanted("held") {
        bench.held(held).await;
    }
    if is_wanted("storm") {
        bench.storm().await;
    }
    bench.admin.close().await.unwrap();
    bench.payers.db.close().await;
    tokio::task::spawn_blocking(move || cluster.stop()).await.unwrap().unwrap();
}

fn start_database(statements: bool) -> Cluster {
    let cache =
        ["EVP_CACHE", "CARGO_TARGET_DIR"].into_iter().find_map(std::env::var_os).map_or_else(|| "target".into(), PathBuf::from);
    let mut options = Options { settings: SETTINGS.to_vec(), ..Options::new(cache.join("bench-cluster")) };
    if statements {
        options.settings.push(("shared_preload_libraries", "pg_stat_statements"));
    }
    options.settings.push(("unix_socket_directories", "."));
    Cluster::start(&options).unwrap()
}

/// The way to the database by its socket, as on one machine: TCP costs both ends more. The path of a socket may have 107 bytes.
fn by_socket(cluster: &Cluster, database: &str) -> String {
    let data = cluster.dir().join("data");
    let mut url = url::Url::parse(&cluster.url(database)).unwrap();
    if data.as_os_str().len() < 80 {
        url.query_pairs_mut().append_pair("host", &data.to_string_lossy());
    }
    url.to_string()
}

/// The peer; it answers when this returns.
fn python() -> Rival {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let caches = || std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("red-petroleum-ev");
    let program = std::env::var_os("EVP_CACHE").map_or_else(caches, PathBuf::from).join("peers/bin/python");
    assert!(program.exists(), "{} is not there: run scripts/setup bench", program.display());
    let url = support::free_url();
    let mut child = Command::new(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/central_system.py"))
        .arg(url.rsplit(':').next().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Rival { name: "Python", url, process: Process(child), backend: None }
}

/// Guests on a thread of their own: a page must not wait for the charge points of the generator.
async fn guests(url: String, at_most: u32, over: CancellationToken) -> Pages {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(pages(&url, PAGES_PER_SECOND, at_most, &over))
    });
    thread.await.unwrap()
}

/// Processor time of the generator, the server and the database.
#[derive(Clone, Copy)]
struct Cpu([Duration; 3]);

impl Cpu {
    fn of(rival: &Rival) -> Self {
        Self([own_cpu(), rival.process.cpu(), rival.backend.map(postgres_cpu).unwrap_or_default()])
    }

    fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n].saturating_sub(before.0[n])))
    }

    /// µs a message.
    fn per(self, messages: u64) -> String {
        let [generator, server, database] = self.0.map(|d| u64::try_from(d.as_micros()).unwrap() / messages.max(1));
        format!("{generator} + {server} + {database}")
    }
}

/// People who pay at the charge points of the load, as the pages would have it: money in the ledger, a hold, a session, a command to
/// start. Whom nobody pays for is told to stop again and again, and that is another load.
struct Payers {
    db: Db,
    charging: Charging,
    connectors: Vec<ConnectorId>,
}

impl Payers {
    async fn new(db: Db, admin: &mut PgConnection) -> Self {
        let connectors: Vec<Uuid> = sqlx::query_scalar(
            "select c.id from connector c join charge_point p on p.id = c.charge_point_id
            where p.identity like 'LOAD-%' order by p.identity",
        )
        .fetch_all(admin)
        .await
        .unwrap();
        let charging = Charging::new(db.clone(), Arc::new(LocalBus::new()), ChargingSettings::default());
        Self { db, charging, connectors: connectors.into_iter().map(ConnectorId::from_uuid).collect() }
    }

    /// Begins a session at each of so many connectors, once it is free.
    async fn begin(&self, count: usize) {
        for connector in &self.connectors[..count] {
            while let Err(refusal) = self.begin_at(*connector).await {
                // A database that was too busy for it is asked again.
                let is_later = match &refusal {
                    BeginRefusal::InsufficientFunds => false,
                    BeginRefusal::Internal(error) => error.is_transient(),
                    BeginRefusal::Busy | BeginRefusal::Offline | BeginRefusal::OutOfOrder => true,
                };
                assert!(is_later, "{refusal}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn begin_at(&self, connector_id: ConnectorId) -> Result<(), BeginRefusal> {
        let charging = self.charging.clone();
        db::tx(&self.db, move |mut tx| {
            let charging = charging.clone();
            async move {
                let driver = tx.uuid();
                let (account, amount) = (AccountCode::Driver(driver), Tyiyn::from_som(PREPAID_SOM).unwrap());
                let paid = NewEntry::new("paid", format!("paid:{driver}"), "Paid", tx.now())
                    .debit(AccountCode::NambaClearing, amount)
                    .credit(account.clone(), amount);
                ledger::post(&mut tx, &paid).await.map_err(ChargingError::from)?;
                let request = StartRequest {
                    connector_id,
                    payer_kind: PayerKind::Sandbox,
                    payer_id: driver,
                    payer_account: account,
                    locale: Locale::Ru,
                    limit: Some(Limit::Amount(amount)),
                    agreed: amount,
                    contract: None,
                    payment_reference: None,
                };
                charging.begin(&mut tx, request).await?;
                Ok(())
            }
        })
        .await
    }
}

/// Connections that are there and do nothing.
struct Held {
    connected: u64,
    connect_ms: u64,
    before_kib: u64,
    with_them_kib: u64,
}

impl Held {
    fn bytes_each(&self) -> u64 {
        self.with_them_kib.saturating_sub(self.before_kib) * 1024 / self.connected.max(1)
    }

    fn resident(&self) -> String {
        format!("{} → {} KiB", self.before_kib, self.with_them_kib)
    }
}

/// Runs a plan that is busy from when all are connected, with the processor time from then on.
async fn measure(rival: &Rival, payers: &Payers, seeded: &Seeded, work: Work, duration: Duration) -> (LoadReport, Cpu) {
    let mut plan = load(&rival.url, seeded, 0, BUSY, work, duration);
    plan.remote_start = rival.backend.is_some() && matches!(work, Work::MeterValues { .. });
    let is_paid = plan.remote_start;
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let running = simulator::load::run(plan, system_clock(), CancellationToken::new(), Some(ready));
    let measured = async {
        is_ready.await.unwrap();
        let before = Cpu::of(rival);
        tokio::time::sleep(duration).await;
        Cpu::of(rival).since(before)
    };
    let paid = async {
        if is_paid {
            payers.begin(BUSY).await;
        }
    };
    let (report, cpu, ()) = tokio::join!(running, measured, paid);
    assert_eq!((report.failed, report.errors), (0, 0), "{}: {report}", rival.name);
    (report, cpu)
}

/// Says of an aim whether it was met.
fn aim(what: &str, is_met: bool) {
    println!("  aim: {what}: {}", if is_met { "met" } else { "NOT MET" });
}

/// One line of the table.
fn row(what: &str, ours: &str, python: &str, ratio: &str) {
    println!("  {what:<34}{ours:>22}{python:>22}{ratio:>12}");
}

/// `a` in tens of `b`, written as a decimal fraction.
fn times(a: u64, b: u64) -> String {
    let tenths = a * 10 / b.max(1);
    format!("{}.{} x", tenths / 10, tenths % 10)
}

/// µs as ms.
fn ms(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

fn latencies(ours: &LoadReport, python: &LoadReport) {
    row("p50", &ms(ours.p50_us), &ms(python.p50_us), "");
    row("p99", &ms(ours.p99_us), &ms(python.p99_us), "");
}

/// MeterValues at half the rate of a run that was as fast as it could be.
fn half(report: &LoadReport) -> Work {
    let busy = u64::try_from(BUSY).unwrap();
    Work::MeterValues { every: Some(Duration::from_micros(2 * busy * 1_000_000 / report.calls_per_second.max(1))) }
}

impl Bench {
    /// Both, as they are just after their start: what one part leaves in their memory is no part of the next.
    async fn rivals(&self) -> [Rival; 2] {
        let url = support::free_url();
        let process = serve(&self.database_url, &url).await;
        [Rival { name: "ours", url, process, backend: Some(self.backend) }, python()]
    }

    async fn busy(&mut self) {
        let rivals = self.rivals().await;
        println!("\nHeartbeats of {BUSY} charge points, as fast as they are answered");
        self.saturated(&rivals, Work::Heartbeats { every: None }, PLAIN).await;
        println!("\nMeterValues of {BUSY} (energy and power, in paid sessions), as fast as they are answered");
        let (ours, python) = self.saturated(&rivals, Work::MeterValues { every: None }, SATURATED).await;
        let enough = ours.calls_per_second >= python.calls_per_second * TIMES_MIN;
        aim(&format!("at least {TIMES_MIN} times the Python server's"), enough);
        println!("\nMeterValues of {BUSY} at half of each one's maximum");
        let paced = self.paced(&rivals, &ours, &python).await;
        aim(&format!("p99 at most {} ms", P99_MAX.as_millis()), Duration::from_micros(paced.p99_us) <= P99_MAX);
        println!("\nMeterValues with fsync off, for what the disk costs");
        self.without_fsync(&rivals[0], Work::MeterValues { every: None }, PLAIN).await;
        println!("\nThe same at half of the maximum: what is slow then does not wait for the disk");
        self.without_fsync(&rivals[0], half(&ours), PACED).await;
    }

    async fn saturated(&mut self, [ours, python]: &[Rival; 2], work: Work, duration: Duration) -> (LoadReport, LoadReport) {
        if self.statements {
            self.forget_statements().await;
        }
        let (our, our_cpu) = measure(ours, &self.payers, &self.seeded, work, duration).await;
        if self.statements {
            self.tell_statements(our.calls).await;
        }
        let (their, their_cpu) = measure(python, &self.payers, &self.seeded, work, duration).await;
        row("", ours.name, python.name, "ratio");
        let ratio = times(our.calls_per_second, their.calls_per_second);
        row("messages/s", &our.calls_per_second.to_string(), &their.calls_per_second.to_string(), &ratio);
        latencies(&our, &their);
        row("µs: generator + server + database", &our_cpu.per(our.calls), &their_cpu.per(their.calls), "");
        (our, their)
    }

    /// The report of ours, at half of these.
    async fn paced(&mut self, [ours, python]: &[Rival; 2], our: &LoadReport, their: &LoadReport) -> LoadReport {
        self.rest().await;
        let (our, our_cpu) = measure(ours, &self.payers, &self.seeded, half(our), PACED).await;
        let (their, their_cpu) = measure(python, &self.payers, &self.seeded, half(their), PACED).await;
        row("", ours.name, python.name, "");
        row("messages/s", &our.calls_per_second.to_string(), &their.calls_per_second.to_string(), "");
        latencies(&our, &their);
        row("µs: generator + server + database", &our_cpu.per(our.calls), &their_cpu.per(their.calls), "");
        our
    }

    async fn without_fsync(&mut self, ours: &Rival, work: Work, duration: Duration) {
        self.rest().await;
        self.set_fsync("alter system set fsync = off").await;
        let (our, cpu) = measure(ours, &self.payers, &self.seeded, work, duration).await;
        self.set_fsync("alter system reset fsync").await;
        row("messages/s", &our.calls_per_second.to_string(), "", "");
        row("p50, p99", &format!("{}, {}", ms(our.p50_us), ms(our.p99_us)), "", "");
        row("µs: generator + server + database", &cpu.per(our.calls), "", "");
    }

    async fn set_fsync(&mut self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.admin).await.unwrap();
        sqlx::raw_sql("select pg_reload_conf()").execute(&mut self.admin).await.unwrap();
    }

    async fn held(&self, count: usize) {
        println!("\n{count} connections held, all booted");
        if count < HELD {
            println!("  the limit of open files forbids {HELD}");
        }
        let rivals = self.rivals().await;
        let (ours, python) = (self.hold(&rivals[0], count).await, self.hold(&rivals[1], count).await);
        row("", rivals[0].name, rivals[1].name, "ratio");
        row("connected", &ours.connected.to_string(), &python.connected.to_string(), "");
        row("within", &format!("{} ms", ours.connect_ms), &format!("{} ms", python.connect_ms), "");
        row("RSS before → with them", &ours.resident(), &python.resident(), "");
        let shown = |held: &Held| format!("{}.{} KB", held.bytes_each() / 1000, held.bytes_each() % 1000 / 100);
        row("each", &shown(&ours), &shown(&python), &times(ours.bytes_each(), python.bytes_each()));
        aim(&format!("{} KB each at most", BYTES_MAX / 1000), ours.bytes_each() <= BYTES_MAX);
    }

    async fn hold(&self, rival: &Rival, count: usize) -> Held {
        let before_kib = rival.process.rss_kib();
        let stop = CancellationToken::new();
        let plan = load(&rival.url, &self.seeded, 0, count, Work::Idle, Duration::from_secs(600));
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let running = simulator::load::run(plan, system_clock(), stop.clone(), Some(ready));
        let measured = async {
            let connected = is_ready.await.unwrap();
            let with_them_kib = rival.process.rss_kib();
            stop.cancel();
            (connected, with_them_kib)
        };
        let (report, (connected, with_them_kib)) = tokio::join!(running, measured);
        Held { connected, connect_ms: report.connect_ms, before_kib, with_them_kib }
    }

    async fn storm(&mut self) {
        println!("\nA storm: {STORM} lose their link at once, come back, boot and tell their status");
        self.rest().await;
        let rivals = self.rivals().await;
        let shown = support::for_sale(&rivals[0].url, &self.seeded).await;
        let (ours, our_cpu, pages) = self.blow(&rivals[0]).await;
        if self.statements {
            self.tell_statements(ours.wanted as u64).await;
        }
        shown.shutdown().await;
        let (python, their_cpu, _) = self.blow(&rivals[1]).await;
        let time = |report: &LoadReport| report.storm_ms.map_or_else(|| "not in time".to_owned(), |t| format!("{t} ms"));
        row("", rivals[0].name, rivals[1].name, "ratio");
        let ratio = ours.storm_ms.zip(python.storm_ms).map(|(a, b)| times(a, b)).unwrap_or_default();
        row("all are back after", &time(&ours), &time(&python), &ratio);
        row("half of them after", &ms(ours.p50_us), &ms(python.p50_us), "");
        let each = u64::try_from(STORM).unwrap();
        row("µs: generator + server + database", &our_cpu.per(each), &their_cpu.per(each), "");
        aim(
            &format!("{} s at most", STORM_AIM.as_secs()),
            ours.storm_ms.is_some_and(|t| Duration::from_millis(t) <= STORM_AIM),
        );
        let (p50, p99, failed) = (pages.percentile(50), pages.percentile(99), pages.failed);
        println!(
            "  a guest's page for sale meanwhile, {PAGES_PER_SECOND} a second: p50 {p50:?}, p99 {p99:?}; {} came, {failed} failed",
            pages.count()
        );
        if let Some((count, first, last)) = pages.slower_than(PAGE_P99_MAX) {
            println!("  {count} slower than {PAGE_P99_MAX:?}, asked for {first:.1?} to {last:.1?} after its beginning");
        }
        aim(&format!("p99 at most {} ms", PAGE_P99_MAX.as_millis()), failed == 0 && p99 <= PAGE_P99_MAX);
    }

    /// The storm, what it took of the processor, and the pages that were asked for meanwhile (Python has none).
    async fn blow(&mut self, rival: &Rival) -> (LoadReport, Cpu, Pages) {
        let plan = load(&rival.url, &self.seeded, 0, STORM, Work::Storm, STORM_MAX);
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let over = CancellationToken::new();
        let running = async {
            let report = simulator::load::run(plan, system_clock(), CancellationToken::new(), Some(ready)).await;
            over.cancel();
            (report, Cpu::of(rival))
        };
        let is_ours = rival.backend.is_some();
        let asked = async {
            is_ready.await.unwrap();
            if self.statements && is_ours {
                self.forget_statements().await;
            }
            let before = Cpu::of(rival);
            let at_most = if rival.backend.is_some() { u32::MAX } else { 0 };
            (before, guests(rival.url.clone(), at_most, over.clone()).await)
        };
        let ((report, after), (before, pages)) = tokio::join!(running, asked);
        (report, after.since(before), pages)
    }

    /// Waits until the server has done what the part before left to it: refunds, receipts, settings. After the checkpoint the log is written
    /// into files that are there already, as it is in a database that has run for an hour.
    async fn rest(&mut self) {
        let until = tokio::time::Instant::now() + REST_MAX;
        loop {
            let left: i64 = sqlx::query_scalar(
                "select (select count(*) from job where parked_at is null and run_at <= now())
                    + (select count(*) from command k join charge_point p on p.id = k.charge_point_id
                        where k.state in ('queued', 'sent') and p.connected_at is not null and p.disconnected_at is null)",
            )
            .fetch_one(&mut self.admin)
            .await
            .unwrap();
            if left == 0 || tokio::time::Instant::now() >= until {
                break println!("  (at rest: {left} left)");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        sqlx::raw_sql("checkpoint").execute(&mut self.admin).await.unwrap();
    }

    async fn forget_statements(&mut self) {
        sqlx::raw_sql("create extension if not exists pg_stat_statements").execute(&mut self.admin).await.unwrap();
        sqlx::raw_sql("select pg_stat_statements_reset()").execute(&mut self.admin).await.unwrap();
    }

    /// What PostgreSQL did for so many messages.
    async fn tell_statements(&mut self, messages: u64) {
        let rows: Vec<(i64, i64, i64, i64, String)> = sqlx::query_as(
            "select calls, rows, (total_exec_time * 1000)::bigint, wal_bytes::bigint,
                regexp_replace(left(query, 90), '\\s+', ' ', 'g')
            from pg_stat_statements order by total_exec_time desc limit 12",
        )
        .fetch_all(&mut self.admin)
        .await
        .unwrap();
        println!("  {messages} messages; statements by their time: calls, rows, µs in all, bytes of WAL");
        for (calls, rows, us, wal, query) in rows {
            println!("    {calls:>9} {rows:>10} {us:>11} {wal:>12}  {query}");
        }
    }
}
