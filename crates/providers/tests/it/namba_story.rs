//! How a payment and its refund go on a good day, and what is refused.

use std::time::Duration;

use domain::Tyiyn;
use providers::namba::ApiVersion;
use providers::namba::webhook::{WebhookEvent, parse, secret_matches};
use providers::{
    LinkStatus, PaymentOutcome, PaymentProvider, PaymentStatus, ProviderError, RefundOutcome, RefundStatus, RefusalCode,
};
use secrecy::SecretString;
use serde_json::json;

use crate::support::{NambaWorld, SECRET, WEBHOOK_SECRET};

#[tokio::test]
async fn a_link_is_paid_told_and_found_again() {
    let mut world = NambaWorld::start().await;
    let link = world.client.create_link(world.link("ORDER-1", 500)).await.unwrap();
    assert_eq!(link.status, LinkStatus::Active);
    assert!(link.payment_url.starts_with(world.provider.base_url.as_str()));
    let unpaid = world.client.payment_by_external_id("ORDER-1").await.unwrap().unwrap();
    assert_eq!((unpaid.status.outcome(), unpaid.paid()), (PaymentOutcome::Pending, None));

    world.control("pay/ORDER-1", json!({})).await;
    let notice = world.receiver.next().await;
    assert!(secret_matches(Some(&SecretString::from(WEBHOOK_SECRET)), notice.secret.as_deref().map(str::as_bytes)));
    let WebhookEvent::PaymentOrder(told) = parse(&notice.body).unwrap() else { panic!("a payment") };
    let asked = world.client.payment_by_external_id("ORDER-1").await.unwrap().unwrap();
    assert_eq!(told, asked);
    assert_eq!(asked.paid(), Some(Tyiyn::new(50_000)));
    assert_eq!(
        (asked.external_id.as_str(), asked.kind.as_deref(), asked.link_guid.as_deref()),
        ("ORDER-1", Some("PAYMENT_QR"), Some(link.guid.as_str()))
    );
    assert!(asked.settled_at.is_some());
}

#[tokio::test]
async fn both_versions_and_swapped_shapes_give_the_same_link() {
    let world = NambaWorld::start().await;
    let v1 = world.client_with(|c| c.api_version = ApiVersion::V1);
    for (swapped, id) in [(false, "a"), (true, "b")] {
        world.faults(json!({"shapes_swapped": swapped})).await;
        for (client, id) in [(&v1, format!("{id}1")), (&world.client, format!("{id}2"))] {
            let link = client.create_link(world.link(&id, 500)).await.unwrap();
            assert!(!link.guid.is_empty() && link.payment_url.contains("/pay/"), "{link:?}");
        }
    }
}

#[tokio::test]
async fn a_base_url_with_a_path_is_signed_as_it_is_sent() {
    let world = NambaWorld::start().await;
    // The stand-in has no such path; what counts is that the client says so, and does not sign another one than it sends.
    let client = world.client_with(|c| c.base_url.set_path("/gateway/"));
    assert!(matches!(client.merchant_info().await, Err(ProviderError::Misconfigured { .. })));
}

#[tokio::test]
async fn odd_ids_survive_signature_and_path() {
    let world = NambaWorld::start().await;
    for id in ["../x", "a/b?c#d", "заказ 7", "100%", "a+b&c=d", "..%2Fx", &"я".repeat(256)] {
        world.client.create_link(world.link(id, 500)).await.unwrap();
        let order = world.client.payment_by_external_id(id).await.unwrap().unwrap();
        assert_eq!(order.external_id, id);
    }
    for id in ["", ".", "..", "a\nb", &"x".repeat(257)] {
        let refused = world.client.create_link(world.link(id, 500)).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&RefusalCode::InvalidRequest), "{id:?}");
        assert!(world.client.payment_by_external_id(id).await.is_err());
    }
}

#[tokio::test]
async fn an_amount_that_is_not_positive_is_not_sent() {
    let world = NambaWorld::start().await;
    for som in [0, -500] {
        let refused = world.client.create_link(world.link("ORDER", som)).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&RefusalCode::InvalidRequest));
    }
    assert_eq!(world.state().await["orders"], json!([]));
}

#[tokio::test]
async fn an_id_makes_one_link_only() {
    let world = NambaWorld::start().await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    let again = world.client.create_link(world.link("ORDER", 500)).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&RefusalCode::LinkIdTaken));
}

