//! Quirks are learned from what charge points do, proposed to staff with the frames, and change nothing until staff says so.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use csms::CsmsSettings;
use platform::audit::Actor;
use platform::charging::ChargingSettings;
use platform::quirks::{ProfileKey, Quirk};
use serde_json::json;
use simulator::raw::{RawClient, RawRequest};

use crate::house::{Charger, House, patient, quiet, refused};

impl House {
    async fn proposed(&self) -> Vec<Quirk> {
        let proposals = self.node.csms.quirks().proposals(self.id("CP1")).await.unwrap();
        proposals.into_iter().filter(|p| p.accepted.is_none()).map(|p| p.quirk).collect()
    }

    async fn accept(&self, quirk: Quirk) {
        self.node.csms.quirks().decide(self.id("CP1"), quirk, true, Actor::System).await.unwrap();
    }
}

async fn does_not_know(charger: &mut Charger, action: &str) {
    let (id, _) = charger.asked_for(action).await;
    charger.raw.send(format!(r#"[4,"{id}","NotSupported","",{{}}]"#)).await.unwrap();
    charger.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn who_does_not_know_trigger_message_is_not_asked_by_it() {
    let soon = CsmsSettings { ask_status_after: Duration::from_millis(20), ..patient() };
    let house = House::with(quiet(), soon.clone()).await;
    house.charger("CP1").await.vanish();
    let mut charger = house.socket("CP1").await;
    does_not_know(&mut charger, "TriggerMessage").await;
    assert_eq!(house.proposed().await, [Quirk::NoTriggerMessage]);
    let shown = &house.node.csms.quirks().proposals(house.id("CP1")).await.unwrap()[0].evidence;
    assert!(shown["sent"].as_str().unwrap().contains("TriggerMessage") && shown["answer"]["code"] == "NotSupported", "{shown}");
    let asked = "select count(*) from command c join charge_point p on p.id = c.charge_point_id \
                 where p.identity = 'CP1' and c.body->>'type' = 'report_status'";
    let before = house.number(asked).await;
    house.accept(Quirk::NoTriggerMessage).await;
    drop(charger);
    let _charger = house.socket("CP1").await;
    house.until_online("CP1", true).await;
    // One that came after it is asked, so its own time has passed.
    house.socket("CP2").await.asked_for("TriggerMessage").await;
    assert_eq!(house.number(asked).await, before);
}

#[tokio::test]
async fn who_refuses_to_be_told_its_readings_is_not_told_again() {
    let house = House::with(ChargingSettings::default(), patient()).await;
    let mut charger = house.socket("CP1").await;
    charger.boot().await;
    does_not_know(&mut charger, "ChangeConfiguration").await;
    does_not_know(&mut charger, "ChangeConfiguration").await;
    does_not_know(&mut charger, "GetConfiguration").await;
    assert_eq!(house.proposed().await, [Quirk::NoMeterConfiguration]);
    house.accept(Quirk::NoMeterConfiguration).await;
    charger.boot().await;
    let (_, payload) = charger.asked_for("GetConfiguration").await;
    assert_eq!(payload, json!({}));
}

/// Field case 8: offline readings of a clock that shows local time are billed by what it means.
#[tokio::test]
async fn a_clock_of_the_place_is_read_as_one_once_staff_says_so() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let local = || (house.now() + TimeDelta::hours(6)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let status = format!(r#"{{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"{}"}}"#, local());
    charger.call("StatusNotification", &status).await;
    assert_eq!(house.proposed().await, [Quirk::LocalTime]);
    house.accept(Quirk::LocalTime).await;
    drop(charger);
    let mut charger = house.charger("CP1").await;
    let session = house.begin("CP1", 500).await;
    let id_tag = charger.accept_start().await;
    let began = house.now();
    let transaction = charger.start(1, &id_tag, 1_000_000, &local()).await;
    house.pass(TimeDelta::minutes(10));
    let at_ten_minutes = local();
    house.pass(TimeDelta::minutes(50));
    charger.end(transaction, 1_002_000, &at_ten_minutes, "Local").await;
    let seen = house.see(session).await;
    assert_eq!((seen.started_at, seen.ended_at), (Some(began), Some(began + TimeDelta::minutes(10))));
    house.is_in_order().await;
}

/// Field case 10.
#[tokio::test]
async fn who_names_no_protocol_comes_in_once_staff_says_so() {
    let house = House::open().await;
    let password = &house.point("CP1").password;
    let unnamed = || RawRequest::new(house.node.url("/ocpp/CP1")).basic("CP1", password);
    assert_eq!(refused(unnamed()).await, 400);
    assert_eq!(house.proposed().await, [Quirk::NoSubprotocol]);
    house.accept(Quirk::NoSubprotocol).await;
    let mut charger = Charger { raw: RawClient::connect(unnamed()).await.unwrap() };
    charger.boot().await;
    // One that names another is still refused.
    assert_eq!(refused(unnamed().subprotocol("ocpp1.5")).await, 400);
}

#[tokio::test]
async fn a_profile_of_its_kind_counts_from_the_next_connection_on() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.boot().await;
    let key = ProfileKey { vendor: "acme".into(), model: Some("One".into()), firmware_prefix: None };
    let quirks = [Quirk::NoSubprotocol].into_iter().collect();
    house.node.csms.quirks().set_profile(key, quirks, Actor::System).await.unwrap();
    let password = &house.point("CP1").password;
    let unnamed = RawRequest::new(house.node.url("/ocpp/CP1")).basic("CP1", password);
    Charger { raw: RawClient::connect(unnamed).await.unwrap() }.boot().await;
}
