//! Payments and refunds against the provider's stand-in, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use api::guest::WebhookOutcome;
use chrono::TimeDelta;
use domain::{OrderId, Tyiyn};
use serde_json::json;

use super::standin::{StandIns, WEBHOOK_SECRET, payment_notice, refund_notice};
use super::*;
use crate::bus::LocalBus;
use crate::db::{self, Tx};
use crate::jobs::Runner;
use crate::testing::TestDb;

const PATIENCE: Duration = Duration::from_secs(20);
const AMOUNT: Tyiyn = Tyiyn::new(50_000);

/// A database, the provider, and the balance between them.
pub(super) struct House {
    pub test: TestDb,
    pub standins: StandIns,
    pub balance: Balance,
    pub runner: Runner,
}

impl House {
    pub(super) async fn start() -> Self {
        let test = TestDb::new().await;
        let standins = StandIns::start(&test.db).await;
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        let balance = Balance::new(test.db.clone(), bus, standins.payments.clone(), StandIns::settings());
        let runner = Runner::new(test.db.clone(), "test", balance.handlers());
        Self { test, standins, balance, runner }
    }

    pub(super) async fn jobs(&self) {
        self.runner.run_due_once().await.unwrap();
    }

    /// The clock moves on, and what has become due is done.
    pub(super) async fn later(&self, by: TimeDelta) {
        self.test.clock.advance(by);
        self.jobs().await;
    }

    /// An order with a link.
    pub(super) async fn order(&self) -> OrderId {
        let order = self.new_order().await;
        assert!(self.balance.payment_url(order, PATIENCE).await.unwrap().is_some());
        order
    }

    async fn new_order(&self) -> OrderId {
        let id = OrderId::from_uuid(self.test.db.ids().uuid());
        let balance = self.balance.clone();
        self.tx(move |mut tx| {
            let balance = balance.clone();
            async move {
                let order = NewOrder {
                    id,
                    purpose: Purpose::GuestCharge,
                    amount: AMOUNT,
                    comment: "Зарядка".to_owned(),
                    return_path: "/g/token?returned=1".to_owned(),
                };
                balance.open_order(&mut tx, &order).await
            }
        })
        .await;
        id
    }

