//! The SQL of the frame log.

use chrono::{DateTime, NaiveDate, Utc};
use domain::ChargePointId;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Direction, LoggedFrame, NewFrame};

pub(super) async fn append(c: &mut PgConnection, frames: &[&NewFrame]) -> Result<(), sqlx::Error> {
    let at: Vec<DateTime<Utc>> = frames.iter().map(|f| f.at).collect();
    let charge_points: Vec<Uuid> = frames.iter().map(|f| f.lease.charge_point.as_uuid()).collect();
    let epochs: Vec<i64> = frames.iter().map(|f| f.lease.epoch).collect();
    let directions: Vec<&str> = frames.iter().map(|f| f.direction.as_str()).collect();
    let types: Vec<i16> = frames.iter().map(|f| f.message_type).collect();
    let ids: Vec<Option<&str>> = frames.iter().map(|f| f.message_id.as_deref()).collect();
    let actions: Vec<Option<&str>> = frames.iter().map(|f| f.action.as_deref()).collect();
    let texts: Vec<&str> = frames.iter().map(|f| f.frame.as_str()).collect();
    let violations: Vec<Option<&str>> = frames.iter().map(|f| f.violations.as_deref()).collect();
    sqlx::query!(
        "insert into ocpp_log (at, charge_point_id, epoch, direction, message_type, message_id, action, frame, violations)
        select at, charge_point_id, epoch, direction, message_type, message_id, action, frame, violations::jsonb
        from unnest($1::timestamptz[], $2::uuid[], $3::bigint[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::text[])
            as f (at, charge_point_id, epoch, direction, message_type, message_id, action, frame, violations)",
        &at,
        &charge_points,
        &epochs,
        &directions as _,
        &types,
        &ids as _,
        &actions as _,
        &texts as _,
        &violations as _
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn tail(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    before: Option<i64>,
    at_most: i64,
) -> Result<Vec<LoggedFrame>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, at, epoch, direction, message_type, message_id, action, frame, violations from ocpp_log
        where charge_point_id = $1 and ($2::bigint is null or id < $2)
        order by at desc, id desc limit $3",
        charge_point.as_uuid(),
        before,
        at_most
    )
    .fetch_all(e)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| LoggedFrame {
            id: r.id,
            at: r.at,
            epoch: r.epoch,
            direction: if r.direction == Direction::In.as_str() { Direction::In } else { Direction::Out },
            message_type: r.message_type,
            message_id: r.message_id,
            action: r.action,
            frame: r.frame,
            violations: r.violations,
        })
        .collect())
}

pub(super) async fn ensure_partition(c: &mut PgConnection, day: NaiveDate) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query_scalar!("select ocpp_log_ensure_partition($1)", day).fetch_one(c).await?.unwrap_or(false))
}

pub(super) async fn drop_before(c: &mut PgConnection, day: NaiveDate) -> Result<i32, sqlx::Error> {
    Ok(sqlx::query_scalar!("select ocpp_log_drop_before($1)", day).fetch_one(c).await?.unwrap_or(0))
}
