//! Who did what, and what staff must look at. Audit events are written in the transaction of the deed and never change.

mod store;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::db::Tx;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A job or a rule of ours.
    System,
    /// A signed-in person, by id.
    Person(String),
    /// A guest, by the id of the guest charge; never by its token.
    Guest(String),
    /// A charge point, by identity.
    ChargePoint(String),
    /// "namba", "nikita".
    Provider(String),
}

/// A deed.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    pub actor: Actor,
    /// "guest.stop_requested": module and deed, 64 characters at most.
    pub action: &'static str,
    /// "session", and its id.
    pub subject_kind: &'static str,
    pub subject_id: String,
    /// No phones, no tokens.
    pub detail: Value,
}

/// Writes the event with the transaction.
pub async fn record(tx: &mut Tx, event: &AuditEvent) -> Result<(), sqlx::Error> {
    let at = tx.now();
    store::insert_event(tx, event, at).await
}

/// An alert that nobody has dealt with.
#[derive(Debug, Clone)]
pub struct OpenAlert {
    pub kind: String,
    pub key: String,
    pub detail: Value,
    pub raised_at: DateTime<Utc>,
}

/// The newest first.
pub async fn open_alerts(connection: &mut PgConnection, limit: i64) -> Result<Vec<OpenAlert>, sqlx::Error> {
    store::open_alerts(connection, limit).await
}

/// An event as it stands in the trail.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub detail: Value,
}

/// The newest first, before the event `before`; only those by or about this id, if one is given.
pub async fn trail(
    connection: &mut PgConnection,
    about: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>, sqlx::Error> {
    store::trail(connection, about, before, limit).await
}

/// Tells staff, once a cause: while an alert of this kind and key is open, another one changes nothing; a resolved one
/// is opened again. Returns whether it is news.
pub async fn raise_alert(tx: &mut Tx, kind: &str, dedupe_key: &str, detail: &Value) -> Result<bool, sqlx::Error> {
    let at = tx.now();
    let is_news = store::raise_alert(tx, kind, dedupe_key, detail, at).await?;
    if is_news {
        let (kind, key) = (kind.to_owned(), dedupe_key.to_owned());
        tx.after_commit(move || tracing::error!(alert.kind = %kind, alert.key = %key, "Raised an alert"));
    }
    Ok(is_news)
}

/// Closes the alert when it is open.
pub async fn resolve_alert(tx: &mut Tx, kind: &str, dedupe_key: &str) -> Result<(), sqlx::Error> {
    let at = tx.now();
    store::resolve_alert(tx, kind, dedupe_key, at).await
}
