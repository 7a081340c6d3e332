//! Namba One's stand-in: the merchant API, the payer's page, an overview with switches, and a control API.

mod api;
mod control;
mod pages;
mod state;
mod webhooks;

pub(super) use webhooks::client as webhook_client;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use domain::Tyiyn;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{StandInContext, StandInHandle, bind, serve};
use state::{Ledger, refund_settles};
pub use state::{NambaFaults, RefundFault, UnpaidAnswer};

/// Webhooks under way at a time; more wait.
const WEBHOOKS_AT_ONCE_MAX: usize = 32;

/// What the stand-in is told at its start. The merchant's guid and secret are the ones the client uses.
#[derive(Debug, Clone)]
pub struct NambaStandInConfig {
    pub merchant_guid: String,
    /// What the payer reads.
    pub merchant_name: String,
    pub secret: SecretString,
    /// The merchant's money at the start; payments add to it, refunds are paid from it.
    pub float: Tyiyn,
    /// Where browsers reach it; `None`: its own address.
    pub public_base_url: Option<Url>,
    /// Between two attempts of a webhook.
    pub webhook_retry_every: Duration,
    /// From the first attempt to the last.
    pub webhook_retry_for: Duration,
    /// From a refund's creation to its outcome.
    pub refund_delay: Duration,
    /// After it an unpaid link is EXPIRED; `None`: never by itself.
    pub link_lifetime: Option<Duration>,
}

impl NambaStandInConfig {
    /// As the provider does it: webhooks every 5 s for an hour, a refund in a few seconds.
    pub fn new(merchant_guid: impl Into<String>, secret: SecretString) -> Self {
        Self {
            merchant_guid: merchant_guid.into(),
            merchant_name: "Red Petroleum EV".to_owned(),
            secret,
            float: Tyiyn::new(100_000_000),
            public_base_url: None,
            webhook_retry_every: Duration::from_secs(5),
            webhook_retry_for: Duration::from_secs(60 * 60),
            refund_delay: Duration::from_secs(3),
            link_lifetime: None,
        }
    }
}

/// The stand-in's entry.
pub struct NambaStandIn;

impl NambaStandIn {
    /// Listens on `addr` (port 0 for any) and serves until it is stopped.
    pub async fn start(addr: SocketAddr, config: NambaStandInConfig, context: StandInContext) -> io::Result<StandInHandle> {
        let bound = bind(addr).await?;
        let public = config.public_base_url.clone().unwrap_or_else(|| bound.base_url.clone());
        let tasks = context.tasks.clone();
        let app = Arc::new(Namba {
            ledger: Mutex::new(Ledger::new(config.float)),
            config,
            context,
            public,
            http: webhooks::client().map_err(io::Error::other)?,
            webhooks: Semaphore::new(WEBHOOKS_AT_ONCE_MAX),
            shutdown: bound.shutdown.clone(),
        });
        Ok(serve(bound, router(app), &tasks))
    }
}

struct Namba {
    config: NambaStandInConfig,
    context: StandInContext,
    /// Where the pay page is.
    public: Url,
    http: reqwest::Client,
    webhooks: Semaphore,
    ledger: Mutex<Ledger>,
    shutdown: CancellationToken,
}

type App = Arc<Namba>;

impl Namba {
    /// The state; never held over an await.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        (self.context.now)()
    }
    fn new_id(&self) -> String {
        (self.context.new_id)().to_string()
    }
    fn pay_url(&self, token: &str) -> String {
        format!("{}pay/{token}", self.public)
    }
    /// Sleeps, or is woken by the end; says whether it may go on.
    async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.shutdown.cancelled() => false,
        }
    }
}

/// Lets a refund have its outcome after the delay, and tells it.
fn settle_later(app: &App, external_refund_id: String) {
    let app = app.clone();
    let tasks = app.context.tasks.clone();
    tasks.spawn(async move {
        if app.sleep(app.config.refund_delay).await {
            let notices = {
                let mut ledger = app.ledger();
                let outcome = ledger.faults.refund_outcome;
                refund_settles(&mut ledger, &external_refund_id, outcome, app.now())
            };
            webhooks::send(&app, notices).await;
        }
    });
}

fn router(app: App) -> Router {
    Router::new()
        .route("/public/merchant/payment/{version}/{merchant}", get(api::merchant))
        .route("/public/merchant/payment/{version}/{merchant}/one-time", post(api::create_link))
        .route("/public/merchant/payment/{version}/{merchant}/one-time/{external_id}", get(api::payment))
        .route("/public/merchant/payment/{version}/{merchant}/refund/{external_id}", get(api::refund).post(api::create_refund))
        .route("/", get(pages::overview))
        .route("/faults", post(pages::set_faults))
        .route("/pay/{token}", get(pages::pay_page).post(pages::pay))
        .route("/control/state", get(control::state))
        .route("/control/faults", post(control::faults))
        .route("/control/reset", post(control::reset))
        .route("/control/float", post(control::float))
        .route("/control/pay/{external_id}", post(control::pay))
        .route("/control/decline/{external_id}", post(control::decline))
        .route("/control/expire/{external_id}", post(control::expire))
        .route("/control/status/{external_id}", post(control::status))
        .route("/control/webhook/{external_id}", post(control::webhook))
        .route("/control/refund/{external_id}", post(control::refund))
        .with_state(app)
}
