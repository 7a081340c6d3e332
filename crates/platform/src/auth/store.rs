//! The SQL of people, codes, sessions and keys.

use api::auth::{ActiveSession, Grant};
use api::i18n::Locale;
use chrono::{DateTime, Utc};
use domain::auth::Role;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::AuthError;
use super::codes::{Newest, Tried};
use super::second_step::Totp;
use super::sessions::{EndReason, Presented};

/// One asks for codes at a time: a code is an SMS, and those are few.
pub(super) async fn lock_codes(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('auth.codes', 0))").execute(c).await?;
    Ok(())
}

pub(super) async fn asked_for_phone(
    c: &mut PgConnection,
    phone: &str,
    is_known: bool,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select asked_at from sign_in_code where phone = $1 and is_known = $2 and asked_at > $3 order by asked_at desc",
        phone,
        is_known,
        since
    )
    .fetch_all(c)
    .await
}

pub(super) async fn asked_from_address(
    c: &mut PgConnection,
    address: &str,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select asked_at from sign_in_code where address = $1 and asked_at > $2 order by asked_at desc",
        address,
        since
    )
    .fetch_all(c)
    .await
}

fn count(rows: i64) -> usize {
    usize::try_from(rows).unwrap_or(0)
}

pub(super) async fn asked_from_network(
    c: &mut PgConnection,
    network: &str,
    since: DateTime<Utc>,
) -> Result<usize, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from sign_in_code where network = $1 and asked_at > $2"#, network, since)
        .fetch_one(c)
        .await
        .map(count)
}

pub(super) async fn asked_for_prefix(c: &mut PgConnection, prefix: &str, since: DateTime<Utc>) -> Result<usize, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from sign_in_code where asked_at > $2 and starts_with(phone, $1)"#,
        prefix,
        since
    )
    .fetch_one(c)
    .await
    .map(count)
}

pub(super) async fn asked_in_all(c: &mut PgConnection, since: DateTime<Utc>) -> Result<usize, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from sign_in_code where asked_at > $1"#, since)
        .fetch_one(c)
        .await
        .map(count)
}

pub(super) struct NewCode<'a> {
    pub id: Uuid,
    pub phone: &'a str,
    pub browser_sha256: &'a [u8],
    pub code_hash: &'a str,
    pub address: &'a str,
    pub network: &'a str,
    pub is_known: bool,
    pub tries: i32,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub(super) async fn insert_code(c: &mut PgConnection, new: &NewCode<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sign_in_code (id, phone, browser_sha256, code_hash, address, network, tries_left, asked_at, expires_at, is_known)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id,
        new.phone,
        new.browser_sha256,
        new.code_hash,
        new.address,
        new.network,
        new.tries,
        new.asked_at,
        new.expires_at,
        new.is_known,
    )
    .execute(c)
    .await?;
    Ok(())
}

/// Takes one of the tries of the browser's newest code.
pub(super) async fn take_try(c: &mut PgConnection, browser: &[u8], now: DateTime<Utc>) -> Result<Option<Tried>, sqlx::Error> {
    sqlx::query_as!(
        Tried,
        "update sign_in_code set tries_left = tries_left - 1
        where id = (select id from sign_in_code where browser_sha256 = $1 order by asked_at desc, id desc limit 1)
            and used_at is null and expires_at > $2 and tries_left > 0
        returning id, phone, code_hash, tries_left",
        browser,
        now
    )
    .fetch_optional(c)
    .await
}

/// The newest code that is bound so, whatever has become of it.
pub(super) async fn newest_code(c: &mut PgConnection, bound_to: &[u8]) -> Result<Option<Newest>, sqlx::Error> {
    sqlx::query_as!(
        Newest,
        "select phone, tries_left, expires_at, used_at, is_known from sign_in_code
        where browser_sha256 = $1 order by asked_at desc, id desc limit 1",
        bound_to
    )
    .fetch_optional(c)
    .await
}

pub(super) async fn use_code(c: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query!("update sign_in_code set used_at = $2 where id = $1 and used_at is null and expires_at > $2", id, now)
            .execute(c)
            .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) struct PersonOfPhone {
    pub id: Uuid,
    pub is_blocked: bool,
}

