//! Whole sessions by raw frames, and auto-stop whatever happens to sockets and processes.

use chrono::TimeDelta;
use domain::charging::session::{SessionState, StopReason};
use domain::guest::StartFailure;
use domain::{Tyiyn, Wh};

use crate::house::{Charger, House, Running};

#[tokio::test]
async fn a_guest_charges_stops_and_pays_for_what_was_used() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.status(1, "Preparing").await;
    assert_eq!(
        charger.call("Authorize", &format!(r#"{{"idTag":"{}"}}"#, id_tag.to_lowercase())).await["idTagInfo"]["status"],
        "Accepted"
    );
    let transaction = charger.start(1, &id_tag, 1_000_000, &house.time()).await;
    charger.status(1, "Charging").await;
    for minutes in 1..=6_i64 {
        house.pass(TimeDelta::minutes(10));
        charger.meter(transaction, 1_000_000 + minutes * 2_000, &house.time()).await;
    }
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.energy, seen.cost), (SessionState::Charging, Wh::new(12_000), Tyiyn::new(18_000)));
    assert_eq!(seen.updated_at, Some(house.now()));

    house.stop(session).await;
    charger.accept_stop(transaction).await;
    charger.end(transaction, 1_012_000, &house.time(), "Remote").await;
    let seen = house.see(session).await;
    assert_eq!((seen.state, seen.stop_reason), (SessionState::Settled, Some(StopReason::Payer)));
    assert_eq!((seen.billed, seen.written_off), (Some(Tyiyn::new(18_000)), Some(Tyiyn::ZERO)));
    house.is_in_order().await;
}

#[tokio::test]
async fn the_driver_ends_it_at_the_charger() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.end(running.transaction, 1_003_000, &house.time(), "EVDisconnected").await;
    let seen = house.see(running.session).await;
    assert_eq!(
        (seen.state, seen.stop_reason, seen.billed),
        (SessionState::Settled, Some(StopReason::Charger), Some(Tyiyn::new(4_500)))
    );
    house.is_in_order().await;
}

/// Charges at 12 kW, a reading every five minutes, until a stop comes; the register then.
async fn charge_until_stopped(house: &House, charger: &mut Charger, running: &Running, mut register_wh: i64) -> i64 {
    for _ in 0..100 {
        house.pass(TimeDelta::minutes(5));
        register_wh += 1_000;
        charger.meter(running.transaction, register_wh, &house.time()).await;
        if house.see(running.session).await.state == SessionState::Stopping {
            charger.accept_stop(running.transaction).await;
            return register_wh;
        }
    }
    panic!("never stopped");
}

/// Stopped at the hold, which is 95 % of 100 som, and billed within the limit.
async fn is_stopped_at_the_limit(house: &House, charger: &mut Charger, running: &Running, register_wh: i64) {
    charger.end(running.transaction, register_wh, &house.time(), "Remote").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.stop_reason), (SessionState::Settled, Some(StopReason::Limit)));
    let billed = seen.billed.unwrap();
    assert!(Tyiyn::new(8_500) <= billed && billed <= Tyiyn::new(10_000), "{billed:?}");
    house.is_in_order().await;
}

#[tokio::test]
async fn a_session_is_stopped_before_the_money_is_used_up() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    let register = charge_until_stopped(&house, &mut charger, &running, 1_000_000).await;
    is_stopped_at_the_limit(&house, &mut charger, &running, register).await;
}

#[tokio::test]
async fn auto_stop_survives_a_restart_of_the_server() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    let house = house.restart().await;
    let mut charger = house.socket("CP1").await;
    let register = charge_until_stopped(&house, &mut charger, &running, 1_002_000).await;
    is_stopped_at_the_limit(&house, &mut charger, &running, register).await;
}

/// The threshold is reached while nobody listens: the clock stops it, and the charger hears of it when it is back.
#[tokio::test]
async fn a_silent_session_is_stopped_by_the_clock_and_told_when_the_link_is_back() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    house.pass(TimeDelta::minutes(5));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    charger.vanish();
    let house = house.restart().await;
    house.pass(TimeDelta::minutes(10));
    house.tick().await;
    assert_eq!(house.see(running.session).await.state, SessionState::Charging);
    house.pass(TimeDelta::minutes(40));
    house.tick().await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.stop_queued_offline), (SessionState::Stopping, true));
    let mut charger = house.socket("CP1").await;
    charger.accept_stop(running.transaction).await;
    charger.end(running.transaction, 1_006_000, &house.time(), "Remote").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(9_000)));
    house.is_in_order().await;
}

/// DESIGN § 4, 4: the rest is written off, never billed.
#[tokio::test]
async fn what_passes_the_agreed_sum_is_not_billed() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    house.pass(TimeDelta::hours(2));
    charger.end(running.transaction, 1_010_000, &house.time(), "Local").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.billed, seen.written_off), (Some(Tyiyn::new(10_000)), Some(Tyiyn::new(5_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn a_start_that_is_refused_twice_fails() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    for _ in 0..2 {
        let (id, _) = charger.asked_for("RemoteStartTransaction").await;
        charger.answer(&id, "Rejected").await;
    }
    let seen = house.until(session, SessionState::Failed).await;
    assert_eq!(seen.failure, Some(StartFailure::Rejected));
    // And the connector is free for the next one.
    house.begin("CP1", 500).await;
    house.is_in_order().await;
}

#[tokio::test]
async fn a_second_payer_is_told_that_the_connector_is_busy() {
    use platform::charging::BeginRefusal;
    let house = House::open().await;
    let at = house.connector("CP1", 1);
    assert!(matches!(house.begin_at(at, 500).await, Err(BeginRefusal::Offline)));
    let mut charger = house.socket("CP1").await;
    charger.status(1, "Faulted").await;
    assert!(matches!(house.begin_at(at, 500).await, Err(BeginRefusal::OutOfOrder)));
    charger.status(1, "Available").await;
    house.begin_at(at, 500).await.unwrap();
    assert!(matches!(house.begin_at(at, 500).await, Err(BeginRefusal::Busy)));
}
