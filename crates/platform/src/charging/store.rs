//! The SQL of sessions, transactions, samples, commands and the quarantine.

use std::collections::HashMap;

use api::i18n::Locale;
use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::hold::Limit;
use domain::charging::meter::ReadingNote;
use domain::charging::session::{Session, SessionState, StopReason};
use domain::guest::StartFailure;
use domain::stations::ConnectorStatus;
use domain::tariffs::{Bill, FrozenTariff};
use domain::{ChargePointId, CommandId, ConnectorId, HoldId, SessionId, TariffVersionId, TransactionId, Tyiyn, Watt, Wh};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::aside::AsideDue;
use super::{CommandBody, CommandState, CommandView, PayerKind};
use crate::ledger::AccountCode;
use crate::stations::Lease;
use crate::stations::corrupt;

type Time = DateTime<Utc>;

fn i16_of(value: u8) -> i16 {
    i16::from(value)
}

// Sessions.

/// A session as it is stored, without what only its page wants.
#[derive(Debug, Clone)]
pub(super) struct SessionRow {
    pub id: SessionId,
    pub connector: ConnectorId,
    pub payer_account: AccountCode,
    pub payer_kind: PayerKind,
    pub payer_id: Uuid,
    pub locale: Locale,
    pub payment_reference: Option<String>,
    pub tariff: FrozenTariff,
    pub limit: Option<Limit>,
    pub hold_id: HoldId,
    pub hold: Tyiyn,
    pub agreed: Tyiyn,
    pub id_tag: String,
    pub machine: Session,
    pub start_accepted_at: Option<Time>,
    pub requested_at: Time,
    pub started_at: Option<Time>,
    pub stopping_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub energy: Wh,
    pub cost: Tyiyn,
    pub power: Watt,
    pub state_of_charge_percent: Option<u8>,
    pub last_sample_at: Option<Time>,
    pub idle_since: Option<Time>,
    pub charger_paused_at: Option<Time>,
    pub charger_resumed_at: Option<Time>,
    pub sample_count: i32,
    pub judge_at: Option<Time>,
    pub lost_after: Option<Time>,
    pub billed: Option<Tyiyn>,
    pub written_off: Option<Tyiyn>,
    pub bill: Option<Bill>,
    pub settled_at: Option<Time>,
}

struct RawSession {
    id: Uuid,
    connector_id: Uuid,
    payer_account: String,
    payer_kind: String,
    payer_id: Uuid,
    locale: String,
    payment_reference: Option<String>,
    tariff: Json<FrozenTariff>,
    limit_value: Option<Json<Limit>>,
    hold_id: Uuid,
    hold_tyiyn: i64,
    agreed_tyiyn: i64,
    id_tag: String,
    state: String,
    transaction_id: Option<i32>,
    start_attempts: i16,
    stop_attempts: i32,
    start_deadline: Time,
    start_accepted_at: Option<Time>,
    stop_reason: Option<String>,
    failure: Option<String>,
    requested_at: Time,
    started_at: Option<Time>,
    stopping_at: Option<Time>,
    ended_at: Option<Time>,
    energy_wh: i64,
    cost_tyiyn: i64,
    power_w: i64,
    state_of_charge_percent: Option<i16>,
    last_sample_at: Option<Time>,
    idle_since: Option<Time>,
    charger_paused_at: Option<Time>,
    charger_resumed_at: Option<Time>,
    sample_count: i32,
    judge_at: Option<Time>,
    lost_after: Option<Time>,
    billed_tyiyn: Option<i64>,
    written_off_tyiyn: Option<i64>,
    bill: Option<Json<Bill>>,
    settled_at: Option<Time>,
}

impl TryFrom<RawSession> for SessionRow {
    type Error = sqlx::Error;

    fn try_from(r: RawSession) -> Result<Self, sqlx::Error> {
        let stop_reason = r.stop_reason.map(|t| StopReason::parse(&t).ok_or_else(|| corrupt("stop reason"))).transpose()?;
        let failure = r.failure.map(|t| StartFailure::parse(&t).ok_or_else(|| corrupt("start failure"))).transpose()?;
        Ok(Self {
            id: SessionId::from_uuid(r.id),
            connector: ConnectorId::from_uuid(r.connector_id),
            payer_account: AccountCode::parse(&r.payer_account).map_err(|_| corrupt("account code"))?,
            payer_kind: PayerKind::parse(&r.payer_kind).ok_or_else(|| corrupt("payer kind"))?,
            payer_id: r.payer_id,
            locale: Locale::parse(&r.locale).ok_or_else(|| corrupt("locale"))?,
            payment_reference: r.payment_reference,
            tariff: r.tariff.0,
            limit: r.limit_value.map(|limit| limit.0),
            hold_id: HoldId::from_uuid(r.hold_id),
            hold: Tyiyn::new(r.hold_tyiyn),
            agreed: Tyiyn::new(r.agreed_tyiyn),
            id_tag: r.id_tag,
            machine: Session {
                state: SessionState::parse(&r.state).ok_or_else(|| corrupt("session state"))?,
                transaction: r.transaction_id.map(TransactionId),
                start_attempts: u8::try_from(r.start_attempts).map_err(|_| corrupt("start attempts"))?,
                stop_attempts: u16::try_from(r.stop_attempts).unwrap_or(u16::MAX),
                start_deadline: r.start_deadline,
                stop_reason,
                failure,
            },
            start_accepted_at: r.start_accepted_at,
            requested_at: r.requested_at,
            started_at: r.started_at,
            stopping_at: r.stopping_at,
            ended_at: r.ended_at,
            energy: Wh::new(r.energy_wh),
            cost: Tyiyn::new(r.cost_tyiyn),
            power: Watt::new(r.power_w),
            state_of_charge_percent: r.state_of_charge_percent.and_then(|p| u8::try_from(p).ok()),
            last_sample_at: r.last_sample_at,
            idle_since: r.idle_since,
            charger_paused_at: r.charger_paused_at,
            charger_resumed_at: r.charger_resumed_at,
            sample_count: r.sample_count,
            judge_at: r.judge_at,
            lost_after: r.lost_after,
            billed: r.billed_tyiyn.map(Tyiyn::new),
            written_off: r.written_off_tyiyn.map(Tyiyn::new),
            bill: r.bill.map(|bill| bill.0),
            settled_at: r.settled_at,
        })
    }
}

