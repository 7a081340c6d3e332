//! The SQL of guests' charges.

use api::i18n::Locale;
use chrono::{DateTime, Utc};
use domain::guest::{GuestPhase, StartFailure};
use domain::{ConnectorCode, ConnectorId, GuestChargeId, GuestToken, OrderId, Phone, RefundId, SessionId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Charge, GuestError};

/// Charges that one check reads; a bench database has fewer.
const CHECKED_MAX: i64 = 100_000;

struct Row {
    id: Uuid,
    token: String,
    connector_id: Uuid,
    code: String,
    phone: Option<String>,
    locale: String,
    order_id: Uuid,
    session_id: Option<Uuid>,
    phase: String,
    failure: Option<String>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<Charge, GuestError> {
        let unreadable = || GuestError::Unreadable(format!("guest charge {}", self.id));
        Ok(Charge {
            id: GuestChargeId::from_uuid(self.id),
            token: GuestToken::parse(&self.token).map_err(|_| unreadable())?,
            connector: ConnectorId::from_uuid(self.connector_id),
            code: ConnectorCode::parse(&self.code).map_err(|_| unreadable())?,
            phone: self.phone.as_deref().map(Phone::parse_international).transpose().map_err(|_| unreadable())?,
            locale: Locale::parse(&self.locale).ok_or_else(unreadable)?,
            order: OrderId::from_uuid(self.order_id),
            session: self.session_id.map(SessionId::from_uuid),
            phase: GuestPhase::parse(&self.phase).ok_or_else(unreadable)?,
            failure: self.failure.as_deref().map(|text| StartFailure::parse(text).ok_or_else(unreadable)).transpose()?,
            created_at: self.created_at,
        })
    }
}

