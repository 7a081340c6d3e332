//! The SQL of the jobs.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Job, NewJob, Waiting};

pub(super) async fn enqueue(connection: &mut PgConnection, job: &NewJob, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    // During a run, run_at is what this run is for: the new time goes beside it.
    sqlx::query!(
        "insert into job (kind, key, payload, run_at, created_at) values ($1, $2, $3, $4, $5)
        on conflict (kind, key) do update set
            payload = excluded.payload,
            run_at = case
                when job.lease is not null then job.run_at
                when job.parked_at is not null then excluded.run_at
                else least(job.run_at, excluded.run_at) end,
            again_at = case when job.lease is not null then least(job.again_at, excluded.run_at) end,
            attempts = case when job.parked_at is not null then 0 else job.attempts end,
            parked_at = null",
        job.kind,
        job.key,
        job.payload,
        job.run_at,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn cancel(connection: &mut PgConnection, kind: &str, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from job where kind = $1 and key = $2", kind, key).execute(connection).await?;
    Ok(())
}

/// A job with the proof that its run is ours.
#[derive(Debug)]
pub(super) struct Claimed {
    pub id: i64,
    pub lease: Uuid,
    pub job: Job,
}

/// Takes due jobs that nobody runs, the longest due first. `skip locked`: what another node is taking is not ours to wait for.
pub(super) async fn claim(
    connection: &mut PgConnection,
    kinds: &[String],
    limit: i64,
    lease: Uuid,
    node: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let rows = sqlx::query!(
        "with due as (
            select id from job
            where parked_at is null and run_at <= $1 and (leased_until is null or leased_until <= $1) and kind = any($2)
            order by run_at, id
            limit $3
            for update skip locked
        )
        update job set lease = $4, leased_by = $5, leased_until = $6, attempts = attempts + 1
        from due
        where job.id = due.id
        returning job.id, kind, key, payload, run_at, attempts",
        now,
        kinds,
        limit,
        lease,
        node,
        until,
    )
    .fetch_all(connection)
    .await?;
    let mut rows = rows;
    rows.sort_by_key(|row| (row.run_at, row.id));
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            id: row.id,
            lease,
            job: Job {
                kind: row.kind,
                key: row.key,
                payload: row.payload,
                attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            },
        })
        .collect())
}

/// Done: gone, or back in the queue when it was asked for during the run. Whether the lease was still ours.
pub(super) async fn finish(connection: &mut PgConnection, id: i64, lease: Uuid) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query!("delete from job where id = $1 and lease = $2 and again_at is null", id, lease)
        .execute(&mut *connection)
        .await?;
    if gone.rows_affected() == 1 {
        return Ok(true);
    }
    let again = sqlx::query!(
        "update job set run_at = again_at, again_at = null, attempts = 0, last_error = null,
            lease = null, leased_by = null, leased_until = null
        where id = $1 and lease = $2 and again_at is not null",
        id,
        lease,
    )
    .execute(connection)
    .await?;
    Ok(again.rows_affected() == 1)
}

/// Not done: again at that time, or earlier when it was asked for during the run.
pub(super) async fn retry(
    connection: &mut PgConnection,
    id: i64,
    lease: Uuid,
    at: DateTime<Utc>,
    error: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update job set run_at = least($3, again_at), again_at = null, last_error = $4,
            lease = null, leased_by = null, leased_until = null
        where id = $1 and lease = $2",
        id,
        lease,
        at,
        error,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Given up, unless it was asked for during the run.
pub(super) async fn park(
    connection: &mut PgConnection,
    id: i64,
    lease: Uuid,
    error: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update job set parked_at = case when again_at is null then $4::timestamptz end, run_at = coalesce(again_at, run_at),
            again_at = null, last_error = $3, lease = null, leased_by = null, leased_until = null
        where id = $1 and lease = $2",
        id,
        lease,
        error,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Frees what an earlier life of this node had in its hands.
pub(super) async fn release_all_of(connection: &mut PgConnection, node: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!("update job set lease = null, leased_by = null, leased_until = null where leased_by = $1", node)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// When the next job of these kinds can run.
pub(super) async fn next_due(executor: impl PgExecutor<'_>, kinds: &[String]) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select min(greatest(run_at, leased_until)) from job where parked_at is null and kind = any($1)",
        kinds,
    )
    .fetch_one(executor)
    .await
}

pub(super) async fn waiting(connection: &mut PgConnection, kinds: &[String], limit: i64) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        "select id, kind, key, run_at, attempts, last_error, parked_at from job
        where kind = any($1)
        order by parked_at is null, run_at, id
        limit $2",
        kinds,
        limit,
    )
    .fetch_all(connection)
    .await
}

pub(super) async fn parked(connection: &mut PgConnection, kinds: &[String]) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from job where kind = any($1) and parked_at is not null"#, kinds)
        .fetch_one(connection)
        .await
}

pub(super) async fn run_now(
    connection: &mut PgConnection,
    id: i64,
    kinds: &[String],
    now: DateTime<Utc>,
) -> Result<Option<(String, String)>, sqlx::Error> {
    let row = sqlx::query!(
        "update job set
            run_at = case when lease is null then least(run_at, $3) else run_at end,
            again_at = case when lease is not null then least(again_at, $3) end,
            attempts = case when parked_at is null then attempts else 0 end,
            parked_at = null
        where id = $1 and kind = any($2)
        returning kind, key",
        id,
        kinds,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.kind, row.key)))
}
