//! Work to be done later, or again: rows that survive any crash, run by [`Runner`].
//!
//! This module does not know what the work is. A job is asked for in the transaction that makes it necessary, and is run
//! at least once after the commit: so **handlers must be idempotent**. One kind and key is one job, however often it is
//! asked for; asked for during its run, it runs once more.

mod runner;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;

pub use runner::{HANDLER_TIMEOUT, LEASE, Runner};

use crate::db::Tx;

/// The first retry comes after this …
const BACKOFF_FIRST: Duration = Duration::from_secs(2);
/// … then twice as long each time, up to this: a provider that comes back is noticed within five minutes.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// A job to be done.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Names the handler: "guest.advance".
    pub kind: &'static str,
    /// What the work is about, such as an id. 200 characters at most.
    pub key: String,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// For the handler; the newest one counts. Small: what matters is in the tables of the module.
    pub payload: Value,
}

impl NewJob {
    /// A job for now, without a payload.
    pub fn now(tx: &Tx, kind: &'static str, key: impl Into<String>) -> Self {
        Self::at(tx.now(), kind, key)
    }

    /// A job for later, without a payload.
    pub fn at(run_at: DateTime<Utc>, kind: &'static str, key: impl Into<String>) -> Self {
        Self { kind, key: key.into(), run_at, payload: Value::Null }
    }

    #[must_use]
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }
}

/// A job in its handler's hands.
#[derive(Debug, Clone)]
pub struct Job {
    pub kind: String,
    pub key: String,
    pub payload: Value,
    /// 1 in the first run.
    pub attempt: u32,
}

/// How a run ended. An `Err` of the handler is a retry with growing pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Not yet: again then.
    RetryAt(DateTime<Utc>),
    /// Never: it is parked, and staff gets an alert. Asking for the job again wakes it.
    Failed(String),
}

/// Does the jobs of one kind.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// Runs the job; may be called again for the same job at any time, after a crash also when it was done. It is cut off
    /// after [`HANDLER_TIMEOUT`]; transactions that run then end by themselves.
    async fn run(&self, job: &Job) -> anyhow::Result<Outcome>;
}

/// Asks for a job, with the transaction. When it is there already it is moved to the earlier of the two times (or, while it
/// runs, run once more), gets the new payload, and is woken when it was parked.
pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<(), sqlx::Error> {
    let now = tx.now();
    store::enqueue(tx, job, now).await?;
    tx.wake_jobs_after_commit();
    Ok(())
}

/// Takes the job back when it is not running; a running one ends, but is not run again.
pub async fn cancel(tx: &mut Tx, kind: &str, key: &str) -> Result<(), sqlx::Error> {
    store::cancel(tx, kind, key).await
}

/// A job that is not done.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub id: i64,
    pub kind: String,
    pub key: String,
    pub run_at: DateTime<Utc>,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub parked_at: Option<DateTime<Utc>>,
}

/// Jobs of these kinds that are not done: first those that were given up, then by when they run.
pub async fn waiting(connection: &mut PgConnection, kinds: &[&str], limit: i64) -> Result<Vec<Waiting>, sqlx::Error> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    store::waiting(connection, &kinds, limit).await
}

/// How many of these kinds were given up.
pub async fn parked(connection: &mut PgConnection, kinds: &[&str]) -> Result<i64, sqlx::Error> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    store::parked(connection, &kinds).await
}

/// Runs a job of one of these kinds as soon as possible, also one that was given up. Its kind and key; `None` when there is none.
pub async fn run_now(tx: &mut Tx, id: i64, kinds: &[&str]) -> Result<Option<(String, String)>, sqlx::Error> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let now = tx.now();
    let found = store::run_now(tx, id, &kinds, now).await?;
    tx.wake_jobs_after_commit();
    Ok(found)
}

/// The pause after so many attempts: 2 s, 4 s, 8 s … 5 min.
pub fn backoff(attempts: u32) -> TimeDelta {
    let pause = BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(16))).min(BACKOFF_MAX);
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX)
}
