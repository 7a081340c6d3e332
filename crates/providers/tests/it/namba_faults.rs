//! Every fault of the provider, and what the client makes of it.

use std::time::Duration;

use domain::Tyiyn;
use providers::namba::webhook::{WebhookEvent, parse};
use providers::{NambaClient, PaymentOrder, ProviderError, RefundErrorCode, RefundOutcome, RefundStatus, RefusalCode};
use serde_json::json;
use url::Url;

use crate::support::{NambaWorld, hangs_up_after, impatient, nobody};

/// What may be done next, without the words.
#[derive(Debug, PartialEq)]
enum Verdict {
    Fine,
    Refused(RefusalCode),
    Unknown,
    NotSent,
    Misconfigured,
}

fn verdict<T>(result: Result<T, ProviderError>) -> Verdict {
    match result {
        Ok(_) => Verdict::Fine,
        Err(error) => {
            assert!(!error.staff_message().is_empty());
            match error {
                ProviderError::Refused { code, .. } => Verdict::Refused(code),
                ProviderError::Unknown { .. } => Verdict::Unknown,
                ProviderError::NotSent { .. } => Verdict::NotSent,
                ProviderError::Misconfigured { .. } => Verdict::Misconfigured,
            }
        }
    }
}

/// The five calls, each under the name of its switch.
async fn all_calls(world: &NambaWorld, client: &NambaClient, order: &PaymentOrder, id: &str) -> [(&'static str, Verdict); 5] {
    [
        ("create_link", verdict(client.create_link(world.link(id, 500)).await)),
        ("payment", verdict(client.payment_by_external_id("ORDER").await)),
        ("refund", verdict(client.create_refund(id, world.refund(order, 1)).await)),
        ("refund_status", verdict(client.refund_status("R-0").await)),
        ("merchant", verdict(client.merchant_info().await)),
    ]
}

fn all_switched(fault: &str) -> serde_json::Value {
    json!({"reset": true, "create_link": fault, "payment": fault, "refund": fault, "refund_status": fault, "merchant": fault, "hang_ms": 60_000})
}

#[tokio::test]
async fn every_faulty_answer_to_every_call_has_its_verdict() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    world.client.create_refund("R-0", world.refund(&order, 1)).await.unwrap();
    for (fault, expected) in [
        ("none", Verdict::Fine),
        ("error_in_200", Verdict::Refused(RefusalCode::Validation)),
        ("unknown_error", Verdict::Unknown),
        ("undocumented_code", Verdict::Refused(RefusalCode::Other("SOMETHING_NEW_EXCEPTION".to_owned()))),
        ("wrong_signature", Verdict::Misconfigured),
        ("html_500", Verdict::Unknown),
        ("empty_body", Verdict::Unknown),
        ("broken", Verdict::Unknown),
        ("empty_object", Verdict::Unknown),
        ("too_many_requests", Verdict::NotSent),
        ("huge", Verdict::Unknown),
        ("redirect", Verdict::Misconfigured),
    ] {
        world.faults(all_switched(fault)).await;
        for (call, found) in all_calls(&world, &world.client, &order, fault).await {
            assert_eq!(found, expected, "{call} with {fault}");
        }
    }
}

