//! Frames that no charge point should send: each costs at most its own socket.

use serde_json::Value;

use crate::house::House;

async fn error_code(charger: &mut crate::house::Charger, frame: &str) -> String {
    charger.raw.send(frame).await.unwrap();
    let answer: Value = serde_json::from_str(&charger.raw.text().await.unwrap()).unwrap();
    assert_eq!(answer[0], 4, "{answer}");
    answer[2].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_megabytes_close_only_the_socket_they_came_over() {
    let house = House::open().await;
    let mut other = house.charger("CP2").await;
    let mut charger = house.charger("CP1").await;
    // One text frame of two megabytes, masked with zeros. The server closes at its head, before all of it is written.
    let mut frame = vec![0x81, 0xff];
    frame.extend(2_097_152_u64.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + 2 * 1024 * 1024, b'x');
    let _ = charger.raw.write_bytes(&frame).await;
    let closed = charger.raw.closed().await;
    assert!(matches!(closed, Ok(Some(1009) | None)), "{closed:?}");
    other.call("Heartbeat", "{}").await;
    house.charger("CP1").await.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn broken_json_is_answered_and_the_connection_lives() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    assert_eq!(error_code(&mut charger, "hello").await, "FormationViolation");
    assert_eq!(error_code(&mut charger, r#"[2,"7","Heartbeat""#).await, "FormationViolation");
    assert_eq!(error_code(&mut charger, r#"[2,"7","Heartbeat"]"#).await, "FormationViolation");
    charger.call("Heartbeat", "{}").await;
}

#[tokio::test]
async fn each_fault_has_its_code() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    for (frame, code) in [
        (r#"[2,"1","Dance",{}]"#, "NotImplemented"),
        (r#"[2,"1","Reset",{"type":"Soft"}]"#, "NotSupported"),
        (r#"[2,"1","Authorize",{}]"#, "OccurenceConstraintViolation"),
        (r#"[2,"1","Authorize",{"idTag":5}]"#, "TypeConstraintViolation"),
        (r#"[2,"1","Authorize",[]]"#, "FormationViolation"),
    ] {
        assert_eq!(error_code(&mut charger, frame).await, code, "{frame}");
    }
}

#[tokio::test]
async fn answers_to_nothing_are_ignored() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    charger.raw.send(r#"[3,"nobody-asked",{"status":"Accepted"}]"#).await.unwrap();
    charger.raw.send(r#"[4,"nobody-asked","GenericError","",{}]"#).await.unwrap();
    charger.raw.send(r#"[9,"what"]"#).await.unwrap();
    charger.raw.send_binary(br#"[2,"b","Heartbeat",{}]"#.to_vec()).await.unwrap();
    assert!(charger.raw.text().await.unwrap().starts_with(r#"[3,"b""#));
}
