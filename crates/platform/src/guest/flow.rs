//! A charge's way from phase to phase.
//!
//! One function, [`Guest::advance`], looks at the order, the session and the refunds, and moves the charge as far as they allow,
//! under the lock of its row. So a webhook, a poll, a page view, a job and a restart can all call it, in any order and twice.

use api::i18n::sms as texts;
use domain::charging::hold::Limit;
use domain::charging::session::SessionState;
use domain::guest::{GuestPhase, StartFailure};
use domain::{OrderId, RefundId, SessionId, Tyiyn};
use serde_json::json;
use sqlx::PgConnection;

use super::{Charge, Guest, GuestError, store};
use crate::audit;
use crate::balance::{self, Order, OrderState, RefundStage};
use crate::charging::{BeginRefusal, PayerKind, SessionSnapshot, StartRequest};
use crate::db::{self, Tx};
use crate::invariants::Violation;
use crate::ledger::{self, AccountCode, LedgerError};
use crate::notify;

/// Attempts of the job before a start that fails inside of us is given up. With the pauses of jobs that is a quarter of a minute:
/// the payer stands in front of the connector.
const START_ATTEMPTS_MAX: u32 = 4;
/// A charge passes at most three phases at once; more would be a circle.
const STEPS_MAX: usize = 6;

/// Whether a start that fails inside of us is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    TryAgain,
    /// It was tried often enough: the money goes back.
    GiveUp,
}

impl Patience {
    pub(super) const fn of_attempt(attempt: u32) -> Self {
        if attempt < START_ATTEMPTS_MAX { Self::TryAgain } else { Self::GiveUp }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Settled { billed: Tyiyn },
    Failed(StartFailure),
}

impl Ended {
    fn of(snapshot: &SessionSnapshot) -> Option<Self> {
        match snapshot.state {
            SessionState::Settled => Some(Self::Settled { billed: snapshot.billed.unwrap_or(snapshot.cost) }),
            SessionState::Failed => Some(Self::Failed(snapshot.failure.unwrap_or(StartFailure::Rejected))),
            SessionState::Starting | SessionState::Charging | SessionState::Stopping => None,
        }
    }
}

impl Guest {
    /// Moves the charge of the order as far as it can go now. Idempotent.
    pub(super) async fn advance(&self, order: OrderId, patience: Patience) -> Result<(), GuestError> {
        // Read before the transaction, so that no transaction waits for a second connection. The end of a session never changes.
        let ended = self.how_ended(order).await?;
        let guest = self.clone();
        db::tx(&self.db, move |mut tx| {
            let guest = guest.clone();
            async move { guest.advance_in(&mut tx, order, ended, patience).await }
        })
        .await
    }

    async fn how_ended(&self, order: OrderId) -> Result<Option<(SessionId, Ended)>, GuestError> {
        let mut connection = self.db.pool().acquire().await?;
        let charge = store::by_order(&mut connection, order).await?;
        drop(connection);
        let Some(session) = charge.and_then(|charge| charge.session) else { return Ok(None) };
        let snapshot = self.charging.snapshot(session).await?;
        Ok(Ended::of(&snapshot).map(|ended| (session, ended)))
    }

    async fn advance_in(
        &self,
        tx: &mut Tx,
        order: OrderId,
        ended: Option<(SessionId, Ended)>,
        patience: Patience,
    ) -> Result<(), GuestError> {
        // An order without a charge is another module's.
        let Some(mut charge) = store::lock_by_order(tx, order).await? else { return Ok(()) };
        let before = charge.phase;
        for _ in 0..STEPS_MAX {
            let order = balance::find_order(tx, order).await?.ok_or(GuestError::NotFound("order"))?;
            let from = charge.phase;
            match from {
                GuestPhase::AwaitingPayment | GuestPhase::Expired => match order.state {
                    OrderState::Paid => self.start(tx, &mut charge, &order, patience).await?,
                    OrderState::Expired | OrderState::Failed => charge.phase = GuestPhase::Expired,
                    OrderState::New | OrderState::Link => {}
                },
                GuestPhase::PlugIn | GuestPhase::Charging | GuestPhase::Stopping => match ended {
                    Some((session, ended)) if charge.session == Some(session) => {
                        self.end(tx, &mut charge, &order, ended).await?;
                    }
                    _ => {}
                },
                GuestPhase::Refunding | GuestPhase::FailedRefunding => {
                    if all_refunded(tx, order.id).await? {
                        let failed = from == GuestPhase::FailedRefunding;
                        charge.phase = if failed { GuestPhase::FailedRefunded } else { GuestPhase::Completed };
                    }
                }
                GuestPhase::Completed | GuestPhase::FailedRefunded => {}
            }
            if charge.phase == from {
                break;
            }
        }
        if charge.phase != before {
            let now = tx.now();
            store::update(tx, &charge, now).await?;
            tracing::info!(charge.id = %charge.id, from = before.as_str(), to = charge.phase.as_str(), "Moved a guest's charge on");
        }
        let (bus, topic) = (self.bus.clone(), charge.topic());
        // Also without a move: a refund may have got stuck.
        tx.after_commit(move || bus.publish(&topic, "changed"));
        Ok(())
    }

