//! What a charge point is told of a running session beside its stop: a cap that holds without a link, and the cost for its display.

use chrono::TimeDelta;
use platform::audit::Actor;
use platform::charging::ChargingSettings;
use platform::quirks::Quirk;
use serde_json::{Value, json};

use crate::house::{Charger, House, Running, patient, quiet};

/// A charge point whose settings say so.
async fn with_settings(house: &House, keys: &[(&str, &str)]) -> Charger {
    let mut charger = house.charger("CP1").await;
    let keys: Vec<_> = keys.iter().map(|(key, value)| json!({ "key": key, "value": value, "readonly": true })).collect();
    let (stations, charging) = (&house.node.stations, house.charging());
    let message = ("GetConfiguration", "{}");
    let within = TimeDelta::seconds(60);
    let command =
        csms::operator::send(stations, charging, house.id("CP1"), message, "settings", within, Actor::System).await.unwrap();
    let (id, _) = charger.asked_for("GetConfiguration").await;
    charger.raw.send(json!([3, id, { "configurationKey": keys }]).to_string()).await.unwrap();
    house.ended(command).await;
    charger
}

const SMART: &[(&str, &str)] = &[("SupportedFeatureProfiles", "Core, SmartCharging")];

/// The next cap: its profile.
async fn cap(charger: &mut Charger, answer: &str) -> Value {
    let (id, payload) = charger.asked_for("SetChargingProfile").await;
    charger.answer(&id, answer).await;
    payload
}

fn periods(cap: &Value) -> &Value {
    &cap["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
}

async fn charges(house: &House, charger: &mut Charger) -> Running {
    house.charge(charger, "CP1", 500).await
}

#[tokio::test]
async fn a_session_is_capped_so_that_full_power_without_a_link_cannot_outrun_what_was_paid() {
    let house = House::open().await;
    let mut charger = with_settings(&house, SMART).await;
    let running = charges(&house, &mut charger).await;
    let cap = cap(&mut charger, "Accepted").await;
    let profile = &cap["csChargingProfiles"];
    assert_eq!((&cap["connectorId"], &profile["transactionId"]), (&json!(1), &json!(running.transaction)));
    assert_eq!(
        (&profile["chargingProfilePurpose"], &profile["chargingProfileKind"]),
        (&json!("TxProfile"), &json!("Relative"))
    );
    // 475 som of hold at 22 kW and 15 som/kWh are 5,181 s.
    assert_eq!(periods(&cap), &json!([{ "startPeriod": 0, "limit": 22000 }, { "startPeriod": 5181, "limit": 0 }]));
}

#[tokio::test]
async fn the_cap_is_renewed_at_half_of_its_time_as_long_as_there_is_a_link() {
    let house = House::open().await;
    let mut charger = with_settings(&house, SMART).await;
    let running = charges(&house, &mut charger).await;
    cap(&mut charger, "Accepted").await;
    house.pass(TimeDelta::minutes(20));
    charger.meter(running.transaction, 1_001_000, &house.time()).await;
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::minutes(30));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    let second = cap(&mut charger, "Accepted").await;
    // Of 475 som 30 are used: 4,854 s more at full power, from the 3,000th second on.
    assert_eq!(periods(&second)[1], json!({ "startPeriod": 7854, "limit": 0 }));
    // The first went with the start.
    assert_eq!(second["csChargingProfiles"]["chargingProfileId"], 3);
}

#[tokio::test]
async fn oca_059_a_cap_goes_with_the_start_and_not_with_the_next_one_if_it_is_refused() {
    let house = House::open().await;
    let mut charger = with_settings(&house, SMART).await;
    house.begin("CP1", 500).await;
    let (id, start) = charger.asked_for("RemoteStartTransaction").await;
    assert_eq!(
        start["chargingProfile"],
        json!({
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 22000 }, { "startPeriod": 5181, "limit": 0 }],
            },
        })
    );
    charger.answer(&id, "Rejected").await;
    let (_, start) = charger.asked_for("RemoteStartTransaction").await;
    assert_eq!(start.get("chargingProfile"), None);
}

#[tokio::test]
async fn a_charge_point_that_counts_in_amperes_is_capped_in_them() {
    let house = House::open().await;
    let keys = [SMART[0], ("ChargingScheduleAllowedChargingRateUnit", "Current")];
    let mut charger = with_settings(&house, &keys).await;
    charges(&house, &mut charger).await;
    let cap = cap(&mut charger, "Accepted").await;
    assert_eq!(cap["csChargingProfiles"]["chargingSchedule"]["chargingRateUnit"], "A");
    assert_eq!(periods(&cap)[0]["limit"], 96);
}

