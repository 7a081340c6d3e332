//! A charge point asks for a client certificate, gets it, and asks anew.

use std::sync::Arc;

use csms::CsmsSettings;
use platform::SystemIds;
use platform::certificates::CertificateAuthority;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::house::{Charger, House, patient, quiet};

/// A house whose central system can sign.
async fn with_an_authority() -> House {
    let now = platform::testing::TestDb::new().await.db.now();
    let new = CertificateAuthority::generate(&SystemIds, now).unwrap();
    let authority = CertificateAuthority::read(&new.certificate_pem, &new.key_pem).unwrap();
    House::with(quiet(), CsmsSettings { authority: Some(Arc::new(authority)), ..patient() }).await
}

fn request_of(common_name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap()
}

async fn asks(charger: &mut Charger, payload: Value) -> Value {
    charger.call("SignCertificate", &payload.to_string()).await["status"].clone()
}

#[tokio::test]
async fn oca_074_a_charge_point_gets_the_certificate_that_it_asked_for() {
    let house = with_an_authority().await;
    let mut charger = house.charger("CP1").await;
    assert_eq!(asks(&mut charger, json!({ "csr": request_of("CP1") })).await, "Accepted");
    let (id, payload) = charger.asked_for("CertificateSigned").await;
    charger.answer(&id, "Accepted").await;
    let issued = house.node.csms.certificates().of(house.id("CP1")).await.unwrap();
    assert_eq!(payload["certificateChain"], issued[0].pem.as_str());
}

#[tokio::test]
async fn a_station_of_2_0_1_gets_it_too_and_none_for_cars() {
    let house = with_an_authority().await;
    let mut charger = house.charger_201("CP1").await;
    let kind = |kind: &str| json!({ "csr": request_of("CP1"), "certificateType": kind });
    assert_eq!(asks(&mut charger, kind("V2GCertificate")).await, "Rejected");
    assert_eq!(asks(&mut charger, kind("ChargingStationCertificate")).await, "Accepted");
    let (id, payload) = charger.asked_for("CertificateSigned").await;
    assert_eq!(payload["certificateType"], "ChargingStationCertificate");
    charger.answer(&id, "Accepted").await;
}

#[tokio::test]
async fn a_request_in_anothers_name_is_refused_and_so_is_nonsense() {
    let house = with_an_authority().await;
    let mut charger = house.charger("CP1").await;
    for wrong in [request_of("CP2"), "nonsense".into()] {
        assert_eq!(asks(&mut charger, json!({ "csr": wrong })).await, "Rejected");
    }
    charger.was_asked_nothing().await;
    let noted = house.frames("CP1").await.into_iter().filter(|f| f.violations.is_some()).count();
    assert_eq!(noted, 2, "the reason stands beside the frame");
}

#[tokio::test]
async fn without_an_authority_nothing_is_signed() {
    let house = House::open().await;
    let mut charger = house.charger("CP1").await;
    assert_eq!(asks(&mut charger, json!({ "csr": request_of("CP1") })).await, "Rejected");
    charger.was_asked_nothing().await;
}

#[tokio::test]
async fn a_certificate_whose_delivery_was_interrupted_is_delivered_on_the_next_connection() {
    let house = with_an_authority().await;
    let mut charger = house.charger("CP1").await;
    asks(&mut charger, json!({ "csr": request_of("CP1") })).await;
    let (_, first) = charger.asked_for("CertificateSigned").await;
    charger.vanish();
    let mut charger = house.socket("CP1").await;
    let (_, again) = charger.asked_for("CertificateSigned").await;
    assert_eq!(first, again);
}