#[tokio::test]
async fn silence_leaves_every_outcome_unknown() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    world.faults(all_switched("hang")).await;
    let client = world.client_with(|c| c.timeouts = impatient());
    let (link, payment, refund, status, merchant) = tokio::join!(
        client.create_link(world.link("SILENT", 500)),
        client.payment_by_external_id("ORDER"),
        client.create_refund("R", world.refund(&order, 1)),
        client.refund_status("R"),
        client.merchant_info(),
    );
    assert_eq!(
        [verdict(link), verdict(payment), verdict(refund), verdict(status), verdict(merchant)],
        [const { Verdict::Unknown }; 5]
    );
    assert_eq!(world.state().await["refunds"], json!([]), "silent before it acted");
    // It stops although answers are open.
    world.provider.stop().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_and_not_made_twice() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    world.faults(json!({"refund": "hang", "act_before_faulty_answer": true, "faulty_answers_left": 1})).await;
    let client = world.client_with(|c| c.timeouts = impatient());
    let lost = client.create_refund("R", world.refund(&order, 700)).await.unwrap_err();
    assert!(lost.may_have_happened() && !lost.is_safe_to_repeat());
    let again = world.client.create_refund("R", world.refund(&order, 700)).await.unwrap_err();
    assert_eq!(again.refusal(), Some(&RefusalCode::RefundAlreadyExists));
    let found = world.client.refund_status("R").await.unwrap().unwrap();
    assert_eq!(found.amount, Some(Tyiyn::new(700)));
    assert_eq!(world.state().await["refunds"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_keeps_its_id() {
    let world = NambaWorld::start().await;
    for (id, fault) in [("A", "html_500"), ("B", "empty_body"), ("C", "broken"), ("D", "empty_object")] {
        world.faults(json!({"create_link": fault, "act_before_faulty_answer": true, "faulty_answers_left": 1})).await;
        assert!(world.client.create_link(world.link(id, 500)).await.unwrap_err().may_have_happened());
        assert_eq!(world.client.create_link(world.link(id, 500)).await.unwrap_err().refusal(), Some(&RefusalCode::LinkIdTaken));
    }
}

#[tokio::test]
async fn what_never_left_is_told_from_what_may_have_arrived() {
    let world = NambaWorld::start().await;
    let at = |addr: std::net::SocketAddr| world.client_with(|c| c.base_url = Url::parse(&format!("http://{addr}")).unwrap());
    let unreachable = at(nobody().await).create_link(world.link("A", 500)).await.unwrap_err();
    assert!(unreachable.is_safe_to_repeat(), "{unreachable}");
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"status\":\"OK\"",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz",
    ] {
        let broken = at(hangs_up_after(answer).await).create_link(world.link("A", 500)).await.unwrap_err();
        assert!(broken.may_have_happened(), "{broken}");
    }
}

#[tokio::test]
async fn fields_that_nobody_documents_change_nothing() {
    let mut world = NambaWorld::start().await;
    world.faults(json!({"extra_fields": true})).await;
    let order = world.paid("ORDER", 500).await;
    assert_eq!(order.paid(), Some(Tyiyn::new(50_000)));
    world.client.create_refund("R", world.refund(&order, 5)).await.unwrap();
    assert!(matches!(parse(&world.receiver.next().await.body), Ok(WebhookEvent::RefundOrder(_))));
    world.client.merchant_info().await.unwrap();
}

#[tokio::test]
async fn a_refund_ends_in_many_ways() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    for (fault, status, outcome, code) in [
        ("completed", RefundStatus::Completed, RefundOutcome::Completed, None),
        ("processing", RefundStatus::Processing, RefundOutcome::Pending, None),
        ("stuck", RefundStatus::Stuck, RefundOutcome::Pending, None),
        ("requisites_not_found", RefundStatus::Failed, RefundOutcome::Failed, Some(RefundErrorCode::RequisitesNotFound)),
        ("provider_unavailable", RefundStatus::Failed, RefundOutcome::Failed, Some(RefundErrorCode::ProviderUnavailable)),
        ("unrecognised_response", RefundStatus::Failed, RefundOutcome::Failed, Some(RefundErrorCode::UnrecognisedResponse)),
        ("canceled", RefundStatus::Canceled, RefundOutcome::Failed, None),
        ("expired", RefundStatus::Expired, RefundOutcome::Failed, None),
        ("something_new", RefundStatus::Unknown("SOMETHING_NEW".to_owned()), RefundOutcome::Pending, None),
    ] {
        world.faults(json!({"refund_outcome": fault})).await;
        world.client.create_refund(fault, world.refund(&order, 100)).await.unwrap();
        world.receiver.next().await;
        let refund = world.client.refund_status(fault).await.unwrap().unwrap();
        assert_eq!((refund.status.outcome(), refund.error_code), (outcome, code), "{fault}");
        assert_eq!(refund.status, status);
    }
    // What was stuck is done by hand in the end.
    world.control("refund/stuck", json!({"status": "COMPLETED"})).await;
    assert_eq!(world.receiver.next().await.status(), "COMPLETED");
    assert_eq!(world.client.refund_status("stuck").await.unwrap().unwrap().status, RefundStatus::Completed);
}

#[tokio::test]
async fn an_empty_account_is_seen_and_said() {
    let mut world = NambaWorld::start().await;
    let order = world.paid("ORDER", 500).await;
    world.faults(json!({"low_float": true})).await;
    assert_eq!(world.client.merchant_info().await.unwrap().available, Tyiyn::new(1));
    assert!(world.client.create_refund("R", world.refund(&order, 100)).await.unwrap_err().needs_staff());
}

