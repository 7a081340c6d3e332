-- What charge points tell of themselves: their device model, and what happened to them.

-- A variable of a component, as in OCPP 2.0.1's device model. Absent instances are empty and absent EVSEs and connectors 0, so that the
-- key is whole.
create table device_variable (
    id bigint generated always as identity primary key,
    charge_point_id uuid not null references charge_point (id),
    component text not null,
    component_instance text not null default '',
    evse_no integer not null default 0,
    connector_no integer not null default 0,
    variable text not null,
    variable_instance text not null default '',
    -- Its characteristics; null when they were not told.
    data_type text,
    unit text,
    min_limit text,
    max_limit text,
    values_list text,
    supports_monitoring boolean,
    updated_at timestamptz not null,
    constraint device_variable_key
        unique (charge_point_id, component, component_instance, evse_no, connector_no, variable, variable_instance)
);

create table device_attribute (
    variable_id bigint not null references device_variable (id) on delete cascade,
    -- Actual, Target, MinSet or MaxSet.
    type text not null,
    -- Null for what can only be written, such as passwords.
    value text,
    mutability text not null,
    persistent boolean not null,
    constant boolean not null,
    updated_at timestamptz not null,
    primary key (variable_id, type)
);

-- Reports that were asked for; the id is the request's number on the wire.
create table device_report (
    id integer generated always as identity primary key,
    charge_point_id uuid not null references charge_point (id),
    -- Of the boot that was the reason: another firmware may have another device model.
    firmware_version text,
    asked_at timestamptz not null,
    -- When the last part came.
    completed_at timestamptz,
    -- The numbers of the parts that came.
    parts int4multirange
);
create index device_report_charge_point on device_report (charge_point_id, id);

-- What a charge point tells that nothing else is made of: security events, progress of firmware and logs, monitored variables, and
-- the like. Written once, read by staff.
create table charge_point_event (
    id bigint generated always as identity primary key,
    charge_point_id uuid not null references charge_point (id),
    -- The message, in snake case: 'security_event'.
    kind text not null,
    -- What it is told from others of its kind by; the same told again is the same event.
    dedupe_key text not null,
    claimed_at timestamptz,
    received_at timestamptz not null,
    payload jsonb not null,
    constraint charge_point_event_dedupe_key unique (charge_point_id, kind, dedupe_key)
);
create index charge_point_event_newest on charge_point_event (charge_point_id, id);
