//! `evp demo`: a private PostgreSQL, the server, the providers' stand-ins and virtual charge points, each in a process of its own, and a
//! table of links. Ctrl-C stops all of it. Nothing of it runs without `EVP_DEMO=1`, which only this supervisor sets.

pub mod charge_points;
pub mod children;
pub mod plan;
pub mod stand_ins;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use platform::ids::Ids;
use platform::{SystemClock, SystemIds};
use secrecy::SecretString;
use serde::Serialize;

use self::children::{Children, Start};

/// How to run the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArguments {
    /// Port of the site; the stand-ins take the next ones. 0: any free ones.
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// How much faster than the clock the virtual cars charge.
    #[arg(long, default_value_t = 20)]
    pub speed: u32,
    /// Prints one line of JSON with all links instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Where the private PostgreSQL lives.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Seconds between the meter readings of the virtual charge points.
    #[arg(long, default_value_t = 2)]
    pub meter_interval_s: u32,
    /// Seconds to insert the cable after the payment.
    #[arg(long, default_value_t = 180)]
    pub start_deadline_s: u32,
    /// Further names of the site, as `EVP_HOSTS`.
    #[arg(long, default_value = "")]
    pub hosts: String,
}

/// What a script needs to know of a running demo.
#[derive(Debug, Serialize)]
pub struct Links {
    pub site: String,
    pub namba: String,
    pub sms: String,
    pub charge_points: String,
    pub guest_phone: &'static str,
    pub people: Vec<Person>,
    pub connectors: Vec<ConnectorLink>,
    pub database: String,
}

/// Somebody of the demo, who signs in by a code from the SMS inbox.
#[derive(Debug, Serialize)]
pub struct Person {
    pub role: domain::auth::Role,
    pub phone: &'static str,
}

/// A demo connector and its QR link.
#[derive(Debug, Serialize)]
pub struct ConnectorLink {
    pub url: String,
    pub code: String,
    pub identity: String,
    pub evse_no: i32,
    pub label: String,
    pub cable: plan::Cable,
}

/// A process of the demo refuses to start on its own: production must not meet a stand-in.
pub fn refuse_outside_demo() -> Result<()> {
    if std::env::var("EVP_DEMO").as_deref() != Ok("1") {
        bail!("this is a part of the demo; `evp demo` starts it");
    }
    Ok(())
}

/// What the supervisor wrote to the standard input.
fn read_plan<T: serde::de::DeserializeOwned>() -> Result<T> {
    serde_json::from_reader(std::io::stdin().lock()).context("reading the plan from the standard input")
}

/// Runs until Ctrl-C or until a part of it ends.
pub fn run(arguments: &DemoArguments) -> Result<()> {
    let directory = match &arguments.data {
        Some(directory) => directory.clone(),
        None => cache_directory()?.join("demo-postgres"),
    };
    let cluster = localpg::Cluster::start(&localpg::Options::new(directory)).context("starting the private PostgreSQL")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(supervise(arguments, &cluster));
    drop(runtime);
    cluster.stop()?;
    result
}

/// The same directory as the scripts use.
fn cache_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("EVP_CACHE") {
        return Ok(directory.into());
    }
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    Ok(base.context("neither EVP_CACHE nor HOME is set")?.join("red-petroleum-ev"))
}

/// The addresses of the four listeners.
struct Addresses {
    site: SocketAddr,
    namba: SocketAddr,
    sms: SocketAddr,
    charge_points: SocketAddr,
}

impl Addresses {
    fn choose(first: u16) -> Result<Self> {
        if first == 0 {
            // All four are held open until all are chosen, so that they differ.
            let held: Vec<TcpListener> =
                (0..4).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<std::io::Result<_>>()?;
            let ports: Vec<SocketAddr> = held.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
            let [site, namba, sms, charge_points] = ports[..] else { bail!("four ports were asked for") };
            return Ok(Self { site, namba, sms, charge_points });
        }
        let at = |offset: u16| -> Result<SocketAddr> {
            let port = first.checked_add(offset).context("the port is too high")?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpListener::bind(address)
                .with_context(|| format!("port {port} is taken: stop what uses it, or choose another with --port"))?;
            Ok(address)
        };
        Ok(Self { site: at(0)?, namba: at(1)?, sms: at(2)?, charge_points: at(3)? })
    }
}

