//! What real charge points do: repetitions, wrong order, wrong ids, wrong clocks (reference list, cases 1, 2, 3, 5, 8, 16).

use chrono::{SecondsFormat, TimeDelta};
use domain::charging::session::{SessionState, StopReason};
use domain::{Tyiyn, Wh};

use crate::house::{House, meter_payload, stop_payload};

/// Case 1.
#[tokio::test]
async fn a_start_that_is_told_again_is_the_same_transaction() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    let time = house.time();
    assert_eq!(charger.start(1, &running.id_tag, 1_000_000, &time).await, running.transaction);
    // After a new connection, in another spelling, with a new message id, and even with another time.
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    house.pass(TimeDelta::seconds(30));
    assert_eq!(charger.start(1, &running.id_tag.to_lowercase(), 1_000_000, &time).await, running.transaction);
    assert_eq!(charger.start(1, &running.id_tag, 1_000_000, &house.time()).await, running.transaction);
    charger.was_asked_nothing().await;
    house.is_in_order().await;
}

/// Case 1.
#[tokio::test]
async fn the_first_stop_counts_and_later_ones_are_answered() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    let time = house.time();
    for meter_stop in [1_002_000, 1_002_000, 1_003_000] {
        charger.end(running.transaction, meter_stop, &time, "Local").await;
    }
    let seen = house.see(running.session).await;
    assert_eq!((seen.energy, seen.billed), (Wh::new(2_000), Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

/// Case 2.
#[tokio::test]
async fn a_stop_without_a_usable_id_finds_its_transaction() {
    for id in [-1, 0, 987_654, i64::from(i32::MAX) + 7] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let running = house.charge(&mut charger, "CP1", 500).await;
        house.pass(TimeDelta::minutes(10));
        charger.end(id, 1_002_000, &house.time(), "Local").await;
        assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)), "{id}");
        // Told again, it must not end the next one on the connector.
        let time = house.time();
        let next = house.charge(&mut charger, "CP1", 500).await;
        charger.end(id, 1_002_000, &time, "Local").await;
        assert_eq!(house.see(next.session).await.state, SessionState::Charging, "{id}");
        house.is_in_order().await;
    }
}

/// Case 2: what fits nothing is answered all the same.
#[tokio::test]
async fn a_stop_that_fits_nothing_is_answered() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.end(42, 1_000, &house.time(), "Local").await;
    charger.end(-1, 1_000, "1970-01-01T00:00:00Z", "Local").await;
    charger.call("StopTransaction", r#"{"transactionId":0,"meterStop":-5,"timestamp":"yesterday"}"#).await;
    house.is_in_order().await;
}

/// Case 16.
#[tokio::test]
async fn a_stop_touches_only_transactions_of_its_own_charge_point() {
    let house = House::open().await;
    let mut one = house.charger("CP1").await;
    let mut two = house.charger("CP2").await;
    let running = house.charge(&mut one, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    two.end(running.transaction, 1_100_000, &house.time(), "Local").await;
    two.meter(running.transaction, 1_100_000, &house.time()).await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.energy), (SessionState::Charging, Wh::ZERO));
    // Nor is a tag good at another charge point.
    let authorized = two.call("Authorize", &format!(r#"{{"idTag":"{}"}}"#, running.id_tag)).await;
    assert_eq!(authorized["idTagInfo"]["status"], "Invalid");
    house.is_in_order().await;
}

/// A card that nobody knows: recorded, refused, stopped.
#[tokio::test]
async fn a_foreign_tag_gets_a_transaction_id_and_a_stop() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let (transaction, status) = charger.try_start(1, "04E1A2", 0, &house.time()).await;
    assert!(transaction > 0);
    assert_eq!(status, "Invalid");
    charger.accept_stop(transaction).await;
    charger.end(transaction, 10, &house.time(), "DeAuthorized").await;
    house.is_in_order().await;
}

/// Readings that are repeated, late, and in the wrong order.
#[tokio::test]
async fn readings_in_any_order_and_number_count_once() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    let start = house.now();
    let time = |minutes: i64| (start + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true);
    house.pass(TimeDelta::minutes(30));
    for minutes in [10, 10, 20, 10, 20, 15, 30, 10, 30] {
        charger.meter(running.transaction, 1_000_000 + minutes * 100, &time(minutes)).await;
    }
    assert_eq!(house.see(running.session).await.energy, Wh::new(3_000));
    charger.end(running.transaction, 1_003_000, &time(30), "Local").await;
    // The whole history again, after the end.
    for minutes in [10, 20, 30] {
        charger.meter(running.transaction, 1_000_000 + minutes * 100, &time(minutes)).await;
    }
    charger.end(running.transaction, 1_003_000, &time(30), "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(4_500)));
    house.is_in_order().await;
}

