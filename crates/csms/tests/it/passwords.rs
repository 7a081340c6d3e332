//! A new password reaches its charge point, and nobody is locked out on the way.

use chrono::TimeDelta;
use simulator::raw::RawRequest;

use crate::house::{Charger, House, refused};

fn with(house: &House, password: &str) -> RawRequest {
    RawRequest::new(house.node.url("/ocpp/CP1")).subprotocol("ocpp1.6").basic("CP1", password)
}

async fn opens(house: &House, password: &str) -> bool {
    match simulator::raw::RawClient::connect(with(house, password)).await {
        Ok(_) => true,
        Err(simulator::raw::RawError::Refused { status: 401, .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The new password as the charge point is told it.
async fn told(charger: &mut Charger) -> (String, String) {
    let (id, payload) = charger.asked_for("ChangeConfiguration").await;
    assert_eq!(payload["key"], "AuthorizationKey");
    (id, payload["value"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn both_passwords_are_good_until_the_new_one_is_seen() {
    let house = House::open().await;
    let old = house.point("CP1").password.clone();
    let mut charger = house.charger("CP1").await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    let (id, new) = told(&mut charger).await;
    assert_eq!((new.len(), new.bytes().all(|b| b.is_ascii_hexdigit())), (40, true));
    charger.answer(&id, "Accepted").await;
    charger.call("Heartbeat", "{}").await;
    assert!(opens(&house, &old).await, "it may use the new one only after a restart");
    assert!(opens(&house, &new).await);
    assert!(!opens(&house, &old).await);
    assert!(opens(&house, &new).await);
    // Nobody can read it where frames are shown.
    let frames = house.frames("CP1").await;
    let said = frames.iter().find(|f| f.frame.contains("AuthorizationKey")).unwrap();
    assert!(said.frame.contains("***"));
    assert!(frames.iter().all(|f| !f.frame.contains(&new)));
}

#[tokio::test]
async fn a_charge_point_that_says_no_keeps_its_password() {
    let house = House::open().await;
    let old = house.point("CP1").password.clone();
    let mut charger = house.charger("CP1").await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    let (id, new) = told(&mut charger).await;
    charger.answer(&id, "Rejected").await;
    charger.call("Heartbeat", "{}").await;
    assert!(!opens(&house, &new).await);
    assert!(opens(&house, &old).await);
}

#[tokio::test]
async fn an_unanswered_rotation_locks_nobody_out() {
    let house = House::open().await;
    let old = house.point("CP1").password.clone();
    let mut charger = house.charger("CP1").await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    let (_, first) = told(&mut charger).await;
    charger.vanish();
    // The same one is said again on the next connection, and again nobody hears the answer.
    let mut charger = house.socket("CP1").await;
    let (_, again) = told(&mut charger).await;
    assert_eq!(again, first);
    charger.vanish();
    house.pass(TimeDelta::days(8));
    house.tick().await;
    assert!(opens(&house, &old).await);
    assert!(opens(&house, &first).await, "it had been sent: perhaps it was taken");
    assert!(!opens(&house, &old).await);
}

#[tokio::test]
async fn a_password_that_never_went_out_is_forgotten() {
    let house = House::open().await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    house.pass(TimeDelta::days(8));
    house.tick().await;
    let mut charger = house.charger("CP1").await;
    charger.was_asked_nothing().await;
    // Four can wait to be seen at most, so that there is always an end.
    for _ in 0..4 {
        house.charging().rotate_password(house.id("CP1")).await.unwrap();
    }
    assert!(house.charging().rotate_password(house.id("CP1")).await.is_err());
}

/// OCPP-J 1.6 § 6.3: the key is set in hexadecimal digits and used as the 20 bytes that they mean.
#[tokio::test]
async fn the_raw_bytes_of_the_key_are_the_same_password() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    let (id, new) = told(&mut charger).await;
    charger.answer(&id, "Accepted").await;
    let mut credentials = b"CP1:".to_vec();
    credentials.extend((0..20).map(|n| u8::from_str_radix(&new[2 * n..2 * n + 2], 16).unwrap()));
    let header = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, credentials));
    let bare = || RawRequest::new(house.node.url("/ocpp/CP1")).subprotocol("ocpp1.6");
    assert!(simulator::raw::RawClient::connect(bare().header("Authorization", &header)).await.is_ok());
    assert_eq!(refused(bare().basic("CP1", &house.point("CP1").password)).await, 401);
}

#[tokio::test]
async fn in_2_0_1_the_password_is_a_variable_and_is_not_shown_either() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    house.charging().rotate_password(house.id("CP1")).await.unwrap();
    let (id, payload) = charger.asked_for("SetVariables").await;
    let set = &payload["setVariableData"][0];
    assert_eq!((&set["component"]["name"], &set["variable"]["name"]), (&"SecurityCtrlr".into(), &"BasicAuthPassword".into()));
    let new = set["attributeValue"].as_str().unwrap().to_owned();
    let result =
        serde_json::json!({ "attributeStatus": "Accepted", "component": set["component"], "variable": set["variable"] });
    charger.raw.send(serde_json::json!([3, id, { "setVariableResult": [result] }]).to_string()).await.unwrap();
    charger.call("Heartbeat", "{}").await;
    assert!(opens(&house, &new).await);
    assert!(house.frames("CP1").await.iter().all(|f| !f.frame.contains(&new)));
}