    /// The money is there: the session begins in this very transaction, or the money goes back.
    async fn start(&self, tx: &mut Tx, charge: &mut Charge, order: &Order, patience: Patience) -> Result<(), GuestError> {
        let paid = order.paid.ok_or(GuestError::NotFound("payment"))?;
        let late = charge.phase == GuestPhase::Expired;
        if paid < self.settings.amount_limits.min {
            return self.fail(tx, charge, order, StartFailure::PaidTooLittle).await;
        }
        let begun = match patience {
            Patience::GiveUp => {
                let detail = json!({ "what": "a paid session could not be begun; see the log of the job guest.advance" });
                audit::raise_alert(tx, "guest_start", &charge.id.to_string(), &detail).await?;
                Err(BeginRefusal::OutOfOrder)
            }
            Patience::TryAgain => {
                let request = StartRequest {
                    connector_id: charge.connector,
                    payer_kind: PayerKind::Guest,
                    payer_id: charge.id.as_uuid(),
                    payer_account: order.account(),
                    locale: charge.locale,
                    limit: Some(Limit::Amount(paid)),
                    agreed: paid,
                    contract: None,
                    payment_reference: order.provider_guid.clone(),
                };
                self.charging.begin(tx, request).await
            }
        };
        let failure = match begun {
            Ok(session) => {
                charge.session = Some(session);
                charge.phase = GuestPhase::PlugIn;
                return Ok(());
            }
            Err(BeginRefusal::Busy) => StartFailure::ConnectorBusy,
            Err(BeginRefusal::Offline) => StartFailure::Offline,
            Err(BeginRefusal::OutOfOrder) => StartFailure::OutOfOrder,
            Err(BeginRefusal::InsufficientFunds) => {
                let detail = json!({ "paid_tyiyn": paid, "what": "the ledger does not cover what was just paid" });
                audit::raise_alert(tx, "guest_start", &charge.id.to_string(), &detail).await?;
                StartFailure::OutOfOrder
            }
            Err(error @ BeginRefusal::Internal(_)) => return Err(error.into()),
        };
        self.fail(tx, charge, order, if late { StartFailure::PaidTooLate } else { failure }).await
    }

    async fn end(&self, tx: &mut Tx, charge: &mut Charge, order: &Order, ended: Ended) -> Result<(), GuestError> {
        let billed = match ended {
            Ended::Failed(failure) => return self.fail(tx, charge, order, failure).await,
            Ended::Settled { billed } => billed,
        };
        let rest = rest(tx, order).await?;
        let expected = order.paid.and_then(|paid| paid.checked_sub(billed));
        if expected != Some(rest) {
            let detail = json!({ "paid_tyiyn": order.paid, "billed_tyiyn": billed, "rest_tyiyn": rest });
            audit::raise_alert(tx, "guest_rest", &charge.id.to_string(), &detail).await?;
        }
        self.refund_rest(tx, charge, order, rest).await?;
        charge.phase = if rest.is_positive() { GuestPhase::Refunding } else { GuestPhase::Completed };
        let url = self.page_url(&charge.token);
        let text = if billed.is_positive() {
            texts::receipt(charge.locale, billed, &url)
        } else {
            texts::failed(charge.locale, rest, &url)
        };
        tell(tx, charge, &format!("receipt:{}", charge.id), &text).await
    }

