//! Certificates are signed for the charge point that asks, open its door only, and end.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::stations::PlugType;
use domain::{OcppIdentity, Watt};
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;
use crate::SystemIds;
use crate::bus::LocalBus;
use crate::stations::{DemoPlan, NewPartner, SeedChargePoint, SeedConnector, SeedStation, SeededChargePoint, Stations};
use crate::tariffs::Tariffs;
use crate::testing::TestDb;

struct House {
    test: TestDb,
    certificates: Certificates,
    points: Vec<SeededChargePoint>,
}

async fn house() -> House {
    let test = TestDb::new().await;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let tariff = Tariffs::new(test.db.clone()).ensure_standard("Standard").await.unwrap();
    let point = |identity: &str| SeedChargePoint {
        identity: OcppIdentity::parse(identity).unwrap(),
        connectors: vec![SeedConnector {
            label: "A".into(),
            plug: PlugType::Ccs2,
            max_power: Watt::new(60_000),
            tariff,
            code: None,
        }],
    };
    let plan = DemoPlan {
        partner: NewPartner { name: "Partner".into(), tin: "11111111111111".into(), share_bp: 7000 },
        stations: vec![SeedStation {
            name: "Here".into(),
            address: "Chüy 1".into(),
            latitude_e7: 428_700_000,
            longitude_e7: 745_900_000,
            helpline: "+996312000000".into(),
            seller_name: "Red Petroleum EV".into(),
            seller_tin: "22222222222222".into(),
            charge_points: vec![point("CP1"), point("CP2")],
        }],
    };
    let points = Stations::new(test.db.clone(), bus.clone()).seed(plan).await.unwrap();
    let new = CertificateAuthority::generate(&SystemIds, test.db.now()).unwrap();
    let authority = CertificateAuthority::read(&new.certificate_pem, &new.key_pem).unwrap();
    let certificates = Certificates::new(test.db.clone(), bus, Some(Arc::new(authority)));
    House { test, certificates, points }
}

fn request(common_name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap()
}

impl House {
    async fn sign(&self, identity: &str, request: &str) -> Result<ChargePointCertificate, CertificatesError> {
        self.certificates.sign(self.id(identity), request, Some(Actor::System)).await
    }

    fn id(&self, identity: &str) -> ChargePointId {
        self.points.iter().find(|p| p.identity.as_str() == identity).unwrap().id
    }

    async fn opens(&self, identity: &str, certificate: &ChargePointCertificate) -> Verdict {
        let der = authority::first_der(&certificate.pem).unwrap();
        self.certificates.check(self.id(identity), &der).await.unwrap()
    }
}

#[tokio::test]
async fn a_certificate_opens_the_door_of_its_charge_point_only() {
    let house = house().await;
    let certificate = house.sign("CP1", &request("CP1")).await.unwrap();
    assert_eq!(house.opens("CP1", &certificate).await, Verdict::Accepted);
    assert_eq!(house.opens("CP2", &certificate).await, Verdict::Foreign);
    house.test.clock.advance(TimeDelta::days(2 * 365));
    assert_eq!(house.opens("CP1", &certificate).await, Verdict::Expired);
}

#[tokio::test]
async fn a_request_in_another_name_is_refused() {
    let house = house().await;
    for wrong in ["CP2", "", "cp1"] {
        assert!(matches!(house.sign("CP1", &request(wrong)).await, Err(CertificatesError::Request(_))), "{wrong}");
    }
    for nonsense in
        ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", &"x".repeat(6_000)]
    {
        assert!(matches!(house.sign("CP1", nonsense).await, Err(CertificatesError::Request(_))), "{nonsense}");
    }
}

#[tokio::test]
async fn a_new_certificate_follows_the_old_one_when_it_is_seen() {
    let house = house().await;
    let old = house.sign("CP1", &request("CP1")).await.unwrap();
    assert_eq!(house.opens("CP1", &old).await, Verdict::Accepted);
    house.test.clock.advance(TimeDelta::days(300));
    let new = house.sign("CP1", &request("CP1")).await.unwrap();
    assert_eq!(house.opens("CP1", &old).await, Verdict::Accepted, "the new one may never have arrived");
    assert_eq!(house.opens("CP1", &new).await, Verdict::Accepted);
    assert_eq!(house.opens("CP1", &old).await, Verdict::Revoked);
}

#[tokio::test]
async fn a_revoked_certificate_opens_nothing() {
    let house = house().await;
    let certificate = house.sign("CP1", &request("CP1")).await.unwrap();
    let spelled = certificate.serial_number.to_uppercase();
    assert_eq!(house.certificates.revoke(&spelled, "stolen").await.unwrap().as_str(), "CP1");
    assert_eq!(house.opens("CP1", &certificate).await, Verdict::Revoked);
    assert!(matches!(house.certificates.revoke(&spelled, "again").await, Err(CertificatesError::NotFound(_))));
    let seen = house.certificates.of(house.id("CP1")).await.unwrap();
    assert_eq!(seen[0].revocation_reason.as_deref(), Some("stolen"));
}

#[tokio::test]
async fn nobody_is_held_to_a_certificate_that_it_has_not_got() {
    let house = house().await;
    let id = house.id("CP1");
    let hold = async || house.certificates.set_security_profile(id, SecurityProfile::Certificate).await;
    assert!(matches!(hold().await, Err(CertificatesError::NotFound(_))));
    house.sign("CP1", &request("CP1")).await.unwrap();
    hold().await.unwrap();
}

#[tokio::test]
async fn a_charge_point_that_asks_for_ever_gets_no_more() {
    let house = house().await;
    for _ in 0..LIVE_MAX {
        house.sign("CP1", &request("CP1")).await.unwrap();
    }
    assert!(matches!(house.sign("CP1", &request("CP1")).await, Err(CertificatesError::TooMany)));
}

#[test]
fn the_files_of_an_authority_must_fit_together() {
    let now = crate::testing::start_of_time();
    let (one, two) =
        (CertificateAuthority::generate(&SystemIds, now).unwrap(), CertificateAuthority::generate(&SystemIds, now).unwrap());
    assert!(CertificateAuthority::read(&one.certificate_pem, &two.key_pem).is_err());
    assert!(CertificateAuthority::read("", &one.key_pem).is_err());
    let bundle = format!("{}{}", one.certificate_pem, two.certificate_pem);
    assert!(CertificateAuthority::read(&bundle, &one.key_pem).is_ok());
}
