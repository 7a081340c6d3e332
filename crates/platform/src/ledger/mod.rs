//! Double entry in tyiyn: accounts, balanced entries, holds.
//!
//! The ledger knows nothing of sessions, orders, bookings or partners: they post into it, under business keys that make
//! a repeated posting the same posting. Its rules are kept by the database (migrations/0001_ledger.sql); this module says
//! the same beforehand, so that a refusal is a typed error that leaves the transaction usable.
//!
//! Sign: a posting is positive for credit and negative for debit. Lock order: accounts by id. A transaction that makes
//! several entries should [`lock`] all their accounts first; one that does not may be undone by a deadlock, and `db::tx`
//! then runs it again.

mod account;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{HoldId, JournalEntryId, OrderId, Tyiyn};
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

pub use account::{AccountCode, InvalidAccountCode, Revenue, TaxCode};

use crate::db::{self, Db, Tx, TxError};
use crate::invariants::{self, Violation};
use store::AccountRow;

/// 10 billion som. Far above any sum of ours, and a million of them still fit into a bigint.
pub const AMOUNT_TYIYN_MAX: i64 = 1_000_000_000_000;
/// The accounts that one entry may touch: a settlement needs about ten.
pub const ACCOUNTS_PER_ENTRY_MAX: usize = 64;
/// The lines of one statement; who wants more asks for shorter periods.
pub const STATEMENT_LINES_MAX: usize = 10_000;

/// Why the ledger refuses.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The payer's account does not cover it. Nothing was changed.
    #[error("insufficient funds")]
    InsufficientFunds,
    #[error("the entry does not balance")]
    Unbalanced,
    #[error("an entry touches 2 to {ACCOUNTS_PER_ENTRY_MAX} accounts")]
    AccountsPerEntry,
    #[error("an amount is zero, negative or too big")]
    AmountOutOfRange,
    /// The business key is taken by something else: a fault of the caller.
    #[error("the business key {0:?} belongs to another posting or hold")]
    KeyReused(String),
    #[error("there is no such hold")]
    UnknownHold,
    /// It was posted or voided before, by something else.
    #[error("the hold is resolved")]
    HoldResolved,
    /// Only payers' accounts can be held.
    #[error("this account cannot be held")]
    NotHoldable,
    /// Another rule of the database.
    #[error("the database refuses: {rule}")]
    Refused {
        rule: String,
        #[source]
        source: sqlx::Error,
    },
    #[error(transparent)]
    Db(sqlx::Error),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match db::constraint(&error) {
            Some("account_available_not_negative") => Self::InsufficientFunds,
            Some("journal_entry_balanced") => Self::Unbalanced,
            Some("posting_amount_range" | "hold_amount_range") => Self::AmountOutOfRange,
            Some("hold_resolved_once") => Self::HoldResolved,
            Some("hold_of_payer") => Self::NotHoldable,
            Some(rule) => Self::Refused { rule: rule.to_owned(), source: error },
            None => Self::Db(error),
        }
    }
}

impl TxError for LedgerError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) | Self::Refused { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

/// A balanced entry to be made.
#[derive(Debug, Clone)]
pub struct NewEntry {
    kind: &'static str,
    business_key: String,
    explanation: String,
    effective_at: DateTime<Utc>,
    source: Value,
    postings: Vec<(AccountCode, Tyiyn)>,
    overflow: bool,
}

impl NewEntry {
    /// `kind` is our word ("capture"), `business_key` makes it one of its kind for ever ("capture:{session}", 200 characters
    /// at most), `explanation` is for accountants (1000 at most), `effective_at` is when it happened.
    pub fn new(
        kind: &'static str,
        business_key: impl Into<String>,
        explanation: impl Into<String>,
        effective_at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind,
            business_key: business_key.into(),
            explanation: explanation.into(),
            effective_at,
            source: Value::Object(serde_json::Map::new()),
            postings: Vec::new(),
            overflow: false,
        }
    }

    /// The ids of what it comes from.
    #[must_use]
    pub fn source(mut self, source: Value) -> Self {
        self.source = source;
        self
    }

    /// More of what we owe or earned, less of what we have. Zero adds no line; several lines of an account are summed.
    #[must_use]
    pub fn credit(mut self, account: AccountCode, amount: Tyiyn) -> Self {
        self.postings.push((account, amount));
        self
    }

    /// The reverse of a credit.
    #[must_use]
    pub fn debit(mut self, account: AccountCode, amount: Tyiyn) -> Self {
        match amount.checked_neg() {
            Some(amount) => self.postings.push((account, amount)),
            None => self.overflow = true,
        }
        self
    }

