//! Takes due jobs and has their handlers run them.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::store::{self, Claimed};
use super::{JobHandler, Outcome, backoff};
use crate::audit;
use crate::db::{self, Db};

/// How long a node that vanished keeps its jobs. A node that comes back under its name gets them at once.
pub const LEASE: Duration = Duration::from_secs(30);
/// A run is cut off before its lease ends, so that no two runs of one job overlap.
pub const HANDLER_TIMEOUT: Duration = Duration::from_secs(25);
/// Runs at the same time: most wait for a provider; the database's pool has as many connections.
const CONCURRENT_RUNS_MAX: usize = 16;
/// The wake after a commit reaches only this process; a job that another node asked for waits this long at most.
const POLL: Duration = Duration::from_secs(1);
/// After so many runs without success somebody should look at it. It is tried on.
const ATTEMPTS_UNTIL_ALERT: u32 = 10;
/// Handlers' errors are for people; what is longer is a dump.
const ERROR_CHARS_MAX: usize = 2_000;
/// `run_due_once` of a job that asks for itself again and again would never end.
const RUNS_AT_ONCE_MAX: usize = 100_000;

/// Runs the jobs of the kinds that have a handler.
#[derive(Clone)]
pub struct Runner {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    node: String,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
    kinds: Vec<String>,
}

impl Runner {
    /// `node` is this process's name among all that share the database; no two living ones may have the same.
    pub fn new(db: Db, node: impl Into<String>, handlers: HashMap<&'static str, Arc<dyn JobHandler>>) -> Self {
        let kinds = handlers.keys().map(|kind| (*kind).to_owned()).collect();
        Self { inner: Arc::new(Inner { db, node: node.into(), handlers, kinds }) }
    }

    /// Runs jobs until `stop`, then waits for the running ones. First it takes back what its earlier life left unfinished.
    pub async fn run(&self, stop: CancellationToken) {
        let runs = TaskTracker::new();
        let free = Arc::new(Semaphore::new(CONCURRENT_RUNS_MAX));
        let mut released = false;
        while !stop.is_cancelled() {
            let wait = match self.turn(&mut released, &free, &runs).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "Could not take jobs; once more soon");
                    POLL
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.db.jobs_wake().notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        runs.close();
        runs.wait().await;
    }

    /// Starts what is due, as far as there is room. How long nothing more will be due.
    async fn turn(&self, released: &mut bool, free: &Arc<Semaphore>, runs: &TaskTracker) -> Result<Duration, sqlx::Error> {
        if !*released {
            self.release_earlier_life().await?;
            *released = true;
        }
        let room = free.available_permits();
        if room == 0 {
            // The end of a run wakes us.
            return Ok(POLL);
        }
        let claimed = self.claim(room).await?;
        let full = claimed.len() == room;
        for claimed in claimed {
            // There is room for all of them, because only this loop takes permits.
            let Ok(permit) = Arc::clone(free).try_acquire_owned() else { break };
            let runner = self.clone();
            let span = tracing::info_span!("job", kind = %claimed.job.kind, key = %claimed.job.key);
            runs.spawn(
                async move {
                    runner.run_claimed(claimed).await;
                    drop(permit);
                    // There is room again, and perhaps the job is due again.
                    runner.inner.db.jobs_wake().notify_one();
                }
                .instrument(span),
            );
        }
        if full {
            return Ok(POLL);
        }
        let now = self.inner.db.now();
        let next = store::next_due(self.inner.db.pool(), &self.inner.kinds).await?;
        let wait = next.and_then(|next| (next - now).to_std().ok());
        // A little pause even when something is due: it is due to another node's run, or our own that is just ending.
        Ok(wait.unwrap_or(POLL).clamp(Duration::from_millis(20), POLL))
    }

    /// Runs everything that is due now, and what becomes due by it, one after the other in the order of the due times; returns
    /// how many runs that were. For tests with a clock that stands still.
    pub async fn run_due_once(&self) -> Result<usize, sqlx::Error> {
        for runs in 0..RUNS_AT_ONCE_MAX {
            let Some(claimed) = self.claim(1).await?.pop() else { return Ok(runs) };
            self.run_claimed(claimed).await;
        }
        Err(sqlx::Error::Protocol("the jobs ask for themselves without end".to_owned()))
    }

