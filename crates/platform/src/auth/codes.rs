//! The code by SMS: asked for, tried, used once.

use api::auth::{AskCode, Caller, PendingCode, SignIn, Tokens};
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
use super::{Auth, AuthError, network};
use crate::audit::{self, Actor, AuditEvent};
use crate::db::{self, Tx};
use crate::{guest, notify};

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

/// What a code is for. A code of one purpose is of no use for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    /// Proves the number that the account has.
    ChangeFrom,
    /// Proves the number that it shall have.
    ChangeTo,
    Delete,
}

impl Purpose {
    /// What ties a code to who asked for it: the browser's secret, or the session.
    pub fn bound_to(self, secret: &str) -> [u8; 32] {
        let purpose = match self {
            Self::SignIn => "sign_in",
            Self::ChangeFrom => "change_from",
            Self::ChangeTo => "change_to",
            Self::Delete => "delete",
        };
        sha256(&format!("{purpose}:{secret}"))
    }

    fn text(self, locale: Locale, code: &str, host: &str) -> String {
        match self {
            Self::SignIn => texts::sign_in(locale, code, host),
            Self::ChangeFrom | Self::ChangeTo => texts::change_phone(locale, code),
            Self::Delete => texts::delete_account(locale, code),
        }
    }
}

/// A code that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub purpose: Purpose,
    pub bound_to: [u8; 32],
    /// Asked for by the person, as far as we can tell; else anybody can have asked.
    pub is_known: bool,
    pub phone: Phone,
    pub caller: Caller,
    pub locale: Locale,
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
        let AskCode { phone, browser, known, caller, locale, host } = ask;
        let purpose = Purpose::SignIn;
        let is_known = match known {
            Some(known) => self.is_form_token(&known, &known_as(&phone)).await?,
            None => false,
        };
        let asked = Asked { purpose, bound_to: purpose.bound_to(&browser), is_known, phone, caller, locale, host };
        let this = self.clone();
        let outcome = db::tx(&self.db, move |mut tx| {
            let (asked, this) = (asked.clone(), this.clone());
            async move { this.place_code(&mut tx, asked).await }
        })
        .await?;
        outcome.map_err(NoCode::NotNow)
    }

    /// Makes a code and queues its message, when the limits allow. What is refused must be committed too: it can hold an alert.
    pub(super) async fn place_code(&self, tx: &mut Tx, ask: Asked) -> Result<Result<CodeSent, NotNow>, NoCode> {
        let settings = &self.settings;
        let now = tx.now();
        let (address, around) = (network(ask.caller.address, 32, 64), network(ask.caller.address, 24, 48));
        let prefix: String = ask.phone.as_e164().chars().take(PREFIX_CHARS).collect();
        // One after the other: what is counted must not change meanwhile.
        store::lock_codes(tx).await?;
        let asked = asked_lately(tx, (ask.phone.as_e164(), ask.is_known), &address, &around, &prefix, now).await?;
        if let Err(refusal) = settings.limits.check(&asked, now) {
            if refusal == NotNow::Exhausted {
                let detail = json!({ "a_minute": asked.all, "a_day": asked.all_a_day });
                audit::raise_alert(tx, "sign_in_codes_exhausted", "all", &detail).await?;
            }
            return Ok(Err(refusal));
        }
        // Only now: who is refused costs little.
        let code = tx.ids().text(b"0123456789", SignInCode::DIGITS);
        let code_hash = self.hash(code.clone()).await?;
        let id = tx.uuid();
        let expires_at = now + settings.code_kept;
        let new = NewCode {
            id,
            phone: ask.phone.as_e164(),
            browser_sha256: &ask.bound_to,
            code_hash: &code_hash,
            address: &address,
            network: &around,
            is_known: ask.is_known,
            tries: TRIES,
            asked_at: now,
            expires_at,
        };
        store::insert_code(tx, &new).await?;
        let text = ask.purpose.text(ask.locale, &code, &ask.host);
        notify::queue_secret_sms(tx, &format!("code:{id}"), &ask.phone, &text, expires_at).await?;
        let sent: Vec<_> = std::iter::once(now).chain(asked.phone).collect();
        let resend_at = settings.limits.resend_at(&sent, now).unwrap_or(now);
        Ok(Ok(CodeSent { expires_at, resend_at }))
    }

    /// What a browser waits for, after a reload too.
    pub async fn pending_code(&self, browser: &str) -> Result<Option<PendingCode>, AuthError> {
        let now = self.db.now();
        let mut connection = self.db.pool().acquire().await?;
        let bound_to = Purpose::SignIn.bound_to(browser);
        let Some(newest) = store::newest_code(&mut connection, &bound_to).await? else { return Ok(None) };
        let phone = read_phone(&newest.phone)?;
        let sent = store::asked_for_phone(&mut connection, &newest.phone, newest.is_known, now - TimeDelta::days(1)).await?;
        let resend_at = self.settings.limits.resend_at(&sent, now).unwrap_or(now);
        Ok(Some(PendingCode { phone, is_good: newest.is_good(now), resend_at, now }))
    }

    /// Compares a code with the newest one that is bound so. The try is counted before: those who try at the same time have five tries
    /// together.
    pub(super) async fn try_code(&self, bound_to: [u8; 32], code: &SignInCode) -> Result<Tried, SignInRefusal> {
        let tried = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            store::take_try(&mut tx, &bound_to, now).await.map_err(SignInRefusal::from)
        })
        .await?;
        let Some(tried) = tried else {
            // As long as a comparison takes.
            self.hash(code.as_str().to_owned()).await?;
            return Err(SignInRefusal::NoCode);
        };
        if !self.is_code(code.as_str().to_owned(), tried.code_hash.clone()).await? {
            return Err(SignInRefusal::WrongCode { tries_left: tried.tries_left });
        }
        Ok(tried)
    }

    /// Signs in with a code. Charges that were begun with this phone before join the account: the code has just proved it.
    pub async fn sign_in(&self, with: SignIn) -> Result<Tokens, SignInRefusal> {
        let tried = self.try_code(Purpose::SignIn.bound_to(&with.browser), &with.code).await?;
        let key = self.keys.signing().await?;
        let settings = self.settings.clone();
        let (id, phone) = (tried.id, read_phone(&tried.phone)?);
        let (person, session, refresh) = db::tx(&self.db, move |mut tx| {
            let (with, phone, settings) = (with.clone(), phone.clone(), settings.clone());
            async move {
                let now = tx.now();
                if !store::use_code(&mut tx, id, now).await? {
                    return Err(SignInRefusal::NoCode);
                }
                let new_id = tx.uuid();
                let person = store::person_of_phone(&mut tx, new_id, phone.as_e164(), with.locale, now).await?;
                if person.is_blocked {
                    return Err(SignInRefusal::Blocked);
                }
                let joined = guest::adopt(&mut tx, person.id, &phone).await?;
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
                store::insert_refresh(&mut tx, &sha256(&refresh), session, now, now + settings.refresh_kept).await?;
                let event = AuditEvent {
                    actor: Actor::Person(person.id.to_string()),
                    action: "auth.signed_in",
                    subject_kind: "auth_session",
                    subject_id: session.to_string(),
                    detail: json!({ "is_new_person": person.id == new_id, "charges_joined": joined }),
                };
                audit::record(&mut tx, &event).await?;
                Ok((person.id, session, refresh))
            }
        })
        .await?;
        let access = self.access_token(&key, person, session)?;
        Ok(self.tokens(access, refresh, self.settings.refresh_kept))
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
    (phone, is_known): (&str, bool),
    address: &str,
    around: &str,
    prefix: &str,
    now: DateTime<Utc>,
) -> Result<AskedLately, sqlx::Error> {
    let (minute, hour, day) = (now - TimeDelta::minutes(1), now - TimeDelta::hours(1), now - TimeDelta::days(1));
    Ok(AskedLately {
        phone: store::asked_for_phone(tx, phone, is_known, day).await?,
        address: store::asked_from_address(tx, address, hour).await?,
        network: store::asked_from_network(tx, around, hour).await?,
        prefix: store::asked_for_prefix(tx, prefix, minute).await?,
        all: store::asked_in_all(tx, minute).await?,
        all_a_day: store::asked_in_all(tx, day).await?,
    })
}

/// What a browser is known by: that somebody with this number has signed in there.
pub(super) fn known_as(phone: &Phone) -> String {
    format!("known:{}", phone.as_e164())
}

pub(super) fn read_phone(stored: &str) -> Result<Phone, AuthError> {
    Phone::parse_international(stored).map_err(|_| AuthError::Unreadable("phone"))
}

pub(super) fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hasher() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, 1, None).map_err(cryptography)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

pub(super) fn cryptography(error: impl std::fmt::Display) -> AuthError {
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

/// The newest code of somebody, whatever has become of it.
#[derive(Debug)]
pub(super) struct Newest {
    pub phone: String,
    pub tries_left: i32,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub is_known: bool,
}

impl Newest {
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.tries_left > 0 && self.used_at.is_none() && now < self.expires_at
    }
}