    pub fn business_key(&self) -> &str {
        &self.business_key
    }

    /// The sum per account: in the order of the codes, without zeros, checked.
    fn canonical(&self) -> Result<BTreeMap<AccountCode, Tyiyn>, LedgerError> {
        let mut sums: BTreeMap<AccountCode, Tyiyn> = BTreeMap::new();
        let mut total = Tyiyn::ZERO;
        for (account, amount) in &self.postings {
            let sum = sums.entry(account.clone()).or_default();
            *sum = sum.checked_add(*amount).ok_or(LedgerError::AmountOutOfRange)?;
            total = total.checked_add(*amount).ok_or(LedgerError::AmountOutOfRange)?;
        }
        sums.retain(|_, sum| *sum != Tyiyn::ZERO);
        if self.overflow || sums.values().any(|sum| sum.get().unsigned_abs() > AMOUNT_TYIYN_MAX.unsigned_abs()) {
            return Err(LedgerError::AmountOutOfRange);
        }
        if total != Tyiyn::ZERO {
            return Err(LedgerError::Unbalanced);
        }
        if !(2..=ACCOUNTS_PER_ENTRY_MAX).contains(&sums.len()) {
            return Err(LedgerError::AccountsPerEntry);
        }
        Ok(sums)
    }
}

/// Whether the entry is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    New(JournalEntryId),
    /// The same entry was made before; nothing was changed.
    Already(JournalEntryId),
}

impl Posted {
    pub const fn id(self) -> JournalEntryId {
        match self {
            Self::New(id) | Self::Already(id) => id,
        }
    }

    pub const fn is_new(self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// Money to be set aside.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// One hold a key for ever: "session:{id}". 200 characters at most.
    pub business_key: String,
    pub account: AccountCode,
    pub amount: Tyiyn,
}

/// Money set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    pub account: AccountCode,
    pub amount: Tyiyn,
    pub state: HoldState,
}

/// What became of a hold. It is resolved once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    Held,
    Posted { entry: JournalEntryId, amount: Tyiyn },
    Voided,
}

/// What is in an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// The sum of the postings.
    pub posted: Tyiyn,
    /// The sum of the open holds.
    pub held: Tyiyn,
    pub credit_limit: Tyiyn,
}

impl Balance {
    /// What can still be spent or held: never negative for a payer's account.
    pub fn available(&self) -> Tyiyn {
        Tyiyn::new(self.posted.get().saturating_sub(self.held.get()).saturating_add(self.credit_limit.get()))
    }
}

/// What happened in an account, by effective time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub opening: Tyiyn,
    pub lines: Vec<StatementLine>,
    pub closing: Tyiyn,
}

/// One posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The number of the posting: in the order of recording.
    pub posting: i64,
    pub entry: JournalEntryId,
    pub kind: String,
    pub business_key: String,
    pub explanation: String,
    pub source: Value,
    pub effective_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    pub amount: Tyiyn,
    /// After this line.
    pub balance: Tyiyn,
}

/// Which lines of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineQuery {
    /// By effective time: `from..to`.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub kinds: Kinds,
    /// [`StatementPage::next`] of the page before.
    pub after: Option<i64>,
    pub limit: u16,
}

/// Which kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    All,
    Only(&'static [&'static str]),
    But(&'static [&'static str]),
}

/// Some lines of a period, the newest first; the balances are those of the whole account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPage {
    /// Of the period, not of the page.
    pub opening: Tyiyn,
    pub closing: Tyiyn,
    pub lines: Vec<StatementLine>,
    /// There is more: the page after this one.
    pub next: Option<i64>,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHold {
    pub id: HoldId,
    pub business_key: String,
    pub amount: Tyiyn,
    pub held_at: DateTime<Utc>,
}

/// All that entries of one kind did to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSum {
    pub account: AccountCode,
    pub kind: String,
    pub sum: Tyiyn,
}

/// An account with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub code: String,
    pub balance: Balance,
}

/// An entry with all its postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: JournalEntryId,
    pub kind: String,
    pub business_key: String,
    pub explanation: String,
    pub source: Value,
    pub effective_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    /// By account code.
    pub postings: Vec<(String, Tyiyn)>,
}

/// Opens the account when it is not open yet. Posting and holding do it by themselves.
pub async fn open_account(tx: &mut Tx, account: &AccountCode) -> Result<(), LedgerError> {
    lock(tx, std::slice::from_ref(account)).await
}

