//! The comparison of our books with the provider's: each night and on demand, some orders at a time, so that it goes on after a restart.
//!
//! Each order is asked about anew, as a notice would have us do, so that what was only missed is made up for. What disagrees after that is
//! a difference, open until a later look does not find it. At the end the invariants of all modules are looked at: they bind orders,
//! ledger, sessions and receipts together.

mod store;
#[cfg(test)]
mod tests;

use api::finance::ReconciliationView;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Asia::Bishkek;
use domain::finance::DifferenceKind;
use domain::{OrderId, Tyiyn};
use providers::{PaymentOrder, PaymentOutcome, RefundOrder, RefundOutcome};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Balance, BalanceError, Order, OrderState, RECONCILIATION_JOB, Refund, RefundStage, external_id, find_order, refunds_in,
};
use crate::audit::{self, Actor, AuditEvent};
use crate::db;
use crate::invariants;
use crate::jobs::{self, NewJob, Outcome};
use crate::ledger::{self, AccountCode, LedgerError};

/// One job for the one provider.
const KEY: &str = "namba";
/// Nobody pays at this hour of Bishkek.
const HOUR: u32 = 3;
/// Orders of one run of the job: each is asked about with the provider's patience.
const ORDERS_AT_ONCE: i64 = 10;
/// After a provider that does not answer.
const PAUSE: TimeDelta = TimeDelta::minutes(5);
const RUNS_SHOWN: i64 = 20;
const DIFFERENCES_SHOWN: i64 = 500;
/// What the alert about open differences is called.
const ALERT: &str = "reconciliation";

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    kind: &'static str,
    subject: String,
    expected: String,
    found: String,
}

impl Difference {
    fn new(kind: DifferenceKind, subject: impl ToString, expected: impl ToString, found: impl ToString) -> Self {
        Self { kind: kind.as_str(), subject: subject.to_string(), expected: expected.to_string(), found: found.to_string() }
    }
}

/// One order as the provider has it.
#[derive(Debug, Clone, Default)]
struct Theirs {
    /// Payments that were paid, of all its links.
    paid: Vec<PaymentOrder>,
    /// In the order of our refunds.
    refunds: Vec<Option<RefundOrder>>,
}

/// And as we have it.
struct Ours {
    order: Order,
    refunds: Vec<Refund>,
    /// Journal entries that must be there: which, what it must have done to an account, and what it did.
    entries: Vec<(String, Tyiyn, Option<Tyiyn>)>,
}

/// The next night.
fn next_night(now: DateTime<Utc>) -> DateTime<Utc> {
    let local = now.with_timezone(&Bishkek);
    let hour = NaiveTime::from_hms_opt(HOUR, 0, 0).unwrap_or_default();
    let at = |day: chrono::NaiveDate| Bishkek.from_local_datetime(&day.and_time(hour)).earliest();
    let today = at(local.date_naive()).filter(|at| *at > local);
    let night = today.or_else(|| at(local.date_naive().checked_add_days(Days::new(1))?));
    night.map_or(now + TimeDelta::days(1), |at| at.with_timezone(&Utc))
}

