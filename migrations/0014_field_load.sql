-- What a thousand charge points that meter, and five thousand that come back at once, ask of the tables.

-- The connectors of a charge point, for modules that know only their own tables.
create function connectors_of(of_charge_point uuid) returns setof uuid language sql stable rows 2 as $$
    select id from connector where charge_point_id = of_charge_point;
$$;

-- Whether a connection is the newest of its charge point, and stays it until the transaction ends; for the same modules.
create function is_lease(of_charge_point uuid, of_epoch bigint) returns boolean language plpgsql as $$
begin
    perform from charge_point where id = of_charge_point and epoch = of_epoch for no key update;
    return found;
end $$;

-- A running session's row is written with each reading: the tariff and the bill stand beside it, not in it, and the new version of the
-- row finds room on the same page, without touching an index.
alter table charging_session set (toast_tuple_target = 256, fillfactor = 50);
alter table charge_point set (fillfactor = 70);

-- Frames are found by their charge point, or by a stretch of time, in which they come in order; never by their number alone.
alter table ocpp_log drop constraint ocpp_log_pkey;
create index ocpp_log_at on ocpp_log using brin (at);

-- A sample has its transaction: looked at once a statement, where a foreign key would look, and lock the transaction, once a row.
alter table meter_sample drop constraint meter_sample_transaction_id_fkey;
create function meter_sample_refuse_orphans() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct transaction_id from new_samples) n
        where not exists (select from charging_transaction t where t.id = n.transaction_id)
    ) then
        raise foreign_key_violation using message = 'a sample of no transaction', constraint = 'meter_sample_transaction';
    end if;
    return null;
end $$;
create trigger meter_sample_transaction after insert on meter_sample referencing new table as new_samples
    for each statement execute function meter_sample_refuse_orphans();
create function charging_transaction_keep_samples() returns trigger language plpgsql as $$
begin
    if exists (select from meter_sample where transaction_id = old.id) then
        raise foreign_key_violation using message = 'a transaction that has samples', constraint = 'meter_sample_transaction';
    end if;
    return old;
end $$;
create trigger charging_transaction_keeps_samples before delete on charging_transaction
    for each row execute function charging_transaction_keep_samples();

-- Planned once a connection; a function in SQL is planned at each call, which is most of what it costs.
create or replace function charge_point_quirks(of_charge_point uuid) returns text[] language plpgsql stable as $$
begin
    return (
        select coalesce(array_agg(distinct q order by q), '{}') from (
            select unnest(t.quirks) as q from charge_point_traits t where t.charge_point_id = of_charge_point
            union all
            select unnest(p.quirks) from charge_point c
            join quirk_profile p on lower(p.vendor) = lower(c.vendor)
                and (p.model is null or lower(p.model) = lower(c.model))
                and (p.firmware_prefix is null or starts_with(c.firmware_version, p.firmware_prefix))
            where c.id = of_charge_point
        ) all_quirks
    );
end $$;

-- It has booted, and has not been told its settings since. In a storm that waits.
alter table charge_point add column settings_due boolean not null default false;
