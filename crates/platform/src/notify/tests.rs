//! Messages against the gateway's stand-in, over HTTP.

use serde_json::json;

use super::*;
use crate::balance::standin::StandIns;
use crate::jobs::Runner;
use crate::testing::TestDb;

struct House {
    test: TestDb,
    standins: StandIns,
    runner: Runner,
}

impl House {
    async fn start() -> Self {
        let test = TestDb::new().await;
        let standins = StandIns::start(&test.db).await;
        let notify = Notify::new(test.db.clone(), standins.gateway.clone());
        let runner = Runner::new(test.db.clone(), "test", notify.handlers());
        Self { test, standins, runner }
    }

    async fn queue(&self, key: &'static str) -> bool {
        db::tx(&self.test.db, move |mut tx| async move {
            let phone = Phone::parse("0700123456").unwrap();
            queue_sms(&mut tx, key, &phone, "Чек 500 сом: https://ev.example/g/x").await
        })
        .await
        .unwrap()
    }

    async fn later(&self, by: TimeDelta) {
        self.test.clock.advance(by);
        self.runner.run_due_once().await.unwrap();
    }

    async fn row(&self) -> (String, i32) {
        sqlx::query_as("select state, attempts from sms_message").fetch_one(self.test.db.pool()).await.unwrap()
    }

    async fn alerts(&self) -> Vec<String> {
        sqlx::query_scalar("select kind from alert where resolved_at is null").fetch_all(self.test.db.pool()).await.unwrap()
    }
}

#[tokio::test]
async fn a_message_is_sent_once_an_occasion() {
    let house = House::start().await;
    assert!(house.queue("receipt:1").await);
    assert!(!house.queue("receipt:1").await);
    house.later(TimeDelta::zero()).await;
    house.later(TimeDelta::hours(1)).await;
    assert_eq!(house.standins.inbox().await.len(), 1);
    assert_eq!(house.row().await, ("sent".to_owned(), 1));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_under_the_same_id() {
    let house = House::start().await;
    house
        .standins
        .sms_faults(json!({ "answer": "html_500", "act_before_faulty_answer": true, "faulty_answers_left": 1 }))
        .await;
    house.queue("receipt:1").await;
    house.later(TimeDelta::zero()).await;
    assert_eq!(house.row().await.0, "queued");
    house.later(TimeDelta::seconds(10)).await;
    assert_eq!(house.row().await, ("sent".to_owned(), 2));
    assert_eq!(house.standins.inbox().await.len(), 1);
}

#[tokio::test]
async fn a_processing_timeout_of_the_gateway_is_repeated() {
    let house = House::start().await;
    house.standins.sms_faults(json!({ "message_status": 9, "faulty_answers_left": 2 })).await;
    house.queue("receipt:1").await;
    for _ in 0..3 {
        house.later(TimeDelta::seconds(15)).await;
    }
    assert_eq!(house.row().await, ("sent".to_owned(), 3));
}

#[tokio::test]
async fn a_number_that_cannot_be_reached_is_told_to_staff_and_given_up() {
    let house = House::start().await;
    house.standins.sms_faults(json!({ "message_status": 7 })).await;
    house.queue("receipt:1").await;
    house.later(TimeDelta::zero()).await;
    house.later(TimeDelta::hours(2)).await;
    assert_eq!(house.row().await, ("failed".to_owned(), 1));
    assert_eq!(house.alerts().await, ["sms_failed"]);
}

#[tokio::test]
async fn an_empty_account_holds_messages_back_until_staff_has_filled_it() {
    let house = House::start().await;
    house.standins.sms_faults(json!({ "message_status": 4 })).await;
    house.queue("receipt:1").await;
    house.later(TimeDelta::zero()).await;
    assert_eq!((house.row().await.0, house.alerts().await), ("queued".to_owned(), vec!["sms_gateway".to_owned()]));
    house.standins.sms_faults(json!({ "reset": true })).await;
    house.later(TimeDelta::minutes(10)).await;
    assert_eq!(house.row().await.0, "sent");
    assert_eq!(house.alerts().await, [""; 0]);
}

#[tokio::test]
async fn a_message_that_is_a_day_old_is_not_sent_any_more() {
    let house = House::start().await;
    house.standins.sms_faults(json!({ "answer": "too_many_requests" })).await;
    house.queue("receipt:1").await;
    house.later(TimeDelta::zero()).await;
    house.later(TimeDelta::hours(24)).await;
    assert_eq!(house.row().await.0, "failed");
}

#[test]
fn pauses_grow_to_ten_minutes() {
    assert_eq!(repeat_after(1), REPEAT_FIRST);
    assert_eq!(repeat_after(2), REPEAT_FIRST * 2);
    assert_eq!(repeat_after(i32::MAX), REPEAT_MAX);
    assert_eq!(repeat_after(-1), REPEAT_FIRST);
}

#[tokio::test]
async fn a_secret_is_not_kept_once_it_is_sent_and_not_sent_once_it_is_useless() {
    let house = House::start().await;
    let phone = Phone::parse("0700123456").unwrap();
    let until = house.test.db.now() + TimeDelta::minutes(5);
    for key in ["code:1", "code:2"] {
        let phone = phone.clone();
        db::tx(&house.test.db, move |mut tx| {
            let phone = phone.clone();
            async move { queue_secret_sms(&mut tx, key, &phone, "Код: 123456", until).await }
        })
        .await
        .unwrap();
        house.later(TimeDelta::zero()).await;
        house.standins.sms_faults(json!({ "answer": "html_500", "faulty_answers_left": 100 })).await;
    }
    house.later(TimeDelta::minutes(5)).await;
    let rows: Vec<(String, String)> = sqlx::query_as("select state, text from sms_message order by business_key")
        .fetch_all(house.test.db.pool())
        .await
        .unwrap();
    assert_eq!(rows, [("sent".to_owned(), String::new()), ("failed".to_owned(), String::new())]);
    assert_eq!(house.standins.inbox().await.len(), 1);
}
