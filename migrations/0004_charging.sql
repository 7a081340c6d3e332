-- Sessions, transactions, samples, commands.

create table charging_session (
    id uuid primary key,
    connector_id uuid not null references connector (id),
    -- The ledger account that pays, and the business object behind it: 'guest_charge' and its id.
    payer_account text not null,
    payer_kind text not null constraint charging_session_payer_kind_known check (payer_kind in ('guest', 'driver', 'company', 'sandbox')),
    payer_id uuid not null,
    -- The payer's language, for the receipt.
    locale text not null constraint charging_session_locale_known check (locale in ('ru', 'ky', 'en')),
    -- The payment as the payer finds it in the bank's app, for the receipt; null when paid from a balance.
    payment_reference text,
    tariff_version_id uuid not null references tariff_version (id),
    -- domain::tariffs::FrozenTariff: never changes under the session.
    tariff jsonb not null,
    -- domain::charging::hold::Limit
    limit_value jsonb,
    hold_id uuid not null constraint charging_session_hold_key unique,
    hold_tyiyn bigint not null constraint charging_session_hold_positive check (hold_tyiyn > 0),
    -- The most that the payer agreed to.
    agreed_tyiyn bigint not null,
    -- The idTag or idToken that binds a transaction to this session; unguessable, in capitals.
    id_tag text not null constraint charging_session_id_tag_key unique,
    state text not null constraint charging_session_state_known check (state in ('starting', 'charging', 'stopping', 'settled', 'failed')),
    transaction_id integer,
    start_attempts smallint not null,
    stop_attempts integer not null default 0,
    start_deadline timestamptz not null,
    -- When the charge point said yes; it waits for the cable.
    start_accepted_at timestamptz,
    stop_reason text,
    failure text,
    requested_at timestamptz not null,
    started_at timestamptz,
    -- Since when a stop is asked for.
    stopping_at timestamptz,
    ended_at timestamptz,
    -- Running values as of the last evaluated sample, for the pages; the price engine makes them.
    energy_wh bigint not null default 0,
    cost_tyiyn bigint not null default 0,
    power_w bigint not null default 0,
    state_of_charge_percent smallint,
    last_sample_at timestamptz,
    idle_since timestamptz,
    -- Since when the charger, not the car, pauses; and when it went on: its pauses are no idling.
    charger_paused_at timestamptz,
    charger_resumed_at timestamptz,
    -- Samples counted into the running values: what a process remembers of a session is used only while this agrees.
    sample_count integer not null default 0,
    -- When the clock must judge the session next: silence stops it too.
    judge_at timestamptz,
    -- The charger behaves as if the transaction had ended (Available, Boot): when to believe it.
    lost_after timestamptz,
    -- Set at settlement.
    billed_tyiyn bigint,
    written_off_tyiyn bigint,
    bill jsonb,
    settled_at timestamptz,
    constraint charging_session_settled_whole check ((state = 'settled') = (billed_tyiyn is not null and settled_at is not null and bill is not null)),
    constraint charging_session_bill_within_agreed check (billed_tyiyn is null or (billed_tyiyn >= 0 and billed_tyiyn <= agreed_tyiyn)),
    constraint charging_session_running_not_negative check (energy_wh >= 0 and cost_tyiyn >= 0)
);
-- One live session a connector: the second payer is told, not merged.
create unique index charging_session_connector_live on charging_session (connector_id) where state in ('starting', 'charging', 'stopping');
create index charging_session_payer on charging_session (payer_kind, payer_id);
create index charging_session_live on charging_session (judge_at) where state in ('starting', 'charging', 'stopping');

-- What the charger reports. The id is what OCPP 1.6 gets as transactionId: small, unique over all charge points.
create table charging_transaction (
    id integer generated always as identity primary key,
    charge_point_id uuid not null references charge_point (id),
    evse_no integer not null,
    connector_no integer not null,
    session_id uuid references charging_session (id),
    -- In capitals.
    id_tag text not null,
    meter_start_wh bigint not null,
    started_at timestamptz not null,
    claimed_start_at timestamptz not null,
    received_start_at timestamptz not null,
    -- The Start as it came, for the natural key of a retry.
    start_message_id text not null,
    -- What the charger was told about the tag.
    accepted boolean not null,
    -- How often a transaction without a payer was told to stop.
    unpaid_stops smallint not null default 0,
    meter_stop_wh bigint,
    -- By the register model, at the end.
    energy_wh bigint,
    stopped_at timestamptz,
    claimed_stop_at timestamptz,
    received_stop_at timestamptz,
    stop_reason text,
    -- The Stop as it came first; later ones are evidence.
    stop_message_id text,
    -- Closed without a Stop: at the last reading.
    lost boolean not null default false,
    -- A Start retried with a new message id is the same transaction.
    constraint charging_transaction_natural_key unique (charge_point_id, evse_no, connector_no, id_tag, claimed_start_at, meter_start_wh)
);
alter table charging_session add constraint charging_session_transaction_fkey foreign key (transaction_id) references charging_transaction (id);
create unique index charging_transaction_session on charging_transaction (session_id) where session_id is not null;
create index charging_transaction_open on charging_transaction (charge_point_id, evse_no, connector_no) where stopped_at is null;