#[tokio::test]
async fn what_was_really_paid_counts() {
    let mut world = NambaWorld::start().await;
    world.faults(json!({"paid_difference_tyiyn": -50})).await;
    let order = world.paid("LESS", 1000).await;
    assert_eq!((order.amount, order.paid()), (Some(Tyiyn::new(100_000)), Some(Tyiyn::new(99_950))));
    world.client.create_link(world.link("MORE", 1000)).await.unwrap();
    world.control("pay/MORE", json!({"amount_tyiyn": 123_456, "wait": true})).await;
    assert_eq!(world.client.payment_by_external_id("MORE").await.unwrap().unwrap().paid(), Some(Tyiyn::new(123_456)));
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let world = NambaWorld::start().await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    for (status, outcome) in [
        ("PAYER_DEBIT", PaymentOutcome::Pending),
        ("PAYER_DEBIT_SUCCESSFUL", PaymentOutcome::Pending),
        ("PROCESSING", PaymentOutcome::Pending),
        ("CANCELLATION_ATTEMPTED", PaymentOutcome::Pending),
        ("CANCELLATION_FAILED", PaymentOutcome::Pending),
        ("SOMETHING_NEW", PaymentOutcome::Pending),
        ("CANCELED", PaymentOutcome::Failed),
        ("FAILED", PaymentOutcome::Failed),
        ("EXPIRED", PaymentOutcome::Failed),
        ("COMPLETED", PaymentOutcome::Paid),
        ("REFUNDED", PaymentOutcome::Paid),
    ] {
        world.control("status/ORDER", json!({"status": status})).await;
        let order = world.client.payment_by_external_id("ORDER").await.unwrap().unwrap();
        assert_eq!(
            (order.status.as_str(), order.status.outcome(), order.paid().is_some()),
            (status, outcome, outcome == PaymentOutcome::Paid)
        );
    }
}

#[tokio::test]
async fn an_unpaid_link_is_pending_however_it_is_told() {
    let world = NambaWorld::start().await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    for (unpaid, found) in [("created", true), ("empty_data", false), ("not_found", false)] {
        world.faults(json!({"unpaid": unpaid})).await;
        let order = world.client.payment_by_external_id("ORDER").await.unwrap();
        assert_eq!(order.is_some(), found);
        assert!(order.is_none_or(|o| o.status == PaymentStatus::Created));
    }
    assert_eq!(world.client.payment_by_external_id("NEVER-MADE").await.unwrap(), None);
}

#[tokio::test]
async fn a_payment_after_expiry_still_arrives() {
    let mut world = NambaWorld::start_with(|c| c.link_lifetime = Some(Duration::from_secs(900))).await;
    world.client.create_link(world.link("LATE", 500)).await.unwrap();
    world.clock.advance(Duration::from_secs(900));
    let expired = world.client.payment_by_external_id("LATE").await.unwrap().unwrap();
    assert_eq!(expired.status, PaymentStatus::Expired);
    world.control("pay/LATE", json!({})).await;
    assert_eq!(world.receiver.next().await.status(), "COMPLETED");
    assert_eq!(world.client.payment_by_external_id("LATE").await.unwrap().unwrap().paid(), Some(Tyiyn::new(50_000)));
}

#[tokio::test]
async fn a_rest_goes_back_in_parts_and_never_more_than_was_paid() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    for (id, tyiyn) in [("R-1", 12_345), ("R-2", 30_000)] {
        let made = world.client.create_refund(id, world.refund(&order, tyiyn)).await.unwrap();
        assert_eq!((made.status.outcome(), made.amount), (RefundOutcome::Pending, Some(Tyiyn::new(tyiyn))));
        let notice = world.receiver.next().await;
        let WebhookEvent::RefundOrder(told) = parse(&notice.body).unwrap() else { panic!("a refund") };
        let asked = world.client.refund_status(id).await.unwrap().unwrap();
        assert_eq!(told, asked);
        assert_eq!((asked.status, asked.payment_order_guid), (RefundStatus::Completed, Some(order.guid.clone())));
    }
    let above = world.client.create_refund("R-3", world.refund(&order, 7_656)).await.unwrap_err();
    assert_eq!(above.refusal(), Some(&RefusalCode::RefundAbovePaid));
    let order = world.client.payment_by_external_id("ORDER").await.unwrap().unwrap();
    assert_eq!(
        (order.status.as_str(), order.refund_amount, order.paid()),
        ("REFUNDED", Some(Tyiyn::new(42_345)), Some(Tyiyn::new(50_000)))
    );
}

