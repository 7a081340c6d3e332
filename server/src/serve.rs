//! Wires the parts together and runs them: the one place that knows them all.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::{Context, Result};
use api::guest::GuestApi;
use app::{AppState, Site};
use axum::middleware::from_fn_with_state;
use chrono::TimeDelta;
use csms::{AdmissionSettings, Csms, CsmsSettings};
use platform::auth::{Auth, AuthSettings};
use platform::balance::{Balance, BalanceSettings};
use platform::certificates::CertificateAuthority;
use platform::charging::{Charging, ChargingSettings, Ingest};
use platform::db::{Db, DbOptions};
use platform::devices::Devices;
use platform::guest::{Guest, GuestParts, GuestSettings};
use platform::jobs::{JobHandler, Runner};
use platform::notify::Notify;
use platform::ocpp_logs::OcppLogs;
use platform::receipts::Receipts;
use platform::stations::Stations;
use platform::tariffs::Tariffs;
use platform::{Bus, Clock, Ids, LocalBus};
use providers::namba::{NambaClient, NambaConfig};
use providers::nikita::{NikitaClient, NikitaConfig, SendMode};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client_address::{self, TrustedProxies};
use crate::config::{ApiVersion, Config};
use crate::live::Live;
use crate::peer;
use crate::port::{self, Below};
use crate::router::{Parts, router};
use crate::tls::{Tls, TlsFiles};
use crate::webhook::Webhooks;

/// Partitions of the frame log are looked after this often.
const PARTITIONS_EVERY: Duration = Duration::from_secs(3 * 3_600);
/// Used codes and old tokens are thrown away this often.
const OLD_CODES_EVERY: Duration = Duration::from_secs(3_600);
/// Frames are kept this long: a dispute over a receipt comes within weeks.
const FRAMES_KEPT: TimeDelta = TimeDelta::days(92);
/// What charge points told of themselves: security events among it, which are asked about late.
const EVENTS_KEPT: TimeDelta = TimeDelta::days(365);
/// A text message is a receipt link and a sentence: more parts would be a defect.
const SMS_PARTS_MAX: usize = 4;
/// A page that is being sent when the server stops is waited for this long.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    /// Of the charge points' own TLS port, if there is one.
    pub ocpp_tls_address: Option<SocketAddr>,
    pub db: Db,
    pub jobs: Runner,
    pub charging: Charging,
    pub csms: Csms,
    /// The pages' routes and what each needs.
    pub routes: Vec<app::routes::Declared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Stops taking requests, closes all sockets, finishes what runs, and closes the database.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.csms.shut_down().await;
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("Some tasks did not finish in {} s", STOP_WITHIN.as_secs());
        }
        // The writers end when the last way to them is gone; the database closes after them.
        drop(self.csms);
        if tokio::time::timeout(STOP_WITHIN, self.db.close()).await.is_err() {
            tracing::warn!("The database did not close in {} s", STOP_WITHIN.as_secs());
        }
    }
}

