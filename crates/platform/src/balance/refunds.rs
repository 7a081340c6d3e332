//! Refunds: an outbox. The row and the ledger's entry are there before the provider is asked, and the refund is followed until the
//! provider says that it is complete.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrderId, RefundId, RefundRequestId, Tyiyn};
use providers::{CreateRefund, ProviderError, RefundOrder, RefundOutcome, RefundStatus, RefusalCode};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Balance, BalanceError, FLOAT_JOB, REFUND_JOB, external_id, find_order, orders::tell_purpose, schedule, store};
use crate::audit;
use crate::db::{self, Tx};
use crate::jobs::{self, NewJob, Outcome};
use crate::ledger::{self, AccountCode, NewEntry};

/// A refund that the provider failed for good is sent anew under another id this often, and then given to staff.
const GENERATIONS_MAX: i32 = 3;
/// The pause before a new generation: whatever was wrong at the payer's bank needs a while.
const GENERATION_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// After a definite no that somebody has to see to.
const REFUSED_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// The float is looked at together for all refunds of a while.
const FLOAT_LOOK: TimeDelta = TimeDelta::seconds(30);
const FLOAT_LOOK_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// What the payer reads at the bank.
const COMMENT: &str = "Red Petroleum EV: возврат остатка";

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStage {
    /// To be sent.
    Queued,
    /// The provider has it, or is being asked.
    Sent,
    /// The call's outcome is not known.
    Unknown,
    /// By hand at the provider, or not as it should be: staff is told.
    Stuck,
    Completed,
    /// Given up: staff is told.
    Failed,
}

impl RefundStage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sent, Self::Unknown, Self::Stuck, Self::Completed, Self::Failed]
            .into_iter()
            .find(|stage| stage.as_str() == text)
    }
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub order: OrderId,
    pub amount: Tyiyn,
    pub stage: RefundStage,
    /// Ours, as the provider knows it: for the helpline.
    pub reference: String,
    /// Whether staff has to see to it.
    pub needs_staff: bool,
    pub completed_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) generation: i32,
}

/// Sends money of the order back to the payer: the row and the ledger's entry now, the call by a job. Once a business key; more
/// than the order's account has is refused by the ledger.
pub async fn request_refund(tx: &mut Tx, order: OrderId, amount: Tyiyn, business_key: &str) -> Result<RefundId, BalanceError> {
    order_refund(tx, &NewRefund { order, amount, business_key: business_key.to_owned(), request: None }).await
}

/// A refund to be made.
pub(super) struct NewRefund {
    pub order: OrderId,
    pub amount: Tyiyn,
    pub business_key: String,
    /// The driver's wish that it is a part of.
    pub request: Option<RefundRequestId>,
}

pub(super) async fn order_refund(tx: &mut Tx, new: &NewRefund) -> Result<RefundId, BalanceError> {
    let NewRefund { order, amount, business_key, .. } = new;
    let (order, amount) = (*order, *amount);
    if let Some(row) = store::refund_by_key(tx, business_key).await? {
        let refund = row.read()?;
        return if refund.order == order && refund.amount == amount {
            Ok(refund.id)
        } else {
            Err(BalanceError::KeyReused(business_key.to_owned()))
        };
    }
    let found = find_order(tx, order).await?.ok_or(BalanceError::NotFound("order"))?;
    if found.purpose.person().is_some() {
        // A balance can hold the money of several orders, so the ledger alone does not see that one is sent back twice.
        ledger::lock(tx, &[found.account(), AccountCode::RefundsClearing]).await?;
        if amount > store::left_of_order(tx, order).await? {
            return Err(BalanceError::NotRefundable);
        }
    }
    let id = RefundId::from_uuid(tx.uuid());
    let now = tx.now();
    store::insert_refund(tx, id, new, &external_id(id.as_uuid(), 1), now).await?;
    let entry = NewEntry::new("refund", format!("refund:{id}"), format!("Refund of order {order}"), now)
        .source(json!({ "order": order, "refund": id, "reason": business_key }))
        .debit(found.account(), amount)
        .credit(AccountCode::RefundsClearing, amount);
    ledger::post(tx, &entry).await?;
    jobs::enqueue(tx, &NewJob::at(now, REFUND_JOB, id.to_string())).await?;
    jobs::enqueue(tx, &NewJob::at(now + FLOAT_LOOK, FLOAT_JOB, "namba")).await?;
    Ok(id)
}

