//! Access tokens (JWT), the keys that sign them, and the successors of refresh tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::auth::Tokens;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::codes::cryptography;
use super::store::{self, KeyRow};
use super::{Auth, AuthError};
use crate::db::{self, Db};

/// What the token is for, in its header and as its audience: no other token of ours is taken for one.
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "evp";
/// The one algorithm. A token that names another is refused before its signature is looked at.
const ALGORITHM: Algorithm = Algorithm::HS256;
const SECRET_BYTES: usize = 32;
const KID_BYTES: usize = 9;
/// Longer than any of ours.
const TOKEN_CHARS_MAX: usize = 2_048;
/// An unknown key is looked for in the database this often at most, however many ask with one.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a key makes beside access tokens.
const REFRESH: &str = "refresh:";
const FORM: &str = "form:";
/// Clocks of nodes differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The person.
    sub: Uuid,
    /// The session.
    sid: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// A key of ours.
pub(super) struct Key {
    pub kid: String,
    secret: Vec<u8>,
    created_at: DateTime<Utc>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl From<KeyRow> for Key {
    fn from(row: KeyRow) -> Self {
        Self { kid: row.kid, secret: row.secret, created_at: row.created_at }
    }
}

impl Key {
    /// The successor of a refresh token: the same however often it is asked for, and nobody else's to make.
    pub fn successor(&self, token: &str) -> Result<String, AuthError> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(self.mac(REFRESH, token)?.finalize().into_bytes()))
    }

    /// What is made for one use is of no use for another.
    fn mac(&self, usage: &str, text: &str) -> Result<Hmac<Sha256>, AuthError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).map_err(cryptography)?;
        mac.update(usage.as_bytes());
        mac.update(text.as_bytes());
        Ok(mac)
    }
}

/// The keys in the database, remembered.
#[derive(Debug)]
pub(super) struct Keys {
    db: Db,
    signs: TimeDelta,
    believed: TimeDelta,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The newest first.
    keys: Vec<Arc<Key>>,
    looked_at: Option<Instant>,
}

impl Keys {
    pub fn new(db: Db, signs: TimeDelta, believed: TimeDelta) -> Self {
        Self { db, signs, believed, known: Mutex::default() }
    }

    /// The key that signs: made when there is none, or only an old one.
    pub async fn signing(&self) -> Result<Arc<Key>, AuthError> {
        let now = self.db.now();
        let mut known = self.known.lock().await;
        let is_fresh = |key: &&Arc<Key>| now - key.created_at < self.signs;
        if let Some(key) = known.keys.first().filter(is_fresh) {
            return Ok(Arc::clone(key));
        }
        let (signs, believed) = (self.signs, self.believed);
        let rows = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            store::lock_keys(&mut tx).await?;
            // Another node may have made one.
            if store::keys(&mut *tx).await?.first().is_none_or(|newest| now - newest.created_at >= signs) {
                let mut secret = vec![0_u8; SECRET_BYTES];
                tx.ids().fill(&mut secret);
                let kid = tx.ids().token(KID_BYTES);
                store::insert_key(&mut tx, &KeyRow { kid, secret, created_at: now }).await?;
                store::delete_keys(&mut tx, now - believed).await?;
            }
            Ok::<_, AuthError>(store::keys(&mut *tx).await?)
        })
        .await?;
        known.keys = rows.into_iter().map(|row| Arc::new(row.into())).collect();
        known.keys.first().cloned().ok_or(AuthError::NotFound("signing key"))
    }

    /// The key of that name, as long as what it signed can be believed.
    pub async fn find(&self, kid: &str) -> Result<Option<Arc<Key>>, AuthError> {
        let now = self.db.now();
        let find = |keys: &[Arc<Key>]| keys.iter().find(|key| key.kid == kid && now - key.created_at < self.believed).cloned();
        let mut known = self.known.lock().await;
        if let Some(key) = find(&known.keys) {
            return Ok(Some(key));
        }
        if known.looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(None);
        }
        known.looked_at = Some(Instant::now());
        known.keys = store::keys(self.db.pool()).await?.into_iter().map(|row| Arc::new(row.into())).collect();
        Ok(find(&known.keys))
    }
}

/// What an access token says, when it is ours and in its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claimed {
    pub person: Uuid,
    pub session: Uuid,
}

impl Auth {
    pub(super) fn access_token(&self, key: &Key, person: Uuid, session: Uuid) -> Result<String, AuthError> {
        let now = self.db.now();
        let expires_at = now + self.settings.access_kept;
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(ALGORITHM) };
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: person,
            sid: session,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&key.secret)).map_err(cryptography)
    }

    /// What the browser keeps, and for how long.
    pub(super) fn tokens(&self, access: String, refresh: String, refresh_kept: TimeDelta) -> Tokens {
        let seconds = |kept: TimeDelta| u32::try_from(kept.num_seconds()).unwrap_or(0);
        Tokens { access, access_kept_s: seconds(self.settings.access_kept), refresh, refresh_kept_s: seconds(refresh_kept) }
    }

    /// A word for the forms of a session or a browser, the same as long as the key signs. Nobody else can make it.
    pub(super) async fn form_token(&self, of: &str) -> Result<String, AuthError> {
        let key = self.keys.signing().await?;
        let mac = key.mac(FORM, of)?.finalize().into_bytes();
        Ok(format!("{}.{}", key.kid, BASE64_URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Compared in constant time.
    pub(super) async fn is_form_token(&self, token: &str, of: &str) -> Result<bool, AuthError> {
        let Some((kid, mac)) = token.split_once('.').filter(|_| token.len() <= TOKEN_CHARS_MAX) else { return Ok(false) };
        let Ok(mac) = BASE64_URL_SAFE_NO_PAD.decode(mac) else { return Ok(false) };
        let Some(key) = self.keys.find(kid).await? else { return Ok(false) };
        Ok(key.mac(FORM, of)?.verify_slice(&mac).is_ok())
    }

    /// Reads an access token; `None` for anything that is not one of ours, of this kind, and of now.
    pub(super) async fn claimed(&self, token: &str) -> Result<Option<Claimed>, AuthError> {
        if token.len() > TOKEN_CHARS_MAX {
            return Ok(None);
        }
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Ok(None) };
        let (Some(kid), true, true) = (&header.kid, header.typ.as_deref() == Some(TYPE), header.alg == ALGORITHM) else {
            return Ok(None);
        };
        let Some(key) = self.keys.find(kid).await? else { return Ok(None) };
        let mut validation = Validation::new(ALGORITHM);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // By the one clock of the house, below.
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(&key.secret), &validation);
        let Ok(claims) = decoded.map(|data| data.claims) else { return Ok(None) };
        let now = self.db.now();
        let is_of_now = now.timestamp() < claims.exp && claims.nbf <= (now + LEEWAY).timestamp();
        Ok(is_of_now.then_some(Claimed { person: claims.sub, session: claims.sid }))
    }
}
