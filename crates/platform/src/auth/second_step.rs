//! The second step of staff: a code of an app (RFC 6238) beside the phone. Until it is taken in a browser, the roles of the house are not held
//! there; before money moves by hand, it is asked for again.

use api::auth::{Principal, SecondStep, SecondStepForm, SecondStepProved};
use chrono::{DateTime, TimeDelta, Utc};
use domain::auth::SignInCode;
use serde_json::json;
use totp_rs::{Algorithm, Builder, Secret};
use uuid::Uuid;

use super::{Auth, AuthError, store};
use crate::audit::{self, Actor, AuditEvent};
use crate::db;

const STEP_S: u64 = 30;
const DIGITS: u8 = 6;
/// A clock that is off by so many steps is forgiven.
const SKEW: u16 = 1;
pub(super) const SECRET_BYTES: usize = 20;
/// A working day: then the code is asked for again.
const HELD: TimeDelta = TimeDelta::hours(12);
/// Money moves by hand for so long after a code.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Wrong codes in a row, and how long nobody may try after them.
pub(super) const TRIES: i32 = 5;
const LOCKED: TimeDelta = TimeDelta::minutes(15);

/// What a person's app is set up with.
pub(super) struct Totp {
    pub secret: Vec<u8>,
    pub is_confirmed: bool,
    pub last_step: i64,
    pub failed: i32,
    pub failed_at: Option<DateTime<Utc>>,
}

impl Totp {
    fn algorithm(&self, account: String) -> Result<totp_rs::Totp, AuthError> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP_S)
            .with_secret(self.secret.clone())
            .with_account_name(account)
            .with_issuer(Some("Red Petroleum EV"))
            .build()
            .map_err(|error| AuthError::Cryptography(error.to_string()))
    }

    /// The step that the code is of, when it is of one that is near and was not used yet. Compared in constant time.
    fn step_of(&self, code: &str, now: DateTime<Utc>) -> Result<Option<i64>, AuthError> {
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let step = self.algorithm(String::new())?.check(code, seconds).and_then(|step| i64::try_from(step).ok());
        Ok(step.filter(|step| *step > self.last_step))
    }

    fn locked_until(&self) -> Option<DateTime<Utc>> {
        self.failed_at.filter(|_| self.failed >= TRIES).map(|at| at + LOCKED)
    }
}

/// What a code that was shown then is worth now.
pub(super) fn worth(shown_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> SecondStep {
    match shown_at.map(|at| now - at) {
        Some(age) if age <= FRESH => SecondStep::Fresh,
        Some(age) if age <= HELD => SecondStep::Taken,
        _ => SecondStep::Missing,
    }
}

impl Auth {
    /// What the page asks for: a code, or to set up an app first.
    pub(super) async fn second_step_form(&self, who: &Principal) -> Result<SecondStepForm, AuthError> {
        let person = who.person;
        let mut secret = [0_u8; SECRET_BYTES];
        self.db.ids().fill(&mut secret);
        let (totp, phone) = db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            let totp = store::offer_totp(&mut tx, person, &secret, now).await?;
            let phone = store::phone_of(&mut tx, person).await?.ok_or(AuthError::NotFound("person"))?;
            Ok::<_, AuthError>((totp, phone))
        })
        .await?;
        if totp.is_confirmed {
            return Ok(SecondStepForm::Code);
        }
        let algorithm = totp.algorithm(phone)?;
        let address = algorithm.to_url().map_err(|error| AuthError::Cryptography(error.to_string()))?;
        Ok(SecondStepForm::SetUp { secret: Secret::from(totp.secret).to_base32(), address })
    }

    /// Takes a code, once. The first one confirms the app.
    pub(super) async fn prove_second_step(&self, who: &Principal, code: SignInCode) -> Result<SecondStepProved, AuthError> {
        let (person, session) = (who.person, who.session);
        db::tx(&self.db, move |mut tx| {
            let code = code.clone();
            async move {
                let now = tx.now();
                let Some(totp) = store::lock_totp(&mut tx, person).await? else { return Ok(SecondStepProved::WrongCode) };
                if let Some(until) = totp.locked_until().filter(|until| *until > now) {
                    return Ok(SecondStepProved::TooMany(until));
                }
                let was_locked = totp.locked_until().is_some();
                let Some(step) = totp.step_of(code.as_str(), now)? else {
                    let failed = if was_locked { 1 } else { totp.failed + 1 };
                    store::totp_failed(&mut tx, person, failed, now).await?;
                    if failed >= TRIES {
                        record(&mut tx, person, "auth.second_step_locked", session).await?;
                    }
                    return Ok(SecondStepProved::WrongCode);
                };
                store::totp_taken(&mut tx, person, step, now).await?;
                store::second_step_taken(&mut tx, session, now).await?;
                let action = if totp.is_confirmed { "auth.second_step" } else { "auth.second_step_set_up" };
                record(&mut tx, person, action, session).await?;
                Ok(SecondStepProved::Yes)
            }
        })
        .await
    }

    /// For an app that was lost: the next sign-in sets up another one. False when there was none.
    pub async fn forget_second_step(&self, actor: &Actor, person: Uuid) -> Result<bool, AuthError> {
        let actor = actor.clone();
        db::tx(&self.db, move |mut tx| {
            let actor = actor.clone();
            async move {
                let is_new = store::forget_totp(&mut tx, person).await?;
                if is_new {
                    let event = AuditEvent {
                        actor,
                        action: "auth.second_step_forgotten",
                        subject_kind: "person",
                        subject_id: person.to_string(),
                        detail: json!({}),
                    };
                    audit::record(&mut tx, &event).await?;
                }
                Ok(is_new)
            }
        })
        .await
    }
}

async fn record(tx: &mut db::Tx, person: Uuid, action: &'static str, session: Uuid) -> Result<(), AuthError> {
    let event = AuditEvent {
        actor: Actor::Person(person.to_string()),
        action,
        subject_kind: "auth_session",
        subject_id: session.to_string(),
        detail: json!({}),
    };
    Ok(audit::record(tx, &event).await?)
}