/// Connects, migrates, wires and listens. The charge points' sockets, and what they write, run on `field`: thousands of them may have something
/// to do at the same moment, and a person's page is not to wait for all of them.
pub async fn start(config: &Config, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, field: &Handle) -> Result<Running> {
    let mut options = DbOptions::new(config.database_url.clone());
    options.max_connections = config.database_connections_max;
    platform::db::migrate(&config.database_url).await.context("bringing the database to this version's schema")?;
    let db = Db::connect(&options, clock, Arc::clone(&ids)).await.context("connecting to the database")?;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();

    let stations = Stations::new(db.clone(), Arc::clone(&bus));
    let logs = OcppLogs::new(db.clone());
    logs.ensure_partitions().await.context("making the partitions of the frame log")?;
    // A process that was killed could not say that its sockets are gone.
    stations.forget_connections_of(&config.node).await.context("forgetting the connections of an earlier life")?;
    let charging = Charging::new(db.clone(), Arc::clone(&bus), charging_settings(config));
    let ingest = {
        let _on_it = field.enter();
        Ingest::start(&charging)
    };
    let csms = Csms::new(
        stations.clone(),
        charging.clone(),
        ingest,
        Arc::clone(&bus),
        CsmsSettings {
            node: config.node.clone(),
            admission: admission(config.database_connections_max),
            authority: authority(config)?,
            runtime: Some(field.clone()),
            ..CsmsSettings::default()
        },
    );

    let payments = Arc::new(namba(config, &ids).context("the client of Namba One")?);
    let messages = Arc::new(nikita(config).context("the client of Nikita SMS")?);
    let balance = Balance::new(
        db.clone(),
        Arc::clone(&bus),
        payments,
        BalanceSettings {
            public_url: config.public_url.as_str().to_owned(),
            webhook_secret: config.namba.webhook_secret.clone(),
            payment_lifetime: TimeDelta::minutes(i64::from(config.payment_lifetime_min)),
        },
    );
    balance.plan_reconciliation().await.context("planning the nightly comparison")?;
    let notify = Notify::new(db.clone(), messages);
    let auth = Auth::new(db.clone(), AuthSettings::new(config.public_url.origin().ascii_serialization()));
    let guest = Guest::new(
        db.clone(),
        Arc::clone(&bus),
        GuestParts {
            balance: balance.clone(),
            charging: charging.clone(),
            stations,
            tariffs: Tariffs::new(db.clone()),
            receipts: Receipts::new(db.clone()),
        },
        GuestSettings {
            public_url: config.public_url.as_str().to_owned(),
            amount_limits: config.amount_limits,
            helpline: config.helpline.clone(),
        },
    );
    let mut handlers: HashMap<&'static str, Arc<dyn JobHandler>> = HashMap::new();
    handlers.extend(balance.handlers());
    handlers.extend(guest.handlers());
    handlers.extend(notify.handlers());
    let jobs = Runner::new(db.clone(), config.node.clone(), handlers);

    let proxies = Arc::new(TrustedProxies::new(config.trusted_proxies.clone()));
    let sockets = csms::router(csms.clone()).layer(from_fn_with_state(Arc::clone(&proxies), peer::know));
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening at {}", config.listen))?;
    let address = listener.local_addr()?;
    let state = AppState {
        guest: Arc::new(guest.clone()),
        auth: Arc::new(auth.clone()),
        balance: Arc::new(balance.clone()),
        finance: Arc::new(balance.clone()),
        site: Arc::new(site(config, &ids)),
    };
    let routes = app::declared(state.clone());
    let site = router(
        Parts {
            pages: app::router(state).layer(from_fn_with_state(Arc::clone(&proxies), client_address::know)),
            live: Live {
                guest: Arc::new(guest.clone()),
                hosts: config.hosts.clone(),
                shutdown: stop.clone(),
                open: Arc::new(AtomicUsize::new(0)),
            },
            webhooks: Webhooks { guest: Arc::new(guest) as Arc<dyn GuestApi>, proxies },
            csms: sockets.clone(),
            db: db.clone(),
        },
        &config.site_root,
    );
    tasks.spawn(port::serve(listener, Below::Plain, site, stop.clone(), tasks.clone()));
    let ocpp_tls_address = match &config.ocpp_tls {
        None => None,
        Some(own) => {
            let files = TlsFiles {
                certificate: own.certificate.clone(),
                key: own.key.clone(),
                authority: config.authority.as_ref().map(|files| files.certificate.clone()),
            };
            let tls = Tls::read(files).context("the charge points' TLS port")?;
            let listener = TcpListener::bind(own.listen).await.with_context(|| format!("listening at {}", own.listen))?;
            let address = listener.local_addr()?;
            tasks.spawn(tls.clone().watch(stop.clone()));
            tasks.spawn(port::serve(listener, Below::Tls(tls, csms.clone()), sockets, stop.clone(), tasks.clone()));
            tracing::info!(%address, "Charge points come over TLS at {address}");
            Some(address)
        }
    };
    let (runner, stopped) = (jobs.clone(), stop.clone());
    tasks.spawn(async move { runner.run(stopped).await });
    let (watched, stopped) = (charging.clone(), stop.clone());
    tasks.spawn(async move { watched.watch(stopped).await });
    let (sessions, devices) = (charging.clone(), Devices::new(db.clone()));
    tasks.spawn(every(PARTITIONS_EVERY, stop.clone(), move || {
        let (logs, sessions, devices) = (logs.clone(), sessions.clone(), devices.clone());
        async move {
            sessions.ensure_partitions().await?;
            logs.ensure_partitions().await?;
            logs.drop_older_than(FRAMES_KEPT).await?;
            devices.forget_events(EVENTS_KEPT).await?;
            Ok(())
        }
    }));
    tasks.spawn(every(OLD_CODES_EVERY, stop.clone(), move || {
        let auth = auth.clone();
        async move {
            auth.forget_old().await?;
            Ok(())
        }
    }));
    tracing::info!(%address, "Serving at {address}");
    Ok(Running { address, ocpp_tls_address, db, jobs, charging, csms, routes, stop, tasks })
}

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(config: &Config, field: &Handle) -> Result<()> {
    let open_files = crate::open_files::raise_limit();
    tracing::info!(open_files, "Sockets and files that may be open at a time");
    let running = start(config, Arc::new(platform::SystemClock), Arc::new(platform::SystemIds), field).await?;
    crate::shutdown::asked().await?;
    tracing::info!("Stopping");
    running.shut_down().await;
    Ok(())
}

