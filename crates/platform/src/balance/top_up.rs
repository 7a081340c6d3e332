//! A driver's top-ups. One form is one order; whoever tells of the payment first, it is credited once, by the ways of all orders.

use std::time::Duration;

use api::balance::{MoneyForm, MoneyFormErrors, TopUpOutcome, TopUpView};
use api::guest::{RefundState, RefundView};
use api::i18n::{Locale, statement as texts};
use domain::balance::TopUpState;
use domain::guest::AmountLimits;
use domain::{FormKey, OrderId, Tyiyn};
use uuid::Uuid;

use super::{Balance, BalanceError, NewOrder, Order, OrderState, Purpose, Refund, RefundStage, person_topic, store};
use crate::db::{self, Tx};
use crate::jobs::Outcome;
use crate::ledger::{self, AccountCode};

/// A payer who has pressed the button waits this long for the payment link; then the page goes on without it and shows it later.
const LINK_PATIENCE: Duration = Duration::from_secs(4);
/// A payer who comes back waits this long for the provider's answer.
const RETURN_PATIENCE: Duration = Duration::from_secs(3);
/// A person who tries another card or goes back has two or three open orders.
pub(super) const UNPAID_PER_PERSON_MAX: usize = 5;

/// A form that can be acted on.
pub(super) struct Money {
    pub amount: Tyiyn,
    pub key: FormKey,
}

/// All that is wrong at once.
pub(super) fn parse_form(form: &MoneyForm, limits: AmountLimits) -> Result<Money, MoneyFormErrors> {
    match (limits.parse(&form.amount), FormKey::parse(&form.idempotency_key)) {
        (Ok(amount), Ok(key)) => Ok(Money { amount, key }),
        (amount, key) => Err(MoneyFormErrors { amount: amount.err(), form: key.is_err() }),
    }
}

impl Balance {
    pub(super) async fn order_top_up(
        &self,
        person: Uuid,
        form: &MoneyForm,
        locale: Locale,
    ) -> Result<TopUpOutcome, BalanceError> {
        let money = match parse_form(form, self.limits.top_up) {
            Ok(money) => money,
            Err(errors) => return Ok(TopUpOutcome::Invalid(errors)),
        };
        let order = match self.open_top_up(person, money, locale).await {
            Ok(order) => order,
            Err(BalanceError::TooManyUnpaid) => return Ok(TopUpOutcome::TooManyUnpaid),
            Err(error) => return Err(error),
        };
        // The order exists: what goes wrong with its link shows on its page, not here.
        let payment_url = self.payment_url(order, LINK_PATIENCE).await.unwrap_or_else(|error| {
            tracing::warn!(order.id = %order, %error, "Could not look for a payment link");
            None
        });
        Ok(TopUpOutcome::Ordered { order, payment_url })
    }

    async fn open_top_up(&self, person: Uuid, money: Money, locale: Locale) -> Result<OrderId, BalanceError> {
        let balance = self.clone();
        let Money { amount, key } = money;
        db::tx(&self.db, move |mut tx| {
            let (balance, key) = (balance.clone(), key.clone());
            async move { balance.open_top_up_in(&mut tx, person, amount, &key, locale).await }
        })
        .await
    }

    async fn open_top_up_in(
        &self,
        tx: &mut Tx,
        person: Uuid,
        amount: Tyiyn,
        key: &FormKey,
        locale: Locale,
    ) -> Result<OrderId, BalanceError> {
        // The forms of one person come one after the other.
        ledger::lock(tx, &[AccountCode::Driver(person)]).await?;
        if let Some(row) = store::order_of_form(tx, key).await? {
            let order = row.read()?;
            return match order.purpose {
                Purpose::TopUp(owner) if owner != person => Err(BalanceError::NotFound("form")),
                _ if order.amount != amount => Err(BalanceError::FormReused),
                _ => Ok(order.id),
            };
        }
        if store::unpaid_of(tx, person).await?.len() >= UNPAID_PER_PERSON_MAX {
            return Err(BalanceError::TooManyUnpaid);
        }
        let id = OrderId::from_uuid(tx.uuid());
        let order = NewOrder {
            id,
            purpose: Purpose::TopUp(person),
            amount,
            comment: texts::payment_comment(locale),
            return_path: format!("/balance/top-ups/{id}?returned=1"),
        };
        match self.open_order_of_form(tx, &order, Some(key.as_str())).await {
            Ok(()) => Ok(id),
            // Another person's form, at this moment.
            Err(BalanceError::Db(error)) if db::constraint(&error) == Some("payment_order_form_key") => {
                Err(BalanceError::NotFound("form"))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn view_top_up(&self, person: Uuid, id: OrderId, returned: bool) -> Result<TopUpView, BalanceError> {
        let mut order = self.order_of(person, id).await?;
        if returned && order.state != OrderState::Paid {
            self.refresh_with_patience(id, RETURN_PATIENCE).await;
            order = self.order_of(person, id).await?;
        }
        let refunds = self.refunds(id).await?;
        Ok(TopUpView {
            order: id,
            state: match order.state {
                OrderState::New | OrderState::Link => TopUpState::AwaitingPayment,
                OrderState::Paid => TopUpState::Paid,
                OrderState::Failed => TopUpState::Failed,
                OrderState::Expired => TopUpState::Expired,
            },
            amount: order.amount,
            paid: order.paid,
            paid_at: order.paid_at,
            payment_url: order.payment_url.filter(|_| order.state == OrderState::Link),
            expires_at: order.expires_at,
            refunds: refunds.iter().map(refund_view).collect(),
            now: self.db.now(),
        })
    }

    /// The order, if it is this person's.
    async fn order_of(&self, person: Uuid, id: OrderId) -> Result<Order, BalanceError> {
        let order = self.order(id).await?.filter(|order| order.purpose == Purpose::TopUp(person));
        order.ok_or(BalanceError::NotFound("order"))
    }

    /// The job that follows each change of a top-up. What is on the balance is there already.
    pub(super) async fn tell_person(&self, id: OrderId) -> Result<Outcome, BalanceError> {
        if let Some(person) = self.order(id).await?.and_then(|order| order.purpose.person()) {
            self.bus.publish(&person_topic(person), "changed");
        }
        Ok(Outcome::Done)
    }
}

/// What a person may read of a refund.
pub(super) fn refund_view(refund: &Refund) -> RefundView {
    let state = match refund.stage {
        RefundStage::Completed => RefundState::Completed,
        _ if refund.needs_staff => RefundState::Delayed,
        _ => RefundState::Pending,
    };
    RefundView { amount: refund.amount, state, reference: refund.reference.clone(), completed_at: refund.completed_at }
}
