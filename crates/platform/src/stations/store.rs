//! The SQL of partners, stations, charge points, connectors and codes.

use std::collections::{HashMap, HashSet};

use api::guest::Neighbour;
use chrono::{DateTime, Duration, Utc};
use domain::stations::{ConnectorStatus, CurrentType, PlugType};
use domain::{ChargePointId, ConnectorCode, ConnectorId, OcppIdentity, PartnerId, StationId, TariffId, Watt};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::quirks::QuirkSet;

use super::{
    BootFacts, Connected, ConnectorFacts, Entered, Lease, Names, NewConnector, NewPartner, NewStation, SecurityProfile,
    StationFacts, StatusReport,
};

/// `last_seen_at` is this exact: writing it with every message would double the writes of a meter reading.
const LAST_SEEN_SECONDS: i64 = 10;

/// A value in the database that our own code did not write.
pub(crate) fn corrupt(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the database holds an unreadable {what}").into())
}

pub(super) struct Credentials {
    pub id: ChargePointId,
    pub password_salt: Vec<u8>,
    pub password_hash: Vec<u8>,
    pub security_profile: SecurityProfile,
    pub quirks: QuirkSet,
    /// Drawn by this look.
    pub epoch: i64,
}

/// A password that the charge point may have taken.
pub(super) struct SentPassword {
    pub id: Uuid,
    pub password_salt: Vec<u8>,
    pub password_hash: Vec<u8>,
}

/// Of each of these identities, in their order. Who stands later in it has the later epoch.
pub(super) async fn credentials(
    e: impl PgExecutor<'_>,
    identities: &[OcppIdentity],
) -> Result<Vec<Option<Credentials>>, sqlx::Error> {
    let texts: Vec<_> = identities.iter().map(|identity| identity.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"select n as "n!", id as "id!", password_salt as "password_salt!", password_hash as "password_hash!",
            security_profile as "security_profile!", charge_point_quirks(id) as "quirks!", nextval('connection_epoch') as "epoch!"
        from (
            select n, id, password_salt, password_hash, security_profile
            from unnest($1::text[]) with ordinality as a (arrives, n) join charge_point on identity = arrives
            order by n offset 0
        ) in_order"#,
        &texts
    )
    .fetch_all(e)
    .await?;
    let mut found: Vec<_> = identities.iter().map(|_| None).collect();
    for r in rows {
        let credentials = Credentials {
            id: ChargePointId::from_uuid(r.id),
            password_salt: r.password_salt,
            password_hash: r.password_hash,
            security_profile: SecurityProfile::parse(r.security_profile).ok_or_else(|| corrupt("security profile"))?,
            quirks: QuirkSet::read(&r.quirks),
            epoch: r.epoch,
        };
        if let Some(place) = usize::try_from(r.n - 1).ok().and_then(|n| found.get_mut(n)) {
            *place = Some(credentials);
        }
    }
    Ok(found)
}

pub(super) async fn next_epoch(e: impl PgExecutor<'_>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select nextval('connection_epoch') as "epoch!""#).fetch_one(e).await
}

pub(super) async fn by_identity(e: impl PgExecutor<'_>, identity: &OcppIdentity) -> Result<Option<ChargePointId>, sqlx::Error> {
    let id =
        sqlx::query_scalar!("select id from charge_point where identity = $1", identity.as_str()).fetch_optional(e).await?;
    Ok(id.map(ChargePointId::from_uuid))
}

pub(super) async fn sent_passwords(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<Vec<SentPassword>, sqlx::Error> {
    sqlx::query_as!(
        SentPassword,
        "select id, password_salt, password_hash from charge_point_password where charge_point_id = $1 order by created_at desc",
        id.as_uuid()
    )
    .fetch_all(e)
    .await
}

pub(super) async fn count_sent_passwords(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<i64, sqlx::Error> {
    let count = sqlx::query_scalar!("select count(*) from charge_point_password where charge_point_id = $1", id.as_uuid())
        .fetch_one(e)
        .await?;
    Ok(count.unwrap_or(0))
}

pub(super) async fn insert_sent_password(
    c: &mut PgConnection,
    id: Uuid,
    charge_point: ChargePointId,
    salt: &[u8],
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point_password (id, charge_point_id, password_salt, password_hash, created_at) values ($1, $2, $3, $4, $5)",
        id,
        charge_point.as_uuid(),
        salt,
        hash,
        now
    )
    .execute(c)
    .await?;
    Ok(())
}

pub(super) async fn delete_sent_password(c: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from charge_point_password where id = $1", id).execute(c).await?;
    Ok(())
}

/// Makes a password that was sent the charge point's own, and ends all others. False when it has ended meanwhile.
pub(super) async fn adopt_password(c: &mut PgConnection, charge_point: ChargePointId, id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update charge_point set password_salt = p.password_salt, password_hash = p.password_hash
        from charge_point_password p where charge_point.id = $1 and p.id = $2 and p.charge_point_id = $1",
        charge_point.as_uuid(),
        id
    )
    .execute(&mut *c)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("delete from charge_point_password where charge_point_id = $1", charge_point.as_uuid()).execute(c).await?;
    Ok(true)
}

