//! The guest's stories, from the form to the money back.

use std::time::Duration;

use api::guest::{CheckoutErrors, CheckoutForm, CheckoutOutcome, CodeLookup, GuestApi as _, RefundState, WebhookOutcome};
use api::i18n::Locale;
use chrono::TimeDelta;
use domain::charging::session::StopReason;
use domain::guest::{AmountError, GuestPhase, StartFailure};
use domain::phone::PhoneError;
use domain::stations::ConnectorStatus;
use domain::{ConnectorCode, GuestToken, Tyiyn, Wh};
use futures::StreamExt as _;
use serde_json::json;

use super::house::House;
use crate::invariants;

#[tokio::test]
async fn scan_pay_charge_receipt_and_the_rest_comes_back() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.amount, view.paid), (GuestPhase::AwaitingPayment, Tyiyn::new(50_000), None));
    assert!(view.payment_url.is_some());
    assert_eq!(view.phone_masked, "+996 700 *** *56");

    house.pay(&token, None).await;
    assert_eq!(house.notice(&token, "COMPLETED").await, WebhookOutcome::Stored);
    house.jobs().await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.paid, view.start_accepted), (GuestPhase::PlugIn, Some(Tyiyn::new(50_000)), false));
    assert_eq!(view.start_deadline, Some(view.now + TimeDelta::seconds(180)));
    let tag = house.take_start().await.unwrap();
    assert!(house.look(&token, false).await.start_accepted);

    let transaction = house.plug_in(1, &tag).await;
    let view = house.look(&token, false).await;
    let live = view.live.unwrap();
    assert_eq!((view.phase, live.limit, live.stop_at), (GuestPhase::Charging, Tyiyn::new(50_000), Tyiyn::new(47_500)));

    house.test.clock.advance(TimeDelta::minutes(30));
    house.unplug(transaction, &tag, Wh::new(10_000)).await;
    house.jobs().await;
    let view = house.look(&token, false).await;
    let (summary, refund) = (view.summary.unwrap(), view.refund.unwrap());
    assert_eq!(view.phase, GuestPhase::Refunding);
    assert_eq!((summary.receipt.total, summary.receipt.refund), (Tyiyn::new(15_000), Tyiyn::new(35_000)));
    assert_eq!((refund.amount, refund.state), (Tyiyn::new(35_000), RefundState::Pending));
    house.is_in_order().await;

    house.standins.complete_refunds().await;
    house.later(TimeDelta::seconds(10)).await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.refund.unwrap().state), (GuestPhase::Completed, RefundState::Completed));
    let texts = house.standins.inbox().await;
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].1, format!("Чек 150 сом: https://ev.example/g/{token}"));
    for clearing in ["namba:clearing", "refunds:clearing"] {
        assert_eq!(house.account(clearing).await, 0, "{clearing}");
    }
    let pdf = house.guest.receipt_pdf(&token).await.unwrap();
    assert_eq!(pdf, house.guest.receipt_pdf(&token).await.unwrap());
    assert_eq!(pdf.file_name, "receipt-RP-2026-000001.pdf");
    house.is_in_order().await;
}

#[tokio::test]
async fn a_webhook_that_is_late_twice_or_never_changes_nothing() {
    let house = House::start().await;
    // Never: the payer comes back, and that is enough.
    let token = house.order("ABCD", "500").await;
    house.pay(&token, None).await;
    assert_eq!(house.look(&token, true).await.phase, GuestPhase::PlugIn);
    // Late and twice.
    for _ in 0..2 {
        house.notice(&token, "COMPLETED").await;
        house.notice(&token, "PROCESSING").await;
        house.jobs().await;
    }
    assert_eq!(house.look(&token, true).await.phase, GuestPhase::PlugIn);
    let sessions: i64 =
        sqlx::query_scalar("select count(*) from charging_session").fetch_one(house.test.db.pool()).await.unwrap();
    assert_eq!(sessions, 1);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_payer_who_never_comes_back_is_served_by_the_poll() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.pay(&token, None).await;
    house.later(TimeDelta::seconds(5)).await;
    assert_eq!(house.look(&token, false).await.phase, GuestPhase::PlugIn);
}

