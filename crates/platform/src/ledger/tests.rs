//! The ledger against a real PostgreSQL: one at a time against a model, many at once, and attacked with bare SQL.

use std::collections::BTreeMap;

use domain::{OrderId, PartnerId};
use futures::future::join_all;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::testing::TestDb;

fn som(som: i64) -> Tyiyn {
    Tyiyn::from_som(som).expect("a small sum")
}

fn guest() -> AccountCode {
    AccountCode::GuestOrder(OrderId::from_uuid(Uuid::from_u128(1)))
}

fn driver() -> AccountCode {
    AccountCode::Driver(Uuid::from_u128(2))
}

fn energy() -> AccountCode {
    AccountCode::Revenue(Revenue::Energy)
}

/// The ledger of a test, with one transaction a call.
struct Ledger {
    test: TestDb,
}

impl Ledger {
    async fn new() -> Self {
        Self { test: TestDb::new().await }
    }

    async fn post(&self, entry: NewEntry) -> Result<Posted, LedgerError> {
        db::tx(&self.test.db, move |mut tx| {
            let entry = entry.clone();
            async move { post(&mut tx, &entry).await }
        })
        .await
    }

    async fn hold(&self, key: &str, account: AccountCode, amount: Tyiyn) -> Result<HoldId, LedgerError> {
        let new = NewHold { business_key: key.to_owned(), account, amount };
        db::tx(&self.test.db, move |mut tx| {
            let new = new.clone();
            async move { hold(&mut tx, &new).await }
        })
        .await
    }

    async fn post_hold(&self, hold: HoldId, entry: NewEntry) -> Result<Posted, LedgerError> {
        db::tx(&self.test.db, move |mut tx| {
            let entry = entry.clone();
            async move { post_hold(&mut tx, hold, &entry).await }
        })
        .await
    }

    async fn void_hold(&self, hold: HoldId) -> Result<(), LedgerError> {
        db::tx(&self.test.db, move |mut tx| async move { void_hold(&mut tx, hold).await }).await
    }

    async fn pay_in(&self, account: AccountCode, amount: Tyiyn) {
        let entry = self.entry(&format!("paid:{account}")).debit(AccountCode::NambaClearing, amount).credit(account, amount);
        self.post(entry).await.expect("paying in");
    }

    fn entry(&self, key: &str) -> NewEntry {
        NewEntry::new("test", key, "A test", self.test.db.now())
    }

    async fn balance(&self, account: &AccountCode) -> Balance {
        balance(self.test.db.pool(), account).await.expect("a balance")
    }

    async fn assert_sound(&self) {
        assert_eq!(invariants(&self.test.db).await.expect("checking"), []);
    }

    /// The name of the rule by which the database refuses the statements, run as one transaction.
    async fn refused_by(&self, statements: &str) -> String {
        let mut connection = self.test.db.pool().acquire().await.expect("a connection");
        let transaction = format!("begin; {statements}; commit");
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(transaction)).execute(&mut *connection).await.expect_err(statements);
        sqlx::raw_sql("rollback").execute(&mut *connection).await.expect("rolling back");
        self.assert_sound().await;
        db::constraint(&error).unwrap_or_else(|| panic!("refused without a rule: {error}")).to_owned()
    }
}

#[test]
fn account_codes_read_back() {
    let id = Uuid::from_u128(7);
    let all = [
        AccountCode::GuestOrder(OrderId::from_uuid(id)),
        AccountCode::Driver(id),
        AccountCode::Company(id),
        AccountCode::CompanyReceivable(id),
        AccountCode::PartnerPayable(PartnerId::from_uuid(id)),
        AccountCode::NambaClearing,
        AccountCode::NambaCash,
        AccountCode::RefundsClearing,
        AccountCode::Revenue(Revenue::Energy),
        AccountCode::Revenue(Revenue::Idle),
        AccountCode::Revenue(Revenue::Booking),
        AccountCode::Tax(TaxCode::parse("sales_tax").expect("a tax")),
        AccountCode::WriteOff,
        AccountCode::Rounding,
    ];
    for account in all {
        assert_eq!(AccountCode::parse(&account.to_string()), Ok(account));
    }
    for wrong in
        ["", "driver:", "driver:1", "tax:", "tax:VAT", "company:x:receivable", "DRIVER:00000000-0000-0000-0000-000000000007"]
    {
        assert_eq!(AccountCode::parse(wrong), Err(InvalidAccountCode), "{wrong}");
    }
}

