//! Stories of a charger that speaks OCPP 2.0.1.

use ocpp::v16::status_notification::ErrorCode;
use serde_json::{Value, json};

use crate::charger::{Act, Close};
use crate::world::{World, plug, tag};
use crate::{Car, Config, Fault, RemoteStartFault, Robot};

fn dc() -> World {
    World::online(Config::dc("CP-1").v201().meter_interval_ms(10_000))
}

fn request_start(world: &mut World) -> Value {
    let token = json!({ "idToken": "G-1", "type": "Central" });
    world.ask("RequestStartTransaction", json!({ "evseId": 1, "remoteStartId": 7, "idToken": token }))
}

/// What it said since the last look: events as type, occasion and number; statuses with their value.
fn said(world: &mut World) -> Vec<String> {
    let calls = std::mem::take(&mut world.calls);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    calls
        .into_iter()
        .map(|(action, payload)| match action.as_str() {
            "StatusNotification" => format!("{}:{}", payload["evseId"], text(&payload["connectorStatus"])),
            "TransactionEvent" => {
                let (kind, trigger) = (text(&payload["eventType"]), text(&payload["triggerReason"]));
                format!("{kind} {trigger} {}", payload["seqNo"])
            }
            _ => action,
        })
        .collect()
}

fn name(world: &World) -> String {
    let transaction = world.charger.state().connector(1).transaction.clone();
    transaction.and_then(|transaction| transaction.station_transaction_id).expect("a transaction")
}

#[test]
fn it_boots_once_and_tells_how_it_is() {
    let mut world = World::new(Config::ac("CP-1").v201());
    world.link_up();
    assert_eq!(world.payloads("BootNotification")[0]["reason"], "PowerUp");
    assert_eq!(said(&mut world), ["BootNotification", "1:Available", "2:Available"]);
    world.pass_s(601);
    assert_eq!(said(&mut world), ["Heartbeat", "Heartbeat"]);
    world.link_down();
    world.act(plug(2));
    world.link_up();
    assert_eq!(said(&mut world), ["1:Available", "2:Occupied"]);
}

#[test]
fn a_tag_a_cable_a_charge() {
    let mut world = dc();
    world.act(tag(1, "TAG"));
    world.act(plug(1));
    world.pass_s(21);
    let started = world.payloads("TransactionEvent")[0].clone();
    assert_eq!(started["idToken"], json!({ "idToken": "TAG", "type": "ISO14443" }));
    assert_eq!(started["evse"], json!({ "id": 1, "connectorId": 1 }));
    assert_eq!(started["meterValue"][0]["sampledValue"][0]["value"], 4_500_000);
    assert_eq!(started["meterValue"][0]["sampledValue"][0]["context"], "Transaction.Begin");
    let told =
        ["Authorize", "1:Occupied", "Started CablePluggedIn 0", "Updated MeterValuePeriodic 1", "Updated MeterValuePeriodic 2"];
    assert_eq!(sorted(said(&mut world)), sorted(told.map(str::to_owned).to_vec()));
    world.act(tag(1, "tag"));
    let ended = world.payloads("TransactionEvent")[0].clone();
    assert_eq!(ended["transactionInfo"]["stoppedReason"], "Local");
    assert_eq!(ended["meterValue"][0]["sampledValue"][0]["context"], "Transaction.End");
    world.act(Act::Unplug { connector: 1 });
    assert_eq!(said(&mut world), ["Ended StopAuthorized 3", "1:Available"]);
    assert!(world.charger.state().connector(1).is_settled());
}

fn sorted(mut said: Vec<String>) -> Vec<String> {
    said.sort();
    said
}

#[test]
fn a_request_starts_and_stops_it() {
    let mut world = dc();
    assert_eq!(request_start(&mut world)["status"], "Accepted");
    world.act(plug(1));
    assert!(world.charger.state().connector(1).is_charging());
    let started = world.payloads("TransactionEvent")[0].clone();
    assert_eq!((&started["triggerReason"], &started["transactionInfo"]["remoteStartId"]), (&json!("RemoteStart"), &json!(7)));
    assert_eq!(started["idToken"]["type"], "Central");
    assert_eq!(request_start(&mut world)["status"], "Rejected");
    let name = name(&world);
    assert_eq!(world.ask("RequestStopTransaction", json!({ "transactionId": "X" }))["status"], "Rejected");
    assert_eq!(world.ask("RequestStopTransaction", json!({ "transactionId": name }))["status"], "Accepted");
    assert_eq!(said(&mut world).last().map(String::as_str), Some("Ended RemoteStop 1"));
}

