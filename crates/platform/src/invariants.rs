//! What must always hold (DESIGN § 4), asked of the database itself. The crash suites call [`check_all`] after each restart.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::db::{self, Db};
use crate::ledger;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one: `ledger.entry_balanced`.
    pub rule: &'static str,
    /// Where.
    pub detail: String,
}

/// One module's checks. They only read, and see one snapshot together.
pub type Check = for<'c> fn(&'c mut PgConnection) -> BoxFuture<'c, Result<Vec<Violation>, sqlx::Error>>;

/// The checks of all modules: each module adds its own line.
pub const CHECKS: &[Check] =
    &[ledger::check, crate::charging::check, crate::receipts::check, crate::balance::check, crate::guest::check];

/// All violations in the database, as of one instant. Nothing is found in a healthy one, at any time.
pub async fn check_all(db: &Db) -> Result<Vec<Violation>, sqlx::Error> {
    check(db, CHECKS).await
}

/// The violations that these checks find.
pub async fn check(db: &Db, checks: &'static [Check]) -> Result<Vec<Violation>, sqlx::Error> {
    db::snapshot(db, move |mut tx| async move {
        let mut found = Vec::new();
        for check in checks {
            found.extend(check(&mut tx).await?);
        }
        Ok(found)
    })
    .await
}
