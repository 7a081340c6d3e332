-- Connections of charge points that were refused, for staff. One row an hour for the same identity, address and reason: a charger that
-- knocks every few seconds for a month is 720 rows. A node adds a bounded number of rows an hour; what is more is counted under '(others)'.
create table refused_connection (
    hour timestamptz not null,
    -- As it was claimed, at most 48 characters; it need not exist.
    identity text not null,
    -- The peer, or what a trusted proxy says of it.
    address text not null,
    -- platform::refusals::Reason
    reason text not null,
    times bigint not null constraint refused_connection_times_positive check (times > 0),
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (hour, identity, address, reason)
);
create index refused_connection_identity on refused_connection (identity, last_at);
create index refused_connection_last on refused_connection (last_at);
