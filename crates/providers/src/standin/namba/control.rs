//! The control API: what tests and scripts do to the stand-in. JSON in, JSON out.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, body::Bytes};
use domain::Tyiyn;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::super::faults::{control_error, patched};
use super::state::{self, Late, Ledger, Link, NambaFaults};
use super::webhooks::{self, Notice};
use super::{App, Namba};

/// Copies that one call may ask for.
const COPIES_MAX: u32 = 100;

/// An empty body means all defaults.
fn read<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Box<Response>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|e| Box::new(control_error(StatusCode::BAD_REQUEST, e.to_string())))
}

fn no_order() -> Response {
    control_error(StatusCode::NOT_FOUND, "no order under this external id")
}

/// All that the stand-in knows, secrets left out.
pub(super) async fn state(State(app): State<App>) -> Response {
    let mut ledger = app.ledger();
    state::expire_links(&mut ledger, app.config.link_lifetime, app.now());
    let orders: Vec<Value> = ledger.links.iter().map(|l| order(&app, l)).collect();
    let refunds: Vec<Value> = ledger
        .refunds
        .iter()
        .map(|r| json!({"external_refund_id": r.external_id, "guid": r.guid, "order_guid": r.order_guid, "amount_tyiyn": r.amount.get(), "status": r.status, "error_code": r.error_code, "comment": r.comment, "created_at": state::wire_time(r.created_at)}))
        .collect();
    Json(json!({
        "faults": ledger.faults,
        "balance_tyiyn": ledger.balance.get(),
        "held_tyiyn": ledger.held().get(),
        "available_tyiyn": ledger.available().get(),
        "orders": orders,
        "refunds": refunds,
        "webhook_attempts": ledger.attempts,
    }))
    .into_response()
}

fn order(app: &Namba, link: &Link) -> Value {
    json!({
        "external_id": link.external_id,
        "link_guid": link.guid,
        "order_guid": link.order_guid,
        "pay_url": app.pay_url(&link.token),
        "status": link.status,
        "amount_tyiyn": link.amount.get(),
        "paid_tyiyn": link.payment_amount.map(Tyiyn::get),
        "refunded_tyiyn": link.refund_amount.get(),
        "comment": link.comment,
        "webhook_url": link.webhook_url,
        "redirect_link": link.redirect_link,
        "created_at": state::wire_time(link.created_at),
    })
}

/// Sets the named switches; answers with all of them.
pub(super) async fn faults(State(app): State<App>, Json(patch): Json<Map<String, Value>>) -> Response {
    let mut ledger = app.ledger();
    match patched::<NambaFaults>(&ledger.faults, patch) {
        Ok(faults) => {
            ledger.faults = faults;
            Json(&ledger.faults).into_response()
        }
        Err(why) => control_error(StatusCode::BAD_REQUEST, why),
    }
}

