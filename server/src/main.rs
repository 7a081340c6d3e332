//! `evp`: the command line.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use platform::{SystemClock, SystemIds};
use secrecy::SecretString;
use server::config::{Config, LogFormat, VARIABLES};
use server::{demo, serve};

/// Red Petroleum EV: sells charging, runs charge points.
#[derive(Parser)]
#[command(name = "evp", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Ends when the process that started it ends.
    #[arg(long, global = true, hide = true)]
    die_with_parent: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server. `evp doctor` says which variables it wants.
    Serve,
    /// Brings the database to this version's schema.
    Migrate,
    /// Looks at the configuration and the database, and says what is wrong.
    Doctor,
    /// Runs everything for a demonstration: a private database, the server, stand-ins, virtual charge points.
    Demo(demo::DemoArguments),
    /// Charge points.
    #[command(subcommand)]
    ChargePoint(ChargePoint),
    #[command(hide = true)]
    StandIns,
    #[command(hide = true)]
    VirtualChargePoints,
}

#[derive(Subcommand)]
enum ChargePoint {
    /// Enters a charge point of a station and prints its password, once.
    Add {
        /// The station's id.
        #[arg(long)]
        station: String,
        /// The last segment of its URL.
        #[arg(long)]
        identity: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "evp: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    if arguments.die_with_parent {
        demo::children::die_with_parent()?;
    }
    match arguments.command {
        Command::Serve => {
            let config = Config::from_process_env()?;
            log_to_stderr(config.log_format);
            runtime()?.block_on(serve::run(&config))
        }
        Command::Migrate => {
            log_to_stderr(LogFormat::Text);
            runtime()?.block_on(platform::db::migrate(&database_url()?))
        }
        Command::Doctor => doctor(),
        Command::Demo(arguments) => {
            log_to_stderr(LogFormat::Text);
            demo::run(&arguments)
        }
        Command::ChargePoint(ChargePoint::Add { station, identity }) => {
            runtime()?.block_on(add_charge_point(&station, &identity))
        }
        Command::StandIns => {
            log_to_stderr(LogFormat::Text);
            runtime()?.block_on(demo::stand_ins::run())
        }
        Command::VirtualChargePoints => {
            log_to_stderr(LogFormat::Text);
            runtime()?.block_on(demo::charge_points::run())
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

/// `RUST_LOG` says what is logged; by default what staff should read.
fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

fn database_url() -> Result<SecretString> {
    Ok(SecretString::from(std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?))
}

fn doctor() -> Result<()> {
    let mut out = std::io::stdout();
    let problems = match Config::from_process_env() {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0,
    };
    for (name, meaning) in VARIABLES {
        let found: Vec<_> = problems.iter().filter(|p| p.variable == *name).map(|p| p.message.as_str()).collect();
        let mark = if found.is_empty() { "ok " } else { "BAD" };
        writeln!(out, "{mark}  {name:<32} {}", if found.is_empty() { (*meaning).to_owned() } else { found.join("; ") })?;
    }
    for other in problems.iter().filter(|p| !VARIABLES.iter().any(|(n, _)| *n == p.variable)) {
        writeln!(out, "BAD  {:<32} {}", other.variable, other.message)?;
    }
    if let Ok(url) = database_url() {
        let answer = runtime()?.block_on(async {
            let db = platform::db::Db::connect(&platform::db::DbOptions::new(url), Arc::new(SystemClock), Arc::new(SystemIds))
                .await?;
            let violations = platform::invariants::check_all(&db).await;
            db.close().await;
            violations
        });
        match answer {
            Ok(violations) if violations.is_empty() => writeln!(out, "ok   the database answers and its books balance")?,
            Ok(violations) => {
                for violation in violations {
                    writeln!(out, "BAD  the books: {}: {}", violation.rule, violation.detail)?;
                }
            }
            Err(error) => writeln!(out, "BAD  the database: {error}")?,
        }
    }
    anyhow::ensure!(problems.is_empty(), "{} variables are bad", problems.len());
    Ok(())
}

async fn add_charge_point(station: &str, identity: &str) -> Result<()> {
    let station = domain::StationId::parse(station)?;
    let identity = domain::OcppIdentity::parse(identity)?;
    let db =
        platform::db::Db::connect(&platform::db::DbOptions::new(database_url()?), Arc::new(SystemClock), Arc::new(SystemIds))
            .await?;
    let stations = platform::stations::Stations::new(db.clone(), Arc::new(platform::LocalBus::new()));
    let added = stations.add_charge_point(station, identity).await?;
    writeln!(std::io::stdout(), "{}", added.password)?;
    db.close().await;
    Ok(())
}
