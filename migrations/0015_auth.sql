-- People, what they may, the codes that prove a phone, and where they are signed in.

create table person (
    id uuid primary key,
    -- E.164.
    phone text not null constraint person_phone_key unique,
    locale text not null constraint person_locale_known check (locale in ('ru', 'ky', 'en')),
    created_at timestamptz not null,
    -- May nothing any more, from that moment on.
    blocked_at timestamptz
);

-- Roles beyond that of a driver, which everybody is.
create table role_grant (
    id bigint generated always as identity primary key,
    person_id uuid not null references person (id),
    role text not null constraint role_grant_role_known
        check (role in ('employee', 'corporate_admin', 'partner', 'support', 'finance', 'admin')),
    -- The company or the partner; the house's own roles have none.
    scope_id uuid,
    granted_at timestamptz not null,
    revoked_at timestamptz,
    constraint role_grant_scope_whole check ((role in ('employee', 'corporate_admin', 'partner')) = (scope_id is not null))
);
create unique index role_grant_held on role_grant (person_id, role, scope_id) nulls not distinct where revoked_at is null;

-- A code that was sent to a phone. Also the memory of the limits: who asked how often.
create table sign_in_code (
    id uuid primary key,
    phone text not null,
    -- The secret of the browser that asked: only there is the code of any use.
    browser_sha256 bytea not null constraint sign_in_code_browser_length check (length(browser_sha256) = 32),
    -- Argon2id, with a salt of its own.
    code_hash text not null,
    -- A network's address: of IPv6 the first 64 bits.
    address text not null,
    -- The network around it: /24, /48.
    network text not null,
    tries_left integer not null constraint sign_in_code_tries_range check (tries_left between 0 and 5),
    asked_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index sign_in_code_browser on sign_in_code (browser_sha256, asked_at desc);
create index sign_in_code_phone on sign_in_code (phone, asked_at);
create index sign_in_code_address on sign_in_code (address, asked_at);
create index sign_in_code_network on sign_in_code (network, asked_at);
create index sign_in_code_asked_at on sign_in_code (asked_at);

-- A browser in which a person is signed in: the family of its refresh tokens.
create table auth_session (
    id uuid primary key,
    person_id uuid not null references person (id),
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    -- However often it is renewed.
    expires_at timestamptz not null,
    -- As the browser names itself, and where it was seen last: so that a person knows it again.
    user_agent text not null constraint auth_session_user_agent_length check (length(user_agent) <= 300),
    address text not null,
    ended_at timestamptz,
    end_reason text constraint auth_session_end_reason_known check (end_reason in ('signed_out', 'ended_elsewhere', 'token_reused', 'blocked')),
    constraint auth_session_end_whole check ((ended_at is null) = (end_reason is null))
);
create index auth_session_person on auth_session (person_id) where ended_at is null;

create table refresh_token (
    -- The token is never kept.
    sha256 bytea primary key constraint refresh_token_sha256_length check (length(sha256) = 32),
    session_id uuid not null references auth_session (id),
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    -- The key that its successor was made with: asked for again, it is the same.
    kid text,
    constraint refresh_token_used_whole check ((used_at is null) = (kid is null))
);
create index refresh_token_session on refresh_token (session_id);
create index refresh_token_expires_at on refresh_token (expires_at);

-- Keys that tokens are made with, made at run time. The newest signs; the others are believed until what they signed has run out.
create table signing_key (
    kid text primary key,
    secret bytea not null constraint signing_key_secret_length check (length(secret) = 32),
    created_at timestamptz not null
);

-- A message with a secret in it is of no use after this time, and its text is not kept when it is done with.
alter table sms_message add column secret_until timestamptz;
