//! Finance at work: against the database and the provider's stand-in.

use api::balance::BalanceApi;
use chrono::TimeDelta;
use domain::balance::{Period, RefundRequestState};
use serde_json::json;

use super::super::tests::House;
use super::*;
use crate::balance::check;
use crate::balance::standin::payment_notice;

impl House {
    fn correction(&self, debit: &str, credit: &str, amount: &str) -> CorrectionForm {
        CorrectionForm {
            debit: debit.to_owned(),
            credit: credit.to_owned(),
            amount: amount.to_owned(),
            reason: "Жалоба 17".to_owned(),
            idempotency_key: self.test.db.ids().token(18),
        }
    }

    fn refund_form(&self, amount: &str) -> RefundForm {
        RefundForm {
            amount: amount.to_owned(),
            reason: "Станция не заряжала".to_owned(),
            idempotency_key: self.test.db.ids().token(18),
        }
    }

    async fn looks(&self, subject: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_event where action = 'finance.looked_at' and subject_id = $1")
            .bind(subject)
            .fetch_one(self.test.db.pool())
            .await
            .unwrap()
    }
}

fn faults(outcome: Done<impl std::fmt::Debug>) -> FormFaults {
    match outcome {
        Done::Invalid(faults) => faults,
        Done::Yes(done) => panic!("{done:?}"),
    }
}

#[tokio::test]
async fn an_order_is_found_by_each_of_its_ids_and_each_look_is_remembered() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    let order = house.topped_up(person, "500").await;
    let (id, guid) = (house.external_id(order).await, house.found(order).await.provider_guid.unwrap());
    house.notice(&payment_notice(&id, &guid, "SUCCESS", Tyiyn::new(50_000))).await;
    house.jobs().await;

    for known_as in [order.to_string(), id, guid] {
        let query = OrderQuery { id: Some(format!(" {known_as} ")), ..OrderQuery::default() };
        assert_eq!(house.balance.orders(query).await.unwrap().rows[0].id, order, "{known_as}");
    }
    let query = OrderQuery { id: Some("' or true --".to_owned()), ..OrderQuery::default() };
    assert_eq!(house.balance.orders(query).await.unwrap().rows, []);
    let detail = FinanceApi::order(&house.balance, finance, order).await.unwrap();
    assert_eq!((detail.available, detail.refundable, detail.entries.len()), (Tyiyn::new(50_000), Tyiyn::new(50_000), 2));
    assert_eq!((detail.notices.len(), detail.notices[0].outcome.as_deref()), (1, Some("asked about the payment")));
    assert_eq!(house.looks(&order.to_string()).await, 1);

    let period =
        Period::of_days(detail.now.date_naive() - TimeDelta::days(1), detail.now.date_naive() + TimeDelta::days(1)).unwrap();
    let account = AccountCode::Driver(person).to_string();
    let journal = |account: &str| JournalQuery { account: account.to_owned(), period, after: None };
    let view = house.balance.journal(finance, journal(&account)).await.unwrap();
    assert_eq!((view.opening, view.closing, view.lines.len()), (Tyiyn::ZERO, Tyiyn::new(50_000), 1));
    assert_eq!(house.looks(&account).await, 1);
    assert_eq!(house.balance.journal(finance, journal("namba:clearing")).await.unwrap().lines.len(), 2);
    assert_eq!(house.looks("namba:clearing").await, 0, "nobody's personal data");
    assert_eq!(house.balance.journal(finance, journal("driver:nobody")).await, Err(ApiError::NotFound));
    let entry = house.balance.entry(finance, view.lines[0].entry).await.unwrap();
    assert_eq!((entry.kind.as_str(), entry.postings.len()), ("payment", 2));
}

