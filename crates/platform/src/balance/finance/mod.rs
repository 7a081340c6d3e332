//! Finance's side of all payments: look for one, see what became of it, act on it. Whoever acts, and whoever looks at what is one payer's, is
//! written into the audit trail.

mod store;
#[cfg(test)]
mod tests;

use api::ApiError;
use api::balance::{MoneyForm, MoneyFormErrors, RefundRequestView};
use api::finance::{
    AccountFault, AccountView, AlertView, AuditRow, CorrectionForm, Decision, DecisionOutcome, Done, EntryRow, EntryView,
    FinanceApi, FinanceView, FormFaults, JobRow, JournalQuery, JournalView, NoticeDetail, NoticeRow, OrderDetail, OrderQuery,
    OrderRow, OutboxView, REASON_CHARS_MAX, ROWS_PER_PAGE, ReconciliationView, RefundForm, RefundRow, Rows,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::finance::RefundFilter;
use domain::guest::{AmountError, AmountLimits};
use domain::{FormKey, JournalEntryId, OrderId, RefundId, RefundRequestId, Tyiyn};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::driver::answer;
use super::statement::instants;
use super::top_up::parse_form;
use super::{
    Balance, BalanceError, FLOAT_JOB, ORDER_JOB, RECONCILIATION_JOB, REFUND_JOB, TOP_UP_JOB, WEBHOOK_JOB, external_id,
    find_order, refund_requests,
};
use crate::audit::{self, Actor, AuditEvent};
use crate::db::{self, Tx};
use crate::jobs::{self, NewJob};
use crate::ledger::{self, AMOUNT_TYIYN_MAX, AccountCode, Kinds, LedgerError, LineQuery, NewEntry};

/// The kind of the entries that finance makes.
pub(super) const CORRECTION: &str = "correction";
/// Work with the provider.
const JOBS: [&str; 6] = [ORDER_JOB, WEBHOOK_JOB, REFUND_JOB, FLOAT_JOB, TOP_UP_JOB, RECONCILIATION_JOB];
/// The house's own accounts that the first page shows.
const OWN_ACCOUNTS: [AccountCode; 5] = [
    AccountCode::NambaClearing,
    AccountCode::NambaCash,
    AccountCode::RefundsClearing,
    AccountCode::WriteOff,
    AccountCode::Rounding,
];
/// A page, and one more to know whether there is another.
const LIMIT: i64 = ROWS_PER_PAGE as i64 + 1;
const ALERTS_SHOWN: i64 = 50;
const JOBS_SHOWN: i64 = 200;
const ENTRIES_OF_ORDER_MAX: i64 = 500;

fn page<T, C>(mut rows: Vec<T>, cursor: impl Fn(&T) -> C, now: DateTime<Utc>) -> Rows<T, C> {
    let more = rows.len() > ROWS_PER_PAGE;
    rows.truncate(ROWS_PER_PAGE);
    let next = if more { rows.last().map(cursor) } else { None };
    Rows { rows, next, now }
}

fn account_view(account: ledger::Account) -> AccountView {
    AccountView { code: account.code, posted: account.balance.posted, held: account.balance.held }
}

fn is_reason(text: &str) -> bool {
    (1..=REASON_CHARS_MAX).contains(&text.trim().chars().count())
}

impl Balance {
    async fn finance_view(&self) -> Result<FinanceView, BalanceError> {
        let requests_awaiting = self.list_awaiting().await?.len();
        let reconciliation = self.reconciliation_view().await?.runs.into_iter().next();
        db::snapshot(&self.db, move |mut tx| {
            let reconciliation = reconciliation.clone();
            async move {
                let mut accounts = Vec::with_capacity(OWN_ACCOUNTS.len());
                for account in OWN_ACCOUNTS {
                    let balance = ledger::balance(&mut *tx, &account).await?;
                    accounts.push(AccountView { code: account.to_string(), posted: balance.posted, held: balance.held });
                }
                let alerts = audit::open_alerts(&mut tx, ALERTS_SHOWN).await?;
                let count = |n: i64| u64::try_from(n).unwrap_or_default();
                Ok(FinanceView {
                    requests_awaiting,
                    refunds_with_staff: count(store::refunds_with_staff(&mut tx).await?),
                    jobs_parked: count(jobs::parked(&mut tx, &JOBS).await?),
                    alerts: alerts
                        .into_iter()
                        .map(|alert| AlertView {
                            kind: alert.kind,
                            key: alert.key,
                            detail: alert.detail.to_string(),
                            raised_at: alert.raised_at,
                        })
                        .collect(),
                    accounts,
                    reconciliation,
                    now: tx.now(),
                })
            }
        })
        .await
    }

    async fn find_orders(&self, query: OrderQuery) -> Result<Rows<OrderRow, OrderId>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let rows = match &query.id {
            Some(id) => store::orders_of_id(&mut connection, id.trim()).await?,
            None => store::orders(&mut connection, query.filter, query.after, LIMIT).await?,
        };
        Ok(page(rows, |row| row.id, self.db.now()))
    }

    async fn order_detail(&self, by: Uuid, id: OrderId) -> Result<OrderDetail, BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            let order = find_order(&mut tx, id).await?.ok_or(BalanceError::NotFound("order"))?;
            let row = store::orders_of_id(&mut tx, &id.to_string()).await?.into_iter().find(|row| row.id == id);
            let row = row.ok_or(BalanceError::NotFound("order"))?;
            let account = order.account();
            let balance = ledger::balance(&mut *tx, &account).await?;
            let entries = ledger::entries_of_order(&mut tx, id, ENTRIES_OF_ORDER_MAX).await?;
            let external_ids: Vec<String> =
                (1..=order.link_attempt).rev().map(|attempt| external_id(id.as_uuid(), attempt)).collect();
            let known_as: Vec<String> = order.provider_guid.iter().chain(&external_ids).cloned().collect();
            let notices = store::notices_about(&mut tx, &known_as, LIMIT).await?;
            let detail = OrderDetail {
                person: order.purpose.person(),
                provider_guid: order.provider_guid.clone(),
                provider_status: store::provider_status(&mut tx, id).await?,
                paid_at: order.paid_at,
                cleared_at: order.cleared_at,
                expires_at: order.expires_at,
                available: balance.available(),
                refundable: Tyiyn::new(refund_requests::refundable_of_order(&mut tx, id).await?),
                refunds: store::refunds(&mut tx, RefundFilter::All, Some(id), None, LIMIT).await?,
                entries: entries.into_iter().filter_map(|entry| line_of(&entry, &account)).collect(),
                notices,
                now: tx.now(),
                account: account.to_string(),
                external_ids,
                order: row,
            };
            looked(&mut tx, by, "order", id.to_string()).await?;
            Ok(detail)
        })
        .await
    }

    async fn ask_provider_now(&self, by: Uuid, id: OrderId) -> Result<(), BalanceError> {
        self.order(id).await?.ok_or(BalanceError::NotFound("order"))?;
        self.acted(by, "finance.provider_asked", "order", id.to_string()).await?;
        self.refresh(id).await?;
        for refund in self.refunds(id).await? {
            self.follow_refund(refund.id).await?;
        }
        Ok(())
    }

    async fn refund_an_order(&self, by: Uuid, id: OrderId, form: &RefundForm) -> Result<Done<RefundRequestId>, BalanceError> {
        let any = AmountLimits { min: Tyiyn::new(1), max: Tyiyn::new(AMOUNT_TYIYN_MAX) };
        let money = MoneyForm { amount: form.amount.clone(), idempotency_key: form.idempotency_key.clone() };
        let reason = !is_reason(&form.reason);
        let money = match parse_form(&money, any) {
            Ok(money) if !reason => money,
            parsed => {
                let MoneyFormErrors { amount, form } = parsed.err().unwrap_or_default();
                return Ok(Done::Invalid(FormFaults { amount, form, reason, ..FormFaults::default() }));
            }
        };
        match self.ask_for_refund_of_order(by, id, money, form.reason.trim().to_owned()).await {
            Ok(request) => Ok(Done::Yes(request)),
            Err(BalanceError::NotRefundable) => {
                Ok(Done::Invalid(FormFaults { amount: Some(AmountError::TooLarge), ..FormFaults::default() }))
            }
            Err(error) => Err(error),
        }
    }

    async fn look_at_request(&self, by: Uuid, id: RefundRequestId) -> Result<RefundRequestView, BalanceError> {
        let request = self.any_request(id).await?;
        self.acted(by, LOOKED, "refund_request", id.to_string()).await?;
        Ok(request)
    }

    async fn look_at_notice(&self, by: Uuid, id: i64) -> Result<NoticeDetail, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let (notice, body) = store::notice(&mut connection, id).await?.ok_or(BalanceError::NotFound("notice"))?;
        drop(connection);
        self.acted(by, LOOKED, "webhook", id.to_string()).await?;
        Ok(NoticeDetail { notice, body, now: self.db.now() })
    }

    async fn act_on_notice_again(&self, by: Uuid, id: i64) -> Result<(), BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            store::notice(&mut tx, id).await?.ok_or(BalanceError::NotFound("notice"))?;
            let job = NewJob::now(&tx, WEBHOOK_JOB, id.to_string());
            jobs::enqueue(&mut tx, &job).await?;
            record(&mut tx, by, "finance.notice_acted_on_again", "webhook", id.to_string(), json!({})).await
        })
        .await
    }

    async fn outbox_view(&self) -> Result<OutboxView, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let refunds = store::refunds(&mut connection, RefundFilter::Open, None, None, JOBS_SHOWN).await?;
        let jobs = jobs::waiting(&mut connection, &JOBS, JOBS_SHOWN).await?;
        let jobs = jobs
            .into_iter()
            .map(|job| JobRow {
                id: job.id,
                kind: job.kind,
                key: job.key,
                run_at: job.run_at,
                attempts: u32::try_from(job.attempts).unwrap_or_default(),
                last_error: job.last_error,
                parked_at: job.parked_at,
            })
            .collect();
        Ok(OutboxView { refunds, jobs, now: self.db.now() })
    }

    async fn run_job_now(&self, by: Uuid, id: i64) -> Result<(), BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            let found = jobs::run_now(&mut tx, id, &JOBS).await?;
            let (kind, key) = found.ok_or(BalanceError::NotFound("job"))?;
            record(&mut tx, by, "finance.job_run_now", "job", key, json!({ "kind": kind })).await
        })
        .await
    }

    async fn list_accounts(&self, prefix: &str, after: Option<String>) -> Result<Rows<AccountView, String>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let found = ledger::accounts(&mut connection, prefix.trim(), after.as_deref(), LIMIT).await?;
        let rows = found.into_iter().map(account_view).collect();
        Ok(page(rows, |row: &AccountView| row.code.clone(), self.db.now()))
    }

    async fn journal_page(&self, by: Uuid, query: JournalQuery) -> Result<JournalView, BalanceError> {
        let account = AccountCode::parse(&query.account).map_err(|_| BalanceError::NotFound("account"))?;
        let (from, to) = instants(query.period);
        let limit = u16::try_from(ROWS_PER_PAGE).unwrap_or(u16::MAX);
        let lines = LineQuery { from, to, kinds: Kinds::All, after: query.after, limit };
        let period = query.period;
        let (of, looks) = (account.to_string(), account.is_guarded());
        let view = db::snapshot(&self.db, move |mut tx| {
            let account = account.clone();
            async move {
                if !ledger::is_open(&mut tx, &account).await? {
                    return Err(BalanceError::NotFound("account"));
                }
                let page = ledger::lines(&mut tx, &account, lines).await?;
                let balance = ledger::balance(&mut *tx, &account).await?;
                Ok(JournalView {
                    account: AccountView { code: account.to_string(), posted: balance.posted, held: balance.held },
                    period,
                    opening: page.opening,
                    closing: page.closing,
                    lines: page
                        .lines
                        .into_iter()
                        .map(|line| EntryRow {
                            entry: line.entry,
                            kind: line.kind,
                            explanation: line.explanation,
                            effective_at: line.effective_at,
                            amount: line.amount,
                            balance: Some(line.balance),
                        })
                        .collect(),
                    next: page.next,
                    now: tx.now(),
                })
            }
        })
        .await?;
        // A payer's account tells what a person did.
        if looks {
            self.acted(by, LOOKED, "account", of).await?;
        }
        Ok(view)
    }

    async fn look_at_entry(&self, by: Uuid, id: JournalEntryId) -> Result<EntryView, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let entry = ledger::entry(&mut connection, id).await?.ok_or(BalanceError::NotFound("entry"))?;
        drop(connection);
        let is_of_payer = |(code, _): &(String, Tyiyn)| AccountCode::parse(code).is_ok_and(|code| code.is_guarded());
        if entry.postings.iter().any(is_of_payer) {
            self.acted(by, LOOKED, "journal_entry", id.to_string()).await?;
        }
        Ok(EntryView {
            id: entry.id,
            kind: entry.kind,
            business_key: entry.business_key,
            explanation: entry.explanation,
            source: entry.source.to_string(),
            effective_at: entry.effective_at,
            recorded_at: entry.recorded_at,
            postings: entry.postings,
            now: self.db.now(),
        })
    }

    async fn make_correction(&self, by: Uuid, form: &CorrectionForm) -> Result<Done<JournalEntryId>, BalanceError> {
        let limits = AmountLimits { min: Tyiyn::new(1), max: Tyiyn::new(AMOUNT_TYIYN_MAX) };
        let (amount, key) = (limits.parse(&form.amount), FormKey::parse(&form.idempotency_key));
        let mut connection = self.db.pool().acquire().await?;
        let (debit, debit_fault) = account_of_form(&mut connection, by, &form.debit).await?;
        let (credit, credit_fault) = account_of_form(&mut connection, by, &form.credit).await?;
        drop(connection);
        let is_same = debit.is_some() && debit == credit;
        let faults = FormFaults {
            debit: debit_fault,
            credit: credit_fault.or(is_same.then_some(AccountFault::Same)),
            amount: amount.err(),
            reason: !is_reason(&form.reason),
            form: key.is_err(),
        };
        let (Some(debit), Some(credit), Ok(amount), Ok(key)) = (debit, credit, amount, key) else {
            return Ok(Done::Invalid(faults));
        };
        if faults != FormFaults::default() {
            return Ok(Done::Invalid(faults));
        }
        let (balance, reason) = (self.clone(), form.reason.trim().to_owned());
        let made = db::tx(&self.db, move |mut tx| {
            let (balance, reason, debit, credit, key) =
                (balance.clone(), reason.clone(), debit.clone(), credit.clone(), key.clone());
            async move {
                let now = tx.now();
                let entry = NewEntry::new(CORRECTION, format!("correction:{key}"), reason.clone(), now)
                    .source(json!({ "by": by }))
                    .debit(debit.clone(), amount)
                    .credit(credit.clone(), amount);
                let posted = ledger::post(&mut tx, &entry).await?;
                if posted.is_new() {
                    let detail = json!({
                        "debit": debit.to_string(), "credit": credit.to_string(), "amount_tyiyn": amount, "reason": reason,
                    });
                    record(&mut tx, by, "finance.corrected", "journal_entry", posted.id().to_string(), detail).await?;
                }
                for account in [&debit, &credit] {
                    balance.publish_account(&mut tx, account);
                }
                Ok(posted.id())
            }
        })
        .await;
        match made {
            Ok(id) => Ok(Done::Yes(id)),
            Err(BalanceError::Ledger(LedgerError::InsufficientFunds)) => {
                Ok(Done::Invalid(FormFaults { debit: Some(AccountFault::Short), ..FormFaults::default() }))
            }
            Err(BalanceError::Ledger(LedgerError::KeyReused(_))) => Err(BalanceError::FormReused),
            Err(error) => Err(error),
        }
    }

    async fn trail(&self, by: Uuid, about: Option<String>, after: Option<i64>) -> Result<Rows<AuditRow, i64>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let found = audit::trail(&mut connection, about.as_deref(), after, LIMIT).await?;
        drop(connection);
        let rows = found
            .into_iter()
            .map(|event| AuditRow {
                id: event.id,
                at: event.at,
                actor_kind: event.actor_kind,
                actor: event.actor_id,
                action: event.action,
                subject_kind: event.subject_kind,
                subject: event.subject_id,
                detail: event.detail.to_string(),
            })
            .collect();
        self.acted(by, LOOKED, "audit_trail", about.unwrap_or_else(|| "all".to_owned())).await?;
        Ok(page(rows, |row: &AuditRow| row.id, self.db.now()))
    }

    /// Writes into the trail what somebody has looked at or done.
    pub(super) async fn acted(
        &self,
        by: Uuid,
        action: &'static str,
        subject_kind: &'static str,
        subject_id: String,
    ) -> Result<(), BalanceError> {
        db::tx(&self.db, move |mut tx| {
            let subject_id = subject_id.clone();
            async move { record(&mut tx, by, action, subject_kind, subject_id, json!({})).await }
        })
        .await
    }
}

