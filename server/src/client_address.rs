//! Who is calling: the peer, or what a trusted proxy says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::auth::Caller;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

/// The proxies whose `X-Forwarded-For` is believed. Empty: nobody's.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpAddr>);

impl TrustedProxies {
    pub fn new(addresses: Vec<IpAddr>) -> Self {
        Self(addresses)
    }

    /// The rightmost address of the chain that is no trusted proxy: the last one that somebody we trust has seen.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.0.contains(&peer) {
            return peer;
        }
        let mut chain = Vec::new();
        for value in headers.get_all("x-forwarded-for") {
            let Ok(text) = value.to_str() else { return peer };
            for hop in text.split(',') {
                let Ok(ip) = hop.trim().parse::<IpAddr>() else { return peer };
                chain.push(ip);
            }
        }
        chain.into_iter().rev().find(|ip| !self.0.contains(ip)).unwrap_or(peer)
    }

    /// Whether a trusted proxy says that the client spoke TLS with it. Of several values the last counts: it is the one that the proxy itself
    /// wrote.
    pub fn spoke_tls(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let last = || headers.get_all("x-forwarded-proto").iter().next_back()?.to_str().ok()?.rsplit(',').next();
        self.0.contains(&peer)
            && last().is_some_and(|proto| ["https", "wss"].contains(&proto.trim().to_ascii_lowercase().as_str()))
    }
}

/// Notes for the pages who is calling.
pub async fn know(State(proxies): State<Arc<TrustedProxies>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let caller = Caller {
            address: proxies.client_address(peer.ip(), request.headers()),
            user_agent: user_agent.chars().take(USER_AGENT_CHARS_MAX).collect(),
        };
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

/// Longer names of browsers are cut.
const USER_AGENT_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &str) -> String {
        let proxies = TrustedProxies::new(vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        proxies.client_address(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_cannot_name_himself() {
        assert_eq!(seen("203.0.113.9", "198.51.100.1"), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_about_the_last_hop_only() {
        assert_eq!(seen("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_tls() {
        let proxies = TrustedProxies::new(vec!["10.0.0.1".parse().unwrap()]);
        let spoke_tls = |peer: &str, proto: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-proto", proto.parse().unwrap());
            proxies.spoke_tls(peer.parse().unwrap(), &headers)
        };
        assert!(spoke_tls("10.0.0.1", "https") && spoke_tls("10.0.0.1", "http, wss"));
        assert!(!spoke_tls("10.0.0.1", "https, http") && !spoke_tls("203.0.113.9", "https"));
    }

    #[test]
    fn nonsense_from_a_proxy_falls_back_to_the_proxy() {
        assert_eq!(seen("10.0.0.1", "nobody"), "10.0.0.1");
    }
}
