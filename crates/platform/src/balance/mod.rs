//! Payments and refunds at the provider: orders, their links, the webhook inbox, the refund outbox, and their entries in the ledger.
//!
//! Knows nothing of sessions, guests or pages: an order has a purpose, and whoever has that purpose is told by a job that the order
//! has changed. Nothing that comes from outside is believed: a webhook, a poll and a payer who comes back only make us ask the
//! provider, and its answer alone moves money. What it answers is applied once, whichever of them asked first.
//!
//! Every call to the provider has its row, with our own id in it, committed before it. An answer that is ambiguous stays ambiguous
//! in the row until the provider tells.

mod csv;
mod driver;
mod drivers;
mod finance;
mod orders;
mod reconciliation;
#[cfg(test)]
mod refund_request_tests;
mod refund_requests;
mod refunds;
mod schedule;
#[cfg(test)]
pub(crate) mod standin;
mod statement;
#[cfg(test)]
mod statement_tests;
mod store;
#[cfg(test)]
mod tests;
mod top_up;
#[cfg(test)]
mod top_up_tests;
mod webhooks;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::guest::AmountLimits;
use domain::{OrderId, RefundId, Tyiyn};
use futures::future::BoxFuture;
use providers::{PaymentProvider, ProviderError};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::bus::{Bus, Topic};
use crate::db::{Db, TxError};
use crate::invariants::Violation;
use crate::jobs::{Job, JobHandler, Outcome};
use crate::ledger::{self, AccountCode, LedgerError, StatementError};

pub use refunds::{Refund, RefundStage, request_refund};

/// Makes the link, asks about the payment, lets the order expire; the key is the order's id.
pub const ORDER_JOB: &str = "balance.order";
/// Acts on a row of the inbox; the key is its number.
pub const WEBHOOK_JOB: &str = "balance.webhook";
/// Sends a refund and follows it to its end; the key is the refund's id.
pub const REFUND_JOB: &str = "balance.refund";
/// Tells the pages of a person that an order or a refund has changed; the key is the order's id.
pub const TOP_UP_JOB: &str = "top_up.advance";
/// Compares what refunds need with what the merchant account has; one job for all.
pub const FLOAT_JOB: &str = "balance.float";

/// Compares our books with the provider's, each night; one job for all.
pub const RECONCILIATION_JOB: &str = "balance.reconcile";

/// Where the provider sends its notices, under our public address.
pub const WEBHOOK_PATH: &str = "/webhooks/namba";
/// The header that carries our secret back to us.
pub const WEBHOOK_SECRET_HEADER: &str = "x-rp-webhook-secret";

/// What the operator sets.
#[derive(Debug, Clone)]
pub struct BalanceSettings {
    /// `https://host`, where people and the provider reach us; a slash at the end does not matter.
    pub public_url: String,
    /// Without it every webhook is refused, and orders are only polled.
    pub webhook_secret: Option<SecretString>,
    /// How long a link is good for us. A payment that comes later is taken all the same.
    pub payment_lifetime: TimeDelta,
}

/// What a driver may do. The operator can set other sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceLimits {
    /// Of one top-up.
    pub top_up: AmountLimits,
    /// More than this of one person in 24 hours is sent back only when finance approves it.
    pub refund_without_approval: Tyiyn,
    /// The nightly comparison looks at orders of so many days.
    pub reconciled_days: u16,
}

impl Default for BalanceLimits {
    fn default() -> Self {
        Self {
            top_up: AmountLimits { min: Tyiyn::new(5_000), max: Tyiyn::new(2_000_000) },
            refund_without_approval: Tyiyn::new(500_000),
            reconciled_days: 7,
        }
    }
}

/// The use cases of balance. Cheap to clone.
#[derive(Clone)]
pub struct Balance {
    db: Db,
    bus: Arc<dyn Bus>,
    provider: Arc<dyn PaymentProvider>,
    settings: Arc<BalanceSettings>,
    limits: BalanceLimits,
}

impl fmt::Debug for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balance").finish_non_exhaustive()
    }
}

/// What an order is for, and so who is told of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    GuestCharge,
    /// Onto this person's balance.
    TopUp(Uuid),
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuestCharge => "guest_charge",
            Self::TopUp(_) => "top_up",
        }
    }
    fn parse(text: &str, person: Option<Uuid>) -> Option<Self> {
        match (text, person) {
            ("guest_charge", None) => Some(Self::GuestCharge),
            ("top_up", Some(person)) => Some(Self::TopUp(person)),
            _ => None,
        }
    }
    /// Whose balance it is for.
    pub const fn person(self) -> Option<Uuid> {
        match self {
            Self::GuestCharge => None,
            Self::TopUp(person) => Some(person),
        }
    }
    /// The job that is asked for, with the order's id as its key, when the order was paid, failed, expired or paid back.
    pub const fn changed_job(self) -> &'static str {
        match self {
            Self::GuestCharge => "guest.advance",
            Self::TopUp(_) => TOP_UP_JOB,
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// The link is being asked for.
    New,
    /// It can be paid.
    Link,
    Paid,
    /// The provider says that it will not be paid. It can be wrong: a late payment is taken.
    Failed,
    /// Not paid in time. A late payment is taken.
    Expired,
}

