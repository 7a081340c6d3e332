//! Drivers who want unused money back. It goes to where it came from: the person's paid top-ups, the newest first, each up to what was
//! paid by it and has not gone back yet.
//!
//! All of a person's requests, and the decisions on them, come one after the other: each holds the lock of the person's account.

use api::balance::{MoneyForm, MoneyFormErrors, RefundOutcome, RefundRequestView};
use api::finance::{Decision, REASON_CHARS_MAX};
use chrono::{DateTime, TimeDelta, Utc};
use domain::balance::RefundRequestState;
use domain::guest::{AmountError, AmountLimits};
use domain::{FormKey, HoldId, OrderId, RefundRequestId, Tyiyn};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::finance::CORRECTION;
use super::refunds::{NewRefund, order_refund};
use super::top_up::{Money, parse_form, refund_view};
use super::{Balance, BalanceError, RefundStage, find_order, person_topic, store};
use crate::audit::{self, Actor, AuditEvent};
use crate::db::{self, Tx};
use crate::ledger::{self, AMOUNT_TYIYN_MAX, AccountCode, NewHold};

/// What was asked for in this time counts towards the sum that needs no approval.
const APPROVAL_WINDOW: TimeDelta = TimeDelta::hours(24);
/// Orders that one refund is spread over at most, and that are looked at to say how much can go back.
pub(super) const ORDERS_PER_REQUEST_MAX: i64 = 100;
/// A person's requests that are shown.
pub(super) const REQUESTS_SHOWN_MAX: i64 = 50;
/// A request that waits is an alert of this kind, and its id is the key.
const ALERT: &str = "refund_request";

/// Where a request stands by itself; what became of its refunds is in theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestStage {
    AwaitingApproval,
    /// Its refunds are there.
    Ordered,
    Rejected,
}

impl RequestStage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Ordered => "ordered",
            Self::Rejected => "rejected",
        }
    }
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::AwaitingApproval, Self::Ordered, Self::Rejected].into_iter().find(|stage| stage.as_str() == text)
    }
}

/// What money a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The unused balance of a driver who asks for it.
    Balance(Uuid),
    /// One order, by finance.
    Order(OrderId),
}

impl Of {
    pub(super) const fn person(self) -> Option<Uuid> {
        match self {
            Self::Balance(person) => Some(person),
            Self::Order(_) => None,
        }
    }
    pub(super) const fn order(self) -> Option<OrderId> {
        match self {
            Self::Balance(_) => None,
            Self::Order(order) => Some(order),
        }
    }
}

/// A row of refund_request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub id: RefundRequestId,
    pub of: Of,
    pub asked_by: Uuid,
    /// Why finance asks.
    pub asked_reason: Option<String>,
    pub amount: Tyiyn,
    pub stage: RequestStage,
    pub hold: Option<HoldId>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<Uuid>,
    pub reason: Option<String>,
}

/// A request to be made.
#[derive(Debug, Clone)]
struct Wish {
    of: Of,
    by: Uuid,
    reason: Option<String>,
    amount: Tyiyn,
    key: FormKey,
}

/// The account that the money of a request is in.
async fn account_of(connection: &mut PgConnection, of: Of) -> Result<AccountCode, BalanceError> {
    match of {
        Of::Balance(person) => Ok(AccountCode::Driver(person)),
        Of::Order(order) => Ok(find_order(connection, order).await?.ok_or(BalanceError::NotFound("order"))?.account()),
    }
}

/// What finance can send back of one order: what was paid and has not gone back, as far as the account has it. A guest's own rest goes back by
/// itself when the charge is over; beyond that there is what a correction has put there.
pub(super) async fn refundable_of_order(connection: &mut PgConnection, order: OrderId) -> Result<i64, BalanceError> {
    let account = account_of(connection, Of::Order(order)).await?;
    let available = ledger::balance(&mut *connection, &account).await?.available().get();
    let asked = store::asked_of_order(connection, order).await?;
    let left = store::left_of_order(connection, order).await?.get().saturating_sub(asked.awaiting_tyiyn);
    let most = match account {
        AccountCode::GuestOrder(_) => {
            let sums = ledger::kind_sums(connection, &account.to_string()).await?;
            let corrections = sums.iter().filter(|sum| sum.kind == CORRECTION).map(|sum| sum.sum.get()).sum::<i64>();
            left.min(corrections.saturating_sub(asked.not_rejected_tyiyn))
        }
        _ => left,
    };
    Ok(most.min(available).max(0))
}

impl Balance {
    pub(super) async fn ask_for_refund(&self, person: Uuid, form: &MoneyForm) -> Result<RefundOutcome, BalanceError> {
        // The most is known under the lock only.
        let any = AmountLimits { min: Tyiyn::new(1), max: Tyiyn::new(AMOUNT_TYIYN_MAX) };
        let Money { amount, key } = match parse_form(form, any) {
            Ok(money) => money,
            Err(errors) => return Ok(RefundOutcome::Invalid(errors)),
        };
        match self.ask(Wish { of: Of::Balance(person), by: person, reason: None, amount, key }).await {
            Ok(id) => Ok(RefundOutcome::Asked(id)),
            Err(BalanceError::NotRefundable) => {
                Ok(RefundOutcome::Invalid(MoneyFormErrors { amount: Some(AmountError::TooLarge), form: false }))
            }
            Err(error) => Err(error),
        }
    }

