//! Mistakes that cost systems of this kind money, each by its number in the list. The ninth, a webhook that is answered before the
//! credit is durable, is told in `server/tests/it/guest_way.rs`: it needs no charge point.

use std::collections::HashSet;

use chrono::{SecondsFormat, TimeDelta};
use domain::charging::session::{SessionState, StopReason};
use domain::{Tyiyn, Wh};
use serde_json::Value;

use crate::house::{Charger, House, Running, meter_payload, start_payload};

/// Charges at 12 kW, a reading every five minutes in words of its own, until a stop comes; the register then.
async fn charge_until_stopped(
    house: &House,
    charger: &mut Charger,
    running: &Running,
    mut register_wh: i64,
    says: impl Fn(i64) -> String,
) -> i64 {
    for _ in 0..100 {
        house.pass(TimeDelta::minutes(5));
        register_wh += 1_000;
        charger.sampled(1, running.transaction, &house.time(), &says(register_wh)).await;
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

fn wh(register_wh: i64) -> String {
    format!(r#"{{"value":"{register_wh}","unit":"Wh"}}"#)
}

#[tokio::test]
async fn mistake_1_a_reconnect_does_not_forget_the_limit() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    charger.vanish();
    house.until_seen(running.session, |s| s.link_lost).await;
    let mut charger = house.socket("CP1").await;
    let register = charge_until_stopped(&house, &mut charger, &running, 1_002_000, wh).await;
    is_stopped_at_the_limit(&house, &mut charger, &running, register).await;
}

#[tokio::test]
async fn mistake_1_each_connector_has_a_limit_of_its_own() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let small = house.charge(&mut charger, "CP1", 100).await;
    let large = house.begin_at(house.connector("CP1", 2), 200).await.unwrap();
    let id_tag = charger.accept_start().await;
    let second = charger.start(2, &id_tag, 0, &house.time()).await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    let mut register = 0;
    let mut small_runs = true;
    while house.see(large).await.state == SessionState::Charging {
        assert!(register < 14_000, "the larger limit is forgotten");
        house.pass(TimeDelta::minutes(5));
        register += 1_000;
        charger.sampled(2, second, &house.time(), &wh(register)).await;
        if small_runs {
            charger.meter(small.transaction, 1_000_000 + register, &house.time()).await;
            if house.see(small.session).await.state == SessionState::Stopping {
                charger.accept_stop(small.transaction).await;
                is_stopped_at_the_limit(&house, &mut charger, &small, 1_000_000 + register).await;
                small_runs = false;
            }
        }
    }
    charger.accept_stop(second).await;
    charger.end(second, register, &house.time(), "Remote").await;
    let billed = house.see(large).await.billed.unwrap();
    assert!(Tyiyn::new(17_000) <= billed && billed <= Tyiyn::new(20_000), "{billed:?}");
    house.is_in_order().await;
}

#[tokio::test]
async fn mistake_2_kilowatt_hours_stop_as_early_as_watt_hours() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 100).await;
    let kwh = |register: i64| format!(r#"{{"value":"{}.{:03}","unit":"kWh"}}"#, register / 1_000, register % 1_000);
    let register = charge_until_stopped(&house, &mut charger, &running, 1_000_000, kwh).await;
    is_stopped_at_the_limit(&house, &mut charger, &running, register).await;
}

#[tokio::test]
async fn mistake_3_transactions_that_begin_in_the_same_moment_have_ids_of_their_own() {
    let house = House::open().await;
    let (mut one, mut two) = (house.charger("CP1").await, house.charger("CP2").await);
    let time = house.time();
    let mut ids = HashSet::new();
    for charger in [&mut one, &mut two] {
        for n in 0..10 {
            for connector in [1, 2] {
                let payload = start_payload(connector, &format!("CARD{n}"), 0, &time);
                charger.raw.send(format!(r#"[2,"{n}-{connector}","StartTransaction",{payload}]"#)).await.unwrap();
            }
        }
    }
    for charger in [&mut one, &mut two] {
        for n in 0..10 {
            for connector in [1, 2] {
                let answer = charger.raw.answer(&format!("{n}-{connector}")).await.unwrap();
                let answer: Value = serde_json::from_str(&answer).unwrap();
                ids.insert(answer[2]["transactionId"].as_i64().unwrap());
            }
        }
    }
    assert_eq!(ids.len(), 40);
    assert!(ids.iter().all(|id| *id > 0 && i32::try_from(*id).is_ok()), "{ids:?}");
}

#[tokio::test]
async fn mistake_4_negative_energy_is_billed_as_none_and_refunds_no_more_than_was_paid() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.sampled(1, running.transaction, &house.time(), r#"{"value":"-4076","unit":"kWh"}"#).await;
    charger.meter(running.transaction, 999_000, &house.time()).await;
    // Less than at the start, and no reading has shown another register.
    charger.end(running.transaction, 1_000, &house.time(), "Local").await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.energy, seen.billed), (SessionState::Settled, Wh::ZERO, Some(Tyiyn::ZERO)));
    assert_eq!(house.number("select min(energy_wh) from meter_sample").await, 0);
    house.is_in_order().await;
}