impl OrderState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Link => "link",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        [Self::New, Self::Link, Self::Paid, Self::Failed, Self::Expired].into_iter().find(|state| state.as_str() == text)
    }
}

/// An order to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub id: OrderId,
    pub purpose: Purpose,
    pub amount: Tyiyn,
    /// What the payer reads at the provider.
    pub comment: String,
    /// Where the payer's browser goes afterwards: a path of ours.
    pub return_path: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub purpose: Purpose,
    pub state: OrderState,
    /// What was asked for.
    pub amount: Tyiyn,
    /// What was really paid, once it was.
    pub paid: Option<Tyiyn>,
    pub paid_at: Option<DateTime<Utc>>,
    /// Where to pay, while that is possible.
    pub payment_url: Option<String>,
    /// The provider's id of the payment.
    pub provider_guid: Option<String>,
    pub expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    cleared_at: Option<DateTime<Utc>>,
    external_id: String,
    link_attempt: i32,
    provider_kind: Option<String>,
    comment: String,
    return_path: String,
}

impl Order {
    /// The account that holds what was paid and neither used nor sent back.
    pub fn account(&self) -> AccountCode {
        match self.purpose {
            Purpose::GuestCharge => AccountCode::GuestOrder(self.id),
            Purpose::TopUp(person) => AccountCode::Driver(person),
        }
    }
}

/// Why something about payments could not be done.
#[derive(Debug, thiserror::Error)]
pub enum BalanceError {
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A fault of the caller.
    #[error("the business key {0:?} belongs to another refund")]
    KeyReused(String),
    /// The form was sent before, with another sum.
    #[error("the form was sent before with another sum")]
    FormReused,
    #[error("too many unpaid orders")]
    TooManyUnpaid,
    /// More than the balance has, or than was paid and has not gone back.
    #[error("more than can be sent back")]
    NotRefundable,
    /// Nobody decides on money of their own.
    #[error("whoever asks cannot approve")]
    FourEyes,
    #[error("decided before, or by somebody else")]
    Decided,
    #[error("a reason is missing or too long")]
    NoReason,
    /// A row says something that this version does not know.
    #[error("the row of {0} cannot be read")]
    Unreadable(String),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for BalanceError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.sqlx(),
            Self::Statement(StatementError::Db(error)) => Some(error),
            _ => None,
        }
    }
}

/// The topic of whatever changes in a person's balance.
pub fn person_topic(person: Uuid) -> Topic {
    Topic::other("person", person)
}

/// The topic of an order's changes.
pub fn topic(order: OrderId) -> Topic {
    Topic::other("order", order)
}

impl Balance {
    pub fn new(db: Db, bus: Arc<dyn Bus>, provider: Arc<dyn PaymentProvider>, mut settings: BalanceSettings) -> Self {
        settings.public_url = settings.public_url.trim_end_matches('/').to_owned();
        Self { db, bus, provider, settings: Arc::new(settings), limits: BalanceLimits::default() }
    }

    #[must_use]
    pub fn with_limits(mut self, limits: BalanceLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The handlers of this module's jobs.
    pub fn handlers(&self) -> HashMap<&'static str, Arc<dyn JobHandler>> {
        let handler: Arc<dyn JobHandler> = Arc::new(self.clone());
        [ORDER_JOB, WEBHOOK_JOB, REFUND_JOB, FLOAT_JOB, TOP_UP_JOB, RECONCILIATION_JOB]
            .into_iter()
            .map(|kind| (kind, Arc::clone(&handler)))
            .collect()
    }

    /// The order.
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        find_order(&mut connection, id).await
    }

    /// The refunds of an order, the oldest first.
    pub async fn refunds(&self, order: OrderId) -> Result<Vec<Refund>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        refunds_in(&mut connection, order).await
    }

    fn publish(&self, order: OrderId) {
        self.bus.publish(&topic(order), "changed");
    }

    /// Where notices are asked for: nowhere without a secret, because then they are refused.
    fn webhook_url(&self) -> Option<String> {
        self.settings.webhook_secret.as_ref().map(|_| format!("{}{WEBHOOK_PATH}", self.settings.public_url))
    }

    fn webhook_headers(&self) -> BTreeMap<String, String> {
        let secret = self.settings.webhook_secret.as_ref();
        secret.map(|secret| (WEBHOOK_SECRET_HEADER.to_owned(), secret.expose_secret().to_owned())).into_iter().collect()
    }
}

