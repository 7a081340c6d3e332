//! Connections of charge points that were refused: so that staff sees who knocks, from where, and why it was not let in.
//!
//! A refusal costs the database nothing by itself: it is counted in memory by identity, address and reason, and the counts are written every
//! few seconds. Everything is bounded, because whoever is refused may be anybody. A process that is killed loses the counts of a
//! few seconds; nothing was promised to anybody.

mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::db::{self, Db};

/// Counts are written this often: staff on the phone with an electrician sees the attempt while they talk.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// Old rows are looked for this often.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// A complaint about a charger that was refused comes within days.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Different refusals an hour and node of charge points that exist: each of thousands may be wrong in two ways.
const KNOWN_AN_HOUR_MAX: usize = 4_000;
/// The same for identities that do not exist. A budget of its own, so that a scan cannot hide our own charge points.
const STRANGERS_AN_HOUR_MAX: usize = 500;
/// Counts that wait while the database does not answer: some hours' worth.
const WAITING_MAX: usize = 10_000;
/// What stands for all that is beyond a budget.
const OTHERS: &str = "(others)";
/// The longest identity that OCPP allows.
const IDENTITY_CHARS_MAX: usize = 48;
/// Rows that one look can ask for.
const SHOWN_MAX: i64 = 1_000;

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Not an identity, or none that is known.
    UnknownIdentity,
    NoPassword,
    WrongPassword,
    /// The charge point must use TLS and did not.
    NotEncrypted,
    /// The charge point must show a certificate and did not.
    NoCertificate,
    /// A certificate that is another charge point's, or none of ours.
    ForeignCertificate,
    RevokedCertificate,
    ExpiredCertificate,
    /// No TLS came about: another protocol, no common cipher suite, or a certificate of a stranger. Whose it was is not known.
    TlsFailed,
    /// Nothing in common to speak.
    NoProtocol,
    /// Too many wrong passwords from there a moment ago.
    TooManyFailures,
    /// Too many connections, or too many at once.
    TooMany,
    /// The database did not answer.
    Unavailable,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIdentity => "unknown charge point",
            Self::NoPassword => "no password for this identity",
            Self::WrongPassword => "wrong password",
            Self::NotEncrypted => "TLS is required",
            Self::NoCertificate => "a client certificate is required",
            Self::ForeignCertificate => "not a certificate of this charge point",
            Self::RevokedCertificate => "the certificate is revoked",
            Self::ExpiredCertificate => "the certificate is expired",
            Self::TlsFailed => "the TLS handshake failed",
            Self::NoProtocol => "no common subprotocol",
            Self::TooManyFailures => "too many failures a moment ago",
            Self::TooMany => "too many connections",
            Self::Unavailable => "the database did not answer",
        }
    }
}

/// One refused connection.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// As it was claimed.
    pub identity: &'a str,
    pub address: IpAddr,
    pub reason: Reason,
}

/// What staff sees: refusals of one hour, one identity, one address and one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedConnection {
    pub identity: String,
    pub address: String,
    pub reason: String,
    pub times: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    hour: DateTime<Utc>,
    identity: String,
    address: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    times: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In the order of the rows' keys: two nodes never wait for each other.
    counts: BTreeMap<Key, Count>,
    /// The keys of this hour, for the budgets.
    hour: DateTime<Utc>,
    known: HashSet<Key>,
    strangers: HashSet<Key>,
}

impl Waiting {
    fn add(&mut self, key: Key, count: Count) {
        let entry = self.counts.entry(key).or_insert(Count { times: 0, ..count });
        entry.times += count.times;
        entry.first_at = entry.first_at.min(count.first_at);
        entry.last_at = entry.last_at.max(count.last_at);
    }

    /// The key itself while the hour's budget lasts, then the one of all others.
    fn within_budget(&mut self, key: Key) -> Key {
        if self.hour != key.hour {
            self.hour = key.hour;
            self.known.clear();
            self.strangers.clear();
        }
        let (seen, max) = match key.reason {
            Reason::UnknownIdentity | Reason::TlsFailed => (&mut self.strangers, STRANGERS_AN_HOUR_MAX),
            _ => (&mut self.known, KNOWN_AN_HOUR_MAX),
        };
        let is_new = !seen.contains(&key);
        if is_new && (seen.len() >= max || self.counts.len() >= WAITING_MAX) {
            return Key { identity: OTHERS.to_owned(), address: OTHERS.to_owned(), ..key };
        }
        if is_new {
            seen.insert(key.clone());
        }
        key
    }
}

/// The use cases of refusals. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Refusals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    waiting: Mutex<Waiting>,
}

impl Refusals {
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Inner { db, waiting: Mutex::default() }))
    }

    /// Counts one. Never waits.
    pub fn note(&self, refusal: Refusal<'_>) {
        let now = self.0.db.now();
        let key = Key {
            hour: now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now),
            identity: refusal.identity.chars().filter(|c| !c.is_control()).take(IDENTITY_CHARS_MAX).collect(),
            address: refusal.address.to_canonical().to_string(),
            reason: refusal.reason,
        };
        let mut waiting = self.lock();
        let key = waiting.within_budget(key);
        waiting.add(key, Count { times: 1, first_at: now, last_at: now });
    }

    /// Writes what was counted; how many rows.
    pub async fn write(&self) -> Result<usize, sqlx::Error> {
        let counts = std::mem::take(&mut self.lock().counts);
        if counts.is_empty() {
            return Ok(0);
        }
        let rows = Arc::new(counts);
        let written = db::tx(&self.0.db, {
            let rows = rows.clone();
            move |mut tx| {
                let rows = rows.clone();
                async move { store::add(&mut tx, &rows).await }
            }
        })
        .await;
        if let Err(error) = written {
            // They are written the next time.
            let mut waiting = self.lock();
            for (key, count) in rows.iter() {
                waiting.add(key.clone(), *count);
            }
            return Err(error);
        }
        Ok(rows.len())
    }

    /// Writes every few seconds and forgets what is old, until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut write = tokio::time::interval(WRITE_EVERY);
        write.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut forget = tokio::time::interval(FORGET_EVERY);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                () = stop.cancelled() => break,
                _ = write.tick() => self.write().await.map(|_| ()),
                _ = forget.tick() => self.forget().await.map(|_| ()),
            };
            if let Err(error) = result {
                tracing::warn!(%error, "The refused connections could not be written; again soon");
            }
        }
        if let Err(error) = self.write().await {
            tracing::warn!(%error, "The last refused connections could not be written");
        }
    }

    /// Deletes what is too old; how many rows.
    pub async fn forget(&self) -> Result<u64, sqlx::Error> {
        db::tx(&self.0.db, move |mut tx| async move {
            let before = tx.now() - KEPT;
            store::forget(&mut tx, before).await
        })
        .await
    }

    /// The newest refusals first, of all charge points or of one identity. 1,000 at most.
    pub async fn recent(&self, identity: Option<&str>, limit: i64) -> Result<Vec<RefusedConnection>, sqlx::Error> {
        store::recent(self.0.db.pool(), identity, limit.clamp(1, SHOWN_MAX)).await
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Counts are whole whoever panicked beside them.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