/// Forgets everything and switches all faults off.
pub(super) async fn reset(State(app): State<App>) -> Response {
    *app.ledger() = Ledger::new(app.config.float);
    Json(json!({"ok": true})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Float {
    balance_tyiyn: i64,
}

/// Sets the merchant's balance.
pub(super) async fn float(State(app): State<App>, Json(float): Json<Float>) -> Response {
    app.ledger().balance = Tyiyn::new(float.balance_tyiyn);
    Json(json!({"ok": true})).into_response()
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Pay {
    amount_tyiyn: Option<i64>,
    /// Answers only after each webhook was tried once.
    wait: bool,
}

/// The payer pays, even late. 409 when it is paid already.
pub(super) async fn pay(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    let pay: Pay = match read(&body) {
        Ok(pay) => pay,
        Err(response) => return *response,
    };
    let notices = {
        let mut ledger = app.ledger();
        if ledger.link(&external_id).is_none() {
            return no_order();
        }
        match state::order_is_paid(&mut ledger, &external_id, pay.amount_tyiyn.map(Tyiyn::new), Late::Allowed, app.now()) {
            Some(notices) => notices,
            None => return control_error(StatusCode::CONFLICT, "the order is paid already"),
        }
    };
    finish(&app, &external_id, notices, pay.wait).await
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wait {
    wait: bool,
}

/// The payer declines.
pub(super) async fn decline(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    end_unpaid(&app, &external_id, "CANCELED", &body).await
}

/// The link's time is over.
pub(super) async fn expire(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    end_unpaid(&app, &external_id, "EXPIRED", &body).await
}

async fn end_unpaid(app: &App, external_id: &str, status: &str, body: &[u8]) -> Response {
    let Wait { wait } = match read(body) {
        Ok(wait) => wait,
        Err(response) => return *response,
    };
    let notices = {
        let mut ledger = app.ledger();
        match ledger.link(external_id) {
            None => return no_order(),
            Some(link) if link.is_paid() => return control_error(StatusCode::CONFLICT, "the order is paid already"),
            Some(_) => state::order_gets_status(&mut ledger, external_id, status, None, app.now()),
        }
    };
    finish(app, external_id, notices, wait).await
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SetStatus {
    status: String,
    error_code: Option<String>,
    amount_tyiyn: Option<i64>,
    wait: bool,
}

/// Puts the order into any status.
pub(super) async fn status(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    let set: SetStatus = match read(&body) {
        Ok(set) => set,
        Err(response) => return *response,
    };
    let notices = {
        let mut ledger = app.ledger();
        if ledger.link(&external_id).is_none() {
            return no_order();
        }
        state::order_gets_status(&mut ledger, &external_id, &set.status, set.amount_tyiyn.map(Tyiyn::new), app.now())
    };
    finish(&app, &external_id, notices, set.wait).await
}

/// Puts the refund into any status.
pub(super) async fn refund(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    let set: SetStatus = match read(&body) {
        Ok(set) => set,
        Err(response) => return *response,
    };
    let notices = {
        let mut ledger = app.ledger();
        if ledger.refund(&external_id).is_none() {
            return control_error(StatusCode::NOT_FOUND, "no refund under this external id");
        }
        state::refund_gets_status(&mut ledger, &external_id, &set.status, set.error_code, app.now())
    };
    let statuses = tell(&app, notices, set.wait).await;
    Json(json!({"webhook_http_statuses": statuses})).into_response()
}

async fn finish(app: &App, external_id: &str, notices: Vec<Notice>, wait: bool) -> Response {
    let statuses = tell(app, notices, wait).await;
    let mut ledger = app.ledger();
    let Some(link) = ledger.link(external_id) else { return no_order() };
    let mut answer = order(app, link);
    answer["webhook_http_statuses"] = json!(statuses);
    Json(answer).into_response()
}

async fn tell(app: &App, notices: Vec<Notice>, wait: bool) -> Vec<Option<u16>> {
    if wait {
        return webhooks::send(app, notices).await;
    }
    webhooks::send_later(app, notices);
    Vec::new()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The order as it is now.
    #[default]
    Resend,
    /// The same, as often as `count` says; 2 when it does not.
    Duplicate,
    /// An earlier status (PROCESSING) after the present one.
    Reorder,
    /// "It is paid", without the headers that only the provider knows.
    Forge,
    /// "It is paid", with the right headers' names and wrong values.
    ForgeWrongSecret,
    /// The right headers, an order that is not the merchant's: `../x`.
    Foreign,
    /// No JSON.
    Malformed,
    /// A type that nobody documents.
    UnknownType,
    EmptyBody,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Send {
    what: What,
    count: Option<u32>,
    /// Instead of the order's own status.
    status: Option<String>,
}

/// Sends webhooks about an order now, each once and not repeated; answers with the receiver's HTTP statuses.
pub(super) async fn webhook(State(app): State<App>, Path(external_id): Path<String>, body: Bytes) -> Response {
    let send: Send = match read(&body) {
        Ok(send) => send,
        Err(response) => return *response,
    };
    let notice = {
        let mut ledger = app.ledger();
        let faults = ledger.faults.clone();
        let Some(link) = ledger.link(&external_id) else { return no_order() };
        let mut link = link.clone();
        if let Some(status) = &send.status {
            link.status = status.clone();
        }
        match made_up(&faults, link, &send.what, app.now()) {
            Some(notice) => notice,
            None => return control_error(StatusCode::CONFLICT, "the order has no webhook address"),
        }
    };
    let default_count = if matches!(send.what, What::Duplicate) { 2 } else { 1 };
    let mut statuses = Vec::new();
    for _ in 0..send.count.unwrap_or(default_count).min(COPIES_MAX) {
        statuses.push(webhooks::attempt(&app, &notice).await);
    }
    Json(json!({"webhook_http_statuses": statuses})).into_response()
}

fn made_up(faults: &NambaFaults, mut link: Link, what: &What, now: chrono::DateTime<chrono::Utc>) -> Option<Notice> {
    let url = link.webhook_url.clone()?;
    let about = link.external_id.clone();
    let mut headers = link.webhook_headers.clone();
    let (label, body) = match what {
        What::Resend => ("resent", None),
        What::Duplicate => ("duplicate", None),
        What::Reorder => {
            link.status = "PROCESSING".to_owned();
            link.payment_amount = None;
            ("reordered", None)
        }
        What::Forge | What::ForgeWrongSecret => {
            link.status = "COMPLETED".to_owned();
            link.payment_amount = Some(link.amount);
            headers = match what {
                What::Forge => BTreeMap::new(),
                _ => headers.into_keys().map(|name| (name, "forged".to_owned())).collect(),
            };
            ("forged", None)
        }
        What::Foreign => {
            link.external_id = "../x".to_owned();
            ("foreign", None)
        }
        What::Malformed => ("malformed", Some("{\"type\":\"PAYMENT_ORDER\",".to_owned())),
        What::UnknownType => ("unknown type", Some(json!({"type": "PAYOUT_ORDER", "version": "1", "data": {}}).to_string())),
        What::EmptyBody => ("empty", Some(String::new())),
    };
    let body = body.unwrap_or_else(|| state::order_webhook(faults, &link, now).to_string());
    Some(Notice { url, headers, about, label: label.to_owned(), body })
}