#[tokio::test]
async fn mistake_5_the_night_price_is_in_live_cost_threshold_bill_and_receipt() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    // 22:00 in Bishkek; the night begins at 23:00: 10 kWh at 15 som, then at 12.
    house.pass(TimeDelta::hours(7));
    let running = house.charge(&mut charger, "CP1", 300).await;
    for (half_hours, cost) in [(1, 7_500), (2, 15_000), (3, 21_000), (4, 27_000)] {
        house.pass(TimeDelta::minutes(30));
        charger.meter(running.transaction, 1_000_000 + half_hours * 5_000, &house.time()).await;
        let seen = house.see(running.session).await;
        // At the day's price 20 kWh would be 300 som: past the threshold of 285.
        assert_eq!((seen.state, seen.cost), (SessionState::Charging, Tyiyn::new(cost)), "after {half_hours} half hours");
    }
    charger.end(running.transaction, 1_020_000, &house.time(), "Local").await;
    let seen = house.see(running.session).await;
    assert_eq!(seen.billed, Some(Tyiyn::new(27_000)));
    assert_eq!(house.number("select (document->>'total')::bigint from receipt").await, 27_000);
    house.is_in_order().await;
}

#[tokio::test]
async fn mistake_6_a_start_that_arrives_after_a_reboot_is_paid_for() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    house.until_seen(session, |s| s.start_accepted).await;
    charger.vanish();
    let mut charger = house.charger("CP1").await;
    assert_eq!(house.see(session).await.state, SessionState::Starting, "a reboot alone refunds nothing");
    let transaction = charger.start(1, &id_tag, 0, &house.time()).await;
    house.pass(TimeDelta::minutes(10));
    charger.end(transaction, 2_000, &house.time(), "Local").await;
    assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn mistake_6_what_charges_on_after_it_was_closed_is_stopped() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(5));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    charger.boot().await;
    house.pass(TimeDelta::minutes(6));
    house.tick().await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(1_500)));
    // It had only lost its memory of the link, and gives energy that nobody pays for any more. The Start is told again as well.
    assert_eq!(charger.start(1, &running.id_tag, 1_000_000, &house.time()).await, running.transaction);
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    charger.accept_stop(running.transaction).await;
    house.pass(TimeDelta::seconds(10));
    charger.meter(running.transaction, 1_002_050, &house.time()).await;
    charger.was_asked_nothing().await;
    // Accepted, and it goes on all the same: asked again.
    house.pass(TimeDelta::seconds(61));
    charger.meter(running.transaction, 1_002_100, &house.time()).await;
    charger.accept_stop(running.transaction).await;
    charger.end(running.transaction, 1_002_100, &house.time(), "Remote").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(1_500)), "billed once");
    assert_eq!(house.number("select count(*) from alert where kind = 'energy_after_settlement'").await, 1);
    house.is_in_order().await;
}

#[tokio::test]
async fn mistake_7_a_stop_without_effect_is_asked_for_again() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.stop(running.session).await;
    charger.accept_stop(running.transaction).await;
    charger.call("Heartbeat", "{}").await;
    house.tick().await;
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::seconds(61));
    house.tick().await;
    charger.accept_stop(running.transaction).await;
}

#[tokio::test]
async fn mistake_8_readings_are_answered_when_they_are_stored_and_not_before() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    assert_eq!(house.number("select count(*) from meter_sample").await, 1);
    // The table is gone: no answer, neither good nor bad, and the link ends, so that it is told again.
    house.test.run("alter table meter_sample rename to meter_sample_elsewhere").await;
    house.pass(TimeDelta::minutes(10));
    let told = meter_payload(Some(running.transaction), 1_002_000, &house.time());
    charger.raw.send(format!(r#"[2,"lost","MeterValues",{told}]"#)).await.unwrap();
    assert_eq!(charger.closed().await, Some(1013));
    house.test.run("alter table meter_sample_elsewhere rename to meter_sample").await;
    let mut charger = house.socket("CP1").await;
    charger.call("MeterValues", &told).await;
    assert_eq!(house.number("select count(*) from meter_sample").await, 2);
    assert_eq!(house.see(running.session).await.energy, Wh::new(2_000));
    let time = house.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    charger.end(running.transaction, 1_002_000, &time, "Local").await;
    house.is_in_order().await;
}
