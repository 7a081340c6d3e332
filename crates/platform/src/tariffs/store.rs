//! The SQL of tariffs, their versions and taxes.

use chrono::{DateTime, Utc};
use domain::tariffs::TariffDocument;
use domain::{TariffId, TariffVersionId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::TaxRate;

pub(super) async fn by_name(c: &mut PgConnection, name: &str) -> Result<Option<TariffId>, sqlx::Error> {
    let id = sqlx::query_scalar!("select id from tariff where name = $1 order by created_at, id limit 1", name)
        .fetch_optional(c)
        .await?;
    Ok(id.map(TariffId::from_uuid))
}

pub(super) async fn insert_tariff(
    c: &mut PgConnection,
    id: TariffId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("insert into tariff (id, name, created_at) values ($1, $2, $3)", id.as_uuid(), name, now).execute(c).await?;
    Ok(())
}

/// So that two versions get two numbers. False when there is no such tariff.
pub(super) async fn lock_tariff(c: &mut PgConnection, id: TariffId) -> Result<bool, sqlx::Error> {
    let row =
        sqlx::query_scalar!("select id from tariff where id = $1 for no key update", id.as_uuid()).fetch_optional(c).await?;
    Ok(row.is_some())
}

pub(super) async fn insert_version(
    c: &mut PgConnection,
    id: TariffVersionId,
    tariff: TariffId,
    document: &TariffDocument,
    valid_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into tariff_version (id, tariff_id, number, document, valid_from, created_at)
        select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5 from tariff_version where tariff_id = $2",
        id.as_uuid(),
        tariff.as_uuid(),
        Json(document) as _,
        valid_from,
        now
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn version_at(
    c: &mut PgConnection,
    tariff: TariffId,
    at: DateTime<Utc>,
) -> Result<Option<(TariffVersionId, TariffDocument)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id, document as "document: Json<TariffDocument>" from tariff_version
        where tariff_id = $1 and valid_from <= $2 order by valid_from desc limit 1"#,
        tariff.as_uuid(),
        at
    )
    .fetch_optional(c)
    .await?;
    Ok(row.map(|r| (TariffVersionId::from_uuid(r.id), r.document.0)))
}

pub(super) async fn next_valid_from(
    c: &mut PgConnection,
    tariff: TariffId,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select min(valid_from) from tariff_version where tariff_id = $1 and valid_from > $2",
        tariff.as_uuid(),
        after
    )
    .fetch_one(c)
    .await
}

pub(super) async fn taxes_at(c: &mut PgConnection, at: DateTime<Utc>) -> Result<Vec<TaxRate>, sqlx::Error> {
    let rows = sqlx::query!(
        "select code, rate_bp from tax_rate
        where valid_from <= $1 and (valid_to is null or valid_to > $1) and rate_bp > 0
        order by code",
        at
    )
    .fetch_all(c)
    .await?;
    Ok(rows.into_iter().map(|r| TaxRate { code: r.code, rate_bp: u32::try_from(r.rate_bp).unwrap_or(0) }).collect())
}
