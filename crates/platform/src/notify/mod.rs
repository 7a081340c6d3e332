//! Text messages to people: an outbox. What is queued in a transaction is sent after it, once, whatever crashes in between.
//!
//! Knows nothing of why a message is sent, and makes no texts. The message's id is made before the first call and is the gateway's
//! idempotency key: after an ambiguous answer the same id is sent again.

mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Phone;
use providers::{ProviderError, RefusalCode, SendSms, SmsMessageId, SmsProvider, SmsReceipt};
use serde_json::json;

use crate::audit;
use crate::db::{self, Db, Tx};
use crate::jobs::{self, Job, JobHandler, NewJob, Outcome};

/// The job that sends one message; its key is the message's id.
pub const SEND_JOB: &str = "notify.send";

/// Letters and digits that cannot be confused on a screenshot sent to the helpline; the gateway allows more.
const ID_ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The gateway's limit. 32^12 ids: a collision is refused by the primary key, and the transaction is tried anew by its caller.
const ID_CHARS: usize = SmsMessageId::CHARS_MAX;
/// The gateway's limit of one message.
const TEXT_CHARS_MAX: usize = 800;
/// The gateway asks for 5 to 10 s before a repetition.
const REPEAT_FIRST: TimeDelta = TimeDelta::seconds(7);
const REPEAT_MAX: TimeDelta = TimeDelta::minutes(10);
/// When somebody must act first (funds, wrong password), asking more often helps nobody.
const REPEAT_AFTER_STAFF: TimeDelta = TimeDelta::minutes(10);
/// A receipt's link that comes a day late is still of use; later it only startles.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);

/// Queues a message, once a business key ("receipt:{guest_charge}"). Returns whether it is new.
pub async fn queue_sms(tx: &mut Tx, business_key: &str, phone: &Phone, text: &str) -> Result<bool, sqlx::Error> {
    queue(tx, business_key, phone, text, None).await
}

/// The same for a message with a secret in it: it is not sent after that time, and its text is not kept when it is done with.
pub async fn queue_secret_sms(
    tx: &mut Tx,
    business_key: &str,
    phone: &Phone,
    text: &str,
    until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    queue(tx, business_key, phone, text, Some(until)).await
}

async fn queue(
    tx: &mut Tx,
    business_key: &str,
    phone: &Phone,
    text: &str,
    secret_until: Option<DateTime<Utc>>,
) -> Result<bool, sqlx::Error> {
    let id = tx.ids().text(ID_ALPHABET, ID_CHARS);
    let now = tx.now();
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let is_new = store::insert(tx, &id, business_key, phone.as_e164(), &text, secret_until, now).await?;
    if is_new {
        jobs::enqueue(tx, &NewJob::at(now, SEND_JOB, id)).await?;
    }
    Ok(is_new)
}

/// Takes a phone out of the messages that were sent to it.
pub async fn forget(tx: &mut Tx, phone: &Phone) -> Result<(), sqlx::Error> {
    store::forget(tx, phone.as_e164()).await
}

/// The sending side of the outbox.
#[derive(Clone)]
pub struct Notify {
    db: Db,
    gateway: Arc<dyn SmsProvider>,
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}

/// A message of the outbox.
struct Message {
    phone: String,
    text: String,
    attempts: i32,
    created_at: DateTime<Utc>,
    secret_until: Option<DateTime<Utc>>,
}

impl Notify {
    pub fn new(db: Db, gateway: Arc<dyn SmsProvider>) -> Self {
        Self { db, gateway }
    }