/// Does something again and again; an error is logged and does not end it.
async fn every<F: Future<Output = Result<()>>>(period: Duration, stop: CancellationToken, run: impl Fn() -> F) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = run().await {
            tracing::error!(%error, "A periodic task failed; it is tried again");
        }
    }
}

/// The authority's files, read once: a new authority is a restart, since it is the work of a day at least.
fn authority(config: &Config) -> Result<Option<Arc<CertificateAuthority>>> {
    let Some(files) = &config.authority else { return Ok(None) };
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let authority = CertificateAuthority::read(&read(&files.certificate)?, &read(&files.key)?)?;
    Ok(Some(Arc::new(authority)))
}

/// Charge points get two fifths of the database's connections for their messages: as much as keeps two processor cores busy, so that a guest's page
/// waits behind few.
fn admission(connections_max: u32) -> AdmissionSettings {
    let connections = usize::try_from(connections_max).unwrap_or(usize::MAX);
    AdmissionSettings { messages_at_once: (connections * 2 / 5).max(1), ..AdmissionSettings::default() }
}

fn charging_settings(config: &Config) -> ChargingSettings {
    ChargingSettings {
        hold: config.hold_policy,
        start_deadline: TimeDelta::seconds(i64::from(config.start_deadline_s)),
        meter_interval_s: i32::try_from(config.meter_interval_s).unwrap_or(10),
        plausible_power_percent: config.meter_plausible_percent,
        ..ChargingSettings::default()
    }
}

fn namba(config: &Config, ids: &Arc<dyn Ids>) -> Result<NambaClient, providers::ProviderError> {
    let ids = Arc::clone(ids);
    NambaClient::new(
        NambaConfig {
            base_url: config.namba.base_url.clone(),
            merchant_guid: config.namba.merchant_guid.clone(),
            secret: config.namba.secret.clone(),
            api_version: match config.namba.api_version {
                ApiVersion::V1 => providers::namba::ApiVersion::V1,
                ApiVersion::V2 => providers::namba::ApiVersion::V2,
            },
            refund_parent_type: None,
            timeouts: providers::Timeouts::default(),
        },
        move || ids.uuid(),
    )
}

fn nikita(config: &Config) -> Result<NikitaClient, providers::ProviderError> {
    NikitaClient::new(NikitaConfig {
        base_url: config.nikita.base_url.clone(),
        login: config.nikita.login.clone(),
        password: config.nikita.password.clone(),
        sender: config.nikita.sender.clone(),
        parts_max: SMS_PARTS_MAX,
        mode: SendMode::Real,
        timeouts: providers::Timeouts::default(),
    })
}

fn site(config: &Config, ids: &Arc<dyn Ids>) -> Site {
    let ids = Arc::clone(ids);
    Site {
        hosts: config.hosts.clone(),
        payment_origins: vec![config.namba.base_url.origin().ascii_serialization()],
        helpline: config.helpline.clone(),
        assets: assets(&config.site_root),
        random: Box::new(move || {
            let mut bytes = [0_u8; 16];
            ids.fill(&mut bytes);
            u128::from_le_bytes(bytes)
        }),
    }
}

/// cargo-leptos writes the hashes of the files beside the binary; a packaged site may carry the same file in its root.
fn assets(site_root: &Path) -> app::assets::Assets {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("hash.txt")));
    let text =
        [Some(site_root.join("hash.txt")), beside].into_iter().flatten().find_map(|path| std::fs::read_to_string(path).ok());
    text.map_or_else(app::assets::Assets::plain, |text| app::assets::Assets::from_hash_file(&text))
}