#[tokio::test]
async fn the_webhook_can_be_there_before_the_link() {
    let mut world = NambaWorld::start().await;
    world.faults(json!({"webhook_before_answer": true})).await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    assert_eq!(world.receiver.pending(), 1, "it had come when the link was returned");
    assert!(world.client.payment_by_external_id("ORDER").await.unwrap().unwrap().paid().is_some());
}

#[tokio::test]
async fn webhooks_come_twice_reordered_forged_foreign_and_broken() {
    let mut world = NambaWorld::start().await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    world
        .faults(json!({"webhook_duplicates": 2, "webhook_reordered": true, "webhook_foreign": true, "webhook_unknown_type": true, "webhook_malformed": true}))
        .await;
    world.control("pay/ORDER", json!({"wait": true})).await;
    let mut seen = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..7 {
        let notice = world.receiver.next().await;
        seen.push(match parse(&notice.body) {
            Ok(event @ WebhookEvent::PaymentOrder(_)) => {
                keys.push(event.event_key(&notice.body));
                let WebhookEvent::PaymentOrder(order) = event else { unreachable!() };
                format!("{} {}", order.external_id, order.status)
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        });
    }
    assert_eq!(
        seen,
        [
            "../x COMPLETED",
            "Other { kind: \"PAYOUT_ORDER\" }",
            "no JSON object",
            "ORDER COMPLETED",
            "ORDER COMPLETED",
            "ORDER COMPLETED",
            "ORDER PROCESSING"
        ]
    );
    assert_eq!((&keys[1], &keys[2]), (&keys[3], &keys[2]), "duplicates share their key");
    assert_ne!(keys[3], keys[4]);

    world.faults(json!({"reset": true})).await;
    for (what, secret) in [("forge", None), ("forge_wrong_secret", Some("forged".to_owned()))] {
        world.control("webhook/ORDER", json!({"what": what})).await;
        assert_eq!(world.receiver.next().await.secret, secret);
    }
    let answer = world.control("webhook/ORDER", json!({"what": "duplicate", "count": 3})).await;
    assert_eq!(answer["webhook_http_statuses"], json!([200, 200, 200]));
    world.control("webhook/ORDER", json!({"what": "reorder"})).await;
    for _ in 0..3 {
        assert_eq!(world.receiver.next().await.status(), "COMPLETED");
    }
    assert_eq!(world.receiver.next().await.status(), "PROCESSING");
    world.control("webhook/ORDER", json!({"what": "empty_body"})).await;
    assert!(world.receiver.next().await.body.is_empty());
}

#[tokio::test]
async fn a_webhook_is_repeated_until_it_is_taken() {
    let mut world = NambaWorld::start().await;
    world.receiver.will_answer([503, 500, 401]);
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    world.control("pay/ORDER", json!({})).await;
    let bodies = [
        world.receiver.next().await.body,
        world.receiver.next().await.body,
        world.receiver.next().await.body,
        world.receiver.next().await.body,
    ];
    assert!(bodies.iter().all(|b| *b == bodies[0]), "the same notice each time");
}

#[tokio::test]
async fn without_webhooks_asking_is_enough() {
    let mut world = NambaWorld::start().await;
    world.faults(json!({"webhooks_off": true})).await;
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    world.control("pay/ORDER", json!({"wait": true})).await;
    assert!(world.client.payment_by_external_id("ORDER").await.unwrap().unwrap().paid().is_some());
    assert_eq!(world.receiver.pending(), 0);
}

#[tokio::test]
async fn it_stops_while_webhooks_wait_for_their_next_attempt() {
    let mut world = NambaWorld::start_with(|c| c.webhook_retry_every = Duration::from_secs(3_600)).await;
    world.receiver.will_answer([503]);
    world.client.create_link(world.link("ORDER", 500)).await.unwrap();
    world.control("pay/ORDER", json!({})).await;
    world.receiver.next().await;
    world.provider.stop().await;
}

#[tokio::test]
async fn a_switch_that_does_not_exist_is_named() {
    let world = NambaWorld::start().await;
    let url = format!("{}control/faults", world.provider.base_url);
    let answer = world.http.post(url).json(&json!({"no_such_switch": true})).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("no_such_switch"));
}
