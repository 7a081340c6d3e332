//! A driver's money: onto the balance, and back.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{TestApp, eventually, payment_notice};
use crate::browser::{Answer, Browser};

const PHONE: &str = "0700 555 010";

/// Somebody who is signed in and looks at the balance.
struct Driver {
    browser: Browser,
}

impl Driver {
    async fn arrive(app: &TestApp, phone: &str) -> Self {
        let mut browser = Browser::new(app);
        browser.sign_in(phone).await;
        Self { browser }
    }

    async fn available(&mut self) -> String {
        let page = self.browser.get("/balance").await;
        shown(&page, "available")
    }

    /// Sends the form of a page, and gives the order's id.
    async fn top_up(&mut self, app: &TestApp, som: &str) -> String {
        let page = self.browser.get("/balance").await;
        let key = page.hidden("idempotency_key").unwrap().to_owned();
        let fields = [("amount", som), ("idempotency_key", key.as_str())];
        let sent = self.browser.submit(&page, "/balance/top-ups", &fields).await;
        assert_eq!(sent.status(), 303, "{}", sent.page.html);
        let twice = self.browser.submit(&page, "/balance/top-ups", &fields).await;
        assert_eq!((twice.status(), twice.location), (303, sent.location), "sent twice is one order");
        newest_order(app).await["redirect_link"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .split('?')
            .next()
            .unwrap()
            .to_owned()
    }
}

/// The text of an element.
fn shown(page: &Answer, test_id: &str) -> String {
    let (_, rest) = page
        .page
        .html
        .split_once(&format!("data-testid=\"{test_id}\""))
        .unwrap_or_else(|| panic!("no {test_id}: {}", page.page.html));
    rest.split(['>', '<']).nth(1).unwrap().replace('\u{a0}', " ")
}

async fn newest_order(app: &TestApp) -> Value {
    eventually("the provider knows the order", || async { app.world.namba_state().await["orders"].as_array()?.last().cloned() })
        .await
}

async fn pay(app: &TestApp, order: &Value) {
    app.world.control(&format!("pay/{}", order["external_id"].as_str().unwrap()), json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_tops_up_once_however_often_it_is_told() {
    let app = TestApp::start().await;
    let mut driver = Driver::arrive(&app, PHONE).await;
    assert_eq!(driver.available().await, "0,00 сом");
    let id = driver.top_up(&app, "1000").await;
    let order = newest_order(&app).await;
    let waiting = driver.browser.get(&format!("/balance/top-ups/{id}")).await;
    assert_eq!(waiting.page.attribute("data-state"), Some("awaiting_payment"));

    pay(&app, &order).await;
    let notice = payment_notice(order["external_id"].as_str().unwrap(), "COMPLETED", 100_000);
    let secret = app.world.webhook_secret().to_owned();
    let told = (0..4).map(|_| app.webhook(Some(&secret), notice.clone()));
    assert!(futures::future::join_all(told).await.iter().all(|status| status.as_u16() == 200));
    let back = driver.browser.get(&format!("/balance/top-ups/{id}?returned=1")).await;
    assert_eq!(back.page.attribute("data-state"), Some("paid"));
    assert_eq!(driver.available().await, "1 000,00 сом");
    let page = driver.browser.get("/balance").await;
    assert_eq!(page.page.html.matches("data-testid=\"movement\"").count(), 1);
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_after_the_end_of_its_time_is_credited_all_the_same() {
    let app = TestApp::start().await;
    app.world.namba_faults(json!({ "webhooks_off": true })).await;
    let mut driver = Driver::arrive(&app, PHONE).await;
    let id = driver.top_up(&app, "500").await;
    let order = newest_order(&app).await;
    app.world.clock.advance(TimeDelta::minutes(20));
    eventually("the order has run out", || {
        let mut browser = driver.browser.clone();
        let id = id.clone();
        async move {
            let page = browser.get(&format!("/balance/top-ups/{id}")).await;
            (page.page.attribute("data-state") == Some("expired")).then_some(())
        }
    })
    .await;
    pay(&app, &order).await;
    let browser = driver.browser.clone();
    eventually("the late payment is there", || {
        let mut browser = browser.clone();
        let id = id.clone();
        async move {
            let page = browser.get(&format!("/balance/top-ups/{id}?returned=1")).await;
            (page.page.attribute("data-state") == Some("paid")).then_some(())
        }
    })
    .await;
    assert_eq!(driver.available().await, "500,00 сом");
    app.world.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_top_up_of_somebody_else() {
    let app = TestApp::start().await;
    let mut driver = Driver::arrive(&app, PHONE).await;
    let id = driver.top_up(&app, "500").await;
    let mut stranger = Driver::arrive(&app, "0700 555 011").await;
    let page = stranger.browser.get(&format!("/balance/top-ups/{id}")).await;
    assert_eq!(page.status(), 404);
    pay(&app, &newest_order(&app).await).await;
    driver.browser.get(&format!("/balance/top-ups/{id}?returned=1")).await;
    assert_eq!((driver.available().await.as_str(), stranger.available().await.as_str()), ("500,00 сом", "0,00 сом"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_used_goes_back_to_where_it_came_from() {
    let app = TestApp::start().await;
    let mut driver = Driver::arrive(&app, PHONE).await;
    for _ in 0..2 {
        let id = driver.top_up(&app, "500").await;
        pay(&app, &newest_order(&app).await).await;
        driver.browser.get(&format!("/balance/top-ups/{id}?returned=1")).await;
    }
    let page = driver.browser.get("/balance/refunds").await;
    let key = page.hidden("idempotency_key").unwrap().to_owned();
    for (amount, status) in [("1000.01", 422), ("-1", 422), ("NaN", 422), ("٥", 422), ("600.50", 303), ("600.50", 303)] {
        let fields = [("amount", amount), ("idempotency_key", key.as_str())];
        let sent = driver.browser.submit(&page, "/balance/refunds", &fields).await;
        assert_eq!(sent.status(), status, "{amount}");
    }
    assert_eq!(driver.available().await, "399,50 сом");
    let browser = driver.browser.clone();
    eventually("the refund is done", || {
        let mut browser = browser.clone();
        async move {
            let page = browser.get("/balance/refunds").await;
            page.page.html.contains("data-state=\"completed\"").then_some(())
        }
    })
    .await;
    let refunds = app.world.namba_state().await["refunds"].as_array().unwrap().clone();
    let sum: i64 = refunds.iter().map(|refund| refund["amount_tyiyn"].as_i64().unwrap()).sum();
    assert_eq!((refunds.len(), sum), (2, 60_050), "the newest order first, then the one before");
    let csv = driver.browser.get("/balance/statement.csv").await;
    assert!(csv.page.html.contains(";-500,00;") && csv.page.html.contains(";-100,50;399,50;"), "{}", csv.page.html);
    app.world.assert_invariants().await;
}
