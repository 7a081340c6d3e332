//! Top-ups of drivers against the provider's stand-in.

use api::ApiError;
use api::balance::{BalanceApi as _, MoneyForm, MoneyFormErrors, TopUpOutcome};
use api::guest::WebhookOutcome;
use api::i18n::Locale;
use chrono::TimeDelta;
use domain::balance::TopUpState;
use domain::guest::AmountError;
use domain::{OrderId, Tyiyn};
use futures::StreamExt as _;
use serde_json::json;
use uuid::Uuid;

use super::standin::payment_notice;
use super::tests::House;
use super::*;
use crate::db;

impl House {
    /// Somebody who has signed in.
    pub(super) async fn person(&self) -> Uuid {
        let id = self.test.db.ids().uuid();
        sqlx::query("insert into person (id, phone, locale, created_at) values ($1, '+' || $1::text, 'ru', now())")
            .bind(id)
            .execute(self.test.db.pool())
            .await
            .unwrap();
        id
    }

    pub(super) fn form(&self, amount: &str) -> MoneyForm {
        MoneyForm { amount: amount.to_owned(), idempotency_key: self.test.db.ids().token(18) }
    }

    pub(super) async fn top_up(&self, person: Uuid, form: &MoneyForm) -> TopUpOutcome {
        self.balance.top_up(person, form, Locale::Ru).await.unwrap()
    }

    /// An order that can be paid.
    pub(super) async fn ordered(&self, person: Uuid, amount: &str) -> OrderId {
        match self.top_up(person, &self.form(amount)).await {
            TopUpOutcome::Ordered { order, payment_url: Some(_) } => order,
            other => panic!("{other:?}"),
        }
    }

    /// The payer pays, and nobody has looked yet.
    pub(super) async fn pays(&self, order: OrderId) {
        assert!(self.standins.pay(&self.external_id(order).await, None).await);
    }

    /// A top-up that is paid and credited.
    pub(super) async fn topped_up(&self, person: Uuid, amount: &str) -> OrderId {
        let order = self.ordered(person, amount).await;
        self.pays(order).await;
        assert_eq!(self.balance.top_up_view(person, order, true).await.unwrap().state, TopUpState::Paid);
        order
    }

    pub(super) async fn has(&self, person: Uuid) -> i64 {
        self.account(AccountCode::Driver(person)).await
    }
}

#[tokio::test]
async fn a_top_up_is_credited_once_whoever_tells_of_it() {
    let house = House::start().await;
    let person = house.person().await;
    let order = house.ordered(person, "500").await;
    house.pays(order).await;
    let notice = payment_notice(&house.external_id(order).await, "whatever", "COMPLETED", Tyiyn::new(1));
    // The page, the job and two notices at once, and all of them again later.
    for _ in 0..2 {
        let (one, two, view, ()) = tokio::join!(
            house.notice(&notice),
            house.notice(&notice),
            house.balance.top_up_view(person, order, true),
            house.later(TimeDelta::seconds(6)),
        );
        assert_eq!((one, two), (WebhookOutcome::Stored, WebhookOutcome::Stored));
        assert_eq!(view.unwrap().paid, Some(Tyiyn::new(50_000)));
    }
    assert_eq!(house.has(person).await, 50_000);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_form_sent_twice_is_one_order_and_nobody_elses() {
    let house = House::start().await;
    let (person, other) = (house.person().await, house.person().await);
    let form = house.form("1 000");
    let (one, two) = tokio::join!(house.top_up(person, &form), house.top_up(person, &form));
    let again = house.top_up(person, &form).await;
    assert_eq!((&one, &two), (&again, &again));
    assert_eq!(house.balance.top_up(other, &form, Locale::Ru).await, Err(ApiError::NotFound));
    let changed = MoneyForm { amount: "1 001".to_owned(), ..form };
    assert_eq!(house.balance.top_up(person, &changed, Locale::Ru).await, Err(ApiError::Conflict));
    assert_eq!(house.standins.links().await.len(), 1);
}

#[tokio::test]
async fn one_form_of_two_people_at_once_is_one_order() {
    let house = House::start().await;
    let (person, other) = (house.person().await, house.person().await);
    let form = house.form("500");
    let both = tokio::join!(house.balance.top_up(person, &form, Locale::Ru), house.balance.top_up(other, &form, Locale::Ru));
    assert!(matches!(both, (Ok(_), Err(ApiError::NotFound)) | (Err(ApiError::NotFound), Ok(_))), "{both:?}");
}

#[tokio::test]
async fn what_cannot_be_paid_says_why() {
    let house = House::start().await;
    let person = house.person().await;
    for (amount, why) in [
        ("", AmountError::Empty),
        ("сто", AmountError::NotANumber),
        ("49,99", AmountError::TooSmall),
        ("20000,01", AmountError::TooLarge),
        ("-500", AmountError::Negative),
    ] {
        let errors = MoneyFormErrors { amount: Some(why), form: false };
        assert_eq!(house.top_up(person, &house.form(amount)).await, TopUpOutcome::Invalid(errors), "{amount:?}");
    }
    let form = MoneyForm { amount: "500".to_owned(), idempotency_key: "short".to_owned() };
    assert_eq!(house.top_up(person, &form).await, TopUpOutcome::Invalid(MoneyFormErrors { amount: None, form: true }));
}

#[tokio::test]
async fn a_person_has_five_unpaid_orders_at_most() {
    let house = House::start().await;
    let (person, other) = (house.person().await, house.person().await);
    let forms: Vec<MoneyForm> = (0..8).map(|_| house.form("500")).collect();
    let outcomes = futures::future::join_all(forms.iter().map(|form| house.top_up(person, form))).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == TopUpOutcome::TooManyUnpaid).count(), 3);
    assert_eq!(house.balance.balance(person).await.unwrap().unpaid.len(), 5);
    house.ordered(other, "500").await;
    house.later(TimeDelta::minutes(15)).await;
    house.ordered(person, "500").await;
}

