//! What real charge points do in the field: one story or more for each of the 21 cases, named after its number. Whatever a charge
//! point says, `Charger::call` insists on a CALLRESULT.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use csms::CsmsSettings;
use domain::charging::hold::Limit;
use domain::charging::session::{SessionState, StopReason};
use domain::guest::StartFailure;
use domain::{Tyiyn, Wh};
use platform::charging::ResetKind;
use serde_json::{Value, json};
use simulator::raw::{RawClient, RawRequest};

use crate::house::{House, Node, meter_payload, patient, quiet, refused, start_payload, stop_payload};

fn at(house: &House, minutes: i64) -> String {
    (house.now() + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

// 1: Start and Stop are told again.

#[tokio::test]
async fn case_01_start_and_stop_retried_with_a_new_message_id() {
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
    house.pass(TimeDelta::minutes(10));
    let late = house.time();
    house.pass(TimeDelta::minutes(1));
    let time = house.time();
    charger.end(running.transaction, 1_002_000, &time, "Local").await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    charger.end(running.transaction, 1_002_000, &time, "Local").await;
    assert_eq!(charger.start(1, &running.id_tag, 1_000_000, &late).await, running.transaction, "a Start that is later still");
    charger.was_asked_nothing().await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    assert_eq!(house.number("select count(*) from charging_transaction").await, 1);
    house.is_in_order().await;
}

#[tokio::test]
async fn case_01_a_start_after_the_stop_is_another_transaction_that_nobody_pays() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.end(running.transaction, 1_000_000, &house.time(), "EVDisconnected").await;
    // It was asked to start twice, and the next car meets the second time: the same tag at the same register.
    house.pass(TimeDelta::seconds(20));
    let (second, status) = charger.try_start(1, &running.id_tag, 1_000_000, &house.time()).await;
    assert!(second != running.transaction && status != "Accepted", "{second}: {status}");
    charger.end(second, 1_002_000, &house.time(), "Local").await;
    assert_eq!(house.see(running.session).await.energy, Wh::ZERO);
    assert_eq!(house.number("select sum(meter_stop_wh - meter_start_wh)::bigint from charging_transaction").await, 2_000);
    house.is_in_order().await;
}

#[tokio::test]
async fn case_01_the_first_stop_wins_and_later_ones_are_evidence() {
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
    assert_eq!(house.number("select count(*) from quarantine where kind = 'stop_repeated'").await, 1);
    house.is_in_order().await;
}

// 2: a Stop with an id that is none.

#[tokio::test]
async fn case_02_a_stop_with_minus_one_zero_or_an_unknown_id_finds_its_transaction() {
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

#[tokio::test]
async fn case_02_of_two_that_run_the_stop_ends_the_one_whose_connector_has_stopped() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let one = house.charge(&mut charger, "CP1", 500).await;
    let two = house.begin_at(house.connector("CP1", 2), 500).await.unwrap();
    let id_tag = charger.accept_start().await;
    charger.start(2, &id_tag, 1_000_000, &house.time()).await;
    charger.status(1, "Charging").await;
    charger.status(2, "Charging").await;
    house.pass(TimeDelta::minutes(10));
    charger.status(1, "Finishing").await;
    charger.end(-1, 1_002_000, &house.time(), "Local").await;
    assert_eq!(house.see(one.session).await.billed, Some(Tyiyn::new(3_000)));
    assert_eq!(house.see(two).await.state, SessionState::Charging);
    house.is_in_order().await;
}

/// With case 8: both times come from the same wrong clock, and so fit each other.
#[tokio::test]
async fn case_02_a_stop_without_an_id_is_matched_by_the_chargers_own_clock() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    let wrong = |house: &House| at(house, -6 * 60);
    charger.start(1, &id_tag, 0, &wrong(&house)).await;
    house.pass(TimeDelta::minutes(10));
    charger.end(-1, 2_000, &wrong(&house), "Local").await;
    assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

#[tokio::test]
async fn case_02_a_stop_that_fits_nothing_is_answered_and_kept_for_staff() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.end(42, 1_000, &house.time(), "Local").await;
    charger.end(-1, 1_000, "1970-01-01T00:00:00Z", "Local").await;
    charger.call("StopTransaction", r#"{"transactionId":0,"meterStop":-5,"timestamp":"yesterday"}"#).await;
    assert_eq!(house.number("select count(*) from quarantine where kind = 'stop_unknown'").await, 3);
    assert_eq!(house.number("select count(*) from alert where kind = 'stop_unknown'").await, 3);
    house.is_in_order().await;
}

// 3: transactions that never end.

#[tokio::test]
async fn case_03_available_without_a_stop_closes_at_the_last_reading() {
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

#[tokio::test]
async fn case_03_a_boot_closes_what_does_not_go_on_after_it() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    charger.boot().await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    house.tick().await;
    assert_eq!(house.see(running.session).await.state, SessionState::Charging, "it goes on");
    charger.boot().await;
    house.pass(TimeDelta::minutes(6));
    house.tick().await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn case_03_the_next_start_on_the_connector_closes_the_one_before() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    let (foreign, status) = charger.try_start(1, "CARD", 1_003_000, &house.time()).await;
    assert_eq!(status, "Invalid");
    charger.accept_stop(foreign).await;
    house.pass(TimeDelta::seconds(121));
    house.tick().await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

#[tokio::test]
async fn case_03_silence_closes_at_the_last_reading_and_not_before_its_time() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 5_000).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    charger.vanish();
    house.until_online("CP1", false).await;
    house.pass(TimeDelta::hours(5));
    house.tick().await;
    assert!(!house.see(running.session).await.state.is_terminal(), "it may be charging on, and tell later");
    house.pass(TimeDelta::hours(2));
    house.tick().await;
    let seen = house.see(running.session).await;
    assert_eq!((seen.state, seen.billed), (SessionState::Settled, Some(Tyiyn::new(3_000))));
    house.is_in_order().await;
}