#[tokio::test]
async fn every_account_opens_and_is_guarded_as_its_name_says() {
    let ledger = Ledger::new().await;
    let id = Uuid::from_u128(7);
    let accounts = [
        guest(),
        driver(),
        AccountCode::Company(id),
        AccountCode::CompanyReceivable(id),
        AccountCode::PartnerPayable(PartnerId::from_uuid(id)),
        AccountCode::NambaClearing,
        AccountCode::NambaCash,
        AccountCode::RefundsClearing,
        AccountCode::Revenue(Revenue::Energy),
        AccountCode::Revenue(Revenue::Idle),
        AccountCode::Revenue(Revenue::Booking),
        AccountCode::Tax(TaxCode::parse("vat").expect("a tax")),
        AccountCode::WriteOff,
        AccountCode::Rounding,
    ];
    for account in accounts {
        let code = account.to_string();
        let guarded = account.is_guarded();
        db::tx(&ledger.test.db, move |mut tx| {
            let account = account.clone();
            async move { open_account(&mut tx, &account).await }
        })
        .await
        .expect("opening");
        let stored: bool = sqlx::query_scalar("select guarded from account where code = $1")
            .bind(&code)
            .fetch_one(ledger.test.db.pool())
            .await
            .expect("the account");
        assert_eq!(stored, guarded, "{code}");
    }
}

#[tokio::test]
async fn a_guest_pays_holds_is_billed_and_gets_the_rest_back() {
    let ledger = Ledger::new().await;
    ledger.pay_in(guest(), som(500)).await;
    let hold = ledger.hold("session:1", guest(), som(475)).await.expect("a hold");
    assert_eq!(ledger.balance(&guest()).await.available(), som(25));

    let vat = AccountCode::Tax(TaxCode::parse("vat").expect("a tax"));
    let bill = ledger.entry("capture:1").debit(guest(), som(300)).credit(energy(), som(268)).credit(vat, som(32));
    assert!(ledger.post_hold(hold, bill).await.expect("the bill").is_new());
    assert_eq!(ledger.balance(&guest()).await, Balance { posted: som(200), held: Tyiyn::ZERO, credit_limit: Tyiyn::ZERO });

    let rest = ledger.entry("refund:1").debit(guest(), som(200)).credit(AccountCode::RefundsClearing, som(200));
    ledger.post(rest).await.expect("the refund");
    assert_eq!(ledger.balance(&guest()).await, Balance::default());
    ledger.assert_sound().await;
}

#[tokio::test]
async fn a_bill_may_pass_the_hold_while_the_account_covers_it() {
    let ledger = Ledger::new().await;
    ledger.pay_in(guest(), som(500)).await;
    let hold = ledger.hold("session:1", guest(), som(475)).await.expect("a hold");
    let bill = |sum| ledger.entry("capture:1").debit(guest(), som(sum)).credit(energy(), som(sum));

    assert!(matches!(ledger.post_hold(hold, bill(501)).await, Err(LedgerError::InsufficientFunds)));
    assert_eq!(ledger.balance(&guest()).await.held, som(475));
    ledger.post_hold(hold, bill(500)).await.expect("the bill");
    assert_eq!(ledger.balance(&guest()).await, Balance::default());
}

#[tokio::test]
async fn a_refusal_leaves_the_transaction_usable() {
    let ledger = Ledger::new().await;
    ledger.pay_in(driver(), som(10)).await;
    let paid = ledger.entry("fallback").debit(driver(), som(10)).credit(energy(), som(10));
    db::tx(&ledger.test.db, move |mut tx| {
        let paid = paid.clone();
        async move {
            let too_much = NewHold { business_key: "h".into(), account: driver(), amount: som(11) };
            assert!(matches!(hold(&mut tx, &too_much).await, Err(LedgerError::InsufficientFunds)));
            post(&mut tx, &paid).await
        }
    })
    .await
    .expect("the rest of the transaction");
    ledger.assert_sound().await;
}

#[tokio::test]
async fn a_company_spends_down_to_its_credit_limit() {
    let ledger = Ledger::new().await;
    let company = AccountCode::Company(Uuid::from_u128(3));
    let limited = company.clone();
    db::tx(&ledger.test.db, move |mut tx| {
        let limited = limited.clone();
        async move { set_credit_limit(&mut tx, &limited, som(100)).await }
    })
    .await
    .expect("a limit");
    ledger.hold("a", company.clone(), som(100)).await.expect("a hold on credit");
    assert!(matches!(ledger.hold("b", company.clone(), Tyiyn::new(1)).await, Err(LedgerError::InsufficientFunds)));

    let lowered = company.clone();
    let lower = db::tx(&ledger.test.db, move |mut tx| {
        let lowered = lowered.clone();
        async move { set_credit_limit(&mut tx, &lowered, som(99)).await }
    });
    assert!(matches!(lower.await, Err(LedgerError::InsufficientFunds)));
}

