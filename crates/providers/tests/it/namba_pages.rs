//! The payer's page and the overview, as a browser without scripts meets them.

use domain::Tyiyn;
use providers::PaymentStatus;
use serde_json::json;

use crate::support::NambaWorld;

struct Answer {
    status: u16,
    location: Option<String>,
    html: String,
}

async fn read(answer: reqwest::Response) -> Answer {
    let status = answer.status().as_u16();
    let location = answer.headers().get("location").map(|l| l.to_str().unwrap().to_owned());
    Answer { status, location, html: answer.text().await.unwrap() }
}

impl NambaWorld {
    async fn open(&self, url: &str) -> Answer {
        read(self.http.get(url).send().await.unwrap()).await
    }
    async fn submit(&self, url: &str, form: &'static str) -> Answer {
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        read(request.send().await.unwrap()).await
    }
    async fn pay_url(&self, external_id: &str) -> String {
        self.client.create_link(self.link(external_id, 1500)).await.unwrap().payment_url
    }
}

#[tokio::test]
async fn the_payer_sees_the_sum_pays_and_returns() {
    let mut world = NambaWorld::start().await;
    let url = world.pay_url("ORDER-7").await;
    let page = world.open(&url).await;
    for expected in ["1\u{a0}500,00\u{a0}сом", "Red Petroleum EV", "ORDER-7", "Зарядка A1 &lt;b&gt;", "Отказаться", "<svg"]
    {
        assert!(page.html.contains(expected), "{expected}");
    }
    let paid = world.submit(&url, "action=pay").await;
    assert_eq!((paid.status, paid.location.as_deref()), (303, Some("http://127.0.0.1:3000/g/token")));
    assert_eq!(world.receiver.next().await.status(), "COMPLETED");
    assert!(world.open(&url).await.html.contains("Платёж прошёл"));
}

#[tokio::test]
async fn a_second_tap_pays_nothing_more() {
    let mut world = NambaWorld::start().await;
    let url = world.pay_url("ORDER").await;
    world.submit(&url, "action=pay").await;
    world.receiver.next().await;
    assert_eq!(world.submit(&url, "action=pay").await.status, 303);
    world.submit(&url, "action=decline").await;
    assert_eq!(world.state().await["orders"][0]["paid_tyiyn"], json!(150_000));
    assert_eq!(world.receiver.pending(), 0);
}

#[tokio::test]
async fn the_payer_can_pay_another_sum_or_stay_or_decline() {
    let mut world = NambaWorld::start().await;
    let other = world.pay_url("OTHER").await;
    let wrong = world.submit(&other, "action=pay_other&amount=-5").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.html.contains("Введите сумму"));
    world.submit(&other, "action=pay_other&amount=750%2C50").await;
    world.receiver.next().await;
    assert_eq!(world.client.payment_by_external_id("OTHER").await.unwrap().unwrap().paid(), Some(Tyiyn::new(75_050)));

    let stay = world.pay_url("STAY").await;
    let stayed = world.submit(&stay, "action=pay_and_stay").await;
    assert!(stayed.location.unwrap().starts_with("/pay/"));
    assert_eq!(world.receiver.next().await.status(), "COMPLETED");

    let decline = world.pay_url("DECLINE").await;
    world.submit(&decline, "action=decline").await;
    assert_eq!(world.receiver.next().await.status(), "CANCELED");
    assert_eq!(world.client.payment_by_external_id("DECLINE").await.unwrap().unwrap().status, PaymentStatus::Canceled);
    assert!(world.open(&decline).await.html.contains("http://127.0.0.1:3000/g/token"), "a way back");
}

#[tokio::test]
async fn an_expired_or_unknown_link_cannot_be_paid() {
    let world = NambaWorld::start().await;
    let url = world.pay_url("ORDER").await;
    world.control("expire/ORDER", json!({"wait": true})).await;
    assert!(world.open(&url).await.html.contains("Срок ссылки истёк"));
    world.submit(&url, "action=pay").await;
    assert_eq!(world.client.payment_by_external_id("ORDER").await.unwrap().unwrap().paid(), None);
    let nowhere = format!("{}pay/nosuchtoken", world.provider.base_url);
    assert_eq!(world.open(&nowhere).await.status, 404);
    assert_eq!(world.submit(&nowhere, "action=pay").await.status, 404);
}

#[tokio::test]
async fn the_overview_shows_all_and_its_form_switches_faults() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER-9", 500).await;
    world.client.create_refund("REFUND-9", world.refund(&order, 5)).await.unwrap();
    world.receiver.next().await;
    let base = world.provider.base_url.to_string();
    let page = world.open(&base).await.html;
    for expected in ["ORDER-9", "REFUND-9", "COMPLETED", "name=\"webhook_reordered\""] {
        assert!(page.contains(expected), "{expected}");
    }
    let saved = world.submit(&format!("{base}faults"), "create_link=html_500&webhooks_off=on&paid_difference_tyiyn=-50&pay_status=PROCESSING&unpaid=created&payment=none&refund=none&refund_status=none&merchant=none&refund_outcome=stuck&hang_ms=&faulty_answers_left=").await;
    assert_eq!(saved.status, 303, "{}", saved.html);
    let faults = world.state().await["faults"].clone();
    assert_eq!(
        (&faults["create_link"], &faults["webhooks_off"], &faults["paid_difference_tyiyn"]),
        (&json!("html_500"), &json!(true), &json!(-50))
    );
    assert_eq!(
        (&faults["refund_outcome"], &faults["hang_ms"], &faults["low_float"]),
        (&json!("stuck"), &json!(60_000), &json!(false))
    );
}