-- Partitioned by transaction, whose ids grow with time: a session's samples are read from one partition, and an old
-- partition goes as a whole. charging::maintain makes the next ones.
create table meter_sample (
    transaction_id integer not null references charging_transaction (id),
    -- In the order in which they were taken into account, from 1: the running values are rebuilt by it.
    ordinal integer not null,
    claimed_at timestamptz not null,
    register_wh bigint not null,
    -- The time that is billed by: claimed_at within bounds.
    sampled_at timestamptz not null,
    received_at timestamptz not null,
    -- Energy since the session's start by the register model.
    energy_wh bigint not null constraint meter_sample_energy_not_negative check (energy_wh >= 0),
    power_w bigint,
    state_of_charge_percent smallint,
    -- domain::charging::meter::ReadingNote
    note text not null,
    -- A replayed sample is the same sample.
    primary key (transaction_id, claimed_at, register_wh)
) partition by range (transaction_id);
create table meter_sample_default partition of meter_sample default;
create table meter_sample_0 partition of meter_sample for values from (0) to (100000);

-- Makes the partition that begins at the id, which is a multiple of 100000. False when it was there.
create function meter_sample_ensure_partition(first_id integer) returns boolean language plpgsql as $$
declare
    partition_name text := 'meter_sample_' || (first_id / 100000);
begin
    perform pg_advisory_xact_lock(hashtext('meter_sample_partitions'));
    if to_regclass(partition_name) is not null then
        return false;
    end if;
    execute format('create table %I partition of meter_sample for values from (%s) to (%s)', partition_name, first_id, first_id + 100000);
    return true;
end $$;

-- A Stop that no transaction was found for, a Start for a failed session, and the like: kept, alarmed, looked at by staff.
create table quarantine (
    id bigint generated always as identity primary key,
    charge_point_id uuid not null references charge_point (id),
    kind text not null,
    dedupe_key text not null,
    payload jsonb not null,
    received_at timestamptz not null,
    constraint quarantine_dedupe_key unique (charge_point_id, kind, dedupe_key)
);

-- Messages to charge points: the outbox. domain::ids::CommandId is also the OCPP message id.
create table command (
    id uuid primary key,
    charge_point_id uuid not null references charge_point (id),
    -- One command a business step: 'start:{session}:1', 'stop:{session}:3'.
    business_key text not null constraint command_business_key unique,
    session_id uuid references charging_session (id),
    -- Neutral: platform::charging::CommandBody; csms turns it into the charge point's own protocol.
    body jsonb not null,
    state text not null constraint command_state_known check (state in ('queued', 'sent', 'accepted', 'rejected', 'failed', 'expired')),
    queued_at timestamptz not null,
    -- Not to be sent before: a stop that was refused is asked again after a pause.
    not_before_at timestamptz not null,
    deadline_at timestamptz not null,
    -- The connection that sent it.
    sent_epoch bigint,
    sent_at timestamptz,
    answered_at timestamptz,
    -- The charge point's answer as it came, or the error.
    answer jsonb
);
create index command_open on command (charge_point_id, not_before_at) where state in ('queued', 'sent');
create index command_session on command (session_id, queued_at) where session_id is not null;
create index command_deadline on command (deadline_at) where state in ('queued', 'sent');

-- Every frame, both ways; partitioned by day from the beginning, old days are dropped.
create table ocpp_log (
    at timestamptz not null,
    id bigint generated always as identity,
    charge_point_id uuid not null,
    epoch bigint not null,
    -- 'in' from the charge point, 'out' to it.
    direction text not null,
    -- OCPP-J message type: 2 CALL, 3 CALLRESULT, 4 CALLERROR; 0 when the frame could not be read.
    message_type smallint not null,
    message_id text,
    action text,
    -- As it came; U+0000 replaced.
    frame text not null,
    -- What the charger got wrong, noted by the decoder.
    violations jsonb,
    primary key (at, id)
) partition by range (at);
create table ocpp_log_default partition of ocpp_log default;
create index ocpp_log_charge_point on ocpp_log (charge_point_id, at, id);

-- Makes the partition of a day (UTC); frames of that day that went to the default partition move. False when it was there.
create function ocpp_log_ensure_partition(day date) returns boolean language plpgsql as $$
declare
    partition_name text := 'ocpp_log_' || to_char(day, 'YYYYMMDD');
    from_at timestamptz := day::timestamp at time zone 'UTC';
    to_at timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
    perform pg_advisory_xact_lock(hashtext('ocpp_log_partitions'));
    if to_regclass(partition_name) is not null then
        return false;
    end if;
    execute format('create table %I (like ocpp_log including defaults including constraints)', partition_name);
    execute format(
        'with moved as (delete from ocpp_log_default where at >= %L and at < %L returning *) insert into %I select * from moved',
        from_at, to_at, partition_name
    );
    execute format('alter table ocpp_log attach partition %I for values from (%L) to (%L)', partition_name, from_at, to_at);
    return true;
end $$;

-- Drops the partitions of days before this one; how many.
create function ocpp_log_drop_before(day date) returns integer language plpgsql as $$
declare
    partition_name text;
    dropped integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('ocpp_log_partitions'));
    for partition_name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'ocpp_log'::regclass and c.relname ~ '^ocpp_log_[0-9]{8}$' and c.relname < 'ocpp_log_' || to_char(day, 'YYYYMMDD')
    loop
        execute format('drop table %I', partition_name);
        dropped := dropped + 1;
    end loop;
    delete from ocpp_log_default where at < day::timestamp at time zone 'UTC';
    return dropped;
end $$;