pub(super) async fn set_security_profile(
    c: &mut PgConnection,
    id: ChargePointId,
    profile: SecurityProfile,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update charge_point set security_profile = $2 where id = $1", id.as_uuid(), profile.number())
        .execute(c)
        .await?;
    Ok(())
}

/// The names, and a lock on the row.
pub(super) async fn names(c: &mut PgConnection, id: ChargePointId) -> Result<Option<Names>, sqlx::Error> {
    let row = sqlx::query!("select identity, serial_number from charge_point where id = $1 for no key update", id.as_uuid())
        .fetch_optional(c)
        .await?;
    row.map(|r| {
        let identity = OcppIdentity::parse(&r.identity).map_err(|_| corrupt("identity"))?;
        Ok(Names { identity, serial_number: r.serial_number })
    })
    .transpose()
}

pub(super) async fn cut_off(
    c: &mut PgConnection,
    id: ChargePointId,
    now: DateTime<Utc>,
) -> Result<Option<(OcppIdentity, i64)>, sqlx::Error> {
    let row = sqlx::query!(
        "update charge_point set epoch = nextval('connection_epoch'),
            disconnected_at = case when connected_at is null then null else coalesce(disconnected_at, $2) end
        where id = $1 returning identity, epoch",
        id.as_uuid(),
        now
    )
    .fetch_optional(c)
    .await?;
    row.map(|r| Ok((OcppIdentity::parse(&r.identity).map_err(|_| corrupt("identity"))?, r.epoch))).transpose()
}

/// Of each of these connections, whether it is the newest of its charge point from now on.
pub(super) async fn connected(
    e: impl PgExecutor<'_>,
    news: &[Connected],
    now: DateTime<Utc>,
) -> Result<Vec<Option<(OcppIdentity, Entered)>>, sqlx::Error> {
    let (ids, epochs) = columns(news.iter().map(|new| new.lease));
    let protocols: Vec<_> = news.iter().map(|new| new.protocol.clone()).collect();
    let nodes: Vec<_> = news.iter().map(|new| new.node.clone()).collect();
    let rows = sqlx::query!(
        r#"with new as materialized (
            select distinct on (id) id, epoch, protocol, node
            from unnest($1::uuid[], $2::int8[], $3::text[], $4::text[]) as u (id, epoch, protocol, node) order by id, epoch desc
        ), locked as materialized (
            select id from charge_point where id = any($1) order by id for no key update
        )
        update charge_point c
        set epoch = new.epoch, protocol = new.protocol, node = new.node, connected_at = $5, disconnected_at = null, last_seen_at = $5
        from new join locked on locked.id = new.id
        where c.id = new.id and c.epoch < new.epoch
        returning c.id, c.epoch, c.identity, c.settings_due"#,
        &ids,
        &epochs,
        &protocols,
        &nodes,
        now
    )
    .fetch_all(e)
    .await?;
    let mut entered = HashMap::new();
    for r in rows {
        let identity = OcppIdentity::parse(&r.identity).map_err(|_| corrupt("identity"))?;
        let lease = Lease { charge_point: ChargePointId::from_uuid(r.id), epoch: r.epoch };
        entered.insert(lease, (identity, Entered { settings_due: r.settings_due }));
    }
    Ok(news.iter().map(|new| entered.remove(&new.lease)).collect())
}

