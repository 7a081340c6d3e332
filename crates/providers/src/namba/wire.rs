//! The JSON of Namba One, read leniently: fields may be missing, new, or of another type than documented. Only money is strict.

use chrono::{DateTime, Utc};
use domain::Tyiyn;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::error::{ProviderError, RefusalCode, foreign_text};
use crate::http::{Answer, is_loopback};
use crate::payment::{
    LinkStatus, MerchantInfo, PaymentLink, PaymentOrder, PaymentStatus, RefundErrorCode, RefundOrder, RefundStatus,
};
use url::Url;

/// The longest id, address or word that is taken over from the provider.
const TEXT_CHARS_MAX: usize = 2_000;
/// 10^15 tyiyn is more money than the country has; it also keeps every sum far from overflow.
const AMOUNT_DIGITS_MAX: usize = 15;
const CURRENCY: &str = "KGS";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateLinkBody<'a> {
    pub external_id: &'a str,
    pub amount: String,
    pub amount_can_be_changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub webhook_headers: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_options: Option<WebOptions<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebOptions<'a> {
    pub redirect_link: &'a str,
    pub auto_redirect: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateRefundBody<'a> {
    pub parent_type: &'a str,
    pub payment_order_guid: &'a str,
    pub amount: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub comment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub webhook_headers: &'a BTreeMap<String, String>,
}

/// The inner part of an `OK` envelope; `None` when it is missing, null or empty.
pub(super) fn open(answer: &Answer) -> Result<Option<Map<String, Value>>, ProviderError> {
    let Some(envelope) = envelope(&answer.body) else {
        return Err(without_envelope(answer));
    };
    let status = text(&envelope, "status").unwrap_or_default();
    if status.eq_ignore_ascii_case("OK") {
        return match envelope.get("data") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(data)) if data.is_empty() => Ok(None),
            Some(Value::Object(data)) => Ok(Some(data.clone())),
            Some(_) => Err(unreadable("its `data` is no object")),
        };
    }
    if status.eq_ignore_ascii_case("ERROR") {
        let error = envelope.get("error").and_then(Value::as_object);
        let code = error.and_then(|e| text(e, "errorCode")).unwrap_or_default();
        let message = error.and_then(|e| text(e, "message")).unwrap_or_default();
        return Err(refusal(answer.status, &code, &message));
    }
    Err(without_envelope(answer))
}

/// An object that has a `status` which can be a verdict; anything else is decided by the HTTP status.
fn envelope(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) if map.get("status").is_some_and(Value::is_string) => Some(map),
        _ => None,
    }
}

/// The verdict when no envelope could be read.
fn without_envelope(answer: &Answer) -> ProviderError {
    let status = answer.status;
    match status {
        300..=399 => ProviderError::misconfigured(format!(
            "Namba One redirects (HTTP {status}); set the base URL that it gave at onboarding, redirects are not followed"
        )),
        401 | 403 => ProviderError::misconfigured(format!(
            "Namba One denies access (HTTP {status}); check secret, merchant id and whether our address is allowed"
        )),
        404 | 405 => ProviderError::misconfigured(format!(
            "no Namba One API at this address (HTTP {status}); check base URL, version and merchant id"
        )),
        429 => ProviderError::not_sent("Namba One wants fewer calls (HTTP 429); it is tried again later".to_owned()),
        408 => ProviderError::unknown("Namba One timed out (HTTP 408); the state is asked for".to_owned()),
        400..=499 => ProviderError::refused(
            RefusalCode::Other(format!("http_{status}")),
            format!("Namba One refused without a reason (HTTP {status}); ask its support with time and id"),
        ),
        _ => unreadable(&format!("HTTP {status}, {} bytes, no readable verdict", answer.body.len())),
    }
}