#[tokio::test]
async fn a_forged_webhook_starts_nothing() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    let body = crate::balance::standin::payment_notice(&house.external_id(&token).await, "g", "COMPLETED", Tyiyn::new(50_000));
    for secret in [None, Some("forged")] {
        assert_eq!(house.guest.payment_webhook(secret, "x", &body).await, Ok(WebhookOutcome::Refused));
    }
    // Also with the secret it is only a reason to ask.
    assert_eq!(house.notice(&token, "COMPLETED").await, WebhookOutcome::Stored);
    house.jobs().await;
    assert_eq!(house.look(&token, false).await.phase, GuestPhase::AwaitingPayment);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_form_sent_twice_is_one_order() {
    let house = House::start().await;
    let form = House::form("500", "0123456789abcdef");
    let sent = futures::future::join_all((0..6).map(|_| house.check_out("ABCD", &form))).await;
    let tokens: Vec<&GuestToken> = sent
        .iter()
        .map(|outcome| if let CheckoutOutcome::Ordered { token, .. } = outcome { token } else { panic!("{outcome:?}") })
        .collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(house.standins.links().await.len(), 1);
    // The same key with something else in the form comes out of a browser's memory: a new form.
    let changed = CheckoutForm { amount: "600".to_owned(), ..form.clone() };
    let again = CheckoutOutcome::Invalid(CheckoutErrors { form: true, ..CheckoutErrors::default() });
    assert_eq!(house.check_out("ABCD", &changed).await, again);
    assert_eq!(house.check_out("EFGH", &form).await, again);
    // After the payment the form leads to the same page.
    let token = tokens[0].clone();
    house.pay(&token, None).await;
    house.look(&token, true).await;
    assert_eq!(house.check_out("ABCD", &form).await, CheckoutOutcome::Ordered { token, payment_url: None });
}

#[tokio::test]
async fn a_bad_form_comes_back_with_all_its_faults() {
    let house = House::start().await;
    let form = |amount: &str, phone: &str, key: &str| CheckoutForm {
        amount: amount.to_owned(),
        phone: phone.to_owned(),
        idempotency_key: key.to_owned(),
    };
    let key = "0123456789abcdef";
    for (form, errors) in [
        (form("", "", ""), CheckoutErrors { amount: Some(AmountError::Empty), phone: Some(PhoneError::Empty), form: true }),
        (form("-5", "0700123456", key), CheckoutErrors { amount: Some(AmountError::Negative), ..CheckoutErrors::default() }),
        (
            form("500,001", "0700123456", key),
            CheckoutErrors { amount: Some(AmountError::FractionOfTyiyn), ..CheckoutErrors::default() },
        ),
        (
            form("500", "+7 916 123 45 67", key),
            CheckoutErrors { phone: Some(PhoneError::ForeignCountry), ..CheckoutErrors::default() },
        ),
        (form("500", "0700123456", "short"), CheckoutErrors { form: true, ..CheckoutErrors::default() }),
        (form("500", "0700123456", &"x".repeat(65)), CheckoutErrors { form: true, ..CheckoutErrors::default() }),
    ] {
        assert_eq!(house.check_out("ABCD", &form).await, CheckoutOutcome::Invalid(errors));
    }
    assert_eq!(house.standins.links().await, [""; 0]);
}

