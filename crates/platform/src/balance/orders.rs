//! Orders: their links, what the provider says of their payments, their expiry.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::OrderId;
use providers::{CreateLink, PaymentLink, PaymentOrder, PaymentOutcome, ProviderError, RefusalCode};
use serde_json::json;

use super::{Balance, BalanceError, NewOrder, ORDER_JOB, Order, OrderState, external_id, schedule, store};
use crate::audit;
use crate::db::{self, Tx};
use crate::jobs::{self, NewJob, Outcome};
use crate::ledger::{self, AccountCode, NewEntry};

/// While somebody asks for the link nobody else does, so that one checkout is one link. A call that died with its process is
/// made up for after this; one that only takes longer is asked for a second time, which does no harm: whichever link comes first
/// is shown.
const LINK_CLAIM: TimeDelta = TimeDelta::seconds(8);
/// A provider that swallows this many answers in a row is down; the payer is better told so.
const LINK_ATTEMPTS_MAX: i32 = 5;
/// The page that has just made the order asks for the link itself; the job only sees to it that somebody did.
const FIRST_LOOK: TimeDelta = TimeDelta::seconds(3);
/// When the configuration is wrong, somebody must change it first.
const MISCONFIGURED_PAUSE: TimeDelta = TimeDelta::seconds(30);

impl Balance {
    /// Opens an order with its first external id, and asks for the job that follows it. The provider is asked after the commit.
    pub async fn open_order(&self, tx: &mut Tx, order: &NewOrder) -> Result<(), BalanceError> {
        self.open_order_of_form(tx, order, None).await
    }

    /// The same for an order that a form is known by.
    pub(super) async fn open_order_of_form(
        &self,
        tx: &mut Tx,
        order: &NewOrder,
        form_key: Option<&str>,
    ) -> Result<(), BalanceError> {
        let now = tx.now();
        let expires_at = now + self.settings.payment_lifetime;
        store::insert_order(tx, order, form_key, &external_id(order.id.as_uuid(), 1), now, expires_at).await?;
        jobs::enqueue(tx, &NewJob::at(now + FIRST_LOOK, ORDER_JOB, order.id.to_string())).await?;
        Ok(())
    }

    /// The payment link, made now if it is not there yet; `None` when it did not come in time. The call goes on without us and the
    /// order gets its link a little later. Whoever comes while another call asks, as a form that was sent twice, waits for that one.
    pub async fn payment_url(&self, order: OrderId, patience: Duration) -> Result<Option<String>, BalanceError> {
        let mut hints = self.bus.subscribe(&super::topic(order)).await;
        let balance = self.clone();
        let made = self.db.tracker().spawn(async move {
            if let Err(error) = balance.make_link(order).await {
                tracing::warn!(order.id = %order, %error, "Could not make a payment link; the order's job tries again");
            }
        });
        // Whether it ended, failed or goes on: the row tells.
        let asked = async {
            let _ = made.await;
            if self.link_is_asked_for(order).await? {
                hints.next().await;
            }
            Ok(())
        };
        tokio::time::timeout(patience, asked).await.unwrap_or(Ok::<_, BalanceError>(()))?;
        Ok(self.order(order).await?.filter(|order| order.state == OrderState::Link).and_then(|order| order.payment_url))
    }

    /// Asks the provider for a link when there is none and nobody else is asking.
    pub(super) async fn make_link(&self, id: OrderId) -> Result<(), BalanceError> {
        let Some(order) = self.claim_link(id).await? else { return Ok(()) };
        let result = self
            .provider
            .create_link(CreateLink {
                external_id: order.external_id.clone(),
                amount: order.amount,
                comment: order.comment.clone(),
                webhook_url: self.webhook_url(),
                webhook_headers: self.webhook_headers(),
                redirect_link: Some(format!("{}{}", self.settings.public_url, order.return_path)),
                auto_redirect: true,
            })
            .await;
        self.apply_link(order, result).await
    }

