//! The merchant API: signature, links, payments, refunds, the account.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::Tyiyn;
use serde_json::{Map, Value, json};
use url::Url;

use super::super::AnswerFault;
use super::state::{self, Late, Ledger, Link, NambaFaults, Refund, UnpaidAnswer};
use super::{App, settle_later, webhooks};
use crate::namba::signature::{SALT_HEADER, SIGNATURE_HEADER, verify};
use crate::namba::wire::parse_tyiyn;

/// Ten million som.
const AMOUNT_MAX: Tyiyn = Tyiyn::new(1_000_000_000);
const EXTERNAL_ID_CHARS_MAX: usize = 256;
const COMMENT_CHARS_MAX: usize = 1_000;
const HEADERS_MAX: usize = 20;

/// An `ERROR` envelope in the making.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

fn refusal(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status, code, message: message.into() }
}
fn invalid(message: impl Into<String>) -> Refusal {
    refusal(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
}

fn error_envelope(refusal: &Refusal) -> Response {
    let body = json!({"status": "ERROR", "data": null, "error": {"errorCode": refusal.code, "message": refusal.message}});
    (refusal.status, axum::Json(body)).into_response()
}

fn ok_envelope(faults: &NambaFaults, data: Option<Value>) -> Response {
    let mut body = json!({"status": "OK", "data": data.unwrap_or(Value::Null)});
    state::add_extra(faults, &mut body);
    axum::Json(body).into_response()
}

/// Which call it is, for its fault.
#[derive(Clone, Copy)]
enum Call {
    CreateLink,
    Payment,
    Refund,
    RefundStatus,
    Merchant,
}

/// The request as it came.
struct Incoming<'a> {
    app: &'a App,
    uri: &'a OriginalUri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    version: &'a str,
    merchant: &'a str,
}

/// Checks the signature, then carries the call out unless a fault stands before it.
async fn answer(call: Call, incoming: Incoming<'_>, act: impl AsyncFnOnce() -> Result<Option<Value>, Refusal>) -> Response {
    let app = incoming.app;
    if let Err(refused) = authenticate(&incoming) {
        return error_envelope(&refused);
    }
    let (fault, act_first, hang) = {
        let mut ledger = app.ledger();
        state::expire_links(&mut ledger, app.config.link_lifetime, app.now());
        let fault = ledger.take_fault(|f| match call {
            Call::CreateLink => f.create_link,
            Call::Payment => f.payment,
            Call::Refund => f.refund,
            Call::RefundStatus => f.refund_status,
            Call::Merchant => f.merchant,
        });
        (fault, ledger.faults.act_before_faulty_answer, Duration::from_millis(ledger.faults.hang_ms))
    };
    if fault != AnswerFault::None {
        if act_first {
            let _ = act().await;
        }
        return faulty_answer(app, fault, hang).await;
    }
    match act().await {
        Ok(data) => ok_envelope(&app.ledger().faults, data),
        Err(refused) => error_envelope(&refused),
    }
}

