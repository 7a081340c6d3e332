//! The SQL of the audit trail and the alerts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{Actor, AuditEvent, OpenAlert, Recorded};

pub(super) async fn insert_event(
    connection: &mut PgConnection,
    event: &AuditEvent,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (actor_kind, actor_id) = match &event.actor {
        Actor::System => ("system", None),
        Actor::Person(id) => ("person", Some(id.as_str())),
        Actor::Guest(id) => ("guest", Some(id.as_str())),
        Actor::ChargePoint(id) => ("charge_point", Some(id.as_str())),
        Actor::Provider(id) => ("provider", Some(id.as_str())),
    };
    sqlx::query!(
        "insert into audit_event (at, actor_kind, actor_id, action, subject_kind, subject_id, detail)
        values ($1, $2, $3, $4, $5, $6, $7)",
        at,
        actor_kind,
        actor_id,
        event.action,
        event.subject_kind,
        event.subject_id,
        event.detail,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn raise_alert(
    connection: &mut PgConnection,
    kind: &str,
    dedupe_key: &str,
    detail: &Value,
    at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into alert (kind, dedupe_key, detail, raised_at) values ($1, $2, $3, $4)
        on conflict (kind, dedupe_key) do update
            set detail = excluded.detail, raised_at = excluded.raised_at, resolved_at = null
            where alert.resolved_at is not null",
        kind,
        dedupe_key,
        detail,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn resolve_alert(
    connection: &mut PgConnection,
    kind: &str,
    dedupe_key: &str,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update alert set resolved_at = $3 where kind = $1 and dedupe_key = $2 and resolved_at is null",
        kind,
        dedupe_key,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn open_alerts(connection: &mut PgConnection, limit: i64) -> Result<Vec<OpenAlert>, sqlx::Error> {
    sqlx::query_as!(
        OpenAlert,
        "select kind, dedupe_key as key, detail, raised_at from alert where resolved_at is null order by raised_at desc, id desc limit $1",
        limit,
    )
    .fetch_all(connection)
    .await
}

pub(super) async fn trail(
    connection: &mut PgConnection,
    about: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>, sqlx::Error> {
    sqlx::query_as!(
        Recorded,
        "select id, at, actor_kind, actor_id, action, subject_kind, subject_id, detail
        from audit_event
        where ($1::text is null or subject_id = $1 or actor_id = $1) and ($2::bigint is null or id < $2)
        order by id desc
        limit $3",
        about,
        before,
        limit,
    )
    .fetch_all(connection)
    .await
}
