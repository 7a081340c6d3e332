//! The SQL of the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{HoldId, JournalEntryId, OrderId, Tyiyn};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{
    Account, AccountCode, Balance, Entry, Hold, HoldState, KindSum, Kinds, LineQuery, NewEntry, NewHold, OpenHold,
    STATEMENT_LINES_MAX, StatementLine,
};
use crate::invariants::Violation;

/// A locked account.
#[derive(Debug)]
pub(super) struct AccountRow {
    pub id: i64,
    pub code: String,
    pub guarded: bool,
    credit_limit_tyiyn: i64,
    balance_tyiyn: i64,
    held_tyiyn: i64,
}

impl AccountRow {
    pub fn balance(&self) -> Balance {
        Balance {
            posted: Tyiyn::new(self.balance_tyiyn),
            held: Tyiyn::new(self.held_tyiyn),
            credit_limit: Tyiyn::new(self.credit_limit_tyiyn),
        }
    }
}

/// Locks those of the accounts that exist, in the order of their ids. Not `for update`: that would also wait for the
/// foreign keys of others.
pub(super) async fn lock_accounts(connection: &mut PgConnection, codes: &[String]) -> Result<Vec<AccountRow>, sqlx::Error> {
    sqlx::query_as!(
        AccountRow,
        r#"
        select id, code, guarded as "guarded!", credit_limit_tyiyn, balance_tyiyn, held_tyiyn
        from account
        where code = any($1)
        order by id
        for no key update
        "#,
        codes,
    )
    .fetch_all(connection)
    .await
}

/// In the order of the codes, so that two that open the same accounts do not wait for each other crosswise.
pub(super) async fn open_accounts(
    connection: &mut PgConnection,
    codes: &[String],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into account (code, opened_at)
        select code, $2 from unnest($1::text[]) as wanted (code) order by code
        on conflict (code) do nothing",
        codes,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn set_credit_limit(connection: &mut PgConnection, code: &str, limit: Tyiyn) -> Result<(), sqlx::Error> {
    sqlx::query!("update account set credit_limit_tyiyn = $2 where code = $1", code, limit.get()).execute(connection).await?;
    Ok(())
}

pub(super) async fn balance(executor: impl PgExecutor<'_>, code: &str) -> Result<Option<Balance>, sqlx::Error> {
    let row = sqlx::query!("select balance_tyiyn, held_tyiyn, credit_limit_tyiyn from account where code = $1", code)
        .fetch_optional(executor)
        .await?;
    Ok(row.map(|row| Balance {
        posted: Tyiyn::new(row.balance_tyiyn),
        held: Tyiyn::new(row.held_tyiyn),
        credit_limit: Tyiyn::new(row.credit_limit_tyiyn),
    }))
}

/// An entry as it was made.
#[derive(Debug)]
pub(super) struct FoundEntry {
    pub id: JournalEntryId,
    pub kind: String,
    pub hold: Option<HoldId>,
    /// By account code.
    pub postings: BTreeMap<String, i64>,
}

pub(super) async fn find_entry(connection: &mut PgConnection, business_key: &str) -> Result<Option<FoundEntry>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select e.id, e.kind, h.id as "hold_id?", a.code, p.amount_tyiyn
        from journal_entry e
        join posting p on p.entry_id = e.id
        join account a on a.id = p.account_id
        left join hold h on h.entry_id = e.id
        where e.business_key = $1
        "#,
        business_key,
    )
    .fetch_all(connection)
    .await?;
    let mut found: Option<FoundEntry> = None;
    for row in rows {
        let found = found.get_or_insert_with(|| FoundEntry {
            id: JournalEntryId::from_uuid(row.id),
            kind: row.kind,
            hold: row.hold_id.map(HoldId::from_uuid),
            postings: BTreeMap::new(),
        });
        *found.postings.entry(row.code).or_default() += row.amount_tyiyn;
    }
    Ok(found)
}

