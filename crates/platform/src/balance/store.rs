//! The SQL of payments and refunds.

use chrono::{DateTime, Utc};
use domain::{FormKey, HoldId, OrderId, RefundId, RefundRequestId, Tyiyn};
use providers::PaymentOrder;
use sqlx::PgConnection;
use uuid::Uuid;

use super::refund_requests::{ORDERS_PER_REQUEST_MAX, Of, REQUESTS_SHOWN_MAX, Request, RequestStage};
use super::refunds::NewRefund;
use super::top_up::UNPAID_PER_PERSON_MAX;
use super::{BalanceError, NewOrder, Order, OrderState, Purpose, Refund, RefundStage};

/// A row of payment_order.
pub(super) struct OrderRow {
    id: Uuid,
    external_id: String,
    link_attempt: i32,
    purpose: String,
    person_id: Option<Uuid>,
    amount_tyiyn: i64,
    comment: String,
    return_path: String,
    state: String,
    payment_url: Option<String>,
    provider_guid: Option<String>,
    provider_type: Option<String>,
    paid_tyiyn: Option<i64>,
    paid_at: Option<DateTime<Utc>>,
    cleared_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl OrderRow {
    pub(super) fn read(self) -> Result<Order, BalanceError> {
        let unreadable = || BalanceError::Unreadable(format!("order {}", self.id));
        Ok(Order {
            id: OrderId::from_uuid(self.id),
            purpose: Purpose::parse(&self.purpose, self.person_id).ok_or_else(unreadable)?,
            state: OrderState::parse(&self.state).ok_or_else(unreadable)?,
            amount: Tyiyn::new(self.amount_tyiyn),
            paid: self.paid_tyiyn.map(Tyiyn::new),
            paid_at: self.paid_at,
            payment_url: self.payment_url,
            provider_guid: self.provider_guid,
            expires_at: self.expires_at,
            created_at: self.created_at,
            cleared_at: self.cleared_at,
            external_id: self.external_id,
            link_attempt: self.link_attempt,
            provider_kind: self.provider_type,
            comment: self.comment,
            return_path: self.return_path,
        })
    }
}

pub(super) async fn insert_order(
    connection: &mut PgConnection,
    order: &NewOrder,
    form_key: Option<&str>,
    external_id: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into payment_order
            (id, external_id, purpose, person_id, form_key, amount_tyiyn, comment, return_path, state, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'new', $9, $10)",
        order.id.as_uuid(),
        external_id,
        order.purpose.as_str(),
        order.purpose.person(),
        form_key,
        order.amount.get(),
        order.comment,
        order.return_path,
        now,
        expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn order(connection: &mut PgConnection, id: OrderId) -> Result<Option<OrderRow>, sqlx::Error> {
    sqlx::query_as!(
        OrderRow,
        "select id, external_id, link_attempt, purpose, person_id, amount_tyiyn, comment, return_path, state, payment_url, provider_guid,
            provider_type, paid_tyiyn, paid_at, cleared_at, created_at, expires_at
        from payment_order where id = $1",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn lock_order(connection: &mut PgConnection, id: OrderId) -> Result<Option<OrderRow>, sqlx::Error> {
    sqlx::query_as!(
        OrderRow,
        "select id, external_id, link_attempt, purpose, person_id, amount_tyiyn, comment, return_path, state, payment_url, provider_guid,
            provider_type, paid_tyiyn, paid_at, cleared_at, created_at, expires_at
        from payment_order where id = $1 for update",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
}

/// Whether the link is ours to make now.
pub(super) async fn claim_link(
    connection: &mut PgConnection,
    id: OrderId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update payment_order set link_asked_until = $3
        where id = $1 and state = 'new' and expires_at > $2 and (link_asked_until is null or link_asked_until <= $2)",
        id.as_uuid(),
        now,
        until,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether somebody's call for the link is under way.
pub(super) async fn link_is_asked_for(
    connection: &mut PgConnection,
    id: OrderId,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
            select from payment_order where id = $1 and state = 'new' and link_asked_until > $2
        ) as "asked!""#,
        id.as_uuid(),
        now,
    )
    .fetch_one(connection)
    .await
}

/// The link of this external id is the one that is shown, also when it comes so late that another one has been asked for.
pub(super) async fn link_made(
    connection: &mut PgConnection,
    id: OrderId,
    external_id: &str,
    guid: &str,
    payment_url: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set state = 'link', external_id = $2, link_guid = $3, payment_url = $4, link_asked_until = null
        where id = $1 and state = 'new'",
        id.as_uuid(),
        external_id,
        guid,
        payment_url,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn link_not_made(connection: &mut PgConnection, id: OrderId, external_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set link_asked_until = null where id = $1 and external_id = $2",
        id.as_uuid(),
        external_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Another external id, while the old one is still the newest and has no address.
pub(super) async fn next_link(connection: &mut PgConnection, id: OrderId, old: &str, new: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set external_id = $3, link_attempt = link_attempt + 1, link_asked_until = null
        where id = $1 and external_id = $2 and state = 'new'",
        id.as_uuid(),
        old,
        new,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn order_failed(connection: &mut PgConnection, id: OrderId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set state = 'failed', link_asked_until = null where id = $1 and state in ('new', 'link')",
        id.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn note_status(connection: &mut PgConnection, id: OrderId, status: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set provider_status = $2 where id = $1 and provider_status is distinct from $2",
        id.as_uuid(),
        status,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn guid_is_taken(connection: &mut PgConnection, id: OrderId, guid: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from payment_order where provider_guid = $2 and id <> $1) as "taken!""#,
        id.as_uuid(),
        guid,
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn order_paid(
    connection: &mut PgConnection,
    id: OrderId,
    payment: &PaymentOrder,
    amount: Tyiyn,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update payment_order set state = 'paid', provider_guid = $2, provider_type = $3, provider_status = $4, paid_tyiyn = $5,
            paid_at = $6, link_asked_until = null
        where id = $1",
        id.as_uuid(),
        payment.guid,
        payment.kind,
        payment.status.as_str(),
        amount.get(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn order_cleared(connection: &mut PgConnection, id: OrderId, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update payment_order set cleared_at = $2 where id = $1", id.as_uuid(), at).execute(connection).await?;
    Ok(())
}

/// Whether it expired now.
pub(super) async fn expire(connection: &mut PgConnection, id: OrderId, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update payment_order set state = 'expired', link_asked_until = null
        where id = $1 and state in ('new', 'link') and expires_at <= $2",
        id.as_uuid(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A row of refund.
pub(super) struct RefundRow {
    id: Uuid,
    order_id: Uuid,
    external_refund_id: String,
    generation: i32,
    amount_tyiyn: i64,
    state: String,
    error_code: Option<String>,
    created_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl RefundRow {
    pub(super) fn read(self) -> Result<Refund, BalanceError> {
        let stage = RefundStage::parse(&self.state).ok_or_else(|| BalanceError::Unreadable(format!("refund {}", self.id)))?;
        let troubled = self.error_code.is_some() || matches!(stage, RefundStage::Stuck | RefundStage::Failed);
        Ok(Refund {
            id: RefundId::from_uuid(self.id),
            order: OrderId::from_uuid(self.order_id),
            amount: Tyiyn::new(self.amount_tyiyn),
            stage,
            reference: self.external_refund_id,
            needs_staff: troubled && stage != RefundStage::Completed,
            completed_at: self.completed_at,
            created_at: self.created_at,
            generation: self.generation,
        })
    }
}

pub(super) async fn insert_refund(
    connection: &mut PgConnection,
    id: RefundId,
    new: &NewRefund,
    external_id: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refund (id, order_id, external_refund_id, business_key, amount_tyiyn, state, created_at, request_id)
        values ($1, $2, $3, $4, $5, 'queued', $6, $7)",
        id.as_uuid(),
        new.order.as_uuid(),
        external_id,
        new.business_key,
        new.amount.get(),
        now,
        new.request.map(RefundRequestId::as_uuid),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn refund(connection: &mut PgConnection, id: RefundId) -> Result<Option<RefundRow>, sqlx::Error> {
    sqlx::query_as!(
        RefundRow,
        "select id, order_id, external_refund_id, generation, amount_tyiyn, state, error_code, created_at, completed_at
        from refund where id = $1",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn lock_refund(connection: &mut PgConnection, id: RefundId) -> Result<Option<RefundRow>, sqlx::Error> {
    sqlx::query_as!(
        RefundRow,
        "select id, order_id, external_refund_id, generation, amount_tyiyn, state, error_code, created_at, completed_at
        from refund where id = $1 for update",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn refund_by_key(connection: &mut PgConnection, business_key: &str) -> Result<Option<RefundRow>, sqlx::Error> {
    sqlx::query_as!(
        RefundRow,
        "select id, order_id, external_refund_id, generation, amount_tyiyn, state, error_code, created_at, completed_at
        from refund where business_key = $1",
        business_key,
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn refunds_of(connection: &mut PgConnection, order: OrderId) -> Result<Vec<RefundRow>, sqlx::Error> {
    sqlx::query_as!(
        RefundRow,
        "select id, order_id, external_refund_id, generation, amount_tyiyn, state, error_code, created_at, completed_at
        from refund where order_id = $1 order by created_at, id",
        order.as_uuid(),
    )
    .fetch_all(connection)
    .await
}

pub(super) async fn refund_being_sent(
    connection: &mut PgConnection,
    id: RefundId,
    external_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund set state = 'sent', attempts = attempts + 1
        where id = $1 and external_refund_id = $2 and state in ('queued', 'sent', 'unknown', 'stuck')",
        id.as_uuid(),
        external_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn note_refund(
    connection: &mut PgConnection,
    id: RefundId,
    guid: &str,
    status: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund set provider_guid = $2, provider_status = $3
        where id = $1 and (provider_guid is distinct from $2 or provider_status is distinct from $3)",
        id.as_uuid(),
        guid,
        status,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn refund_stage(
    connection: &mut PgConnection,
    id: RefundId,
    stage: RefundStage,
    status: Option<&str>,
    error_code: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund set state = $2, provider_status = coalesce($3, provider_status), error_code = $4
        where id = $1 and state <> 'completed'",
        id.as_uuid(),
        stage.as_str(),
        status,
        error_code,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn refund_completed(
    connection: &mut PgConnection,
    id: RefundId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund set state = 'completed', completed_at = $2, error_code = null where id = $1",
        id.as_uuid(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn next_generation(
    connection: &mut PgConnection,
    id: RefundId,
    generation: i32,
    external_id: &str,
    error_code: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund set state = 'queued', generation = $2, external_refund_id = $3, error_code = $4, provider_guid = null
        where id = $1 and generation = $2 - 1",
        id.as_uuid(),
        generation,
        external_id,
        error_code,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn open_refunds_tyiyn(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select coalesce(sum(amount_tyiyn), 0)::bigint as "sum!" from refund where state <> 'completed'"#)
        .fetch_one(connection)
        .await
}

/// The number of the notice, new or old.
pub(super) async fn insert_notice(
    connection: &mut PgConnection,
    provider: &str,
    event_key: &str,
    body: &str,
    remote_address: &str,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let inserted = sqlx::query_scalar!(
        "insert into webhook_inbox (provider, event_key, body, remote_address, received_at) values ($1, $2, $3, $4, $5)
        on conflict (provider, event_key) do nothing returning id",
        provider,
        event_key,
        body,
        remote_address,
        now,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match inserted {
        Some(id) => Ok(id),
        None => {
            sqlx::query_scalar!("select id from webhook_inbox where provider = $1 and event_key = $2", provider, event_key)
                .fetch_one(connection)
                .await
        }
    }
}

pub(super) async fn notice(connection: &mut PgConnection, id: i64) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select body from webhook_inbox where id = $1", id).fetch_optional(connection).await
}

pub(super) async fn notice_processed(
    connection: &mut PgConnection,
    id: i64,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update webhook_inbox set processed_at = $2, outcome = $3 where id = $1", id, now, outcome)
        .execute(connection)
        .await?;
    Ok(())
}

/// What the clearing accounts must say.
pub(super) struct Sums {
    pub uncleared_tyiyn: i64,
    pub cleared_tyiyn: i64,
    pub open_refunds_tyiyn: i64,
    pub completed_refunds_tyiyn: i64,
}

pub(super) async fn sums(connection: &mut PgConnection) -> Result<Sums, sqlx::Error> {
    sqlx::query_as!(
        Sums,
        r#"select
            (select coalesce(sum(paid_tyiyn) filter (where cleared_at is null), 0)::bigint from payment_order) as "uncleared_tyiyn!",
            (select coalesce(sum(paid_tyiyn) filter (where cleared_at is not null), 0)::bigint from payment_order) as "cleared_tyiyn!",
            (select coalesce(sum(amount_tyiyn) filter (where state <> 'completed'), 0)::bigint from refund) as "open_refunds_tyiyn!",
            (select coalesce(sum(amount_tyiyn) filter (where state = 'completed'), 0)::bigint from refund) as "completed_refunds_tyiyn!""#,
    )
    .fetch_one(connection)
    .await
}

/// One paid order of a guest.
pub(super) struct PaidSums {
    pub id: Uuid,
    pub paid_tyiyn: i64,
    pub refunds_tyiyn: i64,
}

pub(super) async fn paid_sums(connection: &mut PgConnection) -> Result<Vec<PaidSums>, sqlx::Error> {
    sqlx::query_as!(
        PaidSums,
        r#"select o.id, o.paid_tyiyn as "paid_tyiyn!",
            (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = o.id) as "refunds_tyiyn!"
        from payment_order o
        where o.state = 'paid' and o.purpose = 'guest_charge'"#,
    )
    .fetch_all(connection)
    .await
}

pub(super) async fn order_of_form(connection: &mut PgConnection, key: &FormKey) -> Result<Option<OrderRow>, sqlx::Error> {
    sqlx::query_as!(
        OrderRow,
        "select id, external_id, link_attempt, purpose, person_id, amount_tyiyn, comment, return_path, state, payment_url, provider_guid,
            provider_type, paid_tyiyn, paid_at, cleared_at, created_at, expires_at
        from payment_order where form_key = $1",
        key.as_str(),
    )
    .fetch_optional(connection)
    .await
}

/// A person's top-ups that can be paid, the newest first.
pub(super) async fn unpaid_of(connection: &mut PgConnection, person: Uuid) -> Result<Vec<OrderId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from payment_order where person_id = $1 and state in ('new', 'link') order by id desc limit $2",
        person,
        i64::try_from(UNPAID_PER_PERSON_MAX).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

/// A paid top-up that has not gone back as a whole.
pub(super) struct RefundableOrder {
    pub id: OrderId,
    pub left: Tyiyn,
}

/// The newest first.
pub(super) async fn refundable_orders(
    connection: &mut PgConnection,
    person: Uuid,
) -> Result<Vec<RefundableOrder>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select id, left_tyiyn as "left_tyiyn!"
        from (
            select o.id, o.paid_at,
                o.paid_tyiyn - (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = o.id) as left_tyiyn
            from payment_order o
            where o.person_id = $1 and o.state = 'paid'
        ) paid
        where left_tyiyn > 0
        order by paid_at desc, id desc
        limit $2
        "#,
        person,
        ORDERS_PER_REQUEST_MAX,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RefundableOrder { id: OrderId::from_uuid(row.id), left: Tyiyn::new(row.left_tyiyn) })
        .collect())
}

/// What can go back by the person's orders, without what is waiting for approval.
pub(super) async fn refundable_tyiyn(connection: &mut PgConnection, person: Uuid) -> Result<i64, sqlx::Error> {
    let orders = refundable_orders(connection, person).await?;
    let awaiting = sqlx::query_scalar!(
        r#"select coalesce(sum(amount_tyiyn), 0)::bigint as "sum!"
        from refund_request
        where state = 'awaiting_approval'
            and (person_id = $1 or order_id in (select id from payment_order where person_id = $1))"#,
        person,
    )
    .fetch_one(connection)
    .await?;
    Ok(orders.iter().fold(0_i64, |sum, order| sum.saturating_add(order.left.get())).saturating_sub(awaiting))
}

/// What was paid by an order and has not gone back.
pub(super) async fn left_of_order(connection: &mut PgConnection, order: OrderId) -> Result<Tyiyn, sqlx::Error> {
    let left = sqlx::query_scalar!(
        r#"select coalesce(o.paid_tyiyn, 0)
            - (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = o.id) as "left!"
        from payment_order o where o.id = $1"#,
        order.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(Tyiyn::new(left))
}

/// What finance has asked for of one order.
pub(super) struct AskedOfOrder {
    pub awaiting_tyiyn: i64,
    pub not_rejected_tyiyn: i64,
}

pub(super) async fn asked_of_order(connection: &mut PgConnection, order: OrderId) -> Result<AskedOfOrder, sqlx::Error> {
    sqlx::query_as!(
        AskedOfOrder,
        r#"select coalesce(sum(amount_tyiyn) filter (where state = 'awaiting_approval'), 0)::bigint as "awaiting_tyiyn!",
            coalesce(sum(amount_tyiyn) filter (where state <> 'rejected'), 0)::bigint as "not_rejected_tyiyn!"
        from refund_request where order_id = $1"#,
        order.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

struct RequestRow {
    id: Uuid,
    person_id: Option<Uuid>,
    order_id: Option<Uuid>,
    asked_by: Uuid,
    asked_reason: Option<String>,
    amount_tyiyn: i64,
    state: String,
    hold_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<Uuid>,
    reason: Option<String>,
}

impl RequestRow {
    fn read(self) -> Result<Request, BalanceError> {
        let unreadable = || BalanceError::Unreadable(format!("refund request {}", self.id));
        Ok(Request {
            id: RefundRequestId::from_uuid(self.id),
            of: match (self.person_id, self.order_id) {
                (Some(person), None) => Of::Balance(person),
                (None, Some(order)) => Of::Order(OrderId::from_uuid(order)),
                _ => return Err(unreadable()),
            },
            asked_by: self.asked_by,
            asked_reason: self.asked_reason,
            amount: Tyiyn::new(self.amount_tyiyn),
            stage: RequestStage::parse(&self.state).ok_or_else(unreadable)?,
            hold: self.hold_id.map(HoldId::from_uuid),
            created_at: self.created_at,
            decided_at: self.decided_at,
            decided_by: self.decided_by,
            reason: self.reason,
        })
    }
}

pub(super) async fn insert_request(connection: &mut PgConnection, request: &Request, key: &FormKey) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into refund_request
            (id, person_id, form_key, amount_tyiyn, state, hold_id, created_at, order_id, asked_by, asked_reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        request.id.as_uuid(),
        request.of.person(),
        key.as_str(),
        request.amount.get(),
        request.stage.as_str(),
        request.hold.map(HoldId::as_uuid),
        request.created_at,
        request.of.order().map(OrderId::as_uuid),
        request.asked_by,
        request.asked_reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn request_of_form(connection: &mut PgConnection, key: &FormKey) -> Result<Option<Request>, BalanceError> {
    sqlx::query_as!(
        RequestRow,
        "select id, person_id, order_id, asked_by, asked_reason, amount_tyiyn, state, hold_id, created_at, decided_at, decided_by, reason
        from refund_request where form_key = $1",
        key.as_str(),
    )
    .fetch_optional(connection)
    .await?
    .map(RequestRow::read)
    .transpose()
}

pub(super) async fn request(connection: &mut PgConnection, id: RefundRequestId) -> Result<Option<Request>, BalanceError> {
    sqlx::query_as!(
        RequestRow,
        "select id, person_id, order_id, asked_by, asked_reason, amount_tyiyn, state, hold_id, created_at, decided_at, decided_by, reason
        from refund_request where id = $1",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(RequestRow::read)
    .transpose()
}

/// The newest first.
pub(super) async fn requests_of(connection: &mut PgConnection, person: Uuid) -> Result<Vec<Request>, BalanceError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "select id, person_id, order_id, asked_by, asked_reason, amount_tyiyn, state, hold_id, created_at, decided_at, decided_by, reason
        from refund_request where person_id = $1 order by created_at desc, id desc limit $2",
        person,
        REQUESTS_SHOWN_MAX,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RequestRow::read).collect()
}

/// The oldest first.
pub(super) async fn requests_awaiting(connection: &mut PgConnection) -> Result<Vec<Request>, BalanceError> {
    let rows = sqlx::query_as!(
        RequestRow,
        "select id, person_id, order_id, asked_by, asked_reason, amount_tyiyn, state, hold_id, created_at, decided_at, decided_by, reason
        from refund_request where state = 'awaiting_approval' order by created_at, id limit $1",
        REQUESTS_SHOWN_MAX,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RequestRow::read).collect()
}

/// What the person has asked for since then, but for what was rejected: of the own balance, or of all orders as finance.
pub(super) async fn asked_tyiyn(
    connection: &mut PgConnection,
    of: Of,
    by: Uuid,
    since: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(amount_tyiyn), 0)::bigint as "sum!"
        from refund_request
        where asked_by = $1 and (order_id is not null) = $3 and created_at > $2 and state <> 'rejected'"#,
        by,
        since,
        of.order().is_some(),
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn decide_request(
    connection: &mut PgConnection,
    id: RefundRequestId,
    stage: RequestStage,
    decided_by: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update refund_request set state = $2, decided_by = $3, reason = $4, decided_at = $5
        where id = $1 and state = 'awaiting_approval'",
        id.as_uuid(),
        stage.as_str(),
        decided_by,
        reason,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn refunds_of_request(
    connection: &mut PgConnection,
    request: RefundRequestId,
) -> Result<Vec<RefundRow>, sqlx::Error> {
    sqlx::query_as!(
        RefundRow,
        "select id, order_id, external_refund_id, generation, amount_tyiyn, state, error_code, created_at, completed_at
        from refund where request_id = $1 order by created_at, id",
        request.as_uuid(),
    )
    .fetch_all(connection)
    .await
}

/// What the orders of one person say.
pub(super) struct PersonSums {
    pub person: Uuid,
    pub paid_tyiyn: i64,
    pub refunds_tyiyn: i64,
}

pub(super) async fn person_sums(connection: &mut PgConnection) -> Result<Vec<PersonSums>, sqlx::Error> {
    sqlx::query_as!(
        PersonSums,
        r#"
        select o.person_id as "person!", sum(o.paid_tyiyn)::bigint as "paid_tyiyn!",
            coalesce(sum((select sum(r.amount_tyiyn) from refund r where r.order_id = o.id)), 0)::bigint as "refunds_tyiyn!"
        from payment_order o
        where o.person_id is not null and o.state = 'paid'
        group by o.person_id
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Orders by which more goes back than was paid: their ids and both sums.
pub(super) async fn over_refunded(connection: &mut PgConnection) -> Result<Vec<(Uuid, i64, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select o.id, coalesce(o.paid_tyiyn, 0) as "paid!", sum(r.amount_tyiyn)::bigint as "refunds!"
        from payment_order o join refund r on r.order_id = o.id
        group by o.id
        having sum(r.amount_tyiyn) > coalesce(o.paid_tyiyn, 0)
        "#,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.paid, row.refunds)).collect())
}

/// A refund request with what was ordered for it.
pub(super) struct RequestSums {
    pub id: Uuid,
    pub state: String,
    pub amount_tyiyn: i64,
    pub hold: Option<HoldId>,
    pub refunds_tyiyn: i64,
}

pub(super) async fn request_sums(connection: &mut PgConnection) -> Result<Vec<RequestSums>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select q.id, q.state, q.amount_tyiyn, q.hold_id,
            (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.request_id = q.id) as "refunds!"
        from refund_request q
        "#,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RequestSums {
            id: row.id,
            state: row.state,
            amount_tyiyn: row.amount_tyiyn,
            hold: row.hold_id.map(HoldId::from_uuid),
            refunds_tyiyn: row.refunds,
        })
        .collect())
}
