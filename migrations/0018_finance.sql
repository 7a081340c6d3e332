-- Finance: refunds of an order by staff, and what a comparison has found.

-- A refund is asked for by a driver, of the balance, or by finance, of one order.
alter table refund_request
    alter column person_id drop not null,
    add column order_id uuid constraint refund_request_order_fkey references payment_order (id),
    add column asked_by uuid constraint refund_request_asked_by_fkey references person (id),
    -- Why finance sends it back.
    add column asked_reason text constraint refund_request_asked_reason_length check (length(asked_reason) between 1 and 500);
update refund_request set asked_by = person_id;
alter table refund_request
    alter column asked_by set not null,
    add constraint refund_request_of_one check ((person_id is null) <> (order_id is null)),
    add constraint refund_request_asked_whole check ((order_id is null) = (asked_reason is null) and (order_id is not null or asked_by = person_id)),
    add constraint refund_request_other_eyes check (decided_by <> asked_by);
create index refund_request_order on refund_request (order_id) where order_id is not null;
create index refund_request_asked_by on refund_request (asked_by, created_at) where order_id is not null;

-- What to do about a difference follows from its kind.
alter table reconciliation_difference drop column advice;

-- Journal entries of an order, and accounts by name.
create index journal_entry_order on journal_entry ((source ->> 'order'));
create index account_code_pattern on account (code text_pattern_ops);
