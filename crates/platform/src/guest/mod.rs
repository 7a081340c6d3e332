//! The guest's way: scan, pay, charge, receipt; no account. Implements [`api::guest::GuestApi`].
//!
//! Knows no HTTP and no provider: money is `balance`'s business, chargers are `charging`'s. What is here is the thread that holds
//! them together: one row a charge, whose phase is moved on by [`flow`] from what the order, the session and the refunds say. It does
//! not matter who calls it, how often, or in which order things become known.
//!
//! The secret of the page's address never reaches a log; a charge is named there by its id.

mod changes;
mod checkout;
mod flow;
#[cfg(test)]
pub(crate) mod house;
mod of_person;
mod store;
#[cfg(test)]
mod tests;
mod views;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::ApiError;
use api::guest::{CheckoutForm, CheckoutOutcome, CodeLookup, GuestApi, GuestView, OwnCharge, ReceiptPdf, WebhookOutcome};
use api::i18n::Locale;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::charging::session::{SessionState, StopReason};
use domain::guest::{AmountLimits, GuestPhase, StartFailure};
use domain::{ConnectorCode, ConnectorId, GuestChargeId, GuestToken, OrderId, Phone, SessionId};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::{self, Actor, AuditEvent};
use crate::balance::{Balance, BalanceError, Purpose};
use crate::bus::{Bus, Topic};
use crate::charging::{BeginRefusal, Charging, ChargingError, SESSION_ENDED};
use crate::db::{self, Db, TxError};
use crate::invariants::Violation;
use crate::jobs::{Job, JobHandler, Outcome};
use crate::ledger::LedgerError;
use crate::receipts::{Receipts, ReceiptsError};
use crate::stations::{Stations, StationsError};
use crate::tariffs::{Tariffs, TariffsError};

pub use of_person::{adopt, export, forget};

/// Moves a charge on; the key is the id of its order.
pub const ADVANCE_JOB: &str = Purpose::GuestCharge.changed_job();

/// A payer who has pressed the button waits this long for the payment link; then the page goes on without it and shows it later.
const LINK_PATIENCE: Duration = Duration::from_secs(4);
/// A payer who comes back waits this long for the provider's answer.
const RETURN_PATIENCE: Duration = Duration::from_secs(3);

/// What the operator sets.
#[derive(Debug, Clone)]
pub struct GuestSettings {
    /// `https://host`: what the links in messages and on receipts begin with.
    pub public_url: String,
    pub amount_limits: AmountLimits,
    /// Shown where no station's own is known, E.164.
    pub helpline: String,
}

/// The use cases of guests. Cheap to clone.
#[derive(Clone)]
pub struct Guest {
    db: Db,
    bus: Arc<dyn Bus>,
    balance: Balance,
    charging: Charging,
    stations: Stations,
    tariffs: Tariffs,
    receipts: Receipts,
    settings: Arc<GuestSettings>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").finish_non_exhaustive()
    }
}

/// What a guest's way stands on.
#[derive(Debug, Clone)]
pub struct GuestParts {
    pub balance: Balance,
    pub charging: Charging,
    pub stations: Stations,
    pub tariffs: Tariffs,
    pub receipts: Receipts,
}