/// The action of a look.
const LOOKED: &str = "finance.looked_at";

async fn looked(tx: &mut Tx, by: Uuid, subject_kind: &'static str, subject_id: String) -> Result<(), BalanceError> {
    record(tx, by, LOOKED, subject_kind, subject_id, json!({})).await
}

async fn record(
    tx: &mut Tx,
    by: Uuid,
    action: &'static str,
    subject_kind: &'static str,
    subject_id: String,
    detail: serde_json::Value,
) -> Result<(), BalanceError> {
    let event = AuditEvent { actor: Actor::Person(by.to_string()), action, subject_kind, subject_id, detail };
    Ok(audit::record(tx, &event).await?)
}

/// What an entry did to the account.
fn line_of(entry: &ledger::Entry, account: &AccountCode) -> Option<EntryRow> {
    let code = account.to_string();
    // Of an entry that leaves the payer's account alone, such as a settlement by the provider, its own sum is shown.
    let amount = entry.postings.iter().find(|(of, _)| *of == code).or(entry.postings.first())?.1;
    Some(EntryRow {
        entry: entry.id,
        kind: entry.kind.clone(),
        explanation: entry.explanation.clone(),
        effective_at: entry.effective_at,
        amount,
        balance: None,
    })
}

/// The account that was typed, and what is wrong with it. Only accounts that are there: a slip of the pen makes no new one.
async fn account_of_form(
    connection: &mut PgConnection,
    by: Uuid,
    typed: &str,
) -> Result<(Option<AccountCode>, Option<AccountFault>), BalanceError> {
    let Ok(account) = AccountCode::parse(typed.trim()) else { return Ok((None, Some(AccountFault::Unknown))) };
    if account == AccountCode::Driver(by) {
        return Ok((None, Some(AccountFault::Own)));
    }
    let is_known = ledger::is_open(connection, &account).await? || is_of_the_house(&account);
    Ok(if is_known { (Some(account), None) } else { (None, Some(AccountFault::Unknown)) })
}

