use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::db::{self, Db};
use crate::testing::TestDb;

const KIND: &str = "test.work";

type Work = dyn Fn(Job, usize) -> BoxFuture<'static, anyhow::Result<Outcome>> + Send + Sync;

/// Counts its runs and does what the test says.
struct Handler {
    runs: AtomicUsize,
    work: Box<Work>,
}

impl Handler {
    fn new(work: impl Fn(Job, usize) -> BoxFuture<'static, anyhow::Result<Outcome>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { runs: AtomicUsize::new(0), work: Box::new(work) })
    }

    fn giving(outcome: impl Fn(usize) -> anyhow::Result<Outcome> + Send + Sync + 'static) -> Arc<Self> {
        Self::new(move |_, run| {
            let outcome = outcome(run);
            Box::pin(async move { outcome })
        })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl JobHandler for Handler {
    async fn run(&self, job: &Job) -> anyhow::Result<Outcome> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        (self.work)(job.clone(), run).await
    }
}

fn runner(db: &Db, node: &str, handler: &Arc<Handler>) -> Runner {
    let handler: Arc<dyn JobHandler> = handler.clone();
    Runner::new(db.clone(), node, HashMap::from([(KIND, handler)]))
}

async fn ask(db: &Db, key: &str, after: TimeDelta) {
    let key = key.to_owned();
    db::tx(db, move |mut tx| {
        let job = NewJob::at(tx.now() + after, KIND, key.clone());
        async move { enqueue(&mut tx, &job).await }
    })
    .await
    .expect("asking for a job");
}

async fn jobs_left(db: &Db) -> i64 {
    sqlx::query_scalar("select count(*) from job").fetch_one(db.pool()).await.expect("counting")
}

async fn alerts(db: &Db) -> Vec<String> {
    sqlx::query_scalar("select kind || ' ' || dedupe_key from alert where resolved_at is null")
        .fetch_all(db.pool())
        .await
        .expect("alerts")
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_once() {
    let test = TestDb::new().await;
    let handler = Handler::giving(|_| Ok(Outcome::Done));
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::seconds(60)).await;
    assert_eq!(runner.run_due_once().await.expect("running"), 0);
    test.clock.advance(TimeDelta::seconds(60));
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
    assert_eq!((runner.run_due_once().await.expect("running"), jobs_left(&test.db).await), (0, 0));
}

#[tokio::test]
async fn asked_for_twice_it_is_one_job_at_the_earlier_time() {
    let test = TestDb::new().await;
    let handler = Handler::giving(|_| Ok(Outcome::Done));
    for after in [60, 10, 90] {
        ask(&test.db, "a", TimeDelta::seconds(after)).await;
    }
    test.clock.advance(TimeDelta::seconds(10));
    assert_eq!(runner(&test.db, "node", &handler).run_due_once().await.expect("running"), 1);
    assert_eq!(jobs_left(&test.db).await, 0);
}

#[tokio::test]
async fn a_job_of_a_transaction_that_failed_never_was() {
    let test = TestDb::new().await;
    let failed = db::tx(&test.db, |mut tx| async move {
        let job = NewJob::now(&tx, KIND, "a");
        enqueue(&mut tx, &job).await?;
        Err::<(), _>(anyhow::anyhow!("no"))
    });
    assert!(failed.await.is_err());
    assert_eq!(jobs_left(&test.db).await, 0);
}

#[tokio::test]
async fn asked_for_during_its_run_it_runs_once_more() {
    let test = TestDb::new().await;
    let db = test.db.clone();
    let handler = Handler::new(move |job, run| {
        let db = db.clone();
        Box::pin(async move {
            if run == 1 {
                ask(&db, &job.key, TimeDelta::seconds(5)).await;
            }
            Ok(Outcome::Done)
        })
    });
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::zero()).await;
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
    test.clock.advance(TimeDelta::seconds(5));
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
    assert_eq!(jobs_left(&test.db).await, 0);
}

#[tokio::test]
async fn errors_and_panics_are_tried_again_with_growing_pauses() {
    let test = TestDb::new().await;
    let handler = Handler::giving(|run| match run {
        1 => anyhow::bail!("the provider is away"),
        2 => panic!("a bug"),
        _ => Ok(Outcome::Done),
    });
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::zero()).await;
    for pause in [2, 4] {
        assert_eq!(runner.run_due_once().await.expect("running"), 1);
        test.clock.advance(TimeDelta::seconds(pause) - TimeDelta::milliseconds(1));
        assert_eq!(runner.run_due_once().await.expect("running"), 0);
        test.clock.advance(TimeDelta::milliseconds(1));
    }
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
    assert_eq!(jobs_left(&test.db).await, 0);
}

#[test]
fn pauses_grow_up_to_five_minutes() {
    let pauses: Vec<i64> = [1, 2, 3, 7, 8, 9, 1_000].into_iter().map(|attempt| backoff(attempt).num_seconds()).collect();
    assert_eq!(pauses, [2, 4, 8, 128, 256, 300, 300]);
}

