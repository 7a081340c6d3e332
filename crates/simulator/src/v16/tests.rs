//! Stories of a charger, told to a small central system that answers at once.

use ocpp::Version;
use ocpp::v16::set_charging_profile::ChargingProfile;
use ocpp::v16::status_notification::{ErrorCode, Status};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use super::*;
use crate::world::{World, plug, tag};
use crate::{Car, Config, ConnectorConfig, Current, Fault, RemoteStartFault, RemoteStopFault, Robot};

#[test]
fn it_boots_and_tells_how_it_is() {
    let mut world = World::new(Config::ac("CP-1"));
    world.link_up();
    assert_eq!(world.said(), ["BootNotification", "0:Available", "1:Available", "2:Available"]);
    world.pass_s(601);
    assert_eq!(world.said(), ["Heartbeat", "Heartbeat"]);
}

#[test]
fn while_pending_or_rejected_it_only_asks_again() {
    let mut world = World::new(Config::dc("CP-1"));
    world.boot_status = "Pending";
    world.link_up();
    world.act(plug(1));
    world.pass_s(301);
    assert_eq!(world.said(), ["BootNotification", "BootNotification"]);
    // What is triggered may be sent.
    assert_eq!(world.ask("TriggerMessage", json!({ "requestedMessage": "StatusNotification" }))["status"], "Accepted");
    assert_eq!(world.said(), ["0:Available", "1:Preparing"]);
    world.boot_status = "Accepted";
    world.pass_s(300);
    assert_eq!(world.said(), ["BootNotification", "0:Available", "1:Preparing"]);
}

#[test]
fn a_tag_a_cable_a_charge() {
    let mut world = World::dc();
    world.act(tag(1, "TAG"));
    world.act(plug(1));
    assert_eq!(world.said(), ["Authorize", "1:Preparing", "Start", "1:Charging"]);
    world.pass_s(60);
    assert_eq!(world.said(), vec!["MeterValues"; 6]);
    world.act(tag(1, "tag"));
    world.act(Act::Unplug { connector: 1 });
    assert_eq!(world.said(), ["Stop:Local", "1:Finishing", "1:Available"]);
    // 60 kW for a minute, less the ramp.
    let finished = world.charger.state().connector(1).finished.clone().expect("a transaction");
    let energy_wh = finished.meter_stop_wh - finished.meter_start_wh;
    assert!((700..=1_000).contains(&energy_wh) && finished.is_delivered, "{energy_wh}");
}

#[test]
fn a_refused_tag_does_not_charge() {
    let mut world = World::dc();
    world.tag_status = "Blocked";
    world.act(plug(1));
    world.act(tag(1, "TAG"));
    assert_eq!(world.said(), ["1:Preparing", "Authorize"]);
    assert!(world.facts.contains(&Fact::TagRefused { connector: 1, id_tag: "TAG".into() }));
    // One that is found bad only at the start is stopped.
    assert_eq!(world.remote_start()["status"], "Accepted");
    assert_eq!(world.said()[..3], ["Start", "1:Charging", "Stop:DeAuthorized"]);
}

#[test]
fn a_remote_start_waits_for_the_cable() {
    let mut world = World::dc();
    assert_eq!(world.remote_start()["status"], "Accepted");
    world.pass_s(59);
    world.act(plug(1));
    assert_eq!(world.said(), ["1:Preparing", "Start", "1:Charging"]);
}

#[test]
fn a_remote_start_times_out_without_a_cable() {
    let mut world = World::dc();
    world.remote_start();
    world.pass_s(61);
    world.act(plug(1));
    assert_eq!(world.said(), ["1:Preparing", "1:Available", "1:Preparing"]);
    assert!(world.facts.contains(&Fact::ConnectionTimedOut { connector: 1 }));
}

