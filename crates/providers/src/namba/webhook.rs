//! Namba One's notices. They are not signed, so they prove nothing: a notice only makes us ask [`super::NambaClient`] again.

use std::fmt::Write as _;

use hmac::digest::Digest as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::Sha512;
use subtle::ConstantTimeEq as _;

use super::wire::{self, Money};
use crate::payment::{PaymentOrder, RefundOrder};

/// The largest notice that is read; those seen in the field are under 2 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    PaymentOrder(PaymentOrder),
    RefundOrder(RefundOrder),
    /// A type that is not documented: answered with 2xx, kept, and not acted on.
    Other {
        kind: String,
    },
}

/// Why a body is no notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("no JSON object")]
    NotJson,
    #[error("no `type`, or `data` without the fields of its type")]
    NotAnEvent,
}

/// Reads a notice. Unknown fields are ignored, amounts that cannot be read are missing.
pub fn parse(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(WebhookError::TooLarge);
    }
    let Ok(Value::Object(notice)) = serde_json::from_slice(body) else {
        return Err(WebhookError::NotJson);
    };
    let kind = wire::text(&notice, "type").ok_or(WebhookError::NotAnEvent)?;
    let data = || notice.get("data").and_then(Value::as_object).ok_or(WebhookError::NotAnEvent);
    match kind.as_str() {
        "PAYMENT_ORDER" => {
            wire::payment_order(data()?, Money::Lenient).map(WebhookEvent::PaymentOrder).map_err(|_| WebhookError::NotAnEvent)
        }
        "REFUND_ORDER" => {
            wire::refund_order(data()?, Money::Lenient).map(WebhookEvent::RefundOrder).map_err(|_| WebhookError::NotAnEvent)
        }
        _ => Ok(WebhookEvent::Other { kind: crate::error::foreign_text(&kind) }),
    }
}

impl WebhookEvent {
    /// The inbox's unique key: the same notice sent again has the same one. `body` tells notices of unknown types apart.
    ///
    /// The sums are part of it, because two partial refunds leave the payment in the same status.
    pub fn event_key(&self, body: &[u8]) -> String {
        let sum = |amount: Option<domain::Tyiyn>| amount.map_or_else(|| "-".to_owned(), |a| a.get().to_string());
        match self {
            Self::PaymentOrder(order) if !order.guid.is_empty() => {
                format!(
                    "PAYMENT_ORDER:{}:{}:{}:{}",
                    order.guid,
                    order.status,
                    sum(order.payment_amount),
                    sum(order.refund_amount)
                )
            }
            Self::RefundOrder(refund) if !refund.guid.is_empty() => {
                format!("REFUND_ORDER:{}:{}:{}", refund.guid, refund.status, sum(refund.amount))
            }
            Self::PaymentOrder(_) | Self::RefundOrder(_) | Self::Other { .. } => body_key(body),
        }
    }
}

/// A key from the body alone, for whatever has no better one.
fn body_key(body: &[u8]) -> String {
    let mut key = String::from("body:");
    for byte in &Sha512::digest(body)[..32] {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// Whether the header carries our secret, in constant time. Without a secret of our own nothing matches.
pub fn secret_matches(expected: Option<&SecretString>, presented: Option<&[u8]>) -> bool {
    let (Some(expected), Some(presented)) = (expected, presented) else { return false };
    let expected = expected.expose_secret().as_bytes();
    if expected.is_empty() {
        return false;
    }
    // Digests have one length, so neither the time nor the length tells anything about the secret.
    Sha512::digest(expected).ct_eq(&Sha512::digest(presented)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payment(status: &str, refund_amount: &str) -> Vec<u8> {
        format!(
            r#"{{"type":"PAYMENT_ORDER","version":"1","createdAt":"2026-11-22T10:00:00Z","surprise":{{}},"data":{{"guid":"o1","externalId":"../x",
            "channel":"BALANCE","currency":"KGS","amount":"100000","paymentAmount":"99950","refundAmount":"{refund_amount}","status":"{status}","type":"PAYMENT_QR"}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_payment_is_read_with_what_was_really_paid() {
        let WebhookEvent::PaymentOrder(order) = parse(&payment("COMPLETED", "0")).unwrap() else { panic!("a payment") };
        assert_eq!(order.paid(), Some(domain::Tyiyn::new(99_950)));
        assert_eq!(order.external_id, "../x");
    }

    #[test]
    fn a_refund_is_read() {
        let body = br#"{"type":"REFUND_ORDER","version":"1","data":{"guid":"r1","externalGuid":"R-1","status":"STUCK","amount":"5","errorCode":"02"}}"#;
        let WebhookEvent::RefundOrder(refund) = parse(body).unwrap() else { panic!("a refund") };
        assert_eq!(refund.external_refund_id, "R-1");
        assert_eq!(refund.error_code, Some(crate::payment::RefundErrorCode::ProviderUnavailable));
    }

    #[test]
    fn what_is_no_notice_is_refused() {
        assert_eq!(parse(&vec![b' '; BODY_BYTES_MAX + 1]), Err(WebhookError::TooLarge));
        for (body, error) in [
            (&b""[..], WebhookError::NotJson),
            (b"[]", WebhookError::NotJson),
            (b"\xff\xfe", WebhookError::NotJson),
            (b"{}", WebhookError::NotAnEvent),
            (br#"{"type":"PAYMENT_ORDER"}"#, WebhookError::NotAnEvent),
            (br#"{"type":"PAYMENT_ORDER","data":{"guid":"x"}}"#, WebhookError::NotAnEvent),
        ] {
            assert_eq!(parse(body), Err(error));
        }
        assert_eq!(parse(br#"{"type":"PAYOUT"}"#), Ok(WebhookEvent::Other { kind: "PAYOUT".into() }));
    }

    #[test]
    fn the_same_notice_has_the_same_key_and_another_one_does_not() {
        let key = |body: &[u8]| parse(body).unwrap().event_key(body);
        assert_eq!(key(&payment("REFUNDED", "5")), key(&payment("REFUNDED", "5")));
        assert_ne!(key(&payment("REFUNDED", "5")), key(&payment("REFUNDED", "7")));
        assert_ne!(key(&payment("COMPLETED", "0")), key(&payment("REFUNDED", "0")));
        assert_ne!(key(br#"{"type":"A"}"#), key(br#"{"type":"B"}"#));
    }

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = SecretString::from("0123456789abcdef");
        assert!(secret_matches(Some(&secret), Some(b"0123456789abcdef")));
        assert!(!secret_matches(Some(&secret), Some(b"0123456789abcdeX")));
        assert!(!secret_matches(Some(&secret), Some(b"0123")));
        assert!(!secret_matches(Some(&secret), Some(b"")));
        assert!(!secret_matches(Some(&secret), None));
        assert!(!secret_matches(None, Some(b"0123456789abcdef")));
        assert!(!secret_matches(Some(&SecretString::from("")), Some(b"")));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(event) = parse(&body) {
                let _ = event.event_key(&body);
            }
        }
    }
}
