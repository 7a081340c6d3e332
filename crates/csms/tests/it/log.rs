//! Every frame is kept, both ways, as it came (field cases 7 and 20).

use platform::ocpp_logs::Direction;

use crate::house::House;

#[tokio::test]
async fn both_directions_are_kept_with_their_violations() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    charger.call("StatusNotification", r#"{"connectorId":1,"errorCode":"NoError","status":"Dancing","vendorX":1}"#).await;
    let frames = house.frames("CP1").await;
    let shown: Vec<_> = frames.iter().map(|f| (f.direction, f.message_type, f.action.as_deref())).collect();
    assert_eq!(shown, [(Direction::In, 2, Some("StatusNotification")), (Direction::Out, 3, Some("StatusNotification"))]);
    let violations = frames[0].violations.as_ref().unwrap().as_array().unwrap();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(frames[0].frame.contains("Dancing"));
}

#[tokio::test]
async fn a_broken_frame_is_kept_as_it_came() {
    let house = House::open().await;
    let mut charger = house.socket("CP1").await;
    charger.raw.send(r#"[2,"7","Heartbeat",{"#).await.unwrap();
    charger.raw.text().await.unwrap();
    let frames = house.frames("CP1").await;
    assert_eq!((frames[0].message_type, frames[0].frame.as_str()), (0, r#"[2,"7","Heartbeat",{"#));
    assert!(frames[0].violations.is_some());
}
