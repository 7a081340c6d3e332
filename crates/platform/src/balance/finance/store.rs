//! The SQL of finance's lists.

use chrono::{DateTime, Utc};
use domain::finance::{OrderFilter, RefundFilter};
use domain::{OrderId, RefundId, Tyiyn};
use sqlx::PgConnection;
use uuid::Uuid;

use api::finance::{NoticeRow, OrderRow, RefundRow};

struct OrderLine {
    id: Uuid,
    purpose: String,
    state: String,
    amount_tyiyn: i64,
    paid_tyiyn: Option<i64>,
    refunds_tyiyn: i64,
    created_at: DateTime<Utc>,
}

impl From<OrderLine> for OrderRow {
    fn from(line: OrderLine) -> Self {
        Self {
            id: OrderId::from_uuid(line.id),
            purpose: line.purpose,
            state: line.state,
            amount: Tyiyn::new(line.amount_tyiyn),
            paid: line.paid_tyiyn.map(Tyiyn::new),
            refunds: Tyiyn::new(line.refunds_tyiyn),
            created_at: line.created_at,
        }
    }
}

/// The newest first. Ids grow with the time.
pub(super) async fn orders(
    connection: &mut PgConnection,
    filter: OrderFilter,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderRow>, sqlx::Error> {
    let states: Vec<String> = match filter {
        OrderFilter::All => ["new", "link", "paid", "failed", "expired"].as_slice(),
        OrderFilter::Paid | OrderFilter::Uncleared => ["paid"].as_slice(),
        OrderFilter::Open => ["new", "link"].as_slice(),
        OrderFilter::Unpaid => ["failed", "expired"].as_slice(),
    }
    .iter()
    .map(|state| (*state).to_owned())
    .collect();
    let lines = sqlx::query_as!(
        OrderLine,
        r#"select o.id, o.purpose, o.state, o.amount_tyiyn, o.paid_tyiyn, o.created_at,
            (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = o.id) as "refunds_tyiyn!"
        from payment_order o
        where o.state = any($1) and (not $2 or o.cleared_at is null) and ($3::uuid is null or o.id < $3)
        order by o.id desc
        limit $4"#,
        &states,
        filter == OrderFilter::Uncleared,
        after.map(OrderId::as_uuid),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().map(OrderRow::from).collect())
}

/// Orders that are known by this id, ours or the provider's, or have a refund that is.
pub(super) async fn orders_of_id(connection: &mut PgConnection, id: &str) -> Result<Vec<OrderRow>, sqlx::Error> {
    let lines = sqlx::query_as!(
        OrderLine,
        r#"select o.id, o.purpose, o.state, o.amount_tyiyn, o.paid_tyiyn, o.created_at,
            (select coalesce(sum(r.amount_tyiyn), 0)::bigint from refund r where r.order_id = o.id) as "refunds_tyiyn!"
        from payment_order o
        where o.id = $2 or o.external_id = $1 or o.provider_guid = $1
            or o.id in (select r.order_id from refund r where r.id = $2 or r.external_refund_id = $1)
        order by o.id desc
        limit 50"#,
        id,
        Uuid::try_parse(id).ok(),
    )
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().map(OrderRow::from).collect())
}

struct RefundLine {
    id: Uuid,
    order_id: Uuid,
    amount_tyiyn: i64,
    state: String,
    external_refund_id: String,
    provider_status: Option<String>,
    error_code: Option<String>,
    attempts: i32,
    created_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<RefundLine> for RefundRow {
    fn from(line: RefundLine) -> Self {
        Self {
            id: RefundId::from_uuid(line.id),
            order: OrderId::from_uuid(line.order_id),
            amount: Tyiyn::new(line.amount_tyiyn),
            state: line.state,
            reference: line.external_refund_id,
            provider_status: line.provider_status,
            error_code: line.error_code,
            attempts: u32::try_from(line.attempts).unwrap_or_default(),
            created_at: line.created_at,
            completed_at: line.completed_at,
        }
    }
}

/// The newest first; of one order, if it is given.
pub(super) async fn refunds(
    connection: &mut PgConnection,
    filter: RefundFilter,
    order: Option<OrderId>,
    after: Option<RefundId>,
    limit: i64,
) -> Result<Vec<RefundRow>, sqlx::Error> {
    let lines = sqlx::query_as!(
        RefundLine,
        "select id, order_id, amount_tyiyn, state, external_refund_id, provider_status, error_code, attempts, created_at, completed_at
        from refund
        where (not $1 or state <> 'completed') and (not $2 or error_code is not null or state in ('stuck', 'failed'))
            and ($3::uuid is null or order_id = $3) and ($4::uuid is null or id < $4)
        order by id desc
        limit $5",
        filter != RefundFilter::All,
        filter == RefundFilter::WithStaff,
        order.map(OrderId::as_uuid),
        after.map(RefundId::as_uuid),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().map(RefundRow::from).collect())
}

pub(super) async fn refunds_with_staff(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from refund
        where state <> 'completed' and (error_code is not null or state in ('stuck', 'failed'))"#
    )
    .fetch_one(connection)
    .await
}

/// The newest first.
pub(super) async fn notices(
    connection: &mut PgConnection,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<NoticeRow>, sqlx::Error> {
    sqlx::query_as!(
        NoticeRow,
        "select id, provider, event_key, remote_address, received_at, processed_at, outcome
        from webhook_inbox where $1::bigint is null or id < $1 order by id desc limit $2",
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Notices whose key names one of these ids, the newest first.
pub(super) async fn notices_about(
    connection: &mut PgConnection,
    ids: &[String],
    limit: i64,
) -> Result<Vec<NoticeRow>, sqlx::Error> {
    sqlx::query_as!(
        NoticeRow,
        "select id, provider, event_key, remote_address, received_at, processed_at, outcome
        from webhook_inbox where exists (select from unnest($1::text[]) as known (id) where strpos(event_key, known.id) > 0)
        order by id desc limit $2",
        ids,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// The notice with its body.
pub(super) async fn notice(connection: &mut PgConnection, id: i64) -> Result<Option<(NoticeRow, String)>, sqlx::Error> {
    let row = sqlx::query!(
        "select id, provider, event_key, body, remote_address, received_at, processed_at, outcome from webhook_inbox where id = $1",
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let notice = NoticeRow {
            id: row.id,
            provider: row.provider,
            event_key: row.event_key,
            remote_address: row.remote_address,
            received_at: row.received_at,
            processed_at: row.processed_at,
            outcome: row.outcome,
        };
        (notice, row.body)
    }))
}

/// What the provider last said of an order.
pub(super) async fn provider_status(connection: &mut PgConnection, order: OrderId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select provider_status from payment_order where id = $1", order.as_uuid()).fetch_one(connection).await
}
