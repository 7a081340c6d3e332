//! The SQL of client certificates.

use chrono::{DateTime, Utc};
use domain::ChargePointId;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::ChargePointCertificate;

pub(super) struct Found {
    pub id: Uuid,
    pub charge_point: ChargePointId,
    pub expires_at: DateTime<Utc>,
    pub used: bool,
    pub revoked: bool,
}

/// How many could be used now.
pub(super) async fn live(e: impl PgExecutor<'_>, charge_point: ChargePointId, now: DateTime<Utc>) -> Result<i64, sqlx::Error> {
    let live = sqlx::query_scalar!(
        "select count(*) from charge_point_certificate where charge_point_id = $1 and revoked_at is null and expires_at > $2",
        charge_point.as_uuid(),
        now
    )
    .fetch_one(e)
    .await?;
    Ok(live.unwrap_or(0))
}

pub(super) async fn insert(
    c: &mut PgConnection,
    id: Uuid,
    charge_point: ChargePointId,
    fingerprint: &[u8],
    certificate: &ChargePointCertificate,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point_certificate
            (id, charge_point_id, serial_number, fingerprint, common_name, certificate_pem, issued_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        charge_point.as_uuid(),
        certificate.serial_number,
        fingerprint,
        certificate.common_name,
        certificate.pem,
        certificate.issued_at,
        certificate.expires_at
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn by_fingerprint(e: impl PgExecutor<'_>, fingerprint: &[u8]) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id, charge_point_id, expires_at, first_used_at is not null as "used!", revoked_at is not null as "revoked!"
        from charge_point_certificate where fingerprint = $1"#,
        fingerprint
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(|r| Found {
        id: r.id,
        charge_point: ChargePointId::from_uuid(r.charge_point_id),
        expires_at: r.expires_at,
        used: r.used,
        revoked: r.revoked,
    }))
}

/// Notes the first use, and ends those that were issued before.
pub(super) async fn first_used(
    c: &mut PgConnection,
    charge_point: ChargePointId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update charge_point_certificate set first_used_at = $2 where id = $1 and first_used_at is null", id, now)
        .execute(&mut *c)
        .await?;
    sqlx::query!(
        "update charge_point_certificate set revoked_at = $3, revocation_reason = 'superseded'
        where charge_point_id = $1 and revoked_at is null and id <> $2
            and issued_at <= (select issued_at from charge_point_certificate where id = $2)",
        charge_point.as_uuid(),
        id,
        now
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn revoke(
    c: &mut PgConnection,
    serial_number: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<ChargePointId>, sqlx::Error> {
    let charge_point = sqlx::query_scalar!(
        "update charge_point_certificate set revoked_at = $3, revocation_reason = $2
        where serial_number = $1 and revoked_at is null returning charge_point_id",
        serial_number,
        reason,
        now
    )
    .fetch_optional(c)
    .await?;
    Ok(charge_point.map(ChargePointId::from_uuid))
}

pub(super) async fn of(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
) -> Result<Vec<ChargePointCertificate>, sqlx::Error> {
    sqlx::query_as!(
        ChargePointCertificate,
        "select serial_number, common_name, certificate_pem as pem, issued_at, expires_at, first_used_at, revoked_at, revocation_reason
        from charge_point_certificate where charge_point_id = $1 order by issued_at desc, serial_number",
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await
}
