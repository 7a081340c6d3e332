//! Real clusters in a temporary directory.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use localpg::{Cluster, Fsync, Options};
use sqlx::{Connection, Executor, PgConnection};

/// A directory of its own for each test, removed at the end.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("evp-localpg-test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn options(&self) -> Options {
        Options { fsync: Fsync::Off, ..Options::new(&self.0) }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connecting")
}

#[tokio::test]
async fn a_cluster_starts_stops_with_its_owner_and_keeps_its_data() {
    let dir = TempDir::new();
    let cluster = Cluster::start(&dir.options()).expect("starting");
    connect(&cluster.url("postgres")).await.execute("create table kept (n integer)").await.expect("a table");
    let old_url = cluster.url("postgres");
    drop(cluster);
    assert!(PgConnection::connect(&old_url).await.is_err());

    let again = Cluster::start(&dir.options()).expect("starting again");
    connect(&again.url("postgres")).await.execute("select n from kept").await.expect("the table");
    again.stop().expect("stopping");
}

#[tokio::test]
async fn a_directory_in_use_is_refused() {
    let dir = TempDir::new();
    let _first = Cluster::start(&dir.options()).expect("starting");
    let refusal = Cluster::start(&dir.options()).expect_err("a second owner").to_string();
    assert!(refusal.contains("another running process"), "{refusal}");
}

#[tokio::test]
async fn strangers_and_wrong_passwords_are_refused() {
    let dir = TempDir::new();
    let cluster = Cluster::start(&dir.options()).expect("starting");
    for url in [
        format!("postgres://evp:wrong@127.0.0.1:{}/postgres", cluster.port()),
        format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port()),
    ] {
        assert!(PgConnection::connect(&url).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_killed_owner_takes_its_cluster_with_it() {
    let dir = TempDir::new();
    let mut owner = Command::new(env!("CARGO_BIN_EXE_localpg"))
        .args(["run"])
        .arg(&dir.0)
        .arg("demo")
        .stdout(Stdio::piped())
        .spawn()
        .expect("running localpg");
    let mut url = String::new();
    BufReader::new(owner.stdout.take().expect("its output")).read_line(&mut url).expect("its URL");
    let mut connection = connect(url.trim()).await;
    owner.kill().expect("SIGKILL");
    owner.wait().expect("its end");
    // The server says goodbye on the open connection.
    let ended = loop {
        if let Err(error) = connection.execute("select pg_sleep(0.05)").await {
            break error;
        }
    };
    assert!(!ended.to_string().is_empty());
    let again = Cluster::start(&dir.options()).expect("starting on what is left");
    connect(&again.url("demo")).await.ping().await.expect("a healthy server");
}

#[tokio::test]
async fn the_pid_file_of_a_machine_that_went_down_is_not_believed() {
    let dir = TempDir::new();
    let localpg = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_localpg"));
        command.args(args).env("EVP_CACHE", &dir.0).stdout(Stdio::piped());
        command
    };
    let url = |child: std::process::Output| String::from_utf8(child.stdout).expect("text").trim().to_owned();
    let first = url(localpg(&["url", "demo"]).output().expect("running localpg"));
    connect(&first).await.execute("create table lost (n integer)").await.expect("a table");
    let said =
        String::from_utf8(localpg(&["start"]).stderr(Stdio::piped()).output().expect("running localpg").stderr).expect("text");
    let home = PathBuf::from(said.trim().rsplit(' ').next().expect("its directory"));
    let pid_file = std::fs::read_to_string(home.join("data/postmaster.pid")).expect("the pid file");
    assert!(localpg(&["stop"]).status().expect("stopping").success());

    // As it lies there after a loss of power: "ready", with the number of a process that is no more.
    std::fs::write(home.join("data/postmaster.pid"), pid_file).expect("writing");
    std::fs::write(home.join("boot_id"), "another start").expect("writing");
    let again = url(localpg(&["url", "demo"]).output().expect("running localpg"));
    let lost = connect(&again).await.execute("select n from lost").await;
    assert!(lost.is_err(), "files that were not synced are not used again");
    assert!(localpg(&["stop"]).status().expect("stopping").success());
}

#[tokio::test]
async fn many_who_start_the_shared_cluster_at_once_share_one() {
    let dir = TempDir::new();
    let localpg = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_localpg"));
        command.args(args).env("EVP_CACHE", &dir.0).stdout(Stdio::piped());
        command
    };
    let started: Vec<_> = (0..4).map(|_| localpg(&["url", "demo"]).spawn().expect("running localpg")).collect();
    let urls: Vec<String> = started
        .into_iter()
        .map(|child| String::from_utf8(child.wait_with_output().expect("its end").stdout).expect("text").trim().to_owned())
        .collect();
    assert!(urls[0].starts_with("postgres://") && urls.iter().all(|url| *url == urls[0]));
    connect(&urls[0]).await.close().await.expect("a healthy server");
    assert!(localpg(&["stop"]).status().expect("stopping").success());
    assert!(PgConnection::connect(&urls[0]).await.is_err());
}
