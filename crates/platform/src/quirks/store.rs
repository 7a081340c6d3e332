//! The SQL of quirks.

use chrono::{DateTime, Utc};
use domain::ChargePointId;
use serde_json::Value;
use sqlx::PgExecutor;

use super::{ProfileKey, Proposal, Quirk, QuirkSet, RateUnit, Traits};
use crate::stations::corrupt;

type Time = DateTime<Utc>;

pub(super) async fn traits(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<Traits, sqlx::Error> {
    let row = sqlx::query!(
        r#"select charge_point_quirks($1) as "quirks!", t.smart_charging as "smart_charging?", t.shows_cost as "shows_cost?"
        from (select 1) as one left join charge_point_traits t on t.charge_point_id = $1"#,
        charge_point.as_uuid()
    )
    .fetch_one(e)
    .await?;
    Ok(Traits {
        quirks: QuirkSet::read(&row.quirks),
        smart_charging: row.smart_charging.and_then(|unit| RateUnit::parse(&unit)),
        shows_cost: row.shows_cost.unwrap_or(false),
    })
}

/// Those of this very charge point.
pub(super) async fn given(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<QuirkSet, sqlx::Error> {
    let quirks =
        sqlx::query_scalar!("select quirks from charge_point_traits where charge_point_id = $1", charge_point.as_uuid());
    Ok(QuirkSet::read(&quirks.fetch_optional(e).await?.unwrap_or_default()))
}

pub(super) async fn give(e: impl PgExecutor<'_>, charge_point: ChargePointId, quirks: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point_traits (charge_point_id, quirks) values ($1, $2)
        on conflict (charge_point_id) do update set quirks = excluded.quirks",
        charge_point.as_uuid(),
        quirks
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn learn(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    smart_charging: Option<RateUnit>,
    shows_cost: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point_traits (charge_point_id, smart_charging, shows_cost) values ($1, $2, $3)
        on conflict (charge_point_id) do update set smart_charging = excluded.smart_charging, shows_cost = excluded.shows_cost",
        charge_point.as_uuid(),
        smart_charging.map(RateUnit::as_str),
        shows_cost
    )
    .execute(e)
    .await?;
    Ok(())
}

/// A profile without quirks is none.
pub(super) async fn set_profile(
    e: impl PgExecutor<'_>,
    key: &ProfileKey,
    quirks: &[String],
    now: Time,
) -> Result<(), sqlx::Error> {
    let (vendor, model, firmware) =
        (key.vendor.trim(), key.model.as_deref().map(str::trim), key.firmware_prefix.as_deref().map(str::trim));
    sqlx::query!(
        "with gone as (
            delete from quirk_profile
            where cardinality($4::text[]) = 0 and vendor = $1 and model is not distinct from $2 and firmware_prefix is not distinct from $3
        )
        insert into quirk_profile (vendor, model, firmware_prefix, quirks, created_at)
        select $1, $2, $3, $4, $5 where cardinality($4::text[]) > 0
        on conflict on constraint quirk_profile_key do update set quirks = excluded.quirks",
        vendor,
        model,
        firmware,
        quirks,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

/// The times are counted and the evidence renewed; a decision stays.
pub(super) async fn propose(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    quirk: Quirk,
    evidence: &Value,
    now: Time,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into quirk_proposal as p (charge_point_id, quirk, evidence, first_seen_at, last_seen_at) values ($1, $2, $3, $4, $4)
        on conflict (charge_point_id, quirk)
        do update set times = least(p.times, 1000000) + 1, evidence = excluded.evidence, last_seen_at = excluded.last_seen_at",
        charge_point.as_uuid(),
        quirk.as_str(),
        evidence,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn proposals(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<Vec<Proposal>, sqlx::Error> {
    let rows = sqlx::query!(
        "select quirk, evidence, times, first_seen_at, last_seen_at, accepted from quirk_proposal
        where charge_point_id = $1 order by last_seen_at desc, quirk",
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(Proposal {
                quirk: Quirk::parse(&r.quirk).ok_or_else(|| corrupt("quirk"))?,
                evidence: r.evidence,
                times: r.times,
                first_seen_at: r.first_seen_at,
                last_seen_at: r.last_seen_at,
                accepted: r.accepted,
            })
        })
        .collect()
}

pub(super) async fn decide(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    quirk: Quirk,
    accepted: bool,
    now: Time,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update quirk_proposal set decided_at = $4, accepted = $3 where charge_point_id = $1 and quirk = $2",
        charge_point.as_uuid(),
        quirk.as_str(),
        accepted,
        now
    );
    Ok(done.execute(e).await?.rows_affected() == 1)
}