#[test]
fn a_remote_stop_ends_it() {
    let mut world = World::dc();
    world.act(plug(1));
    world.remote_start();
    world.said();
    assert_eq!(world.ask("RemoteStopTransaction", json!({ "transactionId": 7 }))["status"], "Rejected");
    assert_eq!(world.ask("RemoteStopTransaction", json!({ "transactionId": 100 }))["status"], "Accepted");
    assert_eq!(world.said(), ["Stop:Remote", "1:Finishing"]);
    // The cable is still in: not another one.
    assert_eq!(world.remote_start()["status"], "Rejected");
}

#[test]
fn a_full_car_suspends() {
    let mut world = World::online(Config::dc("CP-1").speed(60).meter_interval_ms(60_000));
    world.act(Act::Plug { connector: 1, car: Car::wanting_wh(5_000) });
    world.remote_start();
    world.pass_s(3_600);
    assert_eq!(world.status(), Status::SuspendedEv);
    assert_eq!(world.charger.state().connector(1).energy_wh(), 5_000);
    world.act(Act::Unplug { connector: 1 });
    assert_eq!(world.said().last().map(String::as_str), Some("1:Available"));
}

#[test]
fn speed_hurries_the_energy_and_not_the_clock() {
    let energy_wh = |speed: u32| {
        let mut world = World::online(Config::dc("CP-1").speed(speed).meter_interval_ms(10_000));
        world.act(plug(1));
        world.remote_start();
        world.calls.clear();
        world.pass_s(60);
        assert_eq!(world.payloads("MeterValues").len(), 6);
        assert_eq!(world.payloads("MeterValues")[5]["meterValue"][0]["timestamp"], "2026-11-22T12:01:00.000Z");
        world.charger.state().connector(1).energy_wh()
    };
    let (slow_wh, fast_wh) = (energy_wh(1), energy_wh(20));
    assert!(fast_wh > 18 * slow_wh, "{slow_wh} {fast_wh}");
}