/// The session without a lock.
pub(super) async fn session(e: impl PgExecutor<'_>, id: SessionId) -> Result<Option<SessionRow>, sqlx::Error> {
    let row = sqlx::query_as!(
        RawSession,
        r#"select id, connector_id, payer_account, payer_kind, payer_id, locale, payment_reference, tariff as "tariff: _", limit_value as "limit_value: _",
            hold_id, hold_tyiyn, agreed_tyiyn, id_tag, state, transaction_id, start_attempts, stop_attempts, start_deadline,
            start_accepted_at, stop_reason, failure, requested_at, started_at, stopping_at, ended_at, energy_wh, cost_tyiyn, power_w,
            state_of_charge_percent, last_sample_at, idle_since, charger_paused_at, charger_resumed_at, sample_count, judge_at,
            lost_after, billed_tyiyn, written_off_tyiyn, bill as "bill: _", settled_at
        from charging_session where id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    row.map(SessionRow::try_from).transpose()
}

/// The session, locked until the transaction ends.
pub(super) async fn lock_session(c: &mut PgConnection, id: SessionId) -> Result<Option<SessionRow>, sqlx::Error> {
    let locked = sqlx::query_scalar!("select id from charging_session where id = $1 for no key update", id.as_uuid())
        .fetch_optional(&mut *c)
        .await?;
    // Read after the lock, so that what the last holder wrote is seen.
    if locked.is_some() { session(c, id).await } else { Ok(None) }
}

/// A new session, in `Starting`.
pub(super) struct NewSession<'a> {
    pub id: SessionId,
    pub connector: ConnectorId,
    pub payer_account: &'a AccountCode,
    pub payer_kind: PayerKind,
    pub payer_id: Uuid,
    pub locale: Locale,
    pub payment_reference: Option<&'a str>,
    pub version: TariffVersionId,
    pub tariff: &'a FrozenTariff,
    pub limit: Option<Limit>,
    pub hold_id: HoldId,
    pub hold: Tyiyn,
    pub agreed: Tyiyn,
    pub id_tag: &'a str,
    pub machine: &'a Session,
    pub now: Time,
}

pub(super) async fn insert_session(e: impl PgExecutor<'_>, s: &NewSession<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charging_session (id, connector_id, payer_account, payer_kind, payer_id, locale, tariff_version_id, tariff,
            limit_value, hold_id, hold_tyiyn, agreed_tyiyn, id_tag, state, start_attempts, start_deadline, requested_at, payment_reference)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        s.id.as_uuid(),
        s.connector.as_uuid(),
        s.payer_account.to_string(),
        s.payer_kind.as_str(),
        s.payer_id,
        s.locale.tag(),
        s.version.as_uuid(),
        Json(s.tariff) as _,
        s.limit.map(Json) as _,
        s.hold_id.as_uuid(),
        s.hold.get(),
        s.agreed.get(),
        s.id_tag,
        s.machine.state.as_str(),
        i16_of(s.machine.start_attempts),
        s.machine.start_deadline,
        s.now,
        s.payment_reference
    )
    .execute(e)
    .await?;
    Ok(())
}

/// Keeps two payers from beginning on one connector at the same time, until the transaction ends.
pub(super) async fn lock_connector(e: impl PgExecutor<'_>, connector: ConnectorId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"select 1 as "one!" from (select pg_advisory_xact_lock(hashtextextended('charging.begin.' || $1::text, 0))) locked"#,
        connector.to_string()
    )
    .fetch_one(e)
    .await?;
    Ok(())
}

/// The live session of a connector.
pub(super) async fn live_session(e: impl PgExecutor<'_>, connector: ConnectorId) -> Result<Option<SessionId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select id from charging_session where connector_id = $1 and state in ('starting', 'charging', 'stopping')",
        connector.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(SessionId::from_uuid))
}

pub(super) async fn live_connectors(e: impl PgExecutor<'_>, connectors: &[Uuid]) -> Result<Vec<ConnectorId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select connector_id from charging_session where connector_id = any($1) and state in ('starting', 'charging', 'stopping')",
        connectors
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(ConnectorId::from_uuid).collect())
}

/// The sessions that run on the connectors or transactions of a charge point.
pub(super) async fn sessions_of_charge_point(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from charging_session
        where state in ('starting', 'charging', 'stopping') and connector_id = any(array(select c from connectors_of($1) c))
        order by id",
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

pub(super) async fn session_by_tag(e: impl PgExecutor<'_>, id_tag: &str) -> Result<Option<SessionId>, sqlx::Error> {
    let id = sqlx::query_scalar!("select id from charging_session where id_tag = $1", id_tag).fetch_optional(e).await?;
    Ok(id.map(SessionId::from_uuid))
}

/// Stores what the machine and its surroundings remember. Without `settled` columns the state is not `Settled`.
pub(super) async fn save_session(e: impl PgExecutor<'_>, s: &SessionRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update charging_session
        set state = $2, transaction_id = $3, start_attempts = $4, stop_attempts = $5, stop_reason = $6, failure = $7,
            start_accepted_at = $8, started_at = $9, stopping_at = $10, ended_at = $11, judge_at = $12, lost_after = $13,
            energy_wh = greatest(energy_wh, $14), cost_tyiyn = greatest(cost_tyiyn, $15), power_w = $16, sample_count = $17,
            idle_since = $18, charger_paused_at = $19, charger_resumed_at = $20, last_sample_at = $21,
            billed_tyiyn = $22, written_off_tyiyn = $23, bill = $24, settled_at = $25
        where id = $1",
        s.id.as_uuid(),
        s.machine.state.as_str(),
        s.machine.transaction.map(|t| t.0),
        i16_of(s.machine.start_attempts),
        i32::from(s.machine.stop_attempts),
        s.machine.stop_reason.map(StopReason::as_str),
        s.machine.failure.map(StartFailure::as_str),
        s.start_accepted_at,
        s.started_at,
        s.stopping_at,
        s.ended_at,
        s.judge_at,
        s.lost_after,
        s.energy.get(),
        s.cost.get(),
        s.power.get(),
        s.sample_count,
        s.idle_since,
        s.charger_paused_at,
        s.charger_resumed_at,
        s.last_sample_at,
        s.billed.map(Tyiyn::get),
        s.written_off.map(Tyiyn::get),
        s.bill.as_ref().map(Json) as _,
        s.settled_at
    )
    .execute(e)
    .await?;
    Ok(())
}

/// What the writer needs of a session with every reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunningRow {
    pub id: SessionId,
    pub state: SessionState,
    pub sample_count: i32,
    pub charger_paused: bool,
    pub charger_resumed_at: Option<Time>,
    pub judge_at: Option<Time>,
    pub lost_after: Option<Time>,
    pub aside: AsideDue,
}

impl RunningRow {
    /// Whether the charge point is to be told a new cap, or the cost.
    pub fn is_aside_due(&self, now: Time) -> bool {
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        is_due(self.aside.cap_renew_at) || is_due(self.aside.cost_due_at)
    }
}

/// The sessions, locked in the order of their ids.
pub(super) async fn lock_running(c: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<RunningRow>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let rows = sqlx::query!(
        r#"select id, state, sample_count, charger_paused_at is not null as "charger_paused!", charger_resumed_at, judge_at, lost_after,
            cap_renew_at, cost_due_at
        from charging_session where id = any($1) order by id for no key update"#,
        ids
    )
    .fetch_all(c)
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(RunningRow {
                id: SessionId::from_uuid(r.id),
                state: SessionState::parse(&r.state).ok_or_else(|| corrupt("session state"))?,
                sample_count: r.sample_count,
                charger_paused: r.charger_paused,
                charger_resumed_at: r.charger_resumed_at,
                judge_at: r.judge_at,
                lost_after: r.lost_after,
                aside: AsideDue { cap_renew_at: r.cap_renew_at, cost_due_at: r.cost_due_at },
            })
        })
        .collect()
}

