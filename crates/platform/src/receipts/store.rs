//! The SQL of receipts.

use domain::receipts::ReceiptDocument;
use domain::{ReceiptId, SessionId};
use sqlx::{PgConnection, PgExecutor};

use super::StoredReceipt;

/// Receipts that one check reads; a bench database has fewer.
const CHECKED_MAX: i64 = 100_000;

pub(super) async fn id_of_session(connection: &mut PgConnection, session: SessionId) -> Result<Option<ReceiptId>, sqlx::Error> {
    let id = sqlx::query_scalar!("select id from receipt where session_id = $1", session.as_uuid())
        .fetch_optional(connection)
        .await?;
    Ok(id.map(ReceiptId::from_uuid))
}

/// The next number; the series stays locked until the transaction ends.
pub(super) async fn next_number(connection: &mut PgConnection, seller_tin: &str, year: i32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into receipt_series (seller_tin, year, last_number) values ($1, $2, 1)
        on conflict (seller_tin, year) do update set last_number = receipt_series.last_number + 1
        returning last_number",
        seller_tin,
        year,
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    id: ReceiptId,
    session: SessionId,
    document: &ReceiptDocument,
    json: &serde_json::Value,
    digest: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into receipt (id, seller_tin, number, session_id, document, document_sha256, issued_at)
        values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        document.seller_tin,
        document.number,
        session.as_uuid(),
        json,
        digest,
        document.issued_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn of_session(
    executor: impl PgExecutor<'_>,
    session: SessionId,
) -> Result<Option<StoredReceipt>, sqlx::Error> {
    sqlx::query_as!(
        StoredReceipt,
        "select number, document, document_sha256 as digest from receipt where session_id = $1",
        session.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

pub(super) async fn all(connection: &mut PgConnection) -> Result<Vec<StoredReceipt>, sqlx::Error> {
    sqlx::query_as!(
        StoredReceipt,
        "select number, document, document_sha256 as digest from receipt order by issued_at limit $1",
        CHECKED_MAX,
    )
    .fetch_all(connection)
    .await
}

/// Series whose last number is not the count of their receipts.
pub(super) async fn series_with_gaps(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select format('seller %s, %s: last number %s, receipts %s', s.seller_tin, s.year, s.last_number, count(r.id)) as "gap!"
        from receipt_series s
        left join receipt r on r.seller_tin = s.seller_tin and r.number like 'RP-' || s.year || '-%'
        group by s.seller_tin, s.year, s.last_number
        having count(r.id) <> s.last_number"#,
    )
    .fetch_all(connection)
    .await
}
