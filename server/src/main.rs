//! `evp`: the command line.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use api::auth::Grant;
use clap::{Parser, Subcommand};
use domain::auth::Role;
use domain::{ChargePointId, OcppIdentity, Phone};
use platform::audit::Actor;
use platform::auth::{Auth, AuthSettings};
use platform::certificates::{CertificateAuthority, Certificates};
use platform::charging::{Charging, ChargingSettings, CommandState};
use platform::quirks::{ProfileKey, Quirk, Quirks};
use platform::stations::{SecurityProfile, Stations};
use platform::{Clock as _, Db, Ids as _, LocalBus, SystemClock, SystemIds};
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
    /// What people may do.
    #[command(subcommand)]
    Role(RoleCommand),
    /// The authority that signs charge points' client certificates.
    #[command(subcommand)]
    Ca(Ca),
    #[command(hide = true)]
    StandIns,
    #[command(hide = true)]
    VirtualChargePoints,
}

#[derive(Subcommand)]
enum RoleCommand {
    /// Gives a role to the person with this phone, who need not have signed in yet. It holds with the next request.
    Grant(RoleOf),
    /// Takes it away, from the next request on.
    Revoke(RoleOf),
    /// Forgets the app of somebody's second step: the next sign-in sets up another one.
    ForgetApp {
        /// Any usual form of a number of Kyrgyzstan.
        phone: String,
    },
}