    /// The order, if its link is to be made by us.
    async fn claim_link(&self, id: OrderId) -> Result<Option<Order>, BalanceError> {
        db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            if !store::claim_link(&mut tx, id, now, now + LINK_CLAIM).await? {
                return Ok(None);
            }
            super::find_order(&mut tx, id).await
        })
        .await
    }

    async fn link_is_asked_for(&self, id: OrderId) -> Result<bool, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        Ok(store::link_is_asked_for(&mut connection, id, self.db.now()).await?)
    }

    async fn apply_link(&self, order: Order, result: Result<PaymentLink, ProviderError>) -> Result<(), BalanceError> {
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (balance, order, result) = (balance.clone(), order.clone(), result.clone());
            async move {
                let id = order.id;
                match result {
                    Ok(link) => {
                        store::link_made(&mut tx, id, &order.external_id, &link.guid, &link.payment_url).await?;
                        for kind in ["payment_links", "payment_provider"] {
                            audit::resolve_alert(&mut tx, kind, "namba").await?;
                        }
                    }
                    // Never arrived: the same id later.
                    Err(ProviderError::NotSent { .. }) => store::link_not_made(&mut tx, id, &order.external_id).await?,
                    // It may exist, but nobody can learn its address any more: it cannot be paid, and another one is made.
                    Err(ProviderError::Unknown { .. } | ProviderError::Refused { code: RefusalCode::LinkIdTaken, .. })
                        if order.link_attempt < LINK_ATTEMPTS_MAX =>
                    {
                        let next = external_id(id.as_uuid(), order.link_attempt + 1);
                        store::next_link(&mut tx, id, &order.external_id, &next).await?;
                        let now = tx.now();
                        jobs::enqueue(&mut tx, &NewJob::at(now, ORDER_JOB, id.to_string())).await?;
                    }
                    Err(error @ ProviderError::Misconfigured { .. }) => {
                        store::link_not_made(&mut tx, id, &order.external_id).await?;
                        let detail = json!({ "error": error.staff_message() });
                        audit::raise_alert(&mut tx, "payment_links", "namba", &detail).await?;
                    }
                    Err(error) => {
                        let detail = json!({ "order": id, "error": error.to_string() });
                        audit::raise_alert(&mut tx, "payment_links", "namba", &detail).await?;
                        store::order_failed(&mut tx, id).await?;
                        tell_purpose(&mut tx, &order).await?;
                    }
                }
                tx.after_commit(move || balance.publish(id));
                Ok(())
            }
        })
        .await
    }

    /// Asks the provider about the payment and applies what it says. Idempotent; whoever has a reason to look calls it.
    pub async fn refresh(&self, id: OrderId) -> Result<(), BalanceError> {
        let order = self.order(id).await?.ok_or(BalanceError::NotFound("order"))?;
        // The newest link is the one that a payer has seen; the earlier ones cost one question each, and only after a mishap.
        for attempt in (1..=order.link_attempt).rev() {
            let external_id = external_id(id.as_uuid(), attempt);
            let Some(payment) = self.provider.payment_by_external_id(&external_id).await? else { continue };
            let outcome = payment.status.outcome();
            self.apply_payment(id, external_id, payment).await?;
            if outcome == PaymentOutcome::Paid {
                break;
            }
        }
        Ok(())
    }

    /// Like [`Self::refresh`], but waits only a moment: the rest happens without us.
    pub async fn refresh_with_patience(&self, id: OrderId, patience: Duration) {
        let balance = self.clone();
        let asked = self.db.tracker().spawn(async move {
            if let Err(error) = balance.refresh(id).await {
                tracing::info!(order.id = %id, %error, "The provider could not be asked about a payment now");
            }
        });
        let _ = tokio::time::timeout(patience, asked).await;
    }

    async fn apply_payment(&self, id: OrderId, external_id: String, payment: PaymentOrder) -> Result<(), BalanceError> {
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (balance, external_id, payment) = (balance.clone(), external_id.clone(), payment.clone());
            async move {
                let row = store::lock_order(&mut tx, id).await?.ok_or(BalanceError::NotFound("order"))?;
                let order = row.read()?;
                let changed = match payment.status.outcome() {
                    PaymentOutcome::Paid => paid(&mut tx, &order, &payment).await?,
                    PaymentOutcome::Failed => failed(&mut tx, &order, &external_id, &payment).await?,
                    PaymentOutcome::Pending => {
                        store::note_status(&mut tx, id, payment.status.as_str()).await?;
                        false
                    }
                };
                if changed {
                    tell_purpose(&mut tx, &order).await?;
                    tx.after_commit(move || balance.publish(id));
                }
                Ok(())
            }
        })
        .await
    }

    /// The job of an order: from the first link to the settled payment, or to the end of the late window.
    pub(super) async fn follow_order(&self, id: OrderId) -> Result<Outcome, BalanceError> {
        let Some(order) = self.order(id).await? else { return Ok(Outcome::Done) };
        let mut not_before = None;
        if order.state == OrderState::New {
            self.make_link(id).await?;
        }
        if order.state != OrderState::Paid || order.cleared_at.is_none() {
            match self.refresh(id).await {
                Ok(()) => {}
                Err(BalanceError::Provider(error)) => {
                    tracing::info!(order.id = %id, %error, "The provider could not be asked about a payment; later again");
                    if error.needs_staff() {
                        self.alert_provider(&error).await?;
                        not_before = Some(self.db.now() + MISCONFIGURED_PAUSE);
                    }
                }
                Err(other) => return Err(other),
            }
        }
        self.expire_if_due(id).await?;
        let Some(order) = self.order(id).await? else { return Ok(Outcome::Done) };
        let now = self.db.now();
        let next = match (order.state, order.paid_at) {
            (OrderState::Paid, _) if order.cleared_at.is_some() => None,
            (OrderState::Paid, Some(paid_at)) => self.next_clearing(&order, paid_at, now).await?,
            _ => schedule::next_payment_poll(order.created_at, order.expires_at, now),
        };
        Ok(next.map_or(Outcome::Done, |next| Outcome::RetryAt(not_before.map_or(next, |pause| next.max(pause)))))
    }

    async fn next_clearing(
        &self,
        order: &Order,
        paid_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, BalanceError> {
        let next = schedule::next_clearing_poll(paid_at, now);
        if next.is_none() {
            let id = order.id;
            db::tx(&self.db, move |mut tx| async move {
                let detail = json!({ "days": schedule::CLEARING_MAX.num_days() });
                audit::raise_alert(&mut tx, "payment_not_settled", &id.to_string(), &detail).await?;
                Ok::<_, BalanceError>(())
            })
            .await?;
        }
        Ok(next)
    }

    async fn expire_if_due(&self, id: OrderId) -> Result<(), BalanceError> {
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let balance = balance.clone();
            async move {
                let now = tx.now();
                if store::expire(&mut tx, id, now).await? {
                    let order = super::find_order(&mut tx, id).await?.ok_or(BalanceError::NotFound("order"))?;
                    tell_purpose(&mut tx, &order).await?;
                    tx.after_commit(move || balance.publish(id));
                }
                Ok(())
            }
        })
        .await
    }

    /// Tells staff that nothing goes before they act.
    pub(super) async fn alert_provider(&self, error: &ProviderError) -> Result<(), BalanceError> {
        let detail = json!({ "error": error.staff_message() });
        db::tx(&self.db, move |mut tx| {
            let detail = detail.clone();
            async move {
                audit::raise_alert(&mut tx, "payment_provider", "namba", &detail).await?;
                Ok::<_, BalanceError>(())
            }
        })
        .await
    }
}

