//! Databases of a cluster: made, copied from a template, dropped.

use anyhow::{Context, Result, ensure};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// "evp": one at a time prepares templates and scratch databases of a cluster.
const LOCK_KEY: i64 = 0x65_76_70;

/// A name that needs no quoting in SQL, so that it can be put into statements that take no parameters.
fn checked(name: &str) -> Result<&str> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    ensure!(plain && name.len() <= 63, "{name:?} is no plain database name");
    Ok(name)
}

async fn run(admin: &mut PgConnection, statement: String) -> Result<()> {
    admin.execute(AssertSqlSafe(statement.clone())).await.with_context(|| format!("running {statement:?}"))?;
    Ok(())
}

async fn exists(admin: &mut PgConnection, name: &str) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name).fetch_one(admin).await?)
}

async fn lock(admin: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK_KEY).execute(admin).await?;
    Ok(())
}

async fn unlock(admin: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_unlock($1)").bind(LOCK_KEY).execute(admin).await?;
    Ok(())
}

/// Makes the database when it is missing. `admin` is connected to another database of the cluster.
pub async fn ensure_database(admin: &mut PgConnection, name: &str) -> Result<()> {
    let name = checked(name)?;
    lock(admin).await?;
    if !exists(admin, name).await? {
        run(admin, format!("create database {name}")).await?;
    }
    unlock(admin).await
}

/// Makes the database anew, empty, whoever was connected to the old one.
pub async fn recreate_database(admin: &mut PgConnection, name: &str) -> Result<()> {
    let name = checked(name)?;
    lock(admin).await?;
    run(admin, format!("drop database if exists {name} with (force)")).await?;
    run(admin, format!("create database {name}")).await?;
    unlock(admin).await
}

/// Makes a template with all migrations applied when it is missing. `url_of` gives the URL of a database of the cluster.
/// Nobody may connect to a template, because a database with connections cannot be copied.
pub async fn ensure_template(
    admin: &mut PgConnection,
    name: &str,
    migrator: &Migrator,
    url_of: impl Fn(&str) -> String,
) -> Result<()> {
    let name = checked(name)?;
    if exists(admin, name).await? {
        return Ok(());
    }
    lock(admin).await?;
    if !exists(admin, name).await? {
        let draft = format!("{name}_draft");
        run(admin, format!("drop database if exists {draft} with (force)")).await?;
        run(admin, format!("create database {draft}")).await?;
        let mut connection = PgConnection::connect(&url_of(&draft)).await.context("connecting to the new template")?;
        migrator.run(&mut connection).await.context("migrating the template")?;
        connection.close().await?;
        run(admin, format!("alter database {draft} with is_template true allow_connections false")).await?;
        run(admin, format!("alter database {draft} rename to {name}")).await?;
    }
    unlock(admin).await
}

/// Makes a database as a copy of a template.
pub async fn create_from_template(admin: &mut PgConnection, name: &str, template: &str) -> Result<()> {
    let (name, template) = (checked(name)?, checked(template)?);
    run(admin, format!("create database {name} template {template}")).await
}

/// Drops the database, whoever is connected to it.
pub async fn drop_database(admin: &mut PgConnection, name: &str) -> Result<()> {
    let name = checked(name)?;
    run(admin, format!("drop database if exists {name} with (force)")).await
}
