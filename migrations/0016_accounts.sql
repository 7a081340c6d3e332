-- The person's own account: a name, a change of phone, charges that join it, and its end.

alter table person
    add column name text constraint person_name_length check (length(name) between 1 and 60),
    add column deleted_at timestamptz,
    alter column phone drop not null,
    -- Who is deleted has neither phone nor name, and never comes back.
    add constraint person_deleted_whole check ((phone is null) = (deleted_at is not null)),
    add constraint person_deleted_nameless check (deleted_at is null or name is null);

-- Asked for in a browser where the number had signed in before: strangers cannot use its codes up.
alter table sign_in_code add column is_known boolean not null default false;

alter table auth_session drop constraint auth_session_end_reason_known;
alter table auth_session add constraint auth_session_end_reason_known
    check (end_reason in ('signed_out', 'ended_elsewhere', 'token_reused', 'blocked', 'phone_changed', 'deleted'));

-- A charge joins the account of the person who has proved its phone. When the person goes, the phone goes too.
alter table guest_charge
    add column person_id uuid references person (id),
    alter column phone drop not null;
create index guest_charge_person on guest_charge (person_id, created_at desc) where person_id is not null;
