//! Who is at a charge point's end of the connection, for the endpoint of charge points: the port's own knowledge, or a trusted proxy's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use csms::Peer;

use crate::client_address::TrustedProxies;
use crate::port::Encrypted;

/// Puts the [`Peer`] into the request. A proxy that we trust says by `X-Forwarded-Proto` whether TLS was spoken with it; client certificates are only
/// believed at our own port, where the handshake proves them.
pub async fn know(State(proxies): State<Arc<TrustedProxies>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let own = request.extensions().get::<Encrypted>().cloned();
        let peer = Peer {
            address: proxies.client_address(address.ip(), request.headers()),
            is_encrypted: own.is_some() || proxies.spoke_tls(address.ip(), request.headers()),
            certificate: own.and_then(|own| own.0),
        };
        request.extensions_mut().insert(peer);
    }
    next.run(request).await
}
