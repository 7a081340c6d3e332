//! The person's own account: name, language, phone, what we know of the person, and its end.

use std::collections::BTreeSet;

use api::auth::{
    AccountView, AskPhoneChange, Caller, ConfirmPhoneChange, Deleted, PendingPhoneChange, PhoneChanged, Principal,
};
use api::i18n::{Locale, sms as texts};
use domain::Phone;
use domain::auth::{PersonName, Role, SignInCode};
use serde_json::json;
use uuid::Uuid;

use super::codes::{Asked, CodeSent, NoCode, Purpose, SignInRefusal, Tried, read_phone};
use super::sessions::EndReason;
use super::{Auth, AuthError, store};
use crate::audit::{self, Actor, AuditEvent};
use crate::db::{self, Tx, TxError};
use crate::ledger::{self, AccountCode, LedgerError};
use crate::{guest, notify};

/// What comes of trying a code of the account.
enum Try {
    Right(Tried),
    Wrong,
    None,
}

/// Why a person does not change; the transaction is rolled back.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the code was used meanwhile")]
    CodeUsed,
    #[error("the number has an account of its own")]
    Taken,
    #[error("there is money left")]
    MoneyLeft,
    #[error("a charge is under way")]
    ChargeOpen,
    #[error(transparent)]
    Internal(#[from] AuthError),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<LedgerError> for Stopped {
    fn from(error: LedgerError) -> Self {
        Self::Internal(error.into())
    }
}

impl TxError for Stopped {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Internal(error) => error.sqlx(),
            _ => None,
        }
    }
}

impl Auth {
    /// The account's page.
    pub async fn account(&self, who: &Principal) -> Result<AccountView, AuthError> {
        let now = self.db.now();
        let mut connection = self.db.pool().acquire().await?;
        let person = store::person(&mut connection, who.person).await?.ok_or(AuthError::NotFound("person"))?;
        let roles: BTreeSet<Role> = who.grants.iter().map(|grant| grant.role).collect();
        Ok(AccountView {
            phone: read_phone(&person.phone)?,
            name: person.name.as_deref().map(read_name).transpose()?,
            locale: Locale::parse(&person.locale).ok_or(AuthError::Unreadable("locale"))?,
            roles: roles.into_iter().collect(),
            sessions: store::active_sessions(&mut *connection, who.person, now).await?,
            now,
        })
    }

    pub async fn rename(&self, who: &Principal, name: Option<PersonName>) -> Result<(), AuthError> {
        let person = who.person;
        db::tx(&self.db, move |mut tx| {
            let name = name.clone();
            async move {
                store::rename(&mut tx, person, name.as_ref().map(PersonName::as_str)).await?;
                audit::record(&mut tx, &own(person, "auth.renamed", json!({}))).await?;
                Ok(())
            }
        })
        .await
    }

    pub async fn set_locale(&self, who: &Principal, locale: Locale) -> Result<(), AuthError> {
        let mut connection = self.db.pool().acquire().await?;
        Ok(store::set_locale(&mut connection, who.person, locale).await?)
    }

    /// Sends a code to the number that the account has and one to the number that it shall have: both, or none.
    pub async fn ask_phone_change(&self, who: &Principal, ask: AskPhoneChange) -> Result<CodeSent, NoCode> {
        let this = self.clone();
        let who = who.clone();
        db::tx(&self.db, move |mut tx| {
            let (this, who, ask) = (this.clone(), who.clone(), ask.clone());
            async move {
                let old = phone_of(&mut tx, who.person).await?;
                if old == ask.phone {
                    return Err(AuthError::Unchanged.into());
                }
                let mut sent = None;
                for (purpose, phone) in [(Purpose::ChangeFrom, old), (Purpose::ChangeTo, ask.phone)] {
                    let asked = Asked {
                        purpose,
                        bound_to: purpose.bound_to(&who.session.to_string()),
                        // A session of the person's own; of the new number nothing is known.
                        is_known: purpose == Purpose::ChangeFrom,
                        phone,
                        caller: ask.caller.clone(),
                        locale: ask.locale,
                        host: ask.host.clone(),
                    };
                    sent = Some(this.place_code(&mut tx, asked).await?.map_err(NoCode::NotNow)?);
                }
                audit::record(&mut tx, &own(who.person, "auth.phone_change_asked", json!({ "by": who.session }))).await?;
                sent.ok_or(NoCode::Internal(AuthError::NotFound("code")))
            }
        })
        .await
    }

