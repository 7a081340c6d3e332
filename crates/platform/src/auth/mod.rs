//! Who somebody is: codes by SMS that prove a phone, the browsers in which a person is signed in, and what the person may.
//!
//! Knows no cookies and no pages: the server brings the browser's secrets and takes the tokens away. What is secret is kept as a hash only.
//! An access token is believed for its signature and its time, and then the session and the person's roles are read all the same: a role
//! that is taken away, a session that is ended and a person who is blocked are out with the next request.

mod account;
mod codes;
mod second_step;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use api::ApiError;
use api::auth::{
    AccountView, AskCode, AskPhoneChange, AuthApi, Caller, CodeAsked, ConfirmPhoneChange, Deleted, PendingCode,
    PendingPhoneChange, PhoneChanged, Principal, SecondStepForm, SecondStepProved, SignIn, SignedIn, Tokens,
};
use api::i18n::Locale;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::auth::{CodeLimits, NotNow, PersonName, SignInCode};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::db::{self, Db, TxError};
use crate::ledger::LedgerError;
use tokens::Keys;

pub use codes::{CodeSent, NoCode, SignInRefusal};
pub use sessions::RefreshRefusal;

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
    /// It is so already.
    #[error("nothing to change")]
    Unchanged,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("stored data cannot be read: {0}")]
    Unreadable(&'static str),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for AuthError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.sqlx(),
            _ => None,
        }
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

/// The user's face of an error; the log's face is written here, once.
fn answer<T, E: TxError + Into<AuthError>>(what: &'static str, result: Result<T, E>) -> Result<T, ApiError> {
    result.map_err(|error| {
        let out_of_reach = error.sqlx().is_some_and(db::is_out_of_reach);
        let error: AuthError = error.into();
        match &error {
            AuthError::NotFound(_) => return ApiError::NotFound,
            AuthError::Unchanged => return ApiError::Conflict,
            _ => {}
        }
        tracing::error!(error = &error as &dyn std::error::Error, "Could not {what}");
        if out_of_reach { ApiError::Unavailable } else { ApiError::Internal }
    })
}

fn asked(result: Result<CodeSent, NoCode>) -> Result<CodeAsked, ApiError> {
    match result {
        Ok(_) => Ok(CodeAsked::Sent),
        Err(NoCode::NotNow(NotNow::AskAgainAt(at))) => Ok(CodeAsked::AskAgainAt(at)),
        Err(NoCode::NotNow(NotNow::TooMany | NotNow::Exhausted)) => Ok(CodeAsked::TooMany),
        Err(NoCode::Internal(error)) => answer("send a code", Err(error)),
    }
}

#[async_trait]
impl AuthApi for Auth {
    async fn ask_code(&self, ask: AskCode) -> Result<CodeAsked, ApiError> {
        asked(self.ask_code(ask).await)
    }

    async fn pending_code(&self, browser: &str) -> Result<Option<PendingCode>, ApiError> {
        answer("show which code is awaited", self.pending_code(browser).await)
    }

    async fn sign_in(&self, with: SignIn) -> Result<SignedIn, ApiError> {
        let asked = answer("show which code is awaited", self.pending_code(&with.browser).await)?;
        match self.sign_in(with).await {
            Ok(tokens) => {
                let phone = asked.ok_or(ApiError::Internal)?.phone;
                let known = answer("know a browser again", self.form_token(&codes::known_as(&phone)).await)?;
                Ok(SignedIn::Yes { tokens, known })
            }
            Err(SignInRefusal::WrongCode { tries_left }) => Ok(SignedIn::WrongCode { tries_left }),
            Err(SignInRefusal::NoCode) => Ok(SignedIn::NoCode),
            Err(SignInRefusal::Blocked) => Ok(SignedIn::Blocked),
            Err(SignInRefusal::Internal(error)) => answer("sign in", Err(error)),
        }
    }

    async fn authenticate(&self, access: &str) -> Result<Option<Principal>, ApiError> {
        answer("authenticate", self.authenticate(access).await)
    }

    async fn second_step_form(&self, who: &Principal) -> Result<SecondStepForm, ApiError> {
        answer("ask for a second step", self.second_step_form(who).await)
    }

    async fn prove_second_step(&self, who: &Principal, code: SignInCode) -> Result<SecondStepProved, ApiError> {
        answer("take a second step", self.prove_second_step(who, code).await)
    }

    async fn refresh(&self, refresh: &str, caller: &Caller) -> Result<Option<Tokens>, ApiError> {
        match self.refresh(refresh, caller).await {
            Ok(tokens) => Ok(Some(tokens)),
            Err(RefreshRefusal::SignedOut | RefreshRefusal::Reused) => Ok(None),
            Err(RefreshRefusal::Internal(error)) => answer("renew a session", Err(error)),
        }
    }

    async fn form_token(&self, of: &str) -> Result<String, ApiError> {
        answer("make a form's token", self.form_token(of).await)
    }

    async fn is_form_token(&self, token: &str, of: &str) -> Result<bool, ApiError> {
        answer("check a form's token", self.is_form_token(token, of).await)
    }

    async fn account(&self, who: &Principal) -> Result<AccountView, ApiError> {
        answer("show an account", self.account(who).await)
    }

    async fn rename(&self, who: &Principal, name: Option<PersonName>) -> Result<(), ApiError> {
        answer("rename a person", self.rename(who, name).await)
    }

    async fn set_locale(&self, who: &Principal, locale: Locale) -> Result<(), ApiError> {
        answer("keep a language", self.set_locale(who, locale).await)
    }

    async fn sign_out(&self, who: &Principal) -> Result<(), ApiError> {
        answer("sign out", self.sign_out(who).await)
    }

    async fn end_session(&self, who: &Principal, session: Uuid) -> Result<(), ApiError> {
        let ended = answer("end a session", self.end_session(who, session).await)?;
        if ended { Ok(()) } else { Err(ApiError::NotFound) }
    }

    async fn end_other_sessions(&self, who: &Principal) -> Result<(), ApiError> {
        answer("end sessions", self.end_other_sessions(who).await).map(drop)
    }

    async fn ask_phone_change(&self, who: &Principal, ask: AskPhoneChange) -> Result<CodeAsked, ApiError> {
        asked(match self.ask_phone_change(who, ask).await {
            Err(NoCode::Internal(AuthError::Unchanged)) => return Err(ApiError::Conflict),
            other => other,
        })
    }

    async fn pending_phone_change(&self, who: &Principal) -> Result<Option<PendingPhoneChange>, ApiError> {
        answer("show a change of phone", self.pending_phone_change(who).await)
    }

    async fn confirm_phone_change(&self, who: &Principal, with: ConfirmPhoneChange) -> Result<PhoneChanged, ApiError> {
        answer("change a phone", self.confirm_phone_change(who, with).await)
    }

    async fn export(&self, who: &Principal) -> Result<Vec<u8>, ApiError> {
        answer("export a person's data", self.export(who).await)
    }

    async fn ask_deletion(&self, who: &Principal, caller: Caller, locale: Locale, host: String) -> Result<CodeAsked, ApiError> {
        asked(self.ask_deletion(who, caller, locale, host).await)
    }

    async fn delete(&self, who: &Principal, code: SignInCode) -> Result<Deleted, ApiError> {
        answer("delete a person", self.delete(who, code).await)
    }
}
