//! Who somebody is: codes by SMS that prove a phone, the browsers in which a person is signed in, and what the person may.
//!
//! Knows no cookies and no pages: the server brings the browser's secrets and takes the tokens away. What is secret is kept as a hash only.
//! An access token is believed for its signature and its time, and then the session and the person's roles are read all the same: a role
//! that is taken away, a session that is ended and a person who is blocked are out with the next request.

mod codes;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::auth::{CodeLimits, Permission, Reach, Role, reach};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::db::{Db, TxError};
use tokens::Keys;

pub use codes::{AskCode, CodeSent, NoCode, SignIn, SignInRefusal};
pub use sessions::{ActiveSession, RefreshRefusal};

/// Codes hashed at the same time: each takes 8 MiB and a core.
const HASHED_AT_ONCE: usize = 2;

/// What can be set.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// Who issues the tokens: the public URL.
    pub issuer: String,
    pub limits: CodeLimits,
    pub code_kept: TimeDelta,
    pub access_kept: TimeDelta,
    /// A refresh token that is not used for so long is worth nothing.
    pub refresh_kept: TimeDelta,
    /// However often it is renewed, a session ends then.
    pub session_max: TimeDelta,
    /// Two tabs that come with the same refresh token, or a lost answer.
    pub refresh_grace: TimeDelta,
    /// A key signs for so long.
    pub key_signs: TimeDelta,
}

impl AuthSettings {
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            limits: CodeLimits::default(),
            code_kept: TimeDelta::minutes(5),
            access_kept: TimeDelta::minutes(15),
            refresh_kept: TimeDelta::days(7),
            session_max: TimeDelta::days(90),
            refresh_grace: TimeDelta::seconds(10),
            key_signs: TimeDelta::days(30),
        }
    }
}

/// What failed, other than the person.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the cryptography: {0}")]
    Cryptography(String),
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("a role of {0} needs another scope")]
    Scope(&'static str),
    #[error("stored data cannot be read: {0}")]
    Unreadable(&'static str),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for AuthError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}

/// From where somebody asks.
#[derive(Debug, Clone)]
pub struct Caller {
    pub address: IpAddr,
    /// As the browser names itself.
    pub user_agent: String,
}

/// A role, and the company or the partner in whose scope it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    pub role: Role,
    pub scope: Option<Uuid>,
}

/// Somebody who is signed in, as of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub person: Uuid,
    pub session: Uuid,
    /// The driver's role first: everybody has it.
    pub grants: Vec<Grant>,
}

impl Principal {
    /// How far the person reaches with a permission: the furthest of the roles.
    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        self.grants.iter().filter_map(|grant| reach(grant.role, permission)).max()
    }

    /// The companies and partners that the person reaches with a permission.
    pub fn scopes(&self, permission: Permission) -> impl Iterator<Item = Uuid> + '_ {
        let of_tenant = move |grant: &&Grant| reach(grant.role, permission) == Some(Reach::Tenant);
        self.grants.iter().filter(of_tenant).filter_map(|grant| grant.scope)
    }
}

/// What a browser keeps. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub access_expires_at: DateTime<Utc>,
    pub refresh: String,
    pub refresh_expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("refresh_expires_at", &self.refresh_expires_at).finish_non_exhaustive()
    }
}

/// The use cases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth {
    db: Db,
    settings: Arc<AuthSettings>,
    keys: Arc<Keys>,
    hashing: Arc<Semaphore>,
}

impl Auth {
    pub fn new(db: Db, settings: AuthSettings) -> Self {
        let keys = Keys::new(db.clone(), settings.key_signs, settings.key_signs + settings.refresh_kept);
        Self { db, settings: Arc::new(settings), keys: Arc::new(keys), hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)) }
    }
}

/// The address that is counted: a customer of IPv6 has 2^64 of them.
fn network(address: IpAddr, v4_bits: u32, v6_bits: u32) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - v4_bits).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(v4) & mask).to_string()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - v6_bits).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(v6) & mask).to_string()
        }
    }
}
