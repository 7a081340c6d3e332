-- Work to be done later, and who did what.

create table job (
    id bigint generated always as identity primary key,
    kind text not null constraint job_kind_length check (length(kind) between 1 and 64),
    -- What the work is about: one job of a kind a key, however often it is asked for.
    key text not null constraint job_key_length check (length(key) between 1 and 200),
    payload jsonb not null,
    run_at timestamptz not null,
    -- Runs begun since it was last asked for or done; counted when the run begins, so that a run that kills the process counts.
    attempts integer not null default 0,
    -- The run in progress: its token, the node it runs on, and when others may take it over.
    lease uuid,
    leased_by text,
    leased_until timestamptz,
    -- Asked for again during the run in progress: when to run once more.
    again_at timestamptz,
    last_error text,
    -- Given up: staff is told. Asking for the job again wakes it.
    parked_at timestamptz,
    created_at timestamptz not null,
    constraint job_kind_key unique (kind, key),
    constraint job_lease_whole check ((lease is null) = (leased_by is null) and (lease is null) = (leased_until is null))
);
create index job_due on job (run_at, id) where parked_at is null;
create index job_leased_by on job (leased_by) where lease is not null;

-- Who did what to whom. Written in the transaction of the deed.
create table audit_event (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    actor_kind text not null constraint audit_event_actor_known check (actor_kind in ('system', 'person', 'guest', 'charge_point', 'provider')),
    -- The id of the actor; null for the system.
    actor_id text,
    -- 'guest.stop_requested'
    action text not null constraint audit_event_action_length check (length(action) between 1 and 64),
    -- What it was done to: 'session' and its id.
    subject_kind text not null,
    subject_id text not null,
    detail jsonb not null
);
create index audit_event_subject on audit_event (subject_kind, subject_id, id);
create index audit_event_at on audit_event (at);
create function audit_event_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'audit events never change' using errcode = 'restrict_violation', constraint = 'audit_event_append_only';
end $$;
create trigger audit_event_append_only before update or delete on audit_event for each row execute function audit_event_refuse();
create trigger audit_event_no_truncate before truncate on audit_event for each statement execute function audit_event_refuse();