/// The refunds of an order, the oldest first.
pub(super) async fn of_order(connection: &mut PgConnection, order: OrderId) -> Result<Vec<Refund>, BalanceError> {
    store::refunds_of(connection, order).await?.into_iter().map(store::RefundRow::read).collect()
}

/// What a talk with the provider came to.
#[derive(Debug, Clone)]
enum Said {
    Refund(RefundOrder),
    Error(ProviderError),
    /// It says that the id is taken, and that it has no such refund.
    Contradiction,
}

impl Balance {
    /// The job of a refund; also called when a notice is about it. When to look again.
    pub(super) async fn follow_refund(&self, id: RefundId) -> Result<Outcome, BalanceError> {
        let Some(refund) = self.refund(id).await? else { return Ok(Outcome::Done) };
        let said = match refund.stage {
            RefundStage::Completed | RefundStage::Failed => return Ok(Outcome::Done),
            RefundStage::Queued => self.send_refund(&refund).await?,
            RefundStage::Sent | RefundStage::Unknown | RefundStage::Stuck => {
                match self.provider.refund_status(&refund.reference).await {
                    Ok(Some(found)) => Said::Refund(found),
                    // It never arrived there: the same call under the same id cannot double it.
                    Ok(None) => self.send_refund(&refund).await?,
                    Err(error) => return self.ask_later(&refund, &error).await,
                }
            }
        };
        self.apply_refund(refund, said).await
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        store::refund(&mut connection, id).await?.map(store::RefundRow::read).transpose()
    }

    /// The state could not be asked for. Nothing is known that was not known before.
    async fn ask_later(&self, refund: &Refund, error: &ProviderError) -> Result<Outcome, BalanceError> {
        tracing::info!(refund.id = %refund.id, %error, "The provider could not be asked about a refund; later again");
        let now = self.db.now();
        if error.needs_staff() {
            self.alert_provider(error).await?;
            return Ok(Outcome::RetryAt(now + REFUSED_PAUSE));
        }
        Ok(Outcome::RetryAt(schedule::next_refund_poll(refund.created_at, now)))
    }

    /// Makes the call, after the row says that it is being made.
    async fn send_refund(&self, refund: &Refund) -> Result<Said, BalanceError> {
        let order = self.order(refund.order).await?.ok_or(BalanceError::NotFound("order"))?;
        let payment_order_guid = order.provider_guid.clone().ok_or(BalanceError::NotFound("payment of the order"))?;
        let (id, reference) = (refund.id, refund.reference.clone());
        db::tx(&self.db, move |mut tx| {
            let reference = reference.clone();
            async move { Ok::<_, BalanceError>(store::refund_being_sent(&mut tx, id, &reference).await?) }
        })
        .await?;
        let result = self
            .provider
            .create_refund(
                &refund.reference,
                CreateRefund {
                    payment_order_guid,
                    order_kind: order.provider_kind.clone(),
                    amount: refund.amount,
                    comment: COMMENT.to_owned(),
                    webhook_url: self.webhook_url(),
                    webhook_headers: self.webhook_headers(),
                },
            )
            .await;
        Ok(match result {
            Ok(made) => Said::Refund(made),
            // Made by an earlier call whose answer was lost: what is there is looked at and adopted.
            Err(ProviderError::Refused { code: RefusalCode::RefundAlreadyExists, .. }) => {
                match self.provider.refund_status(&refund.reference).await {
                    Ok(Some(found)) => Said::Refund(found),
                    Ok(None) => Said::Contradiction,
                    Err(error) => Said::Error(ProviderError::Unknown { message: error.staff_message().to_owned() }),
                }
            }
            Err(error) => Said::Error(error),
        })
    }