#[tokio::test]
async fn the_same_key_with_other_content_is_a_fault() {
    let ledger = Ledger::new().await;
    ledger.pay_in(driver(), som(100)).await;
    let entry = |sum| ledger.entry("once").debit(driver(), som(sum)).credit(energy(), som(sum));
    let first = ledger.post(entry(10)).await.expect("new");
    assert_eq!(ledger.post(entry(10)).await.expect("again"), Posted::Already(first.id()));
    assert!(matches!(ledger.post(entry(11)).await, Err(LedgerError::KeyReused(_))));

    let hold = ledger.hold("h", driver(), som(5)).await.expect("a hold");
    assert_eq!(ledger.hold("h", driver(), som(5)).await.expect("again"), hold);
    assert!(matches!(ledger.hold("h", driver(), som(6)).await, Err(LedgerError::KeyReused(_))));
    assert!(matches!(ledger.post_hold(hold, entry(10)).await, Err(LedgerError::KeyReused(_))));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_the_database_sees_it() {
    let ledger = Ledger::new().await;
    let unbalanced = ledger.entry("a").debit(driver(), som(1)).credit(energy(), som(2));
    assert!(matches!(ledger.post(unbalanced).await, Err(LedgerError::Unbalanced)));
    assert!(matches!(ledger.post(ledger.entry("a")).await, Err(LedgerError::AccountsPerEntry)));
    let huge = Tyiyn::new(i64::MAX);
    let huge = ledger.entry("a").debit(AccountCode::NambaCash, huge).credit(energy(), huge);
    assert!(matches!(ledger.post(huge).await, Err(LedgerError::AmountOutOfRange)));
    let least = ledger.entry("a").debit(AccountCode::NambaCash, Tyiyn::new(i64::MIN));
    assert!(matches!(ledger.post(least).await, Err(LedgerError::AmountOutOfRange)));
    assert!(matches!(ledger.hold("h", driver(), Tyiyn::ZERO).await, Err(LedgerError::AmountOutOfRange)));
    assert!(matches!(ledger.hold("h", energy(), som(1)).await, Err(LedgerError::NotHoldable)));
    let nobody = HoldId::from_uuid(Uuid::nil());
    assert!(matches!(ledger.void_hold(nobody).await, Err(LedgerError::UnknownHold)));
}

#[tokio::test]
async fn a_statement_adds_up() {
    let ledger = Ledger::new().await;
    let start = ledger.test.db.now();
    let day = chrono::TimeDelta::days(1);
    ledger.pay_in(driver(), som(100)).await;
    for (number, sum) in [30, 20, 10].into_iter().enumerate() {
        ledger.test.clock.advance(day);
        let entry = ledger.entry(&format!("charge:{number}")).debit(driver(), som(sum)).credit(energy(), som(sum));
        ledger.post(entry).await.expect("a charge");
    }
    let mut connection = ledger.test.db.pool().acquire().await.expect("a connection");
    let statement = statement(&mut connection, &driver(), start + day, start + day * 3).await.expect("a statement");
    let lines: Vec<_> = statement.lines.iter().map(|line| (line.business_key.as_str(), line.amount, line.balance)).collect();
    assert_eq!(statement.opening, som(100));
    assert_eq!(lines, [("charge:0", som(-30), som(70)), ("charge:1", som(-20), som(50))]);
    assert_eq!(statement.closing, som(50));
}

// Many at once.

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_holds_at_once_just_those_succeed_that_are_covered() {
    let ledger = Ledger::new().await;
    ledger.pay_in(driver(), som(500)).await;
    let keys: Vec<String> = (0..100).map(|number| format!("session:{number}")).collect();
    let results = join_all(keys.iter().map(|key| ledger.hold(key, driver(), som(10)))).await;
    let refused = results.iter().filter(|result| matches!(result, Err(LedgerError::InsufficientFunds))).count();
    assert_eq!((results.iter().filter(|result| result.is_ok()).count(), refused), (50, 50));
    assert_eq!(ledger.balance(&driver()).await.available(), Tyiyn::ZERO);
    ledger.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_equal_postings_at_once_one_is_new() {
    let ledger = Ledger::new().await;
    let entry = ledger.entry("paid:1").debit(AccountCode::NambaClearing, som(5)).credit(guest(), som(5));
    let results = join_all((0..100).map(|_| ledger.post(entry.clone()))).await;
    let posted: Vec<Posted> = results.into_iter().map(|result| result.expect("posted or already")).collect();
    assert_eq!(posted.iter().filter(|posted| posted.is_new()).count(), 1);
    assert!(posted.iter().all(|one| one.id() == posted[0].id()));
    assert_eq!(ledger.balance(&guest()).await.posted, som(5));

    let results = join_all((0..50).map(|_| ledger.hold("session:1", guest(), som(5)))).await;
    let holds: Vec<HoldId> = results.into_iter().map(|result| result.expect("the one hold")).collect();
    assert!(holds.iter().all(|hold| *hold == holds[0]));
    ledger.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_that_many_post_and_void_at_once_is_resolved_once() {
    let ledger = Ledger::new().await;
    ledger.pay_in(guest(), som(500)).await;
    for round in 0..10 {
        let hold = ledger.hold(&format!("session:{round}"), guest(), som(10)).await.expect("a hold");
        let bill =
            |number: i32| ledger.entry(&format!("capture:{round}:{number}")).debit(guest(), som(1)).credit(energy(), som(1));
        let posts = join_all((0..5).map(|number| ledger.post_hold(hold, bill(number))));
        let voids = join_all((0..5).map(|_| ledger.void_hold(hold)));
        let (posts, voids) = futures::join!(posts, voids);
        let posted = posts.iter().filter(|post| matches!(post, Ok(Posted::New(_)))).count();
        let voided = voids.iter().filter(|void| void.is_ok()).count();
        assert!((posted, voided) == (1, 0) || (posted, voided) == (0, 5), "{posted} posted, {voided} voided");
        let others =
            posts.iter().filter_map(|post| post.as_ref().err()).chain(voids.iter().filter_map(|void| void.as_ref().err()));
        assert!(others.into_iter().all(|error| matches!(error, LedgerError::HoldResolved)));
    }
    ledger.assert_sound().await;
}

/// Transfers between two accounts in both directions, two entries a transaction, all at once.
async fn transfer_crosswise(transfers: usize, lock_first: bool) {
    let ledger = Ledger::new().await;
    let (one, two) = (AccountCode::Driver(Uuid::from_u128(11)), AccountCode::Driver(Uuid::from_u128(12)));
    ledger.pay_in(one.clone(), som(1_000)).await;
    ledger.pay_in(two.clone(), som(1_000)).await;
    let transfers = (0..transfers).map(|number| {
        let (from, to) = if number % 2 == 0 { (one.clone(), two.clone()) } else { (two.clone(), one.clone()) };
        let out = ledger.entry(&format!("out:{number}")).debit(from.clone(), som(1)).credit(AccountCode::Rounding, som(1));
        let into = ledger.entry(&format!("in:{number}")).debit(AccountCode::Rounding, som(1)).credit(to.clone(), som(1));
        let accounts = [from, to, AccountCode::Rounding];
        db::tx(&ledger.test.db, move |mut tx| {
            let (out, into, accounts) = (out.clone(), into.clone(), accounts.clone());
            async move {
                if lock_first {
                    lock(&mut tx, &accounts).await?;
                }
                post(&mut tx, &out).await?;
                post(&mut tx, &into).await
            }
        })
    });
    for result in join_all(transfers).await {
        result.expect("a transfer");
    }
    assert_eq!((ledger.balance(&one).await.posted, ledger.balance(&two).await.posted), (som(1_000), som(1_000)));
    ledger.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_crosswise_that_lock_first_only_queue() {
    transfer_crosswise(100, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_crosswise_in_any_order_are_sorted_out_by_the_server() {
    transfer_crosswise(4, false).await;
}

// Attacks with bare SQL, as the owner of the tables.

/// A ledger with an entry, a held and a posted hold.
async fn attacked() -> Ledger {
    let ledger = Ledger::new().await;
    ledger.pay_in(guest(), som(500)).await;
    let posted = ledger.hold("session:1", guest(), som(100)).await.expect("a hold");
    let bill = ledger.entry("capture:1").debit(guest(), som(90)).credit(energy(), som(90));
    ledger.post_hold(posted, bill).await.expect("a bill");
    ledger.hold("session:2", guest(), som(200)).await.expect("a hold");
    ledger
}

const NEW_ENTRY: &str = "insert into journal_entry (id, business_key, kind, effective_at, recorded_at, explanation, source, made_in) \
    values ('00000000-0000-0000-0000-0000000000ff', 'attack', 'attack', now(), now(), 'attack', '{}', '1')";

fn posting(account: &str, amount: i64) -> String {
    format!(
        "insert into posting (entry_id, account_id, amount_tyiyn) \
         select '00000000-0000-0000-0000-0000000000ff', id, {amount} from account where code like '{account}%'"
    )
}

#[tokio::test]
async fn history_cannot_be_rewritten() {
    let ledger = attacked().await;
    for (attack, rule) in [
        ("update posting set amount_tyiyn = amount_tyiyn + 1", "posting_append_only"),
        ("delete from posting", "posting_append_only"),
        ("truncate posting", "posting_append_only"),
        ("truncate posting cascade", "posting_append_only"),
        ("update journal_entry set explanation = 'nothing'", "journal_entry_append_only"),
        ("delete from journal_entry", "journal_entry_append_only"),
        ("truncate journal_entry cascade", "journal_entry_append_only"),
        ("delete from account", "account_no_delete"),
        ("truncate account cascade", "account_no_delete"),
        ("delete from hold", "hold_no_delete"),
        ("truncate hold", "hold_no_delete"),
        ("insert into account (code, opened_at) values ('driver:somebody', now())", "account_code_known"),
        ("update account set code = 'namba:cash' where code = 'namba:clearing'", "account_immutable"),
    ] {
        // A cascading truncate may meet the guard of another table first.
        let refused = ledger.refused_by(attack).await;
        let by_a_guard = attack.ends_with("cascade") && refused.ends_with("_append_only") | refused.ends_with("_no_delete");
        assert!(refused == rule || by_a_guard, "{attack}: {refused}");
    }
}

#[tokio::test]
async fn balances_cannot_be_written() {
    let ledger = attacked().await;
    for attack in [
        "update account set balance_tyiyn = balance_tyiyn + 100000",
        "update account set held_tyiyn = 0 where held_tyiyn > 0",
        "insert into account (code, opened_at) values ('write_off', now()) on conflict do nothing; \
         update account set balance_tyiyn = 1 where code = 'write_off'",
    ] {
        assert_eq!(ledger.refused_by(attack).await, "account_balance_derived", "{attack}");
    }
    let rich =
        "insert into account (code, opened_at, balance_tyiyn) values ('driver:00000000-0000-0000-0000-000000000009', now(), 5)";
    assert_eq!(ledger.refused_by(rich).await, "account_starts_empty");
    assert_eq!(
        ledger.refused_by("update account set credit_limit_tyiyn = -1 where guarded").await,
        "account_credit_limit_range"
    );
    assert_eq!(
        ledger.refused_by("update account set credit_limit_tyiyn = 1 where code = 'namba:clearing'").await,
        "account_credit_limit_of_guarded"
    );
}

#[tokio::test]
async fn an_entry_that_does_not_balance_does_not_commit() {
    let ledger = attacked().await;
    let (debit, credit) = (posting("namba:clearing", -5), posting("revenue:energy", 5));
    let attacks = [
        NEW_ENTRY.to_owned(),
        format!("{NEW_ENTRY}; {debit}"),
        format!("{NEW_ENTRY}; {debit}; {}", posting("revenue:energy", 6)),
        // The check may be called early, but it stays on guard.
        format!("{NEW_ENTRY}; {debit}; {credit}; set constraints all immediate; {debit}"),
        format!("{NEW_ENTRY}; {debit}; {credit}; set constraints all immediate; set constraints all deferred; {debit}"),
    ];
    for attack in attacks {
        assert_eq!(ledger.refused_by(&attack).await, "journal_entry_balanced", "{attack}");
    }
    assert_eq!(ledger.refused_by(&format!("{NEW_ENTRY}; {}", posting("namba:clearing", 0))).await, "posting_amount_range");
    let overdraft = format!("{NEW_ENTRY}; {}; {}", posting("guest_order", -50_000), posting("revenue:energy", 50_000));
    assert_eq!(ledger.refused_by(&overdraft).await, "account_available_not_negative");
}

#[tokio::test]
async fn postings_come_with_their_entry_or_not_at_all() {
    let ledger = attacked().await;
    let late = "insert into posting (entry_id, account_id, amount_tyiyn) \
        select e.id, a.id, v.amount from journal_entry e, account a, (values (1), (-1)) as v (amount) \
        where e.business_key = 'capture:1' and a.code = 'revenue:energy'";
    assert_eq!(ledger.refused_by(late).await, "posting_with_entry");
    // Not even with a forged mark: the trigger writes the true one.
    let forged = NEW_ENTRY.replace("'1')", "'99999999')");
    let sound = format!("begin; {forged}; {}; {}; commit", posting("namba:clearing", -5), posting("revenue:energy", 5));
    sqlx::raw_sql(sqlx::AssertSqlSafe(sound)).execute(ledger.test.db.pool()).await.expect("a sound entry by hand");
    let again = format!("{}; {}", posting("namba:clearing", -5), posting("revenue:energy", 5));
    assert_eq!(ledger.refused_by(&again).await, "posting_with_entry");
}

#[tokio::test]
async fn a_hold_is_resolved_once_and_by_its_own_entry() {
    let ledger = attacked().await;
    let post = |key: &str, entry: &str, amount: i64| {
        format!(
            "update hold set state = 'posted', posted_tyiyn = {amount}, resolved_at = now(), \
             entry_id = (select id from journal_entry where business_key = '{entry}') where business_key = '{key}'"
        )
    };
    let attacks = [
        (post("session:1", "capture:1", 9_000), "hold_resolved_once"),
        (
            "update hold set state = 'voided', resolved_at = now() where business_key = 'session:1'".to_owned(),
            "hold_resolved_once",
        ),
        (
            "update hold set state = 'held', entry_id = null, posted_tyiyn = null, resolved_at = null".to_owned(),
            "hold_resolved_once",
        ),
        (post("session:2", "capture:1", 9_000), "hold_posted_with_entry"),
        ("update hold set amount_tyiyn = 1 where business_key = 'session:2'".to_owned(), "hold_immutable"),
        (
            "update hold set amount_tyiyn = 1, state = 'voided', resolved_at = now() where business_key = 'session:2'"
                .to_owned(),
            "hold_immutable",
        ),
        (
            format!(
                "{NEW_ENTRY}; {}; {}; {}",
                posting("guest_order", -500),
                posting("revenue:energy", 500),
                post("session:2", "attack", 400)
            ),
            "hold_posted_amount",
        ),
        ("update hold set state = 'voided' where business_key = 'session:2'".to_owned(), "hold_resolution_whole"),
        (
            "insert into hold (id, business_key, account_id, amount_tyiyn, held_at) \
             select gen_random_uuid(), 'h', id, 10000000, now() from account where code like 'guest_order:%'"
                .to_owned(),
            "account_available_not_negative",
        ),
        (
            "insert into hold (id, business_key, account_id, amount_tyiyn, held_at) \
             select gen_random_uuid(), 'h', id, 1, now() from account where code = 'namba:clearing'"
                .to_owned(),
            "hold_of_payer",
        ),
        (
            "insert into hold (id, business_key, account_id, amount_tyiyn, state, held_at, resolved_at) \
             select gen_random_uuid(), 'h', id, 1, 'voided', now(), now() from account where code like 'guest_order:%'"
                .to_owned(),
            "hold_starts_held",
        ),
    ];
    for (attack, rule) in attacks {
        assert_eq!(ledger.refused_by(&attack).await, rule, "{attack}");
    }
}

#[tokio::test]
async fn the_invariants_find_what_a_broken_database_would_hide() {
    let ledger = attacked().await;
    // As nobody can by mistake: the triggers switched off.
    const BREAK: &str = "begin; set local session_replication_role = replica; \
        update account set balance_tyiyn = -1, held_tyiyn = held_tyiyn + 1 where code like 'guest_order:%'; \
        update posting set amount_tyiyn = amount_tyiyn + 1 where account_id = (select id from account where code = 'revenue:energy'); \
        update hold set posted_tyiyn = 1 where state = 'posted'; commit";
    let mut connection = ledger.test.db.pool().acquire().await.expect("a connection");
    let refused = sqlx::raw_sql(BREAK).execute(&mut *connection).await.expect_err("check constraints hold even then");
    assert_eq!(db::constraint(&refused), Some("account_available_not_negative"));
    let unchecked = "rollback; alter table account drop constraint account_available_not_negative";
    sqlx::raw_sql(unchecked).execute(&mut *connection).await.expect("dropping the check");
    sqlx::raw_sql(BREAK).execute(&mut *connection).await.expect("breaking the ledger");

    let mut rules: Vec<_> = invariants(&ledger.test.db).await.expect("checking").into_iter().map(|found| found.rule).collect();
    rules.dedup();
    assert_eq!(
        rules,
        [
            "ledger.entry_balanced",
            "ledger.balance_is_sum",
            "ledger.held_is_sum",
            "ledger.available_not_negative",
            "ledger.hold_posted_amount"
        ]
    );
}

// Random stories against a model.

#[derive(Debug, Clone)]
enum Step {
    Post { key: u8, from: usize, to: usize, also: Option<usize>, amount: i64 },
    Hold { key: u8, account: usize, amount: i64 },
    PostHold { hold: u8, key: u8, to: usize, amount: i64 },
    VoidHold { hold: u8 },
}

/// Few keys and small sums, so that repetitions and refusals happen.
fn step() -> impl Strategy<Value = Step> {
    let account = 0..ACCOUNTS;
    prop_oneof![
        3 => (0..12_u8, account.clone(), account.clone(), proptest::option::of(account.clone()), 1..60_i64)
            .prop_map(|(key, from, to, also, amount)| Step::Post { key, from, to, also, amount }),
        3 => (0..8_u8, account.clone(), 0..60_i64).prop_map(|(key, account, amount)| Step::Hold { key, account, amount }),
        2 => (0..8_u8, 0..12_u8, account, 1..60_i64).prop_map(|(hold, key, to, amount)| Step::PostHold { hold, key, to, amount }),
        1 => (0..8_u8).prop_map(|hold| Step::VoidHold { hold }),
    ]
}

const ACCOUNTS: usize = 5;

fn account(index: usize) -> AccountCode {
    match index {
        0 => guest(),
        1 => driver(),
        2 => AccountCode::Company(Uuid::from_u128(3)),
        3 => energy(),
        _ => AccountCode::NambaClearing,
    }
}

/// What a step should give.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    New,
    Already,
    Refused(&'static str),
}

fn name(error: &LedgerError) -> &'static str {
    match error {
        LedgerError::InsufficientFunds => "InsufficientFunds",
        LedgerError::AccountsPerEntry => "AccountsPerEntry",
        LedgerError::AmountOutOfRange => "AmountOutOfRange",
        LedgerError::KeyReused(_) => "KeyReused",
        LedgerError::HoldResolved => "HoldResolved",
        LedgerError::NotHoldable => "NotHoldable",
        other => panic!("unexpected: {other:?}"),
    }
}

/// The ledger in fifty lines, without a database.
#[derive(Default)]
struct Model {
    balances: BTreeMap<AccountCode, i64>,
    entries: BTreeMap<String, (BTreeMap<AccountCode, i64>, Option<u8>)>,
    holds: BTreeMap<u8, ModelHold>,
}

struct ModelHold {
    id: HoldId,
    account: AccountCode,
    amount: i64,
    open: bool,
    voided: bool,
}

impl Model {
    fn held(&self, account: &AccountCode) -> i64 {
        self.holds.values().filter(|hold| hold.open && hold.account == *account).map(|hold| hold.amount).sum()
    }

    fn available(&self, account: &AccountCode) -> i64 {
        self.balances.get(account).copied().unwrap_or_default() - self.held(account)
    }

    fn post(&mut self, key: &str, lines: &[(AccountCode, i64)], hold: Option<u8>) -> Expected {
        let mut sums: BTreeMap<AccountCode, i64> = BTreeMap::new();
        for (account, amount) in lines {
            *sums.entry(account.clone()).or_default() += amount;
        }
        sums.retain(|_, sum| *sum != 0);
        if sums.len() < 2 {
            return Expected::Refused("AccountsPerEntry");
        }
        if let Some(found) = self.entries.get(key) {
            return if *found == (sums, hold) { Expected::Already } else { Expected::Refused("KeyReused") };
        }
        let held = hold.map(|key| &self.holds[&key]);
        if held.is_some_and(|hold| !hold.open) {
            return Expected::Refused("HoldResolved");
        }
        for (account, sum) in &sums {
            let released = held.filter(|hold| hold.account == *account).map_or(0, |hold| hold.amount);
            if account.is_guarded() && self.available(account) + released + sum < 0 {
                return Expected::Refused("InsufficientFunds");
            }
        }
        if held.is_some_and(|hold| sums.get(&hold.account).is_none_or(|sum| *sum >= 0)) {
            return Expected::Refused("AmountOutOfRange");
        }
        for (account, sum) in &sums {
            *self.balances.entry(account.clone()).or_default() += sum;
        }
        if let Some(hold) = hold.and_then(|key| self.holds.get_mut(&key)) {
            hold.open = false;
        }
        self.entries.insert(key.to_owned(), (sums, hold));
        Expected::New
    }
}

async fn play(steps: Vec<Step>) {
    let ledger = Ledger::new().await;
    let mut model = Model::default();
    for step in steps {
        let (expected, got) = match &step {
            Step::Post { key, from, to, also, amount } => {
                let mut lines = vec![(account(*from), -amount), (account(*to), *amount)];
                if let Some(also) = also {
                    lines.extend([(account(*from), -3), (account(*also), 3)]);
                }
                let key = format!("entry:{key}");
                let entry = lines.iter().fold(ledger.entry(&key), |entry, (account, amount)| {
                    if *amount < 0 {
                        entry.debit(account.clone(), Tyiyn::new(-amount))
                    } else {
                        entry.credit(account.clone(), Tyiyn::new(*amount))
                    }
                });
                (model.post(&key, &lines, None), ledger.post(entry).await)
            }
            Step::Hold { key, account: index, amount } => {
                let got = ledger.hold(&format!("hold:{key}"), account(*index), Tyiyn::new(*amount)).await;
                let expected = if !account(*index).is_guarded() {
                    Expected::Refused("NotHoldable")
                } else if *amount == 0 {
                    Expected::Refused("AmountOutOfRange")
                } else if let Some(found) = model.holds.get(key) {
                    let same = found.account == account(*index) && found.amount == *amount;
                    if same { Expected::Already } else { Expected::Refused("KeyReused") }
                } else if model.available(&account(*index)) < *amount {
                    Expected::Refused("InsufficientFunds")
                } else {
                    let id = *got.as_ref().expect("a covered hold");
                    let hold = ModelHold { id, account: account(*index), amount: *amount, open: true, voided: false };
                    model.holds.insert(*key, hold);
                    Expected::New
                };
                let got = got.map(|id| {
                    assert_eq!(id, model.holds[key].id);
                    if expected == Expected::New {
                        Posted::New(JournalEntryId::from_uuid(Uuid::nil()))
                    } else {
                        Posted::Already(JournalEntryId::from_uuid(Uuid::nil()))
                    }
                });
                (expected, got)
            }
            Step::PostHold { hold, key, to, amount } => {
                let Some(found) = model.holds.get(hold) else { continue };
                let (id, from, key) = (found.id, found.account.clone(), format!("entry:{key}"));
                let lines = [(from.clone(), -amount), (account(*to), *amount)];
                let entry = ledger.entry(&key).debit(from, Tyiyn::new(*amount)).credit(account(*to), Tyiyn::new(*amount));
                (model.post(&key, &lines, Some(*hold)), ledger.post_hold(id, entry).await)
            }
            Step::VoidHold { hold } => {
                let Some(found) = model.holds.get_mut(hold) else { continue };
                let expected = match (found.open, found.voided) {
                    (true, _) => Expected::New,
                    (false, true) => Expected::Already,
                    (false, false) => Expected::Refused("HoldResolved"),
                };
                let got = ledger.void_hold(found.id).await.map(|()| {
                    let nil = JournalEntryId::from_uuid(Uuid::nil());
                    if found.open { Posted::New(nil) } else { Posted::Already(nil) }
                });
                if found.open {
                    (found.open, found.voided) = (false, true);
                }
                (expected, got)
            }
        };
        let got = match &got {
            Ok(Posted::New(_)) => Expected::New,
            Ok(Posted::Already(_)) => Expected::Already,
            Err(error) => Expected::Refused(name(error)),
        };
        assert_eq!(got, expected, "{step:?}");
    }
    for index in 0..ACCOUNTS {
        let account = account(index);
        let balance = ledger.balance(&account).await;
        let wanted = (model.balances.get(&account).copied().unwrap_or_default(), model.held(&account));
        assert_eq!((balance.posted.get(), balance.held.get()), wanted, "{account}");
    }
    ledger.assert_sound().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_story_goes_as_in_the_model(steps in proptest::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(play(steps));
    }
}

/// The same stories, all their steps at once: the order is the database's, and the invariants hold in any.
async fn play_at_once(steps: Vec<Step>) {
    let ledger = Ledger::new().await;
    ledger.pay_in(guest(), Tyiyn::new(100)).await;
    let mut holds = BTreeMap::new();
    for key in 0..8_u8 {
        if let Ok(id) = ledger.hold(&format!("hold:{key}"), guest(), Tyiyn::new(20)).await {
            holds.insert(key, id);
        }
    }
    let ledger = &ledger;
    let holds = &holds;
    let all = steps.iter().map(|step| async move {
        let result = match step {
            Step::Post { key, from, to, amount, .. } => {
                let amount = Tyiyn::new(*amount);
                let entry = ledger.entry(&format!("entry:{key}")).debit(account(*from), amount).credit(account(*to), amount);
                ledger.post(entry).await.map(|_| ())
            }
            Step::Hold { key, account: index, amount } => {
                ledger.hold(&format!("more:{key}"), account(*index), Tyiyn::new(*amount)).await.map(|_| ())
            }
            Step::PostHold { hold, key, to, amount } => match holds.get(hold) {
                Some(id) => {
                    let amount = Tyiyn::new(*amount);
                    let entry = ledger.entry(&format!("entry:{key}")).debit(guest(), amount).credit(account(*to), amount);
                    ledger.post_hold(*id, entry).await.map(|_| ())
                }
                None => Ok(()),
            },
            Step::VoidHold { hold } => match holds.get(hold) {
                Some(id) => ledger.void_hold(*id).await,
                None => Ok(()),
            },
        };
        if let Err(error) = result {
            // Panics for every error that is no refusal.
            name(&error);
        }
    });
    join_all(all).await;
    ledger.assert_sound().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn any_story_told_all_at_once_leaves_the_ledger_sound(steps in proptest::collection::vec(step(), 20..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
        runtime.block_on(play_at_once(steps));
    }
}