pub(super) async fn insert(connection: &mut PgConnection, charge: &Charge, form_key: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into guest_charge (id, token, idempotency_key, connector_id, code, phone, locale, order_id, phase, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        charge.id.as_uuid(),
        charge.token.as_str(),
        form_key,
        charge.connector.as_uuid(),
        charge.code.as_str(),
        charge.phone.as_ref().map(Phone::as_e164),
        charge.locale.tag(),
        charge.order.as_uuid(),
        charge.phase.as_str(),
        charge.created_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn by_token(connection: &mut PgConnection, token: &GuestToken) -> Result<Option<Charge>, GuestError> {
    sqlx::query_as!(
        Row,
        "select id, token, connector_id, code, phone, locale, order_id, session_id, phase, failure, created_at
        from guest_charge where token = $1",
        token.as_str(),
    )
    .fetch_optional(connection)
    .await?
    .map(Row::read)
    .transpose()
}

pub(super) async fn by_form_key(connection: &mut PgConnection, form_key: &str) -> Result<Option<Charge>, GuestError> {
    sqlx::query_as!(
        Row,
        "select id, token, connector_id, code, phone, locale, order_id, session_id, phase, failure, created_at
        from guest_charge where idempotency_key = $1",
        form_key,
    )
    .fetch_optional(connection)
    .await?
    .map(Row::read)
    .transpose()
}

pub(super) async fn by_order(connection: &mut PgConnection, order: OrderId) -> Result<Option<Charge>, GuestError> {
    sqlx::query_as!(
        Row,
        "select id, token, connector_id, code, phone, locale, order_id, session_id, phase, failure, created_at
        from guest_charge where order_id = $1",
        order.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(Row::read)
    .transpose()
}

pub(super) async fn lock_by_order(connection: &mut PgConnection, order: OrderId) -> Result<Option<Charge>, GuestError> {
    sqlx::query_as!(
        Row,
        "select id, token, connector_id, code, phone, locale, order_id, session_id, phase, failure, created_at
        from guest_charge where order_id = $1 for update",
        order.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(Row::read)
    .transpose()
}

pub(super) async fn order_of_session(
    connection: &mut PgConnection,
    session: SessionId,
) -> Result<Option<OrderId>, sqlx::Error> {
    let order = sqlx::query_scalar!("select order_id from guest_charge where session_id = $1", session.as_uuid())
        .fetch_optional(connection)
        .await?;
    Ok(order.map(OrderId::from_uuid))
}

/// Phase, failure and session.
pub(super) async fn update(connection: &mut PgConnection, charge: &Charge, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update guest_charge set phase = $2, failure = $3, session_id = $4, updated_at = $5 where id = $1",
        charge.id.as_uuid(),
        charge.phase.as_str(),
        charge.failure.map(StartFailure::as_str),
        charge.session.map(SessionId::as_uuid),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn set_refund(connection: &mut PgConnection, id: GuestChargeId, refund: RefundId) -> Result<(), sqlx::Error> {
    sqlx::query!("update guest_charge set refund_id = $2 where id = $1", id.as_uuid(), refund.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Charges that wait for their payment.
pub(super) struct Unpaid {
    pub of_phone: i64,
    pub of_connector: i64,
}

pub(super) async fn unpaid(
    connection: &mut PgConnection,
    phone: &Phone,
    connector: ConnectorId,
) -> Result<Unpaid, sqlx::Error> {
    sqlx::query_as!(
        Unpaid,
        r#"select
            (select count(*) from guest_charge where phone = $1 and phase = 'awaiting_payment') as "of_phone!",
            (select count(*) from guest_charge where connector_id = $2 and phase = 'awaiting_payment') as "of_connector!""#,
        phone.as_e164(),
        connector.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

/// A charge with all that its money went to.
pub(super) struct End {
    pub id: Uuid,
    pub order_id: Uuid,
    pub session_id: Option<Uuid>,
    pub phase: String,
    pub paid_tyiyn: Option<i64>,
    pub billed_tyiyn: Option<i64>,
    pub refunds_tyiyn: i64,
    pub open_refunds: i64,
}

/// For the invariants, which look at several modules' tables at once.
pub(super) async fn ends(connection: &mut PgConnection) -> Result<Vec<End>, sqlx::Error> {
    sqlx::query_as!(
        End,
        r#"select g.id, g.order_id, g.session_id, g.phase, o.paid_tyiyn, s.billed_tyiyn as "billed_tyiyn?",
            (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = g.order_id) as "refunds_tyiyn!",
            (select count(*) from refund r where r.order_id = g.order_id and r.state <> 'completed') as "open_refunds!"
        from guest_charge g
        join payment_order o on o.id = g.order_id
        left join charging_session s on s.id = g.session_id
        order by g.created_at
        limit $1"#,
        CHECKED_MAX,
    )
    .fetch_all(connection)
    .await
}

/// Charges with this phone that are nobody's yet.
pub(super) async fn adopt(connection: &mut PgConnection, person: Uuid, phone: &Phone) -> Result<u64, sqlx::Error> {
    let done =
        sqlx::query!("update guest_charge set person_id = $1 where phone = $2 and person_id is null", person, phone.as_e164())
            .execute(connection)
            .await?;
    Ok(done.rows_affected())
}

/// The latest first.
pub(super) async fn of_person(connection: &mut PgConnection, person: Uuid, most: i64) -> Result<Vec<Charge>, GuestError> {
    sqlx::query_as!(
        Row,
        "select id, token, connector_id, code, phone, locale, order_id, session_id, phase, failure, created_at
        from guest_charge where person_id = $1 order by created_at desc, id limit $2",
        person,
        most,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Row::read)
    .collect()
}

/// Takes the phone out of a person's charges.
pub(super) async fn forget_phone(connection: &mut PgConnection, person: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update guest_charge set phone = null where person_id = $1", person).execute(connection).await?;
    Ok(())
}

pub(super) async fn phases_of_person(connection: &mut PgConnection, person: Uuid) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select distinct phase from guest_charge where person_id = $1", person).fetch_all(connection).await
}
