//! The words of an SMS gateway, and how many messages a text is. [`crate::nikita`] speaks them on the wire.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Phone, Tyiyn};

use crate::error::ProviderError;

/// An SMS gateway.
///
/// The message id is the idempotency key: after [`ProviderError::Unknown`] and [`ProviderError::NotSent`] repeat under the *same* id a
/// few seconds later; a repetition that was not needed answers [`SmsReceipt::AlreadyAccepted`].
#[async_trait]
pub trait SmsProvider: Send + Sync {
    async fn send(&self, message: SendSms) -> Result<SmsReceipt, ProviderError>;
    /// What became of a message. Empty: the gateway has no report yet.
    async fn delivery(&self, id: &SmsMessageId) -> Result<Vec<DeliveryReport>, ProviderError>;
    /// The account that messages are paid from.
    async fn account(&self) -> Result<SmsAccount, ProviderError>;
}

/// The gateway's idempotency key: 1 to 12 Latin letters and digits, made by the caller and unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmsMessageId(String);

impl SmsMessageId {
    /// Length of the longest id.
    pub const CHARS_MAX: usize = 12;

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, domain::InvalidId> {
        if (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(domain::InvalidId { kind: "SMS message id" })
        }
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SendSms {
    pub id: SmsMessageId,
    /// The approved sender; `None` takes the configured one.
    pub sender: Option<String>,
    pub phone: Phone,
    pub text: String,
}

impl std::fmt::Debug for SendSms {
    /// Neither phone nor text: the one is personal, the other may hold a code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendSms").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How the gateway took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsReceipt {
    /// Taken over, in so many parts when the gateway says it.
    Accepted { parts: Option<u32> },
    /// It had been taken over before under this id; nothing was sent a second time.
    AlreadyAccepted,
    /// The account is in test mode: checked, not sent, not billed. In production staff must be told.
    TestMode,
}

/// What became of a message at one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// As the gateway wrote it, digits only.
    pub phone_digits: String,
    pub state: DeliveryState,
    pub sent_at: Option<DateTime<Utc>>,
    pub received_at: Option<DateTime<Utc>>,
}

/// Codes of a delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// 0
    Queued,
    /// 1
    HandedToOperator,
    /// 2
    Rejected,
    /// 3
    Delivered,
    /// 4
    NotDelivered,
    /// 5
    NoFunds,
    /// 6, and whatever is not documented.
    Unknown,
    /// 7: the operator never reported.
    ReportExpired,
}

impl DeliveryState {
    /// Reads the gateway's code.
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::Queued,
            1 => Self::HandedToOperator,
            2 => Self::Rejected,
            3 => Self::Delivered,
            4 => Self::NotDelivered,
            5 => Self::NoFunds,
            7 => Self::ReportExpired,
            _ => Self::Unknown,
        }
    }
    /// Whether it can still change.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::HandedToOperator | Self::Unknown)
    }
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::HandedToOperator => "handed_to_operator",
            Self::Rejected => "rejected",
            Self::Delivered => "delivered",
            Self::NotDelivered => "not_delivered",
            Self::NoFunds => "no_funds",
            Self::Unknown => "unknown",
            Self::ReportExpired => "report_expired",
        }
    }
}

/// The account at the gateway. Nobody can sign in when it is empty: staff is told early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsAccount {
    /// Whether the account is switched on.
    pub active: bool,
    pub balance: Option<Tyiyn>,
    pub price_per_part: Option<Tyiyn>,
}

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsEncoding {
    /// 160 septets, or 153 a part.
    Gsm7,
    /// 70 UTF-16 units, or 67 a part.
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsParts {
    pub encoding: SmsEncoding,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// Billed messages; an empty text is one.
    pub parts: usize,
}

/// Counts the parts of a text (3GPP TS 23.038 and 23.040): neither an escaped character nor a surrogate pair is cut in two.
pub fn parts(text: &str) -> SmsParts {
    match text.chars().map(gsm7_septets).collect::<Option<Vec<usize>>>() {
        Some(widths) => count(SmsEncoding::Gsm7, &widths, 160, 153),
        None => count(SmsEncoding::Ucs2, &text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

fn count(encoding: SmsEncoding, widths: &[usize], single: usize, each: usize) -> SmsParts {
    let units = widths.iter().sum();
    if units <= single {
        return SmsParts { encoding, units, parts: 1 };
    }
    let (mut parts, mut used) = (1, 0);
    for width in widths {
        if used + width > each {
            parts += 1;
            used = 0;
        }
        used += width;
    }
    SmsParts { encoding, units, parts }
}

/// Septets of a character in the GSM default alphabet and its extension; `None` when it is in neither.
fn gsm7_septets(c: char) -> Option<usize> {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENSION: &str = "\u{c}^{}\\[~]|€";
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> (SmsEncoding, usize) {
        let p = parts(text);
        (p.encoding, p.parts)
    }

    #[test]
    fn latin_is_cheap_and_cyrillic_is_not() {
        assert_eq!(of(""), (SmsEncoding::Gsm7, 1));
        assert_eq!(of(&"a".repeat(160)), (SmsEncoding::Gsm7, 1));
        assert_eq!(of(&"a".repeat(161)), (SmsEncoding::Gsm7, 2));
        assert_eq!(of(&"a".repeat(306)), (SmsEncoding::Gsm7, 2));
        assert_eq!(of(&"a".repeat(307)), (SmsEncoding::Gsm7, 3));
        assert_eq!(of(&"ж".repeat(70)), (SmsEncoding::Ucs2, 1));
        assert_eq!(of(&"ж".repeat(71)), (SmsEncoding::Ucs2, 2));
        assert_eq!(of(&"ж".repeat(134)), (SmsEncoding::Ucs2, 2));
        assert_eq!(of(&"ж".repeat(135)), (SmsEncoding::Ucs2, 3));
    }

    #[test]
    fn nothing_is_cut_in_two() {
        // 152 + a pair does not fit into 153, so the pair opens the second part.
        assert_eq!(of(&format!("{}€{}", "a".repeat(152), "a".repeat(151))), (SmsEncoding::Gsm7, 2));
        assert_eq!(of(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), (SmsEncoding::Gsm7, 3));
        assert_eq!(of(&"€".repeat(80)), (SmsEncoding::Gsm7, 1));
        assert_eq!(of(&"€".repeat(81)), (SmsEncoding::Gsm7, 2));
        assert_eq!(of(&"🔌".repeat(35)), (SmsEncoding::Ucs2, 1));
        assert_eq!(of(&"🔌".repeat(67)), (SmsEncoding::Ucs2, 3));
    }

    #[test]
    fn ids_are_short_and_plain() {
        assert!(SmsMessageId::parse("A88726").is_ok());
        for bad in ["", "1234567890123", "a-b", "ж", "a b"] {
            assert!(SmsMessageId::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parts_hold_the_units(text in "\\PC{0,400}") {
            let p = parts(&text);
            let each = match p.encoding { SmsEncoding::Gsm7 => 153, SmsEncoding::Ucs2 => 67 };
            prop_assert!(p.parts >= 1);
            prop_assert!(p.parts == 1 || p.units > p.parts.saturating_sub(1) * (each - 1));
            prop_assert!(p.parts == 1 || p.units <= p.parts * each);
        }
    }
}