/// Accounts that are always there, opened or not.
const fn is_of_the_house(account: &AccountCode) -> bool {
    matches!(
        account,
        AccountCode::NambaClearing
            | AccountCode::NambaCash
            | AccountCode::RefundsClearing
            | AccountCode::Revenue(_)
            | AccountCode::WriteOff
            | AccountCode::Rounding
    )
}

#[async_trait]
impl FinanceApi for Balance {
    async fn overview(&self) -> Result<FinanceView, ApiError> {
        answer("show finance's page", self.finance_view().await)
    }

    async fn orders(&self, query: OrderQuery) -> Result<Rows<OrderRow, OrderId>, ApiError> {
        answer("list orders", self.find_orders(query).await)
    }

    async fn order(&self, by: Uuid, id: OrderId) -> Result<OrderDetail, ApiError> {
        answer("show an order", self.order_detail(by, id).await)
    }

    async fn ask_provider(&self, by: Uuid, id: OrderId) -> Result<(), ApiError> {
        answer("ask the provider about an order", self.ask_provider_now(by, id).await)
    }

    async fn refund_order(&self, by: Uuid, id: OrderId, form: &RefundForm) -> Result<Done<RefundRequestId>, ApiError> {
        answer("send an order's money back", self.refund_an_order(by, id, form).await)
    }

