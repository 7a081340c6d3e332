//! The guest's way, from the scan to the receipt, and what can go wrong on it.

use chrono::TimeDelta;
use domain::guest::GuestPhase;
use serde_json::json;

use crate::app::{TestApp, car_wanting, eventually, payment_notice};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_scans_pays_charges_stops_and_gets_the_rest_back() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    let page = guest.scan().await;
    assert!(page.has("connector-page") && page.has("pay") && page.has("price-now"));
    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    guest.until(GuestPhase::Charging).await;
    charger.until_answered("MeterValues", 3).await;
    assert_eq!(guest.stop().await, 303);
    let page = guest.until(GuestPhase::Completed).await;

    assert!(page.has("pdf-link") && page.has("bill") && page.has("refund-state"));
    assert!(guest.pdf().await.starts_with(b"%PDF"));
    assert_eq!(guest.pdf().await, guest.pdf().await);
    let paid = app.number("select paid_tyiyn from payment_order").await;
    let billed = app.number("select billed_tyiyn from charging_session").await;
    let refunded = app.number("select sum(amount_tyiyn)::bigint from refund where state = 'completed'").await;
    assert_eq!(paid, 50_000);
    assert_eq!(paid, billed + refunded);
    let messages = eventually("the receipt's message", || async {
        let messages = app.world.messages().await;
        (!messages.is_empty()).then_some(messages)
    })
    .await;
    assert!(messages[0].contains(&format!("/g/{}", guest.token())), "{messages:?}");
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_stops_by_itself_before_the_prepaid_sum_is_used_up() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug_car(1, car_wanting(1_000_000)).await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("limit"));
    let billed = app.number("select billed_tyiyn from charging_session").await;
    assert!((1..=50_000).contains(&billed), "billed {billed}");
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_tell_that_the_charger_speaks_2_0_1() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-ATOO-1").await;
    let mut guest = app.guest("ATAAA2");

    guest.pay(100).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug_car(1, car_wanting(1_000_000)).await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("limit"));
    assert!(page.has("pdf-link") && page.has("bill") && page.has("refund-state"));
    assert!(guest.pdf().await.starts_with(b"%PDF"));
    assert_eq!(charger.answers("StartTransaction").len() + charger.answers("MeterValues").len(), 0, "nothing of 1.6");
    assert!(charger.answers("TransactionEvent").len() >= 3);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_stop_survives_a_restart_of_the_server() {
    let mut app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(1000).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug_car(1, car_wanting(1_000_000)).await;
    charger.until_answered("MeterValues", 2).await;
    app.restart().await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("limit"));
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_stop_survives_a_reconnect() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(1000).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug_car(1, car_wanting(1_000_000)).await;
    charger.until_answered("MeterValues", 2).await;
    charger.go_offline().await;
    charger.until(|c| !c.is_linked).await;
    charger.go_online().await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("limit"));
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_car_is_full_and_drives_away() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(1000).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug_car(1, car_wanting(4_000)).await;
    charger.until(|c| c.connectors[0].status.as_str() == "SuspendedEV").await;
    charger.unplug(1).await;
    let page = guest.until(GuestPhase::Completed).await;

    assert_eq!(page.attribute("data-reason"), Some("charger"), "unplugging");
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_plugs_in_and_all_of_it_comes_back() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    app.world.clock.advance(TimeDelta::minutes(4));
    let page = guest.until(GuestPhase::FailedRefunded).await;

    assert_eq!(page.attribute("data-failure"), Some("no_cable"));
    assert_eq!(app.number("select sum(amount_tyiyn)::bigint from refund where state = 'completed'").await, 50_000);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_refuses_twice_costs_nothing() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    charger.set_fault(simulator::Fault::RemoteStart(simulator::RemoteStartFault::Refuse)).await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    let page = guest.until(GuestPhase::FailedRefunded).await;

    assert_eq!(page.attribute("data-failure"), Some("rejected"));
    assert_eq!(charger.received("RemoteStartTransaction").len(), 2);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_submit_is_one_order_and_a_second_phone_sees_the_same() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.scan().await;
    let (mut first, mut second) = (guest.second_phone(), guest.second_phone());

    let (a, b) = tokio::join!(first.submit("500", "0700123456"), second.submit("500", "0700123456"));

    assert_eq!((a.unwrap().0.status, b.unwrap().0.status), (303, 303));
    assert_eq!(first.token(), second.token());
    assert_eq!(app.number("select count(*) from payment_order").await, 1);
    assert_eq!(first.look().await.phase(), Some(GuestPhase::AwaitingPayment));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_guest_at_a_busy_connector_is_told_and_not_charged() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let (mut first, mut second) = (app.guest("CHUYB2"), app.guest("CHUYB2"));
    second.order(500).await;

    first.pay(500).await;
    first.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    first.until(GuestPhase::Charging).await;
    let order = second.external_id().await;
    second.pay_order(&order, json!({})).await;
    let page = second.until(GuestPhase::FailedRefunded).await;

    assert_eq!(page.attribute("data-failure"), Some("connector_busy"));
    assert!(!app.guest("CHUYB2").scan().await.has("pay"));
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_never_comes() {
    let app = TestApp::start().await;
    app.world.namba_faults(json!({ "webhooks_off": true })).await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    guest.come_back().await;

    guest.until(GuestPhase::PlugIn).await;
    assert_eq!(app.number("select count(*) from webhook_inbox").await, 0);
}