/// Whether it was new.
pub(super) async fn insert_entry(
    connection: &mut PgConnection,
    id: JournalEntryId,
    entry: &NewEntry,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // made_in is set by a trigger.
    let done = sqlx::query!(
        "insert into journal_entry (id, business_key, kind, effective_at, recorded_at, explanation, source, made_in)
        values ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id())
        on conflict (business_key) do nothing",
        id.as_uuid(),
        entry.business_key,
        entry.kind,
        entry.effective_at,
        now,
        entry.explanation,
        entry.source,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn insert_postings(
    connection: &mut PgConnection,
    entry: JournalEntryId,
    account_ids: &[i64],
    amounts_tyiyn: &[i64],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into posting (entry_id, account_id, amount_tyiyn)
        select $1, account_id, amount_tyiyn from unnest($2::bigint[], $3::bigint[]) as line (account_id, amount_tyiyn)",
        entry.as_uuid(),
        account_ids,
        amounts_tyiyn,
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct HoldRow {
    id: Uuid,
    code: String,
    amount_tyiyn: i64,
    state: String,
    entry_id: Option<Uuid>,
    posted_tyiyn: Option<i64>,
}

impl HoldRow {
    fn into_hold(self) -> Result<Hold, sqlx::Error> {
        let state = match (self.state.as_str(), self.entry_id, self.posted_tyiyn) {
            ("held", None, None) => HoldState::Held,
            ("voided", None, None) => HoldState::Voided,
            ("posted", Some(entry), Some(amount)) => {
                HoldState::Posted { entry: JournalEntryId::from_uuid(entry), amount: Tyiyn::new(amount) }
            }
            (state, ..) => return Err(sqlx::Error::Decode(format!("a hold in the state {state:?}").into())),
        };
        let account = AccountCode::parse(&self.code).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Hold { id: HoldId::from_uuid(self.id), account, amount: Tyiyn::new(self.amount_tyiyn), state })
    }
}

pub(super) async fn find_hold(connection: &mut PgConnection, hold: HoldId) -> Result<Option<Hold>, sqlx::Error> {
    sqlx::query_as!(
        HoldRow,
        "select h.id, a.code, h.amount_tyiyn, h.state, h.entry_id, h.posted_tyiyn
        from hold h join account a on a.id = h.account_id
        where h.id = $1",
        hold.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(HoldRow::into_hold)
    .transpose()
}

pub(super) async fn find_hold_by_key(connection: &mut PgConnection, business_key: &str) -> Result<Option<Hold>, sqlx::Error> {
    sqlx::query_as!(
        HoldRow,
        "select h.id, a.code, h.amount_tyiyn, h.state, h.entry_id, h.posted_tyiyn
        from hold h join account a on a.id = h.account_id
        where h.business_key = $1",
        business_key,
    )
    .fetch_optional(connection)
    .await?
    .map(HoldRow::into_hold)
    .transpose()
}

/// Whether it was new.
pub(super) async fn insert_hold(
    connection: &mut PgConnection,
    id: HoldId,
    hold: &NewHold,
    account_id: i64,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into hold (id, business_key, account_id, amount_tyiyn, held_at)
        values ($1, $2, $3, $4, $5)
        on conflict (business_key) do nothing",
        id.as_uuid(),
        hold.business_key,
        account_id,
        hold.amount.get(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn post_hold(
    connection: &mut PgConnection,
    hold: HoldId,
    entry: JournalEntryId,
    taken: Tyiyn,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update hold set state = 'posted', entry_id = $2, posted_tyiyn = $3, resolved_at = $4 where id = $1",
        hold.as_uuid(),
        entry.as_uuid(),
        taken.get(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn void_hold(connection: &mut PgConnection, hold: HoldId, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update hold set state = 'voided', resolved_at = $2 where id = $1", hold.as_uuid(), now)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn balance_before(
    connection: &mut PgConnection,
    code: &str,
    before: DateTime<Utc>,
) -> Result<Tyiyn, sqlx::Error> {
    let sum = sqlx::query_scalar!(
        r#"
        select coalesce(sum(p.amount_tyiyn), 0)::bigint as "sum!"
        from posting p
        join account a on a.id = p.account_id
        join journal_entry e on e.id = p.entry_id
        where a.code = $1 and e.effective_at < $2
        "#,
        code,
        before,
    )
    .fetch_one(connection)
    .await?;
    Ok(Tyiyn::new(sum))
}

/// The lines without their balances.
pub(super) async fn lines(
    connection: &mut PgConnection,
    code: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<StatementLine>, sqlx::Error> {
    let rows = sqlx::query!(
        "select p.id as posting, e.id, e.kind, e.business_key, e.explanation, e.source, e.effective_at, e.recorded_at, p.amount_tyiyn
        from posting p
        join account a on a.id = p.account_id
        join journal_entry e on e.id = p.entry_id
        where a.code = $1 and e.effective_at >= $2 and e.effective_at < $3
        order by e.effective_at, p.id
        limit $4",
        code,
        from,
        to,
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StatementLine {
            posting: row.posting,
            entry: JournalEntryId::from_uuid(row.id),
            kind: row.kind,
            business_key: row.business_key,
            explanation: row.explanation,
            source: row.source,
            effective_at: row.effective_at,
            recorded_at: row.recorded_at,
            amount: Tyiyn::new(row.amount_tyiyn),
            balance: Tyiyn::ZERO,
        })
        .collect())
}

/// One line more than the limit when there are more. The balances begin with the period.
pub(super) async fn page(
    connection: &mut PgConnection,
    code: &str,
    query: LineQuery,
) -> Result<Vec<StatementLine>, sqlx::Error> {
    let owned = |kinds: &[&str]| -> Vec<String> { kinds.iter().map(|kind| (*kind).to_owned()).collect() };
    let (kinds, wanted) = match query.kinds {
        Kinds::All => (Vec::new(), false),
        Kinds::Only(kinds) => (owned(kinds), true),
        Kinds::But(kinds) => (owned(kinds), false),
    };
    let rows = sqlx::query!(
        r#"
        with line as (
            select p.id as posting, e.id, e.kind, e.business_key, e.explanation, e.source, e.effective_at, e.recorded_at,
                p.amount_tyiyn, row_number() over w as place, (sum(p.amount_tyiyn) over w)::bigint as running_tyiyn
            from posting p
            join account a on a.id = p.account_id
            join journal_entry e on e.id = p.entry_id
            where a.code = $1 and e.effective_at >= $2 and e.effective_at < $3
            window w as (order by e.effective_at, p.id)
        )
        select posting, id, kind, business_key, explanation, source, effective_at, recorded_at, amount_tyiyn,
            running_tyiyn as "running_tyiyn!"
        from line
        where (kind = any($4)) = $5 and ($6::bigint is null or place < (select place from line where posting = $6))
        order by place desc
        limit $7
        "#,
        code,
        query.from,
        query.to,
        &kinds,
        wanted,
        query.after,
        i64::from(query.limit) + 1,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StatementLine {
            posting: row.posting,
            entry: JournalEntryId::from_uuid(row.id),
            kind: row.kind,
            business_key: row.business_key,
            explanation: row.explanation,
            source: row.source,
            effective_at: row.effective_at,
            recorded_at: row.recorded_at,
            amount: Tyiyn::new(row.amount_tyiyn),
            balance: Tyiyn::new(row.running_tyiyn),
        })
        .collect())
}

pub(super) async fn open_holds(connection: &mut PgConnection, code: &str) -> Result<Vec<OpenHold>, sqlx::Error> {
    let rows = sqlx::query!(
        "select h.id, h.business_key, h.amount_tyiyn, h.held_at
        from hold h join account a on a.id = h.account_id
        where a.code = $1 and h.state = 'held'
        order by h.held_at, h.id
        limit $2",
        code,
        i64::try_from(STATEMENT_LINES_MAX).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OpenHold {
            id: HoldId::from_uuid(row.id),
            business_key: row.business_key,
            amount: Tyiyn::new(row.amount_tyiyn),
            held_at: row.held_at,
        })
        .collect())
}

pub(super) async fn kind_sums(connection: &mut PgConnection, prefix: &str) -> Result<Vec<KindSum>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select a.code, e.kind, sum(p.amount_tyiyn)::bigint as "sum!"
        from posting p
        join account a on a.id = p.account_id
        join journal_entry e on e.id = p.entry_id
        where starts_with(a.code, $1)
        group by a.code, e.kind
        "#,
        prefix,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let account = AccountCode::parse(&row.code).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(KindSum { account, kind: row.kind, sum: Tyiyn::new(row.sum) })
        })
        .collect()
}

pub(super) async fn accounts(
    connection: &mut PgConnection,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Account>, sqlx::Error> {
    let rows = sqlx::query!(
        "select code, balance_tyiyn, held_tyiyn, credit_limit_tyiyn from account
        where starts_with(code, $1) and ($2::text is null or code > $2)
        order by code
        limit $3",
        prefix,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Account {
            code: row.code,
            balance: Balance {
                posted: Tyiyn::new(row.balance_tyiyn),
                held: Tyiyn::new(row.held_tyiyn),
                credit_limit: Tyiyn::new(row.credit_limit_tyiyn),
            },
        })
        .collect())
}

/// The oldest first.
pub(super) async fn entries(
    connection: &mut PgConnection,
    id: Option<JournalEntryId>,
    order: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select e.id, e.kind, e.business_key, e.explanation, e.source, e.effective_at, e.recorded_at,
            array_agg(a.code order by p.id) as "codes!", array_agg(p.amount_tyiyn order by p.id) as "amounts!"
        from journal_entry e
        join posting p on p.entry_id = e.id
        join account a on a.id = p.account_id
        where e.id = $1 or e.source ->> 'order' = $2
        group by e.id
        order by e.recorded_at, e.id
        limit $3
        "#,
        id.map(JournalEntryId::as_uuid),
        order.map(|order| order.to_string()),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Entry {
            id: JournalEntryId::from_uuid(row.id),
            kind: row.kind,
            business_key: row.business_key,
            explanation: row.explanation,
            source: row.source,
            effective_at: row.effective_at,
            recorded_at: row.recorded_at,
            postings: row.codes.into_iter().zip(row.amounts.into_iter().map(Tyiyn::new)).collect(),
        })
        .collect())
}