/// The running values of a live session after some readings.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub id: SessionId,
    pub energy: Wh,
    pub cost: Tyiyn,
    pub power: Watt,
    pub state_of_charge_percent: Option<u8>,
    pub last_sample_at: Time,
    pub idle_since: Option<Time>,
    pub sample_count: i32,
    pub judge_at: Option<Time>,
    pub lost_after: Option<Time>,
}

/// Writes the running values: energy and cost never fall.
pub(super) async fn save_running(e: impl PgExecutor<'_>, running: &[Running]) -> Result<(), sqlx::Error> {
    if running.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = running.iter().map(|r| r.id.as_uuid()).collect();
    let energies: Vec<i64> = running.iter().map(|r| r.energy.get()).collect();
    let costs: Vec<i64> = running.iter().map(|r| r.cost.get()).collect();
    let powers: Vec<i64> = running.iter().map(|r| r.power.get()).collect();
    let charges: Vec<Option<i16>> = running.iter().map(|r| r.state_of_charge_percent.map(i16::from)).collect();
    let sampled: Vec<Time> = running.iter().map(|r| r.last_sample_at).collect();
    let idle: Vec<Option<Time>> = running.iter().map(|r| r.idle_since).collect();
    let counts: Vec<i32> = running.iter().map(|r| r.sample_count).collect();
    let judge: Vec<Option<Time>> = running.iter().map(|r| r.judge_at).collect();
    let lost: Vec<Option<Time>> = running.iter().map(|r| r.lost_after).collect();
    sqlx::query!(
        "update charging_session s
        set energy_wh = greatest(s.energy_wh, r.energy_wh), cost_tyiyn = greatest(s.cost_tyiyn, r.cost_tyiyn), power_w = r.power_w,
            state_of_charge_percent = coalesce(r.state_of_charge_percent, s.state_of_charge_percent),
            last_sample_at = greatest(s.last_sample_at, r.last_sample_at), idle_since = r.idle_since, sample_count = r.sample_count,
            judge_at = r.judge_at, lost_after = r.lost_after
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::timestamptz[], $7::timestamptz[],
                $8::integer[], $9::timestamptz[], $10::timestamptz[])
            as r (id, energy_wh, cost_tyiyn, power_w, state_of_charge_percent, last_sample_at, idle_since, sample_count, judge_at, lost_after)
        where s.id = r.id and s.state in ('charging', 'stopping')",
        &ids,
        &energies,
        &costs,
        &powers,
        &charges as _,
        &sampled,
        &idle as _,
        &counts,
        &judge as _,
        &lost as _
    )
    .execute(e)
    .await?;
    Ok(())
}

// Transactions.

/// What a charge point reported.
#[derive(Debug, Clone)]
pub(super) struct TransactionRow {
    pub id: TransactionId,
    pub charge_point: ChargePointId,
    pub evse_no: i32,
    pub connector_no: i32,
    pub session: Option<SessionId>,
    pub id_tag: String,
    pub meter_start: Wh,
    pub started_at: Time,
    /// By the charge point's own clock; 1970 when it could not be read.
    pub claimed_start_at: Time,
    pub accepted: bool,
    pub unpaid_stops: i16,
    pub meter_stop: Option<Wh>,
    pub stopped_at: Option<Time>,
    pub claimed_stop_at: Option<Time>,
    pub stop_reason: Option<StopReason>,
    pub lost: bool,
    pub station_ref: Option<String>,
    pub awaits_payer: bool,
    pub meter_start_known: bool,
}

impl TransactionRow {
    /// Closed at its last reading, and no Stop has come.
    pub fn is_closed_as_lost(&self) -> bool {
        self.lost && self.meter_stop.is_none()
    }
}

struct RawTransaction {
    id: i32,
    charge_point_id: Uuid,
    evse_no: i32,
    connector_no: i32,
    session_id: Option<Uuid>,
    id_tag: String,
    meter_start_wh: i64,
    started_at: Time,
    claimed_start_at: Time,
    accepted: bool,
    unpaid_stops: i16,
    meter_stop_wh: Option<i64>,
    stopped_at: Option<Time>,
    claimed_stop_at: Option<Time>,
    stop_reason: Option<String>,
    lost: bool,
    station_ref: Option<String>,
    awaits_payer: bool,
    meter_start_known: bool,
}

impl From<RawTransaction> for TransactionRow {
    fn from(r: RawTransaction) -> Self {
        Self {
            id: TransactionId(r.id),
            charge_point: ChargePointId::from_uuid(r.charge_point_id),
            evse_no: r.evse_no,
            connector_no: r.connector_no,
            session: r.session_id.map(SessionId::from_uuid),
            id_tag: r.id_tag,
            meter_start: Wh::new(r.meter_start_wh),
            started_at: r.started_at,
            claimed_start_at: r.claimed_start_at,
            accepted: r.accepted,
            unpaid_stops: r.unpaid_stops,
            meter_stop: r.meter_stop_wh.map(Wh::new),
            stopped_at: r.stopped_at,
            claimed_stop_at: r.claimed_stop_at,
            stop_reason: r.stop_reason.as_deref().and_then(StopReason::parse),
            lost: r.lost,
            station_ref: r.station_ref,
            awaits_payer: r.awaits_payer,
            meter_start_known: r.meter_start_known,
        }
    }
}

pub(super) async fn transaction(e: impl PgExecutor<'_>, id: TransactionId) -> Result<Option<TransactionRow>, sqlx::Error> {
    let row = sqlx::query_as!(
        RawTransaction,
        "select id, charge_point_id, evse_no, connector_no, session_id, id_tag, meter_start_wh, started_at, claimed_start_at, accepted, unpaid_stops,
            meter_stop_wh, stopped_at, claimed_stop_at, stop_reason, lost, station_ref,
            awaits_payer, meter_start_known
        from charging_transaction where id = $1",
        id.0
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(Into::into))
}