    /// The change that this session has asked for.
    pub async fn pending_phone_change(&self, who: &Principal) -> Result<Option<PendingPhoneChange>, AuthError> {
        let now = self.db.now();
        let session = who.session.to_string();
        let mut connection = self.db.pool().acquire().await?;
        let old = store::newest_code(&mut connection, &Purpose::ChangeFrom.bound_to(&session)).await?;
        let new = store::newest_code(&mut connection, &Purpose::ChangeTo.bound_to(&session)).await?;
        let Some((old, new)) = old.zip(new).filter(|(old, _)| old.used_at.is_none()) else { return Ok(None) };
        let is_good = old.is_good(now) && new.is_good(now);
        Ok(Some(PendingPhoneChange { old: read_phone(&old.phone)?, new: read_phone(&new.phone)?, is_good }))
    }

    /// Changes the phone when both codes are right. The other sessions end, and the old number is told.
    pub async fn confirm_phone_change(&self, who: &Principal, with: ConfirmPhoneChange) -> Result<PhoneChanged, AuthError> {
        let session = who.session.to_string();
        let old = self.try_own(Purpose::ChangeFrom.bound_to(&session), &with.old_code).await?;
        let new = self.try_own(Purpose::ChangeTo.bound_to(&session), &with.new_code).await?;
        let (old, new) = match (old, new) {
            (Try::Right(old), Try::Right(new)) => (old, new),
            (Try::None, _) | (_, Try::None) => return Ok(PhoneChanged::NoCode),
            (old, new) => {
                let is_right = |tried: &Try| matches!(tried, Try::Right(_));
                return Ok(PhoneChanged::WrongCode { old_is_right: is_right(&old), new_is_right: is_right(&new) });
            }
        };
        let (old_phone, new_phone) = (read_phone(&old.phone)?, read_phone(&new.phone)?);
        let who = who.clone();
        let changed = db::tx(&self.db, move |mut tx| {
            let (who, old_phone, new_phone) = (who.clone(), old_phone.clone(), new_phone.clone());
            async move {
                let now = tx.now();
                for id in [old.id, new.id] {
                    if !store::use_code(&mut tx, id, now).await? {
                        return Err(Stopped::CodeUsed);
                    }
                }
                // Somebody who signs in with the new number at this moment makes it taken.
                if phone_of(&mut tx, who.person).await? != old_phone {
                    return Err(Stopped::CodeUsed);
                }
                if !store::change_phone(&mut tx, who.person, new_phone.as_e164()).await? {
                    return Err(Stopped::Taken);
                }
                let ended =
                    store::end_sessions(&mut tx, who.person, None, Some(who.session), EndReason::PhoneChanged, now).await?;
                let joined = guest::adopt(&mut tx, who.person, &new_phone).await?;
                let locale = locale_of(&mut tx, who.person).await?;
                let text = texts::phone_changed(locale, &new_phone.masked());
                notify::queue_sms(&mut tx, &format!("phone_changed:{}", new.id), &old_phone, &text).await?;
                let detail = json!({ "by": who.session, "sessions_ended": ended, "charges_joined": joined });
                audit::record(&mut tx, &own(who.person, "auth.phone_changed", detail)).await?;
                Ok(())
            }
        })
        .await;
        match changed {
            Ok(()) => Ok(PhoneChanged::Yes),
            Err(Stopped::Taken) => Ok(PhoneChanged::Taken),
            Err(Stopped::Internal(error)) => Err(error),
            Err(_) => Ok(PhoneChanged::NoCode),
        }
    }

    /// All that we know of the person.
    pub async fn export(&self, who: &Principal) -> Result<Vec<u8>, AuthError> {
        let person_id = who.person;
        let all = db::snapshot(&self.db, move |mut tx| async move {
            let person = store::person(&mut tx, person_id).await?.ok_or(AuthError::NotFound("person"))?;
            let roles = store::roles_ever(&mut tx, person_id).await?;
            let sessions = store::sessions_ever(&mut tx, person_id).await?;
            let charges = guest::export(&mut tx, person_id).await?;
            let balance = ledger::balance(&mut *tx, &AccountCode::Driver(person_id)).await?;
            Ok::<_, AuthError>(json!({
                "person": {
                    "id": person_id,
                    "phone": person.phone,
                    "name": person.name,
                    "locale": person.locale,
                    "created_at": person.created_at,
                },
                "balance_tyiyn": balance.posted,
                "held_tyiyn": balance.held,
                "roles": roles,
                "sessions": sessions,
                "charges": charges,
            }))
        })
        .await?;
        let event = own(person_id, "auth.exported", json!({ "by": who.session }));
        db::tx(&self.db, move |mut tx| {
            let event = event.clone();
            async move { Ok::<_, AuthError>(audit::record(&mut tx, &event).await?) }
        })
        .await?;
        serde_json::to_vec_pretty(&all).map_err(|_| AuthError::Unreadable("export"))
    }

