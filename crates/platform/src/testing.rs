//! [`TestDb`]: a database of its own for each test, with all migrations applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use localpg::TestCluster;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::clock::{Clock, ManualClock, SystemClock};
use crate::db::{Db, DbOptions, MIGRATOR};
use crate::ids::SystemIds;

/// Concurrency tests of 100 tasks queue on these, as they would in production.
const CONNECTIONS_MAX: u32 = 20;

/// A fresh database in the cluster that all tests share (started when needed). It is dropped with this value.
#[derive(Debug)]
pub struct TestDb {
    /// Ready to use, by [`Self::clock`].
    pub db: Db,
    /// Stands still at 2026-11-22 09:00 UTC (15:00 in Bishkek) until the test moves it.
    pub clock: Arc<ManualClock>,
    url: String,
    _drop: DropDatabase,
}

impl TestDb {
    /// A database with the clock of the test.
    pub async fn new() -> Self {
        Self::with_connections(CONNECTIONS_MAX).await
    }

    /// The same with a pool of that size.
    pub async fn with_connections(max_connections: u32) -> Self {
        let (url, dropped) = fresh_database().await;
        let clock = Arc::new(ManualClock::new(start_of_time()));
        let db = connect(&url, max_connections, clock.clone()).await;
        Self { db, clock, url, _drop: dropped }
    }

    /// Another [`Db`] on the same database, as another node would have it. It shares the clock.
    pub async fn another_node(&self) -> Db {
        connect(&self.url, CONNECTIONS_MAX, self.clock.clone()).await
    }

    /// Another [`Db`] on the same database with the machine's clock: for tests with whole servers.
    pub async fn with_system_clock(&self) -> Db {
        connect(&self.url, CONNECTIONS_MAX, Arc::new(SystemClock)).await
    }

    /// A number that only the database knows.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(self.db.pool()).await.expect("a number")
    }

    /// Does something to the database itself: makes it fail, for example.
    pub async fn run(&self, statement: &'static str) {
        sqlx::query(statement).execute(self.db.pool()).await.expect("a statement");
    }

    /// The database's URL, for a server in another process. It holds the password.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Where [`TestDb::clock`] begins.
pub fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_338_000, 0).expect("a time in 2026")
}

async fn connect(url: &str, max_connections: u32, clock: Arc<dyn Clock>) -> Db {
    let options = DbOptions { max_connections, application_name: "evp-test".to_owned(), ..DbOptions::new(url.to_owned()) };
    Db::connect(&options, clock, Arc::new(SystemIds)).await.expect("connecting to the test's database")
}

/// Drops the database at the end of the test, on a thread with a runtime of its own, because the test's is ending.
#[derive(Debug)]
struct DropDatabase {
    admin_url: String,
    name: String,
}

impl Drop for DropDatabase {
    fn drop(&mut self) {
        let (url, name) = (self.admin_url.clone(), self.name.clone());
        // What fails here is cleaned up by a later test process.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async move {
                let mut admin = PgConnection::connect(&url).await.ok()?;
                bound_waits(&mut admin).await;
                localpg::drop_database(&mut admin, &name).await.ok()?;
                admin.close().await.ok()
            })
        })
        .join();
    }
}

/// The shared cluster, once a process.
async fn cluster() -> &'static TestCluster {
    static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();
    CLUSTER
        .get_or_init(|| async {
            // It may have to be initialised first, which takes a second or two.
            tokio::task::spawn_blocking(TestCluster::shared)
                .await
                .expect("the thread that starts PostgreSQL")
                .expect("starting PostgreSQL for the tests")
        })
        .await
}

/// The name of the migrated template, made when it is missing. Once a process.
async fn template(cluster: &TestCluster, admin: &mut PgConnection) -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("template_{}", migrations_digest());
            localpg::ensure_template(admin, &name, &MIGRATOR, |database| cluster.url(database))
                .await
                .expect("migrating the template of the test databases");
            drop_left_over_databases(admin).await;
            name
        })
        .await
}

async fn fresh_database() -> (String, DropDatabase) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster().await;
    let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let admin_url = cluster.url("postgres");
    let mut admin = connect_admin(&admin_url).await;
    let template = template(cluster, &mut admin).await;
    localpg::drop_database(&mut admin, &name).await.expect("dropping the database of a dead process of the same number");
    localpg::create_from_template(&mut admin, &name, template).await.expect("making the test's database");
    let _ = admin.close().await;
    (cluster.url(&name), DropDatabase { admin_url, name })
}

async fn connect_admin(url: &str) -> PgConnection {
    let connected = tokio::time::timeout(Duration::from_secs(30), PgConnection::connect(url)).await;
    connected.expect("the test cluster does not answer").expect("connecting to the test cluster")
}

/// A killed test leaves its database; its process number says that nobody needs it.
async fn drop_left_over_databases(admin: &mut PgConnection) {
    let names: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where datname like 'test\\_%'")
        .fetch_all(&mut *admin)
        .await
        .unwrap_or_default();
    bound_waits(admin).await;
    for name in names {
        let owner = name.split('_').nth(1).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !std::path::Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = localpg::drop_database(admin, &name).await;
        }
    }
    let _ = sqlx::query("reset statement_timeout").execute(admin).await;
}

/// `drop database` waits for every backend of the cluster, also for one whose client is gone half way through its greeting. Nobody
/// waits long for it: what could not be dropped is dropped by a later test process.
async fn bound_waits(admin: &mut PgConnection) {
    let _ = sqlx::query("set statement_timeout = '2s'").execute(admin).await;
}

/// Changes with every migration: twelve hexadecimal digits.
fn migrations_digest() -> String {
    let mut hasher = <sha2::Sha256 as sha2::Digest>::new();
    for migration in MIGRATOR.iter() {
        sha2::Digest::update(&mut hasher, migration.version.to_be_bytes());
        sha2::Digest::update(&mut hasher, &migration.checksum);
    }
    let digest = sha2::Digest::finalize(hasher);
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
