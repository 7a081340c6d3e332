//! Browsers in which a person is signed in: renewed by refresh tokens, shown, ended.

use api::auth::{ActiveSession, Caller, Grant, Principal, Tokens};
use api::i18n::Locale;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Phone;
use domain::auth::Role;
use serde_json::json;
use uuid::Uuid;

use super::codes::sha256;
use super::store;
use super::{Auth, AuthError, second_step};
use crate::audit::{self, Actor, AuditEvent};
use crate::db;

/// The limits count the codes of a day.
const CODES_REMEMBERED: TimeDelta = TimeDelta::days(2);
/// A copy of an old token that turns up is still known as one for a while.
const TOKENS_REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndReason {
    SignedOut,
    EndedElsewhere,
    TokenReused,
    Blocked,
    PhoneChanged,
    Deleted,
}

impl EndReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::TokenReused => "token_reused",
            Self::Blocked => "blocked",
            Self::PhoneChanged => "phone_changed",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a refresh token gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshRefusal {
    /// Not ours, too old, or of a session that is over: sign in again.
    #[error("not signed in any more")]
    SignedOut,
    /// It was used before: somebody has a copy. The session is over for both.
    #[error("the token was used before")]
    Reused,
    #[error(transparent)]
    Internal(#[from] AuthError),
}

impl db::TxError for RefreshRefusal {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Internal(error) => error.sqlx(),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for RefreshRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

/// A refresh token that is shown, with what it belongs to.
#[derive(Debug)]
pub(super) struct Presented {
    pub session: Uuid,
    pub person: Uuid,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub kid: Option<String>,
    pub session_expires_at: DateTime<Utc>,
    pub is_over: bool,
}

/// What comes of showing it.
enum Shown {
    Renewed {
        person: Uuid,
        session: Uuid,
        expires_at: DateTime<Utc>,
    },
    /// Its successor was given a moment ago: the same once more.
    Again {
        person: Uuid,
        session: Uuid,
        kid: String,
        expires_at: DateTime<Utc>,
    },
    SignedOut,
    Reused,
}

impl Auth {
    /// Whose access token this is, and what the person may, as of this moment. `None`: not signed in, or not any more.
    pub async fn authenticate(&self, access: &str) -> Result<Option<Principal>, AuthError> {
        let Some(claimed) = self.claimed(access).await? else { return Ok(None) };
        let now = self.db.now();
        let held = store::grants(self.db.pool(), claimed.person, claimed.session, now).await?;
        Ok(held.map(|(grants, second_step_at)| Principal {
            person: claimed.person,
            session: claimed.session,
            grants,
            second_step: second_step::worth(second_step_at, now),
        }))
    }

    /// Renews a session. Each token works once; within the grace its successor is given again.
    pub async fn refresh(&self, token: &str, caller: &Caller) -> Result<Tokens, RefreshRefusal> {
        let key = self.keys.signing().await?;
        let successor = key.successor(token)?;
        let (old, new, kid) = (sha256(token), sha256(&successor), key.kid.clone());
        let address = caller.address.to_canonical().to_string();
        let settings = self.settings.clone();
        let shown = db::tx(&self.db, move |mut tx| {
            let (kid, address, settings) = (kid.clone(), address.clone(), settings.clone());
            async move {
                let now = tx.now();
                let Some(found) = store::presented(&mut tx, &old).await? else { return Ok(Shown::SignedOut) };
                let Presented { session, person, .. } = found;
                if found.is_over || found.session_expires_at <= now || found.expires_at <= now {
                    return Ok(Shown::SignedOut);
                }
                let expires_at = (found.used_at.unwrap_or(now) + settings.refresh_kept).min(found.session_expires_at);
                match found.used_at.zip(found.kid) {
                    None => {
                        store::use_refresh(&mut tx, &old, &kid, now).await?;
                        store::insert_refresh(&mut tx, &new, session, now, expires_at).await?;
                        store::seen(&mut tx, session, &address, now).await?;
                        Ok(Shown::Renewed { person, session, expires_at })
                    }
                    Some((used_at, kid)) if now - used_at <= settings.refresh_grace => {
                        Ok(Shown::Again { person, session, kid, expires_at })
                    }
                    Some(_) => {
                        store::end_sessions(&mut tx, person, Some(session), None, EndReason::TokenReused, now).await?;
                        let event = AuditEvent {
                            actor: Actor::System,
                            action: "auth.token_reused",
                            subject_kind: "auth_session",
                            subject_id: session.to_string(),
                            detail: json!({ "person": person }),
                        };
                        audit::record(&mut tx, &event).await?;
                        Ok::<_, RefreshRefusal>(Shown::Reused)
                    }
                }
            }
        })
        .await?;
        let (person, session, refresh, refresh_expires_at) = match shown {
            Shown::SignedOut => return Err(RefreshRefusal::SignedOut),
            Shown::Reused => return Err(RefreshRefusal::Reused),
            Shown::Renewed { person, session, expires_at } => (person, session, successor, expires_at),
            Shown::Again { person, session, kid, expires_at } => {
                let maker = self.keys.find(&kid).await?.ok_or(RefreshRefusal::SignedOut)?;
                (person, session, maker.successor(token)?, expires_at)
            }
        };
        let access = self.access_token(&key, person, session)?;
        Ok(self.tokens(access, refresh, refresh_expires_at - self.db.now()))
    }

    /// Where the person is signed in, the latest first.
    pub async fn sessions(&self, person: Uuid) -> Result<Vec<ActiveSession>, AuthError> {
        Ok(store::active_sessions(self.db.pool(), person, self.db.now()).await?)
    }

    /// Ends the session that asks for it.
    pub async fn sign_out(&self, who: &Principal) -> Result<(), AuthError> {
        self.end(who, Some(who.session), None, EndReason::SignedOut).await.map(drop)
    }

    /// Ends another of the person's sessions. False when it is not one of them.
    pub async fn end_session(&self, who: &Principal, session: Uuid) -> Result<bool, AuthError> {
        Ok(self.end(who, Some(session), None, EndReason::EndedElsewhere).await? > 0)
    }

    /// Ends all of the person's sessions but the one that asks for it; how many.
    pub async fn end_other_sessions(&self, who: &Principal) -> Result<u64, AuthError> {
        self.end(who, None, Some(who.session), EndReason::EndedElsewhere).await
    }

    async fn end(&self, who: &Principal, only: Option<Uuid>, but: Option<Uuid>, reason: EndReason) -> Result<u64, AuthError> {
        let (person, by) = (who.person, who.session);
        db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            let ended = store::end_sessions(&mut tx, person, only, but, reason, now).await?;
            if ended > 0 {
                let event = AuditEvent {
                    actor: Actor::Person(person.to_string()),
                    action: "auth.sessions_ended",
                    subject_kind: "person",
                    subject_id: person.to_string(),
                    detail: json!({ "by": by, "reason": reason.as_str(), "only": only, "ended": ended }),
                };
                audit::record(&mut tx, &event).await?;
            }
            Ok(ended)
        })
        .await
    }

    /// Deletes codes and refresh tokens that are of no use any more.
    pub async fn forget_old(&self) -> Result<u64, AuthError> {
        let now = self.db.now();
        let mut connection = self.db.pool().acquire().await?;
        Ok(store::forget_old(&mut connection, now - CODES_REMEMBERED, now - TOKENS_REMEMBERED).await?)
    }

    /// The person with this phone, who has signed in before.
    pub async fn person(&self, phone: &Phone) -> Result<Option<Uuid>, AuthError> {
        let mut connection = self.db.pool().acquire().await?;
        Ok(store::person_of_number(&mut connection, phone.as_e164()).await?)
    }

    /// The person with this phone, whether or not there was one: somebody to give a role to before the first sign-in.
    pub async fn expect_person(&self, phone: &Phone) -> Result<Uuid, AuthError> {
        let phone = phone.clone();
        db::tx(&self.db, move |mut tx| {
            let phone = phone.clone();
            async move {
                let (new_id, now) = (tx.uuid(), tx.now());
                let person = store::person_of_phone(&mut tx, new_id, phone.as_e164(), Locale::default(), now).await?;
                Ok(person.id)
            }
        })
        .await
    }

    /// Gives a role; it holds with the person's next request. False when it is held already.
    pub async fn grant(&self, actor: &Actor, person: Uuid, grant: Grant) -> Result<bool, AuthError> {
        check_scope(grant)?;
        self.change(actor, person, "auth.role_granted", Change::Grant(grant)).await
    }

    /// Takes a role away, from the person's next request on. False when it is not held.
    pub async fn revoke(&self, actor: &Actor, person: Uuid, grant: Grant) -> Result<bool, AuthError> {
        self.change(actor, person, "auth.role_revoked", Change::Revoke(grant)).await
    }

    /// Blocks a person and ends all sessions. False when the person is blocked already.
    pub async fn block(&self, actor: &Actor, person: Uuid) -> Result<bool, AuthError> {
        self.change(actor, person, "auth.person_blocked", Change::Block).await
    }

    /// Lets a person sign in again.
    pub async fn unblock(&self, actor: &Actor, person: Uuid) -> Result<bool, AuthError> {
        self.change(actor, person, "auth.person_unblocked", Change::Unblock).await
    }

    async fn change(&self, actor: &Actor, person: Uuid, action: &'static str, change: Change) -> Result<bool, AuthError> {
        let actor = actor.clone();
        db::tx(&self.db, move |mut tx| {
            let actor = actor.clone();
            async move {
                let now = tx.now();
                let (is_new, detail) = match change {
                    Change::Grant(grant) => (store::grant(&mut tx, person, grant, now).await?, of(grant)),
                    Change::Revoke(grant) => (store::revoke(&mut tx, person, grant, now).await?, of(grant)),
                    Change::Block => {
                        store::end_sessions(&mut tx, person, None, None, EndReason::Blocked, now).await?;
                        (store::set_blocked(&mut tx, person, Some(now)).await?, json!({}))
                    }
                    Change::Unblock => (store::set_blocked(&mut tx, person, None).await?, json!({})),
                };
                if is_new {
                    let subject_id = person.to_string();
                    audit::record(&mut tx, &AuditEvent { actor, action, subject_kind: "person", subject_id, detail }).await?;
                }
                Ok(is_new)
            }
        })
        .await
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Grant(Grant),
    Revoke(Grant),
    Block,
    Unblock,
}

fn of(grant: Grant) -> serde_json::Value {
    json!({ "role": grant.role.as_str(), "scope": grant.scope })
}

/// A tenant's role without its tenant would reach everything or nothing; the database refuses it too.
fn check_scope(grant: Grant) -> Result<(), AuthError> {
    let is_of_tenant = matches!(grant.role, Role::Employee | Role::CorporateAdmin | Role::Partner);
    if grant.role == Role::Driver || is_of_tenant != grant.scope.is_some() {
        return Err(AuthError::Scope(grant.role.as_str()));
    }
    Ok(())
}
