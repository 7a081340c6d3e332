//! Drivers who want money back, and those who decide on it.

use api::balance::{BalanceApi as _, MoneyForm, RefundOutcome};
use api::finance::Decision;
use chrono::TimeDelta;
use domain::balance::RefundRequestState;
use domain::guest::AmountError;
use domain::{RefundRequestId, Tyiyn};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::tests::House;
use super::*;

impl House {
    async fn ask(&self, person: Uuid, amount: &str) -> RefundOutcome {
        self.balance.ask_refund(person, &self.form(amount)).await.unwrap()
    }

    async fn asked(&self, person: Uuid, amount: &str) -> RefundRequestId {
        match self.ask(person, amount).await {
            RefundOutcome::Asked(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn state_of(&self, person: Uuid, id: RefundRequestId) -> RefundRequestState {
        self.balance.refund_request(person, id).await.unwrap().state
    }

    async fn refunds_are_done(&self) {
        self.later(TimeDelta::seconds(5)).await;
        self.standins.complete_refunds().await;
        self.later(TimeDelta::seconds(30)).await;
    }

    async fn events(&self, action: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_event where action = $1")
            .bind(action)
            .fetch_one(self.test.db.pool())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn unused_money_goes_back_by_the_newest_top_ups() {
    let house = House::start().await;
    let person = house.person().await;
    let (first, second) = (house.topped_up(person, "500").await, house.topped_up(person, "300").await);
    let id = house.asked(person, "450,50").await;
    assert_eq!(house.has(person).await, 34_950);
    house.refunds_are_done().await;
    assert_eq!(house.state_of(person, id).await, RefundRequestState::Completed);
    let sums = |refunds: Vec<Refund>| refunds.iter().map(|refund| refund.amount.get()).sum::<i64>();
    assert_eq!(sums(house.balance.refunds(second).await.unwrap()), 30_000);
    assert_eq!(sums(house.balance.refunds(first).await.unwrap()), 15_050);
    assert_eq!(house.account(AccountCode::RefundsClearing).await, 0);
    house.books_are_right().await;
}

#[tokio::test]
async fn nobody_gets_more_back_than_there_is() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    for amount in ["500,01", "0", "-1", "NaN", "1e2", "٥", "", "1,001", "99999999999999999999"] {
        let RefundOutcome::Invalid(errors) = house.ask(person, amount).await else { panic!("{amount}") };
        assert!(errors.amount.is_some() && !errors.form, "{amount}");
        assert_eq!(errors.amount == Some(AmountError::TooLarge), amount == "500,01" || amount.len() > 9, "{amount}");
    }
    let asked = join_all((0..10).map(|_| house.ask(person, "100"))).await;
    let taken = asked.iter().filter(|outcome| matches!(outcome, RefundOutcome::Asked(_))).count();
    assert_eq!((taken, house.has(person).await), (5, 0));
    house.refunds_are_done().await;
    house.books_are_right().await;
}

#[tokio::test]
async fn a_form_sent_twice_is_one_refund_and_nobody_elses() {
    let house = House::start().await;
    let (person, other) = (house.person().await, house.person().await);
    house.topped_up(person, "500").await;
    house.topped_up(other, "500").await;
    let form = house.form("100");
    let asked = join_all((0..6).map(|_| house.balance.ask_refund(person, &form))).await;
    let first = asked[0].unwrap();
    assert!(asked.iter().all(|again| *again == Ok(first)));
    let another_sum = MoneyForm { amount: "101".to_owned(), ..form.clone() };
    assert_eq!(house.balance.ask_refund(person, &another_sum).await, Err(api::ApiError::Conflict));
    assert_eq!(house.balance.ask_refund(other, &form).await, Err(api::ApiError::NotFound));
    let RefundOutcome::Asked(id) = first else { panic!("{first:?}") };
    assert_eq!(house.balance.refund_request(other, id).await, Err(api::ApiError::NotFound));
    assert_eq!((house.has(person).await, house.has(other).await), (40_000, 50_000));
}

#[tokio::test]
async fn a_large_refund_waits_for_another_person() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    house.topped_up(person, "20000").await;
    house.asked(person, "4000").await;
    // Small ones add up within a day.
    let id = house.asked(person, "1500").await;
    let view = house.balance.balance(person).await.unwrap();
    assert_eq!((view.available.get(), view.held.get(), view.total.get()), (1_450_000, 150_000, 1_600_000));
    assert_eq!(house.alerts().await, ["refund_request"]);
    assert_eq!(house.balance.list_awaiting().await.unwrap().len(), 1);

    let decide = |by, decision, reason: &'static str| house.balance.decide_refund(id, by, decision, reason);
    assert!(matches!(decide(person, Decision::Approve, "mine").await, Err(BalanceError::FourEyes)));
    assert!(matches!(decide(finance, Decision::Approve, "  ").await, Err(BalanceError::NoReason)));
    let decided = join_all((0..5).map(|_| decide(finance, Decision::Approve, "checked"))).await;
    assert!(decided.iter().all(Result::is_ok), "the same again changes nothing");
    assert!(matches!(decide(finance, Decision::Reject, "late").await, Err(BalanceError::Decided)));
    house.refunds_are_done().await;
    assert_eq!(house.state_of(person, id).await, RefundRequestState::Completed);
    assert_eq!((house.has(person).await, house.events("balance.refund_approved").await), (1_450_000, 1));
    assert_eq!(house.alerts().await, [""; 0]);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_rejected_refund_leaves_the_money_and_a_reason() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    house.topped_up(person, "10000").await;
    let id = house.asked(person, "6000").await;
    house.balance.decide_refund(id, finance, Decision::Reject, "Позвоните нам").await.unwrap();
    let view = house.balance.refund_request(person, id).await.unwrap();
    assert_eq!((view.state, view.reason.as_deref()), (RefundRequestState::Rejected, Some("Позвоните нам")));
    assert_eq!(house.balance.balance(person).await.unwrap().available, Tyiyn::new(1_000_000));
    assert_eq!(house.standins.refunds().await.len(), 0);
    house.books_are_right().await;
}

/// The stand-in's faults, late and repeated notices, other sums than asked for: at the end the books are right, the clearing accounts are
/// empty, and paid = sent back + there.
#[tokio::test]
async fn whatever_the_provider_does_the_books_are_right_in_the_end() {
    for seed in 1..=6_u64 {
        let house = House::start().await;
        let person = house.person().await;
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut pick = move |most: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % most
        };
        let mut orders = Vec::new();
        for _ in 0..30 {
            let faults = ["html_500", "empty_body", "broken", "empty_object", "error_in_200", "too_many_requests"];
            let fault = faults[usize::try_from(pick(6)).unwrap()];
            let place = ["create_link", "payment", "refund", "refund_status"][usize::try_from(pick(4)).unwrap()];
            let acts = pick(2) == 0;
            match pick(7) {
                0 | 1 => {
                    if let Ok(api::balance::TopUpOutcome::Ordered { order, .. }) =
                        house.balance.top_up(person, &house.form("100"), api::i18n::Locale::Ru).await
                    {
                        orders.push(order);
                    }
                }
                2 if !orders.is_empty() => {
                    let order = orders[usize::try_from(pick(orders.len() as u64)).unwrap()];
                    let amount = Tyiyn::new(10_000 + i64::try_from(pick(3)).unwrap() * 777);
                    house.standins.pay(&house.external_id(order).await, Some(amount)).await;
                }
                3 if !orders.is_empty() => {
                    let order = orders[usize::try_from(pick(orders.len() as u64)).unwrap()];
                    let external_id = house.external_id(order).await;
                    let notice = super::standin::payment_notice(&external_id, "g", "COMPLETED", Tyiyn::new(1));
                    for _ in 0..2 {
                        house.notice(&notice).await;
                    }
                    let _ = house.balance.top_up_view(person, order, true).await;
                }
                4 => {
                    let _ = house.balance.ask_refund(person, &house.form("30")).await;
                }
                5 => {
                    house
                        .standins
                        .faults(json!({ place: fault, "act_before_faulty_answer": acts, "faulty_answers_left": 1 }))
                        .await;
                }
                _ => house.later(TimeDelta::minutes(i64::try_from(pick(12)).unwrap())).await,
            }
        }
        house.standins.heal().await;
        for minutes in [1, 5, 20, 60] {
            house.later(TimeDelta::minutes(minutes)).await;
            house.standins.complete_refunds().await;
        }
        house.later(TimeDelta::hours(2)).await;
        house.later(TimeDelta::hours(2)).await;
        assert_eq!(house.account(AccountCode::RefundsClearing).await, 0, "seed {seed}");
        assert_eq!(house.account(AccountCode::NambaClearing).await, 0, "seed {seed}");
        house.books_are_right().await;
    }
}