/// The person with this phone, a new one if there is none.
pub(super) async fn person_of_phone(
    c: &mut PgConnection,
    new_id: Uuid,
    phone: &str,
    locale: Locale,
    now: DateTime<Utc>,
) -> Result<PersonOfPhone, sqlx::Error> {
    sqlx::query_as!(
        PersonOfPhone,
        r#"insert into person (id, phone, locale, created_at) values ($1, $2, $3, $4)
        on conflict (phone) do update set phone = excluded.phone
        returning id, blocked_at is not null as "is_blocked!""#,
        new_id,
        phone,
        locale.tag(),
        now
    )
    .fetch_one(c)
    .await
}

/// A person who is there.
pub(super) struct PersonRow {
    pub phone: String,
    pub name: Option<String>,
    pub locale: String,
    pub created_at: DateTime<Utc>,
}

pub(super) async fn person(c: &mut PgConnection, id: Uuid) -> Result<Option<PersonRow>, sqlx::Error> {
    sqlx::query_as!(
        PersonRow,
        r#"select phone as "phone!", name, locale, created_at from person where id = $1 and deleted_at is null"#,
        id
    )
    .fetch_optional(c)
    .await
}

/// The phone, and the row locked until the transaction ends.
pub(super) async fn lock_person(c: &mut PgConnection, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(r#"select phone as "phone!" from person where id = $1 and deleted_at is null for update"#, id)
        .fetch_optional(c)
        .await
}

pub(super) async fn rename(c: &mut PgConnection, id: Uuid, name: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query!("update person set name = $2 where id = $1 and deleted_at is null", id, name).execute(c).await?;
    Ok(())
}

pub(super) async fn set_locale(c: &mut PgConnection, id: Uuid, locale: Locale) -> Result<(), sqlx::Error> {
    sqlx::query!("update person set locale = $2 where id = $1", id, locale.tag()).execute(c).await?;
    Ok(())
}

/// False when the number has an account of its own.
pub(super) async fn change_phone(c: &mut PgConnection, id: Uuid, phone: &str) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "update person set phone = $2 where id = $1 and not exists (select from person other where other.phone = $2)",
        id,
        phone
    )
    .execute(c)
    .await;
    match changed {
        Ok(done) => Ok(done.rows_affected() == 1),
        // Two at the same moment.
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("person_phone_key") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Phone, name, roles, browsers and addresses go; the id stays, for what was bought.
pub(super) async fn forget_person(c: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update role_grant set revoked_at = $2 where person_id = $1 and revoked_at is null", id, now)
        .execute(&mut *c)
        .await?;
    sqlx::query!("update auth_session set user_agent = '', address = '' where person_id = $1", id).execute(&mut *c).await?;
    sqlx::query!("delete from totp where person_id = $1", id).execute(&mut *c).await?;
    sqlx::query!("update person set phone = null, name = null, deleted_at = $2 where id = $1", id, now).execute(c).await?;
    Ok(())
}

/// A role that is or was held.
#[derive(Debug, Serialize)]
pub(super) struct RoleEver {
    pub role: String,
    pub scope: Option<Uuid>,
    pub granted_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

pub(super) async fn roles_ever(c: &mut PgConnection, person: Uuid) -> Result<Vec<RoleEver>, sqlx::Error> {
    sqlx::query_as!(
        RoleEver,
        "select role, scope_id as scope, granted_at, revoked_at from role_grant where person_id = $1 order by id",
        person
    )
    .fetch_all(c)
    .await
}

/// A browser in which the person is or was signed in.
#[derive(Debug, Serialize)]
pub(super) struct SessionEver {
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub user_agent: String,
    pub address: String,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<String>,
}

/// The latest: somebody who signs in each day for years has more than anybody reads.
pub(super) async fn sessions_ever(c: &mut PgConnection, person: Uuid) -> Result<Vec<SessionEver>, sqlx::Error> {
    sqlx::query_as!(
        SessionEver,
        "select created_at, last_seen_at, user_agent, address, ended_at, end_reason from auth_session
        where person_id = $1 order by created_at desc limit 1000",
        person
    )
    .fetch_all(c)
    .await
}

pub(super) struct NewSession<'a> {
    pub id: Uuid,
    pub person: Uuid,
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub user_agent: &'a str,
    pub address: &'a str,
}

pub(super) async fn insert_session(c: &mut PgConnection, new: &NewSession<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into auth_session (id, person_id, created_at, last_seen_at, expires_at, user_agent, address)
        values ($1, $2, $3, $3, $4, $5, $6)",
        new.id,
        new.person,
        new.now,
        new.expires_at,
        new.user_agent,
        new.address,
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn insert_refresh(
    c: &mut PgConnection,
    sha256: &[u8],
    session: Uuid,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refresh_token (sha256, session_id, issued_at, expires_at) values ($1, $2, $3, $4)",
        sha256,
        session,
        now,
        expires_at
    )
    .execute(c)
    .await?;
    Ok(())
}

/// The token that is shown, locked with its session: two tabs come one after the other.
pub(super) async fn presented(c: &mut PgConnection, sha256: &[u8]) -> Result<Option<Presented>, sqlx::Error> {
    sqlx::query_as!(
        Presented,
        r#"select s.id as session, s.person_id as person, t.expires_at, t.used_at, t.kid, s.expires_at as session_expires_at,
            s.ended_at is not null or p.blocked_at is not null as "is_over!"
        from refresh_token t join auth_session s on s.id = t.session_id join person p on p.id = s.person_id
        where t.sha256 = $1 for update of t, s"#,
        sha256
    )
    .fetch_optional(c)
    .await
}

pub(super) async fn use_refresh(c: &mut PgConnection, sha256: &[u8], kid: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update refresh_token set used_at = $2, kid = $3 where sha256 = $1", sha256, now, kid).execute(c).await?;
    Ok(())
}

pub(super) async fn seen(c: &mut PgConnection, session: Uuid, address: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update auth_session set last_seen_at = $2, address = $3 where id = $1", session, now, address)
        .execute(c)
        .await?;
    Ok(())
}

/// Ends sessions of a person: one, or all but one. How many were ended.
pub(super) async fn end_sessions(
    c: &mut PgConnection,
    person: Uuid,
    only: Option<Uuid>,
    but: Option<Uuid>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "update auth_session set ended_at = $5, end_reason = $4
        where person_id = $1 and ended_at is null and ($2::uuid is null or id = $2) and ($3::uuid is null or id <> $3)",
        person,
        only,
        but,
        reason.as_str(),
        now
    )
    .execute(c)
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn active_sessions(
    e: impl PgExecutor<'_>,
    person: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<ActiveSession>, sqlx::Error> {
    sqlx::query_as!(
        ActiveSession,
        "select id, created_at, last_seen_at, user_agent, address from auth_session
        where person_id = $1 and ended_at is null and expires_at > $2 order by last_seen_at desc, id",
        person,
        now
    )
    .fetch_all(e)
    .await
}

/// What a person of a live session may; `None` when the session is over or the person is blocked.
pub(super) async fn grants(
    e: impl PgExecutor<'_>,
    person: Uuid,
    session: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<(Vec<Grant>, Option<DateTime<Utc>>)>, AuthError> {
    let rows = sqlx::query!(
        r#"select g.role as "role?", g.scope_id as "scope_id?", s.second_step_at
        from auth_session s join person p on p.id = s.person_id
            left join role_grant g on g.person_id = p.id and g.revoked_at is null
        where s.id = $1 and s.person_id = $2 and s.ended_at is null and s.expires_at > $3 and p.blocked_at is null
        order by g.id"#,
        session,
        person,
        now
    )
    .fetch_all(e)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let second_step_at = first.second_step_at;
    let mut grants = vec![Grant { role: Role::Driver, scope: None }];
    for row in rows {
        if let Some(role) = row.role {
            let role = Role::parse(&role).ok_or(AuthError::Unreadable("role"))?;
            grants.push(Grant { role, scope: row.scope_id });
        }
    }
    Ok(Some((grants, second_step_at)))
}

pub(super) async fn person_of_number(c: &mut PgConnection, phone: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!("select id from person where phone = $1", phone).fetch_optional(c).await
}

/// False when it is held already.
pub(super) async fn grant(c: &mut PgConnection, person: Uuid, grant: Grant, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into role_grant (person_id, role, scope_id, granted_at) values ($1, $2, $3, $4)
        on conflict (person_id, role, scope_id) where revoked_at is null do nothing",
        person,
        grant.role.as_str(),
        grant.scope,
        now
    )
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn revoke(c: &mut PgConnection, person: Uuid, grant: Grant, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update role_grant set revoked_at = $4
        where person_id = $1 and role = $2 and scope_id is not distinct from $3 and revoked_at is null",
        person,
        grant.role.as_str(),
        grant.scope,
        now
    )
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False when there is nothing to change.
pub(super) async fn set_blocked(c: &mut PgConnection, person: Uuid, at: Option<DateTime<Utc>>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update person set blocked_at = $2 where id = $1 and (blocked_at is null) <> ($2::timestamptz is null)",
        person,
        at
    )
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) struct KeyRow {
    pub kid: String,
    pub secret: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

/// The newest first.
pub(super) async fn keys(e: impl PgExecutor<'_>) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as!(KeyRow, "select kid, secret, created_at from signing_key order by created_at desc, kid desc")
        .fetch_all(e)
        .await
}

pub(super) async fn lock_keys(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('auth.keys', 0))").execute(c).await?;
    Ok(())
}

pub(super) async fn insert_key(c: &mut PgConnection, key: &KeyRow) -> Result<(), sqlx::Error> {
    sqlx::query!("insert into signing_key (kid, secret, created_at) values ($1, $2, $3)", key.kid, key.secret, key.created_at)
        .execute(c)
        .await?;
    Ok(())
}

pub(super) async fn delete_keys(c: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from signing_key where created_at < $1", before).execute(c).await?;
    Ok(())
}

/// Codes and tokens that are of no use any more; the limits remember a day.
pub(super) async fn forget_old(c: &mut PgConnection, codes: DateTime<Utc>, tokens: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let codes = sqlx::query!("delete from sign_in_code where asked_at < $1", codes).execute(&mut *c).await?.rows_affected();
    let tokens = sqlx::query!("delete from refresh_token where expires_at < $1", tokens).execute(c).await?.rows_affected();
    Ok(codes + tokens)
}

struct TotpRow {
    secret: Vec<u8>,
    confirmed_at: Option<DateTime<Utc>>,
    last_step: i64,
    failed: i32,
    failed_at: Option<DateTime<Utc>>,
}

impl From<TotpRow> for Totp {
    fn from(row: TotpRow) -> Self {
        Self {
            secret: row.secret,
            is_confirmed: row.confirmed_at.is_some(),
            last_step: row.last_step,
            failed: row.failed,
            failed_at: row.failed_at,
        }
    }
}

/// The person's own, else this one from now on.
pub(super) async fn offer_totp(
    c: &mut PgConnection,
    person: Uuid,
    secret: &[u8],
    now: DateTime<Utc>,
) -> Result<Totp, AuthError> {
    sqlx::query!(
        "insert into totp (person_id, secret, created_at) values ($1, $2, $3) on conflict (person_id) do nothing",
        person,
        secret,
        now
    )
    .execute(&mut *c)
    .await?;
    lock_totp(c, person).await?.ok_or(AuthError::NotFound("second step"))
}

pub(super) async fn lock_totp(c: &mut PgConnection, person: Uuid) -> Result<Option<Totp>, sqlx::Error> {
    let row = sqlx::query_as!(
        TotpRow,
        "select secret, confirmed_at, last_step, failed, failed_at from totp where person_id = $1 for update",
        person
    )
    .fetch_optional(c)
    .await?;
    Ok(row.map(Totp::from))
}

pub(super) async fn totp_failed(
    c: &mut PgConnection,
    person: Uuid,
    failed: i32,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update totp set failed = $2, failed_at = $3 where person_id = $1", person, failed, now).execute(c).await?;
    Ok(())
}

pub(super) async fn totp_taken(c: &mut PgConnection, person: Uuid, step: i64, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update totp set confirmed_at = coalesce(confirmed_at, $3), last_step = $2, failed = 0, failed_at = null
        where person_id = $1",
        person,
        step,
        now
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn second_step_taken(c: &mut PgConnection, session: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update auth_session set second_step_at = $2 where id = $1", session, now).execute(c).await?;
    Ok(())
}

/// False when there was none. What was taken with it is worth nothing from now on.
pub(super) async fn forget_totp(c: &mut PgConnection, person: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query!("update auth_session set second_step_at = null where person_id = $1", person).execute(&mut *c).await?;
    let done = sqlx::query!("delete from totp where person_id = $1", person).execute(c).await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn phone_of(c: &mut PgConnection, person: Uuid) -> Result<Option<String>, sqlx::Error> {
    Ok(sqlx::query_scalar!("select phone from person where id = $1", person).fetch_optional(c).await?.flatten())
}