// 4: half-open sockets.

#[tokio::test]
async fn case_04_of_two_sockets_with_one_identity_the_newer_one_stays() {
    let house = House::open().await;
    let mut old = house.charger("CP1").await;
    let mut new = house.charger("CP1").await;
    assert_eq!(old.closed().await, Some(1008));
    new.call("Heartbeat", "{}").await;
    let facts = house.node.stations.connector(house.connector("CP1", 1)).await.unwrap().unwrap();
    assert!(facts.online, "the end of the old one does not put the new one offline");
}

/// The same with the two sockets at two nodes: the old one finds out when it writes.
#[tokio::test]
async fn case_04_a_socket_at_another_node_is_fenced_off() {
    let house = House::open().await;
    let mut old = house.charger("CP1").await;
    let other = Node::start(house.test.another_node().await, "two", house.charging_settings.clone(), patient()).await;
    let request = RawRequest::new(other.url("/ocpp/CP1")).subprotocol("ocpp1.6").basic("CP1", &house.point("CP1").password);
    let mut new = RawClient::connect(request).await.unwrap();
    new.call("Heartbeat", "{}").await.unwrap();
    old.raw.send(r#"[2,"1","Heartbeat",{}]"#).await.unwrap();
    assert_eq!(old.closed().await, Some(1008));
    new.call("Heartbeat", "{}").await.unwrap();
    other.shut_down().await;
}

#[tokio::test]
async fn case_04_our_own_pings_find_a_dead_socket_and_show_it_offline() {
    assert!(CsmsSettings::default().ping_every <= Duration::from_secs(60));
    let often = CsmsSettings { ping_every: Duration::from_millis(40), missed_pings_max: 2, ..patient() };
    let house = House::with(quiet(), often).await;
    // It is there, and answers nothing: nobody reads its socket.
    let _dead = house.charger("CP1").await;
    house.until_online("CP1", false).await;
    // Nothing of the dead socket is in the way of the new one.
    house.charger("CP1").await.call("Heartbeat", "{}").await;
}

// 5: the energy register.

#[tokio::test]
async fn case_05_a_register_that_counts_from_the_sessions_start_is_understood() {
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

#[tokio::test]
async fn case_05_a_register_that_drops_out_or_begins_anew_never_goes_back() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    // A dropout, then a register that began anew at 1.0 MWh.
    for (register, energy) in [(1_002_000, 2_000), (0, 2_000), (1_004_000, 4_000), (1_500, 5_500), (3_500, 7_500)] {
        house.pass(TimeDelta::minutes(10));
        charger.meter(running.transaction, register, &house.time()).await;
        assert_eq!(house.see(running.session).await.energy, Wh::new(energy), "after {register}");
    }
    charger.end(running.transaction, 3_500, &house.time(), "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(7 * 1_500 + 750)));
    house.is_in_order().await;
}

#[tokio::test]
async fn case_05_transaction_begin_and_sample_periodic_in_one_message() {
    for begin in ["0", "1000000"] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let running = house.charge(&mut charger, "CP1", 500).await;
        house.pass(TimeDelta::minutes(10));
        let begin = format!(r#"{{"value":"{begin}","context":"Transaction.Begin","unit":"Wh"}}"#);
        let periodic = r#"{"value":"1001000","context":"Sample.Periodic","unit":"Wh"}"#;
        charger.sampled(1, running.transaction, &house.time(), &format!("{periodic},{begin}")).await;
        assert_eq!(house.see(running.session).await.energy, Wh::new(1_000), "{begin}");
        house.pass(TimeDelta::minutes(10));
        charger.sampled(1, running.transaction, &house.time(), r#"{"value":"1002000"}"#).await;
        charger.end(running.transaction, 1_002_000, &house.time(), "Local").await;
        assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)), "{begin}");
        house.is_in_order().await;
    }
}