#[tokio::test]
async fn what_cannot_charge_is_not_sold() {
    let house = House::start().await;
    let form = House::form("500", "0123456789abcdef");
    for status in [ConnectorStatus::Charging, ConnectorStatus::Faulted, ConnectorStatus::Unavailable, ConnectorStatus::Reserved]
    {
        house.status(status).await;
        assert_eq!(house.check_out("ABCD", &form).await, CheckoutOutcome::NotAvailable, "{status:?}");
    }
    house.status(ConnectorStatus::Available).await;
    assert_eq!(house.check_out("ZZZZ", &form).await, CheckoutOutcome::NotAvailable);
    house.paid("ABCD", "500").await;
    assert_eq!(house.check_out("ABCD", &form).await, CheckoutOutcome::NotAvailable);
    house.link_lost().await;
    assert_eq!(house.check_out("EFGH", &form).await, CheckoutOutcome::NotAvailable);
}

#[tokio::test]
async fn nobody_opens_orders_without_end() {
    let house = House::start().await;
    for _ in 0..5 {
        house.order("ABCD", "500").await;
    }
    let code = ConnectorCode::parse("ABCD").unwrap();
    let sixth = House::form("500", "fedcba9876543210");
    assert_eq!(house.guest.check_out(&code, &sixth, Locale::Ru).await, Err(api::ApiError::TooMany));
    house.later(TimeDelta::minutes(16)).await;
    assert!(matches!(house.check_out("ABCD", &sixth).await, CheckoutOutcome::Ordered { .. }));
}

/// Pays while something has come in between, and gets everything back with the reason.
async fn pays_in_vain(house: &House, token: &GuestToken, failure: StartFailure) {
    house.pay(token, None).await;
    let view = house.look(token, true).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(failure)));
    assert_eq!(view.refund.unwrap().amount, view.paid.unwrap());
    house.jobs().await;
    house.standins.complete_refunds().await;
    house.later(TimeDelta::seconds(10)).await;
    let view = house.look(token, false).await;
    assert_eq!((view.phase, view.refund.unwrap().state), (GuestPhase::FailedRefunded, RefundState::Completed));
    assert_eq!(house.standins.inbox().await[0].1, format!("Возврат 500 сом: https://ev.example/g/{token}"));
    house.is_in_order().await;
}

#[tokio::test]
async fn the_second_payer_of_a_connector_gets_the_money_back() {
    let house = House::start().await;
    let second = house.order("ABCD", "500").await;
    house.paid("ABCD", "500").await;
    pays_in_vain(&house, &second, StartFailure::ConnectorBusy).await;
}

#[tokio::test]
async fn a_charge_point_that_went_away_before_the_payment_costs_nothing() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.link_lost().await;
    house.later(TimeDelta::minutes(2)).await;
    pays_in_vain(&house, &token, StartFailure::Offline).await;
}

#[tokio::test]
async fn a_charge_point_that_lost_its_link_a_moment_ago_is_waited_for() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.link_lost().await;
    house.pay(&token, None).await;
    assert_eq!(house.look(&token, true).await.phase, GuestPhase::PlugIn);
    // It does not come back: the start is asked for twice, and then all of it goes back.
    house.later(TimeDelta::seconds(31)).await;
    assert_eq!(house.look(&token, true).await.phase, GuestPhase::PlugIn);
    house.later(TimeDelta::seconds(31)).await;
    let view = house.look(&token, true).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(StartFailure::Offline)));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_connector_that_broke_before_the_payment_costs_nothing() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.status(ConnectorStatus::Faulted).await;
    pays_in_vain(&house, &token, StartFailure::OutOfOrder).await;
}

#[tokio::test]
async fn a_late_payment_starts_when_the_connector_is_free() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.later(TimeDelta::minutes(20)).await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.payment_url), (GuestPhase::Expired, None));
    house.pay(&token, None).await;
    house.later(TimeDelta::minutes(3)).await;
    assert_eq!(house.look(&token, false).await.phase, GuestPhase::PlugIn);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_late_payment_of_a_connector_in_use_goes_back() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.later(TimeDelta::minutes(20)).await;
    house.paid("ABCD", "1000").await;
    pays_in_vain(&house, &token, StartFailure::PaidTooLate).await;
}