#[derive(clap::Args)]
struct RoleOf {
    /// Any usual form of a number of Kyrgyzstan.
    phone: String,
    /// employee, corporate_admin, partner, support, finance or admin.
    role: String,
    /// The company's or partner's id; staff has none.
    #[arg(long)]
    scope: Option<uuid::Uuid>,
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
    /// Sends a new password. The old one is good until the charge point is seen with the new one.
    RotatePassword { identity: String },
    /// Says what a charge point is let in with: 1 a password, 2 a password over TLS, 3 a client certificate.
    SecurityProfile {
        identity: String,
        #[arg(value_parser = clap::value_parser!(i16).range(1..=3))]
        profile: i16,
    },
    /// Shows a charge point's client certificates, the newest first.
    Certificates { identity: String },
    /// Revokes a client certificate; its connection ends within seconds.
    RevokeCertificate {
        /// As `certificates` shows it.
        serial_number: String,
        #[arg(long, default_value = "revoked by staff")]
        reason: String,
    },
    /// Sends a message of the charge point's own protocol and shows the answer: `evp charge-point send CP-1 UnlockConnector '{"connectorId":1}'`.
    Send {
        identity: String,
        /// As the standard names it.
        action: String,
        /// The message's contents.
        #[arg(default_value = "{}")]
        json: String,
        /// How long it may wait for the charge point and its answer.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=604_800))]
        within_seconds: u32,
    },
    /// Shows what a charge point gets wrong, and what it has shown of itself.
    Quirks { identity: String },
    /// Says what this very charge point gets wrong, in place of what was said before; none at all with no quirk.
    SetQuirks {
        identity: String,
        #[arg(value_parser = quirk)]
        quirks: Vec<Quirk>,
    },
    /// Decides about something that a charge point has shown of itself.
    DecideQuirk {
        identity: String,
        #[arg(value_parser = quirk)]
        quirk: Quirk,
        decision: Decision,
    },
    /// Says what all charge points of a vendor, a model, a firmware get wrong; none at all with no quirk.
    QuirkProfile {
        #[arg(long)]
        vendor: String,
        #[arg(long)]
        model: Option<String>,
        /// How the firmware's version begins.
        #[arg(long)]
        firmware: Option<String>,
        #[arg(value_parser = quirk)]
        quirks: Vec<Quirk>,
    },
    /// Shows which connections were refused of late, and why; the newest first.
    Refusals {
        /// Only those of this identity.
        identity: Option<String>,
        /// So many lines at most.
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Decision {
    Accept,
    Dismiss,
}

fn quirk(text: &str) -> Result<Quirk, String> {
    let known = || Quirk::ALL.iter().map(|quirk| quirk.as_str()).collect::<Vec<_>>().join(", ");
    Quirk::parse(text).ok_or_else(|| format!("one of: {}", known()))
}

#[derive(Subcommand)]
enum Ca {
    /// Makes the authority's two files, EVP_OCPP_CA_CERT and EVP_OCPP_CA_KEY. Files that are there are left as they are.
    Init {
        #[arg(long, env = "EVP_OCPP_CA_CERT")]
        certificate: PathBuf,
        #[arg(long, env = "EVP_OCPP_CA_KEY")]
        key: PathBuf,
    },
    /// Signs a charge point's request (a PEM file) and prints the certificate.
    Sign {
        identity: String,
        request: PathBuf,
        #[arg(long, env = "EVP_OCPP_CA_CERT")]
        certificate: PathBuf,
        #[arg(long, env = "EVP_OCPP_CA_KEY")]
        key: PathBuf,
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
            let field = runtime()?;
            runtime()?.block_on(serve::run(&config, field.handle()))
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
        Command::ChargePoint(ChargePoint::Refusals { identity, limit }) => {
            runtime()?.block_on(refusals(identity.as_deref(), limit))
        }
        Command::ChargePoint(ChargePoint::Send { identity, action, json, within_seconds }) => {
            runtime()?.block_on(send(&identity, &action, &json, within_seconds))
        }
        Command::ChargePoint(ChargePoint::Quirks { identity }) => runtime()?.block_on(show_quirks(&identity)),
        Command::ChargePoint(ChargePoint::SetQuirks { identity, quirks }) => runtime()?.block_on(set_quirks(&identity, quirks)),
        Command::ChargePoint(ChargePoint::DecideQuirk { identity, quirk, decision }) => {
            runtime()?.block_on(decide_quirk(&identity, quirk, decision == Decision::Accept))
        }
        Command::ChargePoint(ChargePoint::QuirkProfile { vendor, model, firmware, quirks }) => {
            runtime()?.block_on(set_quirk_profile(ProfileKey { vendor, model, firmware_prefix: firmware }, quirks))
        }
        Command::ChargePoint(ChargePoint::RotatePassword { identity }) => runtime()?.block_on(rotate_password(&identity)),
        Command::ChargePoint(ChargePoint::SecurityProfile { identity, profile }) => {
            runtime()?.block_on(set_security_profile(&identity, profile))
        }
        Command::ChargePoint(ChargePoint::Certificates { identity }) => runtime()?.block_on(show_certificates(&identity)),
        Command::ChargePoint(ChargePoint::RevokeCertificate { serial_number, reason }) => {
            runtime()?.block_on(revoke_certificate(&serial_number, &reason))
        }
        Command::Role(RoleCommand::Grant(of)) => runtime()?.block_on(change_role(of, true)),
        Command::Role(RoleCommand::Revoke(of)) => runtime()?.block_on(change_role(of, false)),
        Command::Role(RoleCommand::ForgetApp { phone }) => runtime()?.block_on(forget_app(&phone)),
        Command::Ca(Ca::Init { certificate, key }) => init_authority(&certificate, &key),
        Command::Ca(Ca::Sign { identity, request, certificate, key }) => {
            runtime()?.block_on(sign(&identity, &request, &certificate, &key))
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

async fn database() -> Result<platform::db::Db> {
    let options = platform::db::DbOptions::new(database_url()?);
    Ok(platform::db::Db::connect(&options, Arc::new(SystemClock), Arc::new(SystemIds)).await?)
}

async fn add_charge_point(station: &str, identity: &str) -> Result<()> {
    let station = domain::StationId::parse(station)?;
    let identity = domain::OcppIdentity::parse(identity)?;
    let db = database().await?;
    let stations = platform::stations::Stations::new(db.clone(), Arc::new(platform::LocalBus::new()));
    let added = stations.add_charge_point(station, identity).await?;
    writeln!(std::io::stdout(), "{}", added.password)?;
    db.close().await;
    Ok(())
}

async fn refusals(identity: Option<&str>, limit: u16) -> Result<()> {
    let db = database().await?;
    let refused = platform::refusals::Refusals::new(db.clone()).recent(identity, i64::from(limit)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{:<20}  {:>6}  {:<39}  {:<24}  reason", "last (UTC)", "times", "address", "identity")?;
    for row in refused {
        let last = row.last_at.format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "{last:<20}  {:>6}  {:<39}  {:<24}  {}", row.times, row.address, row.identity, row.reason)?;
    }
    db.close().await;
    Ok(())
}

/// The charge point of an identity.
async fn charge_point(db: &Db, identity: &str) -> Result<ChargePointId> {
    let identity = OcppIdentity::parse(identity)?;
    let stations = Stations::new(db.clone(), Arc::new(LocalBus::new()));
    stations.charge_point_by_identity(&identity).await?.with_context(|| format!("there is no charge point {identity}"))
}

async fn change_role(of: RoleOf, give: bool) -> Result<()> {
    let phone = Phone::parse(&of.phone).context("the phone")?;
    let role = Role::parse(&of.role).with_context(|| format!("there is no role {:?}", of.role))?;
    let db = database().await?;
    let auth = Auth::new(db.clone(), AuthSettings::new("evp role"));
    let person = auth.expect_person(&phone).await?;
    let grant = Grant { role, scope: of.scope };
    let changed = if give {
        auth.grant(&Actor::System, person, grant).await?
    } else {
        auth.revoke(&Actor::System, person, grant).await?
    };
    let was = if changed { "done" } else { "nothing to change" };
    writeln!(std::io::stdout(), "{was}: person {person}")?;
    db.close().await;
    Ok(())
}

async fn forget_app(phone: &str) -> Result<()> {
    let phone = Phone::parse(phone).context("the phone")?;
    let db = database().await?;
    let auth = Auth::new(db.clone(), AuthSettings::new("evp role"));
    let person = auth.person(&phone).await?.context("nobody has signed in with this phone")?;
    let forgotten = auth.forget_second_step(&Actor::System, person).await?;
    let was = if forgotten { "done" } else { "there was no app" };
    writeln!(std::io::stdout(), "{was}: person {person}")?;
    db.close().await;
    Ok(())
}

async fn rotate_password(identity: &str) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let charging = Charging::new(db.clone(), Arc::new(LocalBus::new()), ChargingSettings::default());
    let command = charging.rotate_password(id).await?;
    writeln!(std::io::stdout(), "queued as command {command}; the old password is good until the new one is seen")?;
    db.close().await;
    Ok(())
}

/// How often a command is looked at while a person waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

async fn send(identity: &str, action: &str, json: &str, within_seconds: u32) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let bus = Arc::new(LocalBus::new());
    let stations = Stations::new(db.clone(), bus.clone());
    let charging = Charging::new(db.clone(), bus, ChargingSettings::default());
    let within = chrono::TimeDelta::seconds(i64::from(within_seconds));
    let key = SystemIds.uuid().to_string();
    let command = csms::operator::send(&stations, &charging, id, (action, json), &key, within, Actor::System).await?;
    // The server that holds the socket is another process: its poll finds the command, this one finds the answer.
    let give_up_at = tokio::time::Instant::now() + Duration::from_secs(u64::from(within_seconds) + 5);
    let ended = loop {
        let view = charging.command(command).await?.context("the command is gone")?;
        if view.state.is_final() || tokio::time::Instant::now() >= give_up_at {
            break view;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let answer = ended.answer.map(|answer| answer.to_string()).unwrap_or_default();
    writeln!(std::io::stdout(), "{} {answer}", ended.state.as_str())?;
    db.close().await;
    anyhow::ensure!(ended.state == CommandState::Accepted, "{action} was not done");
    Ok(())
}

async fn show_quirks(identity: &str) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let quirks = Quirks::new(db.clone());
    let mut out = std::io::stdout();
    for quirk in quirks.of(id).await?.iter() {
        writeln!(out, "believed   {}", quirk.as_str())?;
    }
    for shown in quirks.proposals(id).await? {
        let decision = match shown.accepted {
            None => "proposed",
            Some(true) => "accepted",
            Some(false) => "dismissed",
        };
        let last = shown.last_seen_at.format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "{decision:<10} {}  {} times, last {last} UTC: {}", shown.quirk.as_str(), shown.times, shown.evidence)?;
    }
    db.close().await;
    Ok(())
}

async fn set_quirks(identity: &str, quirks: Vec<Quirk>) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    Quirks::new(db.clone()).give(id, quirks.into_iter().collect(), Actor::System).await?;
    db.close().await;
    Ok(())
}

async fn decide_quirk(identity: &str, quirk: Quirk, accepted: bool) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    Quirks::new(db.clone()).decide(id, quirk, accepted, Actor::System).await?;
    db.close().await;
    Ok(())
}

async fn set_quirk_profile(key: ProfileKey, quirks: Vec<Quirk>) -> Result<()> {
    let db = database().await?;
    Quirks::new(db.clone()).set_profile(key, quirks.into_iter().collect(), Actor::System).await?;
    db.close().await;
    Ok(())
}

async fn set_security_profile(identity: &str, profile: i16) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let profile = SecurityProfile::parse(profile).context("a profile is 1, 2 or 3")?;
    certificates(&db, None).set_security_profile(id, profile).await?;
    db.close().await;
    Ok(())
}

