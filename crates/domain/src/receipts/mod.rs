//! The receipt: an immutable snapshot of a settled session. The PDF, the page and the SMS are made from it and nothing else.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::charging::session::StopReason;
use crate::stations::PlugType;
use crate::tariffs::BillLine;
use crate::{Tyiyn, Watt, Wh};

/// A tax inside the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine { pub code: String, /** Basis points: 1200 is 12 %. */ pub rate_bp: u32, pub amount: Tyiyn }

/// The document, `receipt.document`. `format` grows with the shape; old ones stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDocument {
    pub format: u16,
    /// Running number, without gaps within a seller: `RP-2026-000123`.
    pub number: String,
    pub issued_at: DateTime<Utc>,
    /// `ru`, `ky` or `en`: the language that the payer used.
    pub locale: String,
    pub time_zone: String,
    pub seller_name: String,
    /// Taxpayer number (ИНН), 14 digits.
    pub seller_tin: String,
    pub helpline: String,
    pub station_name: String,
    pub station_address: String,
    pub connector_label: String,
    pub plug: PlugType,
    pub max_power: Watt,
    pub session_id: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub stop_reason: StopReason,
    pub meter_start: Wh,
    pub meter_stop: Wh,
    pub energy: Wh,
    pub lines: Vec<BillLine>,
    /// The sum of the lines.
    pub cost: Tyiyn,
    /// What passed the agreed sum and is given free.
    pub written_off: Tyiyn,
    /// What is paid for.
    pub total: Tyiyn,
    /// Prepaid by the guest.
    pub paid: Tyiyn,
    /// `paid − total`, on its way back.
    pub refund: Tyiyn,
    pub taxes: Vec<TaxLine>,
}
