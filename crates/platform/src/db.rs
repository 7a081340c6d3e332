//! The database: its pool, its migrations, and the one way to write ([`tx`]).

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::clock::Clock;
use crate::ids::Ids;

/// All migrations of the workspace, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A request that gets no connection in this time is better refused than queued.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is replaced by a fresh one after this, so that none is poisoned, leaky or on a fenced-off server for long.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// A connection that was in use a moment ago is taken to be alive.
const ASK_AFTER_IDLE: Duration = Duration::from_secs(1);
const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Checked by the server. A transaction that waits for its client this long is a bug or a dead client (sqlx #4385 would
/// keep it open until the connection's end), and it holds row locks on accounts.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "10s";
/// No statement of the application may take longer; migrations and reports run on connections of their own.
const STATEMENT_TIMEOUT: &str = "15s";
/// Waiting for a row longer than this means that something holds it that should not.
const LOCK_TIMEOUT: &str = "8s";
/// A transaction that loses to others this many times in a row meets a fault, not bad luck.
const TX_ATTEMPTS_MAX: u32 = 8;

/// How to connect.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `postgres://…`; holds the password.
    pub url: SecretString,
    pub max_connections: u32,
    /// Shown in `pg_stat_activity`: the node's name.
    pub application_name: String,
}

impl DbOptions {
    pub fn new(url: impl Into<SecretString>) -> Self {
        // 20 connections keep two to four processor cores of PostgreSQL busy; more only queue there instead of here.
        Self { url: url.into(), max_connections: 20, application_name: "evp".to_owned() }
    }
}

/// The database with what goes with it everywhere: the clock, the ids, and the tracker of running transactions.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    tracker: TaskTracker,
    jobs_wake: Notify,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("connections", &self.inner.pool.size()).finish_non_exhaustive()
    }
}

impl Db {
    /// Connects; fails when the database cannot be reached.
    pub async fn connect(options: &DbOptions, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, sqlx::Error> {
        let connect: PgConnectOptions = options.url.expose_secret().parse::<PgConnectOptions>()?;
        let connect = connect.application_name(&options.application_name).options([
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("lock_timeout", LOCK_TIMEOUT),
            // The server finds a client that vanished without a word within 60 s, and frees its locks.
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
            ("timezone", "UTC"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .max_lifetime(MAX_LIFETIME)
            .idle_timeout(IDLE_TIMEOUT)
            // Asked before every use, which is sqlx's own way, a connection makes as many round trips for the question as for the work.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= ASK_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(connect)
            .await?;
        Ok(Self { inner: Arc::new(Inner { pool, clock, ids, tracker: TaskTracker::new(), jobs_wake: Notify::new() }) })
    }

    /// For reads outside a transaction. Writes go through [`tx`].
    pub fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    pub fn ids(&self) -> &Arc<dyn Ids> {
        &self.inner.ids
    }

    /// For tasks that shutdown must wait for.
    pub fn tracker(&self) -> &TaskTracker {
        &self.inner.tracker
    }

    /// Told after the commit of each transaction that asked for a job.
    pub(crate) fn jobs_wake(&self) -> &Notify {
        &self.inner.jobs_wake
    }

    /// Waits for the running transactions, then closes the connections. Call it once nothing starts new ones.
    pub async fn close(&self) {
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
        self.inner.pool.close().await;
    }
}

/// Applies the missing migrations, on a connection of its own without time limits. Several nodes may do it at once: they
/// wait for each other.
pub async fn migrate(url: &SecretString) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url.expose_secret()).await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// An error that a transaction can end with.
///
/// ```ignore
/// impl TxError for BalanceError {
///     fn sqlx(&self) -> Option<&sqlx::Error> {
///         match self {
///             Self::Db(error) => Some(error),
///             Self::Ledger(error) => error.sqlx(),
///             _ => None,
///         }
///     }
/// }
/// ```
pub trait TxError: From<sqlx::Error> + Send + 'static {
    /// The database's error in this one: it decides whether the transaction is tried again.
    fn sqlx(&self) -> Option<&sqlx::Error>;
}

/// The database does not answer or is too busy: the same request can succeed later.
pub(crate) fn is_out_of_reach(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed)
}

impl TxError for sqlx::Error {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        Some(self)
    }
}

impl TxError for anyhow::Error {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        self.chain().find_map(|error| error.downcast_ref())
    }
}

/// An open transaction. It is a [`PgConnection`] to every query: `&mut *tx` for sqlx, `&mut tx` for our stores. It
/// commits or rolls back when the closure that [`tx`] gave it to ends, never by itself.
pub struct Tx {
    /// Always there but during the drop.
    transaction: Option<Transaction<'static, Postgres>>,
    home: Arc<Mutex<Option<Finished>>>,
    after_commit: Vec<AfterCommit>,
    jobs_wanted: bool,
    db: Db,
}

type AfterCommit = Box<dyn FnOnce() + Send>;

/// What the closure gives back by dropping its [`Tx`].
struct Finished {
    transaction: Transaction<'static, Postgres>,
    after_commit: Vec<AfterCommit>,
    jobs_wanted: bool,
}