async fn show_certificates(identity: &str) -> Result<()> {
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let mut out = std::io::stdout();
    for certificate in certificates(&db, None).of(id).await? {
        let day = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d").to_string();
        let state = match (certificate.revoked_at, certificate.first_used_at) {
            (Some(at), _) => format!("revoked {}: {}", day(at), certificate.revocation_reason.unwrap_or_default()),
            (None, Some(at)) => format!("in use since {}", day(at)),
            (None, None) => "not used yet".to_owned(),
        };
        let (from, until) = (day(certificate.issued_at), day(certificate.expires_at));
        writeln!(out, "{}  {from} – {until}  {}  {state}", certificate.serial_number, certificate.common_name)?;
    }
    db.close().await;
    Ok(())
}

async fn revoke_certificate(serial_number: &str, reason: &str) -> Result<()> {
    let db = database().await?;
    let identity = certificates(&db, None).revoke(serial_number, reason).await?;
    writeln!(std::io::stdout(), "revoked; it was {identity}'s")?;
    db.close().await;
    Ok(())
}

fn certificates(db: &Db, authority: Option<CertificateAuthority>) -> Certificates {
    Certificates::new(db.clone(), Arc::new(LocalBus::new()), authority.map(Arc::new))
}

fn init_authority(certificate: &Path, key: &Path) -> Result<()> {
    let new = CertificateAuthority::generate(&SystemIds, SystemClock.now())?;
    // The key first: a certificate without its key would only be in the way. Nobody but the owner reads it, from its first moment on.
    write_new(key, &new.key_pem, 0o600)?;
    write_new(certificate, &new.certificate_pem, 0o644)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    let mut file = file.with_context(|| format!("making {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

async fn sign(identity: &str, request: &Path, certificate: &Path, key: &Path) -> Result<()> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let authority = CertificateAuthority::read(&read(certificate)?, &read(key)?)?;
    let request = read(request)?;
    let db = database().await?;
    let id = charge_point(&db, identity).await?;
    let signed = certificates(&db, Some(authority)).sign(id, &request, Some(Actor::System)).await?;
    write!(std::io::stdout(), "{}", signed.pem)?;
    db.close().await;
    Ok(())
}