/// The verdict of an `ERROR` envelope: by its code, and only for codes that nobody documents by the HTTP status.
fn refusal(status: u16, code: &str, message: &str) -> ProviderError {
    let said = foreign_text(message);
    let said = if said.is_empty() { String::new() } else { format!(" Namba One says: {said}") };
    let refused = |code, advice: &str| ProviderError::refused(code, format!("{advice}.{said}"));
    match code {
        "MERCHANT_API_WRONG_SIGNATURE" => {
            ProviderError::misconfigured(format!("the signature is wrong; check secret and merchant id.{said}"))
        }
        "VALIDATION_ERROR" => refused(RefusalCode::Validation, "a field is not accepted; look at the message and at the order"),
        "PAYMENT_LINK_EXTERNAL_ID_DUPLICATE_EXCEPTION" => {
            refused(RefusalCode::LinkIdTaken, "a link with this id exists already; a new order needs a new id")
        }
        "PAYMENT_ORDER_NOT_FOUND_EXCEPTION" => {
            refused(RefusalCode::OrderNotFound, "Namba One does not know the payment; check its guid")
        }
        "REFUND_ORDER_NOT_FOUND" => {
            refused(RefusalCode::RefundNotFound, "Namba One does not know the refund; it was never made")
        }
        "REFUND_ORDER_ALREADY_EXISTS" => {
            refused(RefusalCode::RefundAlreadyExists, "the refund exists already; it is fetched and compared")
        }
        "REFUND_ORDERS_AMOUNT_IS_MORE_THAN_PARENT" => refused(
            RefusalCode::RefundAbovePaid,
            "the refunds would exceed the payment; compare our refunds of the order with Namba's",
        ),
        "REFUND_PARENT_ORDER_WRONG_STATUS" => {
            refused(RefusalCode::OrderNotRefundable, "the payment cannot be refunded in its state; ask for the payment again")
        }
        "MERCHANT_ACCOUNT_LIMIT_BALANCE_EXCEEDED_EXCEPTION" => refused(
            RefusalCode::MerchantLimit,
            "the merchant account's limit is reached; top it up or raise the limit with Namba One",
        ),
        // Misspelt in the provider's own papers as well; it says of itself that it does not know.
        "UNKNOWN_ERROR" | "UNKNOW_ERROR" | "UNKNOWN_EROR" | "UNKOWN_ERROR" | "" => ProviderError::unknown(format!(
            "Namba One answered with an unknown error (HTTP {status}); the state is asked for.{said}"
        )),
        other => {
            let other = foreign_text(other);
            if (400..500).contains(&status) {
                ProviderError::refused(
                    RefusalCode::Other(other.clone()),
                    format!("Namba One refused with the undocumented code {other}; ask its support.{said}"),
                )
            } else {
                ProviderError::unknown(format!(
                    "Namba One answered with the undocumented code {other} (HTTP {status}); the state is asked for, ask its support.{said}"
                ))
            }
        }
    }
}

/// An answer that cannot be understood: whatever was asked for may have happened.
pub(super) fn unreadable(what: &str) -> ProviderError {
    ProviderError::unknown(format!(
        "the answer of Namba One cannot be read ({what}); the state is asked for, tell the provider if it lasts"
    ))
}

/// `{guid, token, …}` of v2, or `{token: {token, guid}}` of v1.
pub(super) fn payment_link(data: &Map<String, Value>) -> Result<PaymentLink, ProviderError> {
    check_currency(data)?;
    let nested = data.get("token").and_then(Value::as_object);
    let token = match nested {
        Some(inner) => text(inner, "token"),
        None => text(data, "token"),
    };
    let payment_url =
        token.filter(|t| is_web_address(t)).ok_or_else(|| unreadable("the link has no web address in `token`"))?;
    let guid = text(data, "guid").or_else(|| nested.and_then(|inner| text(inner, "guid"))).unwrap_or_default();
    let status = text(data, "status").or_else(|| nested.and_then(|inner| text(inner, "status")));
    // An old version sends no status; a link that was just made is active.
    let status = status.map_or(LinkStatus::Active, |s| LinkStatus::from_wire(&s));
    Ok(PaymentLink { guid, payment_url, status })
}

/// The payer's browser is sent there, so nothing but the web will do.
fn is_web_address(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| (url.scheme() == "https" && url.has_host()) || (url.scheme() == "http" && is_loopback(&url)))
}

/// How strictly money is read.
#[derive(Clone, Copy)]
pub(super) enum Money {
    /// An answer that money moves by: an amount that cannot be read spoils it.
    Strict,
    /// A notice, which only makes us ask: an amount that cannot be read is missing.
    Lenient,
}