    /// Sends the code that a deletion wants.
    pub async fn ask_deletion(
        &self,
        who: &Principal,
        caller: Caller,
        locale: Locale,
        host: String,
    ) -> Result<CodeSent, NoCode> {
        let (this, who) = (self.clone(), who.clone());
        let outcome = db::tx(&self.db, move |mut tx| {
            let (this, who, caller, host) = (this.clone(), who.clone(), caller.clone(), host.clone());
            async move {
                let purpose = Purpose::Delete;
                let phone = phone_of(&mut tx, who.person).await?;
                let bound_to = purpose.bound_to(&who.session.to_string());
                this.place_code(&mut tx, Asked { purpose, bound_to, is_known: true, phone, caller, locale, host }).await
            }
        })
        .await?;
        outcome.map_err(NoCode::NotNow)
    }

    /// Takes the person out of all rows: phone, name, browsers, addresses. What was bought stays, as nobody's.
    pub async fn delete(&self, who: &Principal, code: SignInCode) -> Result<Deleted, AuthError> {
        let tried = match self.try_own(Purpose::Delete.bound_to(&who.session.to_string()), &code).await? {
            Try::Right(tried) => tried,
            Try::Wrong => return Ok(Deleted::WrongCode),
            Try::None => return Ok(Deleted::NoCode),
        };
        let (person, id) = (who.person, tried.id);
        let deleted = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            if !store::use_code(&mut tx, id, now).await? {
                return Err(Stopped::CodeUsed);
            }
            let phone = phone_of(&mut tx, person).await?;
            let balance = ledger::balance(&mut *tx, &AccountCode::Driver(person)).await?;
            if balance.posted.get() != 0 || balance.held.get() != 0 {
                return Err(Stopped::MoneyLeft);
            }
            // What was begun as a guest since the last sign-in belongs to the person as well.
            guest::adopt(&mut tx, person, &phone).await?;
            if !guest::forget(&mut tx, person).await? {
                return Err(Stopped::ChargeOpen);
            }
            notify::forget(&mut tx, &phone).await?;
            store::end_sessions(&mut tx, person, None, None, EndReason::Deleted, now).await?;
            store::forget_person(&mut tx, person, now).await?;
            audit::record(&mut tx, &own(person, "auth.deleted", json!({}))).await?;
            Ok(())
        })
        .await;
        match deleted {
            Ok(()) => Ok(Deleted::Yes),
            Err(Stopped::MoneyLeft) => Ok(Deleted::MoneyLeft),
            Err(Stopped::ChargeOpen) => Ok(Deleted::ChargeOpen),
            Err(Stopped::Internal(error)) => Err(error),
            Err(_) => Ok(Deleted::NoCode),
        }
    }

    async fn try_own(&self, bound_to: [u8; 32], code: &SignInCode) -> Result<Try, AuthError> {
        match self.try_code(bound_to, code).await {
            Ok(tried) => Ok(Try::Right(tried)),
            Err(SignInRefusal::WrongCode { .. }) => Ok(Try::Wrong),
            Err(SignInRefusal::Internal(error)) => Err(error),
            Err(_) => Ok(Try::None),
        }
    }
}

fn own(person: Uuid, action: &'static str, detail: serde_json::Value) -> AuditEvent {
    let id = person.to_string();
    AuditEvent { actor: Actor::Person(id.clone()), action, subject_kind: "person", subject_id: id, detail }
}

fn read_name(stored: &str) -> Result<PersonName, AuthError> {
    PersonName::parse(stored).ok().flatten().ok_or(AuthError::Unreadable("name"))
}

/// The person's number, and the row locked.
async fn phone_of(tx: &mut Tx, person: Uuid) -> Result<Phone, AuthError> {
    let phone = store::lock_person(tx, person).await?.ok_or(AuthError::NotFound("person"))?;
    read_phone(&phone)
}

async fn locale_of(tx: &mut Tx, person: Uuid) -> Result<Locale, AuthError> {
    let person = store::person(tx, person).await?.ok_or(AuthError::NotFound("person"))?;
    Locale::parse(&person.locale).ok_or(AuthError::Unreadable("locale"))
}
