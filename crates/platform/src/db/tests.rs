use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;
use crate::testing::TestDb;

async fn probe_table(db: &Db) {
    sqlx::query("create table probe (n integer primary key, value integer not null default 0)")
        .execute(db.pool())
        .await
        .expect("a table");
}

async fn insert(tx: &mut Tx, n: i32) -> Result<(), sqlx::Error> {
    sqlx::query("insert into probe (n) values ($1)").bind(n).execute(&mut **tx).await.map(|_| ())
}

async fn count(db: &Db) -> i64 {
    sqlx::query_scalar("select count(*) from probe").fetch_one(db.pool()).await.expect("counting")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_dropped_callers_leave_no_open_transaction_behind() {
    let test = TestDb::with_connections(1).await;
    probe_table(&test.db).await;
    for polls in 0..1_000 {
        let mut caller =
            Box::pin(tx(&test.db, |mut tx| async move { sqlx::query("select 1").execute(&mut *tx).await.map(|_| ()) }));
        // The caller goes away after 1, 2 or 3 looks: before, during and after BEGIN.
        for _ in 0..=polls % 3 {
            let _ = (&mut caller).now_or_never();
            tokio::task::yield_now().await;
        }
        drop(caller);
        if polls % 50 == 0 {
            // The server refuses this inside a transaction that somebody left open.
            sqlx::raw_sql("vacuum probe")
                .execute(test.db.pool())
                .await
                .unwrap_or_else(|error| panic!("after {polls} callers: {error}"));
        }
    }
    test.db.close().await;
}

#[tokio::test]
async fn a_transaction_ends_well_without_its_caller() {
    let test = TestDb::new().await;
    probe_table(&test.db).await;
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Semaphore::new(0));
    let mut caller = Box::pin(tx(&test.db, {
        let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
        move |mut tx| {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            async move {
                begun.add_permits(1);
                gate.acquire().await.expect("open").forget();
                insert(&mut tx, 1).await
            }
        }
    }));
    tokio::select! {
        _ = &mut caller => panic!("the gate is shut"),
        permit = begun.acquire() => drop(permit.expect("begun")),
    }
    drop(caller);
    gate.add_permits(1);
    let other = test.another_node().await;
    test.db.close().await;
    assert_eq!(count(&other).await, 1);
}

#[tokio::test]
async fn an_error_rolls_back_and_tells_no_hints() {
    let test = TestDb::new().await;
    probe_table(&test.db).await;
    let hints = Arc::new(AtomicU32::new(0));
    for fail in [true, false] {
        let hints = Arc::clone(&hints);
        let result = tx(&test.db, move |mut tx| {
            let hints = Arc::clone(&hints);
            async move {
                insert(&mut tx, 1).await?;
                tx.after_commit(move || {
                    hints.fetch_add(1, Ordering::SeqCst);
                });
                if fail { Err(sqlx::Error::RowNotFound) } else { Ok(()) }
            }
        })
        .await;
        assert_eq!(result.is_err(), fail);
    }
    assert_eq!((count(&test.db).await, hints.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_panic_rolls_back_and_reaches_the_caller() {
    let test = TestDb::with_connections(1).await;
    probe_table(&test.db).await;
    let caller = tx(&test.db, |mut tx| async move {
        insert(&mut tx, 1).await?;
        if count_is_not_known() { Err(sqlx::Error::RowNotFound) } else { panic!("a bug") }
    });
    let result: Result<Result<(), sqlx::Error>, _> = std::panic::AssertUnwindSafe(caller).catch_unwind().await;
    assert!(result.is_err());
    assert_eq!(count(&test.db).await, 0);
}

/// False, but the compiler does not know.
fn count_is_not_known() -> bool {
    std::hint::black_box(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loser_of_a_deadlock_is_tried_again() {
    let test = TestDb::new().await;
    probe_table(&test.db).await;
    sqlx::query("insert into probe (n) values (1), (2)").execute(test.db.pool()).await.expect("two rows");
    let attempts = Arc::new(AtomicU32::new(0));
    let both_begun = Arc::new(tokio::sync::Barrier::new(2));
    let crosswise = |first: i32, second: i32| {
        let (attempts, both_begun) = (Arc::clone(&attempts), Arc::clone(&both_begun));
        tx(&test.db, move |mut tx| {
            let (attempts, both_begun) = (Arc::clone(&attempts), Arc::clone(&both_begun));
            async move {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                let bump = "update probe set value = value + 1 where n = $1";
                sqlx::query(bump).bind(first).execute(&mut *tx).await?;
                if attempt < 2 {
                    both_begun.wait().await;
                }
                sqlx::query(bump).bind(second).execute(&mut *tx).await?;
                Ok::<_, sqlx::Error>(())
            }
        })
    };
    let (one, two) = futures::join!(crosswise(1, 2), crosswise(2, 1));
    one.and(two).expect("both in the end");
    let values: Vec<i32> =
        sqlx::query_scalar("select value from probe order by n").fetch_all(test.db.pool()).await.expect("rows");
    assert_eq!((values, attempts.load(Ordering::SeqCst)), (vec![2, 2], 3));
}

#[tokio::test]
async fn other_errors_are_not_tried_again() {
    let test = TestDb::new().await;
    probe_table(&test.db).await;
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let result = tx(&test.db, move |mut tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            insert(&mut tx, 1).await?;
            insert(&mut tx, 1).await
        }
    })
    .await;
    assert_eq!(constraint(&result.expect_err("twice the same key")), Some("probe_pkey"));
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_time_limits_are_in_force() {
    let test = TestDb::new().await;
    let mut connection = test.db.pool().acquire().await.expect("a connection");
    for (name, value) in [
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
    ] {
        let shown: String =
            sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&mut *connection).await.expect(name);
        assert_eq!(shown, value, "{name}");
    }
}

#[tokio::test]
async fn a_snapshot_cannot_write() {
    let test = TestDb::new().await;
    probe_table(&test.db).await;
    let result = snapshot(&test.db, |mut tx| async move { insert(&mut tx, 1).await }).await;
    assert_eq!(code(&result.expect_err("read-only")).as_deref(), Some("25006"));
}
