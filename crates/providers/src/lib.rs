//! Clients of the payment provider (Namba One) and the SMS gateway (Nikita), and local stand-ins that speak the same wire protocols.
//!
//! Knows no database, no sessions, no pages and no user texts. It never repeats a call by itself: whether a call may be repeated is
//! written in the error ([`ProviderError`]), and the outboxes of the platform act on it. Ids and clocks are handed in.

pub mod error;
mod http;
pub mod namba;
pub mod nikita;
pub mod payment;
pub mod sms;
pub mod standin;

pub use error::{ProviderError, RefusalCode};
pub use http::Timeouts;
pub use namba::{NambaClient, NambaConfig};
pub use nikita::{NikitaClient, NikitaConfig};
pub use payment::{
    CreateLink, CreateRefund, LinkStatus, MerchantInfo, PaymentLink, PaymentOrder, PaymentOutcome, PaymentProvider,
    PaymentStatus, RefundErrorCode, RefundOrder, RefundOutcome, RefundStatus,
};
pub use sms::{DeliveryReport, DeliveryState, SendSms, SmsAccount, SmsMessageId, SmsProvider, SmsReceipt};
