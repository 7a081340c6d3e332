-- Orders at the payment provider, their webhooks and refunds; the guest's way; receipts; text messages.

-- A payment at the provider. One of them in a person's way, however often the form is sent.
create table payment_order (
    id uuid primary key,
    -- The id that the provider knows: made first, unique for ever, '{id without hyphens}-{link_attempt}'. Only the newest one; the
    -- earlier ones follow from the number. A link whose making was ambiguous is never tried again under its id, because nobody
    -- could learn its address; all ids are asked about all the same.
    external_id text not null constraint payment_order_external_id_key unique,
    link_attempt integer not null default 1 constraint payment_order_link_attempt_range check (link_attempt between 1 and 100),
    purpose text not null constraint payment_order_purpose_known check (purpose in ('guest_charge', 'top_up')),
    amount_tyiyn bigint not null constraint payment_order_amount_positive check (amount_tyiyn > 0),
    -- What the payer reads at the provider, and where the browser goes afterwards: a path of ours.
    comment text not null,
    return_path text not null constraint payment_order_return_path_local check (return_path ~ '^/[^/]'),
    -- new: the link is being asked for. failed and expired can still become paid: a late payment is taken.
    state text not null constraint payment_order_state_known check (state in ('new', 'link', 'paid', 'failed', 'expired')),
    link_guid text,
    payment_url text,
    -- Somebody is asking the provider for the link until then; nobody else may.
    link_asked_until timestamptz,
    -- The provider's guid of the payment; refunds name it.
    provider_guid text constraint payment_order_provider_guid_key unique,
    provider_type text,
    provider_status text,
    -- What was really paid; only this counts.
    paid_tyiyn bigint constraint payment_order_paid_positive check (paid_tyiyn > 0),
    paid_at timestamptz,
    -- When the provider settled it with us, by its own account; null while the money is in namba:clearing.
    cleared_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint payment_order_link_whole check (state <> 'link' or payment_url is not null),
    constraint payment_order_paid_whole check (
        (state = 'paid') = (paid_tyiyn is not null) and (state = 'paid') = (provider_guid is not null) and (state = 'paid') = (paid_at is not null)
    ),
    constraint payment_order_cleared_is_paid check (cleared_at is null or state = 'paid')
);

-- Webhooks as they came: committed before the 2xx, acted on by a job that asks the provider again.
create table webhook_inbox (
    id bigint generated always as identity primary key,
    provider text not null,
    -- Type, guid, status and sums, or the body's hash: providers::namba::webhook.
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
    -- Ours, made before the call: the provider's idempotency key, '{id without hyphens}-{generation}'. A new generation only after the
    -- provider has said of the old one that it failed for good.
    external_refund_id text not null constraint refund_external_id_key unique,
    generation integer not null default 1 constraint refund_generation_range check (generation between 1 and 100),
    -- One refund a reason: 'guest:{guest_charge}'.
    business_key text not null constraint refund_business_key unique,
    amount_tyiyn bigint not null constraint refund_amount_positive check (amount_tyiyn > 0),
    -- sent: the call was made or is being made; unknown: its outcome is not known, so it is asked for; stuck: by hand at the
    -- provider, staff is told; failed: given up, staff is told.
    state text not null constraint refund_state_known check (state in ('queued', 'sent', 'unknown', 'stuck', 'completed', 'failed')),
    provider_guid text,
    provider_status text,
    -- The reason of the last refusal or failure; null when all is well.
    error_code text,
    attempts integer not null default 0,
    created_at timestamptz not null,
    completed_at timestamptz,
    constraint refund_completed_whole check ((state = 'completed') = (completed_at is not null))
);
create index refund_order on refund (order_id);
create index refund_open on refund (created_at) where state <> 'completed';

-- The guest's way under /g/{token}.
create table guest_charge (
    id uuid primary key,
    -- The unguessable token of the URL: 128 random bits or more.
    token text not null constraint guest_charge_token_key unique,
    -- Of the form: a double submit finds the first one. Random, from the page.
    idempotency_key text not null constraint guest_charge_idempotency_key unique,
    connector_id uuid not null references connector (id),
    -- As it was scanned: the charge outlives the sticker.
    code text not null,
    -- E.164
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
create unique index guest_charge_session on guest_charge (session_id) where session_id is not null;
create index guest_charge_phone on guest_charge (phone);
-- Unpaid orders are counted before another one is made.
create index guest_charge_unpaid on guest_charge (connector_id) where phase = 'awaiting_payment';

-- The frozen document of a session. Never changes.
create table receipt (
    id uuid primary key,
    seller_tin text not null,
    number text not null,
    session_id uuid not null constraint receipt_session_key unique references charging_session (id),
    -- domain::receipts::ReceiptDocument
    document jsonb not null,
    -- Of the document as serde writes it: tells of a change behind our back.
    document_sha256 bytea not null constraint receipt_sha256_length check (length(document_sha256) = 32),
    issued_at timestamptz not null,
    constraint receipt_number_key unique (seller_tin, number)
);
create function receipt_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'receipts never change' using errcode = 'restrict_violation', constraint = 'receipt_immutable';
end $$;
create trigger receipt_immutable before update or delete on receipt for each row execute function receipt_is_immutable();
create trigger receipt_no_truncate before truncate on receipt for each statement execute function receipt_is_immutable();

-- Running numbers without gaps: one row a seller and year, locked in the settlement's transaction.
create table receipt_series (
    seller_tin text not null,
    year integer not null,
    last_number bigint not null constraint receipt_series_last_number_positive check (last_number > 0),
    primary key (seller_tin, year)
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
    sent_at timestamptz,
    constraint sms_message_sent_whole check ((state in ('sent', 'delivered')) = (sent_at is not null))
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