    /// The handlers of this module's jobs.
    pub fn handlers(&self) -> HashMap<&'static str, Arc<dyn JobHandler>> {
        HashMap::from([(SEND_JOB, Arc::new(self.clone()) as Arc<dyn JobHandler>)])
    }

    async fn send(&self, id: &str) -> anyhow::Result<Outcome> {
        let Some(message) = self.begin_attempt(id).await? else { return Ok(Outcome::Done) };
        let (Ok(message_id), Ok(phone)) = (SmsMessageId::parse(id), Phone::parse_international(&message.phone)) else {
            self.fail(id, "the stored id or phone is malformed").await?;
            return Ok(Outcome::Done);
        };
        let now = self.db.now();
        let useless_at = message.secret_until.unwrap_or(message.created_at + GIVE_UP_AFTER);
        if message.secret_until.is_some_and(|until| until <= now) {
            self.fail(id, "it was too late to send it").await?;
            return Ok(Outcome::Done);
        }
        let sms = SendSms { id: message_id, sender: None, phone, text: message.text };
        let error = match self.gateway.send(sms).await {
            Ok(receipt) => {
                self.sent(id, receipt).await?;
                return Ok(Outcome::Done);
            }
            Err(error) => error,
        };
        let too_old = now >= useless_at;
        let pause = match &error {
            ProviderError::Unknown { .. } | ProviderError::NotSent { .. } => repeat_after(message.attempts),
            ProviderError::Misconfigured { .. } | ProviderError::Refused { code: RefusalCode::NoFunds, .. } => {
                self.note(id, &error, "sms_gateway").await?;
                REPEAT_AFTER_STAFF
            }
            ProviderError::Refused { .. } => {
                self.fail(id, error.staff_message()).await?;
                return Ok(Outcome::Done);
            }
        };
        if too_old {
            self.fail(id, error.staff_message()).await?;
            return Ok(Outcome::Done);
        }
        Ok(Outcome::RetryAt(now + pause))
    }

    /// Counts the attempt before the call, so that a call that kills the process is seen. `None` when there is nothing to send.
    async fn begin_attempt(&self, id: &str) -> Result<Option<Message>, sqlx::Error> {
        let id = id.to_owned();
        db::tx(&self.db, move |mut tx| {
            let id = id.clone();
            async move { store::begin_attempt(&mut tx, &id).await }
        })
        .await
    }

    async fn sent(&self, id: &str, receipt: SmsReceipt) -> Result<(), sqlx::Error> {
        let id = id.to_owned();
        db::tx(&self.db, move |mut tx| {
            let id = id.clone();
            async move {
                let now = tx.now();
                store::sent(&mut tx, &id, now).await?;
                match receipt {
                    SmsReceipt::TestMode => {
                        let detail = json!({ "what": "the SMS account is in test mode: nothing reaches a phone" });
                        audit::raise_alert(&mut tx, "sms_test_mode", "account", &detail).await?;
                    }
                    SmsReceipt::Accepted { .. } => {
                        audit::resolve_alert(&mut tx, "sms_gateway", "account").await?;
                        audit::resolve_alert(&mut tx, "sms_test_mode", "account").await?;
                    }
                    SmsReceipt::AlreadyAccepted => {}
                }
                Ok::<_, sqlx::Error>(())
            }
        })
        .await
    }

    /// Keeps the reason and tells staff about the account.
    async fn note(&self, id: &str, error: &ProviderError, alert: &'static str) -> Result<(), sqlx::Error> {
        let (id, message) = (id.to_owned(), error.staff_message().to_owned());
        db::tx(&self.db, move |mut tx| {
            let (id, message) = (id.clone(), message.clone());
            async move {
                store::note_error(&mut tx, &id, &message).await?;
                audit::raise_alert(&mut tx, alert, "account", &json!({ "error": message })).await?;
                Ok::<_, sqlx::Error>(())
            }
        })
        .await
    }

    async fn fail(&self, id: &str, reason: &str) -> Result<(), sqlx::Error> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        db::tx(&self.db, move |mut tx| {
            let (id, reason) = (id.clone(), reason.clone());
            async move {
                store::fail(&mut tx, &id, &reason).await?;
                audit::raise_alert(&mut tx, "sms_failed", &id, &json!({ "error": reason })).await?;
                Ok::<_, sqlx::Error>(())
            }
        })
        .await
    }
}

/// 7 s, 14 s, 28 s … 10 min.
fn repeat_after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(10);
    (REPEAT_FIRST * 2_i32.pow(doublings)).min(REPEAT_MAX)
}

#[async_trait]
impl JobHandler for Notify {
    async fn run(&self, job: &Job) -> anyhow::Result<Outcome> {
        self.send(&job.key).await
    }
}
