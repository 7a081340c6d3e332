use serde_json::json;

use super::*;
use crate::db;
use crate::testing::TestDb;

async fn raise(test: &TestDb) -> bool {
    db::tx(&test.db, |mut tx| async move { raise_alert(&mut tx, "sms_balance", "nikita", &json!({})).await })
        .await
        .expect("an alert")
}

#[tokio::test]
async fn an_audit_event_is_kept_for_ever() {
    let test = TestDb::new().await;
    db::tx(&test.db, |mut tx| async move {
        let event = AuditEvent {
            actor: Actor::Guest("1".into()),
            action: "guest.stop_requested",
            subject_kind: "session",
            subject_id: "2".into(),
            detail: json!({}),
        };
        record(&mut tx, &event).await
    })
    .await
    .expect("recording");
    for attack in ["update audit_event set action = 'x'", "delete from audit_event", "truncate audit_event"] {
        let error = sqlx::query(attack).execute(test.db.pool()).await.expect_err(attack);
        assert_eq!(db::constraint(&error), Some("audit_event_append_only"));
    }
}

#[tokio::test]
async fn an_alert_is_news_once_until_it_is_resolved() {
    let test = TestDb::new().await;
    assert_eq!((raise(&test).await, raise(&test).await), (true, false));
    db::tx(&test.db, |mut tx| async move { resolve_alert(&mut tx, "sms_balance", "nikita").await }).await.expect("resolving");
    assert!(raise(&test).await);
}