#[tokio::test]
async fn finance_sends_an_order_back_and_a_large_one_needs_a_second_person() {
    let house = House::start().await;
    let (person, first, second) = (house.person().await, house.person().await, house.person().await);
    let order = house.topped_up(person, "9000").await;
    for (amount, reason) in [("0", "x"), ("9000,01", "x"), ("100", " "), ("100", &"x".repeat(501)[..]), ("NaN", "x")] {
        let form = RefundForm { reason: reason.to_owned(), ..house.refund_form(amount) };
        let faults = faults(house.balance.refund_order(first, order, &form).await.unwrap());
        assert!(faults.amount.is_some() != faults.reason, "{amount} {reason:.5}: {faults:?}");
    }
    let small = house.refund_form("1000");
    let Done::Yes(id) = house.balance.refund_order(first, order, &small).await.unwrap() else { panic!() };
    assert_eq!(house.balance.refund_order(first, order, &small).await, Ok(Done::Yes(id)), "the same form is one refund");
    let other_sum = RefundForm { amount: "2000".to_owned(), ..small };
    assert_eq!(house.balance.refund_order(first, order, &other_sum).await, Err(ApiError::Conflict));

    let Done::Yes(large) = house.balance.refund_order(first, order, &house.refund_form("4000,01")).await.unwrap() else {
        panic!()
    };
    assert_eq!(BalanceApi::balance(&house.balance, person).await.unwrap().held, Tyiyn::new(400_001));
    let decide = |by| house.balance.decide(by, large, Decision::Approve, "проверено");
    assert_eq!(decide(first).await, Ok(DecisionOutcome::FourEyes), "who asks does not approve");
    assert_eq!(decide(person).await, Ok(DecisionOutcome::FourEyes), "nor does who gets it");
    assert_eq!(decide(second).await, Ok(DecisionOutcome::Done));
    house.later(TimeDelta::seconds(5)).await;
    house.standins.complete_refunds().await;
    house.later(TimeDelta::seconds(30)).await;
    let request = FinanceApi::refund_request(&house.balance, second, large).await.unwrap();
    assert_eq!((request.state, request.order), (RefundRequestState::Completed, Some(order)));
    assert_eq!(house.has(person).await, 900_000 - 100_000 - 400_001);
    house.books_are_right().await;
}

#[tokio::test]
async fn a_guests_money_goes_back_by_hand_only_after_a_correction() {
    let house = House::start().await;
    let finance = house.person().await;
    let order = house.paid().await;
    let refund = || async { house.balance.refund_order(finance, order, &house.refund_form("100")).await.unwrap() };
    assert_eq!(faults(refund().await).amount, Some(AmountError::TooLarge), "it is being charged for");

    let account = AccountCode::GuestOrder(order).to_string();
    let given = house.balance.correct(finance, &house.correction("revenue:energy", &account, "100")).await.unwrap();
    assert!(matches!(given, Done::Yes(_)));
    house.books_are_right().await;
    assert!(matches!(refund().await, Done::Yes(_)));
    assert_eq!(faults(refund().await).amount, Some(AmountError::TooLarge), "once");
    house.later(TimeDelta::seconds(5)).await;
    house.standins.complete_refunds().await;
    house.later(TimeDelta::seconds(30)).await;
    assert_eq!(
        (house.account(AccountCode::GuestOrder(order)).await, house.account(AccountCode::RefundsClearing).await),
        (50_000, 0)
    );
    house.books_are_right().await;
}

#[tokio::test]
async fn a_correction_is_one_balanced_entry_with_a_reason() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    house.topped_up(person, "500").await;
    house.topped_up(finance, "500").await;
    let driver = AccountCode::Driver(person).to_string();
    let own = AccountCode::Driver(finance).to_string();
    let wrong = |debit: &str, credit: &str, amount: &str| {
        let form = house.correction(debit, credit, amount);
        let house = &house;
        async move { faults(house.balance.correct(finance, &form).await.unwrap()) }
    };
    assert_eq!(wrong("revenue:energie", "", "1").await.debit, Some(AccountFault::Unknown));
    assert_eq!(wrong("write_off", "write_off", "1").await.credit, Some(AccountFault::Same));
    assert_eq!(wrong("write_off", &own, "1").await.credit, Some(AccountFault::Own));
    assert_eq!(wrong(&driver, "write_off", "500,01").await.debit, Some(AccountFault::Short));
    for amount in ["-1", "0", "1e3", "NaN", "٥", "0,001", "99999999999999"] {
        assert!(wrong("write_off", &driver, amount).await.amount.is_some(), "{amount}");
    }
    let form = house.correction("write_off", &driver, "100,50");
    let Done::Yes(id) = house.balance.correct(finance, &form).await.unwrap() else { panic!() };
    assert_eq!(house.balance.correct(finance, &form).await, Ok(Done::Yes(id)), "sent twice it is one");
    let other = CorrectionForm { amount: "100,51".to_owned(), ..form };
    assert_eq!(house.balance.correct(finance, &other).await, Err(ApiError::Conflict));
    assert_eq!((house.has(person).await, house.account(AccountCode::WriteOff).await), (60_050, -10_050));
    house.books_are_right().await;
}

