//! Nikita SMS's stand-in: the XML API, an inbox that a person can read, and a control API.

mod api;
mod pages;
mod state;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use domain::Tyiyn;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{StandInContext, StandInHandle, bind, serve};
use state::Mailbox;
pub use state::NikitaFaults;

/// What the stand-in is told at its start.
#[derive(Debug, Clone)]
pub struct NikitaStandInConfig {
    pub login: String,
    pub password: SecretString,
    /// Senders that are approved.
    pub senders: Vec<String>,
    pub balance: Tyiyn,
    pub price_per_part: Tyiyn,
    /// Where delivery reports are pushed.
    pub push_url: Option<Url>,
    /// Between two attempts of a push; there are four.
    pub push_retry_every: Duration,
}

impl NikitaStandInConfig {
    pub fn new(login: impl Into<String>, password: SecretString, sender: impl Into<String>) -> Self {
        Self {
            login: login.into(),
            password,
            senders: vec![sender.into()],
            balance: Tyiyn::new(2_012_312),
            price_per_part: Tyiyn::new(50),
            push_url: None,
            push_retry_every: Duration::from_secs(600),
        }
    }
}

/// The stand-in's entry.
pub struct NikitaStandIn;

impl NikitaStandIn {
    /// Listens on `addr` (port 0 for any) and serves until it is stopped.
    pub async fn start(addr: SocketAddr, config: NikitaStandInConfig, context: StandInContext) -> io::Result<StandInHandle> {
        let bound = bind(addr).await?;
        let tasks = context.tasks.clone();
        let app = Arc::new(Nikita {
            inbox: Mutex::new(Mailbox::new(config.balance)),
            http: super::namba::webhook_client().map_err(io::Error::other)?,
            config,
            context,
            shutdown: bound.shutdown.clone(),
        });
        Ok(serve(bound, router(app), &tasks))
    }
}

struct Nikita {
    config: NikitaStandInConfig,
    context: StandInContext,
    http: reqwest::Client,
    inbox: Mutex<Mailbox>,
    shutdown: CancellationToken,
}

type App = Arc<Nikita>;

impl Nikita {
    /// The state; never held over an await.
    fn inbox(&self) -> MutexGuard<'_, Mailbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        (self.context.now)()
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route("/api/{method}", post(api::call))
        .route("/", get(pages::inbox))
        .route("/settings", get(pages::settings))
        .route("/faults", post(pages::set_faults))
        .route("/control/inbox", get(pages::control_inbox))
        .route("/control/state", get(pages::control_state))
        .route("/control/faults", post(pages::control_faults))
        .route("/control/reset", post(pages::control_reset))
        .route("/control/balance", post(pages::control_balance))
        .with_state(app)
}
