//! What can go wrong at a provider, split by what may be done next.

use std::fmt;

/// Characters of a provider's own words that are kept: enough for a sentence, too few to fill a log.
const FOREIGN_TEXT_CHARS_MAX: usize = 200;

/// A call to a provider that did not succeed. The variants answer one question: did it happen, and may it be repeated?
///
/// The texts are for staff and the log, in English, and say what to do. They hold no secret and no phone number of ours. What the user
/// reads is written elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A definite no: nothing happened, and the same call will be refused again.
    #[error("refused ({code}): {message}")]
    Refused { code: RefusalCode, message: String },
    /// Ambiguous: it may have happened. Ask for the state (payments, refunds) or repeat under the *same* id (SMS); never under a new one.
    #[error("outcome unknown: {message}")]
    Unknown { message: String },
    /// It did not reach the provider, or the provider put it off unread: safe to repeat later, under the same id.
    #[error("not sent: {message}")]
    NotSent { message: String },
    /// Nothing will work until somebody changes the configuration or the contract: wrong secret, address, path, sender.
    #[error("misconfigured: {message}")]
    Misconfigured { message: String },
}

impl ProviderError {
    pub(crate) fn refused(code: RefusalCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self::Unknown { message: message.into() }
    }
    pub(crate) fn not_sent(message: impl Into<String>) -> Self {
        Self::NotSent { message: message.into() }
    }
    pub(crate) fn misconfigured(message: impl Into<String>) -> Self {
        Self::Misconfigured { message: message.into() }
    }

    /// Whether the provider may have done what it was asked for.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
    /// Whether the same call, under the same id, may be made again later without a look at its state.
    pub fn is_safe_to_repeat(&self) -> bool {
        matches!(self, Self::NotSent { .. })
    }
    /// Whether the operator must act before anything of the kind can work again.
    pub fn needs_staff(&self) -> bool {
        match self {
            Self::Misconfigured { .. } => true,
            Self::Refused { code, .. } => matches!(code, RefusalCode::NoFunds | RefusalCode::MerchantLimit),
            Self::Unknown { .. } | Self::NotSent { .. } => false,
        }
    }
    /// The reason of a definite no.
    pub fn refusal(&self) -> Option<&RefusalCode> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
    /// What staff should know and do.
    pub fn staff_message(&self) -> &str {
        match self {
            Self::Refused { message, .. }
            | Self::Unknown { message }
            | Self::NotSent { message }
            | Self::Misconfigured { message } => message,
        }
    }
}

/// Why a provider said no. Codes that nobody has documented are [`RefusalCode::Other`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalCode {
    /// Found wrong before it was sent: an amount that is not positive, an id with control characters, a text of too many parts.
    InvalidRequest,
    /// Namba `VALIDATION_ERROR`, Nikita 1.
    Validation,
    /// Namba `PAYMENT_LINK_EXTERNAL_ID_DUPLICATE_EXCEPTION`: a link under this id exists; its address cannot be asked for again.
    LinkIdTaken,
    /// Namba `PAYMENT_ORDER_NOT_FOUND_EXCEPTION`.
    OrderNotFound,
    /// Namba `REFUND_ORDER_NOT_FOUND`.
    RefundNotFound,
    /// Namba `REFUND_ORDER_ALREADY_EXISTS`: fetch it and adopt it when the amount is the same.
    RefundAlreadyExists,
    /// Namba `REFUND_ORDERS_AMOUNT_IS_MORE_THAN_PARENT`.
    RefundAbovePaid,
    /// Namba `REFUND_PARENT_ORDER_WRONG_STATUS`.
    OrderNotRefundable,
    /// Namba `MERCHANT_ACCOUNT_LIMIT_BALANCE_EXCEEDED_EXCEPTION`.
    MerchantLimit,
    /// Nikita 4.
    NoFunds,
    /// Nikita 6.
    StopWords,
    /// Nikita 7 (message), 3 (def).
    BadPhone,
    /// Nikita 8.
    BadTime,
    /// Nikita 4 (def).
    UnknownNumber,
    /// As the provider wrote it, shortened.
    Other(String),
}

impl RefusalCode {
    /// A dull name for logs and tables.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Validation => "validation",
            Self::LinkIdTaken => "link_id_taken",
            Self::OrderNotFound => "order_not_found",
            Self::RefundNotFound => "refund_not_found",
            Self::RefundAlreadyExists => "refund_already_exists",
            Self::RefundAbovePaid => "refund_above_paid",
            Self::OrderNotRefundable => "order_not_refundable",
            Self::MerchantLimit => "merchant_limit",
            Self::NoFunds => "no_funds",
            Self::StopWords => "stop_words",
            Self::BadPhone => "bad_phone",
            Self::BadTime => "bad_time",
            Self::UnknownNumber => "unknown_number",
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The provider's words, made harmless for a log line: no control characters, and short.
pub(crate) fn foreign_text(text: &str) -> String {
    text.chars()
        .take(FOREIGN_TEXT_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_whether_it_may_be_repeated() {
        let errors = [
            (ProviderError::refused(RefusalCode::NoFunds, "top up"), false, false, true),
            (ProviderError::refused(RefusalCode::Validation, "fix"), false, false, false),
            (ProviderError::unknown("ask"), true, false, false),
            (ProviderError::not_sent("later"), false, true, false),
            (ProviderError::misconfigured("secret"), false, false, true),
        ];
        for (error, happened, repeat, staff) in errors {
            assert_eq!(
                (error.may_have_happened(), error.is_safe_to_repeat(), error.needs_staff()),
                (happened, repeat, staff),
                "{error}"
            );
        }
    }

    #[test]
    fn foreign_words_cannot_forge_a_log_line() {
        let text = foreign_text(&format!("bad\r\n2026-11-22 INFO all is well {}", "x".repeat(1000)));
        assert!(!text.contains('\n') && !text.contains('\r'));
        assert!(text.chars().count() <= FOREIGN_TEXT_CHARS_MAX);
    }
}
