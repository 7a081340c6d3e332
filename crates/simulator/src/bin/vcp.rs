//! `vcp`: virtual charge points from the command line.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use simulator::load::{self, LoadPlan, Work};
use simulator::{Car, ClientConfig, Config, Fault, Robot, Version, VirtualChargePoint, system_clock};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[derive(Parser)]
#[command(name = "vcp", about = "Virtual charge points: OCPP 1.6 and 2.0.1")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One charge point, led by lines on the standard input ("help" lists them).
    Run(Run),
    /// Many light charge points, each with a transaction, sending MeterValues (2.0.1: TransactionEvent).
    Load(Load),
    /// Many light charge points that only stay connected.
    Idle(Idle),
    /// Many light charge points that lose their links at the same moment, and come back.
    Storm(Idle),
}

#[derive(Clone, Copy, ValueEnum)]
enum Speaks {
    #[value(name = "1.6")]
    V16,
    #[value(name = "2.0.1")]
    V201,
}

impl From<Speaks> for Version {
    fn from(speaks: Speaks) -> Self {
        match speaks {
            Speaks::V16 => Self::V16,
            Speaks::V201 => Self::V201,
        }
    }
}

#[derive(Args)]
struct Server {
    /// Without the identity.
    #[arg(long, default_value = "ws://127.0.0.1:3000/ocpp")]
    url: String,
    /// For Basic auth.
    #[arg(long, env = "VCP_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The version of OCPP.
    #[arg(long, value_enum, default_value = "1.6")]
    ocpp: Speaks,
}

#[derive(Clone, Copy, ValueEnum)]
enum CurrentArg {
    Ac,
    Dc,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    server: Server,
    #[arg(long)]
    identity: String,
    #[arg(long, value_enum, default_value = "dc")]
    current: CurrentArg,
    #[arg(long, default_value_t = 1)]
    connectors: usize,
    #[arg(long)]
    power_w: Option<i64>,
    /// Energy flows so many times faster.
    #[arg(long, default_value_t = 1)]
    speed: u32,
    #[arg(long, default_value_t = 30)]
    meter_interval_s: u32,
    /// A driver who plugs in so many seconds after a remote start, and leaves as long after the end.
    #[arg(long)]
    robot_s: Option<u32>,
    /// What it gets wrong; may be given several times.
    #[arg(long)]
    fault: Vec<Fault>,
}

#[derive(Args)]
struct Many {
    #[command(flatten)]
    server: Server,
    /// `{n}` becomes the number, with leading zeros to five digits.
    #[arg(long, default_value = "LOAD-{n}")]
    identity: String,
    #[arg(long, default_value_t = 1)]
    first: usize,
    #[arg(long, default_value_t = 200)]
    count: usize,
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Handshakes at the same time.
    #[arg(long, default_value_t = 32)]
    connect_at_once: usize,
    /// The report as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Load {
    #[command(flatten)]
    many: Many,
    #[arg(long, default_value = "LOAD")]
    id_tag: String,
    /// Between two MeterValues of one charge point; without it they follow as fast as they are answered.
    #[arg(long)]
    every_ms: Option<u64>,
}

#[derive(Args)]
struct Idle {
    #[command(flatten)]
    many: Many,
}

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(run) => one(run).await,
        Command::Load(Load { many, id_tag, every_ms }) => {
            let work = Work::MeterValues { every: every_ms.map(Duration::from_millis) };
            crowd(many, id_tag, work).await
        }
        Command::Idle(Idle { many }) => crowd(many, String::new(), Work::Idle).await,
        Command::Storm(Idle { many }) => crowd(many, String::new(), Work::Storm).await,
    }
}

async fn crowd(many: Many, id_tag: String, work: Work) -> ExitCode {
    let plan = LoadPlan {
        url: many.server.url,
        identity: many.identity,
        first: many.first,
        count: many.count,
        password: many.server.password,
        passwords: vec![],
        id_tag,
        remote_start: false,
        work,
        version: many.server.ocpp.into(),
        duration: Duration::from_secs(many.seconds),
        connect_at_once: many.connect_at_once,
    };
    let wanted = plan.count;
    let cancel = CancellationToken::new();
    let (ready, is_ready) = oneshot::channel();
    let helpers = TaskTracker::new();
    helpers.spawn(async move {
        // On stderr: a script that measures the server waits for this line.
        if let Ok(connected) = is_ready.await {
            eprintln!("connected {connected} of {wanted}");
        }
    });
    let interrupted = cancel.clone();
    helpers.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let report = load::run(plan, system_clock(), cancel, Some(ready)).await;
    if many.json {
        match serde_json::to_string(&report) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("{error}"),
        }
    } else {
        println!("{report}");
    }
    if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const HELP: &str = "plug N [WH-WANTED] | unplug N | tag N ID-TAG | stop N | offline | online | half-open | reboot | reboot-hard | \
power-loss | power-back | break N | repair N | fault NAME | no-fault NAME | state | quit";