impl Balance {
    /// Sees to it that the next night has its comparison. Called when the server starts.
    pub async fn plan_reconciliation(&self) -> Result<(), BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            let job = NewJob::at(next_night(tx.now()), RECONCILIATION_JOB, KEY);
            Ok(jobs::enqueue(&mut tx, &job).await?)
        })
        .await
    }

    pub(super) async fn reconcile_now(&self, by: Uuid) -> Result<(), BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            let job = NewJob::now(&tx, RECONCILIATION_JOB, KEY);
            jobs::enqueue(&mut tx, &job).await?;
            let event = AuditEvent {
                actor: Actor::Person(by.to_string()),
                action: "finance.reconciliation_asked",
                subject_kind: "reconciliation",
                subject_id: KEY.to_owned(),
                detail: json!({}),
            };
            Ok(audit::record(&mut tx, &event).await?)
        })
        .await
    }

    pub(super) async fn reconciliation_view(&self) -> Result<ReconciliationView, BalanceError> {
        db::snapshot(&self.db, move |mut tx| async move {
            Ok(ReconciliationView {
                runs: store::runs(&mut tx, RUNS_SHOWN).await?,
                differences: store::differences(&mut tx, DIFFERENCES_SHOWN).await?,
                now: tx.now(),
            })
        })
        .await
    }

    /// The job: some orders, and at last the invariants.
    pub(super) async fn reconcile_some(&self) -> Result<Outcome, BalanceError> {
        let days = TimeDelta::days(i64::from(self.limits.reconciled_days));
        let (run, orders) = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            let run = store::open_run(&mut tx, now - days, now).await?;
            let orders = store::orders(&mut tx, &run, ORDERS_AT_ONCE).await?;
            Ok::<_, BalanceError>((run.id, orders))
        })
        .await?;
        for order in &orders {
            match self.compare(run, *order).await {
                Ok(()) => {}
                Err(BalanceError::Provider(error)) => {
                    tracing::info!(order.id = %order, %error, "The provider does not answer; the comparison goes on later");
                    if error.needs_staff() {
                        self.alert_provider(&error).await?;
                    }
                    return Ok(Outcome::RetryAt(self.db.now() + PAUSE));
                }
                Err(other) => return Err(other),
            }
        }
        if !orders.is_empty() {
            return Ok(Outcome::RetryAt(self.db.now()));
        }
        self.finish(run).await?;
        Ok(Outcome::RetryAt(next_night(self.db.now())))
    }

    async fn compare(&self, run: i64, id: OrderId) -> Result<(), BalanceError> {
        // What was missed is made up for first.
        self.refresh(id).await?;
        for refund in self.refunds(id).await?.into_iter().filter(|refund| refund.stage != RefundStage::Completed) {
            self.follow_refund(refund.id).await?;
        }
        let order = self.order(id).await?.ok_or(BalanceError::NotFound("order"))?;
        let mut theirs = Theirs::default();
        for attempt in (1..=order.link_attempt).rev() {
            let payment = self.provider.payment_by_external_id(&external_id(id.as_uuid(), attempt)).await?;
            theirs.paid.extend(payment.filter(|payment| payment.status.outcome() == PaymentOutcome::Paid));
        }
        for refund in self.refunds(id).await? {
            theirs.refunds.push(self.provider.refund_status(&refund.reference).await?);
        }
        db::tx(&self.db, move |mut tx| {
            let theirs = theirs.clone();
            async move {
                let ours = ours(&mut tx, id).await?;
                let now = tx.now();
                store::set_differences(&mut tx, run, Some(id), &differences(&ours, &theirs), now).await?;
                Ok(store::order_seen(&mut tx, run, id).await?)
            }
        })
        .await
    }

    async fn finish(&self, run: i64) -> Result<(), BalanceError> {
        let broken = invariants::check_all(&self.db).await?;
        let broken: Vec<Difference> = broken
            .into_iter()
            .map(|violation| Difference {
                kind: violation.rule,
                subject: violation.detail,
                expected: String::new(),
                found: String::new(),
            })
            .collect();
        db::tx(&self.db, move |mut tx| {
            let broken = broken.clone();
            async move {
                let now = tx.now();
                store::set_differences(&mut tx, run, None, &broken, now).await?;
                let open = store::finish_run(&mut tx, run, now).await?;
                if open > 0 {
                    audit::raise_alert(&mut tx, ALERT, KEY, &json!({ "differences": open, "run": run })).await?;
                } else {
                    audit::resolve_alert(&mut tx, ALERT, KEY).await?;
                }
                Ok(())
            }
        })
        .await
    }
}

