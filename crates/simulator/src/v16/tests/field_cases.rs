//! What real chargers do, by its row in the list of field cases: each can be switched on, and this is how it looks.

use super::*;
use ocpp::Payload as _;
use ocpp::v16::meter_values::{self, normalise};

fn with(fault: Fault) -> World {
    World::online(Config::dc("CP-1").meter_interval_ms(20_000).fault(fault))
}

/// A minute of charging with a fault.
fn minute(fault: Fault) -> World {
    let mut world = with(fault);
    world.act(plug(1));
    world.remote_start();
    world.pass_s(61);
    world.act(Act::PressStop { connector: 1 });
    world
}

fn ids_of(world: &World, action: &str) -> Vec<String> {
    let first = world.ids.len() - world.calls.len();
    let calls = world.calls.iter().zip(&world.ids[first..]);
    calls.filter(|((found, _), _)| found == action).map(|(_, id)| id.clone()).collect()
}

fn samples(payload: &Value) -> Vec<Value> {
    payload["meterValue"][0]["sampledValue"].as_array().cloned().unwrap_or_default()
}

fn energies_wh(world: &World) -> Vec<i64> {
    let payloads = world.payloads("MeterValues");
    let read = |payload: &Value| meter_values::Request::decode_text(&payload.to_string()).expect("readable").value;
    payloads.iter().flat_map(|payload| normalise(&read(payload).meter_values).0).filter_map(|sample| sample.energy_wh).collect()
}

#[test]
fn row_01_a_start_and_a_stop_are_sent_again_with_a_new_message_id() {
    for action in ["StartTransaction", "StopTransaction"] {
        let mut world = with(Fault::NewIdOnRetry);
        world.act(Act::SetFault(Fault::DropAfterSending(action)));
        world.act(plug(1));
        world.remote_start();
        if !world.link {
            world.link_up();
        }
        world.act(Act::PressStop { connector: 1 });
        if !world.link {
            world.link_up();
        }
        let (ids, payloads) = (ids_of(&world, action), world.payloads(action));
        assert_eq!(ids.len(), 2, "{action}");
        assert!(ids[0] != ids[1] && payloads[0] == payloads[1], "{action}");
    }
}

#[test]
fn row_02_a_stop_with_another_transaction_id() {
    for (name, wrong) in [("wrong-transaction-id", -1), ("zero-transaction-id", 0), ("unknown-transaction-id", 2_000_000_000)] {
        let mut world = with(name.parse().expect("a fault"));
        world.act(plug(1));
        world.remote_start();
        // The world refuses what it does not know; that is not the matter here.
        world.refuses = Some("StopTransaction");
        world.act(Act::PressStop { connector: 1 });
        assert_eq!(world.payloads("StopTransaction")[0]["transactionId"], wrong);
    }
}

#[test]
fn row_03_a_transaction_that_never_ends() {
    let mut world = minute(Fault::ForgetStop);
    world.act(Act::Unplug { connector: 1 });
    assert!(world.payloads("StopTransaction").is_empty());
    assert_eq!(world.said().last().map(String::as_str), Some("1:Available"));
}

#[test]
fn row_04_the_old_socket_stays_half_open() {
    let mut world = with(Fault::HalfOpen);
    world.act(Act::GoOffline);
    world.act(Act::GoOnline);
    world.link_up();
    assert_eq!(world.closes, [Close::HalfOpen]);
    let mut world = World::dc();
    world.act(Act::LeaveHalfOpen);
    assert!(world.closes == [Close::HalfOpen] && world.charger.wants_link());
}

#[test]
fn row_05_registers_that_reset_drop_out_and_count_from_the_session() {
    let energies = energies_wh(&minute(Fault::MeterDropouts));
    assert!(energies[0] > 4_000_000 && energies[1] > energies[0] && energies[2] == 0, "{energies:?}");
    let relative = energies_wh(&minute(Fault::SessionRelativeRegister));
    assert!(relative.iter().all(|wh| *wh < 2_000), "{relative:?}");
    assert_eq!(energies_wh(&minute(Fault::BeginInEachSample)).len(), 6);
    let mut world = with(Fault::RegisterResetOnReboot);
    world.act(plug(1));
    world.remote_start();
    world.act(Act::ResetRegister { connector: 1 });
    world.pass_s(21);
    assert!(energies_wh(&world)[0] < 1_000);
}

#[test]
fn row_06_units_and_spellings() {
    let first = |fault| samples(&minute(fault).payloads("MeterValues")[0])[0].clone();
    assert_eq!(first(Fault::KilowattHours)["unit"], "kWh");
    let bare = first(Fault::BareEnergy);
    assert!(bare["measurand"].is_null() && bare["unit"].is_null());
    assert_eq!(first(Fault::PhasesOnly)["phase"], "L1");
    let world = minute(Fault::VendorSpellings);
    let spelled = samples(&world.payloads("MeterValues")[0]);
    assert_eq!((&spelled[0]["measurand"], &spelled[0]["unit"]), (&json!("energy.active.import.register"), &json!("wh")));
    assert_eq!(spelled.last().map(|sample| sample["unit"].clone()), Some(json!("Celcius")));
    assert_eq!(energies_wh(&world), energies_wh(&minute(Fault::NewIdOnRetry)));
}