async fn faulty_answer(app: &App, fault: AnswerFault, hang: Duration) -> Response {
    if let Some(response) = fault.answer(hang, &app.shutdown).await {
        return response;
    }
    match fault {
        AnswerFault::ErrorIn200 => error_envelope(&refusal(StatusCode::OK, "VALIDATION_ERROR", "switched on")),
        AnswerFault::UnknownError => {
            error_envelope(&refusal(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN_ERROR", "switched on"))
        }
        AnswerFault::UndocumentedCode => {
            error_envelope(&refusal(StatusCode::BAD_REQUEST, "SOMETHING_NEW_EXCEPTION", "switched on"))
        }
        AnswerFault::WrongSignature => {
            error_envelope(&refusal(StatusCode::UNAUTHORIZED, "MERCHANT_API_WRONG_SIGNATURE", "switched on"))
        }
        AnswerFault::EmptyObject => axum::Json(json!({})).into_response(),
        _ => "{\"status\":\"OK\",\"data\":{\"guid\":".into_response(),
    }
}

fn authenticate(incoming: &Incoming<'_>) -> Result<(), Refusal> {
    let app = incoming.app;
    if !matches!(incoming.version, "v1" | "v2") {
        return Err(refusal(StatusCode::NOT_FOUND, "UNKNOWN_ERROR", "no such version"));
    }
    let wrong = || refusal(StatusCode::UNAUTHORIZED, "MERCHANT_API_WRONG_SIGNATURE", "Wrong signature");
    let header = |name| incoming.headers.get(name).and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty());
    let mut ledger = app.ledger();
    if !ledger.faults.signature_not_checked {
        let (Some(salt), Some(signature)) = (header(SALT_HEADER), header(SIGNATURE_HEADER)) else { return Err(wrong()) };
        // The path as it came over the wire, still percent-encoded.
        if incoming.merchant != app.config.merchant_guid
            || !verify(&app.config.secret, incoming.uri.path(), incoming.body, salt, signature)
        {
            return Err(wrong());
        }
        if !ledger.is_fresh_salt(salt) && !ledger.faults.replayed_salt_accepted {
            return Err(wrong());
        }
    }
    Ok(())
}

pub(super) async fn create_link(
    State(app): State<App>,
    Path((version, merchant)): Path<(String, String)>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let incoming = Incoming { app: &app, uri: &uri, headers: &headers, body: &body, version: &version, merchant: &merchant };
    answer(Call::CreateLink, incoming, async || {
        let request = object(&body)?;
        let link = read_link(&app, &request)?;
        let external_id = link.external_id.clone();
        let (data, early) = {
            let mut ledger = app.ledger();
            if ledger.link(&external_id).is_some() {
                let message = "Payment link with this externalId exists";
                return Err(refusal(StatusCode::BAD_REQUEST, "PAYMENT_LINK_EXTERNAL_ID_DUPLICATE_EXCEPTION", message));
            }
            let nested = (version == "v1") != ledger.faults.shapes_swapped;
            let data = link_json(&app, &ledger, &link, nested);
            ledger.add_link(link);
            let early = if ledger.faults.webhook_before_answer {
                state::order_is_paid(&mut ledger, &external_id, None, Late::Refused, app.now())
            } else {
                None
            };
            (data, early)
        };
        // The payer was faster than our answer.
        webhooks::send(&app, early.unwrap_or_default()).await;
        Ok(Some(data))
    })
    .await
}

pub(super) async fn payment(
    State(app): State<App>,
    Path((version, merchant, external_id)): Path<(String, String, String)>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let incoming = Incoming { app: &app, uri: &uri, headers: &headers, body: b"", version: &version, merchant: &merchant };
    answer(Call::Payment, incoming, async || {
        let mut ledger = app.ledger();
        let faults = ledger.faults.clone();
        let not_found = || refusal(StatusCode::NOT_FOUND, "PAYMENT_ORDER_NOT_FOUND_EXCEPTION", "Payment order not found");
        match ledger.link(&external_id) {
            None if faults.unpaid == UnpaidAnswer::NotFound => Err(not_found()),
            None => Ok(None),
            Some(link) if link.is_unpaid() && faults.unpaid == UnpaidAnswer::NotFound => Err(not_found()),
            Some(link) if link.is_unpaid() && faults.unpaid == UnpaidAnswer::EmptyData => Ok(None),
            Some(link) => Ok(Some(state::order_json(&faults, link))),
        }
    })
    .await
}

pub(super) async fn create_refund(
    State(app): State<App>,
    Path((version, merchant, external_id)): Path<(String, String, String)>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let incoming = Incoming { app: &app, uri: &uri, headers: &headers, body: &body, version: &version, merchant: &merchant };
    answer(Call::Refund, incoming, async || {
        let request = object(&body)?;
        let refund = read_refund(&app, &external_id, &request)?;
        let data = {
            let mut ledger = app.ledger();
            check_refund(&mut ledger, &refund, &request)?;
            let data = state::refund_json(&ledger.faults, &refund);
            ledger.add_refund(refund);
            data
        };
        settle_later(&app, external_id.clone());
        Ok(Some(data))
    })
    .await
}

pub(super) async fn refund(
    State(app): State<App>,
    Path((version, merchant, external_id)): Path<(String, String, String)>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let incoming = Incoming { app: &app, uri: &uri, headers: &headers, body: b"", version: &version, merchant: &merchant };
    answer(Call::RefundStatus, incoming, async || {
        let mut ledger = app.ledger();
        let faults = ledger.faults.clone();
        match ledger.refund(&external_id) {
            Some(refund) => Ok(Some(state::refund_json(&faults, refund))),
            None => Err(refusal(StatusCode::NOT_FOUND, "REFUND_ORDER_NOT_FOUND", "Refund order not found")),
        }
    })
    .await
}

pub(super) async fn merchant(
    State(app): State<App>,
    Path((version, merchant)): Path<(String, String)>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let incoming = Incoming { app: &app, uri: &uri, headers: &headers, body: b"", version: &version, merchant: &merchant };
    answer(Call::Merchant, incoming, async || {
        let ledger = app.ledger();
        Ok(Some(json!({
            "guid": app.config.merchant_guid,
            "status": "AVAILABLE",
            "currency": "KGS",
            "balance": ledger.balance.get().to_string(),
            "balanceHold": ledger.held().get().to_string(),
            "availableBalance": ledger.available().get().to_string(),
        })))
    })
    .await
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(invalid("the body is no JSON object")),
    }
}