#[tokio::test]
async fn what_was_really_paid_counts() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.pay(&token, Some(Tyiyn::new(49_999))).await;
    let view = house.look(&token, true).await;
    assert_eq!((view.phase, view.paid), (GuestPhase::PlugIn, Some(Tyiyn::new(49_999))));
    let more = house.order("EFGH", "500").await;
    house.pay(&more, Some(Tyiyn::new(60_000))).await;
    assert_eq!(house.look(&more, true).await.paid, Some(Tyiyn::new(60_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn less_than_the_minimum_goes_back() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.pay(&token, Some(Tyiyn::new(4_999))).await;
    let view = house.look(&token, true).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(StartFailure::PaidTooLittle)));
    assert_eq!(view.refund.unwrap().amount, Tyiyn::new(4_999));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_charger_that_refuses_twice_costs_nothing() {
    let house = House::start().await;
    let token = house.paid("ABCD", "500").await;
    house.refuse_commands().await;
    house.refuse_commands().await;
    house.jobs().await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(StartFailure::Rejected)));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_cable_that_never_comes_costs_nothing() {
    let house = House::start().await;
    let token = house.paid("ABCD", "500").await;
    house.take_start().await.unwrap();
    house.later(TimeDelta::seconds(181)).await;
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(StartFailure::NoCable)));
    house.is_in_order().await;
}

#[tokio::test]
async fn the_payer_stops_as_often_as_wanted_and_nobody_else_can() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    house.guest.stop(&token).await.unwrap();
    house.pay(&token, None).await;
    house.look(&token, true).await;
    let tag = house.take_start().await.unwrap();
    let transaction = house.plug_in(1, &tag).await;
    for _ in 0..3 {
        house.guest.stop(&token).await.unwrap();
    }
    assert_eq!(house.look(&token, false).await.phase, GuestPhase::Stopping);
    house.unplug(transaction, &tag, Wh::new(1_000)).await;
    // Nobody has run a job: whoever looks sees the end all the same.
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.summary.unwrap().stop_reason), (GuestPhase::Refunding, StopReason::Payer));
    house.guest.stop(&token).await.unwrap();
    let stops: i64 = sqlx::query_scalar("select count(*) from audit_event where action = 'guest.stop_requested'")
        .fetch_one(house.test.db.pool())
        .await
        .unwrap();
    assert_eq!(stops, 1);
    let stranger = GuestToken::parse("AAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert_eq!(house.guest.stop(&stranger).await, Err(api::ApiError::NotFound));
    assert_eq!(house.guest.view(&stranger, true).await.unwrap_err(), api::ApiError::NotFound);
    assert_eq!(house.guest.receipt_pdf(&stranger).await, Err(api::ApiError::NotFound));
}

