//! The live numbers: `GET /g/{token}/live`, a WebSocket that sends a snapshot at the connect and whenever something changed.
//!
//! Only pages of our own origin may open it. The socket carries nothing towards the server; whatever a browser sends is read and
//! dropped. A slow reader gets the newest state, not every state: a change that comes while a snapshot is being sent is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::guest::GuestApi;
use api::i18n::Locale;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::GuestToken;
use futures::{SinkExt, StreamExt};
use tokio_util::sync::CancellationToken;

/// A page that lost its socket reloads by itself, so a cap only costs it the live numbers: 20 000 sockets at some 20 KiB each.
const SOCKETS_MAX: usize = 20_000;
/// Proxies cut a silent connection after 30 s or 60 s.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Change notices are hints that may be lost: the state is looked at this often in any case.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Changes in quick succession are shown as one: a person reads no more than two numbers a second.
const COALESCE: Duration = Duration::from_millis(400);
/// What a browser may send: nothing of use, so nothing large.
const INCOMING_BYTES_MAX: usize = 1024;

/// What the live route needs.
#[derive(Clone)]
pub struct Live {
    pub guest: Arc<dyn GuestApi>,
    pub hosts: app::hosts::Hosts,
    pub shutdown: CancellationToken,
    pub open: Arc<AtomicUsize>,
}

/// Counts a socket while it lives.
struct OpenSocket(Arc<AtomicUsize>);

impl OpenSocket {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let before = open.fetch_add(1, Ordering::Relaxed);
        let socket = Self(Arc::clone(open));
        (before < SOCKETS_MAX).then_some(socket)
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `GET /g/{token}/live`: 403 for a foreign origin, 404 for an unknown token, 503 when too many are open.
pub async fn live(
    State(live): State<Live>,
    Path(token): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    // A browser always sends Origin with a WebSocket handshake; a foreign page must not read a guest's numbers.
    if !live.hosts.is_own_websocket(&headers, &uri) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(token) = GuestToken::parse(&token) else { return StatusCode::NOT_FOUND.into_response() };
    if live.guest.view(&token, false).await.is_err() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(slot) = OpenSocket::take(&live.open) else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let locale = app::locale::from_headers(&headers);
    upgrade
        .read_buffer_size(INCOMING_BYTES_MAX)
        .write_buffer_size(0)
        .max_message_size(INCOMING_BYTES_MAX)
        .max_frame_size(INCOMING_BYTES_MAX)
        .on_upgrade(move |socket| async move {
            let _slot = slot;
            follow(live, token, locale, socket).await;
        })
}

/// Sends snapshots until the page goes away, the server stops, or the charge cannot be read any more.
async fn follow(live: Live, token: GuestToken, locale: Locale, socket: WebSocket) {
    let (mut to_page, mut from_page) = socket.split();
    let Ok(mut changes) = live.guest.changes(&token).await else { return };
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut changes_open = true;
    loop {
        // `look` fires at once the first time: that is the snapshot on connect.
        let send = tokio::select! {
            biased;
            () = live.shutdown.cancelled() => {
                let _ = to_page.send(Message::Close(Some(CloseFrame { code: close_code::RESTART, reason: "".into() }))).await;
                return;
            }
            incoming = from_page.next() => match incoming {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => false,
            },
            _ = ping.tick() => {
                if to_page.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
                false
            }
            change = changes.next(), if changes_open => {
                changes_open = change.is_some();
                tokio::time::sleep(COALESCE).await;
                while let Some(Some(())) = futures::FutureExt::now_or_never(changes.next()) {}
                true
            }
            _ = look.tick() => true,
        };
        if send {
            let Ok(view) = live.guest.view(&token, false).await else { return };
            let snapshot = app::live::snapshot(&view, locale);
            let Ok(json) = serde_json::to_string(&snapshot) else { return };
            if to_page.send(Message::Text(json.into())).await.is_err() {
                return;
            }
        }
    }
}