    /// Nothing was sold: all of it goes back, with the reason.
    async fn fail(&self, tx: &mut Tx, charge: &mut Charge, order: &Order, failure: StartFailure) -> Result<(), GuestError> {
        let rest = rest(tx, order).await?;
        self.refund_rest(tx, charge, order, rest).await?;
        charge.failure = Some(failure);
        charge.phase = if rest.is_positive() { GuestPhase::FailedRefunding } else { GuestPhase::FailedRefunded };
        let text = texts::failed(charge.locale, rest, &self.page_url(&charge.token));
        tell(tx, charge, &format!("failed:{}", charge.id), &text).await
    }

    async fn refund_rest(&self, tx: &mut Tx, charge: &Charge, order: &Order, rest: Tyiyn) -> Result<(), GuestError> {
        if !rest.is_positive() {
            return Ok(());
        }
        let refund: RefundId = balance::request_refund(tx, order.id, rest, &format!("guest:{}", charge.id)).await?;
        store::set_refund(tx, charge.id, refund).await?;
        Ok(())
    }
}

async fn tell(tx: &mut Tx, charge: &Charge, business_key: &str, text: &str) -> Result<(), GuestError> {
    if let Some(phone) = &charge.phone {
        notify::queue_sms(tx, business_key, phone, text).await?;
    }
    Ok(())
}

/// What the payer has left: what the ledger says, not what anybody has reckoned.
async fn rest(tx: &mut Tx, order: &Order) -> Result<Tyiyn, GuestError> {
    Ok(ledger::balance(&mut **tx, &order.account()).await?.available())
}

async fn all_refunded(tx: &mut Tx, order: OrderId) -> Result<bool, GuestError> {
    let refunds = balance::refunds_in(tx, order).await?;
    Ok(refunds.iter().all(|refund| refund.stage == RefundStage::Completed))
}

/// Paid = billed + sent back + still in the account, for each charge; nothing left after the end.
pub(super) async fn check(connection: &mut PgConnection) -> Result<Vec<Violation>, sqlx::Error> {
    let mut found = Vec::new();
    for charge in store::ends(connection).await? {
        let id = charge.id;
        let mut violation = |rule, detail: String| found.push(Violation { rule, detail: format!("charge {id}: {detail}") });
        let account = AccountCode::GuestOrder(OrderId::from_uuid(charge.order_id));
        let left = match ledger::balance(&mut *connection, &account).await {
            Ok(balance) => balance,
            Err(LedgerError::Db(error)) => return Err(error),
            Err(other) => return Err(sqlx::Error::Protocol(other.to_string())),
        };
        let paid = charge.paid_tyiyn.unwrap_or(0);
        let billed = charge.billed_tyiyn.unwrap_or(0);
        let explained = billed.saturating_add(charge.refunds_tyiyn).saturating_add(left.posted.get());
        if paid != explained {
            let detail = format!("paid {paid}, billed {billed}, refunds {}, left {}", charge.refunds_tyiyn, left.posted.get());
            violation("guest.paid_is_billed_refunded_or_held", detail);
        }
        let phase = GuestPhase::parse(&charge.phase);
        let over = matches!(
            phase,
            Some(GuestPhase::Refunding | GuestPhase::Completed | GuestPhase::FailedRefunding | GuestPhase::FailedRefunded)
        );
        if over && (left.posted != Tyiyn::ZERO || left.held != Tyiyn::ZERO) {
            violation("guest.nothing_left_after_the_end", format!("left {}, held {}", left.posted.get(), left.held.get()));
        }
        if phase.is_some_and(GuestPhase::is_final) && charge.open_refunds != 0 {
            violation("guest.final_after_the_refund", format!("{} refunds are open", charge.open_refunds));
        }
        let waits = matches!(phase, Some(GuestPhase::AwaitingPayment | GuestPhase::Expired));
        if waits && (charge.session_id.is_some() || billed != 0 || charge.refunds_tyiyn != 0) {
            violation("guest.nothing_before_the_payment", "a session, a bill or a refund".to_owned());
        }
    }
    Ok(found)
}