    async fn refunds(&self, filter: RefundFilter, after: Option<RefundId>) -> Result<Rows<RefundRow, RefundId>, ApiError> {
        let found = async {
            let mut connection = self.db.pool().acquire().await?;
            let rows = store::refunds(&mut connection, filter, None, after, LIMIT).await?;
            Ok(page(rows, |row| row.id, self.db.now()))
        };
        answer("list refunds", found.await)
    }

    async fn requests_awaiting(&self) -> Result<Vec<RefundRequestView>, ApiError> {
        answer("list refund requests", self.list_awaiting().await)
    }

    async fn refund_request(&self, by: Uuid, id: RefundRequestId) -> Result<RefundRequestView, ApiError> {
        answer("show a refund request", self.look_at_request(by, id).await)
    }

    async fn decide(
        &self,
        by: Uuid,
        id: RefundRequestId,
        decision: Decision,
        reason: &str,
    ) -> Result<DecisionOutcome, ApiError> {
        match self.decide_refund(id, by, decision, reason).await {
            Ok(()) => Ok(DecisionOutcome::Done),
            Err(BalanceError::NoReason) => Ok(DecisionOutcome::NoReason),
            Err(BalanceError::FourEyes) => Ok(DecisionOutcome::FourEyes),
            Err(BalanceError::Decided) => Ok(DecisionOutcome::Decided),
            Err(BalanceError::NotRefundable) => Ok(DecisionOutcome::NotRefundable),
            Err(error) => answer("decide on a refund", Err(error)),
        }
    }