#[tokio::test]
async fn staff_hears_of_a_job_that_struggles_until_it_succeeds() {
    let test = TestDb::new().await;
    let handler = Handler::giving(|run| if run < 12 { anyhow::bail!("no") } else { Ok(Outcome::Done) });
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::zero()).await;
    for _ in 0..11 {
        runner.run_due_once().await.expect("running");
        test.clock.advance(TimeDelta::minutes(5));
    }
    assert_eq!(alerts(&test.db).await, ["job_struggles test.work:a"]);
    runner.run_due_once().await.expect("running");
    assert!(alerts(&test.db).await.is_empty());
}

#[tokio::test]
async fn a_failed_job_is_parked_with_an_alert_until_it_is_asked_for_again() {
    let test = TestDb::new().await;
    let handler = Handler::giving(|run| Ok(if run == 1 { Outcome::Failed("never".into()) } else { Outcome::Done }));
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::zero()).await;
    runner.run_due_once().await.expect("running");
    test.clock.advance(TimeDelta::days(1));
    assert_eq!(runner.run_due_once().await.expect("running"), 0);
    assert_eq!(alerts(&test.db).await, ["job_parked test.work:a"]);
    ask(&test.db, "a", TimeDelta::zero()).await;
    assert_eq!((runner.run_due_once().await.expect("running"), jobs_left(&test.db).await), (1, 0));
}

#[tokio::test]
async fn a_later_time_is_kept() {
    let test = TestDb::new().await;
    let later = test.db.now() + TimeDelta::minutes(3);
    let handler = Handler::giving(move |run| Ok(if run == 1 { Outcome::RetryAt(later) } else { Outcome::Done }));
    let runner = runner(&test.db, "node", &handler);
    ask(&test.db, "a", TimeDelta::zero()).await;
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
    test.clock.advance(TimeDelta::minutes(3));
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
}

/// Begins the job on that node and dies in the middle.
async fn die_in_the_middle(db: &Db, node: &str) {
    let begun = Arc::new(Semaphore::new(0));
    let signal = Arc::clone(&begun);
    let handler = Handler::new(move |_, _| {
        signal.add_permits(1);
        Box::pin(std::future::pending())
    });
    let runner = runner(db, node, &handler);
    tokio::select! {
        _ = runner.run_due_once() => panic!("the job should hang"),
        permit = begun.acquire() => drop(permit.expect("begun")),
    }
}

#[tokio::test]
async fn a_node_that_comes_back_takes_up_its_jobs_at_once() {
    let test = TestDb::new().await;
    ask(&test.db, "a", TimeDelta::zero()).await;
    die_in_the_middle(&test.db, "node").await;
    let handler = Handler::giving(|_| Ok(Outcome::Done));
    let runner = runner(&test.db, "node", &handler);
    assert_eq!(runner.run_due_once().await.expect("running"), 0);
    assert_eq!(runner.release_earlier_life().await.expect("releasing"), 1);
    assert_eq!(runner.run_due_once().await.expect("running"), 1);
}

#[tokio::test]
async fn another_node_takes_over_when_the_lease_has_run_out() {
    let test = TestDb::new().await;
    ask(&test.db, "a", TimeDelta::zero()).await;
    die_in_the_middle(&test.db, "dead").await;
    let handler = Handler::giving(|_| Ok(Outcome::Done));
    let runner = runner(&test.db, "alive", &handler);
    assert_eq!(runner.release_earlier_life().await.expect("releasing"), 0);
    test.clock.advance(TimeDelta::seconds(29));
    assert_eq!(runner.run_due_once().await.expect("running"), 0);
    test.clock.advance(TimeDelta::seconds(1));
    assert_eq!((runner.run_due_once().await.expect("running"), jobs_left(&test.db).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_share_the_work_without_doing_any_twice() {
    let test = TestDb::new().await;
    for key in 0..60 {
        ask(&test.db, &key.to_string(), TimeDelta::zero()).await;
    }
    let handler = Handler::giving(|_| Ok(Outcome::Done));
    let other = test.another_node().await;
    let nodes = [runner(&test.db, "one", &handler), runner(&other, "two", &handler), runner(&other, "three", &handler)];
    join_all(nodes.iter().map(Runner::run_due_once)).await;
    assert_eq!((handler.runs(), jobs_left(&test.db).await), (60, 0));
}

#[tokio::test]
async fn the_running_runner_hears_of_a_commit_and_ends_its_runs_before_it_stops() {
    let test = TestDb::new().await;
    let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (signal, gate) = (Arc::clone(&begun), Arc::clone(&go_on));
    let handler = Handler::new(move |_, _| {
        let (signal, gate) = (Arc::clone(&signal), Arc::clone(&gate));
        Box::pin(async move {
            signal.add_permits(1);
            gate.acquire().await?.forget();
            Ok(Outcome::Done)
        })
    });
    let stop = CancellationToken::new();
    let runner = runner(&test.db, "node", &handler);
    let running = test.db.tracker().spawn({
        let stop = stop.clone();
        async move { runner.run(stop).await }
    });
    for key in ["a", "b", "c"] {
        ask(&test.db, key, TimeDelta::zero()).await;
        begun.acquire().await.expect("begun").forget();
    }
    stop.cancel();
    go_on.add_permits(3);
    running.await.expect("the runner");
    assert_eq!((handler.runs(), jobs_left(&test.db).await), (3, 0));
}