/// Locks the accounts until the end of the transaction, opening them where needed: for transactions that make several
/// entries, before the first.
pub async fn lock(tx: &mut Tx, accounts: &[AccountCode]) -> Result<(), LedgerError> {
    lock_rows(tx, accounts.iter()).await.map(|_| ())
}

/// How far a company may go below zero. Refused when it is further below already.
pub async fn set_credit_limit(tx: &mut Tx, account: &AccountCode, limit: Tyiyn) -> Result<(), LedgerError> {
    open_account(tx, account).await?;
    store::set_credit_limit(tx, &account.to_string(), limit).await?;
    Ok(())
}

/// Makes the entry, once. The same entry again (by business key, kind and postings) is [`Posted::Already`], even when the
/// account would not cover it any more; another one under its key is [`LedgerError::KeyReused`].
pub async fn post(tx: &mut Tx, entry: &NewEntry) -> Result<Posted, LedgerError> {
    post_inner(tx, entry, None).await
}

/// Posts the hold by this entry: the hold is released and the entry made in one step, so the entry may take up to what
/// was held plus what is available. It must take something from the hold's account; when nothing is to be taken, void it.
pub async fn post_hold(tx: &mut Tx, hold: HoldId, entry: &NewEntry) -> Result<Posted, LedgerError> {
    post_inner(tx, entry, Some(hold)).await
}

async fn post_inner(tx: &mut Tx, entry: &NewEntry, hold: Option<HoldId>) -> Result<Posted, LedgerError> {
    let postings = entry.canonical()?;
    if let Some(id) = find_same(tx, entry, &postings, hold).await? {
        return Ok(Posted::Already(id));
    }
    let hold = match hold {
        Some(id) => Some(find_hold(tx, id).await?.ok_or(LedgerError::UnknownHold)?),
        None => None,
    };
    let rows = lock_rows(tx, postings.keys().chain(hold.iter().map(|hold| &hold.account))).await?;
    // Whoever posted the same in the meantime held the same locks: now it shows.
    if let Some(id) = find_same(tx, entry, &postings, hold.as_ref().map(|hold| hold.id)).await? {
        return Ok(Posted::Already(id));
    }
    let hold = match hold {
        Some(hold) => Some(find_hold(tx, hold.id).await?.ok_or(LedgerError::UnknownHold)?),
        None => None,
    };
    if hold.as_ref().is_some_and(|hold| hold.state != HoldState::Held) {
        return Err(LedgerError::HoldResolved);
    }

    for (account, amount) in &postings {
        let row = row_of(&rows, account)?;
        let released = hold.as_ref().filter(|hold| hold.account == *account).map_or(Tyiyn::ZERO, |hold| hold.amount);
        let after = row.balance().available().checked_add(released).and_then(|available| available.checked_add(*amount));
        let after = after.ok_or(LedgerError::AmountOutOfRange)?;
        if row.guarded && after < Tyiyn::ZERO {
            return Err(LedgerError::InsufficientFunds);
        }
    }

    let taken = match &hold {
        Some(hold) => {
            let taken = postings.get(&hold.account).and_then(|amount| amount.checked_neg());
            Some(taken.filter(|taken| *taken > Tyiyn::ZERO).ok_or(LedgerError::AmountOutOfRange)?)
        }
        None => None,
    };

    let id = JournalEntryId::from_uuid(tx.uuid());
    let now = tx.now();
    if !store::insert_entry(tx, id, entry, now).await? {
        // Under this key another transaction posted to other accounts.
        return match find_same(tx, entry, &postings, hold.as_ref().map(|hold| hold.id)).await? {
            Some(id) => Ok(Posted::Already(id)),
            None => Err(LedgerError::KeyReused(entry.business_key.clone())),
        };
    }
    // The release comes first, or the posting would find the money still held.
    if let (Some(hold), Some(taken)) = (&hold, taken) {
        store::post_hold(tx, hold.id, id, taken, now).await?;
    }
    let mut account_ids = Vec::with_capacity(postings.len());
    let mut amounts = Vec::with_capacity(postings.len());
    for (account, amount) in &postings {
        account_ids.push(row_of(&rows, account)?.id);
        amounts.push(amount.get());
    }
    store::insert_postings(tx, id, &account_ids, &amounts).await?;
    Ok(Posted::New(id))
}