async fn ours(connection: &mut PgConnection, id: OrderId) -> Result<Ours, BalanceError> {
    let order = find_order(connection, id).await?.ok_or(BalanceError::NotFound("order"))?;
    let refunds = refunds_in(connection, id).await?;
    let mut wanted = Vec::new();
    if let Some(paid) = order.paid {
        wanted.push((format!("paid:{id}"), order.account(), paid));
        if order.cleared_at.is_some() {
            wanted.push((format!("cleared:{id}"), AccountCode::NambaClearing, paid));
        }
    }
    for refund in &refunds {
        wanted.push((format!("refund:{}", refund.id), AccountCode::RefundsClearing, refund.amount));
        if refund.stage == RefundStage::Completed {
            wanted.push((format!("refund_completed:{}", refund.id), AccountCode::NambaCash, refund.amount));
        }
    }
    let mut entries = Vec::with_capacity(wanted.len());
    for (key, account, amount) in wanted {
        let posted =
            ledger::posted(connection, &key, &account).await.map_err(|error: LedgerError| BalanceError::from(error))?;
        entries.push((key, amount, posted));
    }
    Ok(Ours { order, refunds, entries })
}

/// A sum in a difference, or that there is none.
fn shown(amount: Option<Tyiyn>) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| amount.get().to_string())
}

/// What does not agree. Pure.
fn differences(ours: &Ours, theirs: &Theirs) -> Vec<Difference> {
    use DifferenceKind as Kind;
    let mut found = Vec::new();
    let id = ours.order.id;
    let ours_guid = ours.order.provider_guid.as_deref();
    let credited = theirs.paid.iter().find(|payment| Some(payment.guid.as_str()) == ours_guid);
    match (ours.order.state == OrderState::Paid, credited) {
        (true, Some(payment)) => {
            if payment.paid() != ours.order.paid {
                found.push(Difference::new(Kind::PaymentAmount, id, shown(ours.order.paid), shown(payment.paid())));
            }
            let back = |stages: &dyn Fn(&Refund) -> bool| {
                ours.refunds.iter().filter(|refund| stages(refund)).map(|refund| refund.amount.get()).sum::<i64>()
            };
            let (done, asked) = (back(&|refund| refund.stage == RefundStage::Completed), back(&|_| true));
            // Where the provider tells it, and whether or not it counts what is still under way.
            if let Some(sum) = payment.refund_amount.filter(|sum| !(done..=asked).contains(&sum.get())) {
                found.push(Difference::new(Kind::RefundSum, id, done, sum.get()));
            }
        }
        (true, None) => found.push(Difference::new(Kind::PaymentUnknown, id, shown(ours.order.paid), "-")),
        (false, _) => {}
    }
    for payment in theirs.paid.iter().filter(|payment| Some(payment.guid.as_str()) != ours_guid) {
        let kind = if ours_guid.is_some() { Kind::PaymentOther } else { Kind::PaymentNotCredited };
        found.push(Difference::new(kind, id, ours_guid.unwrap_or("-"), format!("{} {}", payment.guid, shown(payment.paid()))));
    }
    for (refund, theirs) in ours.refunds.iter().zip(&theirs.refunds) {
        let done = theirs.as_ref().is_some_and(|refund| refund.status.outcome() == RefundOutcome::Completed);
        if refund.stage == RefundStage::Completed && !done {
            let status = theirs.as_ref().map_or("-", |refund| refund.status.as_str());
            found.push(Difference::new(Kind::RefundNotDone, refund.id, "completed", status));
        }
        if let Some(amount) = theirs.as_ref().and_then(|refund| refund.amount).filter(|amount| *amount != refund.amount) {
            found.push(Difference::new(Kind::RefundAmount, refund.id, refund.amount.get(), amount.get()));
        }
    }
    for (key, amount, posted) in &ours.entries {
        if *posted != Some(*amount) {
            found.push(Difference::new(Kind::Ledger, key, amount.get(), shown(*posted)));
        }
    }
    found
}