    async fn notices(&self, after: Option<i64>) -> Result<Rows<NoticeRow, i64>, ApiError> {
        let found = async {
            let mut connection = self.db.pool().acquire().await?;
            let rows = store::notices(&mut connection, after, LIMIT).await?;
            Ok(page(rows, |row: &NoticeRow| row.id, self.db.now()))
        };
        answer("list notices", found.await)
    }

    async fn notice(&self, by: Uuid, id: i64) -> Result<NoticeDetail, ApiError> {
        answer("show a notice", self.look_at_notice(by, id).await)
    }

    async fn act_again(&self, by: Uuid, id: i64) -> Result<(), ApiError> {
        answer("act on a notice again", self.act_on_notice_again(by, id).await)
    }

    async fn outbox(&self) -> Result<OutboxView, ApiError> {
        answer("show the outbox", self.outbox_view().await)
    }

    async fn run_now(&self, by: Uuid, job: i64) -> Result<(), ApiError> {
        answer("run a job", self.run_job_now(by, job).await)
    }

    async fn accounts(&self, prefix: &str, after: Option<String>) -> Result<Rows<AccountView, String>, ApiError> {
        answer("list accounts", self.list_accounts(prefix, after).await)
    }

    async fn journal(&self, by: Uuid, query: JournalQuery) -> Result<JournalView, ApiError> {
        answer("show a journal", self.journal_page(by, query).await)
    }

    async fn entry(&self, by: Uuid, id: JournalEntryId) -> Result<EntryView, ApiError> {
        answer("show an entry", self.look_at_entry(by, id).await)
    }

    async fn correct(&self, by: Uuid, form: &CorrectionForm) -> Result<Done<JournalEntryId>, ApiError> {
        answer("make a correction", self.make_correction(by, form).await)
    }

    async fn reconciliation(&self) -> Result<ReconciliationView, ApiError> {
        answer("show the reconciliation", self.reconciliation_view().await)
    }

    async fn reconcile(&self, by: Uuid) -> Result<(), ApiError> {
        answer("begin a reconciliation", self.reconcile_now(by).await)
    }

    async fn audit_trail(
        &self,
        by: Uuid,
        subject: Option<String>,
        after: Option<i64>,
    ) -> Result<Rows<AuditRow, i64>, ApiError> {
        answer("show the audit trail", self.trail(by, subject, after).await)
    }
}
