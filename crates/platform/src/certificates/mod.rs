//! Client certificates of charge points (OCPP security profile 3): signed by a private authority of ours on the charge point's request,
//! followed by a newer one in time, revoked when a charge point is stolen or sold.
//!
//! What is let in is decided by the table, not by a signature: each certificate that we signed is a row that belongs to one charge point, and
//! revoking it is a column. Knows no TLS and no OCPP.

mod authority;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{ChargePointId, OcppIdentity};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::audit::{self, Actor, AuditEvent};
use crate::bus::Bus;
use crate::db::{self, Db, TxError};
use crate::stations::{self, SecurityProfile, StationsError};

pub use authority::{CertificateAuthority, NewAuthority};

/// Certificates that a charge point can have at the same time: the one in use, its follower, and one whose delivery failed. More would be a
/// charger that asks for ever.
const LIVE_MAX: i64 = 5;

/// Why something about certificates could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is no authority here that could sign.
    #[error("no certificate authority is configured")]
    NoAuthority,
    #[error("the certificate authority: {0}")]
    Authority(&'static str),
    #[error("the certificate request: {0}")]
    Request(&'static str),
    /// Too many live certificates of one charge point.
    #[error("the charge point has {LIVE_MAX} certificates already: revoke what it does not use")]
    TooMany,
    #[error("the cryptography")]
    Cryptography(#[source] rcgen::Error),
    #[error(transparent)]
    Stations(#[from] StationsError),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for CertificatesError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            Self::Stations(error) => error.sqlx(),
            _ => None,
        }
    }
}

/// What a certificate means at the door of a charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// Another charge point's, or none that we know.
    Foreign,
    Revoked,
    Expired,
}

/// A certificate, without the key, which we never see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargePointCertificate {
    pub serial_number: String,
    pub common_name: String,
    pub pem: String,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub first_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub revocation_reason: Option<String>,
}

/// The use cases of certificates. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Certificates {
    db: Db,
    bus: Arc<dyn Bus>,
    authority: Option<Arc<CertificateAuthority>>,
}

impl Certificates {
    /// Without an authority nothing is signed; what was signed is checked all the same.
    pub fn new(db: Db, bus: Arc<dyn Bus>, authority: Option<Arc<CertificateAuthority>>) -> Self {
        Self { db, bus, authority }
    }

    /// Signs a charge point's request (PEM). Its common name must be the charge point's identity or the serial number that it reported. The
    /// same request again gets another certificate: the first one may never have arrived. Without an actor the charge point itself asks.
    pub async fn sign(
        &self,
        charge_point: ChargePointId,
        request_pem: &str,
        actor: Option<Actor>,
    ) -> Result<ChargePointCertificate, CertificatesError> {
        let (authority, request_pem) = (self.authority.clone(), request_pem.to_owned());
        db::tx(&self.db, move |mut tx| {
            let (authority, request_pem, actor) = (authority.clone(), request_pem.clone(), actor.clone());
            async move {
                let authority = authority.ok_or(CertificatesError::NoAuthority)?;
                // Locks the charge point, so that the count below holds.
                let names = stations::names(&mut tx, charge_point).await?.ok_or(CertificatesError::NotFound("charge point"))?;
                let now = tx.now();
                if store::live(&mut *tx, charge_point, now).await? >= LIVE_MAX {
                    return Err(CertificatesError::TooMany);
                }
                let mut allowed = vec![names.identity.as_str()];
                allowed.extend(names.serial_number.as_deref());
                let ids = tx.ids().clone();
                let signed = authority.sign(&request_pem, &allowed, ids.as_ref(), now)?;
                let certificate = ChargePointCertificate {
                    serial_number: signed.serial_number,
                    common_name: signed.common_name,
                    pem: signed.pem,
                    issued_at: now,
                    expires_at: signed.expires_at,
                    first_used_at: None,
                    revoked_at: None,
                    revocation_reason: None,
                };
                let id = tx.uuid();
                store::insert(&mut tx, id, charge_point, &fingerprint(&signed.der), &certificate).await?;
                let event = AuditEvent {
                    actor: actor.unwrap_or_else(|| Actor::ChargePoint(names.identity.to_string())),
                    action: "charge_point.certificate_signed",
                    subject_kind: "charge_point",
                    subject_id: charge_point.to_string(),
                    detail: json!({ "serial_number": certificate.serial_number, "common_name": certificate.common_name }),
                };
                audit::record(&mut tx, &event).await?;
                Ok(certificate)
            }
        })
        .await
    }

    /// Whether the certificate (DER) opens this charge point's door. When it is seen for the first time, those before it end: the charge
    /// point has the new one.
    pub async fn check(&self, charge_point: ChargePointId, der: &[u8]) -> Result<Verdict, CertificatesError> {
        let Some(found) = store::by_fingerprint(self.db.pool(), &fingerprint(der)).await? else { return Ok(Verdict::Foreign) };
        if found.charge_point != charge_point {
            return Ok(Verdict::Foreign);
        }
        if found.revoked {
            return Ok(Verdict::Revoked);
        }
        if found.expires_at <= self.db.now() {
            return Ok(Verdict::Expired);
        }
        if !found.used {
            db::tx(&self.db, move |mut tx| async move {
                let now = tx.now();
                store::first_used(&mut tx, charge_point, found.id, now).await
            })
            .await?;
        }
        Ok(Verdict::Accepted)
    }

    /// Revokes a certificate. A connection of its charge point ends within seconds.
    pub async fn revoke(&self, serial_number: &str, reason: &str) -> Result<OcppIdentity, CertificatesError> {
        let serial_number = serial_number.replace(':', "").to_ascii_lowercase();
        let (bus, reason) = (self.bus.clone(), reason.to_owned());
        db::tx(&self.db, move |mut tx| {
            let (bus, serial_number, reason) = (bus.clone(), serial_number.clone(), reason.clone());
            async move {
                let now = tx.now();
                let charge_point = store::revoke(&mut tx, &serial_number, &reason, now)
                    .await?
                    .ok_or(CertificatesError::NotFound("certificate that is not revoked"))?;
                let identity = stations::cut_off(&mut tx, bus, charge_point).await?;
                let event = AuditEvent {
                    actor: Actor::System,
                    action: "charge_point.certificate_revoked",
                    subject_kind: "charge_point",
                    subject_id: charge_point.to_string(),
                    detail: json!({ "serial_number": serial_number, "reason": reason }),
                };
                audit::record(&mut tx, &event).await?;
                Ok(identity)
            }
        })
        .await
    }

    /// Says what the charge point is let in with from now on; more is always welcome. One that has no certificate cannot be held to it: it
    /// would be locked out.
    pub async fn set_security_profile(
        &self,
        charge_point: ChargePointId,
        profile: SecurityProfile,
    ) -> Result<(), CertificatesError> {
        let bus = self.bus.clone();
        db::tx(&self.db, move |mut tx| {
            let bus = bus.clone();
            async move {
                stations::names(&mut tx, charge_point).await?.ok_or(CertificatesError::NotFound("charge point"))?;
                let now = tx.now();
                if profile == SecurityProfile::Certificate && store::live(&mut *tx, charge_point, now).await? == 0 {
                    return Err(CertificatesError::NotFound("certificate that it could come in with"));
                }
                Ok(stations::set_security_profile(&mut tx, bus, charge_point, profile).await?)
            }
        })
        .await
    }

    /// All certificates of a charge point, the newest first.
    pub async fn of(&self, charge_point: ChargePointId) -> Result<Vec<ChargePointCertificate>, CertificatesError> {
        Ok(store::of(self.db.pool(), charge_point).await?)
    }
}

fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}
