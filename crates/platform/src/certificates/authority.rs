//! The private authority that signs charge points' certificates: a key, its own certificate, and what it puts its name under.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SerialNumber, date_time_ymd,
};

use super::CertificatesError;
use crate::ids::Ids;

/// An authority lives as long as a charge point: replacing it means visiting those that are offline.
const AUTHORITY_VALID: TimeDelta = TimeDelta::days(20 * 365);
/// Long enough for a charge point that stands switched off over a winter, short enough that a forgotten key dies.
const CERTIFICATE_VALID: TimeDelta = TimeDelta::days(2 * 365);
/// Charge points' clocks may be behind ours when they look at their new certificate.
const BACKDATED: TimeDelta = TimeDelta::hours(1);
/// OCPP's own limit for a request.
const REQUEST_CHARS_MAX: usize = 5_500;
/// The DER of an RSA public key of 2048 bits; shorter ones are refused (OCPP 2.0.1 A00: at least 2048).
const RSA_2048_BYTES: usize = 270;
/// 128 bits, the first one 0 so that it is positive: nobody guesses a serial number, and none comes twice.
const SERIAL_BYTES: usize = 16;
/// Who the charge points' operator is, in each certificate (whitepaper A00: O is the name of the CPO).
const ORGANIZATION: &str = "Red Petroleum EV";

/// A certificate that was just signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub der: Vec<u8>,
    pub pem: String,
    pub serial_number: String,
    pub common_name: String,
    pub expires_at: DateTime<Utc>,
}

/// The key and the certificate of the authority.
pub struct CertificateAuthority {
    /// The newest first; older ones are still trusted.
    certificates_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority").finish_non_exhaustive()
    }
}

/// A new authority, for the two files that the operator keeps.
pub struct NewAuthority {
    pub certificate_pem: String,
    /// A secret.
    pub key_pem: String,
}

impl CertificateAuthority {
    /// Makes a new one.
    pub fn generate(ids: &dyn Ids, now: DateTime<Utc>) -> Result<NewAuthority, CertificatesError> {
        let key = KeyPair::generate().map_err(CertificatesError::Cryptography)?;
        let mut params = params(ids, "Red Petroleum EV Charge Points", now, now + AUTHORITY_VALID).0;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(CertificatesError::Cryptography)?;
        Ok(NewAuthority { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Reads the two files. The first certificate must be the key's; others after it are trusted, but sign no more.
    pub fn read(certificates_pem: &str, key_pem: &str) -> Result<Self, CertificatesError> {
        let key = KeyPair::from_pem(key_pem).map_err(|_| CertificatesError::Authority("the key cannot be read"))?;
        let public = key.public_key_raw().to_vec();
        let issuer = Issuer::from_ca_cert_pem(certificates_pem, key)
            .map_err(|_| CertificatesError::Authority("the certificate cannot be read"))?;
        let is_the_keys = first_der(certificates_pem).is_some_and(|der| der.windows(public.len()).any(|part| part == public));
        if !is_the_keys {
            return Err(CertificatesError::Authority("the certificate is not that of the key"));
        }
        Ok(Self { certificates_pem: certificates_pem.to_owned(), issuer })
    }

    /// What the port trusts.
    pub fn certificates_pem(&self) -> &str {
        &self.certificates_pem
    }

    /// Signs a request whose common name is one of `names`. Everything else in it but the key is ours to say.
    pub(super) fn sign(
        &self,
        request_pem: &str,
        names: &[&str],
        ids: &dyn Ids,
        now: DateTime<Utc>,
    ) -> Result<Signed, CertificatesError> {
        if request_pem.chars().count() > REQUEST_CHARS_MAX {
            return Err(CertificatesError::Request("longer than the standard allows"));
        }
        // Its signature is checked here: whoever asks has the key.
        let mut request = CertificateSigningRequestParams::from_pem(request_pem.trim())
            .map_err(|_| CertificatesError::Request("it cannot be read, or its signature is wrong"))?;
        let asked = match request.params.distinguished_name.get(&DnType::CommonName) {
            Some(DnValue::Utf8String(text)) => text.clone(),
            Some(DnValue::PrintableString(text)) => text.as_str().to_owned(),
            Some(DnValue::Ia5String(text)) => text.as_str().to_owned(),
            _ => return Err(CertificatesError::Request("it has no common name")),
        };
        if !names.contains(&asked.as_str()) {
            return Err(CertificatesError::Request("its common name is not the charge point's identity or serial number"));
        }
        let is_rsa = [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_RSA_SHA384, &rcgen::PKCS_RSA_SHA512]
            .iter()
            .any(|algorithm| **algorithm == *request.public_key.algorithm());
        if is_rsa && request.public_key.der_bytes().len() < RSA_2048_BYTES {
            return Err(CertificatesError::Request("an RSA key has at least 2048 bits"));
        }
        let expires_at = now + CERTIFICATE_VALID;
        let (mut params, serial_number) = params(ids, &asked, now, expires_at);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        request.params = params;
        let certificate: Certificate = request.signed_by(&self.issuer).map_err(CertificatesError::Cryptography)?;
        Ok(Signed { der: certificate.der().to_vec(), pem: certificate.pem(), serial_number, common_name: asked, expires_at })
    }
}

/// What all certificates have in common, and the serial number in hexadecimal digits.
fn params(ids: &dyn Ids, common_name: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> (CertificateParams, String) {
    let mut serial = [0_u8; SERIAL_BYTES];
    ids.fill(&mut serial);
    // Positive, and of the same length whatever comes out.
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name = name;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let at = |time: DateTime<Utc>| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.timestamp().max(0).unsigned_abs());
    params.not_before = at(now - BACKDATED);
    params.not_after = at(until);
    (params, serial.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The first certificate of a PEM text.
pub(super) fn first_der(pem: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1.split_once("-----END CERTIFICATE-----")?.0;
    let body: String = body.split_whitespace().collect();
    base64::prelude::BASE64_STANDARD.decode(body).ok()
}
