//! `localpg`: the private PostgreSQL from the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use localpg::{Cluster, Options, TestCluster, ensure_database, recreate_database};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

const USAGE: &str = "\
usage: localpg COMMAND

  start               start the cluster that the tests of this checkout share (or find it running)
  stop                stop it
  url [DATABASE]      print the URL of one of its databases, made when missing; starts the cluster
  scratch NAME DIR    make its database NAME anew, apply the migrations in DIR, print the URL; starts the cluster
  run DIR [DATABASE]  run a cluster of its own in DIR until Ctrl-C, print the URL

The shared cluster lives in $EVP_CACHE, or else in cargo's target directory, loses data when the machine loses power, and
stops by itself when nobody has used it for ten minutes.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match command().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("localpg: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn command() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["start"] => {
            let cluster = TestCluster::shared()?;
            eprintln!("PostgreSQL runs in {}", cluster.dir().display());
        }
        ["stop"] => TestCluster::stop()?,
        ["url"] => println!("{}", TestCluster::shared()?.url("postgres")),
        ["url", database] => {
            let cluster = TestCluster::shared()?;
            let mut admin = PgConnection::connect(&cluster.url("postgres")).await.context("connecting")?;
            ensure_database(&mut admin, database).await?;
            println!("{}", cluster.url(database));
        }
        ["scratch", database, dir] => {
            let cluster = TestCluster::shared()?;
            let mut admin = PgConnection::connect(&cluster.url("postgres")).await.context("connecting")?;
            recreate_database(&mut admin, database).await?;
            let url = cluster.url(database);
            let migrator =
                Migrator::new(PathBuf::from(dir)).await.with_context(|| format!("reading the migrations in {dir}"))?;
            let mut connection = PgConnection::connect(&url).await.context("connecting")?;
            migrator.run(&mut connection).await.context("migrating")?;
            println!("{url}");
        }
        ["run", dir] => run(dir, "postgres").await?,
        ["run", dir, database] => run(dir, database).await?,
        ["help" | "--help" | "-h"] => println!("{USAGE}"),
        _ => bail!("{USAGE}"),
    }
    Ok(())
}

async fn run(dir: &str, database: &str) -> Result<()> {
    let cluster = Cluster::start(&Options::new(dir))?;
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.context("connecting")?;
    ensure_database(&mut admin, database).await?;
    admin.close().await?;
    println!("{}", cluster.url(database));
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    cluster.stop()
}
