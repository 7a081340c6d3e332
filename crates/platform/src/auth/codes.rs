//! The code by SMS: asked for, tried, used once.

use api::i18n::{Locale, sms as texts};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Phone;
use domain::auth::{AskedLately, NotNow, SignInCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::store::{self, NewCode, NewSession};
use super::{Auth, AuthError, Caller, Tokens, network};
use crate::audit::{self, Actor, AuditEvent};
use crate::db;
use crate::notify;

/// Wrong codes that may be typed before another one must be asked for.
pub(super) const TRIES: i32 = 5;
/// Of the operator: `+996` and three digits.
const PREFIX_CHARS: usize = 7;
/// A code lives for minutes and can be tried five times: the hash only has to make a stolen table useless, and each try costs us this.
const HASH_MEMORY_KIB: u32 = 8 * 1024;
const HASH_PASSES: u32 = 2;
const SALT_BYTES: usize = 16;
/// Longer names of browsers are cut.
const USER_AGENT_CHARS_MAX: usize = 300;

/// A phone asks to be let in.
#[derive(Debug, Clone)]
pub struct AskCode {
    pub phone: Phone,
    /// The secret that the browser was given for it: only there is the code of any use.
    pub browser: String,
    pub caller: Caller,
    pub locale: Locale,
    /// Of the page: its line in the message lets the browser fill the code in.
    pub host: String,
}

/// The code is on its way, whether anybody has this phone or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeSent {
    pub expires_at: DateTime<Utc>,
    /// From when another one may be asked for.
    pub resend_at: DateTime<Utc>,
}

/// Why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum NoCode {
    #[error("asked too often")]
    NotNow(NotNow),
    #[error(transparent)]
    Internal(#[from] AuthError),
}

impl db::TxError for NoCode {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Internal(error) => error.sqlx(),
            Self::NotNow(_) => None,
        }
    }
}

