//! Partitions by day, and what they hold.

use chrono::TimeDelta;

use super::*;
use crate::testing::TestDb;

fn frame(at: DateTime<Utc>, text: &str) -> NewFrame {
    NewFrame {
        at,
        lease: Lease { charge_point: ChargePointId::parse("018f0000-0000-7000-8000-000000000001").unwrap(), epoch: 1 },
        direction: Direction::In,
        message_type: 2,
        message_id: Some("1".into()),
        action: None,
        frame: text.to_owned(),
        violations: Some(r#"[{"path":"","what":"odd"}]"#.into()),
    }
}

async fn keep(db: &Db, frames: Vec<NewFrame>) {
    db::tx(db, move |mut tx| {
        let frames = frames.clone();
        async move { append(&mut tx, &frames.iter().collect::<Vec<_>>()).await }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn frames_are_kept_and_read_newest_first() {
    let test = TestDb::new().await;
    let logs = OcppLogs::new(test.db.clone());
    assert_eq!(logs.ensure_partitions().await.unwrap(), 9);
    assert_eq!(logs.ensure_partitions().await.unwrap(), 0);
    let now = test.db.now();
    keep(&test.db, vec![frame(now, "a"), frame(now, "b"), frame(now + TimeDelta::seconds(1), "c")]).await;
    let charge_point = frame(now, "").lease.charge_point;
    let page = logs.tail(charge_point, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|f| f.frame.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    let rest = logs.tail(charge_point, Some(page[1].id), 2).await.unwrap();
    assert_eq!(rest.iter().map(|f| f.frame.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(rest[0].violations.as_ref().unwrap()[0]["what"], "odd");
}

/// Nothing is lost when the partition of a day was not made in time.
#[tokio::test]
async fn frames_of_a_day_without_a_partition_move_when_it_is_made() {
    let test = TestDb::new().await;
    let logs = OcppLogs::new(test.db.clone());
    let now = test.db.now();
    keep(&test.db, vec![frame(now, "early")]).await;
    logs.ensure_partitions().await.unwrap();
    assert_eq!(logs.tail(frame(now, "").lease.charge_point, None, 10).await.unwrap().len(), 1);
}

/// Field case 14.
#[tokio::test]
async fn old_days_go_as_a_whole() {
    let test = TestDb::new().await;
    let logs = OcppLogs::new(test.db.clone());
    logs.ensure_partitions().await.unwrap();
    let now = test.db.now();
    keep(
        &test.db,
        vec![frame(now - TimeDelta::days(60), "default"), frame(now, "old"), frame(now + TimeDelta::days(5), "new")],
    )
    .await;
    test.clock.advance(TimeDelta::days(7));
    assert_eq!(logs.drop_older_than(TimeDelta::days(5)).await.unwrap(), 3);
    let kept = logs.tail(frame(now, "").lease.charge_point, None, 10).await.unwrap();
    assert_eq!(kept.iter().map(|f| f.frame.as_str()).collect::<Vec<_>>(), ["new"]);
}