#[test]
fn what_happens_offline_is_told_in_order_with_its_own_times() {
    let mut world = World::dc();
    world.act(Act::GoOffline);
    assert!(!world.charger.wants_link());
    world.act(plug(1));
    world.act(tag(1, "TAG"));
    world.pass_s(30);
    world.act(Act::Unplug { connector: 1 });
    world.pass_s(3_600);
    assert!(world.calls.is_empty());
    world.act(Act::GoOnline);
    world.link_up();
    let start = world.payloads("StartTransaction")[0].clone();
    let stop = world.payloads("StopTransaction")[0].clone();
    let samples = world.payloads("MeterValues");
    assert_eq!(start["timestamp"], "2026-11-22T12:00:00.000Z");
    assert_eq!((stop["timestamp"].as_str(), &stop["transactionId"]), (Some("2026-11-22T12:00:30.000Z"), &json!(100)));
    assert_eq!((samples.len(), &samples[0]["transactionId"]), (3, &json!(100)));
    let told = ["BootNotification", "0:Available", "1:Available", "Start", "MeterValues", "MeterValues", "MeterValues"];
    assert_eq!(world.said()[..7], told);
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_id() {
    let mut world = World::dc();
    world.act(plug(1));
    world.answers = false;
    world.remote_start();
    world.link_down();
    world.answers = true;
    world.link_up();
    let starts: Vec<&String> = world
        .calls
        .iter()
        .zip(&world.ids[world.ids.len() - world.calls.len()..])
        .filter(|((action, _), _)| action == "StartTransaction")
        .map(|(_, id)| id)
        .collect();
    assert_eq!((starts.len(), starts[0]), (2, starts[1]));
    assert_eq!(world.transactions.len(), 1);
}

#[test]
fn or_with_a_new_id() {
    let mut world = World::dc();
    world.act(Act::SetFault(Fault::NewIdOnRetry));
    world.act(Act::SetFault(Fault::DropAfterSending("StartTransaction")));
    world.act(plug(1));
    world.remote_start();
    assert_eq!(world.closes, [Close::Abrupt]);
    world.link_up();
    let starts: Vec<&String> = world
        .calls
        .iter()
        .zip(&world.ids[world.ids.len() - world.calls.len()..])
        .filter(|((action, _), _)| action == "StartTransaction")
        .map(|(_, id)| id)
        .collect();
    assert_eq!(starts.len(), 2);
    assert_ne!(starts[0], starts[1]);
}

#[test]
fn a_silent_central_system_is_asked_again_after_a_time() {
    let mut world = World::dc();
    world.act(plug(1));
    world.answers = false;
    world.remote_start();
    world.pass_s(31);
    assert_eq!(world.payloads("StartTransaction").len(), 2);
    world.answers = true;
    world.pass_s(60);
    assert!(world.charger.state().is_delivered());
}

#[test]
fn a_refused_transaction_message_is_given_up_and_does_not_block_the_rest() {
    let mut world = World::dc();
    world.refuses = Some("MeterValues");
    world.act(plug(1));
    world.remote_start();
    world.pass_s(300);
    world.act(Act::PressStop { connector: 1 });
    world.refuses = None;
    world.pass_s(300);
    assert!(world.facts.contains(&Fact::MessageLost { action: "MeterValues" }));
    assert!(world.charger.state().connector(1).is_settled());
}

#[test]
fn power_loss_ends_the_transaction_and_is_told_after() {
    let mut world = World::dc();
    world.act(plug(1));
    world.remote_start();
    world.pass_s(30);
    world.said();
    world.act(Act::PowerLoss);
    world.pass_s(600);
    assert!(!world.charger.wants_link());
    world.act(Act::PowerBack);
    world.pass_s(3);
    assert!(world.charger.wants_link());
    world.link_up();
    assert_eq!(world.said(), ["BootNotification", "0:Available", "1:Preparing", "Stop:PowerLoss"]);
}

#[test]
fn resets() {
    for (kind, reason, told_before) in [("Soft", "Stop:SoftReset", true), ("Hard", "Stop:HardReset", false)] {
        let mut world = World::dc();
        world.act(plug(1));
        world.remote_start();
        world.said();
        assert_eq!(world.ask("Reset", json!({ "type": kind }))["status"], "Accepted");
        assert_eq!(world.said().iter().any(|said| said == reason), told_before, "{kind}");
        assert_eq!(world.closes.len(), 1);
        world.pass_s(3);
        world.link_up();
        assert_eq!(world.said().iter().any(|said| said == reason), !told_before, "{kind}");
        assert_eq!((world.charger.state().boots, world.charger.state().is_delivered()), (2, true));
    }
}

#[test]
fn availability_waits_for_the_transaction() {
    let mut world = World::dc();
    world.act(plug(1));
    world.remote_start();
    world.said();
    let change = |kind: &str| json!({ "connectorId": 1, "type": kind });
    assert_eq!(world.ask("ChangeAvailability", change("Inoperative"))["status"], "Scheduled");
    world.act(Act::Unplug { connector: 1 });
    assert_eq!(world.said(), ["Stop:EVDisconnected", "1:Unavailable"]);
    assert_eq!(world.remote_start()["status"], "Rejected");
    assert_eq!(world.ask("ChangeAvailability", change("Operative"))["status"], "Accepted");
    assert_eq!(world.said(), ["1:Available"]);
}

#[test]
fn a_fault_ends_the_transaction() {
    let mut world = World::dc();
    world.act(plug(1));
    world.remote_start();
    world.said();
    world.act(Act::Break { connector: 1, error: ErrorCode::GroundFailure });
    assert_eq!(world.said(), ["Stop:Other", "1:Faulted"]);
    assert_eq!(world.remote_start()["status"], "Rejected");
    world.act(Act::Repair { connector: 1 });
    assert_eq!(world.said(), ["1:Finishing"]);
}

#[test]
fn configuration() {
    let mut world = World::dc();
    let mut change = |key: &str, value: &str| {
        let answer = world.ask("ChangeConfiguration", json!({ "key": key, "value": value }));
        answer["status"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(change("MeterValueSampleInterval", "5"), "Accepted");
    assert_eq!(change("MeterValueSampleInterval", "soon"), "Rejected");
    assert_eq!(change("NumberOfConnectors", "9"), "Rejected");
    assert_eq!(change("Colour", "red"), "NotSupported");
    assert_eq!(change("MeterValuesSampledData", "Energy.Active.Import.Register,Voltage"), "Accepted");
    let answer = world.ask("GetConfiguration", json!({ "key": ["metervaluesampleinterval", "Colour"] }));
    assert_eq!(answer["configurationKey"][0]["value"], "5");
    assert_eq!(answer["unknownKey"], json!(["Colour"]));
    assert!(world.ask("GetConfiguration", json!({}))["configurationKey"].as_array().is_some_and(|keys| keys.len() > 20));
    world.act(plug(1));
    world.remote_start();
    world.calls.clear();
    world.pass_s(5);
    let values = world.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"].clone();
    assert_eq!((values.as_array().map(Vec::len), &values[1]["unit"]), (Some(2), &json!("V")));
}

#[test]
fn a_session_cap_limits_the_power_and_ends_it() {
    let mut world = World::dc();
    world.act(plug(1));
    world.remote_start();
    let profile = ChargingProfile::session_cap(7, Some(100), 11_000, ocpp::v16::set_charging_profile::RateUnit::W, Some(60))
        .expect("fits");
    let cap = json!({ "connectorId": 1, "csChargingProfiles": serde_json::to_value(&profile).expect("JSON") });
    assert_eq!(world.ask("SetChargingProfile", cap.clone())["status"], "Accepted");
    world.pass_s(50);
    let state = world.charger.state();
    assert!(state.connector(1).power_w <= 11_000 && state.connector(1).is_charging());
    world.pass_s(60);
    assert_eq!((world.status(), world.charger.state().connector(1).power_w), (Status::SuspendedEvse, 0));
    assert_eq!(world.ask("ClearChargingProfile", json!({ "id": 7 }))["status"], "Accepted");
    assert_eq!(world.ask("ClearChargingProfile", json!({ "id": 7 }))["status"], "Unknown");
    world.pass_s(30);
    assert_eq!(world.status(), Status::Charging);
    world.act(Act::PressStop { connector: 1 });
    assert_eq!(world.ask("SetChargingProfile", cap)["status"], "Rejected");
}

#[test]
fn triggers_and_what_it_does_not_do() {
    let mut world = World::dc();
    for (message, said) in [
        ("BootNotification", "BootNotification"),
        ("Heartbeat", "Heartbeat"),
        ("MeterValues", "MeterValues"),
        ("StatusNotification", "1:Available"),
    ] {
        world.said();
        let asked = json!({ "requestedMessage": message, "connectorId": 1 });
        assert_eq!(world.ask("TriggerMessage", asked)["status"], "Accepted");
        assert_eq!(world.said()[0], said);
    }
    let asked = json!({ "requestedMessage": "FirmwareStatusNotification" });
    assert_eq!(world.ask("TriggerMessage", asked)["status"], "NotImplemented");
    assert_eq!(world.ask("UnlockConnector", json!({ "connectorId": 9 }))["status"], "NotSupported");
    assert_eq!(world.ask("DataTransfer", json!({ "vendorId": "v" }))["status"], "UnknownVendorId");
    assert_eq!(world.ask("GetLog", json!({})), json!("NotSupported"));
    assert_eq!(world.ask("Heartbeat", json!({})), json!("NotSupported"));
    assert_eq!(world.ask("MakeCoffee", json!({})), json!("NotImplemented"));
    assert_eq!(world.ask("RemoteStopTransaction", json!({ "transactionId": "x" })), json!("TypeConstraintViolation"));
    world.input(Input::Frame("not a frame"));
    assert!(world.replies.last().is_some_and(|reply| reply.contains("FormationViolation")));
}

#[test]
fn the_robot_drives() {
    let robot = Robot { plug_after_ms: 5_000, unplug_after_ms: 10_000, car: Car::default() };
    let mut world = World::online(Config::dc("CP-1").robot(robot));
    world.remote_start();
    world.pass_s(6);
    assert_eq!(world.said(), ["1:Preparing", "Start", "1:Charging"]);
    world.ask("RemoteStopTransaction", json!({ "transactionId": 100 }));
    world.pass_s(11);
    assert_eq!(world.said(), ["Stop:Remote", "1:Finishing", "1:Available"]);
}

mod field_cases;

mod faults {
    use super::*;
    use ocpp::Payload as _;
    use ocpp::v16::meter_values::{self, normalise};

    /// A charge of a minute with a fault; the world after it, with all its calls.
    fn minute(fault: Fault) -> World {
        let mut world = World::online(Config::dc("CP-1").meter_interval_ms(20_000).fault(fault));
        world.act(plug(1));
        world.remote_start();
        world.pass_s(61);
        world.act(Act::PressStop { connector: 1 });
        world
    }

    fn energies_wh(world: &World) -> Vec<Option<i64>> {
        let payloads = world.payloads("MeterValues");
        let read = |payload: &Value| meter_values::Request::decode_text(&payload.to_string()).expect("readable").value;
        payloads.iter().flat_map(|payload| normalise(&read(payload).meter_values).0).map(|sample| sample.energy_wh).collect()
    }

    #[test]
    fn spellings_of_energy_all_mean_the_same() {
        let plain = energies_wh(&minute(Fault::NewIdOnRetry));
        assert_eq!(plain.len(), 3);
        for fault in [Fault::KilowattHours, Fault::BareEnergy, Fault::PhasesOnly, Fault::NumberValues, Fault::NoTimeZone] {
            assert_eq!(energies_wh(&minute(fault.clone())), plain, "{fault:?}");
        }
        assert_eq!(energies_wh(&minute(Fault::BeginInEachSample)).len(), 6);
        assert_eq!(energies_wh(&minute(Fault::EmptySamples)), []);
        let relative = energies_wh(&minute(Fault::SessionRelativeRegister));
        assert!(relative.iter().all(|wh| wh.is_some_and(|wh| wh < 2_000)), "{relative:?}");
    }

    #[test]
    fn ids_and_tags() {
        let world = minute(Fault::NoTransactionIdInMeterValues);
        assert_eq!(world.payloads("MeterValues")[0]["transactionId"], Value::Null);
        let world = minute(Fault::LowerCaseTags);
        assert_eq!(world.payloads("StartTransaction")[0]["idTag"], "g-1");
        let world = minute(Fault::ClockOffset(-3_600));
        assert_eq!(world.payloads("StartTransaction")[0]["timestamp"], "2026-11-22T11:00:00.000Z");
        assert!(minute(Fault::NoMeterValues).payloads("MeterValues").is_empty());
    }

    #[test]
    fn doubles_and_omissions() {
        let world = minute(Fault::DuplicateStart);
        assert_eq!((world.payloads("StartTransaction").len(), world.transactions.len()), (2, 1));
        assert_eq!(minute(Fault::DuplicateStop).payloads("StopTransaction").len(), 2);
        let world = minute(Fault::ForgetStop);
        assert!(world.payloads("StopTransaction").is_empty() && world.charger.state().is_delivered());
    }

    #[test]
    fn commands_not_done() {
        let mut world = World::dc();
        world.act(plug(1));
        for (fault, answer) in [
            (RemoteStartFault::Refuse, json!("Rejected")),
            (RemoteStartFault::AcceptAndNeverStart, json!("Accepted")),
            (RemoteStartFault::NoReply, Value::Null),
        ] {
            world.act(Act::SetFault(Fault::RemoteStart(fault)));
            let reply = world.remote_start();
            assert_eq!(reply.get("status").cloned().unwrap_or_default(), answer);
        }
        world.act(Act::ClearFaults);
        world.remote_start();
        world.act(Act::SetFault(Fault::RemoteStop(RemoteStopFault::AcceptAndIgnore)));
        assert_eq!(world.ask("RemoteStopTransaction", json!({ "transactionId": 100 }))["status"], "Accepted");
        assert!(world.charger.state().connector(1).is_in_transaction());
        assert_eq!(world.transactions.len(), 1);
    }

    #[test]
    fn a_reply_lost_with_the_link() {
        let mut world = World::dc();
        world.act(plug(1));
        world.act(Act::SetFault(Fault::DropBeforeReply));
        assert_eq!(world.remote_start(), Value::Null);
        assert_eq!((world.closes.len(), world.charger.state().connector(1).is_in_transaction()), (1, true));
        world.link_up();
        assert_eq!(world.remote_start()["status"], "Rejected");
        assert_eq!(world.transactions.len(), 1);
    }

    #[test]
    fn boots_left_out_and_registers_reset() {
        let mut world = World::online(Config::dc("CP-1").fault(Fault::NoBootOnReconnect));
        world.link_down();
        world.act(plug(1));
        world.link_up();
        assert_eq!(world.said(), ["1:Preparing"]);
        let mut world = World::online(Config::dc("CP-1").fault(Fault::RegisterResetOnReboot));
        world.act(Act::RestartHard);
        world.pass_s(3);
        assert_eq!(world.charger.state().connector(1).register_wh, 0);
        let mut world = World::new(Config::dc("CP-1").fault(Fault::StatusBeforeBoot));
        world.link_up();
        assert_eq!(world.said()[..2], ["1:Available", "BootNotification"]);
    }
}

/// One step of a random story.
#[derive(Debug, Clone)]
enum Step {
    Act(Act),
    LinkUp,
    LinkDown,
    Pass(i64),
    Answers(bool),
    Ask(&'static str, Value),
    Noise(String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let connector = 0_u32..4;
    let act = prop_oneof![
        connector.clone().prop_map(plug),
        connector.clone().prop_map(|connector| Act::Unplug { connector }),
        (connector.clone(), "[ABab]").prop_map(|(connector, id_tag)| tag(connector, &id_tag)),
        connector.clone().prop_map(|connector| Act::PressStop { connector }),
        Just(Act::EmergencyStop),
        connector.clone().prop_map(|connector| Act::Break { connector, error: ErrorCode::OtherError }),
        connector.clone().prop_map(|connector| Act::Repair { connector }),
        Just(Act::RestartSoft),
        Just(Act::RestartHard),
        Just(Act::PowerLoss),
        Just(Act::PowerBack),
        Just(Act::GoOffline),
        Just(Act::GoOnline),
        Just(Act::SetFault(Fault::NewIdOnRetry)),
        Just(Act::SetFault(Fault::DropBeforeReply)),
        Just(Act::SetFault(Fault::DropAfterSending("StartTransaction"))),
        Just(Act::SetFault(Fault::DropAfterSending("StopTransaction"))),
        Just(Act::SetFault(Fault::DuplicateStart)),
        Just(Act::SetFault(Fault::DuplicateStop)),
        Just(Act::SetFault(Fault::NoBootOnReconnect)),
        Just(Act::SetFault(Fault::PipelinedCalls)),
        Just(Act::SetFault(Fault::BootLoop(30_000))),
        Just(Act::LeaveHalfOpen),
    ];
    let ask = prop_oneof![
        connector.clone().prop_map(|id| ("RemoteStartTransaction", json!({ "connectorId": id, "idTag": "G" }))),
        Just(("RemoteStartTransaction", json!({ "idTag": "G" }))),
        (99_i64..104).prop_map(|id| ("RemoteStopTransaction", json!({ "transactionId": id }))),
        Just(("Reset", json!({ "type": "Soft" }))),
        Just(("Reset", json!({ "type": "Hard" }))),
        connector.clone().prop_map(|id| ("UnlockConnector", json!({ "connectorId": id }))),
        (connector, any::<bool>()).prop_map(|(id, up)| {
            ("ChangeAvailability", json!({ "connectorId": id, "type": if up { "Operative" } else { "Inoperative" } }))
        }),
        Just(("TriggerMessage", json!({ "requestedMessage": "MeterValues" }))),
        Just(("ChangeConfiguration", json!({ "key": "AuthorizeRemoteTxRequests", "value": "true" }))),
        Just(("RequestStartTransaction", json!({ "remoteStartId": 1, "idToken": { "idToken": "G", "type": "Central" } }))),
        Just(("RequestStopTransaction", json!({ "transactionId": "T" }))),
        Just(("Reset", json!({ "type": "Immediate" }))),
        Just(("Reset", json!({ "type": "OnIdle" }))),
        any::<bool>().prop_map(|up| {
            let status = if up { "Operative" } else { "Inoperative" };
            ("ChangeAvailability", json!({ "operationalStatus": status, "evse": { "id": 1 } }))
        }),
        Just(("TriggerMessage", json!({ "requestedMessage": "TransactionEvent" }))),
        Just(("GetBaseReport", json!({ "requestId": 1, "reportBase": "FullInventory" }))),
    ];
    let step = prop_oneof![
        8 => act.prop_map(Step::Act),
        4 => Just(Step::LinkUp),
        2 => Just(Step::LinkDown),
        4 => (0_i64..200).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Answers),
        4 => ask.prop_map(|(action, payload)| Step::Ask(action, payload)),
        1 => r#"[\[\]{}",:0-9a-z]{0,30}"#.prop_map(Step::Noise),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever happens: nothing panics, no register falls, and every transaction that starts is stopped and told.
    #[test]
    fn every_transaction_is_stopped_and_delivered(
        steps in steps(),
        seed in any::<u64>(),
        version in prop_oneof![Just(Version::V16), Just(Version::V201)],
    ) {
        let connector = ConnectorConfig { current: Current::Ac, max_power_w: 22_000, register_wh: 5 };
        let mut config = Config { connectors: vec![connector; 2], ..Config::ac("CP-1") };
        config.meter_interval_ms = 15_000;
        config.version = version;
        let mut world = World::new(config.clone());
        world.charger = Charger::new(config, seed);
        world.ids.clear();
        let mut registers_wh = vec![0; 2];
        for step in steps {
            match step {
                Step::Act(act) => world.act(act),
                Step::LinkUp if !world.link && world.charger.wants_link() => world.link_up(),
                Step::LinkUp => {}
                Step::LinkDown => world.link_down(),
                Step::Pass(seconds) => world.pass_s(seconds),
                Step::Answers(answers) => world.answers = answers,
                Step::Ask(action, payload) if world.link => { world.ask(action, payload); }
                Step::Noise(text) if world.link => world.input(Input::Frame(&text)),
                Step::Ask(..) | Step::Noise(_) => {}
            }
            let now_wh: Vec<i64> = world.charger.state().connectors.iter().map(|connector| connector.register_wh).collect();
            prop_assert!(registers_wh.iter().zip(&now_wh).all(|(before, now)| now >= before));
            registers_wh = now_wh;
        }
        // All goes well again.
        world.answers = true;
        world.act(Act::ClearFaults);
        world.act(Act::PowerBack);
        world.act(Act::GoOnline);
        for _ in 0..20 {
            world.pass_s(60);
            if !world.link && world.charger.wants_link() {
                world.link_up();
            }
            world.act(Act::EmergencyStop);
        }
        let state = world.charger.state();
        prop_assert!(state.is_online() && state.is_delivered(), "{state:#?}");
        let started = world.facts.iter().filter(|fact| matches!(fact, Fact::TransactionStarted { .. })).count();
        let stopped = world.facts.iter().filter(|fact| matches!(fact, Fact::TransactionStopped { .. })).count();
        prop_assert_eq!(started, stopped);
        // Two starts in the same instant at the same register are one to the central system.
        prop_assert!(world.transactions.len() <= started && (started == 0) == world.transactions.is_empty());
        prop_assert!(world.transactions.values().all(|(_, stop)| stop.is_some()), "{:#?}", world.transactions);
        prop_assert!(world.charger.numbers.is_empty(), "{:?}", world.charger.numbers);
    }
}