/// Sets money aside, once. The same hold again (by key, account and amount) gives the same id, whatever became of it since.
pub async fn hold(tx: &mut Tx, hold: &NewHold) -> Result<HoldId, LedgerError> {
    if !hold.account.is_guarded() {
        return Err(LedgerError::NotHoldable);
    }
    if !(1..=AMOUNT_TYIYN_MAX).contains(&hold.amount.get()) {
        return Err(LedgerError::AmountOutOfRange);
    }
    if let Some(id) = find_same_hold(tx, hold).await? {
        return Ok(id);
    }
    let rows = lock_rows(tx, std::iter::once(&hold.account)).await?;
    if let Some(id) = find_same_hold(tx, hold).await? {
        return Ok(id);
    }
    let row = row_of(&rows, &hold.account)?;
    if row.balance().available() < hold.amount {
        return Err(LedgerError::InsufficientFunds);
    }
    let id = HoldId::from_uuid(tx.uuid());
    let now = tx.now();
    if store::insert_hold(tx, id, hold, row.id, now).await? {
        return Ok(id);
    }
    find_same_hold(tx, hold).await?.ok_or_else(|| LedgerError::KeyReused(hold.business_key.clone()))
}

/// Gives the held money back, once; again changes nothing. A posted hold is [`LedgerError::HoldResolved`].
pub async fn void_hold(tx: &mut Tx, hold: HoldId) -> Result<(), LedgerError> {
    let found = find_hold(tx, hold).await?.ok_or(LedgerError::UnknownHold)?;
    lock_rows(tx, std::iter::once(&found.account)).await?;
    match find_hold(tx, hold).await?.ok_or(LedgerError::UnknownHold)?.state {
        HoldState::Voided => Ok(()),
        HoldState::Posted { .. } => Err(LedgerError::HoldResolved),
        HoldState::Held => {
            let now = tx.now();
            store::void_hold(tx, hold, now).await?;
            Ok(())
        }
    }
}

/// The hold and what became of it.
pub async fn find_hold(connection: &mut PgConnection, hold: HoldId) -> Result<Option<Hold>, LedgerError> {
    Ok(store::find_hold(connection, hold).await?)
}

/// The entry under this business key.
pub async fn find_entry(connection: &mut PgConnection, business_key: &str) -> Result<Option<JournalEntryId>, LedgerError> {
    Ok(store::find_entry(connection, business_key).await?.map(|entry| entry.id))
}

/// What is in the account; all zero when it was never opened.
pub async fn balance(executor: impl PgExecutor<'_>, account: &AccountCode) -> Result<Balance, LedgerError> {
    Ok(store::balance(executor, &account.to_string()).await?.unwrap_or_default())
}

