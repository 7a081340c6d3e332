//! Receipts: frozen documents with running numbers, and the PDF made from them.
//!
//! Knows nothing of payments, guests or chargers: the settlement hands in a finished draft, in its own transaction. A receipt is
//! never changed; a correction is a new document that names the old one. It is not a fiscal receipt and says so in its head.

mod pdf;
mod store;
#[cfg(test)]
mod tests;

use api::guest::ReceiptPdf;
use api::i18n::format;
use chrono::{DateTime, Datelike as _, Utc};
use domain::charging::session::StopReason;
use domain::receipts::{RECEIPT_FORMAT, ReceiptDocument, ReceiptError, TaxLine, TimelineEntry};
use domain::stations::PlugType;
use domain::tariffs::BillLine;
use domain::{ReceiptId, SessionId, Tyiyn, Watt, Wh};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

pub use pdf::PdfError;

use crate::db::{Db, Tx, TxError};
use crate::invariants::Violation;

/// The letters before each number.
const NUMBER_PREFIX: &str = "RP";

/// Everything of a receipt but its number and the time of issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptDraft {
    pub session: SessionId,
    /// `ru`, `ky` or `en`.
    pub locale: String,
    pub time_zone: String,
    pub seller_name: String,
    /// 14 digits. Numbers run within a seller.
    pub seller_tin: String,
    pub helpline: String,
    pub station_name: String,
    pub station_address: String,
    pub connector_label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub stop_reason: StopReason,
    pub meter_start: Wh,
    pub meter_stop: Wh,
    pub energy: Wh,
    pub lines: Vec<BillLine>,
    pub cost: Tyiyn,
    pub written_off: Tyiyn,
    pub total: Tyiyn,
    /// Prepaid; `total` when it was paid from a balance.
    pub paid: Tyiyn,
    /// `paid − total`.
    pub refund: Tyiyn,
    pub taxes: Vec<TaxLine>,
    pub payment_reference: Option<String>,
    pub timeline: Vec<TimelineEntry>,
}

/// Why a receipt was not issued or cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptsError {
    /// The draft does not add up: a defect of the settlement.
    #[error("the receipt does not add up: {0}")]
    Invalid(#[from] ReceiptError),
    /// The stored document is not what was issued.
    #[error("receipt {0} differs from what was issued")]
    Tampered(String),
    #[error("receipt {0} cannot be read")]
    Unreadable(String, #[source] serde_json::Error),
    #[error("the receipt cannot be written")]
    Unwritable(#[source] serde_json::Error),
    #[error(transparent)]
    Pdf(#[from] PdfError),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl TxError for ReceiptsError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}

/// Issues the receipt of a session, once: again it gives the first one. Takes the next number of the seller and keeps its series
/// locked until the end of the transaction, so that a rolled-back settlement leaves no gap: issue last.
pub async fn issue(tx: &mut Tx, draft: ReceiptDraft) -> Result<ReceiptId, ReceiptsError> {
    if let Some(id) = store::id_of_session(tx, draft.session).await? {
        return Ok(id);
    }
    let issued_at = tx.now();
    let year = issued_at.with_timezone(&format::zone(&draft.time_zone)).year();
    let number = store::next_number(tx, &draft.seller_tin, year).await?;
    let session = draft.session;
    let document = draft.into_document(number_text(year, number), issued_at);
    document.check()?;
    let (json, digest) = encode(&document)?;
    let id = ReceiptId::from_uuid(tx.uuid());
    store::insert(tx, id, session, &document, &json, &digest).await?;
    Ok(id)
}

fn number_text(year: i32, number: i64) -> String {
    format!("{NUMBER_PREFIX}-{year}-{number:06}")
}

/// The document as JSON, and the digest of its one spelling.
fn encode(document: &ReceiptDocument) -> Result<(serde_json::Value, Vec<u8>), ReceiptsError> {
    let bytes = serde_json::to_vec(document).map_err(ReceiptsError::Unwritable)?;
    let json = serde_json::to_value(document).map_err(ReceiptsError::Unwritable)?;
    Ok((json, Sha256::digest(&bytes).to_vec()))
}

impl ReceiptDraft {
    fn into_document(self, number: String, issued_at: DateTime<Utc>) -> ReceiptDocument {
        ReceiptDocument {
            format: RECEIPT_FORMAT,
            number,
            corrects: None,
            issued_at,
            locale: self.locale,
            time_zone: self.time_zone,
            seller_name: self.seller_name,
            seller_tin: self.seller_tin,
            helpline: self.helpline,
            station_name: self.station_name,
            station_address: self.station_address,
            connector_label: self.connector_label,
            plug: self.plug,
            max_power: self.max_power,
            session_id: self.session.to_string(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            stop_reason: self.stop_reason,
            meter_start: self.meter_start,
            meter_stop: self.meter_stop,
            energy: self.energy,
            lines: self.lines,
            cost: self.cost,
            written_off: self.written_off,
            total: self.total,
            paid: self.paid,
            refund: self.refund,
            taxes: self.taxes,
            payment_reference: self.payment_reference,
            timeline: self.timeline,
        }
    }
}

/// Reading receipts.
#[derive(Debug, Clone)]
pub struct Receipts {
    db: Db,
}

impl Receipts {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// The document of a settled session, proved to be what was issued.
    pub async fn find(&self, session: SessionId) -> Result<Option<ReceiptDocument>, ReceiptsError> {
        let Some(row) = store::of_session(self.db.pool(), session).await? else { return Ok(None) };
        row.verified().map(Some)
    }

    /// The PDF of a settled session: the same bytes for the same `page_url` (the receipt's page, printed as text and QR code).
    pub async fn pdf(&self, session: SessionId, page_url: Option<&str>) -> Result<Option<ReceiptPdf>, ReceiptsError> {
        let Some(document) = self.find(session).await? else { return Ok(None) };
        let file_name = format!("receipt-{}.pdf", document.number);
        let page_url = page_url.map(ToOwned::to_owned);
        // Some milliseconds of work: not on a thread that answers others.
        let made = self.db.tracker().spawn_blocking(move || pdf::render(&document, page_url.as_deref())).await;
        let bytes = made.map_err(|_| PdfError::Write("the task ended early".to_owned()))??;
        Ok(Some(ReceiptPdf { file_name, bytes }))
    }
}

/// A stored receipt.
#[derive(Debug)]
struct StoredReceipt {
    number: String,
    document: serde_json::Value,
    digest: Vec<u8>,
}

impl StoredReceipt {
    fn verified(self) -> Result<ReceiptDocument, ReceiptsError> {
        let document: ReceiptDocument =
            serde_json::from_value(self.document).map_err(|error| ReceiptsError::Unreadable(self.number.clone(), error))?;
        let (_, digest) = encode(&document)?;
        if digest != self.digest || document.number != self.number {
            return Err(ReceiptsError::Tampered(self.number));
        }
        document.check()?;
        Ok(document)
    }
}

/// Receipts are whole, add up, and their numbers have no gaps.
pub fn check(connection: &mut PgConnection) -> BoxFuture<'_, Result<Vec<Violation>, sqlx::Error>> {
    Box::pin(async move {
        let mut found = Vec::new();
        for gap in store::series_with_gaps(connection).await? {
            found.push(Violation { rule: "receipts.numbers_without_gaps", detail: gap });
        }
        for row in store::all(connection).await? {
            let number = row.number.clone();
            if let Err(error) = row.verified() {
                found.push(Violation { rule: "receipts.as_issued", detail: format!("{number}: {error}") });
            }
        }
        Ok(found)
    })
}
