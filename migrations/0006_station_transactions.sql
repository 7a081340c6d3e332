-- Transactions whose id the charge point makes (OCPP 2.0.1), told event by event and in any order.

alter table charging_transaction
    -- The charge point's own id of it, as it came; null when the id is ours (OCPP 1.6).
    add column station_ref text,
    -- Begun by a cable alone, and nobody has asked for energy yet: not an unpaid one.
    add column awaits_payer boolean not null default false,
    -- False until a reading tells it; meter_start_wh is 0 so long.
    add column meter_start_known boolean not null default true,
    -- The numbers of its events that were taken. What is missing between them has not come yet, or is lost.
    add column seq_seen int4multirange;
create unique index charging_transaction_station_ref on charging_transaction (charge_point_id, station_ref) where station_ref is not null;
-- What a Start says is the key only of those whose id is ours: an event need not tell any of it.
alter table charging_transaction drop constraint charging_transaction_natural_key;
create unique index charging_transaction_natural_key
    on charging_transaction (charge_point_id, evse_no, connector_no, id_tag, claimed_start_at, meter_start_wh)
    where station_ref is null;

-- The number by which a charge point names the start that it was asked for (OCPP 2.0.1 remoteStartId): small, and the same for all
-- attempts of a session.
create table remote_start (
    id integer generated always as identity primary key,
    session_id uuid not null constraint remote_start_session_key unique references charging_session (id)
);