/// The order as this transaction or connection sees it.
pub async fn find_order(connection: &mut PgConnection, id: OrderId) -> Result<Option<Order>, BalanceError> {
    store::order(connection, id).await?.map(store::OrderRow::read).transpose()
}

/// The refunds of an order as this transaction sees them, the oldest first.
pub async fn refunds_in(connection: &mut PgConnection, order: OrderId) -> Result<Vec<Refund>, BalanceError> {
    refunds::of_order(connection, order).await
}

/// Our id of a thing at the provider: the thing's own id and the number of the try.
fn external_id(id: Uuid, number: i32) -> String {
    format!("{}-{number}", id.simple())
}

/// Reads [`external_id`] back.
fn parse_external_id(text: &str) -> Option<(Uuid, i32)> {
    let (id, number) = text.split_once('-')?;
    let parsed = (id.len() == 32).then(|| Uuid::try_parse(id).ok()).flatten()?;
    let number: i32 = number.parse().ok()?;
    (external_id(parsed, number) == text && number > 0).then_some((parsed, number))
}

#[async_trait]
impl JobHandler for Balance {
    async fn run(&self, job: &Job) -> anyhow::Result<Outcome> {
        let id = || Uuid::try_parse(&job.key);
        match job.kind.as_str() {
            ORDER_JOB => Ok(self.follow_order(OrderId::from_uuid(id()?)).await?),
            REFUND_JOB => Ok(self.follow_refund(RefundId::from_uuid(id()?)).await?),
            WEBHOOK_JOB => Ok(self.act_on_notice(job.key.parse()?).await?),
            FLOAT_JOB => Ok(self.check_float().await?),
            TOP_UP_JOB => Ok(self.tell_person(OrderId::from_uuid(id()?)).await?),
            RECONCILIATION_JOB => Ok(self.reconcile_some().await?),
            other => Ok(Outcome::Failed(format!("no handler for {other}"))),
        }
    }
}

/// Invariant 3 of DESIGN § 4 as far as payments go, and that the clearing accounts are explained by open orders and refunds.
pub fn check(connection: &mut PgConnection) -> BoxFuture<'_, Result<Vec<Violation>, sqlx::Error>> {
    Box::pin(async move {
        let mut found = Vec::new();
        let sums = store::sums(connection).await?;
        let mut compare = |rule, account: &AccountCode, posted: Tyiyn, expected: i64| {
            if posted.get() != expected {
                found.push(Violation { rule, detail: format!("{account} has {} and should have {expected}", posted.get()) });
            }
        };
        for (rule, account, expected) in [
            ("balance.namba_clearing_explained", AccountCode::NambaClearing, sums.uncleared_tyiyn.saturating_neg()),
            ("balance.refunds_clearing_explained", AccountCode::RefundsClearing, sums.open_refunds_tyiyn),
            (
                "balance.namba_cash_explained",
                AccountCode::NambaCash,
                sums.completed_refunds_tyiyn.saturating_sub(sums.cleared_tyiyn),
            ),
        ] {
            let corrected = corrections(connection, &account).await?;
            compare(rule, &account, balance(connection, &account).await?, expected.saturating_add(corrected));
        }
        found.extend(drivers::check(connection).await?);
        for order in store::paid_sums(connection).await? {
            let account = AccountCode::GuestOrder(OrderId::from_uuid(order.id));
            let left = balance(connection, &account).await?.get().saturating_sub(corrections(connection, &account).await?);
            // What is gone and was not sent back was billed; nobody is billed a negative sum.
            let billed = order.paid_tyiyn.saturating_sub(order.refunds_tyiyn).saturating_sub(left);
            if billed < 0 || left < 0 {
                found.push(Violation {
                    rule: "balance.paid_is_billed_refunded_or_held",
                    detail: format!("{account}: paid {}, refunds {}, left {left}", order.paid_tyiyn, order.refunds_tyiyn),
                });
            }
        }
        Ok(found)
    })
}

/// What finance has put onto the account by hand.
async fn corrections(connection: &mut PgConnection, account: &AccountCode) -> Result<i64, sqlx::Error> {
    let sums = ledger::kind_sums(connection, &account.to_string()).await?;
    Ok(sums.iter().filter(|sum| sum.account == *account && sum.kind == finance::CORRECTION).map(|sum| sum.sum.get()).sum())
}

async fn balance(connection: &mut PgConnection, account: &AccountCode) -> Result<Tyiyn, sqlx::Error> {
    match ledger::balance(connection, account).await {
        Ok(balance) => Ok(balance.posted),
        Err(LedgerError::Db(error)) => Err(error),
        Err(other) => Err(sqlx::Error::Protocol(other.to_string())),
    }
}