async fn supervise(arguments: &DemoArguments, cluster: &localpg::Cluster) -> Result<()> {
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let addresses = Addresses::choose(arguments.port)?;
    let mut children = Children::default();
    let outcome = tokio::select! {
        started = start_all(arguments, cluster, &addresses, &mut children) => started,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted while starting")),
        _ = terminate.recv() => Err(anyhow::anyhow!("ended while starting")),
    };
    let outcome = match outcome {
        Err(error) => Err(error),
        Ok(links) => {
            announce(arguments, &links)?;
            tokio::select! {
                _ = interrupt.recv() => Ok(()),
                _ = terminate.recv() => Ok(()),
                (name, status) = children.first_end() => Err(anyhow::anyhow!("{name} has ended by itself: {status:?}")),
            }
        }
    };
    if !arguments.json {
        println!("\nStopping everything …");
    }
    children.stop().await;
    outcome
}

/// The database of the demo. Each run begins with an empty one: the stand-ins keep nothing either.
const DATABASE: &str = "evp_demo";
/// The first start migrates and warms nothing else; a slow machine takes seconds, not minutes.
const READY_WITHIN: Duration = Duration::from_secs(60);

async fn start_all(
    arguments: &DemoArguments,
    cluster: &localpg::Cluster,
    at: &Addresses,
    children: &mut Children,
) -> Result<Links> {
    let ids = SystemIds;
    let url = fresh_database(cluster).await?;
    let seeded = seed(&url).await.context("entering the demo's stations")?;
    let (merchant, namba_secret, webhook_secret, sms_password) =
        (ids.uuid().to_string(), ids.token(32), ids.token(32), ids.token(16));
    let demo = ("EVP_DEMO", "1".to_owned());
    let log = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn,server=info".to_owned());
    children
        .start(Start {
            name: "the stand-ins of the providers",
            arguments: &["stand-ins"],
            variables: vec![demo.clone(), ("RUST_LOG", log.clone())],
            input: Some(serde_json::to_string(&stand_ins::Plan {
                namba: at.namba,
                sms: at.sms,
                merchant_guid: merchant.clone(),
                secret: namba_secret.clone(),
                sms_login: "demo".into(),
                sms_password: sms_password.clone(),
                sms_sender: "RedPetrol".into(),
            })?),
        })
        .await?;
    children
        .start(Start {
            name: "the server",
            arguments: &["serve"],
            variables: vec![
                demo.clone(),
                ("RUST_LOG", log.clone()),
                ("DATABASE_URL", url.clone()),
                ("EVP_LISTEN", at.site.to_string()),
                ("EVP_PUBLIC_URL", format!("http://{}", at.site)),
                ("EVP_HOSTS", arguments.hosts.clone()),
                ("EVP_NAMBA_URL", format!("http://{}", at.namba)),
                ("EVP_NAMBA_MERCHANT", merchant),
                ("EVP_NAMBA_SECRET", namba_secret),
                ("EVP_NAMBA_WEBHOOK_SECRET", webhook_secret),
                ("EVP_NIKITA_URL", format!("http://{}", at.sms)),
                ("EVP_NIKITA_LOGIN", "demo".into()),
                ("EVP_NIKITA_PASSWORD", sms_password),
                ("EVP_NIKITA_SENDER", "RedPetrol".into()),
                ("EVP_HELPLINE", plan::HELPLINE.into()),
                ("EVP_START_DEADLINE_S", arguments.start_deadline_s.to_string()),
                ("EVP_METER_INTERVAL_S", arguments.meter_interval_s.to_string()),
                // The cars charge faster than the clock says, so their readings are "implausible" by that factor.
                ("EVP_METER_PLAUSIBLE_PERCENT", (arguments.speed.saturating_mul(300)).clamp(120, 1_000_000).to_string()),
                ("EVP_SITE_ROOT", std::env::var("EVP_SITE_ROOT").unwrap_or_else(|_| "target/site".into())),
            ],
            input: None,
        })
        .await?;
    tokio::select! {
        ready = until_ready(at.site) => ready?,
        (name, status) = children.first_end() => bail!("{name} has ended at the start: {status:?}"),
    }
    children
        .start(Start {
            name: "the virtual charge points",
            arguments: &["virtual-charge-points"],
            variables: vec![demo, ("RUST_LOG", log)],
            input: Some(serde_json::to_string(&charge_points::Plan {
                listen: at.charge_points,
                site: format!("http://{}", at.site),
                server: format!("ws://{}/ocpp", at.site),
                speed: arguments.speed,
                meter_interval_s: arguments.meter_interval_s,
                start_deadline_s: arguments.start_deadline_s,
                charge_points: seeded
                    .iter()
                    .map(|c| charge_points::PlannedChargePoint {
                        identity: c.identity.as_str().to_owned(),
                        password: c.password.clone(),
                    })
                    .collect(),
            })?),
        })
        .await?;
    tokio::select! {
        ready = until_listening(at.charge_points) => ready?,
        (name, status) = children.first_end() => bail!("{name} has ended at the start: {status:?}"),
    }
    Ok(Links {
        site: format!("http://{}", at.site),
        namba: format!("http://{}", at.namba),
        sms: format!("http://{}", at.sms),
        charge_points: format!("http://{}", at.charge_points),
        guest_phone: plan::GUEST_PHONE,
        people: plan::PEOPLE.into_iter().map(|(role, phone)| Person { role, phone }).collect(),
        connectors: seeded
            .iter()
            .flat_map(|c| {
                c.connectors.iter().map(|k| ConnectorLink {
                    url: format!("http://{}/q/{}", at.site, k.code),
                    code: k.code.as_str().to_owned(),
                    identity: c.identity.as_str().to_owned(),
                    evse_no: k.evse_no,
                    label: k.label.clone(),
                    cable: plan::charge_point(c.identity.as_str()).map_or(plan::Cable::ByHand, |c| c.cable),
                })
            })
            .collect(),
        database: url,
    })
}

