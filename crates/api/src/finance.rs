//! What finance asks of all payments: orders, refunds, notices, the journal, and whether all of it agrees.
//!
//! `by` is whoever looks or acts. Whoever calls has made sure that the person holds the permission. Looks at what is one payer's are kept in
//! the audit trail.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use domain::balance::Period;
use domain::finance::{OrderFilter, RefundFilter};
use domain::guest::AmountError;
use domain::{JournalEntryId, OrderId, RefundId, RefundRequestId, Tyiyn};

use crate::ApiError;
use crate::balance::RefundRequestView;

/// Rows of a page.
pub const ROWS_PER_PAGE: usize = 50;
/// Letters of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// A page of something, and what the page after it is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T, C> {
    pub rows: Vec<T>,
    pub next: Option<C>,
    pub now: DateTime<Utc>,
}

/// What waits for staff, and how the books stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinanceView {
    pub requests_awaiting: usize,
    pub refunds_with_staff: u64,
    pub jobs_parked: u64,
    pub alerts: Vec<AlertView>,
    /// The house's own accounts.
    pub accounts: Vec<AccountView>,
    pub reconciliation: Option<RunView>,
    pub now: DateTime<Utc>,
}

/// Something that staff must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertView {
    pub kind: String,
    /// What it is about.
    pub key: String,
    pub detail: String,
    pub raised_at: DateTime<Utc>,
}

/// Which orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderQuery {
    pub filter: OrderFilter,
    /// An id of ours or the provider's; nothing else is looked at then.
    pub id: Option<String>,
    pub after: Option<OrderId>,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub id: OrderId,
    /// `guest_charge`, `top_up`.
    pub purpose: String,
    /// `new`, `link`, `paid`, `failed`, `expired`.
    pub state: String,
    pub amount: Tyiyn,
    pub paid: Option<Tyiyn>,
    pub refunds: Tyiyn,
    pub created_at: DateTime<Utc>,
}

/// All that is known of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetail {
    pub order: OrderRow,
    pub person: Option<Uuid>,
    /// The ids that the provider may know it by, the newest first.
    pub external_ids: Vec<String>,
    pub provider_guid: Option<String>,
    pub provider_status: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    pub cleared_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    /// The ledger's account of the money.
    pub account: String,
    pub available: Tyiyn,
    /// What finance can send back of it now.
    pub refundable: Tyiyn,
    pub refunds: Vec<RefundRow>,
    pub entries: Vec<EntryRow>,
    pub notices: Vec<NoticeRow>,
    pub now: DateTime<Utc>,
}

/// A refund in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    pub id: RefundId,
    pub order: OrderId,
    pub amount: Tyiyn,
    /// `queued`, `sent`, `unknown`, `stuck`, `completed`, `failed`.
    pub state: String,
    pub reference: String,
    pub provider_status: Option<String>,
    pub error_code: Option<String>,
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// A notice of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    pub id: i64,
    pub provider: String,
    pub event_key: String,
    pub remote_address: String,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: Option<String>,
}

/// A notice with what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeDetail {
    pub notice: NoticeRow,
    pub body: String,
    pub now: DateTime<Utc>,
}

/// What is still to be done with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxView {
    /// Not complete yet, the oldest first.
    pub refunds: Vec<RefundRow>,
    pub jobs: Vec<JobRow>,
    pub now: DateTime<Utc>,
}

/// Work that waits, runs, or was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    pub id: i64,
    pub kind: String,
    pub key: String,
    pub run_at: DateTime<Utc>,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub parked_at: Option<DateTime<Utc>>,
}

/// An account of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub code: String,
    pub posted: Tyiyn,
    pub held: Tyiyn,
}

/// Which part of an account's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalQuery {
    pub account: String,
    pub period: Period,
    pub after: Option<i64>,
}

/// A page of an account's journal, the newest line first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalView {
    pub account: AccountView,
    pub period: Period,
    pub opening: Tyiyn,
    pub closing: Tyiyn,
    pub lines: Vec<EntryRow>,
    pub next: Option<i64>,
    pub now: DateTime<Utc>,
}

/// A posting with its entry, as a line of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    pub entry: JournalEntryId,
    pub kind: String,
    pub explanation: String,
    pub effective_at: DateTime<Utc>,
    /// Onto the account, or off it.
    pub amount: Tyiyn,
    /// Of the account after it; `None` in a list of an order.
    pub balance: Option<Tyiyn>,
}

/// A journal entry with all its postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryView {
    pub id: JournalEntryId,
    pub kind: String,
    pub business_key: String,
    pub explanation: String,
    pub source: String,
    pub effective_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    /// Account and amount: positive is credit.
    pub postings: Vec<(String, Tyiyn)>,
    pub now: DateTime<Utc>,
}

/// A refund by finance, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundForm {
    pub amount: String,
    pub reason: String,
    pub idempotency_key: String,
}