pub(super) fn payment_order(data: &Map<String, Value>, money: Money) -> Result<PaymentOrder, ProviderError> {
    if let Money::Strict = money {
        check_currency(data)?;
    }
    let status = text(data, "status").ok_or_else(|| unreadable("the payment has no status"))?;
    Ok(PaymentOrder {
        guid: text(data, "guid").unwrap_or_default(),
        external_id: text(data, "externalId").unwrap_or_default(),
        status: PaymentStatus::from_wire(&status),
        amount: amount(data, "amount", money)?,
        payment_amount: amount(data, "paymentAmount", money)?,
        refund_amount: amount(data, "refundAmount", money)?,
        kind: text(data, "type"),
        channel: text(data, "channel"),
        link_guid: text(data, "paymentLinkGuid"),
        payer_phone_masked: text(data, "maskedPhoneNumber"),
        created_at: time(data, "createdAt"),
        settled_at: time(data, "settledAt"),
    })
}

pub(super) fn refund_order(data: &Map<String, Value>, money: Money) -> Result<RefundOrder, ProviderError> {
    if let Money::Strict = money {
        check_currency(data)?;
    }
    let status = text(data, "status").ok_or_else(|| unreadable("the refund has no status"))?;
    Ok(RefundOrder {
        guid: text(data, "guid").unwrap_or_default(),
        external_refund_id: text(data, "externalGuid").unwrap_or_default(),
        status: RefundStatus::from_wire(&status),
        amount: amount(data, "amount", money)?,
        payment_order_guid: text(data, "parentPaymentGuid"),
        error_code: text(data, "errorCode").map(|code| RefundErrorCode::from_wire(&code)),
    })
}

pub(super) fn merchant_info(data: &Map<String, Value>) -> Result<MerchantInfo, ProviderError> {
    check_currency(data)?;
    let balance = amount(data, "balance", Money::Strict)?;
    let held = amount(data, "balanceHold", Money::Strict)?;
    let available = match amount(data, "availableBalance", Money::Strict)? {
        Some(available) => available,
        None => balance
            .and_then(|b| b.checked_sub(held.unwrap_or(Tyiyn::ZERO)))
            .ok_or_else(|| unreadable("the account has neither `availableBalance` nor `balance`"))?,
    };
    Ok(MerchantInfo {
        guid: text(data, "guid").unwrap_or_default(),
        status: text(data, "status").unwrap_or_default(),
        balance,
        held,
        available,
    })
}

/// Missing is fine (not every answer has it); another currency is not.
fn check_currency(data: &Map<String, Value>) -> Result<(), ProviderError> {
    for field in ["currency", "currencyCode"] {
        if let Some(currency) = text(data, field).filter(|c| !c.eq_ignore_ascii_case(CURRENCY)) {
            return Err(unreadable(&format!("the currency is {}, not {CURRENCY}", foreign_text(&currency))));
        }
    }
    Ok(())
}

/// A text, or a number where a text is documented. Empty counts as missing, and so does what is longer than anything sensible.
pub(super) fn text(data: &Map<String, Value>, field: &str) -> Option<String> {
    let found = match data.get(field)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!found.is_empty() && found.chars().count() <= TEXT_CHARS_MAX && !found.chars().any(char::is_control)).then_some(found)
}

/// Tyiyn as a text of digits (documented) or a whole number (seen elsewhere). A fraction is an error, never rounded.
fn amount(data: &Map<String, Value>, field: &str, money: Money) -> Result<Option<Tyiyn>, ProviderError> {
    let parsed = match data.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => parse_tyiyn(text.trim()),
        Some(Value::Number(number)) => parse_tyiyn(&number.to_string()),
        Some(_) => None,
    };
    match (parsed, money) {
        (Some(amount), _) => Ok(Some(amount)),
        (None, Money::Lenient) => Ok(None),
        (None, Money::Strict) => Err(unreadable(&format!("`{field}` is no whole number of tyiyn"))),
    }
}

/// Digits, with a minus before them for an account that owes.
pub(crate) fn parse_tyiyn(text: &str) -> Option<Tyiyn> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > AMOUNT_DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(Tyiyn::new)
}