async fn one(run: Run) -> ExitCode {
    let mut config = match run.current {
        CurrentArg::Ac => Config::ac(&run.identity),
        CurrentArg::Dc => Config::dc(&run.identity),
    }
    .connectors(run.connectors)
    .speed(run.speed)
    .meter_interval_ms(run.meter_interval_s.saturating_mul(1000));
    config.version = run.server.ocpp.into();
    for connector in &mut config.connectors {
        connector.max_power_w = run.power_w.unwrap_or(connector.max_power_w);
    }
    for fault in run.fault {
        config.faults.set(fault);
    }
    config.robot = run.robot_s.map(|seconds| Robot {
        plug_after_ms: seconds.saturating_mul(1000),
        unplug_after_ms: seconds.saturating_mul(1000),
        car: Car::default(),
    });
    let client = ClientConfig { password: run.server.password, ..ClientConfig::new(run.server.url, config) };
    let car = VirtualChargePoint::start(client);
    let helpers = TaskTracker::new();
    helpers.spawn(tell(car.clone()));
    println!("{HELP}");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line,
            _ = tokio::signal::ctrl_c() => break,
        };
        match line {
            // Without a standard input it runs until it is interrupted.
            Ok(None) | Err(_) => {
                let _ = tokio::signal::ctrl_c().await;
                break;
            }
            Ok(Some(line)) if line.trim() == "quit" => break,
            Ok(Some(line)) => {
                if let Err(complaint) = obey(&car, &line).await {
                    println!("{complaint}");
                }
            }
        }
    }
    car.shutdown().await;
    ExitCode::SUCCESS
}

/// Prints what changes.
async fn tell(car: VirtualChargePoint) {
    let mut watch = car.watch();
    let mut told = BTreeMap::new();
    loop {
        let state = watch.borrow_and_update().clone();
        let mut lines = vec![(0, format!("link {}", if state.is_online() { "up" } else { "down" }))];
        for connector in &state.connectors {
            let energy = connector.energy_wh();
            lines.push((
                connector.id,
                format!("connector {} {} {energy} Wh {} W", connector.id, connector.status, connector.power_w),
            ));
        }
        for (id, line) in lines {
            if told.get(&id) != Some(&line) {
                println!("{line}");
                told.insert(id, line);
            }
        }
        if watch.changed().await.is_err() {
            return;
        }
    }
}

async fn obey(car: &VirtualChargePoint, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let connector = || {
        let word = words.get(1).copied().unwrap_or("1");
        word.parse::<u32>().map_err(|_| format!("'{word}' is no connector"))
    };
    match words.first().copied() {
        None => {}
        Some("plug") => {
            let arriving = match words.get(2) {
                None => Car::default(),
                Some(wanted_wh) => Car::wanting_wh(wanted_wh.parse().map_err(|_| "watt-hours are a number".to_owned())?),
            };
            car.plug_car(connector()?, arriving).await;
        }
        Some("unplug") => car.unplug(connector()?).await,
        Some("tag") => car.present_tag(connector()?, words.get(2).copied().unwrap_or("TAG")).await,
        Some("stop") => car.press_stop(connector()?).await,
        Some("offline") => car.go_offline().await,
        Some("online") => car.go_online().await,
        Some("half-open") => car.leave_half_open().await,
        Some("reboot") => car.reboot().await,
        Some("reboot-hard") => car.reboot_hard().await,
        Some("power-loss") => car.power_loss().await,
        Some("power-back") => car.power_back().await,
        Some("break") => {
            car.break_connector(connector()?, ocpp::v16::status_notification::ErrorCode::OtherError).await;
        }
        Some("repair") => car.repair(connector()?).await,
        Some("fault") => car.set_fault(words.get(1).copied().unwrap_or_default().parse()?).await,
        Some("no-fault") => car.clear_fault(words.get(1).copied().unwrap_or_default().parse()?).await,
        Some("state") => println!("{:#?}", car.state()),
        Some(_) => println!("{HELP}"),
    }
    Ok(())
}