/// A charger that was offline says everything at the end, with its own times.
#[tokio::test]
async fn a_session_that_ran_offline_is_billed_by_its_own_times() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 1_000).await;
    let start = house.now();
    let time = |minutes: i64| (start + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true);
    charger.vanish();
    // From 15:00 to 19:00 in Bishkek: the peak price begins at 18:00.
    house.pass(TimeDelta::hours(5));
    let mut charger = house.socket("CP1").await;
    for hour in 1..=4_i64 {
        charger.meter(running.transaction, 1_000_000 + hour * 10_000, &time(hour * 60)).await;
    }
    charger.end(running.transaction, 1_040_000, &time(240), "Local").await;
    let seen = house.see(running.session).await;
    assert_eq!(seen.billed, Some(Tyiyn::new(30 * 1_500 + 10 * 1_800)));
    assert_eq!(seen.ended_at, Some(start + TimeDelta::hours(4)));
    house.is_in_order().await;
}

/// Case 5: lifetime register in Start and Stop, session-relative in MeterValues.
#[tokio::test]
async fn a_register_that_counts_from_the_sessions_start_is_understood() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    for step in 1..=3_i64 {
        house.pass(TimeDelta::minutes(10));
        charger.meter(running.transaction, step * 1_000, &house.time()).await;
    }
    assert_eq!(house.see(running.session).await.energy, Wh::new(3_000));
    charger.end(running.transaction, 1_003_000, &house.time(), "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(4_500)));
    house.is_in_order().await;
}

/// Case 8: a clock that shows local time, or 1970, or nothing.
#[tokio::test]
async fn a_wrong_clock_does_not_stop_the_counting() {
    for hours_off in [6, -6, -24 * 365 * 56] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let session = house.begin("CP1", 1_000).await;
        let id_tag = charger.accept_start().await;
        let wrong = |house: &House| (house.now() + TimeDelta::hours(hours_off)).to_rfc3339_opts(SecondsFormat::Millis, true);
        let transaction = charger.start(1, &id_tag, 0, &wrong(&house)).await;
        for step in 1..=16_i64 {
            house.pass(TimeDelta::minutes(30));
            charger.meter(transaction, step * 1_000, &wrong(&house)).await;
            assert_eq!(house.see(session).await.energy, Wh::new(step * 1_000), "{hours_off} h off, reading {step}");
        }
        charger.end(transaction, 16_000, &wrong(&house), "Local").await;
        let seen = house.see(session).await;
        assert_eq!((seen.state, seen.ended_at), (SessionState::Settled, Some(house.now())));
        house.is_in_order().await;
    }
}

/// Case 2 and 12: readings that name no transaction.
#[tokio::test]
async fn readings_without_a_transaction_go_to_the_one_of_the_connector() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.call("MeterValues", &meter_payload(None, 1_001_000, &house.time())).await;
    charger.call("MeterValues", &meter_payload(Some(-1), 1_002_000, &house.time())).await;
    assert_eq!(house.see(running.session).await.energy, Wh::new(2_000));
    // The main meter of the charge point is nobody's.
    let main_meter = meter_payload(None, 9_000_000, &house.time()).replace(r#""connectorId":1"#, r#""connectorId":0"#);
    charger.call("MeterValues", &main_meter).await;
    assert_eq!(house.see(running.session).await.energy, Wh::new(2_000));
    house.is_in_order().await;
}

/// Samples that come only with the Stop.
#[tokio::test]
async fn the_values_inside_a_stop_place_the_energy_in_time() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 1_000).await;
    let start = house.now();
    let time = |hours: i64| (start + TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Millis, true);
    house.pass(TimeDelta::hours(4));
    let value = |hours: i64, wh: i64| format!(r#"{{"timestamp":"{}","sampledValue":[{{"value":"{wh}"}}]}}"#, time(hours));
    // All of it before 18:00, so at the day's price.
    let data = format!(r#"{},{}"#, value(2, 1_020_000), value(3, 1_020_000));
    let payload = stop_payload(running.transaction, 1_020_000, &time(4), "Local")
        .replace('}', &format!(r#","transactionData":[{data}]}}"#));
    charger.call("StopTransaction", &payload).await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(20 * 1_500)));
    house.is_in_order().await;
}

/// Case 3: Available without a Stop.
#[tokio::test]
async fn a_transaction_whose_stop_was_lost_is_closed_at_its_last_reading() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    let last_reading = house.now();
    charger.status(1, "Available").await;
    house.pass(TimeDelta::seconds(60));
    house.tick().await;
    assert_eq!(house.see(running.session).await.state, SessionState::Charging, "the Stop gets some time");
    house.pass(TimeDelta::seconds(61));
    house.tick().await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.stop_reason), (SessionState::Settled, Some(StopReason::Silence)));
    assert_eq!((seen.billed, seen.ended_at), (Some(Tyiyn::new(3_000)), Some(last_reading)));
    // It comes after all: answered, kept, and billed no more.
    charger.end(running.transaction, 1_002_500, &house.time(), "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

/// Case 3: a boot, and the transaction goes on.
#[tokio::test]
async fn a_transaction_that_goes_on_after_a_boot_is_not_closed() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.boot().await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    house.tick().await;
    assert_eq!(house.see(running.session).await.state, SessionState::Charging);
    // The next boot ends it.
    charger.boot().await;
    house.pass(TimeDelta::minutes(6));
    house.tick().await;
    assert_eq!(house.see(running.session).await.state, SessionState::Settled);
    house.is_in_order().await;
}