    /// Finance sends money of an order back.
    pub(super) async fn ask_for_refund_of_order(
        &self,
        by: Uuid,
        order: OrderId,
        money: Money,
        reason: String,
    ) -> Result<RefundRequestId, BalanceError> {
        let Money { amount, key } = money;
        self.ask(Wish { of: Of::Order(order), by, reason: Some(reason), amount, key }).await
    }

    async fn ask(&self, wish: Wish) -> Result<RefundRequestId, BalanceError> {
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (balance, wish) = (balance.clone(), wish.clone());
            async move { balance.ask_in(&mut tx, wish).await }
        })
        .await
    }

    async fn ask_in(&self, tx: &mut Tx, wish: Wish) -> Result<RefundRequestId, BalanceError> {
        let Wish { of, by, reason, amount, key } = wish;
        let account = account_of(tx, of).await?;
        ledger::lock(tx, &[account.clone(), AccountCode::RefundsClearing]).await?;
        if let Some(request) = store::request_of_form(tx, &key).await? {
            return match request {
                request if request.asked_by != by => Err(BalanceError::NotFound("form")),
                request if (request.amount, request.of) != (amount, of) => Err(BalanceError::FormReused),
                request => Ok(request.id),
            };
        }
        let most = match of {
            Of::Balance(person) => {
                let available = ledger::balance(&mut **tx, &account).await?.available().get();
                available.min(store::refundable_tyiyn(tx, person).await?)
            }
            Of::Order(order) => refundable_of_order(tx, order).await?,
        };
        if amount.get() > most {
            return Err(BalanceError::NotRefundable);
        }
        let now = tx.now();
        let id = RefundRequestId::from_uuid(tx.uuid());
        let lately = store::asked_tyiyn(tx, of, by, now - APPROVAL_WINDOW).await?;
        let needs_approval = lately.saturating_add(amount.get()) > self.limits.refund_without_approval.get();
        let hold = if needs_approval {
            let hold = NewHold { business_key: format!("refund_request:{id}"), account: account.clone(), amount };
            Some(ledger::hold(tx, &hold).await?)
        } else {
            None
        };
        let stage = if needs_approval { RequestStage::AwaitingApproval } else { RequestStage::Ordered };
        let request = Request {
            id,
            of,
            asked_by: by,
            asked_reason: reason,
            amount,
            stage,
            hold,
            created_at: now,
            decided_at: None,
            decided_by: None,
            reason: None,
        };
        match store::insert_request(tx, &request, &key).await {
            Ok(()) => {}
            // Another person's form, at this moment.
            Err(error) if db::constraint(&error) == Some("refund_request_form_key") => {
                return Err(BalanceError::NotFound("form"));
            }
            Err(error) => return Err(error.into()),
        }
        if needs_approval {
            let detail = json!({ "amount_tyiyn": amount, "asked_before_tyiyn": lately });
            audit::raise_alert(tx, ALERT, &id.to_string(), &detail).await?;
        } else {
            spread(tx, &request).await?;
        }
        let detail = json!({
            "amount_tyiyn": amount, "state": stage.as_str(), "order": of.order(), "reason": request.asked_reason,
        });
        record(tx, by, "balance.refund_asked", id, detail).await?;
        self.publish_account(tx, &account);
        Ok(id)
    }

    /// Approves or rejects a request that waits, with a reason of 1 to 500 letters. The same decision of the same person again
    /// changes nothing. Whether the approver may do it at all is the caller's to know.
    pub(super) async fn decide_refund(
        &self,
        id: RefundRequestId,
        approver: Uuid,
        decision: Decision,
        reason: &str,
    ) -> Result<(), BalanceError> {
        let reason = reason.trim().to_owned();
        if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(BalanceError::NoReason);
        }
        let balance = self.clone();
        db::tx(&self.db, move |mut tx| {
            let (balance, reason) = (balance.clone(), reason.clone());
            async move { balance.decide_in(&mut tx, id, approver, decision, &reason).await }
        })
        .await
    }

    async fn decide_in(
        &self,
        tx: &mut Tx,
        id: RefundRequestId,
        approver: Uuid,
        decision: Decision,
        reason: &str,
    ) -> Result<(), BalanceError> {
        let missing = BalanceError::NotFound("refund request");
        let Some(Request { of, .. }) = store::request(tx, id).await? else { return Err(missing) };
        let account = account_of(tx, of).await?;
        ledger::lock(tx, &[account.clone(), AccountCode::RefundsClearing]).await?;
        // Again, as it is under the lock.
        let Some(request) = store::request(tx, id).await? else { return Err(missing) };
        let stage = match decision {
            Decision::Approve => RequestStage::Ordered,
            Decision::Reject => RequestStage::Rejected,
        };
        match (request.stage, request.hold) {
            (RequestStage::AwaitingApproval, Some(hold)) => {
                if approver == request.asked_by || account == AccountCode::Driver(approver) {
                    return Err(BalanceError::FourEyes);
                }
                ledger::void_hold(tx, hold).await?;
            }
            _ if request.stage == stage && request.decided_by == Some(approver) => return Ok(()),
            _ => return Err(BalanceError::Decided),
        }
        let now = tx.now();
        store::decide_request(tx, id, stage, approver, reason, now).await?;
        let action = match decision {
            Decision::Approve => {
                spread(tx, &request).await?;
                "balance.refund_approved"
            }
            Decision::Reject => "balance.refund_rejected",
        };
        audit::resolve_alert(tx, ALERT, &id.to_string()).await?;
        record(tx, approver, action, id, json!({ "amount_tyiyn": request.amount, "reason": reason })).await?;
        self.publish_account(tx, &account);
        Ok(())
    }

    pub(super) async fn requests_of(&self, person: Uuid) -> Result<Vec<RefundRequestView>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let requests = store::requests_of(&mut connection, person).await?;
        views(&mut connection, requests).await
    }

    /// The request, if it is this person's.
    pub(super) async fn request_of(&self, person: Uuid, id: RefundRequestId) -> Result<RefundRequestView, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let request = store::request(&mut connection, id).await?.filter(|request| request.of == Of::Balance(person));
        let request = request.ok_or(BalanceError::NotFound("refund request"))?;
        view(&mut connection, request).await
    }

    /// The request, whoever's it is.
    pub(super) async fn any_request(&self, id: RefundRequestId) -> Result<RefundRequestView, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let request = store::request(&mut connection, id).await?.ok_or(BalanceError::NotFound("refund request"))?;
        view(&mut connection, request).await
    }

    /// What waits for a decision, the oldest first.
    pub(super) async fn list_awaiting(&self) -> Result<Vec<RefundRequestView>, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let requests = store::requests_awaiting(&mut connection).await?;
        views(&mut connection, requests).await
    }

    /// Tells the pages of whoever has the account.
    pub(super) fn publish_account(&self, tx: &mut Tx, account: &AccountCode) {
        if let AccountCode::Driver(person) = *account {
            let bus = self.bus.clone();
            tx.after_commit(move || bus.publish(&person_topic(person), "changed"));
        }
    }
}