impl Tx {
    /// The clock's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.db.now()
    }

    /// A new id.
    pub fn uuid(&self) -> Uuid {
        self.db.ids().uuid()
    }

    pub fn ids(&self) -> &Arc<dyn Ids> {
        self.db.ids()
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Does this after the commit, and only then: for hints, such as a message on the bus. It is lost when the process dies
    /// in between, so nothing may depend on it.
    pub fn after_commit(&mut self, hint: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(hint));
    }

    /// Wakes the job runner of this process after the commit.
    pub(crate) fn wake_jobs_after_commit(&mut self) {
        self.jobs_wanted = true;
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.transaction.as_deref().expect("the transaction is there until the drop")
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.transaction.as_deref_mut().expect("the transaction is there until the drop")
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            let finished =
                Finished { transaction, after_commit: std::mem::take(&mut self.after_commit), jobs_wanted: self.jobs_wanted };
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(finished);
        }
    }
}

/// Runs the closure in a transaction: commits when it gives `Ok`, rolls back when it gives `Err`.
///
/// ```ignore
/// let id = db::tx(&db, move |mut tx| async move {
///     let id = store::insert(&mut tx, amount).await?;
///     ledger::post(&mut tx, entry(id)).await?;
///     Ok::<_, GuestError>(id)
/// }).await?;
/// ```
///
/// It runs in a task of its own. axum drops the future of a request whose client has gone, and a `BEGIN` or `COMMIT`
/// dropped on its way puts a connection with an open transaction back into the pool (sqlx #4385, #4393). Here a dropped
/// caller only misses the answer; the transaction ends as it would have, and [`Db::close`] waits for it.
///
/// The closure runs again, in a new transaction, after a serialisation failure or a deadlock, and only then: there the
/// server says that nothing was done. After a lost connection nobody knows whether the commit came through, and only the
/// caller, with its business keys, can ask again. So the closure may be called several times, and what it does outside the
/// database must be harmless twice or come through [`Tx::after_commit`].
pub async fn tx<T, E, F, Fut>(db: &Db, run: F) -> Result<T, E>
where
    F: FnMut(Tx) -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: TxError,
{
    let task = db.inner.tracker.spawn(attempts(db.clone(), run).in_current_span());
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Nobody aborts the task, so the runtime is shutting down.
            Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
        },
    }
}

/// Like [`tx`], but read-only and with one snapshot for all its queries: for checks and reports that add up.
pub async fn snapshot<T, E, F, Fut>(db: &Db, run: F) -> Result<T, E>
where
    F: Fn(Tx) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: TxError,
{
    tx(db, move |mut tx| {
        let run = run.clone();
        async move {
            sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
            run(tx).await
        }
    })
    .await
}

async fn attempts<T, E, F, Fut>(db: Db, mut run: F) -> Result<T, E>
where
    F: FnMut(Tx) -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: TxError,
{
    let mut attempt = 1;
    loop {
        match once(&db, &mut run).await {
            Err(error) if attempt < TX_ATTEMPTS_MAX && error.sqlx().is_some_and(is_undone_by_server) => {
                tracing::debug!(attempt, "The server undid a transaction in favour of another; once more");
                tokio::time::sleep(pause_after(attempt, &db)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// The winner needs a moment, and many losers must not come back together: a random pause of up to 10 ms, 20 ms, 40 ms …
fn pause_after(attempt: u32, db: &Db) -> Duration {
    let mut random = [0_u8; 2];
    db.ids().fill(&mut random);
    let most_us = 10_000 * 2_u64.pow(attempt.min(8) - 1);
    Duration::from_micros(most_us * u64::from(u16::from_le_bytes(random)) / u64::from(u16::MAX))
}

async fn once<T, E, F, Fut>(db: &Db, run: &mut F) -> Result<T, E>
where
    F: FnMut(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: TxError,
{
    #[allow(clippy::disallowed_methods, reason = "the one place where transactions begin, in a task that nobody cancels")]
    let transaction = db.inner.pool.begin().await?;
    let home = Arc::new(Mutex::new(None));
    let tx = Tx {
        transaction: Some(transaction),
        home: Arc::clone(&home),
        after_commit: Vec::new(),
        jobs_wanted: false,
        db: db.clone(),
    };
    let result = run(tx).await;
    let finished = home.lock().unwrap_or_else(PoisonError::into_inner).take();
    let finished = finished.expect("the closure of db::tx kept its transaction beyond its end");
    match result {
        Ok(value) => {
            finished.transaction.commit().await?;
            for hint in finished.after_commit {
                hint();
            }
            if finished.jobs_wanted {
                db.jobs_wake().notify_one();
            }
            Ok(value)
        }
        Err(error) => {
            // The closure's error is the one to tell; a failed rollback only means that the connection is gone.
            if let Err(rollback) = finished.transaction.rollback().await {
                tracing::debug!(%rollback, "A rollback did not reach the server");
            }
            Err(error)
        }
    }
}

/// serialization_failure and deadlock_detected: the transaction was undone as a whole, through no fault of its own.
fn is_undone_by_server(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// The name of the constraint or rule that the statement broke.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

#[cfg(test)]
mod tests;