/// The transactions of these ids that belong to these charge points, pair by pair.
pub(super) async fn transactions_of(
    e: impl PgExecutor<'_>,
    ids: &[i32],
    charge_points: &[Uuid],
) -> Result<Vec<TransactionRow>, sqlx::Error> {
    let rows = sqlx::query_as!(
        RawTransaction,
        "select t.id, t.charge_point_id, t.evse_no, t.connector_no, t.session_id, t.id_tag, t.meter_start_wh, t.started_at, t.claimed_start_at, t.accepted,
            t.unpaid_stops, t.meter_stop_wh, t.stopped_at, t.claimed_stop_at, t.stop_reason, t.lost, t.station_ref,
            t.awaits_payer, t.meter_start_known
        from unnest($1::integer[], $2::uuid[]) as w (id, charge_point_id)
        join charging_transaction t on t.id = w.id and t.charge_point_id = w.charge_point_id",
        ids,
        charge_points
    )
    .fetch_all(e)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The transactions of a charge point that have not ended, the newest first.
pub(super) async fn open_transactions(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
) -> Result<Vec<TransactionRow>, sqlx::Error> {
    let rows = sqlx::query_as!(
        RawTransaction,
        "select id, charge_point_id, evse_no, connector_no, session_id, id_tag, meter_start_wh, started_at, claimed_start_at, accepted, unpaid_stops,
            meter_stop_wh, stopped_at, claimed_stop_at, stop_reason, lost, station_ref,
            awaits_payer, meter_start_known
        from charging_transaction where charge_point_id = $1 and stopped_at is null order by id desc limit 100",
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The transaction that a Stop like this one has ended before.
pub(super) async fn stopped_by(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    claimed_stop_at: Time,
    meter_stop: Option<Wh>,
    message_id: &str,
) -> Result<Option<TransactionId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select id from charging_transaction
        where charge_point_id = $1 and stopped_at is not null
            and ((claimed_stop_at = $2 and meter_stop_wh = $3) or stop_message_id = $4)
        order by id desc limit 1",
        charge_point.as_uuid(),
        claimed_stop_at,
        meter_stop.map(Wh::get),
        message_id
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(TransactionId))
}

/// The natural key of a Start.
#[derive(Debug, Clone, Copy)]
pub(super) struct StartKey<'a> {
    pub charge_point: ChargePointId,
    pub evse_no: i32,
    pub connector_no: i32,
    pub id_tag: &'a str,
    pub claimed_at: Time,
    pub meter_start: Wh,
}

/// The transaction of this natural key; with a session's own tag, which is used once, also when a retry claims another time. One
/// that claims to begin when the first has ended is another transaction: a start that was asked for twice.
pub(super) async fn transaction_by_key(
    e: impl PgExecutor<'_>,
    key: StartKey<'_>,
    any_time: bool,
) -> Result<Option<TransactionRow>, sqlx::Error> {
    let row = sqlx::query_as!(
        RawTransaction,
        "select id, charge_point_id, evse_no, connector_no, session_id, id_tag, meter_start_wh, started_at, claimed_start_at, accepted, unpaid_stops,
            meter_stop_wh, stopped_at, claimed_stop_at, stop_reason, lost, station_ref,
            awaits_payer, meter_start_known
        from charging_transaction
        where charge_point_id = $1 and evse_no = $2 and connector_no = $3 and id_tag = $4 and meter_start_wh = $5
            and (claimed_start_at = $6 or $7 and (claimed_stop_at is null or claimed_stop_at > $6))
        order by (claimed_start_at = $6) desc, id limit 1",
        key.charge_point.as_uuid(),
        key.evse_no,
        key.connector_no,
        key.id_tag,
        key.meter_start.get(),
        key.claimed_at,
        any_time
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(Into::into))
}

pub(super) async fn insert_transaction(
    e: impl PgExecutor<'_>,
    key: StartKey<'_>,
    started_at: Time,
    received_at: Time,
    message_id: &str,
) -> Result<TransactionId, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "insert into charging_transaction (charge_point_id, evse_no, connector_no, id_tag, meter_start_wh, started_at,
            claimed_start_at, received_start_at, start_message_id, accepted)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false)
        returning id",
        key.charge_point.as_uuid(),
        key.evse_no,
        key.connector_no,
        key.id_tag,
        key.meter_start.get(),
        started_at,
        key.claimed_at,
        received_at,
        message_id
    )
    .fetch_one(e)
    .await?;
    Ok(TransactionId(id))
}

/// The session pays for the transaction.
pub(super) async fn bind_transaction(e: impl PgExecutor<'_>, id: TransactionId, session: SessionId) -> Result<(), sqlx::Error> {
    sqlx::query!("update charging_transaction set session_id = $2, accepted = true where id = $1", id.0, session.as_uuid())
        .execute(e)
        .await?;
    Ok(())
}

/// The end of a transaction as it is recorded.
pub(super) struct TransactionEnd<'a> {
    pub id: TransactionId,
    pub meter_stop: Option<Wh>,
    pub energy: Wh,
    pub stopped_at: Time,
    pub claimed_at: Option<Time>,
    pub received_at: Option<Time>,
    pub reason: StopReason,
    pub message_id: Option<&'a str>,
    pub lost: bool,
}

/// Ends it. A transaction that was closed as lost may still get its Stop; the first Stop stands.
pub(super) async fn end_transaction(e: impl PgExecutor<'_>, end: &TransactionEnd<'_>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update charging_transaction
        set meter_stop_wh = $2, energy_wh = greatest(energy_wh, $3), stopped_at = coalesce(stopped_at, $4), claimed_stop_at = $5,
            received_stop_at = $6, stop_reason = $7, stop_message_id = $8, lost = $9
        where id = $1 and (stopped_at is null or (lost and meter_stop_wh is null))",
        end.id.0,
        end.meter_stop.map(Wh::get),
        end.energy.get(),
        end.stopped_at,
        end.claimed_at,
        end.received_at,
        end.reason.as_str(),
        end.message_id,
        end.lost
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn count_unpaid_stop(e: impl PgExecutor<'_>, id: TransactionId) -> Result<i16, sqlx::Error> {
    sqlx::query_scalar!(
        "update charging_transaction set unpaid_stops = unpaid_stops + 1 where id = $1 returning unpaid_stops",
        id.0
    )
    .fetch_one(e)
    .await
}

/// Transactions that nobody pays for, that still run and that nothing is on its way to stop.
pub(super) async fn unpaid_running(
    e: impl PgExecutor<'_>,
    answered_before: Time,
    stops_max: i16,
) -> Result<Vec<TransactionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select t.id from charging_transaction t
        where t.stopped_at is null and t.session_id is null and not t.awaits_payer and t.unpaid_stops < $2
            and not exists (
                select from command k
                where k.charge_point_id = t.charge_point_id and k.body->>'type' = 'stop' and (k.body->>'transaction')::integer = t.id
                    and (k.state in ('queued', 'sent') or k.answered_at > $1)
            )
        order by t.id limit 200",
        answered_before,
        stops_max
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(TransactionId).collect())
}

// Transactions whose id the charge point makes.

pub(super) async fn transaction_by_ref(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    station_ref: &str,
) -> Result<Option<TransactionRow>, sqlx::Error> {
    let row = sqlx::query_as!(
        RawTransaction,
        "select id, charge_point_id, evse_no, connector_no, session_id, id_tag, meter_start_wh, started_at, claimed_start_at, accepted, unpaid_stops,
            meter_stop_wh, stopped_at, claimed_stop_at, stop_reason, lost, station_ref,
            awaits_payer, meter_start_known
        from charging_transaction where charge_point_id = $1 and station_ref = $2",
        charge_point.as_uuid(),
        station_ref
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(Into::into))
}