#[tokio::test]
async fn corrections_of_the_houses_accounts_are_part_of_what_is_expected() {
    let house = House::start().await;
    let finance = house.person().await;
    house.paid().await;
    for (debit, credit) in [("namba:clearing", "write_off"), ("write_off", "namba:cash"), ("rounding", "refunds:clearing")] {
        let made = house.balance.correct(finance, &house.correction(debit, credit, "3,33")).await.unwrap();
        assert!(matches!(made, Done::Yes(_)), "{debit}");
    }
    assert_eq!(house.account(AccountCode::RefundsClearing).await, 333);
    let checks: &'static [crate::invariants::Check] = &[ledger::check, check];
    assert_eq!(crate::invariants::check(&house.test.db, checks).await.unwrap(), []);
}

#[tokio::test]
async fn what_waits_for_the_provider_is_seen_and_can_be_done_now() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    let order = house.topped_up(person, "500").await;
    house.standins.faults(json!({ "refund": "html_500" })).await;
    house.balance.refund_order(finance, order, &house.refund_form("100")).await.unwrap();
    house.test.run("update job set parked_at = now(), last_error = 'why not' where kind = 'balance.refund'").await;
    let outbox = house.balance.outbox().await.unwrap();
    assert_eq!((outbox.refunds.len(), outbox.jobs[0].kind.as_str()), (1, REFUND_JOB));
    assert_eq!(house.balance.overview().await.unwrap().jobs_parked, 1);

    house.standins.heal().await;
    house.balance.run_now(finance, outbox.jobs[0].id).await.unwrap();
    house.jobs().await;
    assert_eq!(house.standins.refunds().await.len(), 1);
    house
        .test
        .run("insert into job (kind, key, payload, run_at, created_at) values ('guest.x', 'k', '{}', now(), now())")
        .await;
    let foreign = house.test.number("select id from job where kind = 'guest.x'").await;
    assert_eq!(house.balance.run_now(finance, foreign).await, Err(ApiError::NotFound), "not finance's");
}

#[tokio::test]
async fn a_notice_is_read_as_it_came_and_acted_on_again() {
    let house = House::start().await;
    let (person, finance) = (house.person().await, house.person().await);
    let order = house.ordered(person, "500").await;
    let id = house.external_id(order).await;
    house.notice(&payment_notice(&id, "guid-1", "SUCCESS", Tyiyn::new(50_000))).await;
    house.jobs().await;
    assert_eq!(house.has(person).await, 0, "nobody has paid, whatever the notice says");
    let notice = house.balance.notices(None).await.unwrap().rows[0].id;
    assert!(house.balance.notice(finance, notice).await.unwrap().body.contains(&id));

    house.pays(order).await;
    house.balance.act_again(finance, notice).await.unwrap();
    house.jobs().await;
    assert_eq!(house.has(person).await, 50_000);
    assert_eq!(house.balance.act_again(finance, 999).await, Err(ApiError::NotFound));
    let trail = house.balance.audit_trail(person, Some(finance.to_string()), None).await.unwrap();
    assert_eq!(
        trail.rows.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(),
        ["finance.notice_acted_on_again", "finance.looked_at"]
    );
}
