//! Messages through the SMS gateway, and every way in which it says no.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use domain::{Phone, Tyiyn};
use providers::nikita::{SendMode, push};
use providers::{DeliveryState, ProviderError, RefusalCode, SmsMessageId, SmsProvider, SmsReceipt};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

use crate::support::{ANY_PORT, NikitaWorld, control, hangs_up_after, impatient, nobody, sms};

#[tokio::test]
async fn a_message_arrives_letter_by_letter() {
    let world = NikitaWorld::start().await;
    let text = "Чек: https://ev.example/g/a?b=1&c=2 <ok> \"Ңөү\" 'x' ]]> 🔌\nвторая строка";
    assert_eq!(world.client.send(sms("A1", text)).await.unwrap(), SmsReceipt::Accepted { parts: Some(2) });
    assert_eq!(world.inbox("996700123456").await, [text]);
    assert_eq!(world.inbox("996555000000").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_inbox_is_read_by_a_person() {
    let world = NikitaWorld::start().await;
    world.client.send(sms("A1", "первое")).await.unwrap();
    world.client.send(sms("A2", "второе: http://127.0.0.1:3000/g/x?a=1&b=2. <script>")).await.unwrap();
    let html = world.http.get(world.provider.base_url.clone()).send().await.unwrap().text().await.unwrap();
    assert!(html.contains(r#"<a href="http://127.0.0.1:3000/g/x?a=1&amp;b=2""#), "{html}");
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
    assert!(html.find("второе").unwrap() < html.find("первое").unwrap(), "newest first");
}

#[tokio::test]
async fn an_id_is_sent_once() {
    let world = NikitaWorld::start().await;
    world.client.send(sms("A1", "code 1")).await.unwrap();
    assert_eq!(world.client.send(sms("A1", "code 1")).await.unwrap(), SmsReceipt::AlreadyAccepted);
    assert_eq!(world.client.send(sms("A1", "code 2")).await.unwrap(), SmsReceipt::AlreadyAccepted);
    world.faults(json!({"duplicate_answers_zero": true})).await;
    assert_eq!(world.client.send(sms("A1", "code 1")).await.unwrap(), SmsReceipt::Accepted { parts: Some(1) });
    assert_eq!(world.inbox("996700123456").await, ["code 1"]);
}

#[tokio::test]
async fn every_status_of_a_message_has_its_verdict() {
    let world = NikitaWorld::start().await;
    for (status, expected) in [
        (0, "accepted"),
        (1, "refused validation"),
        (2, "misconfigured"),
        (3, "misconfigured"),
        (4, "refused no_funds"),
        (5, "misconfigured"),
        (6, "refused stop_words"),
        (7, "refused bad_phone"),
        (8, "refused bad_time"),
        (9, "unknown"),
        (10, "already"),
        (11, "test"),
        (77, "unknown"),
    ] {
        world.faults(json!({"message_status": status})).await;
        let found = match world.client.send(sms("A1", "hello")).await {
            Ok(SmsReceipt::Accepted { .. }) => "accepted".to_owned(),
            Ok(SmsReceipt::AlreadyAccepted) => "already".to_owned(),
            Ok(SmsReceipt::TestMode) => "test".to_owned(),
            Err(ProviderError::Refused { code, .. }) => format!("refused {code}"),
            Err(ProviderError::Unknown { .. }) => "unknown".to_owned(),
            Err(ProviderError::NotSent { .. }) => "not sent".to_owned(),
            Err(ProviderError::Misconfigured { .. }) => "misconfigured".to_owned(),
        };
        assert_eq!(found, expected, "status {status}");
    }
    assert_eq!(world.inbox("").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_time_out_is_repeated_under_the_same_id() {
    let world = NikitaWorld::start().await;
    world.faults(json!({"message_status": 9, "faulty_answers_left": 1})).await;
    assert!(world.client.send(sms("A1", "hello")).await.unwrap_err().may_have_happened());
    assert!(matches!(world.client.send(sms("A1", "hello")).await, Ok(SmsReceipt::Accepted { .. })));

    world.faults(json!({"reset": true, "answer": "hang", "act_before_faulty_answer": true, "faulty_answers_left": 1})).await;
    let client = world.client_with(|c| c.timeouts = impatient());
    assert!(client.send(sms("A2", "again")).await.unwrap_err().may_have_happened());
    assert_eq!(world.client.send(sms("A2", "again")).await.unwrap(), SmsReceipt::AlreadyAccepted);
    assert_eq!(world.inbox("").await, ["again", "hello"]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown() {
    let world = NikitaWorld::start().await;
    for fault in ["html_500", "empty_body", "broken", "empty_object", "doctype", "huge"] {
        world.faults(json!({"answer": fault})).await;
        assert!(world.client.send(sms("A1", "hello")).await.unwrap_err().may_have_happened(), "{fault}");
        assert!(world.client.account().await.unwrap_err().may_have_happened(), "{fault}");
    }
    world.faults(json!({"answer": "too_many_requests"})).await;
    assert!(world.client.send(sms("A1", "hello")).await.unwrap_err().is_safe_to_repeat());
    world.faults(json!({"answer": "redirect"})).await;
    assert!(matches!(world.client.send(sms("A1", "hello")).await, Err(ProviderError::Misconfigured { .. })));
}

#[tokio::test]
async fn what_never_left_is_told_from_what_may_have_arrived() {
    let world = NikitaWorld::start().await;
    let at = |addr: std::net::SocketAddr| world.client_with(|c| c.base_url = Url::parse(&format!("http://{addr}")).unwrap());
    assert!(at(nobody().await).send(sms("A1", "hello")).await.unwrap_err().is_safe_to_repeat());
    assert!(at(hangs_up_after(b"").await).send(sms("A1", "hello")).await.unwrap_err().may_have_happened());
}

#[tokio::test]
async fn a_wrong_password_or_sender_is_for_staff() {
    let world = NikitaWorld::start().await;
    let stranger = world.client_with(|c| c.password = SecretString::from("wrong"));
    assert!(matches!(stranger.account().await, Err(ProviderError::Misconfigured { .. })));
    let unapproved = world.client_with(|c| c.sender = "Nobody".to_owned());
    assert!(unapproved.send(sms("A1", "hello")).await.unwrap_err().needs_staff());
    let mut other = sms("A1", "hello");
    other.sender = Some("Кто-то".to_owned());
    assert_eq!(world.client.send(other).await.unwrap_err().refusal(), Some(&RefusalCode::InvalidRequest));
}

#[tokio::test]
async fn a_text_that_would_cost_too_much_is_not_sent() {
    let world = NikitaWorld::start().await;
    for text in ["", "  ", &"ж".repeat(4 * 67 + 1), &"a".repeat(801)] {
        assert_eq!(world.client.send(sms("A1", text)).await.unwrap_err().refusal(), Some(&RefusalCode::InvalidRequest));
    }
    assert!(world.client.send(sms("A1", &"ж".repeat(4 * 67))).await.is_ok());
}

#[tokio::test]
async fn an_empty_account_stops_messages_and_is_seen_before() {
    let world = NikitaWorld::start_with(|c| c.balance = Tyiyn::new(99)).await;
    world.client.send(sms("A1", "hello")).await.unwrap();
    let account = world.client.account().await.unwrap();
    assert_eq!((account.active, account.balance, account.price_per_part), (true, Some(Tyiyn::new(49)), Some(Tyiyn::new(50))));
    let poor = world.client.send(sms("A2", "hello")).await.unwrap_err();
    assert_eq!(poor.refusal(), Some(&RefusalCode::NoFunds));
    assert!(poor.needs_staff());
    control(&world.http, &world.provider.base_url, "balance", json!({"balance_tyiyn": 100})).await;
    assert!(world.client.send(sms("A2", "hello")).await.is_ok());
}

#[tokio::test]
async fn test_mode_sends_nothing() {
    let world = NikitaWorld::start().await;
    let test = world.client_with(|c| c.mode = SendMode::Test);
    assert_eq!(test.send(sms("A1", "hello")).await.unwrap(), SmsReceipt::TestMode);
    assert_eq!(world.inbox("").await, Vec::<String>::new());
}

#[tokio::test]
async fn reports_are_asked_for() {
    let world = NikitaWorld::start().await;
    let id = SmsMessageId::parse("A1").unwrap();
    assert_eq!(world.client.delivery(&id).await.unwrap(), []);
    world.client.send(sms("A1", "hello")).await.unwrap();
    for (code, state, is_final) in [
        (0, DeliveryState::Queued, false),
        (1, DeliveryState::HandedToOperator, false),
        (2, DeliveryState::Rejected, true),
        (3, DeliveryState::Delivered, true),
        (4, DeliveryState::NotDelivered, true),
        (5, DeliveryState::NoFunds, true),
        (6, DeliveryState::Unknown, false),
        (7, DeliveryState::ReportExpired, true),
        (8, DeliveryState::Unknown, false),
    ] {
        world.faults(json!({"report": code, "without_namespace": code % 2 == 0})).await;
        let reports = world.client.delivery(&id).await.unwrap();
        assert_eq!((reports.len(), reports[0].state, reports[0].state.is_final()), (1, state, is_final));
        assert_eq!(reports[0].phone_digits, "996700123456");
        assert_eq!(reports[0].sent_at.unwrap().to_rfc3339(), "2026-11-22T12:00:00+00:00");
    }
    for (status, repeat) in [(1, false), (2, false), (3, false), (5, true)] {
        world.faults(json!({"dr_status": status})).await;
        assert_eq!(world.client.delivery(&id).await.unwrap_err().is_safe_to_repeat(), repeat);
    }
}

#[tokio::test]
async fn numbers_are_looked_up() {
    let world = NikitaWorld::start().await;
    let phone = Phone::parse("0700123456").unwrap();
    let info = world.client.number_info(&phone).await.unwrap();
    assert_eq!((info.region.as_deref(), info.operator.as_deref()), (Some("Бишкек,Бишкек"), Some("MegaCom")));
    for (status, code) in [(3, RefusalCode::BadPhone), (4, RefusalCode::UnknownNumber)] {
        world.faults(json!({"def_status": status})).await;
        assert_eq!(world.client.number_info(&phone).await.unwrap_err().refusal(), Some(&code));
    }
}

#[tokio::test]
async fn reports_are_pushed_until_they_are_taken() {
    let (sender, mut received) = mpsc::unbounded_channel();
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let url = Url::parse(&format!("http://{}/push/secret", listener.local_addr().unwrap())).unwrap();
    let mut answers = [500u16, 200].into_iter();
    let statuses = std::sync::Mutex::new(std::iter::from_fn(move || answers.next()));
    let statuses = std::sync::Arc::new(statuses);
    let handler = move |body: Bytes| async move {
        let _ = sender.send(body);
        axum::http::StatusCode::from_u16(statuses.lock().unwrap().next().unwrap_or(200)).unwrap()
    };
    let tracker = tokio_util::task::TaskTracker::new();
    tracker.spawn(async move { axum::serve(listener, Router::new().route("/push/secret", post(handler))).await });

    let world = NikitaWorld::start_with(|c| {
        c.push_url = Some(url);
        c.push_retry_every = std::time::Duration::from_millis(10);
    })
    .await;
    world.client.send(sms("A1", "hello")).await.unwrap();
    for _ in 0..2 {
        let reports = push::parse(&received.recv().await.unwrap()).unwrap();
        assert_eq!((reports[0].id.as_str(), reports[0].report.state), ("A1", DeliveryState::Delivered));
    }
}

#[tokio::test]
async fn the_platform_can_hold_it_as_a_trait() {
    let world = NikitaWorld::start().await;
    let provider: Box<dyn SmsProvider> = Box::new(world.client.clone());
    provider.send(sms("A1", "hello")).await.unwrap();
    assert_eq!(provider.delivery(&SmsMessageId::parse("A1").unwrap()).await.unwrap().len(), 1);
    assert!(provider.account().await.unwrap().active);
}