#[tokio::test]
async fn a_refund_is_refused_for_its_reason() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    let refusal = |result: Result<providers::RefundOrder, ProviderError>| result.unwrap_err().refusal().cloned();

    let mut stranger = world.refund(&order, 100);
    stranger.payment_order_guid = "00000000-0000-4000-8000-000000000000".to_owned();
    assert_eq!(refusal(world.client.create_refund("R", stranger).await), Some(RefusalCode::OrderNotFound));
    assert_eq!(refusal(world.client.create_refund("R", world.refund(&order, 0)).await), Some(RefusalCode::InvalidRequest));
    let merchant = world.client_with(|c| c.refund_parent_type = Some("PAYMENT_MERCHANT".to_owned()));
    assert_eq!(refusal(merchant.create_refund("R", world.refund(&order, 100)).await), Some(RefusalCode::Validation));

    world.client.create_link(world.link("UNPAID", 500)).await.unwrap();
    let unpaid = world.client.payment_by_external_id("UNPAID").await.unwrap().unwrap();
    assert_eq!(
        refusal(world.client.create_refund("R", world.refund(&unpaid, 100)).await),
        Some(RefusalCode::OrderNotRefundable)
    );
    assert_eq!(world.client.refund_status("R").await.unwrap(), None);

    world.client.create_refund("R", world.refund(&order, 100)).await.unwrap();
    assert_eq!(
        refusal(world.client.create_refund("R", world.refund(&order, 100)).await),
        Some(RefusalCode::RefundAlreadyExists)
    );
}

#[tokio::test]
async fn the_merchants_money_comes_and_goes() {
    let mut world = NambaWorld::start_with(|c| c.float = Tyiyn::new(10_000)).await;
    let order = world.paid("ORDER", 500).await;
    assert_eq!(world.client.merchant_info().await.unwrap().available, Tyiyn::new(60_000));
    world.control("float", json!({"balance_tyiyn": 50})).await;
    let poor = world.client.create_refund("R", world.refund(&order, 100)).await.unwrap_err();
    assert_eq!(poor.refusal(), Some(&RefusalCode::MerchantLimit));
    assert!(poor.needs_staff());
    world.control("float", json!({"balance_tyiyn": -7})).await;
    assert_eq!(world.client.merchant_info().await.unwrap().available, Tyiyn::new(-7));
}

#[tokio::test]
async fn the_platform_can_hold_it_as_a_trait() {
    let world = NambaWorld::start().await;
    let provider: Box<dyn PaymentProvider> = Box::new(world.client.clone());
    provider.create_link(world.link("ORDER", 500)).await.unwrap();
    assert!(provider.payment_by_external_id("ORDER").await.unwrap().is_some());
    assert!(provider.refund_status("R").await.unwrap().is_none());
    assert_eq!(provider.merchant_info().await.unwrap().status, "AVAILABLE");
}

#[tokio::test]
async fn a_wrong_key_path_body_or_salt_is_refused() {
    let world = NambaWorld::start().await;
    let stranger = world.client_with(|c| c.secret = SecretString::from("another"));
    assert!(matches!(stranger.merchant_info().await, Err(ProviderError::Misconfigured { .. })));
    let elsewhere = world.client_with(|c| c.merchant_guid = "00000000-0000-4000-8000-000000000000".to_owned());
    assert!(matches!(elsewhere.merchant_info().await, Err(ProviderError::Misconfigured { .. })));

    let path = "/public/merchant/payment/v1/39b826bf-6b00-4996-bee7-7bfab4e055f5";
    let signature = providers::namba::signature::sign(&SecretString::from(SECRET), path, b"", "salt");
    let get = async |path: &str| {
        let url = world.provider.base_url.join(path).unwrap();
        let request = world.http.get(url).header("x-merchant-api-salt", "salt").header("x-merchant-api-signature", &signature);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(get(&format!("{path}/one-time/x")).await, 401);
    assert_eq!(get(path).await, 200);
    assert_eq!(get(path).await, 401, "the salt was used");
    world.faults(json!({"replayed_salt_accepted": true})).await;
    assert_eq!(get(path).await, 200);
    world.faults(json!({"signature_not_checked": true})).await;
    assert_eq!(get(&format!("{path}/refund/x")).await, 404);
}
