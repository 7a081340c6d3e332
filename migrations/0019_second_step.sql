-- Time-based codes of an app (RFC 6238): a second proof beside the phone, for the roles of the house.
create table totp (
    person_id uuid primary key references person (id),
    secret bytea not null constraint totp_secret_length check (length(secret) = 20),
    created_at timestamptz not null,
    -- Since a code of it was shown once: until then it is only offered.
    confirmed_at timestamptz,
    -- The newest step of which a code was taken: each is good once.
    last_step bigint not null default 0,
    -- Wrong codes since the last right one, and when the latest was.
    failed integer not null default 0 constraint totp_failed_range check (failed between 0 and 5),
    failed_at timestamptz
);
-- When a code of the app was last shown in this browser.
alter table auth_session add column second_step_at timestamptz;
