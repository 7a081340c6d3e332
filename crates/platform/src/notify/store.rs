//! The SQL of text messages.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Message;

/// False when a message of this business key is there already.
pub(super) async fn insert(
    connection: &mut PgConnection,
    id: &str,
    business_key: &str,
    phone: &str,
    text: &str,
    secret_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into sms_message (id, business_key, phone, text, secret_until, state, created_at) values ($1, $2, $3, $4, $5, 'queued', $6)
        on conflict (business_key) do nothing",
        id,
        business_key,
        phone,
        text,
        secret_until,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the phone and the text out of messages that are done with.
pub(super) async fn forget(connection: &mut PgConnection, phone: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update sms_message set phone = '', text = '' where phone = $1 and state <> 'queued'", phone)
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts an attempt of a message that is still to be sent.
pub(super) async fn begin_attempt(connection: &mut PgConnection, id: &str) -> Result<Option<Message>, sqlx::Error> {
    sqlx::query_as!(
        Message,
        "update sms_message set attempts = attempts + 1 where id = $1 and state = 'queued'
        returning phone, text, attempts, created_at, secret_until",
        id,
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn sent(connection: &mut PgConnection, id: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sms_message set state = 'sent', sent_at = $2, last_error = null,
            text = case when secret_until is null then text else '' end
        where id = $1 and state in ('queued', 'failed')",
        id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn note_error(connection: &mut PgConnection, id: &str, error: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update sms_message set last_error = $2 where id = $1 and state = 'queued'", id, error)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn fail(connection: &mut PgConnection, id: &str, error: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sms_message set state = 'failed', last_error = $2, text = case when secret_until is null then text else '' end
        where id = $1 and state = 'queued'",
        id,
        error
    )
    .execute(connection)
    .await?;
    Ok(())
}