async fn fresh_database(cluster: &localpg::Cluster) -> Result<String> {
    use sqlx::Connection as _;
    let mut admin = sqlx::PgConnection::connect(&cluster.url("postgres")).await?;
    localpg::recreate_database(&mut admin, DATABASE).await?;
    admin.close().await?;
    Ok(cluster.url(DATABASE))
}

async fn seed(url: &str) -> Result<Vec<platform::stations::SeededChargePoint>> {
    let secret = SecretString::from(url.to_owned());
    platform::db::migrate(&secret).await?;
    let db =
        platform::db::Db::connect(&platform::db::DbOptions::new(secret), Arc::new(SystemClock), Arc::new(SystemIds)).await?;
    let seeded = crate::seed::demo(&db).await?;
    db.close().await;
    Ok(seeded)
}

/// Waits until the server says that it is ready.
async fn until_ready(site: SocketAddr) -> Result<()> {
    until(READY_WITHIN, || async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(site).await?;
        stream.write_all(format!("GET /readyz HTTP/1.1\r\nhost: {site}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "not ready");
        Ok(())
    })
    .await
    .context("the server did not become ready")
}

async fn until_listening(address: SocketAddr) -> Result<()> {
    until(READY_WITHIN, || async move {
        tokio::net::TcpStream::connect(address).await?;
        Ok(())
    })
    .await
    .with_context(|| format!("nothing listens at {address}"))
}

async fn until<F: Future<Output = Result<()>>>(within: Duration, mut probe: impl FnMut() -> F) -> Result<()> {
    let give_up = tokio::time::Instant::now() + within;
    loop {
        match probe().await {
            Ok(()) => return Ok(()),
            Err(error) if tokio::time::Instant::now() >= give_up => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn announce(arguments: &DemoArguments, links: &Links) -> Result<()> {
    if arguments.json {
        println!("{}", serde_json::to_string(links)?);
        return Ok(());
    }
    let mut table = String::new();
    writeln!(table, "\n  Red Petroleum EV is running at {}\n", links.site)?;
    writeln!(table, "  Scan (open) a connector:")?;
    for c in &links.connectors {
        let cable = match c.cable {
            plan::Cable::PlugsItself => "the cable plugs itself in",
            plan::Cable::ByHand => "plug in on the charge points' page",
        };
        writeln!(table, "    {:<36} {} connector {}  ({cable})", c.url, c.identity, c.label)?;
    }
    writeln!(table, "\n  People:")?;
    writeln!(table, "    guest            phone {} (no account; messages arrive in the SMS inbox)", links.guest_phone)?;
    for person in &links.people {
        let about = match person.role {
            domain::auth::Role::Partner => "owns both stations, gets 70 % of the energy revenue net of tax",
            _ => "",
        };
        writeln!(table, "    {:<16} phone {} {about}", person.role.as_str(), person.phone)?;
    }
    writeln!(table, "    sign in at       {}/sign-in  (the code arrives in the SMS inbox)", links.site)?;
    writeln!(table, "\n  The world outside:")?;
    writeln!(table, "    Namba One        {}   orders, refunds, faults to switch on", links.namba)?;
    writeln!(table, "    SMS inbox        {}", links.sms)?;
    writeln!(
        table,
        "    charge points    {}   plug, unplug, stop, fault, go offline (×{} speed)",
        links.charge_points, arguments.speed
    )?;
    writeln!(table, "\n  Ctrl-C stops everything.\n")?;
    print!("{table}");
    Ok(())
}
