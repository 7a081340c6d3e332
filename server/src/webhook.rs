//! `POST /webhooks/namba`: the provider's notices. Stored before they are answered; acted on by a job that asks the provider again.

use std::net::SocketAddr;
use std::sync::Arc;

use api::guest::{GuestApi, WebhookOutcome};
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};

use crate::client_address::TrustedProxies;

/// The header that carries our own secret back; it was named when the payment link was made.
pub const SECRET_HEADER: &str = "x-rp-webhook-secret";
/// The largest notice seen in the field is under 2 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the webhook route needs.
#[derive(Clone)]
pub struct Webhooks {
    pub guest: Arc<dyn GuestApi>,
    pub proxies: Arc<TrustedProxies>,
}

/// 200 when it is durable, 401 without the right secret, 400 when it cannot be a notice, 503 when it could not be stored: only then is
/// the provider meant to send it again.
pub async fn namba(
    State(webhooks): State<Webhooks>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let secret = headers.get(SECRET_HEADER).and_then(|v| v.to_str().ok());
    let address = webhooks.proxies.client_address(peer.ip(), &headers).to_string();
    match webhooks.guest.payment_webhook(secret, &address, &body).await {
        Ok(WebhookOutcome::Stored) => StatusCode::OK,
        Ok(WebhookOutcome::Refused) => StatusCode::UNAUTHORIZED,
        Ok(WebhookOutcome::Malformed) => StatusCode::BAD_REQUEST,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
