//! The SQL of refused connections.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Count, Key, RefusedConnection};

pub(super) async fn add(c: &mut PgConnection, rows: &BTreeMap<Key, Count>) -> Result<(), sqlx::Error> {
    let hours: Vec<_> = rows.keys().map(|k| k.hour).collect();
    let identities: Vec<_> = rows.keys().map(|k| k.identity.clone()).collect();
    let addresses: Vec<_> = rows.keys().map(|k| k.address.clone()).collect();
    let reasons: Vec<_> = rows.keys().map(|k| k.reason.as_str().to_owned()).collect();
    let times: Vec<_> = rows.values().map(|c| c.times).collect();
    let first: Vec<_> = rows.values().map(|c| c.first_at).collect();
    let last: Vec<_> = rows.values().map(|c| c.last_at).collect();
    sqlx::query!(
        "insert into refused_connection (hour, identity, address, reason, times, first_at, last_at)
        select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
        on conflict (hour, identity, address, reason) do update set
            times = refused_connection.times + excluded.times,
            first_at = least(refused_connection.first_at, excluded.first_at),
            last_at = greatest(refused_connection.last_at, excluded.last_at)",
        &hours,
        &identities,
        &addresses,
        &reasons,
        &times,
        &first,
        &last
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn forget(c: &mut PgConnection, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query!("delete from refused_connection where last_at < $1", before).execute(c).await?.rows_affected())
}

pub(super) async fn recent(
    e: impl PgExecutor<'_>,
    identity: Option<&str>,
    limit: i64,
) -> Result<Vec<RefusedConnection>, sqlx::Error> {
    sqlx::query_as!(
        RefusedConnection,
        "select identity, address, reason, times, first_at, last_at from refused_connection
        where $1::text is null or identity = $1
        order by last_at desc, identity, address, reason limit $2",
        identity,
        limit
    )
    .fetch_all(e)
    .await
}