/// The postings of the account that were effective in `from..to`, oldest first, with the balances before and after. A period
/// with more than [`STATEMENT_LINES_MAX`] of them is an error, never cut short. Read it in [`db::snapshot`] so that it adds up.
pub async fn statement(
    connection: &mut PgConnection,
    account: &AccountCode,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Statement, StatementError> {
    let code = account.to_string();
    let opening = store::balance_before(connection, &code, from).await?;
    let mut lines = store::lines(connection, &code, from, to, STATEMENT_LINES_MAX + 1).await?;
    if lines.len() > STATEMENT_LINES_MAX {
        return Err(StatementError::TooLong);
    }
    let mut balance = opening;
    for line in &mut lines {
        balance = balance.checked_add(line.amount).ok_or(StatementError::TooLong)?;
        line.balance = balance;
    }
    Ok(Statement { opening, lines, closing: balance })
}

/// A page of the account's lines. Read it in [`db::snapshot`] so that it adds up.
pub async fn lines(
    connection: &mut PgConnection,
    account: &AccountCode,
    query: LineQuery,
) -> Result<StatementPage, StatementError> {
    let code = account.to_string();
    let opening = store::balance_before(connection, &code, query.from).await?;
    let closing = store::balance_before(connection, &code, query.to).await?;
    let limit = usize::from(query.limit);
    let mut lines = store::page(connection, &code, query).await?;
    let next = if lines.len() > limit { lines.get(limit.saturating_sub(1)).map(|line| line.posting) } else { None };
    lines.truncate(limit);
    for line in &mut lines {
        line.balance = opening.checked_add(line.balance).ok_or(StatementError::TooLong)?;
    }
    Ok(StatementPage { opening, lines, closing, next })
}

/// Accounts whose code begins so and comes after `after`, by code.
pub async fn accounts(
    connection: &mut PgConnection,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Account>, sqlx::Error> {
    store::accounts(connection, prefix, after, limit).await
}

/// Whether the account was ever opened.
pub async fn is_open(connection: &mut PgConnection, account: &AccountCode) -> Result<bool, sqlx::Error> {
    Ok(store::balance(connection, &account.to_string()).await?.is_some())
}

/// The entry with all its postings.
pub async fn entry(connection: &mut PgConnection, id: JournalEntryId) -> Result<Option<Entry>, sqlx::Error> {
    Ok(store::entries(connection, Some(id), None, 1).await?.pop())
}

/// The entries that name this order as their source, the oldest first.
pub async fn entries_of_order(connection: &mut PgConnection, order: OrderId, limit: i64) -> Result<Vec<Entry>, sqlx::Error> {
    store::entries(connection, None, Some(order), limit).await
}

/// What is held of the account, the oldest first, [`STATEMENT_LINES_MAX`] at most.
pub async fn open_holds(connection: &mut PgConnection, account: &AccountCode) -> Result<Vec<OpenHold>, LedgerError> {
    Ok(store::open_holds(connection, &account.to_string()).await?)
}

/// What the entry under this business key did to the account; `None` without such an entry.
pub async fn posted(
    connection: &mut PgConnection,
    business_key: &str,
    account: &AccountCode,
) -> Result<Option<Tyiyn>, LedgerError> {
    let found = store::find_entry(connection, business_key).await?;
    Ok(found.map(|entry| Tyiyn::new(entry.postings.get(&account.to_string()).copied().unwrap_or(0))))
}

/// The sums of all accounts whose code begins so, by kind. Reads all their postings: for checks.
pub async fn kind_sums(connection: &mut PgConnection, prefix: &str) -> Result<Vec<KindSum>, sqlx::Error> {
    store::kind_sums(connection, prefix).await
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("the period has more than {STATEMENT_LINES_MAX} postings")]
    TooLong,
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Invariants 1 and 2 of DESIGN § 4, asked of the tables: the sums, the cached balances, the holds, the guards.
pub async fn invariants(db: &Db) -> Result<Vec<Violation>, sqlx::Error> {
    invariants::check(db, &[check]).await
}

/// The ledger's part of [`invariants::CHECKS`].
pub fn check(connection: &mut PgConnection) -> BoxFuture<'_, Result<Vec<Violation>, sqlx::Error>> {
    Box::pin(store::violations(connection))
}

async fn lock_rows(tx: &mut Tx, accounts: impl Iterator<Item = &AccountCode>) -> Result<Vec<AccountRow>, LedgerError> {
    let mut codes: Vec<String> = accounts.map(AccountCode::to_string).collect();
    codes.sort_unstable();
    codes.dedup();
    let rows = store::lock_accounts(tx, &codes).await?;
    if rows.len() == codes.len() {
        return Ok(rows);
    }
    let now = tx.now();
    store::open_accounts(tx, &codes, now).await?;
    Ok(store::lock_accounts(tx, &codes).await?)
}

fn row_of<'r>(rows: &'r [AccountRow], account: &AccountCode) -> Result<&'r AccountRow, LedgerError> {
    let code = account.to_string();
    // Accounts are never deleted, so what was locked is there.
    rows.iter().find(|row| row.code == code).ok_or(LedgerError::Db(sqlx::Error::RowNotFound))
}

/// The entry under this key when it says the same; an error when it says something else.
async fn find_same(
    tx: &mut Tx,
    entry: &NewEntry,
    postings: &BTreeMap<AccountCode, Tyiyn>,
    hold: Option<HoldId>,
) -> Result<Option<JournalEntryId>, LedgerError> {
    let Some(found) = store::find_entry(tx, &entry.business_key).await? else { return Ok(None) };
    let same_postings = found.postings.len() == postings.len()
        && postings.iter().all(|(account, amount)| found.postings.get(&account.to_string()) == Some(&amount.get()));
    if found.kind == entry.kind && found.hold == hold && same_postings {
        Ok(Some(found.id))
    } else {
        Err(LedgerError::KeyReused(entry.business_key.clone()))
    }
}

async fn find_same_hold(tx: &mut Tx, hold: &NewHold) -> Result<Option<HoldId>, LedgerError> {
    match store::find_hold_by_key(tx, &hold.business_key).await? {
        None => Ok(None),
        Some(found) if found.account == hold.account && found.amount == hold.amount => Ok(Some(found.id)),
        Some(_) => Err(LedgerError::KeyReused(hold.business_key.clone())),
    }
}