/// A correction, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorrectionForm {
    /// Codes of accounts.
    pub debit: String,
    pub credit: String,
    pub amount: String,
    pub reason: String,
    pub idempotency_key: String,
}

/// What is wrong with an account's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFault {
    /// There is no such account.
    Unknown,
    /// Both are the same.
    Same,
    /// One's own.
    Own,
    /// It would go below zero.
    Short,
}

/// What is wrong at which field. At least one is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FormFaults {
    pub debit: Option<AccountFault>,
    pub credit: Option<AccountFault>,
    pub amount: Option<AmountError>,
    pub reason: bool,
    /// The form's own key: the page is sent anew.
    pub form: bool,
}

/// What became of a form of finance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done<T> {
    Yes(T),
    Invalid(FormFaults),
}

/// What finance says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Reject,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionOutcome {
    Done,
    NoReason,
    /// One's own money, or one's own wish.
    FourEyes,
    /// Somebody else was quicker.
    Decided,
    /// The money is not there any more: it can only be rejected.
    NotRefundable,
}

/// One comparison of all books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    pub id: i64,
    pub since: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    /// `None` while it is under way.
    pub finished_at: Option<DateTime<Utc>>,
    pub orders_seen: u32,
    /// Open ones at its end.
    pub differences: Option<u32>,
}

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceView {
    /// [`domain::finance::DifferenceKind`], or the name of an invariant.
    pub kind: String,
    pub order: Option<OrderId>,
    /// The id of the order, refund or account.
    pub subject: String,
    pub expected: String,
    pub found: String,
    pub found_at: DateTime<Utc>,
}

/// How the provider's books, the ledger and the sessions compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationView {
    /// The newest first.
    pub runs: Vec<RunView>,
    /// Open ones, the newest first.
    pub differences: Vec<DifferenceView>,
    pub now: DateTime<Utc>,
}

/// A deed in the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor: Option<String>,
    pub action: String,
    pub subject_kind: String,
    pub subject: String,
    pub detail: String,
}

/// Finance's questions and deeds.
#[async_trait]
pub trait FinanceApi: Send + Sync + 'static {
    async fn overview(&self) -> Result<FinanceView, ApiError>;

    async fn orders(&self, query: OrderQuery) -> Result<Rows<OrderRow, OrderId>, ApiError>;
    async fn order(&self, by: Uuid, id: OrderId) -> Result<OrderDetail, ApiError>;
    /// Asks the provider about the order and its refunds now, and applies what it says.
    async fn ask_provider(&self, by: Uuid, id: OrderId) -> Result<(), ApiError>;
    /// Sends money of the order back to its payer; above the limit of a day another one of finance has to approve it.
    async fn refund_order(&self, by: Uuid, id: OrderId, form: &RefundForm) -> Result<Done<RefundRequestId>, ApiError>;

    async fn refunds(&self, filter: RefundFilter, after: Option<RefundId>) -> Result<Rows<RefundRow, RefundId>, ApiError>;
    /// The oldest first.
    async fn requests_awaiting(&self) -> Result<Vec<RefundRequestView>, ApiError>;
    async fn refund_request(&self, by: Uuid, id: RefundRequestId) -> Result<RefundRequestView, ApiError>;
    async fn decide(
        &self,
        by: Uuid,
        id: RefundRequestId,
        decision: Decision,
        reason: &str,
    ) -> Result<DecisionOutcome, ApiError>;

    async fn notices(&self, after: Option<i64>) -> Result<Rows<NoticeRow, i64>, ApiError>;
    async fn notice(&self, by: Uuid, id: i64) -> Result<NoticeDetail, ApiError>;
    /// Acts on the notice once more.
    async fn act_again(&self, by: Uuid, id: i64) -> Result<(), ApiError>;

    async fn outbox(&self) -> Result<OutboxView, ApiError>;
    /// Runs a job now that waits or was given up.
    async fn run_now(&self, by: Uuid, job: i64) -> Result<(), ApiError>;

    /// Accounts whose code begins so, by code.
    async fn accounts(&self, prefix: &str, after: Option<String>) -> Result<Rows<AccountView, String>, ApiError>;
    async fn journal(&self, by: Uuid, query: JournalQuery) -> Result<JournalView, ApiError>;
    async fn entry(&self, by: Uuid, id: JournalEntryId) -> Result<EntryView, ApiError>;
    /// A new balanced entry, once per idempotency key.
    async fn correct(&self, by: Uuid, form: &CorrectionForm) -> Result<Done<JournalEntryId>, ApiError>;

    async fn reconciliation(&self) -> Result<ReconciliationView, ApiError>;
    /// Begins a comparison now, unless one is under way.
    async fn reconcile(&self, by: Uuid) -> Result<(), ApiError>;

    /// The newest first; only what was done to `subject` (an id) or by it, if it is set.
    async fn audit_trail(&self, by: Uuid, subject: Option<String>, after: Option<i64>)
    -> Result<Rows<AuditRow, i64>, ApiError>;
}