/// Orders the refunds of a request. The ledger, and what was paid by each order, are asked under the lock of the account.
async fn spread(tx: &mut Tx, request: &Request) -> Result<(), BalanceError> {
    let mut rest = request.amount;
    let orders = match request.of {
        Of::Balance(person) => store::refundable_orders(tx, person).await?,
        Of::Order(id) => vec![store::RefundableOrder { id, left: store::left_of_order(tx, id).await? }],
    };
    for order in orders {
        if !rest.is_positive() {
            break;
        }
        let amount = rest.min(order.left);
        let refund = NewRefund {
            order: order.id,
            amount,
            business_key: format!("request:{}:{}", request.id, order.id),
            request: Some(request.id),
        };
        order_refund(tx, &refund).await?;
        rest = rest.checked_sub(amount).ok_or(BalanceError::NotRefundable)?;
    }
    if rest.is_positive() { Err(BalanceError::NotRefundable) } else { Ok(()) }
}

async fn record(
    tx: &mut Tx,
    person: Uuid,
    action: &'static str,
    id: RefundRequestId,
    detail: serde_json::Value,
) -> Result<(), BalanceError> {
    let event = AuditEvent {
        actor: Actor::Person(person.to_string()),
        action,
        subject_kind: "refund_request",
        subject_id: id.to_string(),
        detail,
    };
    Ok(audit::record(tx, &event).await?)
}

async fn views(connection: &mut PgConnection, requests: Vec<Request>) -> Result<Vec<RefundRequestView>, BalanceError> {
    let mut found = Vec::with_capacity(requests.len());
    for request in requests {
        found.push(view(connection, request).await?);
    }
    Ok(found)
}

async fn view(connection: &mut PgConnection, request: Request) -> Result<RefundRequestView, BalanceError> {
    let refunds = store::refunds_of_request(connection, request.id).await?;
    let refunds = refunds.into_iter().map(store::RefundRow::read).collect::<Result<Vec<_>, _>>()?;
    let state = match request.stage {
        RequestStage::AwaitingApproval => RefundRequestState::AwaitingApproval,
        RequestStage::Rejected => RefundRequestState::Rejected,
        RequestStage::Ordered if refunds.iter().all(|refund| refund.stage == RefundStage::Completed) => {
            RefundRequestState::Completed
        }
        RequestStage::Ordered if refunds.iter().any(|refund| refund.needs_staff) => RefundRequestState::Delayed,
        RequestStage::Ordered => RefundRequestState::UnderWay,
    };
    Ok(RefundRequestView {
        id: request.id,
        person: request.of.person(),
        order: request.of.order(),
        asked_by: request.asked_by,
        asked_reason: request.asked_reason,
        amount: request.amount,
        state,
        created_at: request.created_at,
        decided_at: request.decided_at,
        reason: request.reason,
        refunds: refunds.iter().map(refund_view).collect(),
    })
}
