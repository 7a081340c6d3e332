-- The ledger: accounts, journal entries, postings, holds. The rules are kept by the database itself, for its owner too:
-- what the application must not do raises an error that carries the name of the broken rule as its constraint.

-- Raises for the trigger that calls it; the argument is the name of the rule.
create function ledger_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger refuses % on %: %', tg_op, tg_table_name, tg_argv[0]
        using errcode = 'restrict_violation', constraint = tg_argv[0];
end $$;

create table account (
    id bigint generated always as identity primary key,
    code text not null
        constraint account_code_key unique
        constraint account_code_known check (
            code in ('namba:clearing', 'namba:cash', 'refunds:clearing', 'revenue:energy', 'revenue:idle', 'revenue:booking', 'write_off', 'rounding')
            or code ~ '^(guest_order|driver|company):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            or code ~ '^company:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:receivable$'
            or code ~ '^partner:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:payable$'
            or code ~ '^tax:[a-z][a-z0-9_]{0,31}$'
        ),
    -- The money of a payer: what is available of it never goes below zero, or below minus the credit limit.
    guarded boolean not null generated always as (
        code ~ '^(guest_order|driver|company):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    ) stored,
    -- Of a postpaid company; the only column that may be updated by hand.
    credit_limit_tyiyn bigint not null default 0 constraint account_credit_limit_range check (credit_limit_tyiyn between 0 and 1000000000000),
    -- The sum of the postings: positive is credit (we owe it), negative is debit (we have it). Kept by triggers only.
    balance_tyiyn bigint not null default 0,
    -- The sum of the open holds. Kept by triggers only.
    held_tyiyn bigint not null default 0 constraint account_held_not_negative check (held_tyiyn >= 0),
    opened_at timestamptz not null,
    -- Checked with every posting and every hold, under the row's lock: this is what makes overspending impossible.
    constraint account_available_not_negative check (not guarded or balance_tyiyn - held_tyiyn + credit_limit_tyiyn >= 0),
    constraint account_credit_limit_of_guarded check (guarded or credit_limit_tyiyn = 0)
);

create table journal_entry (
    id uuid primary key,
    -- What makes a repeated posting the same posting: 'capture:{session}', 'paid:{order}'.
    business_key text not null
        constraint journal_entry_business_key unique
        constraint journal_entry_business_key_length check (length(business_key) between 1 and 200),
    kind text not null constraint journal_entry_kind_length check (length(kind) between 1 and 64),
    -- When it happened in the world, and when it was written here.
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    explanation text not null constraint journal_entry_explanation_length check (length(explanation) between 1 and 1000),
    -- The ids of what it came from.
    source jsonb not null,
    -- The transaction that made it, set by a trigger: only this transaction may add postings.
    made_in xid8 not null
);
create index journal_entry_recorded on journal_entry (recorded_at);

create table posting (
    -- In the order of recording.
    id bigint generated always as identity primary key,
    entry_id uuid not null references journal_entry (id),
    account_id bigint not null references account (id),
    -- Positive is credit, negative is debit. The range keeps every sum far inside a bigint.
    amount_tyiyn bigint not null constraint posting_amount_range
        check (amount_tyiyn <> 0 and amount_tyiyn between -1000000000000 and 1000000000000)
);
create index posting_entry on posting (entry_id);
create index posting_account on posting (account_id, id);

create table hold (
    id uuid primary key,
    business_key text not null
        constraint hold_business_key unique
        constraint hold_business_key_length check (length(business_key) between 1 and 200),
    account_id bigint not null references account (id),
    amount_tyiyn bigint not null constraint hold_amount_range check (amount_tyiyn between 1 and 1000000000000),
    state text not null default 'held' constraint hold_state_known check (state in ('held', 'posted', 'voided')),
    -- What was really taken; may be more than was held while the account covers it.
    posted_tyiyn bigint constraint hold_posted_positive check (posted_tyiyn > 0),
    entry_id uuid constraint hold_entry_key unique references journal_entry (id),
    held_at timestamptz not null,
    resolved_at timestamptz,
    constraint hold_resolution_whole check (
        (state = 'held') = (resolved_at is null)
        and (state = 'posted') = (entry_id is not null)
        and (state = 'posted') = (posted_tyiyn is not null)
    )
);
create index hold_account_open on hold (account_id) where state = 'held';

-- Accounts.

create function account_before_insert() returns trigger language plpgsql as $$
begin
    if new.balance_tyiyn <> 0 or new.held_tyiyn <> 0 then
        raise exception 'account % must start empty', new.code using errcode = 'restrict_violation', constraint = 'account_starts_empty';
    end if;
    return new;
end $$;
create trigger account_starts_empty before insert on account for each row execute function account_before_insert();

create function account_before_update() returns trigger language plpgsql as $$
begin
    if (new.id, new.code, new.opened_at) is distinct from (old.id, old.code, old.opened_at) then
        raise exception 'account % never changes its name', old.code using errcode = 'restrict_violation', constraint = 'account_immutable';
    end if;
    -- Depth 1 is this trigger itself: a statement of the application. The triggers of posting and hold come at depth 2.
    if (new.balance_tyiyn, new.held_tyiyn) is distinct from (old.balance_tyiyn, old.held_tyiyn) and pg_trigger_depth() < 2 then
        raise exception 'the balance of account % follows from its postings and holds', old.code
            using errcode = 'restrict_violation', constraint = 'account_balance_derived';
    end if;
    return new;
end $$;
create trigger account_immutable before update on account for each row execute function account_before_update();
create trigger account_no_delete before delete on account for each row execute function ledger_refuse('account_no_delete');
create trigger account_no_truncate before truncate on account for each statement execute function ledger_refuse('account_no_delete');

-- Entries.

create function journal_entry_before_insert() returns trigger language plpgsql as $$
begin
    new.made_in := pg_current_xact_id();
    return new;
end $$;
create trigger journal_entry_made_in before insert on journal_entry for each row execute function journal_entry_before_insert();
create trigger journal_entry_append_only before update or delete on journal_entry
    for each row execute function ledger_refuse('journal_entry_append_only');
create trigger journal_entry_no_truncate before truncate on journal_entry
    for each statement execute function ledger_refuse('journal_entry_append_only');

create function journal_entry_check_balance(entry uuid) returns void language plpgsql as $$
declare
    postings bigint;
    total numeric;
begin
    select count(*), coalesce(sum(amount_tyiyn), 0) into postings, total from posting where entry_id = entry;
    if postings < 2 or total <> 0 then
        raise exception 'journal entry % has % postings with the sum %', entry, postings, total
            using errcode = 'integrity_constraint_violation', constraint = 'journal_entry_balanced';
    end if;
end $$;

create function journal_entry_balanced() returns trigger language plpgsql as $$
begin
    perform journal_entry_check_balance(new.id);
    return null;
end $$;
-- An entry without postings is found by this one …
create constraint trigger journal_entry_balanced after insert on journal_entry
    deferrable initially deferred for each row execute function journal_entry_balanced();

create function posting_balanced() returns trigger language plpgsql as $$
begin
    perform journal_entry_check_balance(new.entry_id);
    return null;
end $$;
-- … and by this one a posting added after `set constraints all immediate` has used up the other.
create constraint trigger posting_balanced after insert on posting
    deferrable initially deferred for each row execute function posting_balanced();

-- Postings.

create function posting_before_insert() returns trigger language plpgsql as $$
begin
    if not exists (select from journal_entry e where e.id = new.entry_id and e.made_in = pg_current_xact_id()) then
        raise exception 'journal entry % is closed', new.entry_id using errcode = 'restrict_violation', constraint = 'posting_with_entry';
    end if;
    return new;
end $$;
create trigger posting_with_entry before insert on posting for each row execute function posting_before_insert();
create trigger posting_append_only before update or delete on posting for each row execute function ledger_refuse('posting_append_only');
create trigger posting_no_truncate before truncate on posting for each statement execute function ledger_refuse('posting_append_only');

-- Once a statement, not once a row: two postings on one account count as their sum, and the rows are locked in the order of
-- their ids, so that two entries that touch the same accounts cannot wait for each other.
create function posting_after_insert() returns trigger language plpgsql as $$
begin
    perform from account a where a.id in (select n.account_id from new_posting n) order by a.id for no key update;
    update account a
        set balance_tyiyn = a.balance_tyiyn + s.sum_tyiyn
        from (select n.account_id, sum(n.amount_tyiyn)::bigint as sum_tyiyn from new_posting n group by n.account_id) s
        where a.id = s.account_id and s.sum_tyiyn <> 0;
    return null;
end $$;
create trigger posting_moves_balance after insert on posting
    referencing new table as new_posting for each statement execute function posting_after_insert();

-- Holds.

create function hold_before_insert() returns trigger language plpgsql as $$
begin
    if new.state <> 'held' then
        raise exception 'a hold starts as held' using errcode = 'restrict_violation', constraint = 'hold_starts_held';
    end if;
    if not exists (select from account a where a.id = new.account_id and a.guarded) then
        raise exception 'only the money of a payer can be held' using errcode = 'restrict_violation', constraint = 'hold_of_payer';
    end if;
    return new;
end $$;
create trigger hold_starts_held before insert on hold for each row execute function hold_before_insert();

create function hold_after_insert() returns trigger language plpgsql as $$
begin
    update account set held_tyiyn = held_tyiyn + new.amount_tyiyn where id = new.account_id;
    return null;
end $$;
create trigger hold_reserves after insert on hold for each row execute function hold_after_insert();

create function hold_before_update() returns trigger language plpgsql as $$
begin
    if old.state <> 'held' then
        raise exception 'hold % is resolved', old.id using errcode = 'restrict_violation', constraint = 'hold_resolved_once';
    end if;
    if new.state = 'held'
        or (new.id, new.business_key, new.account_id, new.amount_tyiyn, new.held_at)
            is distinct from (old.id, old.business_key, old.account_id, old.amount_tyiyn, old.held_at) then
        raise exception 'hold % is posted or voided, nothing else', old.id using errcode = 'restrict_violation', constraint = 'hold_immutable';
    end if;
    if new.state = 'posted'
        and not exists (select from journal_entry e where e.id = new.entry_id and e.made_in = pg_current_xact_id()) then
        raise exception 'hold % is posted by an entry of the same transaction', old.id
            using errcode = 'restrict_violation', constraint = 'hold_posted_with_entry';
    end if;
    return new;
end $$;
create trigger hold_resolved_once before update on hold for each row execute function hold_before_update();

create function hold_after_update() returns trigger language plpgsql as $$
begin
    update account set held_tyiyn = held_tyiyn - old.amount_tyiyn where id = old.account_id;
    return null;
end $$;
create trigger hold_releases after update on hold for each row execute function hold_after_update();

-- What a hold says was taken is what its entry took from its account.
create function hold_posted_amount() returns trigger language plpgsql as $$
declare
    taken numeric;
begin
    if new.state = 'posted' then
        select -coalesce(sum(amount_tyiyn), 0) into taken from posting where entry_id = new.entry_id and account_id = new.account_id;
        if taken <> new.posted_tyiyn then
            raise exception 'hold % says %, its entry took %', new.id, new.posted_tyiyn, taken
                using errcode = 'integrity_constraint_violation', constraint = 'hold_posted_amount';
        end if;
    end if;
    return null;
end $$;
create constraint trigger hold_posted_amount after update on hold
    deferrable initially deferred for each row execute function hold_posted_amount();

create trigger hold_no_delete before delete on hold for each row execute function ledger_refuse('hold_no_delete');
create trigger hold_no_truncate before truncate on hold for each statement execute function ledger_refuse('hold_no_delete');