/// Why something about a guest's charge could not be done.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The form was sent before, perhaps at this moment.
    #[error("the form was sent before")]
    SentBefore,
    #[error("too many unpaid orders")]
    TooMany,
    /// A row says something that this version does not know.
    #[error("the row of {0} cannot be read")]
    Unreadable(String),
    #[error(transparent)]
    Balance(#[from] BalanceError),
    #[error(transparent)]
    Begin(#[from] BeginRefusal),
    #[error(transparent)]
    Charging(#[from] ChargingError),
    #[error(transparent)]
    Stations(#[from] StationsError),
    #[error(transparent)]
    Tariffs(#[from] TariffsError),
    #[error(transparent)]
    Receipts(#[from] ReceiptsError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for GuestError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            Self::Balance(error) => error.sqlx(),
            Self::Begin(error) => error.sqlx(),
            Self::Charging(error) => error.sqlx(),
            Self::Stations(error) => error.sqlx(),
            Self::Tariffs(error) => error.sqlx(),
            Self::Receipts(error) => error.sqlx(),
            Self::Ledger(error) => error.sqlx(),
            Self::NotFound(_) | Self::SentBefore | Self::TooMany | Self::Unreadable(_) => None,
        }
    }
}

/// A guest's charge.
#[derive(Debug, Clone)]
struct Charge {
    id: GuestChargeId,
    token: GuestToken,
    connector: ConnectorId,
    /// As it was scanned.
    code: ConnectorCode,
    /// Gone when the person of it is.
    phone: Option<Phone>,
    locale: Locale,
    order: OrderId,
    session: Option<SessionId>,
    phase: GuestPhase,
    failure: Option<StartFailure>,
    created_at: DateTime<Utc>,
}

impl Charge {
    fn topic(&self) -> Topic {
        Topic::other("guest", self.id)
    }
}

impl Guest {
    pub fn new(db: Db, bus: Arc<dyn Bus>, parts: GuestParts, mut settings: GuestSettings) -> Self {
        settings.public_url = settings.public_url.trim_end_matches('/').to_owned();
        let GuestParts { balance, charging, stations, tariffs, receipts } = parts;
        Self { db, bus, balance, charging, stations, tariffs, receipts, settings: Arc::new(settings) }
    }

    /// The handlers of this module's jobs.
    pub fn handlers(&self) -> HashMap<&'static str, Arc<dyn JobHandler>> {
        let handler: Arc<dyn JobHandler> = Arc::new(self.clone());
        [ADVANCE_JOB, SESSION_ENDED].into_iter().map(|kind| (kind, Arc::clone(&handler))).collect()
    }

    /// The address of a charge's page.
    fn page_url(&self, token: &GuestToken) -> String {
        format!("{}/g/{token}", self.settings.public_url)
    }

    async fn charge(&self, token: &GuestToken) -> Result<Charge, GuestError> {
        let mut connection = self.db.pool().acquire().await?;
        store::by_token(&mut connection, token).await?.ok_or(GuestError::NotFound("charge"))
    }

    async fn stop_charge(&self, token: &GuestToken) -> Result<(), GuestError> {
        let charge = self.charge(token).await?;
        let Some(session) = charge.session else { return Ok(()) };
        let snapshot = self.charging.snapshot(session).await?;
        let new = matches!(snapshot.state, SessionState::Starting | SessionState::Charging) && snapshot.stop_reason.is_none();
        if !new {
            return Ok(());
        }
        let id = charge.id;
        db::tx(&self.db, move |mut tx| async move {
            let event = AuditEvent {
                actor: Actor::Guest(id.to_string()),
                action: "guest.stop_requested",
                subject_kind: "session",
                subject_id: session.to_string(),
                detail: json!({}),
            };
            audit::record(&mut tx, &event).await?;
            Ok::<_, GuestError>(())
        })
        .await?;
        self.charging.request_stop(session, StopReason::Payer).await?;
        Ok(())
    }

    async fn pdf(&self, token: &GuestToken) -> Result<ReceiptPdf, GuestError> {
        let charge = self.charge(token).await?;
        let session = charge.session.ok_or(GuestError::NotFound("receipt"))?;
        let page_url = self.page_url(&charge.token);
        self.receipts.pdf(session, Some(&page_url)).await?.ok_or(GuestError::NotFound("receipt"))
    }
}

/// The user's face of an error; the log's face is written here, once.
fn answer<T>(what: &'static str, result: Result<T, GuestError>) -> Result<T, ApiError> {
    result.map_err(|error| {
        let answer = match &error {
            GuestError::NotFound(_) => return ApiError::NotFound,
            GuestError::TooMany => ApiError::TooMany,
            _ if error.sqlx().is_some_and(db::is_out_of_reach) => ApiError::Unavailable,
            _ => ApiError::Internal,
        };
        tracing::error!(error = &error as &dyn std::error::Error, "Could not {what}");
        answer
    })
}

#[async_trait]
impl GuestApi for Guest {
    async fn look_up_code(&self, code: &str) -> Result<CodeLookup, ApiError> {
        answer("look up a code", self.look_up(code).await)
    }

    async fn check_out(&self, code: &ConnectorCode, form: &CheckoutForm, locale: Locale) -> Result<CheckoutOutcome, ApiError> {
        answer("check out", self.order_charge(code, form, locale).await)
    }

    async fn view(&self, token: &GuestToken, returned: bool) -> Result<GuestView, ApiError> {
        answer("show a charge", self.view_charge(token, returned).await)
    }

    async fn stop(&self, token: &GuestToken) -> Result<(), ApiError> {
        answer("stop a charge", self.stop_charge(token).await)
    }

    async fn receipt_pdf(&self, token: &GuestToken) -> Result<ReceiptPdf, ApiError> {
        answer("make a receipt's PDF", self.pdf(token).await)
    }

    async fn charges_of(&self, person: uuid::Uuid) -> Result<Vec<OwnCharge>, ApiError> {
        answer("list a person's charges", self.own_charges(person).await)
    }

    async fn changes(&self, token: &GuestToken) -> Result<BoxStream<'static, ()>, ApiError> {
        answer("follow a charge", self.follow(token).await)
    }

    async fn payment_webhook(
        &self,
        secret: Option<&str>,
        remote_address: &str,
        body: &[u8],
    ) -> Result<WebhookOutcome, ApiError> {
        let stored = self.balance.webhook(secret, remote_address, body).await.map_err(GuestError::from);
        // Whatever kept it from being stored: the provider should send it again.
        answer("store a webhook", stored).map_err(|_| ApiError::Unavailable)
    }
}

#[async_trait]
impl JobHandler for Guest {
    async fn run(&self, job: &Job) -> anyhow::Result<Outcome> {
        let id = uuid::Uuid::try_parse(&job.key)?;
        let order = if job.kind == SESSION_ENDED {
            let mut connection = self.db.pool().acquire().await?;
            // A session of somebody who is no guest ends without us.
            store::order_of_session(&mut connection, SessionId::from_uuid(id)).await?
        } else {
            Some(OrderId::from_uuid(id))
        };
        if let Some(order) = order {
            self.advance(order, flow::Patience::of_attempt(job.attempt)).await?;
        }
        Ok(Outcome::Done)
    }
}

/// Invariant 3 of DESIGN § 4 for guests: paid = billed + refunded + still held, and nothing is held after the end.
pub fn check(connection: &mut PgConnection) -> BoxFuture<'_, Result<Vec<Violation>, sqlx::Error>> {
    Box::pin(flow::check(connection))
}