pub(super) async fn disconnected(e: impl PgExecutor<'_>, leases: &[Lease], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (ids, epochs) = columns(leases.iter().copied());
    sqlx::query!(
        "with locked as materialized (select id from charge_point where id = any($1) order by id for no key update)
        update charge_point c set disconnected_at = $3
        from locked join unnest($1::uuid[], $2::int8[]) as over (id, epoch) using (id)
        where c.id = locked.id and c.epoch = over.epoch and c.disconnected_at is null",
        &ids,
        &epochs,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

/// As PostgreSQL takes them.
fn columns(leases: impl Iterator<Item = Lease>) -> (Vec<Uuid>, Vec<i64>) {
    leases.map(|lease| (lease.charge_point.as_uuid(), lease.epoch)).unzip()
}

pub(super) async fn disconnect_node(e: impl PgExecutor<'_>, node: &str, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "update charge_point set disconnected_at = $2
        where node = $1 and connected_at is not null and disconnected_at is null",
        node,
        now
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn outdated(e: impl PgExecutor<'_>, leases: &[Lease]) -> Result<Vec<Lease>, sqlx::Error> {
    let ids: Vec<_> = leases.iter().map(|l| l.charge_point.as_uuid()).collect();
    let epochs: Vec<_> = leases.iter().map(|l| l.epoch).collect();
    let rows = sqlx::query!(
        r#"select l.id as "id!", l.epoch as "epoch!"
        from unnest($1::uuid[], $2::bigint[]) as l (id, epoch)
        left join charge_point c on c.id = l.id
        where c.epoch is distinct from l.epoch"#,
        &ids,
        &epochs
    )
    .fetch_all(e)
    .await?;
    Ok(rows.into_iter().map(|r| Lease { charge_point: ChargePointId::from_uuid(r.id), epoch: r.epoch }).collect())
}

/// The epochs and meter intervals of the charge points, whose rows stay locked until the transaction ends. The lock is the one that a new
/// connection needs, so it waits; in the order of ids, so that two writers never wait for each other.
pub(super) async fn lock_epochs(
    c: &mut PgConnection,
    leases: &[Lease],
    now: DateTime<Utc>,
) -> Result<HashMap<ChargePointId, (i64, i32)>, sqlx::Error> {
    let ids: Vec<_> = leases.iter().map(|l| l.charge_point.as_uuid()).collect();
    let rows = sqlx::query!(
        "select id, epoch, last_seen_at, meter_interval_s from charge_point where id = any($1) order by id for no key update",
        &ids
    )
    .fetch_all(&mut *c)
    .await?;
    let current: HashMap<_, _> = rows.iter().map(|r| (ChargePointId::from_uuid(r.id), (r.epoch, r.meter_interval_s))).collect();
    let stale = now - Duration::seconds(LAST_SEEN_SECONDS);
    let heard: Vec<_> = rows
        .iter()
        .filter(|r| r.last_seen_at.is_none_or(|at| at <= stale))
        .map(|r| r.id)
        .filter(|&id| {
            leases
                .iter()
                .any(|l| l.charge_point.as_uuid() == id && current.get(&l.charge_point).is_some_and(|row| row.0 == l.epoch))
        })
        .collect();
    if !heard.is_empty() {
        sqlx::query!("update charge_point set last_seen_at = $2 where id = any($1)", &heard, now).execute(c).await?;
    }
    Ok(current)
}

/// Of each of these connections, whether it is not over.
pub(super) async fn record_boots(
    e: impl PgExecutor<'_>,
    boots: &[(Lease, BootFacts)],
    now: DateTime<Utc>,
) -> Result<Vec<bool>, sqlx::Error> {
    let (ids, epochs) = columns(boots.iter().map(|(lease, _)| *lease));
    let text = |of: fn(&BootFacts) -> &Option<String>| -> Vec<Option<String>> {
        boots.iter().map(|(_, facts)| of(facts).clone()).collect()
    };
    let rows = sqlx::query!(
        "with locked as materialized (select id from charge_point where id = any($1) order by id for no key update)
        update charge_point c
        set vendor = boot.vendor, model = boot.model, serial_number = coalesce(boot.serial_number, c.serial_number),
            firmware_version = coalesce(boot.firmware_version, c.firmware_version), last_boot_at = $7, settings_due = true
        from locked join unnest($1::uuid[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[])
            as boot (id, epoch, vendor, model, serial_number, firmware_version) using (id)
        where c.id = locked.id and c.epoch = boot.epoch
        returning c.id, c.epoch",
        &ids,
        &epochs,
        &text(|facts| &facts.vendor) as &[Option<String>],
        &text(|facts| &facts.model) as &[Option<String>],
        &text(|facts| &facts.serial_number) as &[Option<String>],
        &text(|facts| &facts.firmware_version) as &[Option<String>],
        now
    )
    .fetch_all(e)
    .await?;
    let done: HashSet<_> = rows.into_iter().map(|r| (r.id, r.epoch)).collect();
    Ok(boots.iter().map(|(lease, _)| done.contains(&(lease.charge_point.as_uuid(), lease.epoch))).collect())
}

/// Its settings are told.
pub(super) async fn take_settings_due(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<(), sqlx::Error> {
    sqlx::query!("update charge_point set settings_due = false where id = $1 and settings_due", id.as_uuid())
        .execute(e)
        .await?;
    Ok(())
}

pub(super) async fn firmware_version(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query_scalar!("select firmware_version from charge_point where id = $1", id.as_uuid()).fetch_optional(e);
    Ok(row.await?.flatten())
}

pub(super) async fn record_charge_point_status(
    e: impl PgExecutor<'_>,
    id: ChargePointId,
    report: &StatusReport,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update charge_point set status = $2, error_code = $3, status_at = $4 where id = $1",
        id.as_uuid(),
        report.status.as_str(),
        report.error_code,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

/// Statuses from connections that may be over; `None` for those, and for a connector that is not ours.
pub(super) async fn record_fenced_statuses(
    e: impl PgExecutor<'_>,
    reports: &[(Lease, StatusReport)],
    now: DateTime<Utc>,
) -> Result<Vec<Option<ConnectorId>>, sqlx::Error> {
    let (ids, epochs) = columns(reports.iter().map(|(lease, _)| *lease));
    let evse_nos: Vec<_> = reports.iter().map(|(_, report)| report.evse_no).collect();
    let connector_nos: Vec<_> = reports.iter().map(|(_, report)| report.connector_no).collect();
    let statuses: Vec<_> = reports.iter().map(|(_, report)| report.status.as_str().to_owned()).collect();
    let error_codes: Vec<_> = reports.iter().map(|(_, report)| report.error_code.clone()).collect();
    let rows = sqlx::query!(
        "with locked as materialized (select id, epoch from charge_point where id = any($1) order by id for no key update)
        update connector c set status = told.status, error_code = told.error_code, status_at = $7
        from locked join unnest($1::uuid[], $2::int8[], $3::int4[], $4::int4[], $5::text[], $6::text[])
            as told (id, epoch, evse_no, connector_no, status, error_code) using (id, epoch)
        where c.charge_point_id = locked.id and c.evse_no = told.evse_no and c.connector_no = told.connector_no
        returning c.id, locked.id as charge_point_id, locked.epoch, c.evse_no, c.connector_no",
        &ids,
        &epochs,
        &evse_nos,
        &connector_nos,
        &statuses,
        &error_codes as &[Option<String>],
        now
    )
    .fetch_all(e)
    .await?;
    let done: HashMap<_, _> = rows
        .into_iter()
        .map(|r| ((r.charge_point_id, r.epoch, r.evse_no, r.connector_no), ConnectorId::from_uuid(r.id)))
        .collect();
    let found = |(lease, report): &(Lease, StatusReport)| {
        done.get(&(lease.charge_point.as_uuid(), lease.epoch, report.evse_no, report.connector_no)).copied()
    };
    Ok(reports.iter().map(found).collect())
}

pub(super) async fn record_connector_status(
    e: impl PgExecutor<'_>,
    id: ChargePointId,
    report: &StatusReport,
    now: DateTime<Utc>,
) -> Result<Option<ConnectorId>, sqlx::Error> {
    let row = sqlx::query_scalar!(
        "update connector set status = $4, error_code = $5, status_at = $6
        where charge_point_id = $1 and evse_no = $2 and connector_no = $3
        returning id",
        id.as_uuid(),
        report.evse_no,
        report.connector_no,
        report.status.as_str(),
        report.error_code,
        now
    )
    .fetch_optional(e)
    .await?;
    Ok(row.map(ConnectorId::from_uuid))
}

pub(super) async fn set_meter_interval(e: impl PgExecutor<'_>, id: ChargePointId, seconds: i32) -> Result<(), sqlx::Error> {
    sqlx::query!("update charge_point set meter_interval_s = $2 where id = $1", id.as_uuid(), seconds).execute(e).await?;
    Ok(())
}

pub(super) async fn protocol_of(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<Option<String>, sqlx::Error> {
    let protocol = sqlx::query_scalar!("select protocol from charge_point where id = $1", id.as_uuid());
    Ok(protocol.fetch_optional(e).await?.flatten())
}

pub(super) async fn has_booted(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<bool, sqlx::Error> {
    let at = sqlx::query_scalar!("select last_boot_at from charge_point where id = $1", id.as_uuid()).fetch_optional(e).await?;
    Ok(at.flatten().is_some())
}

pub(super) async fn identity(e: impl PgExecutor<'_>, id: ChargePointId) -> Result<Option<OcppIdentity>, sqlx::Error> {
    let text = sqlx::query_scalar!("select identity from charge_point where id = $1", id.as_uuid()).fetch_optional(e).await?;
    text.map(|text| OcppIdentity::parse(&text).map_err(|_| corrupt("identity"))).transpose()
}

pub(super) async fn connector_id(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    evse_no: i32,
    connector_no: i32,
) -> Result<Option<ConnectorId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select id from connector where charge_point_id = $1 and evse_no = $2 and connector_no = $3",
        charge_point.as_uuid(),
        evse_no,
        connector_no
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(ConnectorId::from_uuid))
}

pub(super) async fn reported(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    evse_no: i32,
    connector_no: i32,
) -> Result<Option<ConnectorStatus>, sqlx::Error> {
    let status = sqlx::query_scalar!(
        "select status from connector where charge_point_id = $1 and evse_no = $2 and connector_no = $3",
        charge_point.as_uuid(),
        evse_no,
        connector_no
    )
    .fetch_optional(e)
    .await?;
    status.map(|text| ConnectorStatus::parse(&text).ok_or_else(|| corrupt("connector status"))).transpose()
}

/// What a person may expect: the link first, then the charge point as a whole, then the connector.
fn effective(online: bool, charge_point: Option<ConnectorStatus>, reported: ConnectorStatus) -> ConnectorStatus {
    match (online, charge_point) {
        (false, _) => ConnectorStatus::Offline,
        // What charges goes on charging, whatever the charge point says of itself.
        (true, Some(whole @ (ConnectorStatus::Unavailable | ConnectorStatus::Faulted))) if reported.can_start() => whole,
        _ => reported,
    }
}

pub(super) async fn connector(e: impl PgExecutor<'_>, id: ConnectorId) -> Result<Option<ConnectorFacts>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select
            c.id, c.charge_point_id, p.identity, c.evse_no, c.connector_no, c.label, c.plug, c.current_type, c.max_power_w,
            c.tariff_id, c.status, c.error_code,
            (p.connected_at is not null and p.disconnected_at is null) as "online!",
            p.status as charge_point_status, p.disconnected_at, p.last_seen_at, p.meter_interval_s,
            s.id as station_id, s.partner_id, r.share_bp, s.name, s.address, s.time_zone, s.latitude_e7, s.longitude_e7,
            s.helpline, s.seller_name, s.seller_tin
        from connector c
        join charge_point p on p.id = c.charge_point_id
        join station s on s.id = p.station_id
        join partner r on r.id = s.partner_id
        where c.id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    let Some(r) = row else { return Ok(None) };
    let reported = ConnectorStatus::parse(&r.status).ok_or_else(|| corrupt("connector status"))?;
    let whole = r.charge_point_status.as_deref().and_then(ConnectorStatus::parse);
    Ok(Some(ConnectorFacts {
        connector: ConnectorId::from_uuid(r.id),
        charge_point: ChargePointId::from_uuid(r.charge_point_id),
        identity: OcppIdentity::parse(&r.identity).map_err(|_| corrupt("identity"))?,
        evse_no: r.evse_no,
        connector_no: r.connector_no,
        label: r.label,
        plug: PlugType::parse(&r.plug).ok_or_else(|| corrupt("plug"))?,
        current: CurrentType::parse(&r.current_type).ok_or_else(|| corrupt("current"))?,
        max_power: Watt::new(r.max_power_w),
        tariff: TariffId::from_uuid(r.tariff_id),
        status: effective(r.online, whole, reported),
        reported,
        last_known: effective(true, whole, reported),
        error_code: r.error_code,
        online: r.online,
        disconnected_at: r.disconnected_at,
        last_seen_at: r.last_seen_at,
        meter_interval_s: r.meter_interval_s,
        station: StationFacts {
            id: StationId::from_uuid(r.station_id),
            partner: PartnerId::from_uuid(r.partner_id),
            partner_share_bp: u32::try_from(r.share_bp).map_err(|_| corrupt("share"))?,
            name: r.name,
            address: r.address,
            time_zone: r.time_zone,
            latitude_e7: r.latitude_e7,
            longitude_e7: r.longitude_e7,
            helpline: r.helpline,
            seller_name: r.seller_name,
            seller_tin: r.seller_tin,
        },
    }))
}

pub(super) struct CodeRow {
    pub connector: ConnectorId,
    pub retired_at: Option<DateTime<Utc>>,
    /// The end of the chain of successors that is not retired itself.
    pub successor: Option<ConnectorCode>,
}

pub(super) async fn code(c: &mut PgConnection, code: &ConnectorCode) -> Result<Option<CodeRow>, sqlx::Error> {
    let row = sqlx::query!("select connector_id, retired_at from connector_code where code = $1", code.as_str())
        .fetch_optional(&mut *c)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut successor = None;
    if row.retired_at.is_some() {
        // A sticker is replaced a few times in its life; the bound also ends a circle.
        successor = sqlx::query_scalar!(
            r#"with recursive chain (code, depth) as (
                select replaced_by, 1 from connector_code where code = $1
                union all
                select k.replaced_by, chain.depth + 1 from connector_code k join chain on k.code = chain.code
                where chain.depth < 20 and k.retired_at is not null
            )
            select k.code from connector_code k join chain on k.code = chain.code where k.retired_at is null limit 1"#,
            code.as_str()
        )
        .fetch_optional(c)
        .await?;
    }
    Ok(Some(CodeRow {
        connector: ConnectorId::from_uuid(row.connector_id),
        retired_at: row.retired_at,
        successor: successor.map(|s| ConnectorCode::parse(&s).map_err(|_| corrupt("code"))).transpose()?,
    }))
}

pub(super) async fn code_of(e: impl PgExecutor<'_>, connector: ConnectorId) -> Result<Option<ConnectorCode>, sqlx::Error> {
    let code = sqlx::query_scalar!(
        "select code from connector_code where connector_id = $1 and retired_at is null order by created_at desc, code limit 1",
        connector.as_uuid()
    )
    .fetch_optional(e)
    .await?;
    code.map(|code| ConnectorCode::parse(&code).map_err(|_| corrupt("code"))).transpose()
}

pub(super) async fn neighbours(
    e: impl PgExecutor<'_>,
    beside: Option<ConnectorId>,
    at_most: i64,
) -> Result<Vec<(ConnectorId, Neighbour)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with here as (
            select s.id, s.latitude_e7, s.longitude_e7
            from connector c join charge_point p on p.id = c.charge_point_id join station s on s.id = p.station_id
            where c.id = $1
        )
        select c.id, k.code, s.name, c.label, c.plug, c.max_power_w, c.status
        from connector c
        join charge_point p on p.id = c.charge_point_id
        join station s on s.id = p.station_id
        join lateral (
            select code from connector_code k where k.connector_id = c.id and k.retired_at is null
            order by k.created_at desc, k.code limit 1
        ) k on true
        left join here on true
        where c.id is distinct from $1
            and c.status in ('available', 'preparing')
            and coalesce(p.status not in ('unavailable', 'faulted'), true)
            and p.connected_at is not null and p.disconnected_at is null
        order by
            (s.id = here.id) desc nulls last,
            -- Degrees as if the map were flat: good enough for an order within a town.
            abs(s.latitude_e7::bigint - here.latitude_e7) + abs(s.longitude_e7::bigint - here.longitude_e7) nulls last,
            s.name, c.label, c.id
        limit $2"#,
        beside.map(ConnectorId::as_uuid),
        at_most
    )
    .fetch_all(e)
    .await?;
    rows.into_iter()
        .map(|r| {
            let neighbour = Neighbour {
                code: ConnectorCode::parse(&r.code).map_err(|_| corrupt("code"))?,
                station_name: r.name,
                connector_label: r.label,
                plug: PlugType::parse(&r.plug).ok_or_else(|| corrupt("plug"))?,
                max_power: Watt::new(r.max_power_w),
                status: ConnectorStatus::parse(&r.status).ok_or_else(|| corrupt("connector status"))?,
            };
            Ok((ConnectorId::from_uuid(r.id), neighbour))
        })
        .collect()
}

pub(super) async fn any_helpline(e: impl PgExecutor<'_>) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select helpline from station order by created_at, id limit 1").fetch_optional(e).await
}

pub(super) async fn insert_partner(
    e: &mut PgConnection,
    id: PartnerId,
    p: &NewPartner,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into partner (id, name, tin, share_bp, created_at) values ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        p.name,
        p.tin,
        i32::try_from(p.share_bp).unwrap_or(i32::MAX),
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn insert_station(
    e: &mut PgConnection,
    id: StationId,
    s: &NewStation,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into station (id, partner_id, name, address, latitude_e7, longitude_e7, helpline, seller_name, seller_tin, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.as_uuid(),
        s.partner.as_uuid(),
        s.name,
        s.address,
        s.latitude_e7,
        s.longitude_e7,
        s.helpline,
        s.seller_name,
        s.seller_tin,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn insert_charge_point(
    e: &mut PgConnection,
    id: ChargePointId,
    station: StationId,
    identity: &OcppIdentity,
    salt: &[u8],
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point (id, station_id, identity, password_salt, password_hash, created_at) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        station.as_uuid(),
        identity.as_str(),
        salt,
        hash,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn set_password(
    e: &mut PgConnection,
    identity: &OcppIdentity,
    salt: &[u8],
    hash: &[u8],
) -> Result<Option<ChargePointId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "update charge_point set password_salt = $2, password_hash = $3 where identity = $1 returning id",
        identity.as_str(),
        salt,
        hash
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(ChargePointId::from_uuid))
}

pub(super) async fn insert_connector(e: &mut PgConnection, id: ConnectorId, n: &NewConnector) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into connector (id, charge_point_id, evse_no, connector_no, label, plug, current_type, max_power_w, tariff_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.as_uuid(),
        n.charge_point.as_uuid(),
        n.evse_no,
        n.connector_no,
        n.label,
        n.plug.as_str(),
        n.plug.current().as_str(),
        n.max_power.get(),
        n.tariff.as_uuid()
    )
    .execute(e)
    .await?;
    Ok(())
}

/// False when the code is taken.
pub(super) async fn insert_code(
    e: &mut PgConnection,
    code: &ConnectorCode,
    connector: ConnectorId,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into connector_code (code, connector_id, created_at) values ($1, $2, $3) on conflict (code) do nothing",
        code.as_str(),
        connector.as_uuid(),
        now
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn retire_code(
    e: &mut PgConnection,
    code: &ConnectorCode,
    successor: Option<&ConnectorCode>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update connector_code set retired_at = coalesce(retired_at, $3), replaced_by = $2 where code = $1",
        code.as_str(),
        successor.map(ConnectorCode::as_str),
        now
    )
    .execute(e)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn assign_tariff(e: &mut PgConnection, connector: ConnectorId, tariff: TariffId) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("update connector set tariff_id = $2 where id = $1", connector.as_uuid(), tariff.as_uuid())
        .execute(e)
        .await?;
    Ok(done.rows_affected() == 1)
}

// For the seed: what is there already.

pub(super) async fn partner_by_tin(e: &mut PgConnection, tin: &str) -> Result<Option<PartnerId>, sqlx::Error> {
    let id =
        sqlx::query_scalar!("select id from partner where tin = $1 order by created_at limit 1", tin).fetch_optional(e).await?;
    Ok(id.map(PartnerId::from_uuid))
}

pub(super) async fn station_by_name(
    e: &mut PgConnection,
    partner: PartnerId,
    name: &str,
) -> Result<Option<StationId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        "select id from station where partner_id = $1 and name = $2 order by created_at limit 1",
        partner.as_uuid(),
        name
    )
    .fetch_optional(e)
    .await?;
    Ok(id.map(StationId::from_uuid))
}
