//! The SQL of the comparison.

use api::finance::{DifferenceView, RunView};
use chrono::{DateTime, Utc};
use domain::OrderId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Difference;

/// A comparison that is under way.
pub(super) struct OpenRun {
    pub id: i64,
    pub since: DateTime<Utc>,
    pub last_order_id: Option<Uuid>,
}

/// The one that is under way, else a new one.
pub(super) async fn open_run(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<OpenRun, sqlx::Error> {
    sqlx::query!(
        "insert into reconciliation_run (since, started_at)
        select $1, $2 where not exists (select from reconciliation_run where finished_at is null)",
        since,
        now,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_as!(OpenRun, "select id, since, last_order_id from reconciliation_run where finished_at is null")
        .fetch_one(connection)
        .await
}

/// Orders in which something has happened since then, or of which something does not agree.
pub(super) async fn orders(connection: &mut PgConnection, run: &OpenRun, limit: i64) -> Result<Vec<OrderId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        r#"
        select o.id as "id!" from (
            select id from payment_order where created_at >= $1
            union select id from payment_order where paid_at >= $1
            union select id from payment_order where state = 'paid' and cleared_at is null
            union select order_id from refund where created_at >= $1 or state <> 'completed'
            union select order_id from reconciliation_difference where resolved_at is null and order_id is not null
        ) o
        where $2::uuid is null or o.id > $2
        order by o.id
        limit $3
        "#,
        run.since,
        run.last_order_id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

pub(super) async fn order_seen(connection: &mut PgConnection, run: i64, order: OrderId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update reconciliation_run set last_order_id = $2, orders_seen = orders_seen + 1 where id = $1",
        run,
        order.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What was found of the order (of none: by the invariants); what was open before and is not found any more is resolved.
pub(super) async fn set_differences(
    connection: &mut PgConnection,
    run: i64,
    order: Option<OrderId>,
    found: &[Difference],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    for difference in found {
        sqlx::query!(
            "insert into reconciliation_difference (kind, order_id, subject, expected, found, first_run_id, last_run_id, found_at)
            values ($1, $2, $3, $4, $5, $6, $6, $7)
            on conflict (kind, subject) where resolved_at is null do update set
                last_run_id = excluded.last_run_id, expected = excluded.expected, found = excluded.found",
            difference.kind,
            order.map(OrderId::as_uuid),
            difference.subject,
            difference.expected,
            difference.found,
            run,
            now,
        )
        .execute(&mut *connection)
        .await?;
    }
    let (kinds, subjects): (Vec<String>, Vec<String>) =
        found.iter().map(|difference| (difference.kind.to_owned(), difference.subject.clone())).unzip();
    sqlx::query!(
        "update reconciliation_difference set resolved_at = $2
        where resolved_at is null and order_id is not distinct from $1
            and (kind, subject) not in (select kind, subject from unnest($3::text[], $4::text[]) as open (kind, subject))",
        order.map(OrderId::as_uuid),
        now,
        &kinds,
        &subjects,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many differences are open at its end.
pub(super) async fn finish_run(connection: &mut PgConnection, run: i64, now: DateTime<Utc>) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(
        r#"update reconciliation_run set finished_at = $2,
            differences = (select count(*)::integer from reconciliation_difference where resolved_at is null)
        where id = $1
        returning differences as "differences!""#,
        run,
        now,
    )
    .fetch_one(connection)
    .await
}

/// The newest first.
pub(super) async fn runs(connection: &mut PgConnection, limit: i64) -> Result<Vec<RunView>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, since, started_at, finished_at, orders_seen, differences from reconciliation_run order by id desc limit $1",
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RunView {
            id: row.id,
            since: row.since,
            started_at: row.started_at,
            finished_at: row.finished_at,
            orders_seen: u32::try_from(row.orders_seen).unwrap_or_default(),
            differences: row.differences.map(|count| u32::try_from(count).unwrap_or_default()),
        })
        .collect())
}

/// Open ones, the newest first.
pub(super) async fn differences(connection: &mut PgConnection, limit: i64) -> Result<Vec<DifferenceView>, sqlx::Error> {
    let rows = sqlx::query!(
        "select kind, order_id, subject, expected, found, found_at from reconciliation_difference
        where resolved_at is null order by id desc limit $1",
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DifferenceView {
            kind: row.kind,
            order: row.order_id.map(OrderId::from_uuid),
            subject: row.subject,
            expected: row.expected,
            found: row.found,
            found_at: row.found_at,
        })
        .collect())
}
