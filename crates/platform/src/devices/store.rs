//! The SQL of the device model and the events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ChargePointId;
use sqlx::{PgConnection, PgExecutor};

use super::{Attribute, Characteristics, Event, KeptEvent, Told, Variable, VariableName};

type Time = DateTime<Utc>;

pub(super) async fn has_inventory(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    firmware_version: Option<&str>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
            select from device_report
            where charge_point_id = $1 and completed_at is not null and firmware_version is not distinct from $2
        ) as "exists!""#,
        charge_point.as_uuid(),
        firmware_version
    )
    .fetch_one(e)
    .await
}

pub(super) async fn insert_report(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    firmware_version: Option<&str>,
    now: Time,
) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into device_report (charge_point_id, firmware_version, asked_at) values ($1, $2, $3) returning id",
        charge_point.as_uuid(),
        firmware_version,
        now
    )
    .fetch_one(e)
    .await
}

/// Notes a part of a report. It is complete when the last part has come; those before it may still be on their way.
pub(super) async fn note_part(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    request: i32,
    seq_no: i32,
    is_last: bool,
    now: Time,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update device_report
        set parts = coalesce(parts, '{}') + int4multirange(int4range($3, $3, '[]')),
            completed_at = coalesce(completed_at, case when $4 then $5::timestamptz end)
        where id = $2 and charge_point_id = $1",
        charge_point.as_uuid(),
        request,
        seq_no,
        is_last,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn variable_count(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from device_variable where charge_point_id = $1"#,
        charge_point.as_uuid()
    )
    .fetch_one(e)
    .await
}

/// Writes the variables, each named once; of new ones at most `room`.
pub(super) async fn save_variables(
    c: &mut PgConnection,
    charge_point: ChargePointId,
    variables: &[Variable],
    room: i64,
    now: Time,
) -> Result<(), sqlx::Error> {
    if variables.is_empty() {
        return Ok(());
    }
    let (mut components, mut instances, mut evses, mut connectors) = (vec![], vec![], vec![], vec![]);
    let (mut names, mut name_instances, mut types, mut units) = (vec![], vec![], vec![], vec![]);
    let (mut lows, mut highs, mut lists, mut monitored) = (vec![], vec![], vec![], vec![]);
    for variable in variables {
        let (name, told) = (&variable.name, variable.characteristics.as_ref());
        components.push(name.component.clone());
        instances.push(name.component_instance.clone());
        evses.push(name.evse_no);
        connectors.push(name.connector_no);
        names.push(name.variable.clone());
        name_instances.push(name.variable_instance.clone());
        types.push(told.map(|c| c.data_type.clone()));
        units.push(told.and_then(|c| c.unit.clone()));
        lows.push(told.and_then(|c| c.min_limit.clone()));
        highs.push(told.and_then(|c| c.max_limit.clone()));
        lists.push(told.and_then(|c| c.values_list.clone()));
        monitored.push(told.map(|c| c.supports_monitoring));
    }
    let saved = sqlx::query!(
        "with told as (
            select * from unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::text[], $13::boolean[])
            as t (component, component_instance, evse_no, connector_no, variable, variable_instance, data_type, unit, min_limit,
                max_limit, values_list, supports_monitoring)
        ), known as (
            select t.component from told t join device_variable v using (component, component_instance, evse_no, connector_no, variable,
                variable_instance)
            where v.charge_point_id = $1
        )
        insert into device_variable (charge_point_id, component, component_instance, evse_no, connector_no, variable, variable_instance,
            data_type, unit, min_limit, max_limit, values_list, supports_monitoring, updated_at)
        select $1::uuid, t.*, $14::timestamptz from told t
        -- A part of a report fits or is left out as a whole.
        where (select count(*) from told) - (select count(*) from known) <= $15::bigint
        on conflict on constraint device_variable_key do update
        set data_type = coalesce(excluded.data_type, device_variable.data_type), unit = coalesce(excluded.unit, device_variable.unit),
            min_limit = coalesce(excluded.min_limit, device_variable.min_limit),
            max_limit = coalesce(excluded.max_limit, device_variable.max_limit),
            values_list = coalesce(excluded.values_list, device_variable.values_list),
            supports_monitoring = coalesce(excluded.supports_monitoring, device_variable.supports_monitoring),
            updated_at = excluded.updated_at
        returning id, component, component_instance, evse_no, connector_no, variable, variable_instance",
        charge_point.as_uuid(),
        &components,
        &instances,
        &evses,
        &connectors,
        &names,
        &name_instances,
        &types as _,
        &units as _,
        &lows as _,
        &highs as _,
        &lists as _,
        &monitored as _,
        now,
        room
    )
    .fetch_all(&mut *c)
    .await?;
    let ids: BTreeMap<VariableName, i64> = saved
        .into_iter()
        .map(|r| {
            let name = VariableName {
                component: r.component,
                component_instance: r.component_instance,
                evse_no: r.evse_no,
                connector_no: r.connector_no,
                variable: r.variable,
                variable_instance: r.variable_instance,
            };
            (name, r.id)
        })
        .collect();
    let attributes: Vec<(i64, &Attribute)> = variables
        .iter()
        .filter_map(|variable| Some((*ids.get(&variable.name)?, variable)))
        .flat_map(|(id, variable)| variable.attributes.iter().map(move |attribute| (id, attribute)))
        .collect();
    save_attributes(c, &attributes, now).await
}

