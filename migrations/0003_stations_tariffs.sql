-- Places, charge points, connectors, their QR codes; tariffs and taxes.

create table partner (
    id uuid primary key,
    name text not null,
    tin text not null constraint partner_tin_format check (tin ~ '^[0-9]{14}$'),
    -- What the partner gets of the energy revenue net of tax, in basis points (7000 is 70 %).
    share_bp integer not null constraint partner_share_range check (share_bp between 0 and 10000),
    created_at timestamptz not null
);

create table station (
    id uuid primary key,
    partner_id uuid not null references partner (id),
    name text not null,
    address text not null,
    latitude_e7 integer not null,
    longitude_e7 integer not null,
    time_zone text not null default 'Asia/Bishkek',
    -- Shown at the point, E.164.
    helpline text not null,
    -- Who sells: on the first screen and the receipt.
    seller_name text not null,
    seller_tin text not null constraint station_seller_tin_format check (seller_tin ~ '^[0-9]{14}$'),
    created_at timestamptz not null
);

create table charge_point (
    id uuid primary key,
    station_id uuid not null references station (id),
    identity text not null constraint charge_point_identity_key unique,
    -- SHA-256 of salt || password. Passwords are generated, 128 bits or more, so a slow hash would only slow reconnect storms.
    password_salt bytea not null,
    password_hash bytea not null,
    vendor text,
    model text,
    serial_number text,
    firmware_version text,
    -- The fencing epoch: grows with each authenticated connection; writes with an old one are refused.
    epoch bigint not null default 0,
    protocol text,
    node text,
    connected_at timestamptz,
    -- Set when the newest connection ended; null while it lives.
    disconnected_at timestamptz,
    last_seen_at timestamptz,
    last_boot_at timestamptz,
    -- Of the charge point as a whole (OCPP 1.6 connector 0); null before the first report.
    status text,
    error_code text,
    status_at timestamptz,
    -- The last interval told to it by ChangeConfiguration, seconds.
    meter_interval_s integer not null default 10 constraint charge_point_meter_interval_range check (meter_interval_s between 1 and 3600),
    created_at timestamptz not null
);
create index charge_point_station on charge_point (station_id);
create index charge_point_node on charge_point (node) where disconnected_at is null;

create table tariff (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null
);

create table tariff_version (
    id uuid primary key,
    tariff_id uuid not null references tariff (id),
    number integer not null,
    -- domain::tariffs::TariffDocument
    document jsonb not null,
    valid_from timestamptz not null,
    created_at timestamptz not null,
    constraint tariff_version_number_key unique (tariff_id, number),
    constraint tariff_version_valid_from_key unique (tariff_id, valid_from)
);

create table connector (
    id uuid primary key,
    charge_point_id uuid not null references charge_point (id),
    evse_no integer not null constraint connector_evse_positive check (evse_no > 0),
    connector_no integer not null default 1 constraint connector_no_positive check (connector_no > 0),
    -- As on the case: A, B.
    label text not null,
    plug text not null constraint connector_plug_known check (plug in ('type2', 'ccs2', 'chademo', 'gbt_ac', 'gbt_dc')),
    current_type text not null constraint connector_current_known check (current_type in ('ac', 'dc')),
    max_power_w bigint not null constraint connector_power_range check (max_power_w between 1000 and 2000000),
    tariff_id uuid not null references tariff (id),
    -- domain::stations::ConnectorStatus as last reported (never 'offline', which follows from the link).
    status text not null default 'unknown',
    error_code text,
    status_at timestamptz,
    constraint connector_number_key unique (charge_point_id, evse_no, connector_no)
);

-- The QR codes. A retired one still explains itself and may lead to its successor.
create table connector_code (
    code text primary key constraint connector_code_format check (code ~ '^[A-HJKMNP-Z2-9]{4,12}$'),
    connector_id uuid not null references connector (id),
    retired_at timestamptz,
    replaced_by text references connector_code (code),
    created_at timestamptz not null
);
create index connector_code_connector on connector_code (connector_id);

-- Taxes inside the price, with validity dates: rates are data, not constants.
create table tax_rate (
    code text not null,
    rate_bp integer not null constraint tax_rate_range check (rate_bp between 0 and 10000),
    valid_from timestamptz not null,
    valid_to timestamptz,
    constraint tax_rate_period check (valid_to is null or valid_to > valid_from),
    primary key (code, valid_from)
);
insert into tax_rate (code, rate_bp, valid_from) values
    ('vat', 1200, '2022-01-01T00:00:00+06:00'),
    ('sales_tax', 100, '2022-01-01T00:00:00+06:00');