/// The money is there. What was really paid counts, not what was asked for. Whether anything changed.
async fn paid(tx: &mut Tx, order: &Order, payment: &PaymentOrder) -> Result<bool, BalanceError> {
    let id = order.id;
    let Some(amount) = payment.paid().filter(|_| !payment.guid.is_empty()) else {
        let detail = json!({ "guid": payment.guid, "status": payment.status.as_str() });
        audit::raise_alert(tx, "payment_unreadable", &id.to_string(), &detail).await?;
        return Ok(false);
    };
    if order.state == OrderState::Paid {
        if order.provider_guid.as_deref() != Some(payment.guid.as_str()) {
            // Cannot happen while only one link's address is ever shown.
            let detail = json!({ "first": order.provider_guid, "second": payment.guid, "amount_tyiyn": amount });
            audit::raise_alert(tx, "payment_second", &id.to_string(), &detail).await?;
            return Ok(false);
        }
        return clear(tx, order, payment).await;
    }
    if store::guid_is_taken(tx, id, &payment.guid).await? {
        let detail = json!({ "guid": payment.guid, "amount_tyiyn": amount });
        audit::raise_alert(tx, "payment_of_other_order", &id.to_string(), &detail).await?;
        return Ok(false);
    }
    let now = tx.now();
    store::order_paid(tx, id, payment, amount, now).await?;
    let entry = NewEntry::new("payment", format!("paid:{id}"), format!("Payment of order {id}"), now)
        .source(json!({ "order": id, "provider_guid": payment.guid }))
        .debit(AccountCode::NambaClearing, amount)
        .credit(order.account(), amount);
    ledger::post(tx, &entry).await?;
    if amount != order.amount {
        tracing::info!(order.id = %id, asked_tyiyn = order.amount.get(), paid_tyiyn = amount.get(), "Paid another sum than asked for");
    }
    let order = super::find_order(tx, id).await?.ok_or(BalanceError::NotFound("order"))?;
    clear(tx, &order, payment).await?;
    // The job now waits for the settlement, or ends.
    jobs::enqueue(tx, &NewJob::at(now + TimeDelta::minutes(1), ORDER_JOB, id.to_string())).await?;
    Ok(true)
}