    async fn apply_refund(&self, refund: Refund, said: Said) -> Result<Outcome, BalanceError> {
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (balance, refund, said) = (balance.clone(), refund.clone(), said.clone());
            async move {
                let current = store::lock_refund(&mut tx, refund.id).await?.ok_or(BalanceError::NotFound("refund"))?.read()?;
                if current.stage == RefundStage::Completed || current.reference != refund.reference {
                    // Somebody else was quicker; a newer generation has its own look.
                    return Ok(Outcome::Done);
                }
                let order = current.order;
                let outcome = match said {
                    Said::Refund(found) => adopt(&mut tx, &current, &found).await?,
                    Said::Error(error) => refused(&mut tx, &current, &error).await?,
                    Said::Contradiction => {
                        store::refund_stage(&mut tx, current.id, RefundStage::Unknown, None, Some("contradiction")).await?;
                        alert(&mut tx, "refund_contradiction", &current, json!({})).await?;
                        let now = tx.now();
                        Outcome::RetryAt(now + REFUSED_PAUSE)
                    }
                };
                if let Outcome::RetryAt(at) = &outcome {
                    // A notice may have brought us here: the job must know when to look again.
                    jobs::enqueue(&mut tx, &NewJob::at(*at, REFUND_JOB, current.id.to_string())).await?;
                }
                tx.after_commit(move || balance.publish(order));
                Ok(outcome)
            }
        })
        .await
    }

    /// Refunds are paid out of the merchant account: staff is told before it is empty.
    pub(super) async fn check_float(&self) -> Result<Outcome, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let open = store::open_refunds_tyiyn(&mut connection).await?;
        drop(connection);
        let available = if open == 0 { None } else { Some(self.provider.merchant_info().await?.available.get()) };
        let low = available.is_some_and(|available| available < open);
        db::tx(&self.db, move |mut tx| async move {
            if low {
                let detail = json!({ "open_refunds_tyiyn": open, "available_tyiyn": available });
                audit::raise_alert(&mut tx, "merchant_float_low", "namba", &detail).await?;
            } else {
                audit::resolve_alert(&mut tx, "merchant_float_low", "namba").await?;
            }
            Ok::<_, BalanceError>(())
        })
        .await?;
        Ok(if low { Outcome::RetryAt(self.db.now() + FLOAT_LOOK_AGAIN) } else { Outcome::Done })
    }
}

/// The provider has the refund: what it says of it becomes ours.
async fn adopt(tx: &mut Tx, refund: &Refund, found: &RefundOrder) -> Result<Outcome, BalanceError> {
    let now = tx.now();
    let status = Some(found.status.as_str());
    store::note_refund(tx, refund.id, &found.guid, found.status.as_str()).await?;
    // Neither less nor more than ours may be taken for ours.
    if found.amount.is_some_and(|amount| amount != refund.amount) {
        store::refund_stage(tx, refund.id, RefundStage::Stuck, status, Some("amount_mismatch")).await?;
        let detail = json!({ "ours_tyiyn": refund.amount, "theirs_tyiyn": found.amount });
        alert(tx, "refund_amount_mismatch", refund, detail).await?;
        return Ok(Outcome::RetryAt(now + REFUSED_PAUSE));
    }
    match found.status.outcome() {
        RefundOutcome::Completed => {
            store::refund_completed(tx, refund.id, now).await?;
            let entry = NewEntry::new(
                "refund_completed",
                format!("refund_completed:{}", refund.id),
                format!("Refund {} paid out", refund.reference),
                now,
            )
            .source(json!({ "order": refund.order, "refund": refund.id, "provider_guid": found.guid }))
            .debit(AccountCode::RefundsClearing, refund.amount)
            .credit(AccountCode::NambaCash, refund.amount);
            ledger::post(tx, &entry).await?;
            for kind in ALERTS {
                audit::resolve_alert(tx, kind, &refund.id.to_string()).await?;
            }
            let order = find_order(tx, refund.order).await?.ok_or(BalanceError::NotFound("order"))?;
            tell_purpose(tx, &order).await?;
            Ok(Outcome::Done)
        }
        RefundOutcome::Failed => failed_for_good(tx, refund, found).await,
        RefundOutcome::Pending => {
            if found.status == RefundStatus::Stuck {
                let reason = found.error_code.as_ref();
                store::refund_stage(tx, refund.id, RefundStage::Stuck, status, reason.map(providers::RefundErrorCode::as_str))
                    .await?;
                let detail = json!({ "advice": reason.map(providers::RefundErrorCode::staff_message) });
                alert(tx, "refund_stuck", refund, detail).await?;
            } else {
                store::refund_stage(tx, refund.id, RefundStage::Sent, status, None).await?;
            }
            Ok(Outcome::RetryAt(schedule::next_refund_poll(refund.created_at, now)))
        }
    }
}

