//! `POST /webhooks/namba`: the provider's notices. Stored before they are answered; acted on by a job that asks the provider again.

use std::net::SocketAddr;
use std::sync::Arc;

use api::guest::{GuestApi, WebhookOutcome};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;

use crate::client_address::TrustedProxies;

/// The header that carries our own secret back; it was named when the payment link was made.
pub const SECRET_HEADER: &str = "x-rp-webhook-secret";
/// The largest notice seen in the field is under 2 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// More than the largest notice is read and thrown away up to this, so that the sender gets to read its refusal: a connection that is
/// closed on unread bytes is reset, and the answer is lost with it.
const DRAINED_BYTES_MAX: usize = 1024 * 1024;

/// What the webhook route needs.
#[derive(Clone)]
pub struct Webhooks {
    pub guest: Arc<dyn GuestApi>,
    pub proxies: Arc<TrustedProxies>,
}

/// 200 when it is durable, 401 without the right secret, 400 when it cannot be a notice, 413 when it is too long for one, 503 when it could not be stored: only then is
/// the provider meant to send it again.
pub async fn namba(
    State(webhooks): State<Webhooks>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let body = match read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let secret = headers.get(SECRET_HEADER).and_then(|v| v.to_str().ok());
    let address = webhooks.proxies.client_address(peer.ip(), &headers).to_string();
    match webhooks.guest.payment_webhook(secret, &address, &body).await {
        Ok(WebhookOutcome::Stored) => StatusCode::OK,
        Ok(WebhookOutcome::Refused) => StatusCode::UNAUTHORIZED,
        Ok(WebhookOutcome::Malformed) => StatusCode::BAD_REQUEST,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn read(body: Body) -> Result<Vec<u8>, StatusCode> {
    let (mut frames, mut notice, mut received) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        received = received.saturating_add(frame.len());
        if received > DRAINED_BYTES_MAX {
            break;
        }
        if received <= BODY_BYTES_MAX {
            notice.extend_from_slice(&frame);
        }
    }
    if received > BODY_BYTES_MAX { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(notice) }
}
