//! Stand-ins of both providers: HTTP servers of their own that speak the providers' wire protocols, with pages that a person can open
//! and faults that can be switched on. For the demo and the tests; the platform meets them only through the wire.
//!
//! They know nothing of the platform. Their state is in memory, bounded, and gone when they stop.

mod faults;
mod html;
mod namba;
mod nikita;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, StatusCode, header};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

pub use namba::{NambaFaults, NambaStandIn, NambaStandInConfig, RefundFault, UnpaidAnswer};
pub use nikita::{NikitaFaults, NikitaStandIn, NikitaStandInConfig};

/// The largest request that a stand-in reads.
const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Open connections have so long to end when it stops; a browser may hold one for minutes.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// What is handed in: the time, ids, and where tasks are kept.
#[derive(Clone)]
pub struct StandInContext {
    pub now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Random UUIDs (v4).
    pub new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
    pub tasks: TaskTracker,
}

impl StandInContext {
    pub fn new(
        now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        new_id: impl Fn() -> Uuid + Send + Sync + 'static,
        tasks: TaskTracker,
    ) -> Self {
        Self { now: Arc::new(now), new_id: Arc::new(new_id), tasks }
    }
}

/// A running stand-in. Dropping it leaves it running; cancel `shutdown` or call [`StandInHandle::stop`].
pub struct StandInHandle {
    pub addr: SocketAddr,
    /// `http://ADDR/`
    pub base_url: Url,
    pub shutdown: CancellationToken,
    server: JoinHandle<()>,
}

impl StandInHandle {
    /// Stops accepting, lets open answers finish, and waits for it.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let _ = self.server.await;
    }
}

/// A listener and the address that it got.
struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
    base_url: Url,
    shutdown: CancellationToken,
}

async fn bind(addr: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let base_url = Url::parse(&format!("http://{addr}/")).map_err(io::Error::other)?;
    Ok(Bound { listener, addr, base_url, shutdown: CancellationToken::new() })
}

fn serve(bound: Bound, router: Router, tasks: &TaskTracker) -> StandInHandle {
    let router = router.layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX));
    let Bound { listener, addr, base_url, shutdown } = bound;
    let stop = shutdown.clone();
    let server = tasks.spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            ended = serving => {
                if let Err(error) = ended {
                    tracing::error!(%error, "A stand-in stopped serving");
                }
            }
            () = async { stop.cancelled().await; tokio::time::sleep(STOP_PATIENCE).await } => {}
        }
    });
    StandInHandle { addr, base_url, shutdown, server }
}

/// What is answered instead of the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFault {
    #[default]
    None,
    /// HTTP 200 with an ERROR envelope (`VALIDATION_ERROR`). Namba only.
    #[serde(rename = "error_in_200")]
    ErrorIn200,
    /// `UNKNOWN_ERROR`. Namba only.
    UnknownError,
    /// A code that nobody documents, with HTTP 400. Namba only.
    UndocumentedCode,
    /// `MERCHANT_API_WRONG_SIGNATURE`. Namba only.
    WrongSignature,
    /// HTTP 500 with a page.
    #[serde(rename = "html_500")]
    Html500,
    /// HTTP 200 without a body.
    EmptyBody,
    /// HTTP 200 with half a document.
    Broken,
    /// HTTP 200 with `{}`, or a document without a status.
    EmptyObject,
    /// No answer until `hang_ms` are over.
    Hang,
    /// HTTP 429.
    TooManyRequests,
    /// More bytes than anybody should read.
    Huge,
    /// HTTP 302 to somewhere else.
    Redirect,
    /// A document with a DTD. Nikita only.
    Doctype,
}

impl AnswerFault {
    /// The faults that do not depend on the protocol; `None` for those that do.
    async fn answer(self, hang: Duration, shutdown: &CancellationToken) -> Option<Response<Body>> {
        let plain = |status: StatusCode, kind: &'static str, body: Body| {
            let mut response = Response::new(body);
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            response
        };
        Some(match self {
            Self::Html500 => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/html",
                "<!DOCTYPE html><html><body><h1>500 Internal Server Error</h1></body></html>".into(),
            ),
            Self::EmptyBody => plain(StatusCode::OK, "text/plain", Body::empty()),
            Self::TooManyRequests => plain(StatusCode::TOO_MANY_REQUESTS, "text/plain", "slow down".into()),
            Self::Huge => plain(StatusCode::OK, "text/plain", vec![b' '; 2 * crate::http::ANSWER_BYTES_MAX].into()),
            Self::Hang => {
                tokio::select! {
                    () = tokio::time::sleep(hang) => {}
                    () = shutdown.cancelled() => {}
                }
                plain(StatusCode::GATEWAY_TIMEOUT, "text/plain", Body::empty())
            }
            Self::Redirect => {
                let mut response = plain(StatusCode::FOUND, "text/plain", Body::empty());
                response.headers_mut().insert(header::LOCATION, header::HeaderValue::from_static("/elsewhere"));
                response
            }
            Self::None
            | Self::ErrorIn200
            | Self::UnknownError
            | Self::UndocumentedCode
            | Self::WrongSignature
            | Self::Broken
            | Self::EmptyObject
            | Self::Doctype => return None,
        })
    }
}
