-- The driver's balance: top-ups, refunds of what was not used, and the comparison with the provider.

alter table payment_order
    -- Whose balance a top-up goes to.
    add column person_id uuid constraint payment_order_person_fkey references person (id),
    -- Of the form: a double submit finds the first order. Random, from the page.
    add column form_key text constraint payment_order_form_key unique,
    add constraint payment_order_top_up_whole check (
        (purpose = 'top_up') = (person_id is not null) and (purpose = 'top_up') = (form_key is not null)
    );
create index payment_order_person on payment_order (person_id, id) where person_id is not null;
create index payment_order_created_at on payment_order (created_at);
create index payment_order_paid_at on payment_order (paid_at) where paid_at is not null;

-- A driver who wants money of the balance back. It becomes refunds of the orders that it was paid by.
create table refund_request (
    id uuid primary key,
    person_id uuid not null constraint refund_request_person_fkey references person (id),
    form_key text not null constraint refund_request_form_key unique,
    amount_tyiyn bigint not null constraint refund_request_amount_positive check (amount_tyiyn > 0),
    state text not null constraint refund_request_state_known check (state in ('awaiting_approval', 'ordered', 'rejected')),
    -- The money is set aside while somebody has to approve.
    hold_id uuid constraint refund_request_hold_key unique,
    created_at timestamptz not null,
    decided_at timestamptz,
    decided_by uuid constraint refund_request_decided_by_fkey references person (id),
    reason text constraint refund_request_reason_length check (length(reason) between 1 and 500),
    constraint refund_request_four_eyes check (decided_by <> person_id),
    constraint refund_request_decision_whole check (
        (decided_at is null) = (decided_by is null) and (decided_at is null) = (reason is null)
        -- Only what waited for a decision has one.
        and (decided_at is null) = (state = 'awaiting_approval' or hold_id is null)
        and (state = 'ordered' or hold_id is not null)
    )
);
create index refund_request_person on refund_request (person_id, created_at);
create index refund_request_awaiting on refund_request (created_at) where state = 'awaiting_approval';

alter table refund add column request_id uuid constraint refund_request_id_fkey references refund_request (id);
create index refund_request_id on refund (request_id) where request_id is not null;
create index refund_created_at on refund (created_at);

-- One comparison of our books with the provider's, some orders at a time.
create table reconciliation_run (
    id bigint generated always as identity primary key,
    -- Orders that were made, paid or sent back since then.
    since timestamptz not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    -- The last order that was looked at; it goes on after it, also after a restart.
    last_order_id uuid,
    orders_seen integer not null default 0,
    -- Open ones at the end.
    differences integer,
    constraint reconciliation_run_end_whole check ((finished_at is null) = (differences is null))
);
create unique index reconciliation_run_open on reconciliation_run ((true)) where finished_at is null;

-- What does not agree. Gone at a later look, it is resolved; found again after that, it is another row.
create table reconciliation_difference (
    id bigint generated always as identity primary key,
    kind text not null constraint reconciliation_difference_kind_length check (length(kind) between 1 and 64),
    -- The order that was looked at; null for a session's receipt.
    order_id uuid constraint reconciliation_difference_order_fkey references payment_order (id),
    -- The id of the order, refund or session.
    subject text not null,
    expected text not null,
    found text not null,
    -- What to do about it.
    advice text not null,
    first_run_id bigint not null constraint reconciliation_difference_first_run_fkey references reconciliation_run (id),
    last_run_id bigint not null constraint reconciliation_difference_last_run_fkey references reconciliation_run (id),
    found_at timestamptz not null,
    resolved_at timestamptz
);
create unique index reconciliation_difference_open on reconciliation_difference (kind, subject) where resolved_at is null;
create index reconciliation_difference_order on reconciliation_difference (order_id) where resolved_at is null;
