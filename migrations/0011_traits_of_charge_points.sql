-- What a charge point can do, what it gets wrong, and what a session makes of both.

create table charge_point_traits (
    charge_point_id uuid primary key references charge_point (id),
    -- Learned from its device model: it takes caps on power over time, in watts or in amperes. Null: it does not.
    smart_charging text constraint charge_point_traits_smart_charging_known check (smart_charging in ('watts', 'amperes')),
    -- Learned too: it has a display for what the transaction costs so far.
    shows_cost boolean not null default false,
    -- platform::quirks::Quirk, given to this very charge point.
    quirks text[] not null default '{}' constraint charge_point_traits_quirks_known
        check (quirks <@ array['local_time', 'no_charging_profile', 'no_meter_configuration', 'no_subprotocol', 'no_trigger_message'])
);

-- The same for all of a vendor, of a model, of a firmware (its beginning). An absent part fits all.
create table quirk_profile (
    id bigint generated always as identity primary key,
    vendor text not null,
    model text,
    firmware_prefix text,
    quirks text[] not null constraint quirk_profile_quirks_known
        check (quirks <@ array['local_time', 'no_charging_profile', 'no_meter_configuration', 'no_subprotocol', 'no_trigger_message']),
    created_at timestamptz not null,
    constraint quirk_profile_key unique nulls not distinct (vendor, model, firmware_prefix)
);

-- All that is believed of a charge point.
create function charge_point_quirks(of_charge_point uuid) returns text[] language sql stable as $$
    select coalesce(array_agg(distinct q order by q), '{}') from (
        select unnest(t.quirks) as q from charge_point_traits t where t.charge_point_id = of_charge_point
        union all
        select unnest(p.quirks) from charge_point c
        join quirk_profile p on lower(p.vendor) = lower(c.vendor)
            and (p.model is null or lower(p.model) = lower(c.model))
            and (p.firmware_prefix is null or starts_with(c.firmware_version, p.firmware_prefix))
        where c.id = of_charge_point
    ) all_quirks
$$;

-- What a charge point showed of itself, for staff to decide; the evidence is the newest.
create table quirk_proposal (
    charge_point_id uuid not null references charge_point (id),
    quirk text not null constraint quirk_proposal_quirk_known
        check (quirk in ('local_time', 'no_charging_profile', 'no_meter_configuration', 'no_subprotocol', 'no_trigger_message')),
    -- The frames that show it.
    evidence jsonb not null,
    times integer not null default 1,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    decided_at timestamptz,
    accepted boolean,
    primary key (charge_point_id, quirk),
    constraint quirk_proposal_decided_whole check ((decided_at is null) = (accepted is null))
);

alter table charging_session
    -- Caps sent so far; the newest ends the charge by itself at cap_ends_at, and is to be followed by a later one from cap_renew_at on.
    add column cap_count integer not null default 0,
    add column cap_ends_at timestamptz,
    add column cap_renew_at timestamptz,
    -- When the charger's display is told the cost next; null: it has none.
    add column cost_due_at timestamptz;