/// What is known of a transaction before one of its events is looked at.
#[derive(Debug, Clone)]
pub(super) struct Glance {
    pub row: TransactionRow,
    /// The number that comes next; `None` before the first.
    pub next_seq: Option<i32>,
    /// Whether the event of this number was taken.
    pub seen: bool,
    /// Of its connector, as last reported.
    pub status: Option<ConnectorStatus>,
}

pub(super) async fn glance(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    station_ref: &str,
    seq_no: i32,
) -> Result<Option<Glance>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select t.id, t.charge_point_id, t.evse_no, t.connector_no, t.session_id, t.id_tag, t.meter_start_wh, t.started_at, t.claimed_start_at, t.accepted,
            t.unpaid_stops, t.meter_stop_wh, t.stopped_at, t.claimed_stop_at, t.stop_reason, t.lost, t.station_ref,
            t.awaits_payer, t.meter_start_known, upper(t.seq_seen) as next_seq,
            coalesce(t.seq_seen @> $3::integer, false) as "seen!"
        from charging_transaction t where t.charge_point_id = $1 and t.station_ref = $2"#,
        charge_point.as_uuid(),
        station_ref,
        seq_no
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(|r| Glance {
        next_seq: r.next_seq,
        seen: r.seen,
        status: None,
        row: RawTransaction {
            id: r.id,
            charge_point_id: r.charge_point_id,
            evse_no: r.evse_no,
            connector_no: r.connector_no,
            session_id: r.session_id,
            id_tag: r.id_tag,
            meter_start_wh: r.meter_start_wh,
            started_at: r.started_at,
            claimed_start_at: r.claimed_start_at,
            accepted: r.accepted,
            unpaid_stops: r.unpaid_stops,
            meter_stop_wh: r.meter_stop_wh,
            stopped_at: r.stopped_at,
            claimed_stop_at: r.claimed_stop_at,
            stop_reason: r.stop_reason,
            lost: r.lost,
            station_ref: r.station_ref,
            awaits_payer: r.awaits_payer,
            meter_start_known: r.meter_start_known,
        }
        .into(),
    }))
}

/// A transaction of which the first event has come.
pub(super) struct NewStationTransaction<'a> {
    pub charge_point: ChargePointId,
    pub station_ref: &'a str,
    pub evse_no: i32,
    pub connector_no: i32,
    pub id_tag: &'a str,
    pub meter_start: Option<Wh>,
    pub started_at: Time,
    pub claimed_at: Time,
    pub received_at: Time,
    pub message_id: &'a str,
    pub awaits_payer: bool,
}

pub(super) async fn insert_station_transaction(
    e: impl PgExecutor<'_>,
    t: &NewStationTransaction<'_>,
) -> Result<TransactionId, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "insert into charging_transaction (charge_point_id, station_ref, evse_no, connector_no, id_tag, meter_start_wh, meter_start_known,
            started_at, claimed_start_at, received_start_at, start_message_id, accepted, awaits_payer)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, $12)
        returning id",
        t.charge_point.as_uuid(),
        t.station_ref,
        t.evse_no,
        t.connector_no,
        t.id_tag,
        t.meter_start.unwrap_or_default().get(),
        t.meter_start.is_some(),
        t.started_at,
        t.claimed_at,
        t.received_at,
        t.message_id,
        t.awaits_payer
    )
    .fetch_one(e)
    .await?;
    Ok(TransactionId(id))
}

/// Writes what a later event knows better of the start.
pub(super) async fn place_start(e: impl PgExecutor<'_>, t: &TransactionRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update charging_transaction
        set evse_no = $2, connector_no = $3, id_tag = $4, started_at = $5, meter_start_wh = $6, meter_start_known = $7, awaits_payer = $8
        where id = $1",
        t.id.0,
        t.evse_no,
        t.connector_no,
        t.id_tag,
        t.started_at,
        t.meter_start.get(),
        t.meter_start_known,
        t.awaits_payer
    )
    .execute(e)
    .await?;
    Ok(())
}

/// It does not wait for a payer any more: energy flows, or a tag was refused.
pub(super) async fn claim_energy(e: impl PgExecutor<'_>, id: TransactionId) -> Result<(), sqlx::Error> {
    sqlx::query!("update charging_transaction set awaits_payer = false where id = $1", id.0).execute(e).await?;
    Ok(())
}

/// Ranges of numbers that are kept of a transaction: a charge point with more gaps than that numbers by chance.
const SEQ_RANGES_MAX: i64 = 1_000;

/// Notes the numbers of events that were taken.
pub(super) async fn note_events(e: impl PgExecutor<'_>, events: &[(TransactionId, i32)]) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<i32> = events.iter().map(|event| event.0.0).collect();
    let numbers: Vec<i32> = events.iter().map(|event| event.1).collect();
    sqlx::query!(
        "update charging_transaction t set seq_seen = coalesce(t.seq_seen, '{}') + e.seen
        from (
            select id, range_agg(int4range(number, number, '[]')) as seen
            from unnest($1::integer[], $2::integer[]) as e (id, number) group by id
        ) e
        where t.id = e.id
            and not coalesce(t.seq_seen @> e.seen, false)
            and (select count(*) from unnest(coalesce(t.seq_seen, '{}'))) < $3",
        &ids,
        &numbers,
        SEQ_RANGES_MAX
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn sample_count(e: impl PgExecutor<'_>, id: TransactionId) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(r#"select count(*)::integer as "count!" from meter_sample where transaction_id = $1"#, id.0)
        .fetch_one(e)
        .await
}

/// The number of the start that a charge point is asked for: the same for all attempts of a session.
pub(super) async fn remote_start(e: impl PgExecutor<'_>, session: SessionId) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into remote_start (session_id) values ($1)
        on conflict on constraint remote_start_session_key do update set session_id = excluded.session_id
        returning id",
        session.as_uuid()
    )
    .fetch_one(e)
    .await
}

/// Whether a stop of the transaction waits to be sent or answered, or was answered after this.
pub(super) async fn stop_is_underway(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    transaction: TransactionId,
    answered_before: Time,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
            select from command
            where charge_point_id = $1 and body->>'type' = 'stop' and (body->>'transaction')::integer = $2
                and (state in ('queued', 'sent') or answered_at > $3)
        ) as "underway!""#,
        charge_point.as_uuid(),
        transaction.0,
        answered_before
    )
    .fetch_one(e)
    .await
}

pub(super) async fn session_by_remote_start(e: impl PgExecutor<'_>, number: i32) -> Result<Option<SessionId>, sqlx::Error> {
    let id = sqlx::query_scalar!("select session_id from remote_start where id = $1", number).fetch_optional(e).await?;
    Ok(id.map(SessionId::from_uuid))
}

/// The session that waits for a connector whose charge point has said yes.
pub(super) async fn waiting_session(e: impl PgExecutor<'_>, connector: ConnectorId) -> Result<Option<SessionId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select id from charging_session where connector_id = $1 and state = 'starting' and start_accepted_at is not null",
        connector.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(SessionId::from_uuid))
}