    pub(super) async fn tx<T, F, Fut>(&self, run: F) -> T
    where
        F: FnMut(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, BalanceError>> + Send + 'static,
        T: Send + 'static,
    {
        db::tx(&self.test.db, run).await.unwrap()
    }

    pub(super) async fn refund(&self, order: OrderId, amount: Tyiyn, reason: &'static str) -> RefundId {
        self.tx(move |mut tx| async move { request_refund(&mut tx, order, amount, reason).await }).await
    }

    pub(super) async fn external_id(&self, order: OrderId) -> String {
        self.found(order).await.external_id
    }

    pub(super) async fn found(&self, order: OrderId) -> Order {
        self.balance.order(order).await.unwrap().unwrap()
    }

    /// A paid order.
    pub(super) async fn paid(&self) -> OrderId {
        let order = self.order().await;
        assert!(self.standins.pay(&self.external_id(order).await, None).await);
        self.balance.refresh(order).await.unwrap();
        order
    }

    pub(super) async fn notice(&self, body: &[u8]) -> WebhookOutcome {
        self.balance.webhook(Some(WEBHOOK_SECRET), "203.0.113.7", body).await.unwrap()
    }

    pub(super) async fn account(&self, account: AccountCode) -> i64 {
        crate::ledger::balance(self.test.db.pool(), &account).await.unwrap().posted.get()
    }

    pub(super) async fn alerts(&self) -> Vec<String> {
        sqlx::query_scalar("select kind from alert where resolved_at is null order by kind")
            .fetch_all(self.test.db.pool())
            .await
            .unwrap()
    }

    pub(super) async fn books_are_right(&self) {
        let checks: &'static [crate::invariants::Check] = &[crate::ledger::check, check];
        assert_eq!(crate::invariants::check(&self.test.db, checks).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_payment_is_credited_once_whoever_tells_of_it() {
    let house = House::start().await;
    let order = house.order().await;
    let external_id = house.external_id(order).await;
    assert!(house.standins.pay(&external_id, None).await);
    let notice = payment_notice(&external_id, "whatever", "COMPLETED", Tyiyn::new(1));
    for _ in 0..3 {
        assert_eq!(house.notice(&notice).await, WebhookOutcome::Stored);
    }
    house.jobs().await;
    house.balance.refresh(order).await.unwrap();
    house.later(TimeDelta::minutes(5)).await;
    // What the provider says counts, not what the notice says.
    assert_eq!(house.found(order).await.paid, Some(AMOUNT));
    assert_eq!(house.account(AccountCode::GuestOrder(order)).await, AMOUNT.get());
    assert_eq!(house.account(AccountCode::NambaClearing).await, 0, "the provider has settled");
    assert_eq!(house.account(AccountCode::NambaCash).await, -AMOUNT.get());
    house.books_are_right().await;
}

#[tokio::test]
async fn two_at_once_credit_once() {
    let house = House::start().await;
    let order = house.order().await;
    house.standins.pay(&house.external_id(order).await, None).await;
    let asked = (0..8).map(|_| house.balance.refresh(order));
    for result in futures::future::join_all(asked).await {
        result.unwrap();
    }
    assert_eq!(house.account(AccountCode::GuestOrder(order)).await, AMOUNT.get());
    house.books_are_right().await;
}

#[tokio::test]
async fn the_webhook_that_never_comes_is_not_needed() {
    let house = House::start().await;
    let order = house.order().await;
    house.standins.pay(&house.external_id(order).await, None).await;
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.found(order).await.state, OrderState::Paid);
}

#[tokio::test]
async fn notices_that_are_not_the_providers_do_nothing() {
    let house = House::start().await;
    let order = house.order().await;
    let external_id = house.external_id(order).await;
    let paid = payment_notice(&external_id, "g", "COMPLETED", AMOUNT);
    for secret in [None, Some(""), Some("0123456789abcdef012"), Some("0123456789abcdef0124")] {
        assert_eq!(house.balance.webhook(secret, "x", &paid).await.unwrap(), WebhookOutcome::Refused);
    }
    let large = vec![b' '; 70_000];
    for body in [&b"no json"[..], b"{}", b"[]", b"\xff", br#"{"type":"PAYMENT_ORDER","data":{}}"#, &large] {
        assert_eq!(house.notice(body).await, WebhookOutcome::Malformed);
    }
    let stored =
        sqlx::query_scalar::<_, i64>("select count(*) from webhook_inbox").fetch_one(house.test.db.pool()).await.unwrap();
    assert_eq!(stored, 0);
    // With the secret, but about somebody else's order, or not (yet) true.
    for body in [
        payment_notice("../x", "g", "COMPLETED", AMOUNT),
        payment_notice(&external_id, "g\u{0}h", "COMPLETED", AMOUNT),
        payment_notice("ffffffffffffffffffffffffffffffff-1", "g", "COMPLETED", AMOUNT),
        refund_notice("../x", "COMPLETED"),
        refund_notice("ffffffffffffffffffffffffffffffff-1", "COMPLETED"),
        br#"{"type":"SOMETHING","data":{}}"#.to_vec(),
        paid,
    ] {
        assert_eq!(house.notice(&body).await, WebhookOutcome::Stored, "{}", String::from_utf8_lossy(&body));
    }
    house.jobs().await;
    assert_eq!(house.found(order).await.state, OrderState::Link);
    assert_eq!(house.account(AccountCode::GuestOrder(order)).await, 0);
    house.books_are_right().await;
}

#[tokio::test]
async fn without_a_secret_of_ours_every_notice_is_refused() {
    let house = House::start().await;
    let settings = BalanceSettings { webhook_secret: None, ..StandIns::settings() };
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let closed = Balance::new(house.test.db.clone(), bus, house.standins.payments.clone(), settings);
    let body = payment_notice("x", "g", "COMPLETED", AMOUNT);
    for secret in [None, Some(""), Some(WEBHOOK_SECRET)] {
        assert_eq!(closed.webhook(secret, "x", &body).await.unwrap(), WebhookOutcome::Refused);
    }
}

#[tokio::test]
async fn a_payment_after_the_expiry_is_taken() {
    let house = House::start().await;
    let order = house.order().await;
    house.later(TimeDelta::minutes(15)).await;
    assert_eq!(house.found(order).await.state, OrderState::Expired);
    house.later(TimeDelta::hours(5)).await;
    house.standins.pay(&house.external_id(order).await, None).await;
    house.later(TimeDelta::minutes(30)).await;
    assert_eq!(house.found(order).await.paid, Some(AMOUNT));
    house.books_are_right().await;
}

#[tokio::test]
async fn a_payment_that_failed_and_then_came_is_taken_with_its_own_sum() {
    let house = House::start().await;
    let order = house.order().await;
    let external_id = house.external_id(order).await;
    house.standins.order_status(&external_id, "CANCELLATION_FAILED").await;
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.found(order).await.state, OrderState::Link);
    house.standins.order_status(&external_id, "CANCELED").await;
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.found(order).await.state, OrderState::Failed);
    house.standins.pay(&external_id, Some(Tyiyn::new(49_950))).await;
    house.later(TimeDelta::minutes(1)).await;
    assert_eq!(house.found(order).await.paid, Some(Tyiyn::new(49_950)));
    house.books_are_right().await;
}

#[tokio::test]
async fn who_asks_for_a_link_while_it_is_being_made_gets_the_same() {
    let house = House::start().await;
    let order = house.new_order().await;
    let (one, two) = tokio::join!(house.balance.payment_url(order, PATIENCE), house.balance.payment_url(order, PATIENCE));
    let link = one.unwrap();
    assert_eq!((link.is_some(), &link), (true, &two.unwrap()));
    assert_eq!(house.standins.links().await.len(), 1);
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_is_replaced_and_both_are_watched() {
    let house = House::start().await;
    house
        .standins
        .faults(json!({ "create_link": "html_500", "act_before_faulty_answer": true, "faulty_answers_left": 1 }))
        .await;
    let order = house.new_order().await;
    assert_eq!(house.balance.payment_url(order, PATIENCE).await.unwrap(), None);
    house.later(TimeDelta::seconds(3)).await;
    assert_eq!(house.found(order).await.state, OrderState::Link);
    let links = house.standins.links().await;
    assert_eq!(links.len(), 2);
    // Cannot happen, since nobody knows its address; and would be seen.
    house.standins.pay(&links[0], None).await;
    house.later(TimeDelta::seconds(10)).await;
    assert_eq!(house.found(order).await.state, OrderState::Paid);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_asks_for_the_link_leaves_no_guest_without_one() {
    let house = House::start().await;
    let order = house.new_order().await;
    let found = house.found(order).await;
    // The claim and the call, but not the answer.
    house
        .tx(move |mut tx| async move {
            let now = tx.now();
            assert!(store::claim_link(&mut tx, order, now, now + TimeDelta::seconds(8)).await?);
            Ok(())
        })
        .await;
    let lost = house.standins.payments.create_link(providers::CreateLink {
        external_id: found.external_id,
        amount: AMOUNT,
        comment: String::new(),
        webhook_url: None,
        webhook_headers: BTreeMap::new(),
        redirect_link: None,
        auto_redirect: true,
    });
    lost.await.unwrap();
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.found(order).await.state, OrderState::New, "the call may still be under way");
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.found(order).await.state, OrderState::Link);
    assert_eq!(house.standins.links().await.len(), 2);
}

#[tokio::test]
async fn a_link_that_comes_late_is_shown_and_can_be_paid() {
    let house = House::start().await;
    let order = house.new_order().await;
    let first = house.external_id(order).await;
    // Another one has been asked for in the meantime, and its answer was lost.
    let (old, new) = (first.clone(), external_id(order.as_uuid(), 2));
    house
        .tx(move |mut tx| {
            let (old, new) = (old.clone(), new.clone());
            async move {
                store::next_link(&mut tx, order, &old, &new).await?;
                store::link_made(&mut tx, order, &old, "guid", "https://pay.example/").await?;
                Ok(())
            }
        })
        .await;
    let found = house.found(order).await;
    assert_eq!((found.state, found.external_id, found.link_attempt), (OrderState::Link, first, 2));
}

#[tokio::test]
async fn an_unreachable_provider_costs_patience_and_nothing_else() {
    let house = House::start().await;
    house.standins.faults(json!({ "create_link": "too_many_requests", "payment": "too_many_requests" })).await;
    let order = house.new_order().await;
    assert_eq!(house.balance.payment_url(order, PATIENCE).await.unwrap(), None);
    house.later(TimeDelta::seconds(20)).await;
    assert_eq!(house.found(order).await.state, OrderState::New);
    house.standins.heal().await;
    house.later(TimeDelta::seconds(20)).await;
    assert_eq!(house.found(order).await.state, OrderState::Link);
    assert_eq!(house.standins.links().await.len(), 1, "what was not sent is asked for under the same id");
}

#[tokio::test]
async fn a_provider_that_refuses_ends_the_order_and_tells_staff() {
    let house = House::start().await;
    house.standins.faults(json!({ "create_link": "error_in_200" })).await;
    let order = house.new_order().await;
    assert_eq!(house.balance.payment_url(order, PATIENCE).await.unwrap(), None);
    assert_eq!(house.found(order).await.state, OrderState::Failed);
    assert_eq!(house.alerts().await, ["payment_links"]);
}

#[tokio::test]
async fn a_refund_goes_from_the_order_through_clearing_to_the_payer() {
    let house = House::start().await;
    let order = house.paid().await;
    let refund = house.refund(order, Tyiyn::new(20_000), "rest").await;
    assert_eq!(house.refund(order, Tyiyn::new(20_000), "rest").await, refund, "once a reason");
    assert_eq!(house.account(AccountCode::RefundsClearing).await, 20_000);
    house.jobs().await;
    house.books_are_right().await;
    house.standins.complete_refunds().await;
    let reference = house.standins.refunds().await[0].0.clone();
    assert_eq!(house.notice(&refund_notice(&reference, "COMPLETED")).await, WebhookOutcome::Stored);
    house.jobs().await;
    let refunds = house.balance.refunds(order).await.unwrap();
    assert_eq!((refunds[0].stage, refunds[0].needs_staff), (RefundStage::Completed, false));
    assert_eq!(house.account(AccountCode::RefundsClearing).await, 0);
    assert_eq!(house.account(AccountCode::GuestOrder(order)).await, 30_000);
    assert_eq!(house.account(AccountCode::NambaCash).await, -30_000);
    house.books_are_right().await;
}

#[tokio::test]
async fn more_than_was_paid_is_never_sent_back() {
    let house = House::start().await;
    let order = house.paid().await;
    house.refund(order, Tyiyn::new(40_000), "one").await;
    let two =
        db::tx(&house.test.db, move |mut tx| async move { request_refund(&mut tx, order, Tyiyn::new(10_001), "two").await });
    assert!(matches!(two.await, Err(BalanceError::Ledger(LedgerError::InsufficientFunds))));
    let other = db::tx(&house.test.db, move |mut tx| async move { request_refund(&mut tx, order, Tyiyn::new(1), "one").await });
    assert!(matches!(other.await, Err(BalanceError::KeyReused(_))));
    house.books_are_right().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_and_not_sent_twice() {
    for fault in ["html_500", "empty_body", "broken", "empty_object", "unknown_error"] {
        let house = House::start().await;
        let order = house.paid().await;
        house.standins.faults(json!({ "refund": fault, "act_before_faulty_answer": true, "faulty_answers_left": 1 })).await;
        house.refund(order, AMOUNT, "all").await;
        house.jobs().await;
        house.later(TimeDelta::seconds(5)).await;
        house.standins.complete_refunds().await;
        house.later(TimeDelta::seconds(10)).await;
        assert_eq!(house.balance.refunds(order).await.unwrap()[0].stage, RefundStage::Completed, "{fault}");
        assert_eq!(house.standins.refunds().await.len(), 1, "{fault}");
        house.books_are_right().await;
    }
}

#[tokio::test]
async fn a_refund_that_exists_already_is_adopted_when_its_sum_is_ours() {
    let house = House::start().await;
    let order = house.paid().await;
    // The call was made, its answer lost, and the question about it finds nothing yet: so the call is made again.
    house.standins.faults(json!({ "refund": "html_500", "act_before_faulty_answer": true, "faulty_answers_left": 1 })).await;
    let refund = house.refund(order, AMOUNT, "all").await;
    house.jobs().await;
    house
        .tx(move |mut tx| async move {
            store::refund_stage(&mut tx, refund, RefundStage::Queued, None, None).await?;
            Ok(())
        })
        .await;
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.balance.refunds(order).await.unwrap()[0].stage, RefundStage::Sent);
    assert_eq!(house.standins.refunds().await.len(), 1);
    assert_eq!(house.alerts().await, [""; 0]);
}

#[tokio::test]
async fn a_stuck_refund_reaches_staff_and_then_its_payer() {
    let house = House::start().await;
    let order = house.paid().await;
    house.refund(order, AMOUNT, "all").await;
    house.jobs().await;
    let reference = house.standins.refunds().await[0].0.clone();
    house.standins.refund_status(&reference, "STUCK").await;
    house.later(TimeDelta::seconds(5)).await;
    let refund = house.balance.refunds(order).await.unwrap().remove(0);
    assert_eq!((refund.stage, refund.needs_staff, refund.reference.clone()), (RefundStage::Stuck, true, reference.clone()));
    assert_eq!(house.alerts().await, ["refund_stuck"]);
    house.standins.refund_status(&reference, "COMPLETED").await;
    house.later(TimeDelta::minutes(1)).await;
    assert_eq!(house.balance.refunds(order).await.unwrap()[0].stage, RefundStage::Completed);
    assert_eq!(house.alerts().await, [""; 0]);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_refund_that_failed_for_good_is_sent_under_another_id_and_at_last_given_to_staff() {
    let house = House::start().await;
    let order = house.paid().await;
    house.refund(order, AMOUNT, "all").await;
    for generation in 1..=3 {
        house.later(TimeDelta::minutes(6)).await;
        let (reference, status) = house.standins.refunds().await.pop().unwrap();
        assert!(reference.ends_with(&format!("-{generation}")) && status == "PROCESSING", "{reference} {status}");
        house.standins.refund_status(&reference, "FAILED").await;
        house.later(TimeDelta::minutes(1)).await;
    }
    house.later(TimeDelta::hours(2)).await;
    assert_eq!(house.standins.refunds().await.len(), 3);
    let refund = house.balance.refunds(order).await.unwrap().remove(0);
    assert_eq!((refund.stage, refund.needs_staff), (RefundStage::Failed, true));
    assert_eq!(house.alerts().await, ["refund_failed"]);
    assert_eq!(house.account(AccountCode::RefundsClearing).await, AMOUNT.get(), "still owed");
    house.books_are_right().await;
}

#[tokio::test]
async fn an_empty_merchant_account_is_told_and_the_refund_waits() {
    let house = House::start().await;
    let order = house.paid().await;
    house.standins.set_float(Tyiyn::new(100)).await;
    house.refund(order, AMOUNT, "all").await;
    house.later(TimeDelta::minutes(1)).await;
    assert_eq!(house.alerts().await, ["merchant_float_low"]);
    assert!(house.balance.refunds(order).await.unwrap()[0].needs_staff);
    house.standins.set_float(Tyiyn::new(10_000_000)).await;
    house.later(TimeDelta::minutes(11)).await;
    house.standins.complete_refunds().await;
    house.later(TimeDelta::minutes(11)).await;
    assert_eq!(house.balance.refunds(order).await.unwrap()[0].stage, RefundStage::Completed);
    assert_eq!(house.alerts().await, [""; 0]);
    house.books_are_right().await;
}

#[test]
fn our_ids_at_the_provider_are_read_back_and_nothing_else_is() {
    let id = Uuid::from_u128(7);
    assert_eq!(parse_external_id(&external_id(id, 3)), Some((id, 3)));
    for text in [
        "",
        "x",
        "../x",
        "0-1",
        "00000000000000000000000000000007-",
        "00000000000000000000000000000007-0",
        "00000000000000000000000000000007-01",
    ] {
        assert_eq!(parse_external_id(text), None, "{text}");
    }
}