#[tokio::test]
async fn a_stop_before_the_cable_gives_everything_back() {
    let house = House::start().await;
    let token = house.paid("ABCD", "500").await;
    house.guest.stop(&token).await.unwrap();
    let view = house.look(&token, false).await;
    assert_eq!((view.phase, view.failure), (GuestPhase::FailedRefunding, Some(StartFailure::Cancelled)));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_charge_that_uses_everything_is_complete_at_once() {
    let house = House::start().await;
    let token = house.paid("ABCD", "150").await;
    let tag = house.take_start().await.unwrap();
    let transaction = house.plug_in(1, &tag).await;
    house.test.clock.advance(TimeDelta::minutes(60));
    // 11 kWh cost 165 som, agreed are 150: the rest is a gift, and seen.
    house.unplug(transaction, &tag, Wh::new(11_000)).await;
    house.jobs().await;
    let view = house.look(&token, false).await;
    let receipt = view.summary.unwrap().receipt;
    assert_eq!((view.phase, view.refund), (GuestPhase::Completed, None));
    assert_eq!((receipt.total, receipt.written_off), (Tyiyn::new(15_000), Tyiyn::new(1_500)));
    assert_eq!(house.alerts().await, ["write_off"]);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_stuck_refund_is_shown_as_delayed() {
    let house = House::start().await;
    let token = house.paid("ABCD", "500").await;
    house.guest.stop(&token).await.unwrap();
    house.look(&token, false).await;
    house.jobs().await;
    let (reference, _) = house.standins.refunds().await.remove(0);
    house.standins.refund_status(&reference, "STUCK").await;
    house.later(TimeDelta::seconds(10)).await;
    let view = house.look(&token, false).await;
    let refund = view.refund.unwrap();
    assert_eq!((view.phase, refund.state, refund.reference), (GuestPhase::FailedRefunding, RefundState::Delayed, reference));
}

#[tokio::test]
async fn every_code_is_answered() {
    let house = House::start().await;
    let station = house.station().await;
    let CodeLookup::Found(found) = house.guest.look_up_code(" ab-cd ").await.unwrap() else { panic!("a connector") };
    assert_eq!((found.station_name, found.busy, found.stop_percent), (station.name, false, 95));
    assert_eq!(found.price.price_per_kwh, Tyiyn::new(1_500));
    assert_eq!(found.next_price.unwrap().price_per_kwh, Tyiyn::new(1_800));
    house.paid("ABCD", "500").await;
    let CodeLookup::Found(busy) = house.guest.look_up_code("ABCD").await.unwrap() else { panic!("a connector") };
    assert!(busy.busy);
    assert_eq!(busy.neighbours[0].code.as_str(), "EFGH");
    for code in ["", "A", "ZZZZ", "' or 1=1 --", "\u{0}", "АВСД"] {
        let CodeLookup::Unknown { helpline, nearby } = house.guest.look_up_code(code).await.unwrap() else { panic!("{code}") };
        assert_eq!((helpline.as_str(), nearby.len()), ("+996312000000", 1), "{code}");
    }
    house.stations.retire_code(&found.code, Some(ConnectorCode::parse("EFGH").unwrap())).await.unwrap();
    assert_eq!(house.guest.look_up_code("ABCD").await, Ok(CodeLookup::MovedTo(ConnectorCode::parse("EFGH").unwrap())));
    house.stations.retire_code(&ConnectorCode::parse("EFGH").unwrap(), None).await.unwrap();
    assert!(matches!(house.guest.look_up_code("EFGH").await.unwrap(), CodeLookup::Retired { .. }));
}

#[tokio::test]
async fn a_page_hears_of_the_payment_and_of_the_session_that_follows() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    let mut changes = house.guest.changes(&token).await.unwrap();
    let mut next =
        async || tokio::time::timeout(Duration::from_secs(20), changes.next()).await.expect("a hint").expect("no end");
    house.pay(&token, None).await;
    house.look(&token, true).await;
    next().await;
    // The rest of the payment's hints, then those of the session.
    let tag = house.take_start().await.unwrap();
    house.plug_in(1, &tag).await;
    for _ in 0..3 {
        next().await;
    }
}

#[tokio::test]
async fn a_start_that_fails_inside_of_us_gives_the_money_back() {
    let house = House::start().await;
    let token = house.order("ABCD", "500").await;
    // Nothing can be sold by a tariff without a version: the begin fails, each time.
    sqlx::query("insert into tariff (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'empty', now())")
        .execute(house.test.db.pool())
        .await
        .unwrap();
    house.pay(&token, None).await;
    house.later(TimeDelta::seconds(5)).await;
    let phase = async || {
        sqlx::query_scalar::<_, String>("select phase from guest_charge").fetch_one(house.test.db.pool()).await.unwrap()
    };
    assert_eq!(phase().await, "plug_in");
    let other = house.order("EFGH", "500").await;
    sqlx::query("update connector set tariff_id = '00000000-0000-7000-8000-000000000001' where label = 'B'")
        .execute(house.test.db.pool())
        .await
        .unwrap();
    house.pay(&other, None).await;
    for _ in 0..10 {
        house.later(TimeDelta::seconds(10)).await;
    }
    let state: (String, Option<String>) = sqlx::query_as("select phase, failure from guest_charge where token = $1")
        .bind(other.as_str())
        .fetch_one(house.test.db.pool())
        .await
        .unwrap();
    assert_eq!(state, ("failed_refunding".to_owned(), Some("out_of_order".to_owned())));
    assert_eq!(house.alerts().await, ["guest_start"]);
    house.is_in_order().await;
}

mod any_order {
    //! Whatever happens in whatever order, the books are right all the time, and in the end everything is where it belongs.

    use super::*;
    use domain::TransactionId;
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    #[derive(Debug, Clone)]
    enum Step {
        Pay {
            amount: Option<i64>,
        },
        Notice {
            status: &'static str,
            times: u8,
        },
        Look {
            returned: bool,
        },
        /// Jobs of the kinds whose number is in the mask.
        Jobs {
            mask: u8,
        },
        Clock {
            seconds: i64,
        },
        Fault {
            call: &'static str,
            answer: &'static str,
            act_first: bool,
        },
        Heal,
        Stop,
        TakeStart,
        RefuseStart,
        PlugIn,
        Unplug {
            energy: i64,
        },
        ConnectorStatus(ConnectorStatus),
        RefundStatus(&'static str),
    }

    fn step() -> impl Strategy<Value = Step> {
        let fault = (
            proptest::sample::select(vec!["create_link", "payment", "refund", "refund_status", "merchant"]),
            proptest::sample::select(vec![
                "html_500",
                "empty_body",
                "empty_object",
                "broken",
                "too_many_requests",
                "unknown_error",
            ]),
            any::<bool>(),
        );
        prop_oneof![
            3 => proptest::option::weighted(0.3, proptest::sample::select(vec![4_999_i64, 5_000, 30_000, 70_000]))
                .prop_map(|amount| Step::Pay { amount }),
            3 => (proptest::sample::select(vec!["COMPLETED", "PROCESSING", "FAILED", "EXPIRED"]), 1..4_u8)
                .prop_map(|(status, times)| Step::Notice { status, times }),
            3 => any::<bool>().prop_map(|returned| Step::Look { returned }),
            6 => any::<u8>().prop_map(|mask| Step::Jobs { mask }),
            4 => proptest::sample::select(vec![-60_i64, 1, 7, 60, 200, 1_200, 90_000]).prop_map(|seconds| Step::Clock { seconds }),
            2 => fault.prop_map(|(call, answer, act_first)| Step::Fault { call, answer, act_first }),
            2 => Just(Step::Heal),
            1 => Just(Step::Stop),
            3 => Just(Step::TakeStart),
            1 => Just(Step::RefuseStart),
            3 => Just(Step::PlugIn),
            2 => (0..60_000_i64).prop_map(|energy| Step::Unplug { energy }),
            1 => proptest::sample::select(vec![ConnectorStatus::Available, ConnectorStatus::Faulted, ConnectorStatus::Charging])
                .prop_map(Step::ConnectorStatus),
            2 => proptest::sample::select(vec!["PROCESSING", "STUCK", "COMPLETED", "FAILED"]).prop_map(Step::RefundStatus),
        ]
    }

    /// The world outside: what it has been told.
    #[derive(Default)]
    struct World {
        tag: Option<String>,
        running: Option<(TransactionId, String)>,
    }

    async fn act(house: &House, token: &GuestToken, world: &mut World, step: &Step) {
        match step {
            Step::Pay { amount } => {
                if house.standins.links().await.contains(&house.external_id(token).await) {
                    house.pay(token, amount.map(Tyiyn::new)).await;
                }
            }
            Step::Notice { status, times } => {
                for _ in 0..*times {
                    assert_eq!(house.notice(token, status).await, WebhookOutcome::Stored);
                }
            }
            Step::Look { returned } => {
                house.look(token, *returned).await;
            }
            Step::Jobs { mask } => {
                let kinds = [
                    "balance.order",
                    "balance.webhook",
                    "balance.refund",
                    "balance.float",
                    "guest.advance",
                    "session_ended",
                    "notify.send",
                ];
                house.jobs_of(|kind| kinds.iter().position(|k| *k == kind).is_none_or(|bit| mask & (1 << bit) != 0)).await;
            }
            Step::Clock { seconds } => {
                house.test.clock.advance(TimeDelta::seconds(*seconds));
                house.charging.tick().await.unwrap();
            }
            Step::Fault { call, answer, act_first } => {
                house
                    .standins
                    .faults(json!({ *call: answer, "act_before_faulty_answer": act_first, "faulty_answers_left": 2 }))
                    .await;
            }
            Step::Heal => house.standins.heal().await,
            Step::Stop => house.guest.stop(token).await.unwrap(),
            Step::TakeStart => world.tag = house.take_start().await.or(world.tag.take()),
            Step::RefuseStart => house.refuse_commands().await,
            Step::PlugIn => {
                if let (Some(tag), None) = (&world.tag, &world.running) {
                    world.running = Some((house.plug_in(1, tag).await, tag.clone()));
                }
            }
            Step::Unplug { energy } => {
                if let Some((transaction, tag)) = &world.running {
                    house.unplug(*transaction, tag, Wh::new(*energy)).await;
                }
            }
            Step::ConnectorStatus(status) => house.status(*status).await,
            Step::RefundStatus(status) => {
                if let Some((reference, now)) = house.standins.refunds().await.pop()
                    && !matches!(now.as_str(), "COMPLETED" | "FAILED")
                {
                    house.standins.refund_status(&reference, status).await;
                }
            }
        }
    }

    async fn story(steps: Vec<Step>) -> Result<(), TestCaseError> {
        let house = House::start().await;
        let token = house.order("ABCD", "500").await;
        let mut world = World::default();
        for step in &steps {
            act(&house, &token, &mut world, step).await;
            let broken = invariants::check_all(&house.test.db).await.unwrap();
            prop_assert_eq!(&broken, &[], "after {:?} of {:?}", step, steps);
        }

        // Then everybody does what they should, and all comes to rest.
        house.standins.heal().await;
        house.test.clock.advance(TimeDelta::minutes(30));
        if let Some((transaction, tag)) = &world.running {
            house.unplug(*transaction, tag, Wh::new(60_000)).await;
        }
        for _ in 0..24 {
            house.later(TimeDelta::minutes(15)).await;
            house.refuse_commands().await;
            house.standins.complete_refunds().await;
        }
        prop_assert_eq!(&invariants::check_all(&house.test.db).await.unwrap(), &[], "at rest, after {:?}", steps);
        let view = house.look(&token, true).await;
        let given_up = house.alerts().await.contains(&"refund_failed".to_owned());
        let at_rest = matches!(view.phase, GuestPhase::Completed | GuestPhase::FailedRefunded | GuestPhase::Expired);
        prop_assert!(at_rest || given_up, "{:?} with {:?} after {:?}", view.phase, house.alerts().await, steps);
        prop_assert_eq!(view.paid.is_some(), view.phase != GuestPhase::Expired);
        if !given_up {
            for clearing in ["namba:clearing", "refunds:clearing"] {
                prop_assert_eq!(house.account(clearing).await, 0, "{} after {:?}", clearing, steps);
            }
        }
        let held: i64 = sqlx::query_scalar("select coalesce(sum(held_tyiyn), 0)::bigint from account")
            .fetch_one(house.test.db.pool())
            .await
            .unwrap();
        prop_assert_eq!(held, 0);
        Ok(())
    }

    proptest! {
        // Each case is a whole house; a seed that fails is kept.
        #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]
        #[test]
        fn the_books_are_right_whatever_happens(steps in proptest::collection::vec(step(), 1..28)) {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(story(steps))?;
        }
    }
}