/// RFC 3339, or the same without an offset, which is taken as UTC; only shown, never reckoned with.
fn time(data: &Map<String, Value>, field: &str) -> Option<DateTime<Utc>> {
    let text = text(data, field)?;
    DateTime::parse_from_rfc3339(&text)
        .map(|t| t.with_timezone(&Utc))
        .or_else(|_| chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").map(|t| t.and_utc()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec() }
    }
    fn error(status: u16, code: &str) -> ProviderError {
        open(&answer(status, &format!(r#"{{"status":"ERROR","data":null,"error":{{"errorCode":"{code}"}}}}"#))).unwrap_err()
    }

    #[test]
    fn the_envelope_decides_before_the_http_status() {
        assert!(open(&answer(500, r#"{"status":"OK","data":{"a":1}}"#)).unwrap().is_some());
        for status in [200, 400, 404, 500] {
            assert_eq!(error(status, "REFUND_ORDER_NOT_FOUND").refusal(), Some(&RefusalCode::RefundNotFound), "{status}");
            assert!(matches!(error(status, "MERCHANT_API_WRONG_SIGNATURE"), ProviderError::Misconfigured { .. }), "{status}");
            assert!(error(status, "UNKNOWN_ERROR").may_have_happened(), "{status}");
        }
    }

    #[test]
    fn an_undocumented_code_is_a_no_only_with_a_4xx() {
        assert!(error(400, "BRAND_NEW").refusal().is_some());
        assert!(error(200, "BRAND_NEW").may_have_happened());
        assert!(error(503, "BRAND_NEW").may_have_happened());
    }

    #[test]
    fn an_answer_without_a_verdict_is_unknown() {
        for body in
            ["", "{}", "[]", "null", "<html>", r#"{"status":7}"#, r#"{"status":"MAYBE"}"#, r#"{"status":"OK","data":[1]}"#]
        {
            assert!(open(&answer(200, body)).unwrap_err().may_have_happened(), "{body}");
            assert!(open(&answer(502, body)).is_err_and(|e| e.may_have_happened()), "{body}");
        }
        assert!(matches!(open(&answer(401, "")), Err(ProviderError::Misconfigured { .. })));
        assert!(matches!(open(&answer(302, "")), Err(ProviderError::Misconfigured { .. })));
        assert!(open(&answer(429, "slow down")).unwrap_err().is_safe_to_repeat());
    }

    #[test]
    fn ok_without_data_is_nothing_yet() {
        for body in [r#"{"status":"OK"}"#, r#"{"status":"OK","data":null}"#, r#"{"status":"ok","data":{},"extra":[{}]}"#] {
            assert_eq!(open(&answer(200, body)).unwrap(), None, "{body}");
        }
    }

    #[test]
    fn both_shapes_of_a_link_are_read() {
        let v2 = serde_json::json!({"guid":"g","token":"https://app.nambaone.app/#x","amount":"100","status":"ACTIVE","currencyCode":"KGS","new":1});
        let v1 = serde_json::json!({"token":{"token":"https://app.nambaone.app/#x","guid":"g"}});
        let read = |v: &Value| payment_link(v.as_object().unwrap()).unwrap();
        assert_eq!(read(&v2), read(&v1));
        for bad in ["javascript:alert(1)", "http://evil.example/", "//evil", "", "data:text/html,x"] {
            let link = serde_json::json!({"guid":"g","token":bad});
            assert!(payment_link(link.as_object().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_whole_tyiyn_are_money() {
        assert_eq!(parse_tyiyn("10050"), Some(Tyiyn::new(10_050)));
        assert_eq!(parse_tyiyn("-5"), Some(Tyiyn::new(-5)));
        for bad in ["", "-", "+5", "1.5", "1e3", "٣", " 5", "9999999999999999", "0x1", "--1", "NaN"] {
            assert_eq!(parse_tyiyn(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_paid_amount_that_cannot_be_read_spoils_an_answer_but_not_a_notice() {
        let order = serde_json::json!({"guid":"g","externalId":"e","status":"COMPLETED","paymentAmount":"99.50"});
        let order = order.as_object().unwrap();
        assert!(payment_order(order, Money::Strict).unwrap_err().may_have_happened());
        assert_eq!(payment_order(order, Money::Lenient).unwrap().paid(), None);
        let dollars = serde_json::json!({"guid":"g","status":"COMPLETED","paymentAmount":"1","currency":"USD"});
        assert!(payment_order(dollars.as_object().unwrap(), Money::Strict).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100u16..=599, body in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = open(&Answer { status, body });
        }

        #[test]
        fn no_fields_make_it_panic(fields in prop::collection::btree_map("(guid|status|token|amount|paymentAmount|currency|errorCode|createdAt|availableBalance)", any_json(), 0..6)) {
            let data: Map<String, Value> = fields.into_iter().collect();
            let _ = payment_link(&data);
            for money in [Money::Strict, Money::Lenient] {
                let _ = payment_order(&data, money);
                let _ = refund_order(&data, money);
            }
            let _ = merchant_info(&data);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("(guid|token|status)", inner, 0..3)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }
}
