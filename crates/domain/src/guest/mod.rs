//! The guest's checkout: amounts and the phase of the guest's way.

use crate::Tyiyn;
use serde::{Deserialize, Serialize};

/// Why an amount cannot be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("empty")] Empty,
    #[error("not a number")] NotANumber,
    #[error("a fraction of a tyiyn")] FractionOfTyiyn,
    #[error("negative")] Negative,
    #[error("below the minimum")] TooSmall,
    #[error("above the maximum")] TooLarge,
}

/// The least and the most that a guest may prepay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountLimits { pub min: Tyiyn, pub max: Tyiyn }

impl AmountLimits {
    /// Reads som as a person types them: `500`, `1 000`, `750,50`, `750.5`. No exponent, no sign, no other script.
    pub fn parse(self, text: &str) -> Result<Tyiyn, AmountError> { let _ = text; todo!() }
}

/// Where a guest's charge stands; what the page shows. Stored as text in `guest_charge.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestPhase {
    /// The order exists; nothing paid.
    AwaitingPayment,
    /// Paid; the cable is awaited and the start is being asked for.
    PlugIn,
    /// Energy flows (or is suspended by car or charger).
    Charging,
    /// A stop was asked for; the last reading is awaited.
    Stopping,
    /// Billed; the rest is on its way back.
    Refunding,
    /// Billed, and nothing is owed to anybody.
    Completed,
    /// The start failed; the whole sum is on its way back.
    FailedRefunding,
    /// The start failed and the whole sum is back.
    FailedRefunded,
    /// Never paid; the link has run out. A payment that still arrives is refunded (or starts, if the connector is free).
    Expired,
}

/// Why a start failed; each is a sentence on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFailure {
    /// Somebody else's session runs on the connector.
    ConnectorBusy,
    /// The charge point has no link.
    Offline,
    /// Faulted or out of service.
    OutOfOrder,
    /// The charge point refused twice.
    Rejected,
    /// No cable within the countdown.
    NoCable,
    /// Paid after the link had run out, and the connector is no longer free.
    PaidTooLate,
    /// Less was paid than the least amount.
    PaidTooLittle,
}