fn text_of<'a>(request: &'a Map<String, Value>, field: &str, chars_max: usize) -> Result<Option<&'a str>, Refusal> {
    match request.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= chars_max => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{field} is no text or too long"))),
    }
}

fn amount_of(request: &Map<String, Value>) -> Result<Tyiyn, Refusal> {
    text_of(request, "amount", 20)?
        .and_then(parse_tyiyn)
        .filter(|a| *a > Tyiyn::ZERO && *a <= AMOUNT_MAX)
        .ok_or_else(|| invalid("amount must be a text of digits, in tyiyn, positive"))
}

fn address_of(request: &Map<String, Value>, field: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = text_of(request, field, 2_000)? else { return Ok(None) };
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.to_owned())),
        _ => Err(invalid(format!("{field} is no web address"))),
    }
}

fn headers_of(request: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let map = match request.get("webhookHeaders") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) if map.len() <= HEADERS_MAX => map,
        Some(_) => return Err(invalid("webhookHeaders is no object or too large")),
    };
    map.iter()
        .map(|(name, value)| {
            let value = value.as_str().filter(|v| axum::http::HeaderValue::from_str(v).is_ok());
            let name = axum::http::HeaderName::try_from(name)
                .map_err(|_| invalid("webhookHeaders has a name that no header can have"))?;
            Ok((
                name.to_string(),
                value.ok_or_else(|| invalid("webhookHeaders has a value that no header can have"))?.to_owned(),
            ))
        })
        .collect()
}

