//! The words of a payment provider: links, orders, refunds. [`crate::namba`] speaks them on the wire; a second provider would too.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Tyiyn;

use crate::error::ProviderError;

/// A payment provider. None of its calls repeats itself; see [`ProviderError`] for what may be repeated.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Makes a payment link. `external_id` is ours and unique for ever. After [`ProviderError::Unknown`] make a *new* order under a new
    /// id: nobody knows the old link's address, so it cannot be paid.
    async fn create_link(&self, link: CreateLink) -> Result<PaymentLink, ProviderError>;
    /// The payment of a link. `None`: nothing has been paid yet, or the link is not known; both stay pending until they expire here.
    async fn payment_by_external_id(&self, external_id: &str) -> Result<Option<PaymentOrder>, ProviderError>;
    /// Sends money back to the payer. `external_refund_id` is ours and the idempotency key. After [`ProviderError::Unknown`] and after
    /// [`crate::RefusalCode::RefundAlreadyExists`] ask [`Self::refund_status`]; never use another id for the same refund.
    async fn create_refund(&self, external_refund_id: &str, refund: CreateRefund) -> Result<RefundOrder, ProviderError>;
    /// The refund. `None`: the provider has none under this id, so the same call may be made again under the same id.
    async fn refund_status(&self, external_refund_id: &str) -> Result<Option<RefundOrder>, ProviderError>;
    /// The merchant's account, out of which refunds are paid.
    async fn merchant_info(&self) -> Result<MerchantInfo, ProviderError>;
}

/// A link to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateLink {
    /// Ours, unique for ever, 1 to 256 characters.
    pub external_id: String,
    /// Positive.
    pub amount: Tyiyn,
    /// What the payer reads about the purpose. May be empty.
    pub comment: String,
    pub webhook_url: Option<String>,
    /// Sent back with each webhook; carries our secret. Values are not shown by `Debug`.
    pub webhook_headers: BTreeMap<String, String>,
    /// Where the payer's browser goes afterwards.
    pub redirect_link: Option<String>,
    /// Whether it goes there by itself.
    pub auto_redirect: bool,
}

impl fmt::Debug for CreateLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateLink")
            .field("external_id", &self.external_id)
            .field("amount", &self.amount)
            .field("webhook_headers", &self.webhook_headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A link that can be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLink {
    /// The provider's id of the link (not of the payment). Empty when an old version did not send one.
    pub guid: String,
    /// Where the payer goes: `https`, or `http` on this machine. May also be shown as a QR code.
    pub payment_url: String,
    pub status: LinkStatus,
}

/// A refund to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateRefund {
    /// [`PaymentOrder::guid`], not the link's.
    pub payment_order_guid: String,
    /// [`PaymentOrder::kind`]; `None` leaves it to the configuration, and else to `PAYMENT_QR`.
    pub order_kind: Option<String>,
    /// Positive; all refunds of an order together at most what was paid.
    pub amount: Tyiyn,
    pub comment: String,
    pub webhook_url: Option<String>,
    /// As in [`CreateLink`].
    pub webhook_headers: BTreeMap<String, String>,
}

impl fmt::Debug for CreateRefund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateRefund")
            .field("payment_order_guid", &self.payment_order_guid)
            .field("order_kind", &self.order_kind)
            .field("amount", &self.amount)
            .field("webhook_headers", &self.webhook_headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A payment as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The provider's id of the payment; refunds name it. Never empty when it is paid.
    pub guid: String,
    /// Ours. Empty when the provider left it out.
    pub external_id: String,
    pub status: PaymentStatus,
    /// What the link asked for.
    pub amount: Option<Tyiyn>,
    /// What was really paid. **This is what is credited**, never `amount`; see [`PaymentOrder::paid`].
    pub payment_amount: Option<Tyiyn>,
    /// What has gone back so far.
    pub refund_amount: Option<Tyiyn>,
    /// The provider's `type`: `PAYMENT_QR`, …
    pub kind: Option<String>,
    /// `BALANCE`, `BANK_CARD`.
    pub channel: Option<String>,
    pub link_guid: Option<String>,
    /// As the provider masks it.
    pub payer_phone_masked: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub settled_at: Option<DateTime<Utc>>,
}

impl PaymentOrder {
    /// What is to be credited: `Some` only when the payment is complete and its amount known and positive.
    pub fn paid(&self) -> Option<Tyiyn> {
        match self.status.outcome() {
            PaymentOutcome::Paid => self.payment_amount.filter(|a| *a > Tyiyn::ZERO),
            PaymentOutcome::Pending | PaymentOutcome::Failed => None,
        }
    }
}

/// A refund as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// The provider's id of the refund.
    pub guid: String,
    /// Ours. Empty when the provider left it out.
    pub external_refund_id: String,
    pub status: RefundStatus,
    pub amount: Option<Tyiyn>,
    /// [`PaymentOrder::guid`].
    pub payment_order_guid: Option<String>,
    /// Why it failed or is stuck.
    pub error_code: Option<RefundErrorCode>,
}

/// The merchant's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantInfo {
    pub guid: String,
    /// `AVAILABLE`; others are not known.
    pub status: String,
    pub balance: Option<Tyiyn>,
    pub held: Option<Tyiyn>,
    /// What refunds can be paid from. May be negative. Staff is told when it is below the open refunds.
    pub available: Tyiyn,
}

