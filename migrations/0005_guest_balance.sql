-- Orders at the payment provider, their webhooks and refunds; the guest's way; receipts; text messages.

-- A payment at the provider. One of them in a person's way, however often the form is sent.
create table payment_order (
    id uuid primary key,
    -- The id that the provider knows: made first, unique for ever.
    external_id text not null constraint payment_order_external_id_key unique,
    purpose text not null constraint payment_order_purpose_known check (purpose in ('guest_charge', 'top_up')),
    amount_tyiyn bigint not null constraint payment_order_amount_positive check (amount_tyiyn > 0),
    -- new: the link is being asked for; unknown: the answer was ambiguous.
    state text not null constraint payment_order_state_known check (state in ('new', 'link', 'paid', 'failed', 'expired')),
    link_guid text,
    payment_url text,
    -- The provider's guid of the payment; refunds name it.
    provider_guid text constraint payment_order_provider_guid_key unique,
    provider_type text,
    provider_status text,
    -- What was really paid; only this counts.
    paid_tyiyn bigint constraint payment_order_paid_positive check (paid_tyiyn > 0),
    paid_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint payment_order_paid_whole check ((state = 'paid') = (paid_tyiyn is not null and provider_guid is not null))
);

-- Webhooks as they came: committed before the 2xx, acted on by a job that asks the provider again.
create table webhook_inbox (
    id bigint generated always as identity primary key,
    provider text not null,
    -- type + guid + status, or the body's hash.
    event_key text not null,
    body text not null,
    remote_address text not null,
    received_at timestamptz not null,
    processed_at timestamptz,
    outcome text,
    constraint webhook_inbox_event_key unique (provider, event_key)
);

create table refund (
    id uuid primary key,
    order_id uuid not null references payment_order (id),
    -- Ours, made before the call: the provider's idempotency key.
    external_refund_id text not null constraint refund_external_id_key unique,
    -- One refund a reason: 'settled:{session}', 'failed:{session}', 'late:{order}'.
    business_key text not null constraint refund_business_key unique,
    amount_tyiyn bigint not null constraint refund_amount_positive check (amount_tyiyn > 0),
    -- unknown: the call's outcome is not known, so it is asked for; stuck: by hand at the provider, staff is told.
    state text not null constraint refund_state_known check (state in ('queued', 'sent', 'unknown', 'stuck', 'completed', 'failed')),
    provider_guid text,
    provider_status text,
    error_code text,
    attempts integer not null default 0,
    created_at timestamptz not null,
    completed_at timestamptz
);
create index refund_order on refund (order_id);

-- The guest's way under /g/{token}.
create table guest_charge (
    id uuid primary key,
    -- The unguessable token of the URL: 128 random bits or more.
    token text not null constraint guest_charge_token_key unique,
    -- Of the form: a double submit finds the first one. Random, from the page.
    idempotency_key text not null constraint guest_charge_idempotency_key unique,
    connector_id uuid not null references connector (id),
    phone text not null,
    locale text not null constraint guest_charge_locale_known check (locale in ('ru', 'ky', 'en')),
    order_id uuid not null references payment_order (id),
    session_id uuid references charging_session (id),
    -- domain::guest::GuestPhase
    phase text not null,
    -- domain::guest::StartFailure
    failure text,
    refund_id uuid references refund (id),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index guest_charge_order on guest_charge (order_id);
create index guest_charge_phone on guest_charge (phone);

-- The frozen document of a session. Never changes.
create table receipt (
    id uuid primary key,
    number text not null constraint receipt_number_key unique,
    session_id uuid not null constraint receipt_session_key unique references charging_session (id),
    -- domain::receipts::ReceiptDocument
    document jsonb not null,
    document_sha256 bytea not null,
    issued_at timestamptz not null
);
create function receipt_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'receipts never change' using errcode = 'restrict_violation', constraint = 'receipt_immutable';
end $$;
create trigger receipt_immutable before update or delete on receipt for each row execute function receipt_is_immutable();
create trigger receipt_no_truncate before truncate on receipt for each statement execute function receipt_is_immutable();

-- Running numbers without gaps: one row a series and year, locked in the settlement's transaction.
create table receipt_series (
    series text not null,
    year integer not null,
    last_number bigint not null,
    primary key (series, year)
);

-- Text messages: the outbox.
create table sms_message (
    -- The gateway's idempotency key: 12 letters and digits at most.
    id text primary key constraint sms_message_id_format check (id ~ '^[A-Z0-9]{1,12}$'),
    -- One message an occasion: 'receipt:{guest_charge}'.
    business_key text not null constraint sms_message_business_key unique,
    phone text not null,
    text text not null,
    state text not null constraint sms_message_state_known check (state in ('queued', 'sent', 'delivered', 'failed')),
    attempts integer not null default 0,
    last_error text,
    created_at timestamptz not null,
    sent_at timestamptz
);

-- What staff must look at: a stuck refund, a write-off, an empty SMS account. One row a cause.
create table alert (
    id bigint generated always as identity primary key,
    kind text not null,
    dedupe_key text not null,
    detail jsonb not null,
    raised_at timestamptz not null,
    resolved_at timestamptz,
    constraint alert_dedupe_key unique (kind, dedupe_key)
);