fn read_link(app: &App, request: &Map<String, Value>) -> Result<Link, Refusal> {
    let external_id = text_of(request, "externalId", EXTERNAL_ID_CHARS_MAX)?.filter(|id| !id.is_empty());
    let external_id = external_id.ok_or_else(|| invalid("externalId is missing"))?.to_owned();
    if !request.get("amountCanBeChanged").is_none_or(Value::is_boolean) {
        return Err(invalid("amountCanBeChanged is no boolean"));
    }
    let empty = Map::new();
    let web = request.get("webOptions").and_then(Value::as_object).unwrap_or(&empty);
    Ok(Link {
        guid: app.new_id(),
        merchant_guid: app.config.merchant_guid.clone(),
        token: app.new_id().replace('-', ""),
        external_id,
        amount: amount_of(request)?,
        comment: text_of(request, "comment", COMMENT_CHARS_MAX)?.unwrap_or_default().to_owned(),
        webhook_url: address_of(request, "webhookUrl")?,
        webhook_headers: headers_of(request)?,
        redirect_link: address_of(web, "redirectLink")?,
        auto_redirect: web.get("autoRedirect").and_then(Value::as_bool).unwrap_or(false),
        created_at: app.now(),
        order_guid: app.new_id(),
        status: "CREATED".to_owned(),
        payment_amount: None,
        refund_amount: Tyiyn::ZERO,
        settled_at: None,
    })
}

fn link_json(app: &App, ledger: &Ledger, link: &Link, nested: bool) -> Value {
    let url = app.pay_url(&link.token);
    let mut data = if nested {
        json!({"token": {"token": url, "guid": link.guid}})
    } else {
        json!({"guid": link.guid, "token": url, "amount": link.amount.get().to_string(), "status": "ACTIVE", "currencyCode": "KGS"})
    };
    state::add_extra(&ledger.faults, &mut data);
    data
}

fn read_refund(app: &App, external_id: &str, request: &Map<String, Value>) -> Result<Refund, Refusal> {
    if !matches!(text_of(request, "parentType", 40)?, Some("PAYMENT_QR" | "PAYMENT_EXTERNAL" | "PAYMENT_MERCHANT")) {
        return Err(invalid("parentType is none of PAYMENT_QR, PAYMENT_EXTERNAL, PAYMENT_MERCHANT"));
    }
    Ok(Refund {
        guid: app.new_id(),
        merchant_guid: app.config.merchant_guid.clone(),
        external_id: external_id.to_owned(),
        order_guid: text_of(request, "paymentOrderGuid", 64)?.ok_or_else(|| invalid("paymentOrderGuid is missing"))?.to_owned(),
        amount: amount_of(request)?,
        comment: text_of(request, "comment", COMMENT_CHARS_MAX)?.unwrap_or_default().to_owned(),
        status: "PROCESSING".to_owned(),
        error_code: None,
        webhook_url: address_of(request, "webhookUrl")?,
        webhook_headers: headers_of(request)?,
        created_at: app.now(),
    })
}

fn check_refund(ledger: &mut Ledger, refund: &Refund, request: &Map<String, Value>) -> Result<(), Refusal> {
    let bad = |code, message: &str| refusal(StatusCode::BAD_REQUEST, code, message);
    if ledger.refund(&refund.external_id).is_some() {
        return Err(bad("REFUND_ORDER_ALREADY_EXISTS", "Refund order already exists"));
    }
    let taken = ledger.refunded_or_pending(&refund.order_guid);
    let available = ledger.available();
    let Some(link) = ledger.link_by_order(&refund.order_guid) else {
        return Err(refusal(StatusCode::NOT_FOUND, "PAYMENT_ORDER_NOT_FOUND_EXCEPTION", "Payment order not found"));
    };
    if request.get("parentType").and_then(Value::as_str) != Some("PAYMENT_QR") {
        return Err(invalid("parentType is not the type of the payment"));
    }
    let Some(paid) = link.payment_amount.filter(|_| link.is_paid()) else {
        return Err(bad("REFUND_PARENT_ORDER_WRONG_STATUS", "Parent order has wrong status"));
    };
    if taken.checked_add(refund.amount).is_none_or(|total| total > paid) {
        return Err(bad("REFUND_ORDERS_AMOUNT_IS_MORE_THAN_PARENT", "Refund orders amount is more than parent"));
    }
    if refund.amount > available {
        return Err(bad("MERCHANT_ACCOUNT_LIMIT_BALANCE_EXCEEDED_EXCEPTION", "Not enough on the merchant account"));
    }
    Ok(())
}
