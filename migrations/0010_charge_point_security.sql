-- How a charge point must come in, its client certificates, and new passwords that it may not have taken yet.

-- OCPP's security profiles: 1 Basic, 2 Basic over TLS, 3 a client certificate. The least that is let in; more is always welcome.
alter table charge_point add column security_profile smallint not null default 1
    constraint charge_point_security_profile_known check (security_profile between 1 and 3);

-- A password that was sent to the charge point: both this one and charge_point's own open the door until the charge point is seen with one of
-- these; then that one becomes its own and the others go.
create table charge_point_password (
    id uuid primary key,
    charge_point_id uuid not null references charge_point (id),
    -- As in charge_point.
    password_salt bytea not null,
    password_hash bytea not null,
    created_at timestamptz not null
);
create index charge_point_password_charge_point on charge_point_password (charge_point_id);

-- Client certificates that our own authority signed. What is not here is not let in, whoever signed it.
create table charge_point_certificate (
    id uuid primary key,
    charge_point_id uuid not null references charge_point (id),
    -- In lower-case hexadecimal digits, as OCPP's hash data writes it.
    serial_number text not null constraint charge_point_certificate_serial_key unique,
    -- SHA-256 of the certificate.
    fingerprint bytea not null constraint charge_point_certificate_fingerprint_key unique,
    common_name text not null,
    certificate_pem text not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    -- The charge point came in with it: those before it are superseded from then on.
    first_used_at timestamptz,
    revoked_at timestamptz,
    revocation_reason text,
    constraint charge_point_certificate_revoked_whole check ((revoked_at is null) = (revocation_reason is null))
);
create index charge_point_certificate_charge_point on charge_point_certificate (charge_point_id, issued_at);