#[test]
fn nobody_plugs_in() {
    let mut world = dc();
    request_start(&mut world);
    world.pass_s(61);
    world.act(plug(1));
    assert!(world.payloads("TransactionEvent").is_empty());
}

#[test]
fn a_refused_token_is_deauthorised() {
    let mut world = dc();
    world.act(plug(1));
    world.tag_status = "Blocked";
    request_start(&mut world);
    assert_eq!(said(&mut world)[1..], ["Started RemoteStart 0", "Ended Deauthorized 1"]);
}

#[test]
fn what_happens_offline_is_told_after_with_its_numbers() {
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    world.act(Act::GoOffline);
    world.pass_s(20);
    world.act(Act::PressStop { connector: 1 });
    world.calls.clear();
    world.act(Act::GoOnline);
    world.link_up();
    let events = world.payloads("TransactionEvent");
    assert!(events.iter().all(|event| event["offline"] == true), "{events:#?}");
    assert_eq!(events.last().map(|event| event["timestamp"].clone()), Some(json!("2026-11-22T12:00:20.000Z")));
    assert_eq!(world.seqs.values().cloned().collect::<Vec<_>>(), [vec![0, 1, 2, 3]]);
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_number() {
    let mut world = dc();
    world.act(plug(1));
    world.answers = false;
    request_start(&mut world);
    world.link_down();
    world.answers = true;
    world.link_up();
    let events = world.payloads("TransactionEvent");
    assert_eq!((events.len(), &events[0]), (2, &events[1]));
}

#[test]
fn the_charging_state_is_told() {
    let mut world = World::online(Config::dc("CP-1").v201().speed(60).meter_interval_ms(600_000));
    world.act(Act::Plug { connector: 1, car: Car::wanting_wh(5_000) });
    request_start(&mut world);
    world.pass_s(3_000);
    let events = world.payloads("TransactionEvent");
    let full = events.iter().find(|event| event["triggerReason"] == "ChargingStateChanged").expect("told");
    assert_eq!(full["transactionInfo"]["chargingState"], "SuspendedEV");
}

#[test]
fn resets() {
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    assert_eq!(world.ask("Reset", json!({ "type": "OnIdle" }))["status"], "Scheduled");
    world.pass_s(60);
    assert!(world.closes.is_empty());
    world.act(Act::PressStop { connector: 1 });
    assert_eq!(world.closes, [Close::Clean]);
    world.pass_s(3);
    world.calls.clear();
    world.link_up();
    assert_eq!(world.payloads("BootNotification")[0]["reason"], "ScheduledReset");
    request_start(&mut world);
    world.act(Act::Unplug { connector: 1 });
    world.act(plug(1));
    request_start(&mut world);
    assert_eq!(world.ask("Reset", json!({ "type": "Immediate" }))["status"], "Accepted");
    assert_eq!(world.closes.len(), 2);
    let ended = world.payloads("TransactionEvent").last().cloned().expect("an end");
    assert_eq!(
        (&ended["triggerReason"], &ended["transactionInfo"]["stoppedReason"]),
        (&json!("ResetCommand"), &json!("ImmediateReset"))
    );
    assert_eq!(world.ask("Reset", json!({ "type": "Hard" })), Value::Null);
}

#[test]
fn the_device_model_is_read_written_and_reported() {
    let mut world = dc();
    let variable = |component: &str, name: &str| json!({ "component": { "name": component }, "variable": { "name": name } });
    let set = |component: &str, name: &str, value: &str| {
        let mut data = variable(component, name);
        data["attributeValue"] = value.into();
        data
    };
    let answer = world.ask(
        "SetVariables",
        json!({ "setVariableData": [
            set("SampledDataCtrlr", "TxUpdatedInterval", "5"), set("TxCtrlr", "EVConnectionTimeOut", "soon"),
            set("ChargingStation", "Model", "X"), set("Coffee", "Strength", "9"), set("TxCtrlr", "Colour", "red"),
            set("SecurityCtrlr", "BasicAuthPassword", "sixteen characters"),
        ] }),
    );
    let status = |answer: &Value, list: &str| -> Vec<String> {
        let items = answer[list].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["attributeStatus"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let told = ["Accepted", "Rejected", "Rejected", "UnknownComponent", "UnknownVariable", "Accepted"];
    assert_eq!(status(&answer, "setVariableResult"), told);
    assert_eq!(world.charger.password(), Some("sixteen characters"));
    let mut target = variable("SampledDataCtrlr", "txupdatedinterval");
    let asked = json!({ "getVariableData": [target.clone(), variable("SecurityCtrlr", "BasicAuthPassword")] });
    let answer = world.ask("GetVariables", asked);
    assert_eq!(status(&answer, "getVariableResult"), ["Accepted", "Rejected"]);
    assert_eq!(answer["getVariableResult"][0]["attributeValue"], "5");
    target["attributeType"] = "Target".into();
    let answer = world.ask("GetVariables", json!({ "getVariableData": [target] }));
    assert_eq!(status(&answer, "getVariableResult"), ["NotSupportedAttributeType"]);
    let asked = json!({ "requestId": 9, "reportBase": "FullInventory" });
    assert_eq!(world.ask("GetBaseReport", asked)["status"], "Accepted");
    let parts = world.payloads("NotifyReport");
    assert!(parts.len() > 2 && parts.iter().all(|part| part["requestId"] == 9));
    let more: Vec<bool> = parts.iter().filter_map(|part| part["tbc"].as_bool()).collect();
    assert!(more[..more.len() - 1].iter().all(|more| *more) && more.last() == Some(&false));
    let asked = json!({ "requestId": 10, "componentVariable": [{ "component": { "name": "Coffee" } }] });
    assert_eq!(world.ask("GetReport", asked)["status"], "EmptyResultSet");
}

#[test]
fn availability_waits_for_the_transaction() {
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    said(&mut world);
    let change = |status: &str| json!({ "operationalStatus": status, "evse": { "id": 1 } });
    assert_eq!(world.ask("ChangeAvailability", change("Inoperative"))["status"], "Scheduled");
    world.act(Act::Unplug { connector: 1 });
    assert_eq!(said(&mut world), ["Ended EVCommunicationLost 1", "1:Unavailable"]);
    assert_eq!(request_start(&mut world)["status"], "Rejected");
    assert_eq!(world.ask("ChangeAvailability", json!({ "operationalStatus": "Operative" }))["status"], "Accepted");
    assert_eq!(said(&mut world), ["1:Available"]);
}

#[test]
fn a_cap_a_cost_and_a_lock() {
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    let name = name(&world);
    let schedule = json!([{ "id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [
        { "startPeriod": 0, "limit": 11000.0 }, { "startPeriod": 60, "limit": 0 },
    ] }]);
    let cap = json!({ "evseId": 1, "chargingProfile": {
        "id": 7, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": name, "chargingSchedule": schedule,
    } });
    assert_eq!(world.ask("SetChargingProfile", cap)["status"], "Accepted");
    world.pass_s(50);
    assert!(world.charger.state().connector(1).power_w <= 11_000);
    world.pass_s(60);
    assert_eq!(world.charger.state().connector(1).power_w, 0);
    assert_eq!(world.ask("ClearChargingProfile", json!({ "chargingProfileId": 7 }))["status"], "Accepted");
    assert_eq!(world.ask("CostUpdated", json!({ "totalCost": 12.5, "transactionId": name })), json!({}));
    let shown = world.charger.state().connector(1).transaction.clone().and_then(|transaction| transaction.cost);
    assert_eq!(shown.as_deref(), Some("12.5"));
    let unlock = |evse: u32| json!({ "evseId": evse, "connectorId": 1 });
    assert_eq!(world.ask("UnlockConnector", unlock(1))["status"], "OngoingAuthorizedTransaction");
    assert_eq!(world.ask("UnlockConnector", unlock(9))["status"], "UnknownConnector");
    let asked = json!({ "transactionId": name });
    assert_eq!(world.ask("GetTransactionStatus", asked), json!({ "ongoingIndicator": true, "messagesInQueue": false }));
}

#[test]
fn upkeep() {
    let mut world = dc();
    let token = |name: &str| json!({ "idToken": name, "type": "ISO14443" });
    let send = |version: i64, kind: &str, tokens: Value| json!({ "versionNumber": version, "updateType": kind, "localAuthorizationList": tokens });
    let listed = json!([
        { "idToken": token("GOOD"), "idTokenInfo": { "status": "Accepted" } },
        { "idToken": token("BAD"), "idTokenInfo": { "status": "Blocked" } },
    ]);
    assert_eq!(world.ask("SendLocalList", send(2, "Full", listed))["status"], "Accepted");
    assert_eq!(world.ask("GetLocalListVersion", json!({}))["versionNumber"], 2);
    let removal = json!([{ "idToken": token("GOOD") }]);
    assert_eq!(world.ask("SendLocalList", send(2, "Differential", removal))["status"], "VersionMismatch");
    world.act(plug(1));
    world.act(Act::GoOffline);
    world.act(tag(1, "bad"));
    assert!(!world.charger.state().connector(1).is_in_transaction());
    world.act(tag(1, "good"));
    assert!(world.charger.state().connector(1).is_in_transaction());
    world.act(Act::GoOnline);
    world.link_up();
    world.calls.clear();
    let firmware =
        json!({ "requestId": 4, "firmware": { "location": "https://h/f", "retrieveDateTime": "2026-11-22T12:00:00Z" } });
    assert_eq!(world.ask("UpdateFirmware", firmware)["status"], "Accepted");
    let last = world.payloads("FirmwareStatusNotification").last().cloned();
    assert_eq!(last, Some(json!({ "status": "Installed", "requestId": 4 })));
    let log = json!({ "requestId": 5, "logType": "SecurityLog", "log": { "remoteLocation": "https://h/l" } });
    assert_eq!(world.ask("GetLog", log)["filename"], "SecurityLog-5.log");
    assert_eq!(world.payloads("LogStatusNotification").len(), 2);
    let asked = json!({ "requestId": 6, "report": true, "clear": true });
    assert_eq!(world.ask("CustomerInformation", asked)["status"], "Accepted");
    assert_eq!(world.payloads("NotifyCustomerInformation")[0]["requestId"], 6);
}

#[test]
fn the_display_and_the_profiles_are_told() {
    let mut world = dc();
    let message = json!({ "id": 3, "priority": "InFront", "message": { "format": "UTF8", "content": "hello" } });
    assert_eq!(world.ask("SetDisplayMessage", json!({ "message": message }))["status"], "Accepted");
    assert_eq!(world.ask("GetDisplayMessages", json!({ "requestId": 8, "id": [9] }))["status"], "Unknown");
    assert_eq!(world.ask("GetDisplayMessages", json!({ "requestId": 8 }))["status"], "Accepted");
    assert_eq!(world.payloads("NotifyDisplayMessages")[0]["messageInfo"], json!([message]));
    assert_eq!(world.ask("ClearDisplayMessage", json!({ "id": 3 }))["status"], "Accepted");
    assert_eq!(world.ask("ClearDisplayMessage", json!({ "id": 3 }))["status"], "Unknown");
    world.act(plug(1));
    request_start(&mut world);
    let asked = json!({ "requestId": 9, "chargingProfile": {} });
    assert_eq!(world.ask("GetChargingProfiles", asked.clone())["status"], "NoProfiles");
    let name = name(&world);
    let schedule =
        json!([{ "id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 16.5 }] }]);
    let profile = json!({
        "id": 7, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": name, "chargingSchedule": schedule,
    });
    let cap = json!({ "evseId": 1, "chargingProfile": profile });
    assert_eq!(world.ask("SetChargingProfile", cap)["status"], "Accepted");
    assert_eq!(world.ask("GetChargingProfiles", asked)["status"], "Accepted");
    assert_eq!(world.payloads("ReportChargingProfiles")[0]["chargingProfile"], json!([profile]));
}

#[test]
fn triggers_and_what_it_does_not_do() {
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    for (message, told) in [
        ("Heartbeat", "Heartbeat"),
        ("MeterValues", "MeterValues"),
        ("StatusNotification", "1:Occupied"),
        ("TransactionEvent", "Updated Trigger 1"),
        ("FirmwareStatusNotification", "FirmwareStatusNotification"),
        ("LogStatusNotification", "LogStatusNotification"),
    ] {
        said(&mut world);
        let asked = json!({ "requestedMessage": message, "evse": { "id": 1, "connectorId": 1 } });
        assert_eq!(world.ask("TriggerMessage", asked)["status"], "Accepted");
        assert_eq!(said(&mut world)[0], told);
    }
    assert_eq!(world.ask("TriggerMessage", json!({ "requestedMessage": "BootNotification" }))["status"], "Rejected");
    assert_eq!(world.ask("TriggerMessage", json!({ "requestedMessage": "SignV2GCertificate" }))["status"], "NotImplemented");
    assert_eq!(world.ask("ReserveNow", json!({})), json!("NotSupported"));
    assert_eq!(world.ask("MakeCoffee", json!({})), json!("NotImplemented"));
    assert_eq!(world.ask("RequestStopTransaction", json!({ "transactionId": 7 })), json!("TypeConstraintViolation"));
    assert_eq!(world.ask("RequestStopTransaction", json!({})), json!("OccurrenceConstraintViolation"));
    assert_eq!(world.ask("Reset", json!({ "type": "Soft" })), json!("PropertyConstraintViolation"));
}

#[test]
fn a_fault_a_robot_and_a_loss_of_power() {
    let robot = Robot { plug_after_ms: 5_000, unplug_after_ms: 10_000, car: Car::default() };
    let mut world = World::online(Config::dc("CP-1").v201().meter_interval_ms(60_000).robot(robot));
    request_start(&mut world);
    world.pass_s(6);
    world.act(Act::Break { connector: 1, error: ErrorCode::GroundFailure });
    assert_eq!(said(&mut world), ["1:Occupied", "Started RemoteStart 0", "Ended AbnormalCondition 1", "1:Faulted"]);
    let mut world = dc();
    world.act(plug(1));
    request_start(&mut world);
    world.act(Act::PowerLoss);
    world.act(Act::PowerBack);
    world.pass_s(3);
    world.calls.clear();
    world.link_up();
    assert_eq!(said(&mut world), ["BootNotification", "1:Occupied", "Ended AbnormalCondition 1"]);
}

#[test]
fn row_02_another_transaction_id() {
    let mut world = dc();
    world.act(Act::SetFault(Fault::WrongTransactionId(0)));
    world.act(plug(1));
    request_start(&mut world);
    assert_eq!(world.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"], "0");
}

#[test]
fn row_06_units_and_spellings() {
    let first = |fault: Fault| {
        let mut world = World::online(Config::dc("CP-1").v201().meter_interval_ms(10_000).fault(fault));
        world.act(plug(1));
        request_start(&mut world);
        world.pass_s(11);
        let update = world.payloads("TransactionEvent")[1].clone();
        update["meterValue"][0]["sampledValue"][0].clone()
    };
    assert_eq!(first(Fault::KilowattHours)["unitOfMeasure"]["unit"], "kWh");
    assert!(first(Fault::BareEnergy)["measurand"].is_null());
    assert_eq!(first(Fault::PhasesOnly)["phase"], "L1");
    assert_eq!(first(Fault::VendorSpellings)["unitOfMeasure"]["unit"], "wh");
    assert_eq!(first(Fault::EmptySamples), Value::Null);
}

#[test]
fn row_09_a_request_is_accepted_and_nothing_follows() {
    let mut world = dc();
    world.act(Act::SetFault(Fault::RemoteStart(RemoteStartFault::AcceptAndNeverStart)));
    world.act(plug(1));
    assert_eq!(request_start(&mut world)["status"], "Accepted");
    world.pass_s(100);
    assert!(world.payloads("TransactionEvent").is_empty());
}

#[test]
fn row_18_evse_zero_a_start_with_number_one_and_more_stops_than_starts() {
    let mut world = World::new(Config::dc("CP-1").v201().fault(Fault::StatusOfEvseZero));
    world.link_up();
    let status = world.payloads("StatusNotification")[0].clone();
    assert_eq!((&status["evseId"], &status["connectorId"]), (&json!(0), &json!(0)));
    let mut world = dc();
    world.act(Act::SetFault(Fault::SeqNoFromOne));
    world.act(Act::SetFault(Fault::DuplicateStop));
    world.act(plug(1));
    request_start(&mut world);
    world.act(Act::PressStop { connector: 1 });
    assert_eq!(said(&mut world)[1..], ["Started RemoteStart 1", "Ended StopAuthorized 2", "Ended StopAuthorized 2"]);
}