/// What no trigger or constraint should have let through.
pub(super) async fn violations(connection: &mut PgConnection) -> Result<Vec<Violation>, sqlx::Error> {
    let mut found = Vec::new();

    let unbalanced = sqlx::query!(
        r#"
        select e.business_key, count(p.id) as "postings!", coalesce(sum(p.amount_tyiyn), 0)::text as "sum!"
        from journal_entry e left join posting p on p.entry_id = e.id
        group by e.id
        having count(p.id) < 2 or coalesce(sum(p.amount_tyiyn), 0) <> 0
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    found.extend(unbalanced.into_iter().map(|row| Violation {
        rule: "ledger.entry_balanced",
        detail: format!("entry {:?} has {} postings with the sum {}", row.business_key, row.postings, row.sum),
    }));

    let balances = sqlx::query!(
        r#"
        select a.code, a.balance_tyiyn, coalesce(s.sum_tyiyn, 0)::text as "sum!"
        from account a
        left join (select account_id, sum(amount_tyiyn) as sum_tyiyn from posting group by account_id) s on s.account_id = a.id
        where a.balance_tyiyn <> coalesce(s.sum_tyiyn, 0)
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    found.extend(balances.into_iter().map(|row| Violation {
        rule: "ledger.balance_is_sum",
        detail: format!("{} says {}, its postings say {}", row.code, row.balance_tyiyn, row.sum),
    }));

    let held = sqlx::query!(
        r#"
        select a.code, a.held_tyiyn, coalesce(s.sum_tyiyn, 0)::text as "sum!"
        from account a
        left join (select account_id, sum(amount_tyiyn) as sum_tyiyn from hold where state = 'held' group by account_id) s
            on s.account_id = a.id
        where a.held_tyiyn <> coalesce(s.sum_tyiyn, 0)
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    found.extend(held.into_iter().map(|row| Violation {
        rule: "ledger.held_is_sum",
        detail: format!("{} says {}, its holds say {}", row.code, row.held_tyiyn, row.sum),
    }));

    let overdrawn = sqlx::query!(
        r#"
        select code, (balance_tyiyn - held_tyiyn + credit_limit_tyiyn) as "available!"
        from account
        where guarded and balance_tyiyn - held_tyiyn + credit_limit_tyiyn < 0
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    found.extend(overdrawn.into_iter().map(|row| Violation {
        rule: "ledger.available_not_negative",
        detail: format!("{} has {} available", row.code, row.available),
    }));

    let holds = sqlx::query!(
        r#"
        select h.business_key, h.posted_tyiyn, coalesce(-sum(p.amount_tyiyn), 0)::text as "taken!"
        from hold h left join posting p on p.entry_id = h.entry_id and p.account_id = h.account_id
        where h.state = 'posted'
        group by h.id
        having h.posted_tyiyn <> coalesce(-sum(p.amount_tyiyn), 0)
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    found.extend(holds.into_iter().map(|row| Violation {
        rule: "ledger.hold_posted_amount",
        detail: format!("hold {:?} says {:?}, its entry took {}", row.business_key, row.posted_tyiyn, row.taken),
    }));

    Ok(found)
}