macro_rules! wire_status {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $wire:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// Not documented, shortened: counts as pending.
            Unknown(String),
        }

        impl $name {
            /// Reads the provider's word, without regard to case.
            pub fn from_wire(text: &str) -> Self {
                let word = text.trim();
                $(if word.eq_ignore_ascii_case($wire) { return Self::$variant; })*
                Self::Unknown($crate::error::foreign_text(word))
            }
            /// The provider's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Unknown(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

wire_status! {
    /// Where a link stands.
    LinkStatus {
        Active = "ACTIVE",
    }
}

wire_status! {
    /// Where a payment stands.
    PaymentStatus {
        Created = "CREATED",
        PayerDebit = "PAYER_DEBIT",
        PayerDebitSuccessful = "PAYER_DEBIT_SUCCESSFUL",
        Processing = "PROCESSING",
        CancellationAttempted = "CANCELLATION_ATTEMPTED",
        /// Read as "failed" by some: kept pending here, and reconciled.
        CancellationFailed = "CANCELLATION_FAILED",
        Completed = "COMPLETED",
        /// Paid, and partly or wholly returned.
        Refunded = "REFUNDED",
        Canceled = "CANCELED",
        Failed = "FAILED",
        Expired = "EXPIRED",
    }
}

wire_status! {
    /// Where a refund stands.
    RefundStatus {
        Created = "CREATED",
        Processing = "PROCESSING",
        /// By hand on the provider's side: still pending, and staff is told.
        Stuck = "STUCK",
        Completed = "COMPLETED",
        Canceled = "CANCELED",
        Failed = "FAILED",
        Expired = "EXPIRED",
    }
}

/// What a payment's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    Pending,
    Paid,
    Failed,
}

impl PaymentStatus {
    pub fn outcome(&self) -> PaymentOutcome {
        match self {
            Self::Completed | Self::Refunded => PaymentOutcome::Paid,
            Self::Canceled | Self::Failed | Self::Expired => PaymentOutcome::Failed,
            Self::Created
            | Self::PayerDebit
            | Self::PayerDebitSuccessful
            | Self::Processing
            | Self::CancellationAttempted
            | Self::CancellationFailed
            | Self::Unknown(_) => PaymentOutcome::Pending,
        }
    }
}

/// What a refund's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    Pending,
    Completed,
    Failed,
}

impl RefundStatus {
    pub fn outcome(&self) -> RefundOutcome {
        match self {
            Self::Completed => RefundOutcome::Completed,
            Self::Canceled | Self::Failed | Self::Expired => RefundOutcome::Failed,
            Self::Created | Self::Processing | Self::Stuck | Self::Unknown(_) => RefundOutcome::Pending,
        }
    }
}

/// Why a refund did not go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundErrorCode {
    /// `01`
    RequisitesNotFound,
    /// `02`
    ProviderUnavailable,
    /// `03`
    UnrecognisedResponse,
    Other(String),
}

impl RefundErrorCode {
    /// Reads the provider's code.
    pub fn from_wire(text: &str) -> Self {
        match text.trim() {
            "01" | "1" => Self::RequisitesNotFound,
            "02" | "2" => Self::ProviderUnavailable,
            "03" | "3" => Self::UnrecognisedResponse,
            other => Self::Other(crate::error::foreign_text(other)),
        }
    }
    /// The provider's code.
    pub fn as_str(&self) -> &str {
        match self {
            Self::RequisitesNotFound => "01",
            Self::ProviderUnavailable => "02",
            Self::UnrecognisedResponse => "03",
            Self::Other(code) => code,
        }
    }
    /// What staff should do about it.
    pub fn staff_message(&self) -> &'static str {
        match self {
            Self::RequisitesNotFound => "the payer's account was not found; ask Namba support to return the money by hand",
            Self::ProviderUnavailable => "the payer's bank was not available; ask Namba support whether it is repeated",
            Self::UnrecognisedResponse => "the payer's bank answered with something unknown; ask Namba support for the outcome",
            Self::Other(_) => "an undocumented reason; ask Namba support",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_is_pending() {
        assert_eq!(PaymentStatus::from_wire("SOMETHING_NEW").outcome(), PaymentOutcome::Pending);
        assert_eq!(RefundStatus::from_wire("SOMETHING_NEW").outcome(), RefundOutcome::Pending);
        assert_eq!(RefundStatus::from_wire("STUCK").outcome(), RefundOutcome::Pending);
        assert_eq!(PaymentStatus::from_wire(" completed ").outcome(), PaymentOutcome::Paid);
        assert_eq!(PaymentStatus::from_wire("REFUNDED").outcome(), PaymentOutcome::Paid);
        assert_eq!(PaymentStatus::from_wire("CANCELLATION_FAILED").outcome(), PaymentOutcome::Pending);
    }

    #[test]
    fn a_header_secret_does_not_reach_a_log() {
        let link = CreateLink {
            external_id: "A".into(),
            amount: Tyiyn::new(1),
            comment: String::new(),
            webhook_url: None,
            webhook_headers: BTreeMap::from([("X-Secret".into(), "hush".into())]),
            redirect_link: None,
            auto_redirect: true,
        };
        let shown = format!("{link:?}");
        assert!(shown.contains("X-Secret") && !shown.contains("hush"));
    }
}