#[tokio::test]
async fn case_05_a_bad_sample_does_not_disable_auto_stop() {
    for bad in ["-4076000", "NaN", "", "0", "12"] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let running = house.charge(&mut charger, "CP1", 100).await;
        let mut register = 1_000_000;
        while house.see(running.session).await.state == SessionState::Charging {
            house.pass(TimeDelta::minutes(1));
            register += 200;
            assert!(register < 1_007_000, "it was never stopped after {bad:?}");
            charger.sampled(1, running.transaction, &house.time(), &format!(r#"{{"value":"{bad}"}}"#)).await;
            charger.meter(running.transaction, register, &house.time()).await;
        }
        charger.accept_stop(running.transaction).await;
        charger.end(running.transaction, register, &house.time(), "Remote").await;
        let seen = house.see(running.session).await;
        assert_eq!(seen.stop_reason, Some(StopReason::Limit), "{bad:?}");
        assert!(seen.billed.unwrap() <= Tyiyn::new(10_000) && seen.written_off == Some(Tyiyn::ZERO), "{bad:?}");
        house.is_in_order().await;
    }
}

/// Samples that come only with the Stop.
#[tokio::test]
async fn case_05_the_values_inside_a_stop_place_the_energy_in_time() {
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

// 6: units and spellings.

#[tokio::test]
async fn case_06_units_phases_and_spellings_mean_the_same_energy() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    let spellings = [
        r#"{"value":"1001.0","unit":"kWh"}"#,
        r#"{"value":"1002000"}"#,
        r#"{"value":1003000,"unit":"Wh"}"#,
        r#"{"value":"1004000.9","unit":"WH","measurand":"energy.active.import.register"}"#,
        r#"{"value":"335000","phase":"L1"},{"value":"335000","phase":"L2"},{"value":"335000","phase":"L3"}"#,
        r#"{"value":"41","measurand":"Temperature","unit":"Celcius"},{"value":"1006000","location":"Outlet"}"#,
        r#"{"value":"41","measurand":"Temperature","unit":"Celsius"},{"value":"1007.0","unit":"KWH","format":"Raw"}"#,
        r#"{"value":"1008000","unit":"Wh"},{"value":"230","measurand":"Voltage","phase":"L1-N","unit":"V"}"#,
    ];
    for (step, sampled) in spellings.iter().enumerate() {
        house.pass(TimeDelta::minutes(5));
        charger.sampled(1, running.transaction, &house.time(), sampled).await;
        let expected = Wh::new((i64::try_from(step).unwrap() + 1) * 1_000);
        assert_eq!(house.see(running.session).await.energy, expected, "{sampled}");
    }
    let frames = house.frames("CP1").await;
    assert!(frames.iter().any(|f| f.frame.contains("Celcius")), "kept as it came");
    house.is_in_order().await;
}

// 7: what the standard does not have.

#[tokio::test]
async fn case_07_unknown_values_empty_lists_and_extra_fields_are_noted_and_answered() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    let said = [
        ("BootNotification", r#"{"chargePointVendor":"","chargePointModel":"","imei":"1","meterType":"x"}"#),
        ("BootNotification", r#"{"chargePointVendor":"A vendor whose name is longer than twenty","chargePointModel":"M"}"#),
        ("StatusNotification", r#"{"connectorId":1,"errorCode":"NoErr","status":"Dancing","vendorX":{"a":[1]}}"#),
        ("StatusNotification", r#"{"connectorId":1,"errorCode":"","status":""}"#),
        ("MeterValues", r#"{"connectorId":1,"meterValue":[]}"#),
        ("MeterValues", r#"{"connectorId":1,"meterValue":[{"timestamp":"2026-11-22T12:00:00Z","sampledValue":[]}]}"#),
        (
            "MeterValues",
            r#"{"connectorId":1,"meterValue":[{"timestamp":"","sampledValue":[{"value":"x","measurand":"Wind","unit":"knots"}]}]}"#,
        ),
        ("StartTransaction", r#"{"connectorId":7,"idTag":"","meterStart":-1,"timestamp":"","more":null}"#),
        ("StopTransaction", r#"{"transactionId":5,"meterStop":0,"timestamp":"","reason":"Bored","transactionData":[]}"#),
        ("Authorize", r#"{"idTag":"A tag that is much longer than twenty characters"}"#),
        ("DataTransfer", r#"{"vendorId":"","messageId":"","data":"{\"a\":1}","more":1}"#),
        ("Heartbeat", r#"{"why":"not"}"#),
    ];
    for (action, payload) in said {
        charger.call(action, payload).await;
    }
    let frames = house.frames("CP1").await;
    let noted = frames.iter().filter(|f| f.violations.is_some()).count();
    assert!(noted >= said.len() - 1, "{noted} of {} were noted", said.len());
}

#[tokio::test]
async fn case_07_numbers_out_of_every_range_are_noted_and_answered() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    for number in ["-1", "2147483648", "-9223372036854775808", "9223372036854775807", "18446744073709551615"] {
        let time = house.time();
        let status = format!(r#"{{"connectorId":{number},"errorCode":"NoError","status":"Available"}}"#);
        charger.call("StatusNotification", &status).await;
        let start = format!(r#"{{"connectorId":{number},"idTag":"X","meterStart":{number},"timestamp":"{time}"}}"#);
        charger.call("StartTransaction", &start).await;
        let meter = format!(
            r#"{{"connectorId":{number},"transactionId":{number},"meterValue":[{{"timestamp":"{time}","sampledValue":[{{"value":"{number}"}}]}}]}}"#
        );
        charger.call("MeterValues", &meter).await;
        charger
            .call("StopTransaction", &format!(r#"{{"transactionId":{number},"meterStop":{number},"timestamp":"{time}"}}"#))
            .await;
    }
    house.is_in_order().await;
}

// 8: clocks.

#[tokio::test]
async fn case_08_a_wrong_clock_does_not_stop_the_counting() {
    for hours_off in [6, -6, -24 * 365 * 56] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let session = house.begin("CP1", 1_000).await;
        let id_tag = charger.accept_start().await;
        let wrong = |house: &House| at(house, hours_off * 60);
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

#[tokio::test]
async fn case_08_times_without_a_zone_are_read_and_ours_are_rfc_3339_with_z() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    let bare = |house: &House| house.now().format("%Y-%m-%dT%H:%M:%S").to_string();
    let start = house.now();
    let transaction = charger.start(1, &id_tag, 0, &bare(&house)).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(transaction, 1_000, &bare(&house)).await;
    charger.end(transaction, 1_000, &bare(&house), "Local").await;
    let seen = house.see(session).await;
    assert_eq!((seen.started_at, seen.ended_at), (Some(start), Some(house.now())));
    let boot = charger.call("BootNotification", r#"{"chargePointVendor":"A","chargePointModel":"B"}"#).await;
    let beat = charger.call("Heartbeat", "{}").await;
    for time in [&boot["currentTime"], &beat["currentTime"]] {
        assert_eq!(time, &json!(house.time()));
        assert!(time.as_str().unwrap().ends_with('Z'));
    }
    house.is_in_order().await;
}

/// The link keeps all that the charger says, and then it comes in one moment: by its own clock it was minutes.
#[tokio::test]
async fn case_08_reports_that_come_late_and_together_count_by_the_wrong_clock() {
    for hours_off in [6, -6] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let session = house.begin("CP1", 1_000).await;
        let id_tag = charger.accept_start().await;
        let wrong = |seconds: i64| {
            (house.now() + TimeDelta::hours(hours_off) + TimeDelta::seconds(seconds - 170))
                .to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        house.pass(TimeDelta::seconds(170));
        let transaction = charger.start(1, &id_tag, 50_000, &wrong(10)).await;
        charger.meter(transaction, 51_080, &wrong(165)).await;
        assert_eq!(house.see(session).await.energy, Wh::new(1_080), "{hours_off} h off");
        charger.end(transaction, 51_110, &wrong(169), "Local").await;
        assert_eq!(house.see(session).await.energy, Wh::new(1_110), "{hours_off} h off");
        house.is_in_order().await;
    }
}

/// A charger that was offline says everything at the end, with its own times.
#[tokio::test]
async fn case_08_a_session_that_ran_offline_is_billed_by_its_own_times() {
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

// 9: a yes, and nothing follows.

#[tokio::test]
async fn case_09_accepted_and_nothing_follows_gives_the_money_back() {
    for status in [None, Some("Preparing"), Some("Finishing")] {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let session = house.begin("CP1", 500).await;
        let id_tag = charger.accept_start().await;
        house.until_seen(session, |s| s.start_accepted).await;
        if let Some(status) = status {
            charger.status(1, status).await;
        }
        house.pass(TimeDelta::seconds(181));
        house.tick().await;
        let seen = house.see(session).await;
        assert_eq!((seen.state, seen.failure), (SessionState::Failed, Some(StartFailure::NoCable)), "{status:?}");
        // The cable comes after all: recorded, refused, stopped, and billed to nobody.
        let (transaction, answer) = charger.try_start(1, &id_tag, 5_000, &house.time()).await;
        assert_eq!(answer, "Blocked");
        charger.accept_stop(transaction).await;
        house.is_in_order().await;
    }
}

// 10: handshakes.

#[tokio::test]
async fn case_10_odd_handshakes_are_tolerated_or_refused_with_words() {
    let house = House::open().await;
    let password = &house.point("CP1").password;
    let at = |path: &str| RawRequest::new(house.node.url(path));
    // Nothing to speak in common is said in words that name what there is.
    match RawClient::connect(at("/ocpp/CP1").basic("CP1", password)).await {
        Err(simulator::raw::RawError::Refused { status: 400, body }) => assert!(body.contains("ocpp1.6"), "{body}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(refused(at("/ocpp/CP1").subprotocol("ocpp1.2").basic("CP1", password)).await, 400);
    assert_eq!(refused(at("/ocpp/CP1").subprotocol("ocpp1.6").header("Authorization", "Basic")).await, 401);
    assert_eq!(refused(at("/ocpp/CP1").subprotocol("ocpp1.6").basic("cp-1", password)).await, 401);
    assert!(house.node.csms.counters().handshakes_refused.load(std::sync::atomic::Ordering::Relaxed) >= 4);
    // A slash at the end, capitals, spaces in the list.
    let odd = at("/ocpp/CP1/").subprotocol(" ocpp1.5 ,OCPP1.6").basic("CP1", password);
    let mut client = RawClient::connect(odd).await.unwrap();
    assert_eq!(client.selected_protocol(), Some("OCPP1.6"));
    client.call("Heartbeat", "{}").await.unwrap();
}

// 11: who says nothing of itself.

#[tokio::test]
async fn case_11_a_charge_point_that_only_lost_its_link_is_asked_how_it_is() {
    let house = House::open().await;
    house.charger("CP1").await.vanish();
    let house =
        house.restart_with(CsmsSettings { ask_status_after: Duration::from_millis(20), ..CsmsSettings::default() }).await;
    let mut charger = house.socket("CP1").await;
    let (id, payload) = charger.asked_for("TriggerMessage").await;
    assert_eq!(payload, json!({ "requestedMessage": "StatusNotification" }));
    charger.answer(&id, "Accepted").await;
    // One that never introduced itself is asked for that first.
    let mut unknown = house.socket("CP2").await;
    let (_, payload) = unknown.asked_for("TriggerMessage").await;
    assert_eq!(payload["requestedMessage"], "BootNotification");
}

#[tokio::test]
async fn case_11_transactions_before_the_boot_and_boot_loops_lose_nothing() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    charger.status(1, "Available").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    for _ in 0..20 {
        charger.boot().await;
        house.pass(TimeDelta::seconds(10));
        house.tick().await;
    }
    charger.end(running.transaction, 1_002_000, &house.time(), "Local").await;
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

// 12: connectors.

#[tokio::test]
async fn case_12_two_connectors_of_a_charge_point_do_not_mix() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let one = house.charge(&mut charger, "CP1", 500).await;
    let two = house.begin_at(house.connector("CP1", 2), 1_000).await.unwrap();
    let (id, payload) = charger.asked_for("RemoteStartTransaction").await;
    assert_eq!(payload["connectorId"], 2, "always said, so that the charger need not guess");
    charger.answer(&id, "Accepted").await;
    let second = charger.start(2, payload["idTag"].as_str().unwrap(), 0, &house.time()).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(one.transaction, 1_002_000, &house.time()).await;
    charger.sampled(2, second, &house.time(), r#"{"value":"1000"}"#).await;
    assert_eq!(house.see(one.session).await.energy, Wh::new(2_000));
    assert_eq!(house.see(two).await.energy, Wh::new(1_000));
    // The end of one is not the end of the other.
    charger.end(one.transaction, 1_002_000, &house.time(), "Local").await;
    charger.status(1, "Available").await;
    assert_eq!(house.see(two).await.state, SessionState::Charging);
    house.is_in_order().await;
}

#[tokio::test]
async fn case_12_readings_without_a_transaction_go_to_the_one_of_the_connector() {
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

// 13: limits.

#[tokio::test]
async fn case_13_a_session_stops_after_som_kilowatt_hours_or_minutes() {
    let limits = [Limit::Amount(Tyiyn::from_som(60).unwrap()), Limit::Energy(Wh::new(4_000)), Limit::Minutes(20)];
    for limit in limits {
        let house = House::open().await;
        let mut charger = house.charger("CP1").await;
        let session = house.begin_limited(house.connector("CP1", 1), 1_000, limit).await.unwrap();
        let id_tag = charger.accept_start().await;
        let transaction = charger.start(1, &id_tag, 0, &house.time()).await;
        let mut register = 0;
        // 12 kW, a reading each minute: 60 som and 4 kWh are reached after 20 minutes.
        while house.see(session).await.state == SessionState::Charging {
            assert!(register < 4_000, "{limit:?} was passed");
            house.pass(TimeDelta::minutes(1));
            register += 200;
            charger.meter(transaction, register, &house.time()).await;
        }
        assert!(register >= 3_400, "{limit:?}: stopped too early, at {register} Wh");
        charger.accept_stop(transaction).await;
        charger.end(transaction, register, &house.time(), "Remote").await;
        assert_eq!(house.see(session).await.stop_reason, Some(StopReason::Limit));
        house.is_in_order().await;
    }
}

// 14: tables that grow.

#[tokio::test]
async fn case_14_frames_and_readings_are_in_partitions_and_old_days_go() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    assert_eq!(house.number("select count(*) from ocpp_log_default").await, 0);
    assert_eq!(house.number("select count(*) from meter_sample_default").await, 0);
    assert_eq!(house.number("select count(*) from meter_sample_0").await, 1);
    assert!(!house.frames("CP1").await.is_empty());
    house.pass(TimeDelta::days(40));
    house.node.logs.ensure_partitions().await.unwrap();
    assert!(house.node.logs.drop_older_than(TimeDelta::days(30)).await.unwrap() > 0);
    assert!(house.frames("CP1").await.is_empty());
    charger.call("Heartbeat", "{}").await;
    assert_eq!(house.frames("CP1").await.len(), 2);
}

// 15: storms and histories.

#[tokio::test]
async fn case_15_a_whole_history_told_again_changes_nothing() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let mut history = vec![];
    let mut sessions = vec![];
    for step in 0..5_i64 {
        let register = 1_000_000 + step * 10_000;
        let session = house.begin("CP1", 500).await;
        let id_tag = charger.accept_start().await;
        let start = start_payload(1, &id_tag, register, &house.time());
        let transaction = charger.call("StartTransaction", &start).await["transactionId"].as_i64().unwrap();
        house.pass(TimeDelta::minutes(10));
        let meter = meter_payload(Some(transaction), register + 1_000, &house.time());
        charger.call("MeterValues", &meter).await;
        house.pass(TimeDelta::minutes(10));
        let stop = stop_payload(transaction, register + 2_000, &house.time(), "Local");
        charger.call("StopTransaction", &stop).await;
        history.extend([("StartTransaction", start), ("MeterValues", meter), ("StopTransaction", stop)]);
        sessions.push((session, transaction));
    }
    let before = house.number("select count(*) from meter_sample").await;
    // All at once, without waiting, in order and then backwards.
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    let again: Vec<_> = history.iter().chain(history.iter().rev()).collect();
    for (n, (action, payload)) in again.iter().enumerate() {
        charger.raw.send(format!(r#"[2,"again-{n}","{action}",{payload}]"#)).await.unwrap();
    }
    let mut told = vec![];
    for n in 0..again.len() {
        let answer: Value = serde_json::from_str(&charger.raw.answer(&format!("again-{n}")).await.unwrap()).unwrap();
        assert_eq!(answer[0], 3, "{answer}");
        told.extend(answer[2]["transactionId"].as_i64());
    }
    let ids: Vec<i64> = sessions.iter().map(|(_, transaction)| *transaction).collect();
    let expected: Vec<i64> = ids.iter().chain(ids.iter().rev()).copied().collect();
    assert_eq!(told, expected);
    for (session, _) in sessions {
        assert_eq!(house.see(session).await.billed, Some(Tyiyn::new(3_000)));
    }
    assert_eq!(house.number("select count(*) from meter_sample").await, before);
    assert_eq!(house.number("select count(*) from charging_transaction").await, 5);
    charger.was_asked_nothing().await;
    house.is_in_order().await;
}

/// Readings that are repeated, late, and in the wrong order.
#[tokio::test]
async fn case_15_readings_in_any_order_and_number_count_once() {
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

#[tokio::test]
async fn case_15_a_full_house_says_when_to_come_again() {
    let house = House::with(quiet(), CsmsSettings { connections_max: 1, ..patient() }).await;
    let first = house.charger("CP1").await;
    assert_eq!(refused(house.request("CP2")).await, 503);
    first.vanish();
    house.until_online("CP1", false).await;
    house.charger("CP2").await;
}

// 16: other people's transactions.

#[tokio::test]
async fn case_16_a_stop_touches_only_transactions_of_its_own_charge_point() {
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
async fn case_16_a_foreign_tag_gets_a_transaction_id_and_a_stop() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let (transaction, status) = charger.try_start(1, "04E1A2", 0, &house.time()).await;
    assert!(transaction > 0);
    assert_eq!(status, "Invalid");
    charger.accept_stop(transaction).await;
    charger.end(transaction, 10, &house.time(), "DeAuthorized").await;
    house.is_in_order().await;
}

// 17: pipelines.

#[tokio::test]
async fn case_17_calls_that_do_not_wait_are_answered_in_their_order() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let sent: Vec<String> = (0..50).map(|n| format!("id-{n}")).collect();
    for (n, id) in sent.iter().enumerate() {
        let frame = match n % 4 {
            0 => format!(r#"[2,"{id}","Heartbeat",{{}}]"#),
            1 => format!(r#"[2,"{id}","Authorize",{{"idTag":"X"}}]"#),
            2 => format!(r#"[2,"{id}","MeterValues",{}]"#, meter_payload(None, 1_000, &house.time())),
            _ => format!(r#"[2,"{id}","Dance",{{}}]"#),
        };
        charger.raw.send(frame).await.unwrap();
    }
    let mut answered = vec![];
    for _ in &sent {
        let answer: Value = serde_json::from_str(&charger.raw.text().await.unwrap()).unwrap();
        answered.push(answer[1].as_str().unwrap().to_owned());
    }
    assert_eq!(answered, sent);
}

// 18: numbers and orders that simulators invent.

#[tokio::test]
async fn case_18_connectors_that_are_not_there_and_more_stops_than_starts() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    for connector in [0, 9] {
        for status in ["Available", "Charging", "Faulted", "Reserved"] {
            charger.status(connector, status).await;
        }
    }
    charger.status(1, "Available").await;
    let running = house.charge(&mut charger, "CP1", 500).await;
    house.pass(TimeDelta::minutes(10));
    for stop in 0..4 {
        let id = if stop % 2 == 0 { running.transaction } else { running.transaction + stop };
        charger.end(id, 1_002_000, &house.time(), "Local").await;
    }
    assert_eq!(house.see(running.session).await.billed, Some(Tyiyn::new(3_000)));
    house.is_in_order().await;
}

// 19: resets.

#[tokio::test]
async fn case_19_a_reset_whose_answer_was_lost_ends_with_the_boot_or_expires() {
    let house = House::open().await;
    for identity in ["CP1", "CP2"] {
        let mut charger = house.charger(identity).await;
        house.charging().reset(house.id(identity), ResetKind::Hard, "1").await.unwrap();
        let (_, payload) = charger.asked_for("Reset").await;
        assert_eq!(payload["type"], "Hard");
        charger.vanish();
    }
    house.charger("CP1").await.was_asked_nothing().await;
    house.socket("CP2").await.was_asked_nothing().await;
    house.pass(TimeDelta::minutes(6));
    house.tick().await;
    let ended = |state| house.number(state);
    assert_eq!(ended("select count(*) from command where body->>'type' = 'reset' and state = 'accepted'").await, 1);
    assert_eq!(ended("select count(*) from command where body->>'type' = 'reset' and state = 'expired'").await, 1);
}

// 20: U+0000.

#[tokio::test]
async fn case_20_a_nul_anywhere_is_answered_and_stored() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    charger.call("BootNotification", r#"{"chargePointVendor":"A\u0000B","chargePointModel":"C"}"#).await;
    charger.raw.send("broken \0 frame").await.unwrap();
    charger.raw.text().await.unwrap();
    charger.call("Authorize", r#"{"idTag":"\u0000"}"#).await;
    let time = house.time();
    let started = charger.call("StartTransaction", &start_payload(1, r"X\u0000Y", 0, &time)).await;
    let transaction = started["transactionId"].as_i64().unwrap();
    charger.sampled(1, transaction, &time, r#"{"value":"1\u0000","unit":"\u0000"}"#).await;
    charger.call("StopTransaction", &stop_payload(transaction, 0, &time, r"L\u0000")).await;
    charger.call("StopTransaction", &stop_payload(-1, 7, r"\u0000", r"\u0000")).await;
    let status = r#"{"connectorId":1,"errorCode":"\u0000","status":"\u0000","info":"\u0000","vendorErrorCode":"\u0000"}"#;
    charger.call("StatusNotification", status).await;
    charger.call("DataTransfer", r#"{"vendorId":"\u0000","data":"\u0000"}"#).await;
    assert!(house.frames("CP1").await.iter().all(|f| !f.frame.contains('\0')));
}

// 21: spelling of tags.

#[tokio::test]
async fn case_21_tags_are_compared_without_case_and_counted_in_characters() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await.to_lowercase();
    let authorized = charger.call("Authorize", &format!(r#"{{"idTag":"{id_tag}"}}"#)).await;
    assert_eq!(authorized["idTagInfo"]["status"], "Accepted");
    charger.start(1, &id_tag, 0, &house.time()).await;
    assert_eq!(house.see(session).await.state, SessionState::Charging);
    // Twenty characters, forty bytes.
    charger.call("Authorize", r#"{"idTag":"Барсбекбарсбекбарсбе"}"#).await;
    let frames = house.frames("CP1").await;
    let long = frames.iter().find(|f| f.frame.contains("Барсбек")).unwrap();
    assert_eq!(long.violations, None);
}