impl From<sqlx::Error> for NoCode {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

/// A code is typed.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub code: SignInCode,
    pub browser: String,
    pub caller: Caller,
    pub locale: Locale,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefusal {
    #[error("a wrong code; {tries_left} tries are left")]
    WrongCode { tries_left: i32 },
    /// None was asked for in this browser, or it is too old, used, or tried too often.
    #[error("no code to compare with")]
    NoCode,
    /// Said only to who has proved the phone.
    #[error("the person is blocked")]
    Blocked,
    #[error(transparent)]
    Internal(#[from] AuthError),
}

impl db::TxError for SignInRefusal {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Internal(error) => error.sqlx(),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for SignInRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl Auth {
    /// Sends a code. Whether a person with this phone exists is not looked at: the answer and its time are the same.
    pub async fn ask_code(&self, ask: AskCode) -> Result<CodeSent, NoCode> {
        let code = self.db.ids().text(b"0123456789", SignInCode::DIGITS);
        let this = self.clone();
        let outcome = db::tx(&self.db, move |mut tx| {
            let (ask, code, this) = (ask.clone(), code.clone(), this.clone());
            async move {
                let settings = &this.settings;
                let now = tx.now();
                let (address, around) = (network(ask.caller.address, 32, 64), network(ask.caller.address, 24, 48));
                let prefix: String = ask.phone.as_e164().chars().take(PREFIX_CHARS).collect();
                // One after the other: what is counted must not change meanwhile.
                store::lock_codes(&mut tx).await?;
                let asked = asked_lately(&mut tx, ask.phone.as_e164(), &address, &around, &prefix, now).await?;
                if let Err(refusal) = settings.limits.check(&asked, now) {
                    if refusal == NotNow::Exhausted {
                        let detail = json!({ "a_minute": asked.all, "a_day": asked.all_a_day });
                        audit::raise_alert(&mut tx, "sign_in_codes_exhausted", "all", &detail).await?;
                    }
                    return Ok(Err(refusal));
                }
                // Only now: who is refused costs little.
                let code_hash = this.hash(code.clone()).await?;
                let id = tx.uuid();
                let expires_at = now + settings.code_kept;
                let new = NewCode {
                    id,
                    phone: ask.phone.as_e164(),
                    browser_sha256: &sha256(&ask.browser),
                    code_hash: &code_hash,
                    address: &address,
                    network: &around,
                    tries: TRIES,
                    asked_at: now,
                    expires_at,
                };
                store::insert_code(&mut tx, &new).await?;
                let text = texts::sign_in(ask.locale, &code, &ask.host);
                notify::queue_secret_sms(&mut tx, &format!("code:{id}"), &ask.phone, &text, expires_at).await?;
                let sent: Vec<_> = std::iter::once(now).chain(asked.phone).collect();
                let resend_at = settings.limits.resend_at(&sent, now).unwrap_or(now);
                Ok::<_, NoCode>(Ok(CodeSent { expires_at, resend_at }))
            }
        })
        .await?;
        outcome.map_err(NoCode::NotNow)
    }

    /// Signs in with a code. The try is counted before the code is compared: those who try at the same time have five tries together.
    pub async fn sign_in(&self, with: SignIn) -> Result<Tokens, SignInRefusal> {
        let browser_sha256 = sha256(&with.browser);
        let tried = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            store::take_try(&mut tx, &browser_sha256, now).await.map_err(SignInRefusal::from)
        })
        .await?;
        let Some(tried) = tried else {
            // As long as a comparison takes.
            self.hash(with.code.as_str().to_owned()).await?;
            return Err(SignInRefusal::NoCode);
        };
        if !self.is_code(with.code.as_str().to_owned(), tried.code_hash).await? {
            return Err(SignInRefusal::WrongCode { tries_left: tried.tries_left });
        }
        let key = self.keys.signing().await?;
        let settings = self.settings.clone();
        let (id, phone) = (tried.id, tried.phone);
        let (person, session, refresh) = db::tx(&self.db, move |mut tx| {
            let (with, phone, settings) = (with.clone(), phone.clone(), settings.clone());
            async move {
                let now = tx.now();
                if !store::use_code(&mut tx, id, now).await? {
                    return Err(SignInRefusal::NoCode);
                }
                let new_id = tx.uuid();
                let person = store::person_of_phone(&mut tx, new_id, &phone, with.locale, now).await?;
                if person.is_blocked {
                    return Err(SignInRefusal::Blocked);
                }
                let session = tx.uuid();
                let new = NewSession {
                    id: session,
                    person: person.id,
                    now,
                    expires_at: now + settings.session_max,
                    user_agent: &with.caller.user_agent.chars().take(USER_AGENT_CHARS_MAX).collect::<String>(),
                    address: &with.caller.address.to_canonical().to_string(),
                };
                store::insert_session(&mut tx, &new).await?;
                let refresh = tx.ids().token(32);
                let refresh_expires_at = now + settings.refresh_kept;
                store::insert_refresh(&mut tx, &sha256(&refresh), session, now, refresh_expires_at).await?;
                let event = AuditEvent {
                    actor: Actor::Person(person.id.to_string()),
                    action: "auth.signed_in",
                    subject_kind: "auth_session",
                    subject_id: session.to_string(),
                    detail: json!({ "is_new_person": person.id == new_id }),
                };
                audit::record(&mut tx, &event).await?;
                Ok((person.id, session, (refresh, refresh_expires_at)))
            }
        })
        .await?;
        let (access, access_expires_at) = self.access_token(&key, person, session)?;
        let (refresh, refresh_expires_at) = refresh;
        Ok(Tokens { access, access_expires_at, refresh, refresh_expires_at })
    }

    async fn hash(&self, code: String) -> Result<String, AuthError> {
        let mut salt = [0_u8; SALT_BYTES];
        self.db.ids().fill(&mut salt);
        self.aside(move || {
            let hash = hasher()?.hash_password_with_salt(code.as_bytes(), &salt).map_err(cryptography)?;
            Ok(hash.to_string())
        })
        .await
    }

    async fn is_code(&self, code: String, hash: String) -> Result<bool, AuthError> {
        self.aside(move || {
            let hash = phc::PasswordHash::new(&hash).map_err(cryptography)?;
            Ok(hasher()?.verify_password(code.as_bytes(), &hash).is_ok())
        })
        .await
    }

    /// Milliseconds of work that must not hold up the others of this thread; a few at a time, because each takes its memory.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let _turn = self.hashing.acquire().await.map_err(cryptography)?;
        tokio::task::spawn_blocking(work).await.map_err(cryptography)?
    }
}

async fn asked_lately(
    tx: &mut db::Tx,
    phone: &str,
    address: &str,
    around: &str,
    prefix: &str,
    now: DateTime<Utc>,
) -> Result<AskedLately, sqlx::Error> {
    let (minute, hour, day) = (now - TimeDelta::minutes(1), now - TimeDelta::hours(1), now - TimeDelta::days(1));
    Ok(AskedLately {
        phone: store::asked_for_phone(tx, phone, day).await?,
        address: store::asked_from_address(tx, address, hour).await?,
        network: store::asked_from_network(tx, around, hour).await?,
        prefix: store::asked_for_prefix(tx, prefix, minute).await?,
        all: store::asked_in_all(tx, minute).await?,
        all_a_day: store::asked_in_all(tx, day).await?,
    })
}

pub(super) fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hasher() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, 1, None).map_err(cryptography)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn cryptography(error: impl std::fmt::Display) -> AuthError {
    AuthError::Cryptography(error.to_string())
}

/// What was found when a code was tried.
#[derive(Debug)]
pub(super) struct Tried {
    pub id: Uuid,
    pub phone: String,
    pub code_hash: String,
    pub tries_left: i32,
}
