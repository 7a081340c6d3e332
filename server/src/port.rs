//! A port: takes TCP connections, has TLS spoken on them where it is wanted, and serves HTTP to the router. Everything about it is bounded:
//! connections before their WebSocket begins, TLS handshakes at the same time, and the time that each step may take.
//!
//! What a handler may want to know of the other side is in the request: `ConnectInfo<SocketAddr>`, and [`Encrypted`] with TLS.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use csms::Csms;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use platform::refusals::{Reason, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::tls::Tls;

/// Connections that are no WebSocket (yet). A storm of all charge points of a large network fits; a slow reader costs one of them.
const CONNECTIONS_MAX: usize = 8_192;
/// Connections that have been taken and not looked at yet. The others wait in the kernel's queue, where they keep nobody from what is under way.
const UNSEEN_MAX: usize = 16;
/// TLS handshakes that are worked on at the same time: each is a signature and some 20 KB. The others wait their turn.
const HANDSHAKES_AT_ONCE: usize = 64;
/// From the TCP connection to the end of the TLS handshake, the wait for its turn included: chargers on slow links need seconds.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(20);
/// The head of a request: whoever is slower is not a browser or a charger.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// The head of a request: cookies and credentials are far shorter.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// When there are no file descriptors, accepting again at once would only burn the processor.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// The connection is TLS, and this is the client certificate (DER), if there was one. Its chain is checked; whose it is, is not.
#[derive(Debug, Clone)]
pub struct Encrypted(pub Option<Arc<[u8]>>);

/// What a port speaks below HTTP.
#[derive(Clone)]
pub enum Below {
    Plain,
    /// Failed handshakes are told to staff.
    Tls(Tls, Csms),
}

/// Serves until it is told to stop; connections that stand then end in good order on `tasks`.
pub async fn serve(listener: TcpListener, below: Below, router: Router, stop: CancellationToken, tasks: TaskTracker) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_AT_ONCE));
    let unseen = Arc::new(Semaphore::new(UNSEEN_MAX));
    loop {
        // A connection that finds no place waits in the kernel's queue, which is bounded too.
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = async {
                let places = (connections.clone().acquire_owned().await, unseen.clone().acquire_owned().await);
                (places, listener.accept().await)
            } => accepted,
        };
        let (stream, address, place, unseen) = match accepted {
            ((Ok(place), Ok(unseen)), Ok((stream, address))) => (stream, address, place, unseen),
            (_, Err(error)) => {
                tracing::warn!(%error, "A connection could not be accepted");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
            (_, Ok(_)) => return,
        };
        // Frames are small and must leave at once.
        let _ = stream.set_nodelay(true);
        let (router, stop) = (router.clone(), stop.clone());
        match &below {
            Below::Plain => {
                tasks.spawn(seen(unseen, http(stream, address, None, router, stop, place)));
            }
            Below::Tls(tls, csms) => {
                let (tls, csms, handshakes) = (tls.clone(), csms.clone(), handshakes.clone());
                tasks.spawn(seen(unseen, async move {
                    let handshake = timeout(HANDSHAKE_WITHIN, async {
                        let _turn = handshakes.acquire().await;
                        TlsAcceptor::from(tls.current()).accept(stream).await
                    });
                    let outcome = tokio::select! {
                        () = stop.cancelled() => return,
                        outcome = handshake => outcome,
                    };
                    match outcome {
                        Ok(Ok(stream)) => {
                            let chain = stream.get_ref().1.peer_certificates();
                            let certificate = chain.and_then(|chain| chain.first()).map(|leaf| Arc::from(leaf.as_ref()));
                            http(stream, address, Some(Encrypted(certificate)), router, stop, place).await;
                        }
                        Ok(Err(error)) => failed(&csms, address.ip(), &error.to_string()),
                        Err(_) => failed(&csms, address.ip(), "took too long"),
                    }
                }));
            }
        }
    }
}

/// Gives the place of an unseen connection back when it has been looked at once: with what had come of it then, or nothing.
async fn seen(unseen: OwnedSemaphorePermit, connection: impl Future<Output = ()>) {
    let mut connection = pin!(connection);
    let mut unseen = Some(unseen);
    poll_fn(|context| {
        let looked_at = connection.as_mut().poll(context);
        unseen = None;
        looked_at
    })
    .await;
}

/// Nobody knows yet who it was: only the address can be shown.
fn failed(csms: &Csms, address: IpAddr, error: &str) {
    tracing::debug!(client.address = %address, error, "A TLS handshake failed");
    csms.refusals().note(Refusal { identity: "", address, reason: Reason::TlsFailed });
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    address: SocketAddr,
    encrypted: Option<Encrypted>,
    router: Router,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        if let Some(encrypted) = &encrypted {
            request.extensions_mut().insert(encrypted.clone());
        }
        router.clone().oneshot(request)
    });
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades(),
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The other side went away, or did not speak HTTP: its own affair.
        tracing::debug!(%error, client.address = %address, "A connection ended badly");
    }
}
