//! The inbox of the provider's notices. They are not signed, so they prove nothing; what they bring is the wish to ask the provider.

use api::guest::WebhookOutcome;
use domain::{OrderId, RefundId};
use providers::namba::webhook::{self, WebhookEvent};

use super::{Balance, BalanceError, WEBHOOK_JOB, parse_external_id, store};
use crate::db;
use crate::jobs::{self, NewJob, Outcome};

/// The provider's name in the inbox.
const PROVIDER: &str = "namba";

impl Balance {
    /// Stores a notice. `Stored` only after the commit. Without the right secret nothing is stored and nothing is read.
    pub async fn webhook(
        &self,
        secret: Option<&str>,
        remote_address: &str,
        body: &[u8],
    ) -> Result<WebhookOutcome, BalanceError> {
        if !webhook::secret_matches(self.settings.webhook_secret.as_ref(), secret.map(str::as_bytes)) {
            let configured = self.settings.webhook_secret.is_some();
            tracing::warn!(configured, remote_address, body_bytes = body.len(), "Refused a webhook: wrong or missing secret");
            return Ok(WebhookOutcome::Refused);
        }
        let event = match webhook::parse(body) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, remote_address, body_bytes = body.len(), "Refused a webhook: malformed");
                return Ok(WebhookOutcome::Malformed);
            }
        };
        // A JSON text is UTF-8, and a U+0000 in it is written as an escape, so the column can hold it as it came.
        let Ok(text) = std::str::from_utf8(body) else { return Ok(WebhookOutcome::Malformed) };
        let key: String = event.event_key(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (text, address) = (text.to_owned(), remote_address.to_owned());
        db::tx(&self.db, move |mut tx| {
            let (key, text, address) = (key.clone(), text.clone(), address.clone());
            async move {
                let now = tx.now();
                let id = store::insert_notice(&mut tx, PROVIDER, &key, &text, &address, now).await?;
                // Also for a notice that was there before: it may come again because the first look was too early.
                jobs::enqueue(&mut tx, &NewJob::at(now, WEBHOOK_JOB, id.to_string())).await?;
                Ok::<_, BalanceError>(())
            }
        })
        .await?;
        Ok(WebhookOutcome::Stored)
    }

    /// The job of a row of the inbox.
    pub(super) async fn act_on_notice(&self, id: i64) -> Result<Outcome, BalanceError> {
        let mut connection = self.db.pool().acquire().await?;
        let Some(body) = store::notice(&mut connection, id).await? else { return Ok(Outcome::Done) };
        drop(connection);
        let outcome = match webhook::parse(body.as_bytes()) {
            Ok(WebhookEvent::PaymentOrder(payment)) => self.notice_of_payment(&payment.external_id).await?,
            Ok(WebhookEvent::RefundOrder(refund)) => self.notice_of_refund(&refund.external_refund_id).await?,
            Ok(WebhookEvent::Other { .. }) => "unknown type",
            Err(_) => "malformed",
        };
        db::tx(&self.db, move |mut tx| async move {
            let now = tx.now();
            store::notice_processed(&mut tx, id, outcome, now).await?;
            Ok::<_, BalanceError>(())
        })
        .await?;
        Ok(Outcome::Done)
    }

    async fn notice_of_payment(&self, external_id: &str) -> Result<&'static str, BalanceError> {
        let order = parse_external_id(external_id).map(|(id, _)| OrderId::from_uuid(id));
        match order {
            Some(order) if self.order(order).await?.is_some() => {
                self.refresh(order).await?;
                Ok("asked about the payment")
            }
            _ => {
                tracing::warn!("A webhook is about a payment that is not ours");
                Ok("unknown payment")
            }
        }
    }

    async fn notice_of_refund(&self, external_id: &str) -> Result<&'static str, BalanceError> {
        let Some((id, _)) = parse_external_id(external_id) else {
            tracing::warn!("A webhook is about a refund that is not ours");
            return Ok("unknown refund");
        };
        // An unknown one is done at once. When to look again is in the refund's own job.
        self.follow_refund(RefundId::from_uuid(id)).await?;
        Ok("asked about the refund")
    }
}