#[tokio::test]
async fn who_cannot_charge_smartly_gets_no_cap() {
    let house = House::open().await;
    let mut charger = with_settings(&house, &[("SupportedFeatureProfiles", "Core,Reservation")]).await;
    charges(&house, &mut charger).await;
    charger.was_asked_nothing().await;
}

#[tokio::test]
async fn who_refuses_a_cap_charges_on_and_gets_none_once_staff_says_so() {
    let house = House::open().await;
    let mut charger = with_settings(&house, SMART).await;
    let running = charges(&house, &mut charger).await;
    cap(&mut charger, "NotSupported").await;
    charger.call("Heartbeat", "{}").await;
    let quirks = house.node.csms.quirks();
    assert_eq!(quirks.proposals(house.id("CP1")).await.unwrap()[0].quirk, Quirk::NoChargingProfile);
    quirks.decide(house.id("CP1"), Quirk::NoChargingProfile, true, Actor::System).await.unwrap();
    house.pass(TimeDelta::minutes(50));
    charger.meter(running.transaction, 1_002_000, &house.time()).await;
    charger.was_asked_nothing().await;
}

#[tokio::test]
async fn a_stop_goes_before_a_cap_that_waits() {
    let house = House::open().await;
    let mut charger = with_settings(&house, SMART).await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    charger.raw.send(start(&house, &id_tag)).await.unwrap();
    let answer: Value = serde_json::from_str(&charger.raw.text().await.unwrap()).unwrap();
    let (id, _) = charger.asked_for("SetChargingProfile").await;
    house.stop(session).await;
    charger.answer(&id, "Accepted").await;
    charger.accept_stop(answer[2]["transactionId"].as_i64().unwrap()).await;
}

fn start(house: &House, id_tag: &str) -> String {
    format!(r#"[2,"s","StartTransaction",{}]"#, crate::house::start_payload(1, id_tag, 1_000_000, &house.time()))
}

/// A station of 2.0.1 with a display for costs and smart charging, as its report says.
async fn with_a_display(house: &House) -> Charger {
    let mut charger = house.charger_201("CP1").await;
    let variable = |component: &str, name: &str, instance: Option<&str>, value: &str| {
        let mut variable = json!({ "name": name });
        if let Some(instance) = instance {
            variable["instance"] = json!(instance);
        }
        json!({ "component": { "name": component }, "variable": variable, "variableAttribute": [{ "value": value }] })
    };
    let report = json!([
        variable("TariffCostCtrlr", "Enabled", Some("Cost"), "true"),
        variable("SmartChargingCtrlr", "Enabled", None, "true"),
        variable("SmartChargingCtrlr", "RateUnit", None, "A,W"),
    ]);
    let time = house.time();
    let payload = json!({ "requestId": 1, "generatedAt": time, "seqNo": 0, "reportData": report });
    charger.call("NotifyReport", &payload.to_string()).await;
    charger
}

#[tokio::test]
async fn a_display_is_told_the_cost_once_a_minute_and_the_transaction_is_capped() {
    let house = House::with(ChargingSettings { configure_meters: false, ..quiet() }, patient()).await;
    let mut charger = with_a_display(&house).await;
    let (_, told) = house.charging_201(&mut charger, "tx-1", 500).await;
    let (id, cap) = charger.asked_for("SetChargingProfile").await;
    let profile = &cap["chargingProfile"];
    assert_eq!((&cap["evseId"], &profile["transactionId"]), (&json!(1), &json!("tx-1")));
    assert_eq!(profile["chargingSchedule"][0]["chargingSchedulePeriod"][1], json!({ "startPeriod": 5181, "limit": 0 }));
    charger.answer(&id, "Accepted").await;
    house.pass(TimeDelta::seconds(30));
    charger.event(&told.updated(1, &house.time(), 1_000_100)).await;
    charger.was_asked_nothing().await;
    house.pass(TimeDelta::seconds(30));
    charger.event(&told.updated(2, &house.time(), 1_000_300)).await;
    let (id, cost) = charger.asked_for("CostUpdated").await;
    assert_eq!(cost, json!({ "totalCost": 4.5, "transactionId": "tx-1" }));
    charger.raw.send(json!([3, id, {}]).to_string()).await.unwrap();
    charger.was_asked_nothing().await;
}
