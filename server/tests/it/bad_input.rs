//! What people, providers and chargers get wrong, and what strangers try.

use simulator::{RawClient, RawRequest};

use crate::app::{TestApp, payment_notice};
use crate::guest::filled_in;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_leads_to_a_page_that_helps() {
    let app = TestApp::start().await;

    for code in ["ZZZZ22", "x", "%D0%AB", "..%2f..%2fetc", "%3Cscript%3E"] {
        let page = app.guest(code).scan().await;
        assert_eq!(page.status, 404, "{code}");
        assert!(page.has("problem") && page.has("helpline"), "{code}");
        assert!(!page.html.contains("<script>alert"), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_form_comes_back_with_its_values_and_a_message_at_the_field() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.scan().await;

    for amount in ["-5", "0", "1e9", "99999999999999999999", "пятьсот", "500,505", "NaN", "", "٥٠٠"] {
        let (page, _) = guest.submit(amount, "0700123456").await.unwrap();
        assert_eq!(page.status, 422, "{amount}");
        assert!(page.has("field-error-amount") && !page.has("field-error-phone"), "{amount}");
        assert!(page.html.contains("0700123456"), "the phone is kept: {amount}");
    }
    for phone in ["", "12", "+7 900 123 45 67", "0700 12З 456", "٠٧٠٠١٢٣٤٥٦", "<b>"] {
        let (page, _) = guest.submit("750", phone).await.unwrap();
        assert_eq!(page.status, 422, "{phone}");
        assert!(page.has("field-error-phone") && page.html.contains("750"), "{phone}");
    }
    assert_eq!(app.number("select count(*) from payment_order").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_is_refused() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;

    let request = app.world.http.post(format!("{}/q/CHUYB2", app.url)).header("origin", "https://evil.example");
    let fields = [("amount", "500"), ("phone", "0700123456"), ("idempotency_key", "0123456789abcdef")];
    let answer = filled_in(request, &fields).send().await.unwrap();

    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(app.number("select count(*) from payment_order").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_malformed_webhooks_have_no_effect() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;
    let mut guest = app.guest("CHUYB2");
    guest.order(500).await;
    let notice = payment_notice(&guest.external_id().await, "COMPLETED", 50_000);
    let secret = app.world.webhook_secret().to_owned();

    assert_eq!(app.webhook(None, notice.clone()).await.as_u16(), 401);
    assert_eq!(app.webhook(Some("guess-guess-guess"), notice.clone()).await.as_u16(), 401);
    assert_eq!(app.webhook(Some(&secret), "{not json").await.as_u16(), 400);
    assert_eq!(app.webhook(Some(&secret), vec![b' '; 200_000]).await.as_u16(), 413);
    // Even the right secret only makes us ask the provider, which knows of no payment.
    assert_eq!(app.webhook(Some(&secret), notice).await.as_u16(), 200);
    guest.come_back().await;

    assert_eq!(app.number("select count(*) from payment_order where state = 'paid'").await, 0);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configured_secret_the_endpoint_refuses_everything() {
    let app = TestApp::start_with(&[("EVP_NAMBA_WEBHOOK_SECRET", None)]).await;

    let notice = payment_notice("x", "COMPLETED", 1);

    assert_eq!(app.webhook(None, notice.clone()).await.as_u16(), 401);
    assert_eq!(app.webhook(Some(""), notice.clone()).await.as_u16(), 401);
    assert_eq!(app.webhook(Some(app.world.webhook_secret()), notice).await.as_u16(), 401);
}

fn socket(app: &TestApp, identity: &str, password: &str) -> RawRequest {
    RawRequest::new(format!("{}/ocpp/{identity}", app.url.replacen("http", "ws", 1)))
        .subprotocol("ocpp1.6")
        .basic(identity, password)
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_among_chargers_are_refused_and_the_others_not_disturbed() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let known = &app.world.charge_points[0];

    let refused = |request| async move { RawClient::connect(request).await.err().map(|e| e.to_string()).unwrap_or_default() };
    assert!(refused(socket(&app, "NOBODY", "x")).await.contains("404"));
    assert!(refused(socket(&app, known.identity.as_str(), "wrong")).await.contains("401"));
    assert!(
        refused(RawRequest::new(format!("{}/ocpp/RP-CHUY-1", app.url.replacen("http", "ws", 1))).subprotocol("ocpp1.6"))
            .await
            .contains("401")
    );

    assert!(charger.state().is_linked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_frame_costs_an_answer_and_a_huge_one_its_own_socket() {
    let app = TestApp::start().await;
    let charger = app.charger("RP-CHUY-2").await;
    let known = &app.world.charge_points[0];
    let mut raw = RawClient::connect(socket(&app, known.identity.as_str(), &known.password)).await.unwrap();

    raw.send("this is no frame").await.unwrap();
    let answer = raw.call("Heartbeat", "{}").await.unwrap();
    assert!(answer.contains("currentTime"), "{answer}");
    assert!(raw.call("NoSuchAction", "{}").await.unwrap().contains("NotImplemented"));
    // The server closes at the head of the frame, before all of it is written.
    let _ = raw.send(format!("[2,\"big\",\"DataTransfer\",{{\"vendorId\":\"{}\"}}]", "x".repeat(2_000_000))).await;
    let closed = raw.closed().await;
    assert!(matches!(closed, Ok(Some(1009) | None)), "{closed:?}");

    assert!(charger.state().is_linked);
    assert_eq!(charger.state().boots, 1);
}