async fn save_attributes(e: impl PgExecutor<'_>, attributes: &[(i64, &Attribute)], now: Time) -> Result<(), sqlx::Error> {
    let ids: Vec<i64> = attributes.iter().map(|(id, _)| *id).collect();
    let kinds: Vec<String> = attributes.iter().map(|(_, a)| a.kind.clone()).collect();
    let values: Vec<Option<String>> = attributes.iter().map(|(_, a)| a.value.clone()).collect();
    let mutabilities: Vec<String> = attributes.iter().map(|(_, a)| a.mutability.clone()).collect();
    let persistent: Vec<bool> = attributes.iter().map(|(_, a)| a.persistent).collect();
    let constant: Vec<bool> = attributes.iter().map(|(_, a)| a.constant).collect();
    sqlx::query!(
        "insert into device_attribute (variable_id, type, value, mutability, persistent, constant, updated_at)
        select a.*, $7::timestamptz from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[]) a
        on conflict (variable_id, type) do update
        set value = excluded.value, mutability = excluded.mutability, persistent = excluded.persistent, constant = excluded.constant,
            updated_at = excluded.updated_at",
        &ids,
        &kinds,
        &values as _,
        &mutabilities,
        &persistent,
        &constant,
        now
    )
    .execute(e)
    .await?;
    Ok(())
}

/// The actual values of these variables, as (component, variable).
pub(super) async fn values(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    names: &[(&str, &str)],
) -> Result<Vec<Told>, sqlx::Error> {
    let components: Vec<String> = names.iter().map(|(component, _)| (*component).to_owned()).collect();
    let variables: Vec<String> = names.iter().map(|(_, variable)| (*variable).to_owned()).collect();
    sqlx::query_as!(
        Told,
        r#"select v.component, v.variable, v.variable_instance, a.value as "value!"
        from device_variable v join device_attribute a on a.variable_id = v.id and a.type = 'Actual'
        join unnest($2::text[], $3::text[]) as wanted (component, variable) using (component, variable)
        where v.charge_point_id = $1 and a.value is not null"#,
        charge_point.as_uuid(),
        &components,
        &variables
    )
    .fetch_all(e)
    .await
}

pub(super) async fn variables(e: impl PgExecutor<'_>, charge_point: ChargePointId) -> Result<Vec<Variable>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select v.component, v.component_instance, v.evse_no, v.connector_no, v.variable, v.variable_instance, v.data_type, v.unit,
            v.min_limit, v.max_limit, v.values_list, v.supports_monitoring, a.type as "kind?", a.value, a.mutability as "mutability?",
            a.persistent as "persistent?", a.constant as "constant?"
        from device_variable v left join device_attribute a on a.variable_id = v.id
        where v.charge_point_id = $1
        order by v.component, v.component_instance, v.evse_no, v.connector_no, v.variable, v.variable_instance, a.type"#,
        charge_point.as_uuid()
    )
    .fetch_all(e)
    .await?;
    let mut variables: Vec<Variable> = vec![];
    for r in rows {
        let name = VariableName {
            component: r.component,
            component_instance: r.component_instance,
            evse_no: r.evse_no,
            connector_no: r.connector_no,
            variable: r.variable,
            variable_instance: r.variable_instance,
        };
        if variables.last().is_none_or(|last| last.name != name) {
            let characteristics = r.data_type.map(|data_type| Characteristics {
                data_type,
                unit: r.unit,
                min_limit: r.min_limit,
                max_limit: r.max_limit,
                values_list: r.values_list,
                supports_monitoring: r.supports_monitoring.unwrap_or_default(),
            });
            variables.push(Variable { name, characteristics, attributes: vec![] });
        }
        if let (Some(last), Some(kind)) = (variables.last_mut(), r.kind) {
            last.attributes.push(Attribute {
                kind,
                value: r.value,
                mutability: r.mutability.unwrap_or_default(),
                persistent: r.persistent.unwrap_or_default(),
                constant: r.constant.unwrap_or_default(),
            });
        }
    }
    Ok(variables)
}

pub(super) async fn insert_event(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    event: &Event,
    dedupe_key: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into charge_point_event (charge_point_id, kind, dedupe_key, claimed_at, received_at, payload)
        values ($1, $2, $3, $4, $5, $6)
        on conflict on constraint charge_point_event_dedupe_key do nothing",
        charge_point.as_uuid(),
        event.kind,
        dedupe_key,
        event.claimed_at,
        event.received_at,
        event.payload
    )
    .execute(e)
    .await?;
    Ok(())
}

pub(super) async fn delete_events(e: impl PgExecutor<'_>, before: Time, at_most: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "delete from charge_point_event
        where id in (select id from charge_point_event where received_at < $1 order by received_at limit $2)",
        before,
        at_most
    );
    Ok(done.execute(e).await?.rows_affected())
}

pub(super) async fn events(
    e: impl PgExecutor<'_>,
    charge_point: ChargePointId,
    at_most: i64,
) -> Result<Vec<KeptEvent>, sqlx::Error> {
    sqlx::query_as!(
        KeptEvent,
        "select kind, claimed_at, received_at, payload from charge_point_event where charge_point_id = $1 order by id desc limit $2",
        charge_point.as_uuid(),
        at_most
    )
    .fetch_all(e)
    .await
}