// Samples.

/// A sample as it is kept.
#[derive(Debug, Clone)]
pub(super) struct SampleRow {
    pub transaction: TransactionId,
    pub ordinal: i32,
    pub claimed_at: Time,
    pub register: Wh,
    pub sampled_at: Time,
    pub received_at: Time,
    pub energy: Wh,
    pub power: Option<Watt>,
    pub state_of_charge_percent: Option<u8>,
    pub note: ReadingNote,
}

pub(super) async fn insert_samples(e: impl PgExecutor<'_>, samples: &[SampleRow]) -> Result<(), sqlx::Error> {
    if samples.is_empty() {
        return Ok(());
    }
    let transactions: Vec<i32> = samples.iter().map(|s| s.transaction.0).collect();
    let ordinals: Vec<i32> = samples.iter().map(|s| s.ordinal).collect();
    let claimed: Vec<Time> = samples.iter().map(|s| s.claimed_at).collect();
    let registers: Vec<i64> = samples.iter().map(|s| s.register.get()).collect();
    let sampled: Vec<Time> = samples.iter().map(|s| s.sampled_at).collect();
    let received: Vec<Time> = samples.iter().map(|s| s.received_at).collect();
    let energies: Vec<i64> = samples.iter().map(|s| s.energy.get()).collect();
    let powers: Vec<Option<i64>> = samples.iter().map(|s| s.power.map(Watt::get)).collect();
    let charges: Vec<Option<i16>> = samples.iter().map(|s| s.state_of_charge_percent.map(i16::from)).collect();
    let notes: Vec<&str> = samples.iter().map(|s| s.note.as_str()).collect();
    sqlx::query!(
        "insert into meter_sample (transaction_id, ordinal, claimed_at, register_wh, sampled_at, received_at, energy_wh, power_w,
            state_of_charge_percent, note)
        select * from unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
            $7::bigint[], $8::bigint[], $9::smallint[], $10::text[])
        on conflict do nothing",
        &transactions,
        &ordinals,
        &claimed,
        &registers,
        &sampled,
        &received,
        &energies,
        &powers as _,
        &charges as _,
        &notes as _
    )
    .execute(e)
    .await?;
    Ok(())
}

/// The samples of a transaction in the order in which they were taken into account.
pub(super) async fn samples(e: impl PgExecutor<'_>, transaction: TransactionId) -> Result<Vec<SampleRow>, sqlx::Error> {
    let rows = sqlx::query!(
        "select ordinal, claimed_at, register_wh, sampled_at, received_at, energy_wh, power_w, state_of_charge_percent, note
        from meter_sample where transaction_id = $1 order by ordinal",
        transaction.0
    )
    .fetch_all(e)
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(SampleRow {
                transaction,
                ordinal: r.ordinal,
                claimed_at: r.claimed_at,
                register: Wh::new(r.register_wh),
                sampled_at: r.sampled_at,
                received_at: r.received_at,
                energy: Wh::new(r.energy_wh),
                power: r.power_w.map(Watt::new),
                state_of_charge_percent: r.state_of_charge_percent.and_then(|p| u8::try_from(p).ok()),
                note: ReadingNote::parse(&r.note).ok_or_else(|| corrupt("reading note"))?,
            })
        })
        .collect()
}

/// Which of these samples are there already.
pub(super) async fn known_samples(
    e: impl PgExecutor<'_>,
    keys: &[(TransactionId, Time, Wh)],
) -> Result<Vec<(TransactionId, Time, Wh)>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let transactions: Vec<i32> = keys.iter().map(|k| k.0.0).collect();
    let claimed: Vec<Time> = keys.iter().map(|k| k.1).collect();
    let registers: Vec<i64> = keys.iter().map(|k| k.2.get()).collect();
    let rows = sqlx::query!(
        "select m.transaction_id, m.claimed_at, m.register_wh
        from unnest($1::integer[], $2::timestamptz[], $3::bigint[]) as k (transaction_id, claimed_at, register_wh)
        join meter_sample m using (transaction_id, claimed_at, register_wh)",
        &transactions,
        &claimed,
        &registers
    )
    .fetch_all(e)
    .await?;
    Ok(rows.into_iter().map(|r| (TransactionId(r.transaction_id), r.claimed_at, Wh::new(r.register_wh))).collect())
}

/// Makes the partition that will hold the samples of this transaction id.
pub(super) async fn ensure_sample_partition(e: impl PgExecutor<'_>, first_id: i32) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query_scalar!("select meter_sample_ensure_partition($1)", first_id).fetch_one(e).await?.unwrap_or(false))
}

pub(super) async fn newest_transaction(e: impl PgExecutor<'_>) -> Result<i32, sqlx::Error> {
    Ok(sqlx::query_scalar!("select max(id) from charging_transaction").fetch_one(e).await?.unwrap_or(0))
}

// The quarantine.

pub(super) async fn quarantine(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    kind: &str,
    dedupe_key: &str,
    payload: &Value,
    received_at: Time,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into quarantine (charge_point_id, kind, dedupe_key, payload, received_at) values ($1, $2, $3, $4, $5)
        on conflict on constraint quarantine_dedupe_key do nothing",
        charge_point.as_uuid(),
        kind,
        dedupe_key,
        payload,
        received_at
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

// Commands.

/// A command as it is stored.
#[derive(Debug, Clone)]
pub(super) struct CommandRow {
    pub id: CommandId,
    pub charge_point: ChargePointId,
    pub session: Option<SessionId>,
    pub body: CommandBody,
    pub deadline_at: Time,
}

/// A command to be queued.
pub(super) struct NewCommand<'a> {
    pub id: CommandId,
    pub charge_point: ChargePointId,
    pub business_key: &'a str,
    pub session: Option<SessionId>,
    pub body: &'a CommandBody,
    pub queued_at: Time,
    pub not_before_at: Time,
    pub deadline_at: Time,
}

/// Queues it once. False when there is one of this key already.
pub(super) async fn insert_command(e: impl PgExecutor<'_>, k: &NewCommand<'_>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into command (id, charge_point_id, business_key, session_id, body, state, queued_at, not_before_at, deadline_at)
        values ($1, $2, $3, $4, $5, 'queued', $6, $7, $8)
        on conflict on constraint command_business_key do nothing",
        k.id.as_uuid(),
        k.charge_point.as_uuid(),
        k.business_key,
        k.session.map(SessionId::as_uuid),
        Json(k.body) as _,
        k.queued_at,
        k.not_before_at,
        k.deadline_at
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the next command of a charge point to be sent over this connection: those of sessions first.
pub(super) async fn claim_command(
    e: impl PgExecutor<'_>,
    lease: Lease,
    now: Time,
) -> Result<Option<(CommandId, CommandBody, Time)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"with fenced as materialized (select where is_lease($1, $2))
        update command set state = 'sent', sent_epoch = $2, sent_at = $3
        where id = (
            select k.id from fenced, command k
            where k.charge_point_id = $1 and k.state = 'queued' and k.not_before_at <= $3 and k.deadline_at > $3
            order by k.session_id is null, k.body->>'type' in ('cap', 'show_cost'), k.not_before_at, k.id limit 1
            for update of k skip locked
        )
        returning id, body as "body: Json<CommandBody>", deadline_at"#,
        lease.charge_point.as_uuid(),
        lease.epoch,
        now
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(|r| (CommandId::from_uuid(r.id), r.body.0, r.deadline_at)))
}