/// Answered before it is durable, a crash would lose the payment.
#[tokio::test(flavor = "multi_thread")]
async fn mistake_9_a_webhook_that_cannot_be_kept_is_not_answered_200() {
    let app = TestApp::start().await;
    app.world.namba_faults(json!({ "webhooks_off": true })).await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.order(500).await;
    let order = guest.external_id().await;
    let notice = payment_notice(&order, "COMPLETED", 50_000);
    let tell = async || app.webhook(Some(app.world.webhook_secret()), notice.clone()).await.as_u16();

    app.world.database.run("alter table webhook_inbox rename to webhook_inbox_elsewhere").await;
    assert_eq!(tell().await, 503, "so the provider tells it again");
    app.world.database.run("alter table webhook_inbox_elsewhere rename to webhook_inbox").await;
    guest.pay_order(&order, json!({})).await;
    assert_eq!((tell().await, tell().await), (200, 200));

    guest.until(GuestPhase::PlugIn).await;
    assert_eq!(app.number("select count(*) from webhook_inbox").await, 1);
    assert_eq!(app.number("select count(*) from charging_session").await, 1);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_come_twice_out_of_order_and_about_others() {
    let app = TestApp::start().await;
    let faults = json!({ "webhook_duplicates": 3, "webhook_interim": true, "webhook_reordered": true, "webhook_foreign": true, "webhook_unknown_type": true });
    app.world.namba_faults(faults).await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    charger.until_answered("MeterValues", 2).await;
    guest.stop().await;
    guest.until(GuestPhase::Completed).await;

    assert_eq!(app.number("select count(*) from charging_session").await, 1);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_really_paid_counts() {
    let app = TestApp::start().await;
    app.world.namba_faults(json!({ "paid_difference_tyiyn": -5_000 })).await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");

    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    guest.until(GuestPhase::Charging).await;
    guest.stop().await;
    guest.until(GuestPhase::Completed).await;

    assert_eq!(app.number("select agreed_tyiyn from charging_session").await, 45_000);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_after_the_link_has_run_out_is_not_lost() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.order(500).await;
    let order = guest.external_id().await;

    app.world.clock.advance(TimeDelta::minutes(20));
    guest.until(GuestPhase::Expired).await;
    guest.pay_order(&order, json!({})).await;

    // The connector is free, so it starts all the same.
    guest.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    guest.until(GuestPhase::Charging).await;
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_is_paid_once() {
    let app = TestApp::start().await;
    let faults = json!({ "refund": "html_500", "act_before_faulty_answer": true, "faulty_answers_left": 1 });
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.pay(500).await;
    guest.until(GuestPhase::PlugIn).await;
    app.world.namba_faults(faults).await;
    charger.plug(1).await;
    guest.until(GuestPhase::Charging).await;

    assert_eq!(guest.stop().await, 303);
    // The charger goes by the same clock, so it is not moved before the bill is made.
    let settled = eventually("the session is settled", || async {
        matches!(guest.look().await.phase(), Some(GuestPhase::Refunding | GuestPhase::Completed)).then_some(())
    });
    settled.await;
    let given_up = eventually("the refund is done", || async {
        app.world.clock.advance(TimeDelta::seconds(30));
        (guest.look().await.phase() == Some(GuestPhase::Completed)).then_some(())
    });
    given_up.await;

    let namba = app.world.namba_state().await;
    assert_eq!(namba["faults"]["faulty_answers_left"], 0, "the answer was spoilt");
    assert_eq!(namba["refunds"].as_array().map(Vec::len), Some(1));
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_socket_of_our_own_page_gets_snapshots_and_a_foreign_one_nothing() {
    use futures::StreamExt;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.pay(1000).await;
    guest.until(GuestPhase::PlugIn).await;
    charger.plug(1).await;
    guest.until(GuestPhase::Charging).await;

    let ask = |origin: &str| {
        let mut request =
            format!("{}/g/{}/live", app.url.replacen("http", "ws", 1), guest.token()).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        tokio_tungstenite::connect_async(request)
    };
    assert!(ask("https://evil.example").await.is_err());
    let (mut socket, _) = ask(&app.url).await.unwrap();
    let first = socket.next().await.unwrap().unwrap();

    let snapshot: serde_json::Value = serde_json::from_str(first.to_text().unwrap()).unwrap();
    assert_eq!(snapshot["phase"], "charging");
}