#[tokio::test]
async fn a_payment_after_the_expiry_and_of_another_sum_is_credited() {
    let house = House::start().await;
    let person = house.person().await;
    let order = house.ordered(person, "500").await;
    house.later(TimeDelta::minutes(15)).await;
    assert_eq!(house.balance.top_up_view(person, order, false).await.unwrap().state, TopUpState::Expired);
    let external_id = house.external_id(order).await;
    assert!(house.standins.pay(&external_id, Some(Tyiyn::new(49_950))).await);
    // The notice of its failure comes last.
    for status in ["COMPLETED", "EXPIRED"] {
        house.notice(&payment_notice(&external_id, "g", status, Tyiyn::new(1))).await;
        house.jobs().await;
    }
    assert_eq!(house.has(person).await, 49_950);
    house.books_are_right().await;
}

#[tokio::test]
async fn nobody_sees_anothers_top_up() {
    let house = House::start().await;
    let (person, other) = (house.person().await, house.person().await);
    let order = house.ordered(person, "500").await;
    let guests = house.order().await;
    for (who, order) in [(other, order), (person, guests), (person, OrderId::from_uuid(Uuid::nil()))] {
        assert_eq!(house.balance.top_up_view(who, order, true).await, Err(ApiError::NotFound));
    }
}

#[tokio::test]
async fn pages_of_the_person_hear_of_the_payment() {
    let house = House::start().await;
    let person = house.person().await;
    let mut changes = house.balance.changes(person).await.unwrap();
    let order = house.ordered(person, "500").await;
    house.pays(order).await;
    house.balance.refresh(order).await.unwrap();
    house.jobs().await;
    assert_eq!(changes.next().await, Some(()));
}

#[tokio::test]
async fn a_hundred_holds_at_once_never_overspend() {
    let house = House::start().await;
    let person = house.person().await;
    house.topped_up(person, "500").await;
    let hold = |number: usize| {
        let hold = ledger::NewHold {
            business_key: format!("test:{number}"),
            account: AccountCode::Driver(person),
            amount: Tyiyn::new(1_500),
        };
        db::tx(&house.test.db, move |mut tx| {
            let hold = hold.clone();
            async move { ledger::hold(&mut tx, &hold).await }
        })
    };
    let held = futures::future::join_all((0..100).map(hold)).await;
    assert_eq!(held.iter().filter(|result| result.is_ok()).count(), 33);
    let view = house.balance.balance(person).await.unwrap();
    assert_eq!((view.available.get(), view.held.get(), view.total.get()), (500, 49_500, 50_000));
    assert_eq!(view.refundable.get(), 500);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_link_that_could_not_be_made_shows_on_the_orders_page() {
    let house = House::start().await;
    let person = house.person().await;
    house.standins.faults(json!({ "create_link": "error_in_200" })).await;
    let TopUpOutcome::Ordered { order, payment_url: None } = house.top_up(person, &house.form("500")).await else {
        panic!("no order")
    };
    assert_eq!(house.balance.top_up_view(person, order, false).await.unwrap().state, TopUpState::Failed);
}
