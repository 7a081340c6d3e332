//! The driver's balance: top it up, see where the money went, get the rest back. And what finance asks of all payments.
//!
//! A person is named by id; whoever calls has made sure that it is the one who is signed in, or one who holds the permission.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use uuid::Uuid;

use domain::balance::{MovementKind, Period, RefundRequestState, TopUpState};
use domain::guest::{AmountError, AmountLimits};
use domain::{HoldId, OrderId, RefundId, RefundRequestId, SessionId, Tyiyn};

use crate::ApiError;
use crate::guest::RefundView;
use crate::i18n::Locale;

/// A form with a sum, as it was typed: of a top-up or of a refund.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoneyForm {
    /// Som, as typed or picked.
    pub amount: String,
    /// Random, from the page, 16 to 64 letters, digits, hyphens and underscores: a form sent twice is one deed. The same key with
    /// another sum is [`ApiError::Conflict`]; the key of another person is [`ApiError::NotFound`].
    pub idempotency_key: String,
}

/// What is wrong at which field. At least one is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MoneyFormErrors {
    pub amount: Option<AmountError>,
    /// The form's own key is missing or malformed: the page is sent anew.
    pub form: bool,
}

/// What became of the form of a top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopUpOutcome {
    /// The order exists; go to its page, or straight to the payment link if there is one.
    Ordered {
        order: OrderId,
        payment_url: Option<String>,
    },
    Invalid(MoneyFormErrors),
    /// Pay one of those that are open, or wait until they expire.
    TooManyUnpaid,
}

/// A top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUpView {
    pub order: OrderId,
    pub state: TopUpState,
    /// What was asked for; `paid` is what counts once it is there.
    pub amount: Tyiyn,
    pub paid: Option<Tyiyn>,
    pub paid_at: Option<DateTime<Utc>>,
    /// While `AwaitingPayment`; `None` while the provider has not answered yet.
    pub payment_url: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// What has gone back of it.
    pub refunds: Vec<RefundView>,
    pub now: DateTime<Utc>,
}

/// What a balance is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceView {
    /// `total − held`: what can be spent.
    pub available: Tyiyn,
    pub held: Tyiyn,
    pub total: Tyiyn,
    pub holds: Vec<HoldView>,
    /// What can be asked back now.
    pub refundable: Tyiyn,
    /// More than this in 24 hours has to be approved.
    pub refund_without_approval: Tyiyn,
    pub top_up_limits: AmountLimits,
    /// Top-ups that can still be paid, the newest first.
    pub unpaid: Vec<OrderId>,
    pub now: DateTime<Utc>,
}

/// Money set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldView {
    pub id: HoldId,
    pub amount: Tyiyn,
    pub since: DateTime<Utc>,
    pub reason: HoldReason,
}

/// What it is set aside for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldReason {
    Session(SessionId),
    RefundRequest(RefundRequestId),
    Other,
}

/// Which part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementQuery {
    /// Days in Bishkek.
    pub period: Period,
    /// Only these; the running balances are those of all.
    pub kind: Option<MovementKind>,
    /// [`StatementView::next`] of the page before.
    pub after: Option<i64>,
}

/// A page of a statement: the newest movement first. `opening` + all movements of the period = `closing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementView {
    pub period: Period,
    pub opening: Tyiyn,
    pub closing: Tyiyn,
    pub movements: Vec<MovementView>,
    /// There is more.
    pub next: Option<i64>,
    /// Now, and in no movement yet.
    pub held: Tyiyn,
    pub now: DateTime<Utc>,
}

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementView {
    /// The number of the posting.
    pub posting: i64,
    pub kind: MovementKind,
    pub at: DateTime<Utc>,
    /// Positive onto the balance, negative off it.
    pub amount: Tyiyn,
    /// After it.
    pub balance: Tyiyn,
    pub order: Option<OrderId>,
    pub refund: Option<RefundId>,
    pub session: Option<SessionId>,
    /// Of a correction: the reason.
    pub note: Option<String>,
}

/// A file to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    pub file_name: String,
    pub bytes: Vec<u8>,
}

/// What became of the form of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    /// On its way, or waiting for approval: its page says which.
    Asked(RefundRequestId),
    /// `TooLarge` also when it is more than `refundable`.
    Invalid(MoneyFormErrors),
}

/// A driver's wish for money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequestView {
    pub id: RefundRequestId,
    /// Whose unused balance it is of.
    pub person: Option<Uuid>,
    /// Or the one order that finance sends back.
    pub order: Option<OrderId>,
    pub asked_by: Uuid,
    /// Why finance asks.
    pub asked_reason: Option<String>,
    pub amount: Tyiyn,
    pub state: RefundRequestState,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Of the decision.
    pub reason: Option<String>,
    /// One an order that the money goes back by.
    pub refunds: Vec<RefundView>,
}

/// A driver's balance, as the pages ask for it. Another person's things are [`ApiError::NotFound`].
#[async_trait]
pub trait BalanceApi: Send + Sync + 'static {
    async fn balance(&self, person: Uuid) -> Result<BalanceView, ApiError>;
    /// Makes the order, once per idempotency key; the payment link is asked for at once, with a short patience. The payer comes back
    /// to `/balance/top-ups/{order}?returned=1`.
    async fn top_up(&self, person: Uuid, form: &MoneyForm, locale: Locale) -> Result<TopUpOutcome, ApiError>;
    /// The state of a top-up. Also looks at the provider when the payer has just come back (`returned`).
    async fn top_up_view(&self, person: Uuid, order: OrderId, returned: bool) -> Result<TopUpView, ApiError>;
    async fn statement(&self, person: Uuid, query: StatementQuery) -> Result<StatementView, ApiError>;
    /// All movements of the period, the oldest first, for a spreadsheet.
    async fn statement_csv(&self, person: Uuid, period: Period, locale: Locale) -> Result<CsvFile, ApiError>;
    /// Sends unused money back to where it came from, once per idempotency key.
    async fn ask_refund(&self, person: Uuid, form: &MoneyForm) -> Result<RefundOutcome, ApiError>;
    /// The newest first, 50 at most.
    async fn refund_requests(&self, person: Uuid) -> Result<Vec<RefundRequestView>, ApiError>;
    async fn refund_request(&self, person: Uuid, id: RefundRequestId) -> Result<RefundRequestView, ApiError>;
    /// An item each time that the balance, a top-up or a refund of the person may have changed (a hint; may be coalesced or lost).
    async fn changes(&self, person: Uuid) -> Result<BoxStream<'static, ()>, ApiError>;
}