/// The provider has said of this id that nothing will come of it: only then another id may be used.
async fn failed_for_good(tx: &mut Tx, refund: &Refund, found: &RefundOrder) -> Result<Outcome, BalanceError> {
    let reason = found.error_code.as_ref();
    let code = reason.map_or("failed", providers::RefundErrorCode::as_str);
    let advice = reason.map(providers::RefundErrorCode::staff_message);
    alert(tx, "refund_failed", refund, json!({ "status": found.status.as_str(), "code": code, "advice": advice })).await?;
    if refund.generation >= GENERATIONS_MAX {
        store::refund_stage(tx, refund.id, RefundStage::Failed, Some(found.status.as_str()), Some(code)).await?;
        let order = find_order(tx, refund.order).await?.ok_or(BalanceError::NotFound("order"))?;
        tell_purpose(tx, &order).await?;
        return Ok(Outcome::Done);
    }
    let generation = refund.generation + 1;
    store::next_generation(tx, refund.id, generation, &external_id(refund.id.as_uuid(), generation), code).await?;
    let now = tx.now();
    Ok(Outcome::RetryAt(now + GENERATION_PAUSE))
}

/// The call did not succeed.
async fn refused(tx: &mut Tx, refund: &Refund, error: &ProviderError) -> Result<Outcome, BalanceError> {
    let now = tx.now();
    let (stage, code, next) = match error {
        ProviderError::Unknown { .. } => (RefundStage::Unknown, None, schedule::next_refund_poll(refund.created_at, now)),
        ProviderError::NotSent { .. } => (RefundStage::Queued, None, schedule::next_refund_poll(refund.created_at, now)),
        ProviderError::Refused { code: code @ (RefusalCode::MerchantLimit | RefusalCode::NoFunds), .. } => {
            let detail = json!({ "error": error.staff_message(), "refund": refund.id });
            audit::raise_alert(tx, "merchant_float_low", "namba", &detail).await?;
            jobs::enqueue(tx, &NewJob::at(now + FLOAT_LOOK_AGAIN, FLOAT_JOB, "namba")).await?;
            (RefundStage::Queued, Some(code.as_str().to_owned()), now + REFUSED_PAUSE)
        }
        ProviderError::Refused { code, .. } => {
            alert(tx, "refund_refused", refund, json!({ "error": error.to_string() })).await?;
            (RefundStage::Queued, Some(code.as_str().to_owned()), now + REFUSED_PAUSE)
        }
        ProviderError::Misconfigured { .. } => {
            let detail = json!({ "error": error.staff_message() });
            audit::raise_alert(tx, "payment_provider", "namba", &detail).await?;
            (RefundStage::Queued, Some("misconfigured".to_owned()), now + REFUSED_PAUSE)
        }
    };
    store::refund_stage(tx, refund.id, stage, None, code.as_deref()).await?;
    Ok(Outcome::RetryAt(next))
}

/// Alerts about one refund; resolved when it is complete.
const ALERTS: [&str; 5] = ["refund_stuck", "refund_failed", "refund_refused", "refund_amount_mismatch", "refund_contradiction"];

async fn alert(tx: &mut Tx, kind: &str, refund: &Refund, mut detail: Value) -> Result<(), BalanceError> {
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("reference".to_owned(), json!(refund.reference));
        detail.insert("amount_tyiyn".to_owned(), json!(refund.amount));
    }
    audit::raise_alert(tx, kind, &refund.id.to_string(), &detail).await?;
    Ok(())
}