    /// Takes back at once what an earlier life of this node, killed in the middle, had in its hands.
    pub async fn release_earlier_life(&self) -> Result<u64, sqlx::Error> {
        let runner = self.clone();
        let released = db::tx(&self.inner.db, move |mut tx| {
            let runner = runner.clone();
            async move { store::release_all_of(&mut tx, &runner.inner.node).await }
        })
        .await?;
        if released > 0 {
            tracing::info!(released, "Took back the jobs of this node's earlier life");
        }
        Ok(released)
    }

    async fn claim(&self, room: usize) -> Result<Vec<Claimed>, sqlx::Error> {
        let runner = self.clone();
        db::tx(&self.inner.db, move |mut tx| {
            let Inner { node, kinds, .. } = &*runner.inner;
            let (node, kinds) = (node.clone(), kinds.clone());
            async move {
                let (now, lease) = (tx.now(), tx.uuid());
                let until = now + TimeDelta::from_std(LEASE).unwrap_or(TimeDelta::MAX);
                store::claim(&mut tx, &kinds, i64::try_from(room).unwrap_or(i64::MAX), lease, &node, now, until).await
            }
        })
        .await
    }

    /// Runs a job to its outcome and writes that down. When it cannot be written down, the lease runs out and the job runs
    /// again.
    async fn run_claimed(&self, claimed: Claimed) {
        let Some(handler) = self.inner.handlers.get(claimed.job.kind.as_str()) else { return };
        let run = AssertUnwindSafe(handler.run(&claimed.job)).catch_unwind();
        let result = match tokio::time::timeout(HANDLER_TIMEOUT, run).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(anyhow::anyhow!("the handler panicked")),
            Err(_elapsed) => Err(anyhow::anyhow!("the handler took longer than {HANDLER_TIMEOUT:?}")),
        };
        let end = match result {
            Ok(Outcome::Done) => End::Done,
            Ok(Outcome::RetryAt(at)) => End::Retry { at, error: None },
            Ok(Outcome::Failed(reason)) => {
                tracing::error!(%reason, "Parked a job");
                End::Parked(shorten(reason))
            }
            Err(error) => {
                let pause = backoff(claimed.job.attempt);
                tracing::warn!(error = %format!("{error:#}"), attempt = claimed.job.attempt, pause_s = pause.num_seconds(), "A job failed; once more");
                End::Retry { at: self.inner.db.now() + pause, error: Some(shorten(format!("{error:#}"))) }
            }
        };
        let claimed = Arc::new(claimed);
        let written = db::tx(&self.inner.db, move |mut tx| {
            let (claimed, end) = (Arc::clone(&claimed), end.clone());
            async move { end.write(&mut tx, &claimed).await }
        })
        .await;
        if let Err(error) = written {
            tracing::warn!(%error, "Could not write down how a job ended; it will run again");
        }
    }
}

#[derive(Debug, Clone)]
enum End {
    Done,
    Retry { at: DateTime<Utc>, error: Option<String> },
    Parked(String),
}

impl End {
    async fn write(&self, tx: &mut db::Tx, claimed: &Claimed) -> Result<(), sqlx::Error> {
        let (id, lease, job) = (claimed.id, claimed.lease, &claimed.job);
        let alert_key = format!("{}:{}", job.kind, job.key);
        let ours = match self {
            Self::Done => {
                let ours = store::finish(tx, id, lease).await?;
                if job.attempt >= ATTEMPTS_UNTIL_ALERT {
                    audit::resolve_alert(tx, "job_struggles", &alert_key).await?;
                }
                ours
            }
            Self::Retry { at, error } => {
                if let Some(error) = error
                    && job.attempt >= ATTEMPTS_UNTIL_ALERT
                {
                    let detail = json!({ "attempts": job.attempt, "error": error });
                    audit::raise_alert(tx, "job_struggles", &alert_key, &detail).await?;
                }
                store::retry(tx, id, lease, *at, error.as_deref()).await?
            }
            Self::Parked(error) => {
                audit::raise_alert(tx, "job_parked", &alert_key, &json!({ "attempts": job.attempt, "error": error })).await?;
                let now = tx.now();
                store::park(tx, id, lease, error, now).await?
            }
        };
        if !ours {
            tracing::warn!("A job's lease was lost before its end was written down, or the job was taken back");
        }
        Ok(())
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(ERROR_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}
