//! Numbers, immutability and the proof that a receipt is what was issued.

use chrono::TimeDelta;
use domain::Wh;

use super::*;
use crate::db;
use crate::guest::house::House;
use crate::invariants;

/// A house with one settled session.
async fn settled() -> (House, SessionId) {
    let house = House::start().await;
    house.paid("ABCD", "500").await;
    let tag = house.take_start().await.unwrap();
    let transaction = house.plug_in(1, &tag).await;
    house.test.clock.advance(TimeDelta::minutes(30));
    house.unplug(transaction, &tag, Wh::new(10_000)).await;
    let session: uuid::Uuid =
        sqlx::query_scalar("select id from charging_session").fetch_one(house.test.db.pool()).await.unwrap();
    (house, SessionId::from_uuid(session))
}

fn draft_of(document: ReceiptDocument, session: SessionId) -> ReceiptDraft {
    ReceiptDraft {
        session,
        locale: document.locale,
        time_zone: document.time_zone,
        seller_name: document.seller_name,
        seller_tin: document.seller_tin,
        helpline: document.helpline,
        station_name: document.station_name,
        station_address: document.station_address,
        connector_label: document.connector_label,
        plug: document.plug,
        max_power: document.max_power,
        started_at: document.started_at,
        ended_at: document.ended_at,
        stop_reason: document.stop_reason,
        meter_start: document.meter_start,
        meter_stop: document.meter_stop,
        energy: document.energy,
        lines: document.lines,
        cost: document.cost,
        written_off: document.written_off,
        total: document.total,
        paid: document.paid,
        refund: document.refund,
        taxes: document.taxes,
        payment_reference: document.payment_reference,
        timeline: document.timeline,
    }
}

#[tokio::test]
async fn a_session_has_one_receipt_and_a_rollback_leaves_no_gap() {
    let (house, session) = settled().await;
    let document = house.receipts.find(session).await.unwrap().unwrap();
    assert_eq!(document.number, "RP-2026-000001");
    let draft = draft_of(document, session);
    let again = db::tx(&house.test.db, move |mut tx| {
        let draft = draft.clone();
        async move { issue(&mut tx, draft).await }
    });
    again.await.unwrap();
    // A number that is taken and rolled back is given to the next one.
    let taken = async || {
        db::tx(&house.test.db, |mut tx| async move {
            let number = store::next_number(&mut tx, "00000000000000", 2026).await?;
            Err::<(), _>(sqlx::Error::Protocol(number.to_string()))
        })
        .await
        .unwrap_err()
        .to_string()
    };
    assert_eq!(taken().await, taken().await);
    house.is_in_order().await;
}

#[tokio::test]
async fn a_receipt_that_does_not_add_up_is_not_issued() {
    let (house, session) = settled().await;
    let mut draft = draft_of(house.receipts.find(session).await.unwrap().unwrap(), SessionId::from_uuid(uuid::Uuid::nil()));
    draft.total = Tyiyn::new(1);
    let refused = db::tx(&house.test.db, move |mut tx| {
        let draft = draft.clone();
        async move { issue(&mut tx, draft).await }
    });
    assert!(matches!(refused.await, Err(ReceiptsError::Invalid(ReceiptError::CostAndTotal))));
    house.is_in_order().await;
}

#[tokio::test]
async fn nobody_changes_a_receipt_and_who_does_is_seen() {
    let (house, session) = settled().await;
    for sql in ["update receipt set number = 'x'", "delete from receipt", "truncate receipt"] {
        let error = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(house.test.db.pool()).await.unwrap_err();
        assert_eq!(db::constraint(&error), Some("receipt_immutable"), "{sql}");
    }
    // Behind the back of the trigger.
    let mut owner = house.test.db.pool().acquire().await.unwrap();
    for sql in [
        "alter table receipt disable trigger receipt_immutable",
        "update receipt set document = jsonb_set(document, '{seller_name}', '\"Other\"')",
        "alter table receipt enable trigger receipt_immutable",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *owner).await.unwrap();
    }
    drop(owner);
    assert!(matches!(house.receipts.find(session).await, Err(ReceiptsError::Tampered(_))));
    let broken = invariants::check(&house.test.db, &[check]).await.unwrap();
    assert_eq!(broken.len(), 1);
}

#[tokio::test]
async fn a_session_without_a_receipt_has_no_pdf() {
    let house = House::start().await;
    let nobody = SessionId::from_uuid(uuid::Uuid::nil());
    assert!(house.receipts.pdf(nobody, None).await.unwrap().is_none());
}
