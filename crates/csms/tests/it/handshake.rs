//! Who may come in, and what the others are told (field cases 4 and 10).

use simulator::raw::{RawClient, RawRequest};

use crate::house::{House, refused};

#[tokio::test]
async fn a_wrong_password_is_401_and_an_unknown_charge_point_404() {
    let house = House::open().await;
    let password = &house.point("CP1").password;
    let url = |identity: &str| house.node.url(&format!("/ocpp/{identity}"));
    let request = |identity: &str| RawRequest::new(url(identity)).subprotocol("ocpp1.6");
    assert_eq!(refused(request("CP1").basic("CP1", "wrong")).await, 401);
    assert_eq!(refused(request("CP1")).await, 401);
    assert_eq!(refused(request("CP1").header("Authorization", "Basic !!!")).await, 401);
    // The credentials of one are no good for another.
    assert_eq!(refused(request("CP2").basic("CP1", password)).await, 401);
    assert_eq!(refused(request("NOBODY").basic("NOBODY", password)).await, 404);
    assert_eq!(refused(request(&"x".repeat(49)).basic("CP1", password)).await, 404);
    // The others are undisturbed.
    house.charger("CP1").await;
    assert_eq!(house.node.csms.counters().handshakes_refused.load(std::sync::atomic::Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_slash_at_the_end_and_a_protocol_in_capitals_are_tolerated() {
    let house = House::open().await;
    let password = &house.point("CP1").password;
    let request = RawRequest::new(house.node.url("/ocpp/CP1/")).subprotocol("OCPP1.6").basic("CP1", password);
    let client = RawClient::connect(request).await.unwrap();
    assert_eq!(client.selected_protocol(), Some("OCPP1.6"));
}

#[tokio::test]
async fn the_charge_points_order_of_protocols_counts_and_nothing_in_common_is_refused() {
    let house = House::open().await;
    let request = |protocols: Option<&str>| {
        let request = RawRequest::new(house.node.url("/ocpp/CP1")).basic("CP1", &house.point("CP1").password);
        protocols.map_or(request.clone(), |names| request.subprotocol(names))
    };
    let client = RawClient::connect(request(Some("ocpp2.1, ocpp1.6"))).await.unwrap();
    assert_eq!(client.selected_protocol(), Some("ocpp1.6"));
    assert_eq!(refused(request(Some("ocpp1.5, soap"))).await, 400);
    assert_eq!(refused(request(None)).await, 400);
}

#[tokio::test]
async fn a_stopping_node_says_that_it_restarts() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    let connector = house.connector("CP1", 1);
    let house = house.restart().await;
    assert_eq!(charger.closed().await, Some(1012));
    assert!(!house.node.stations.connector(connector).await.unwrap().unwrap().online);
}
