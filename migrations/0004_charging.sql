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
    stop_reason text,
    failure text,
    requested_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    -- Running values as of the last evaluated sample, for the pages; the price engine makes them.
    energy_wh bigint not null default 0,
    cost_tyiyn bigint not null default 0,
    power_w bigint not null default 0,
    state_of_charge_percent smallint,
    last_sample_at timestamptz,
    idle_since timestamptz,
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
create index charging_session_live on charging_session (state) where state in ('starting', 'charging', 'stopping');

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
    -- domain::charging::meter::RegisterModel after the last sample.
    register jsonb not null,
    meter_stop_wh bigint,
    stopped_at timestamptz,
    claimed_stop_at timestamptz,
    received_stop_at timestamptz,
    stop_reason text,
    -- The StopTransaction as it came first, for the natural key of the Stop.
    stop_message_id text,
    -- A Start retried with a new message id is the same transaction.
    constraint charging_transaction_natural_key unique (charge_point_id, evse_no, connector_no, id_tag, claimed_start_at, meter_start_wh)
);
alter table charging_session add constraint charging_session_transaction_fkey foreign key (transaction_id) references charging_transaction (id);
create unique index charging_transaction_session on charging_transaction (session_id) where session_id is not null;
create index charging_transaction_open on charging_transaction (charge_point_id, evse_no, connector_no) where stopped_at is null;

create table meter_sample (
    transaction_id integer not null references charging_transaction (id),
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
);

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
    deadline_at timestamptz not null,
    -- The connection that sent it.
    sent_epoch bigint,
    sent_at timestamptz,
    answered_at timestamptz,
    -- The charge point's answer as it came, or the error.
    answer jsonb
);
create index command_open on command (charge_point_id, queued_at) where state in ('queued', 'sent');
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
create index ocpp_log_charge_point on ocpp_log (charge_point_id, at);