/// The provider has settled with us: clearing goes back to zero. Never news for whoever ordered.
async fn clear(tx: &mut Tx, order: &Order, payment: &PaymentOrder) -> Result<bool, BalanceError> {
    let (Some(settled_at), None, Some(amount)) = (payment.settled_at, order.cleared_at, order.paid) else { return Ok(false) };
    let id = order.id;
    store::order_cleared(tx, id, settled_at).await?;
    let entry = NewEntry::new("payment_cleared", format!("cleared:{id}"), format!("Settlement of order {id}"), settled_at)
        .source(json!({ "order": id, "provider_guid": payment.guid }))
        .debit(AccountCode::NambaCash, amount)
        .credit(AccountCode::NambaClearing, amount);
    ledger::post(tx, &entry).await?;
    audit::resolve_alert(tx, "payment_not_settled", &id.to_string()).await?;
    Ok(false)
}

/// It will not be paid. Of an earlier link that says nothing about the newest.
async fn failed(tx: &mut Tx, order: &Order, external_id: &str, payment: &PaymentOrder) -> Result<bool, BalanceError> {
    store::note_status(tx, order.id, payment.status.as_str()).await?;
    if external_id != order.external_id || !matches!(order.state, OrderState::New | OrderState::Link) {
        return Ok(false);
    }
    store::order_failed(tx, order.id).await?;
    Ok(true)
}

/// Asks for the job of whoever ordered.
pub(super) async fn tell_purpose(tx: &mut Tx, order: &Order) -> Result<(), BalanceError> {
    let job = NewJob::now(tx, order.purpose.changed_job(), order.id.to_string());
    jobs::enqueue(tx, &job).await?;
    Ok(())
}
