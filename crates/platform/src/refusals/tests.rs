//! What staff sees of those who were not let in, and that they cannot fill the database.

use super::*;
use crate::testing::TestDb;

fn refusal(identity: &str, reason: Reason) -> Refusal<'_> {
    Refusal { identity, address: [203, 0, 113, 9].into(), reason }
}

#[tokio::test]
async fn the_same_refusal_is_one_row_an_hour() {
    let test = TestDb::new().await;
    let refusals = Refusals::new(test.db.clone());
    for _ in 0..3 {
        refusals.note(refusal("CP1", Reason::WrongPassword));
    }
    assert_eq!(refusals.write().await.unwrap(), 1);
    test.clock.advance(TimeDelta::minutes(5));
    refusals.note(refusal("CP1", Reason::WrongPassword));
    refusals.note(refusal("CP2", Reason::NoCertificate));
    refusals.write().await.unwrap();
    test.clock.advance(TimeDelta::hours(1));
    refusals.note(refusal("CP1", Reason::WrongPassword));
    refusals.write().await.unwrap();
    let seen = refusals.recent(Some("CP1"), 10).await.unwrap();
    assert_eq!(seen.iter().map(|r| r.times).collect::<Vec<_>>(), [1, 4]);
    assert_eq!((seen[1].address.as_str(), seen[1].reason.as_str()), ("203.0.113.9", "wrong password"));
    assert_eq!(seen[1].last_at - seen[1].first_at, TimeDelta::minutes(5));
    assert_eq!(refusals.recent(None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_scan_fills_nothing_and_hides_nobody() {
    let test = TestDb::new().await;
    let refusals = Refusals::new(test.db.clone());
    for n in 0..3 * STRANGERS_AN_HOUR_MAX {
        refusals.note(refusal(&format!("SCAN-{n}"), Reason::UnknownIdentity));
    }
    refusals.note(refusal("CP1\u{0}\n", Reason::WrongPassword));
    assert_eq!(refusals.write().await.unwrap(), STRANGERS_AN_HOUR_MAX + 2);
    assert_eq!(refusals.recent(Some("CP1"), 10).await.unwrap().len(), 1);
    let others = refusals.recent(Some(OTHERS), 10).await.unwrap();
    assert_eq!(usize::try_from(others[0].times).unwrap(), 2 * STRANGERS_AN_HOUR_MAX);
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let test = TestDb::new().await;
    let refusals = Refusals::new(test.db.clone());
    refusals.note(refusal("CP1", Reason::WrongPassword));
    refusals.write().await.unwrap();
    test.clock.advance(KEPT);
    assert_eq!(refusals.forget().await.unwrap(), 0);
    test.clock.advance(TimeDelta::seconds(1));
    assert_eq!(refusals.forget().await.unwrap(), 1);
}