#[test]
fn row_07_unknown_values_extra_fields_and_empty_ones() {
    let world = minute(Fault::UnknownValues);
    assert_eq!(world.payloads("StopTransaction")[0]["reason"], "Vendor.Local");
    assert_eq!(world.payloads("StatusNotification")[0]["errorCode"], "Vendor.NoError");
    let world = minute(Fault::ExtraFields);
    assert_eq!(world.payloads("StartTransaction")[0]["vendorSignal"]["rssi"], -71);
    assert!(samples(&minute(Fault::EmptySamples).payloads("MeterValues")[0]).is_empty());
    let mut world = World::new(Config::dc("CP-1").fault(Fault::EmptyVendor));
    world.link_up();
    assert_eq!(world.payloads("BootNotification")[0]["chargePointVendor"], "");
}

#[test]
fn row_08_clocks() {
    let started = |world: &World| world.payloads("StartTransaction")[0]["timestamp"].as_str().expect("a time").to_owned();
    assert_eq!(started(&minute(Fault::NoTimeZone)), "2026-11-22T12:00:00");
    assert_eq!(started(&minute(Fault::ClockFrom1970)), "1970-01-01T00:00:00.000Z");
    assert_eq!(started(&minute(Fault::ClockOffset(-7_200))), "2026-11-22T10:00:00.000Z");
    let mut world = with(Fault::ClockDrift(300));
    world.pass_s(7_200);
    world.act(plug(1));
    world.remote_start();
    assert_eq!(started(&world), "2026-11-22T14:10:00.000Z");
}

#[test]
fn row_09_a_remote_start_is_accepted_and_nothing_follows() {
    let mut world = with(Fault::RemoteStart(RemoteStartFault::AcceptAndNeverStart));
    world.act(plug(1));
    assert_eq!(world.remote_start()["status"], "Accepted");
    world.pass_s(600);
    assert!(world.payloads("StartTransaction").is_empty());
    // Nobody plugs in.
    let mut world = World::dc();
    assert_eq!(world.remote_start()["status"], "Accepted");
    world.pass_s(600);
    assert!(world.payloads("StartTransaction").is_empty());
}

#[test]
fn row_11_no_boot_after_a_reconnect() {
    let mut world = with(Fault::NoBootOnReconnect);
    world.link_down();
    world.act(plug(1));
    world.link_up();
    assert_eq!(world.said(), ["1:Preparing"]);
}

#[test]
fn row_11_a_boot_loop() {
    let mut world = with(Fault::BootLoop(20_000));
    world.link_down();
    world.link_up();
    for _ in 0..3 {
        world.pass_s(25);
        world.link_up();
    }
    assert_eq!(world.payloads("BootNotification").len(), 4);
    assert_eq!(world.charger.state().boots, 4);
}

#[test]
fn row_11_a_status_before_the_boot() {
    let mut world = World::new(Config::dc("CP-1").fault(Fault::StatusBeforeBoot));
    world.link_up();
    assert_eq!(world.said()[..2], ["1:Available", "BootNotification"]);
}

#[test]
fn row_12_connectors_mixed_up() {
    let connector_of = |fault| {
        let mut world = World::online(Config::ac("CP-1").meter_interval_ms(20_000).fault(fault));
        world.act(plug(2));
        world.ask("RemoteStartTransaction", json!({ "idTag": "G-1" }));
        world.pass_s(21);
        world.payloads("MeterValues")[0]["connectorId"].clone()
    };
    assert_eq!(connector_of(Fault::ConnectorsMixedUp), 1);
    assert_eq!(connector_of(Fault::ConnectorZero), 0);
    assert_eq!(connector_of(Fault::NewIdOnRetry), 2);
}

#[test]
fn row_15_a_whole_history_is_told_again() {
    let mut world = minute(Fault::ReplayHistory);
    let (starts, stops) = (world.payloads("StartTransaction"), world.payloads("StopTransaction"));
    world.calls.clear();
    world.link_down();
    world.link_up();
    assert_eq!((world.payloads("StartTransaction"), world.payloads("StopTransaction")), (starts, stops));
    assert_eq!((world.payloads("MeterValues").len(), world.transactions.len()), (3, 1));
}

#[test]
fn row_17_calls_are_pipelined() {
    let mut world = with(Fault::PipelinedCalls);
    world.answers = false;
    for id in [1, 1, 1] {
        world.ask("TriggerMessage", json!({ "requestedMessage": "MeterValues", "connectorId": id }));
    }
    assert_eq!(world.said(), ["MeterValues"; 3]);
    // A transaction's number is waited for all the same.
    world.act(plug(1));
    world.remote_start();
    world.pass_s(21);
    assert!(!world.said().contains(&"Stop:Local".to_owned()));
    world.answers = true;
    world.pass_s(60);
    world.act(Act::PressStop { connector: 1 });
    assert!(world.charger.state().is_delivered());
    assert!(world.payloads("MeterValues").iter().all(|payload| payload["transactionId"] == 100));
}

#[test]
fn row_19_no_reply_to_a_hard_reset_before_the_socket_drops() {
    let mut world = with(Fault::SilentReset);
    assert_eq!(world.ask("Reset", json!({ "type": "Hard" })), Value::Null);
    assert_eq!(world.closes, [Close::Abrupt]);
    world.pass_s(3);
    world.link_up();
    assert_eq!((world.payloads("BootNotification").len(), world.charger.state().boots), (1, 2));
}

#[test]
fn row_20_a_nul_in_a_string() {
    let mut world = World::new(Config::dc("CP-1").fault(Fault::NulInStrings));
    world.link_up();
    assert_eq!(world.payloads("BootNotification")[0]["chargePointModel"], "DC-60\u{0}");
    assert_eq!(world.payloads("StatusNotification")[0]["info"], "door\u{0}open");
}

#[test]
fn row_21_a_tag_in_another_case() {
    assert_eq!(minute(Fault::LowerCaseTags).payloads("StartTransaction")[0]["idTag"], "g-1");
}