/// Which of these charge points have something to be sent now.
pub(super) async fn due_commands(
    e: impl PgExecutor<'_>,
    charge_points: &[Uuid],
    now: Time,
) -> Result<Vec<ChargePointId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select distinct charge_point_id from command
        where charge_point_id = any($1) and state = 'queued' and not_before_at <= $2 and deadline_at > $2",
        charge_points,
        now
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(ChargePointId::from_uuid).collect())
}

struct RawCommand {
    id: Uuid,
    charge_point_id: Uuid,
    session_id: Option<Uuid>,
    body: Json<CommandBody>,
    deadline_at: Time,
}

impl From<RawCommand> for CommandRow {
    fn from(r: RawCommand) -> Self {
        Self {
            id: CommandId::from_uuid(r.id),
            charge_point: ChargePointId::from_uuid(r.charge_point_id),
            session: r.session_id.map(SessionId::from_uuid),
            body: r.body.0,
            deadline_at: r.deadline_at,
        }
    }
}

pub(super) async fn command(e: impl PgExecutor<'_>, id: CommandId) -> Result<Option<CommandRow>, sqlx::Error> {
    let row = sqlx::query_as!(
        RawCommand,
        r#"select id, charge_point_id, session_id, body as "body: _", deadline_at from command where id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(Into::into))
}

/// Ends a command that is open, in one of the given states.
pub(super) async fn finish_command(
    e: impl PgExecutor<'_>,
    id: CommandId,
    from: &[&str],
    state: &str,
    answer: Option<&Value>,
    now: Time,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        // A password is not kept longer than it is needed.
        "update command set state = $2, answered_at = $3, answer = $4,
            body = case when body ->> 'type' = 'set_password' then body - 'password' else body end
        where id = $1 and state = any($5)",
        id.as_uuid(),
        state,
        now,
        answer,
        from as _
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether it ever went out.
pub(super) async fn was_sent(e: impl PgExecutor<'_>, id: CommandId) -> Result<bool, sqlx::Error> {
    let sent = sqlx::query_scalar!(r#"select sent_at is not null as "sent!" from command where id = $1"#, id.as_uuid())
        .fetch_optional(e)
        .await?;
    Ok(sent.unwrap_or(false))
}

/// How far it is.
pub(super) async fn command_view(e: impl PgExecutor<'_>, id: CommandId) -> Result<Option<CommandView>, sqlx::Error> {
    let row = sqlx::query!("select state, answer from command where id = $1", id.as_uuid()).fetch_optional(e).await?;
    row.map(|r| {
        let state = CommandState::parse(&r.state).ok_or_else(|| corrupt("command state"))?;
        Ok(CommandView { state, answer: r.answer })
    })
    .transpose()
}

pub(super) async fn command_by_key(e: impl PgExecutor<'_>, business_key: &str) -> Result<CommandId, sqlx::Error> {
    let id = sqlx::query_scalar!("select id from command where business_key = $1", business_key).fetch_one(e).await?;
    Ok(CommandId::from_uuid(id))
}

/// Puts a command that was sent over an older connection back into the queue.
pub(super) async fn requeue_command(
    e: impl PgExecutor<'_>,
    id: CommandId,
    now: Time,
    deadline_at: Time,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update command set state = 'queued', not_before_at = $2, deadline_at = $3 where id = $1 and state = 'sent'",
        id.as_uuid(),
        now,
        deadline_at
    )
    .execute(e)
    .await?;
    Ok(())
}

/// Commands whose answer an older connection took with it.
pub(super) async fn sent_before(e: impl PgExecutor<'_>, lease: Lease) -> Result<Vec<CommandRow>, sqlx::Error> {
    let rows = sqlx::query_as!(
        RawCommand,
        r#"select id, charge_point_id, session_id, body as "body: _", deadline_at from command
        where charge_point_id = $1 and state = 'sent' and sent_epoch < $2
        order by session_id nulls last, queued_at"#,
        lease.charge_point.as_uuid(),
        lease.epoch
    )
    .fetch_all(e)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Whether anything goes on at each of these charge points: a command that is not answered, a session that is not over.
pub(super) async fn are_awaited(e: impl PgExecutor<'_>, charge_points: &[ChargePointId]) -> Result<Vec<bool>, sqlx::Error> {
    let ids: Vec<_> = charge_points.iter().map(|id| id.as_uuid()).collect();
    sqlx::query_scalar!(
        r#"select exists (select from command where charge_point_id = asked and state in ('queued', 'sent'))
            or exists (
                select from charging_session
                where state in ('starting', 'charging', 'stopping') and connector_id = any(array(select c from connectors_of(asked) c))
            ) as "is_awaited!"
        from unnest($1::uuid[]) with ordinality as a (asked, n) order by n"#,
        &ids
    )
    .fetch_all(e)
    .await
}

/// A stop that waits out its pause is due as soon as there is a link again.
pub(super) async fn hurry_stops(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    now: Time,
    answer_in: TimeDelta,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update command set not_before_at = $2, deadline_at = greatest(deadline_at, $3)
        where charge_point_id = $1 and state = 'queued' and body->>'type' = 'stop' and not_before_at > $2",
        charge_point.as_uuid(),
        now,
        now + answer_in
    )
    .execute(e)
    .await?;
    Ok(())
}

/// Commands that nobody answered in time. The ids only: whoever expires one locks its session first.
pub(super) async fn overdue_commands(e: impl PgExecutor<'_>, now: Time) -> Result<Vec<CommandId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from command where state in ('queued', 'sent') and deadline_at <= $1 order by deadline_at limit 500",
        now
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(CommandId::from_uuid).collect())
}

/// What was queued for a session that has ended is not sent any more.
pub(super) async fn withdraw_commands(e: impl PgExecutor<'_>, session: SessionId, now: Time) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update command set state = 'failed', answered_at = $2, answer = '\"withdrawn\"' where session_id = $1 and state = 'queued'",
        session.as_uuid(),
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

/// Takes back what waits of a kind for a session: a newer one takes its place.
pub(super) async fn withdraw_aside(
    e: impl PgExecutor<'_>,
    session: SessionId,
    kind: &str,
    now: Time,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update command set state = 'failed', answered_at = $3, answer = '\"followed by a newer one\"'
        where session_id = $1 and state = 'queued' and body->>'type' = $2",
        session.as_uuid(),
        kind,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn aside_due(e: impl PgExecutor<'_>, session: SessionId) -> Result<AsideDue, sqlx::Error> {
    sqlx::query_as!(AsideDue, "select cap_renew_at, cost_due_at from charging_session where id = $1", session.as_uuid())
        .fetch_one(e)
        .await
}

/// Counts a cap, or ends them; its number.
pub(super) async fn save_cap(
    e: impl PgExecutor<'_>,
    session: SessionId,
    cap: Option<(Time, Time)>,
) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(
        "update charging_session
        set cap_ends_at = $2, cap_renew_at = $3, cap_count = cap_count + case when $2::timestamptz is null then 0 else 1 end
        where id = $1 returning cap_count",
        session.as_uuid(),
        cap.map(|(ends_at, _)| ends_at),
        cap.map(|(_, renew_at)| renew_at)
    )
    .fetch_one(e)
    .await
}

pub(super) async fn save_cost_due(e: impl PgExecutor<'_>, session: SessionId, at: Option<Time>) -> Result<(), sqlx::Error> {
    sqlx::query!("update charging_session set cost_due_at = $2 where id = $1", session.as_uuid(), at).execute(e).await?;
    Ok(())
}

/// Takes back a start that was never sent. True when there was one and so the charger does not know of it.
pub(super) async fn withdraw_unsent_start(e: impl PgExecutor<'_>, session: SessionId, now: Time) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update command set state = 'failed', answered_at = $2, answer = '\"withdrawn\"'
        where session_id = $1 and state = 'queued' and body->>'type' = 'start'
            -- Once sent and then put back: the charger may know of it.
            and sent_at is null
            and not exists (
                select from command k
                where k.session_id = $1 and k.body->>'type' = 'start' and k.state in ('sent', 'accepted')
            )",
        session.as_uuid(),
        now
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A reset that brought the connection down before its answer.
pub(super) async fn open_resets(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<Vec<CommandId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from command where charge_point_id = $1 and state = 'sent'
            and (body->>'type' = 'reset' or body->>'type' = 'operator' and body->>'action' = 'Reset')",
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(CommandId::from_uuid).collect())
}

// What the clock must look at.

/// Why the watch looks at a session.
pub(super) async fn past_start_deadline(e: impl PgExecutor<'_>, now: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from charging_session where state = 'starting' and start_deadline <= $1 order by id limit 500",
        now
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

pub(super) async fn to_be_judged(e: impl PgExecutor<'_>, now: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from charging_session where state = 'charging' and judge_at <= $1 order by judge_at limit 500",
        now
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Their transaction has ended, and the settlement failed.
pub(super) async fn ended_unsettled(e: impl PgExecutor<'_>, now: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select s.id from charging_session s join charging_transaction t on t.id = s.transaction_id
        where s.state in ('charging', 'stopping') and s.judge_at <= $1 and t.stopped_at is not null
        order by s.id limit 100",
        now
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Being stopped, and nothing is on its way that would stop it.
pub(super) async fn stops_without_effect(e: impl PgExecutor<'_>, answered_before: Time) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select s.id from charging_session s
        where s.state = 'stopping'
            and not exists (
                select from command k
                where k.session_id = s.id and k.body->>'type' = 'stop' and (k.state in ('queued', 'sent') or k.answered_at > $1)
            )
        order by s.id limit 500",
        answered_before
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Sessions that may have ended unseen: by what the charger reports, or by long silence.
pub(super) async fn maybe_lost(
    e: impl PgExecutor<'_>,
    now: Time,
    silent_since: Time,
    stopping_since: Time,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from charging_session
        where state in ('charging', 'stopping')
            and (
                lost_after <= $1
                or coalesce(last_sample_at, started_at) <= $2
                or (stopping_at <= $3 and coalesce(last_sample_at, started_at) <= $3)
            )
        order by id limit 500",
        now,
        silent_since,
        stopping_since
    )
    .fetch_all(e)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

// Invariants.

/// What the checks of DESIGN § 4 need of a session.
pub(super) struct AuditRow {
    pub id: SessionId,
    pub state: String,
    pub hold_id: HoldId,
    pub billed: Option<i64>,
    pub written_off: Option<i64>,
    pub bill_total: Option<i64>,
    pub agreed: i64,
}

pub(super) async fn audit_rows(e: impl PgExecutor<'_>, at_most: i64) -> Result<Vec<AuditRow>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, state, hold_id, billed_tyiyn, written_off_tyiyn, (bill->>'total')::bigint as bill_total, agreed_tyiyn
        from charging_session order by requested_at desc limit $1"#,
        at_most
    )
    .fetch_all(e)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| AuditRow {
            id: SessionId::from_uuid(r.id),
            state: r.state,
            hold_id: HoldId::from_uuid(r.hold_id),
            billed: r.billed_tyiyn,
            written_off: r.written_off_tyiyn,
            bill_total: r.bill_total,
            agreed: r.agreed_tyiyn,
        })
        .collect())
}

/// Sentences about rows that contradict each other.
pub(super) async fn contradictions(c: &mut PgConnection) -> Result<Vec<(&'static str, String)>, sqlx::Error> {
    let mut found = vec![];
    let falls = sqlx::query_scalar!(
        r#"select format('transaction %s, sample %s', transaction_id, ordinal) as "text!" from (
            select transaction_id, ordinal, energy_wh, lag(energy_wh) over (partition by transaction_id order by ordinal) as before
            from meter_sample
        ) s where energy_wh < before limit 20"#
    )
    .fetch_all(&mut *c)
    .await?;
    found.extend(falls.into_iter().map(|text| ("charging.energy_never_falls", text)));
    let counts = sqlx::query_scalar!(
        r#"select format('session %s: %s counted, %s kept', s.id, s.sample_count, count(m.ordinal)) as "text!"
        from charging_session s left join meter_sample m on m.transaction_id = s.transaction_id
        where s.state in ('charging', 'stopping') group by s.id having count(m.ordinal) <> s.sample_count limit 20"#
    )
    .fetch_all(&mut *c)
    .await?;
    found.extend(counts.into_iter().map(|text| ("charging.samples_counted", text)));
    let bound = sqlx::query_scalar!(
        r#"select format('session %s', s.id) as "text!"
        from charging_session s left join charging_transaction t on t.id = s.transaction_id
        where (s.state in ('charging', 'stopping') and (t.id is null or t.session_id is distinct from s.id or t.stopped_at is not null))
            or (s.state = 'settled' and s.transaction_id is not null and t.stopped_at is null)
        limit 20"#
    )
    .fetch_all(c)
    .await?;
    found.extend(bound.into_iter().map(|text| ("charging.session_and_transaction", text)));
    Ok(found)
}

/// The sessions of several ids, for those that only want the state. Unknown ids are left out.
pub(super) async fn states(e: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<HashMap<SessionId, SessionState>, sqlx::Error> {
    let rows = sqlx::query!("select id, state from charging_session where id = any($1)", ids).fetch_all(e).await?;
    rows.into_iter()
        .map(|r| Ok((SessionId::from_uuid(r.id), SessionState::parse(&r.state).ok_or_else(|| corrupt("session state"))?)))
        .collect()
}
