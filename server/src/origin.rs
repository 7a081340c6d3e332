//! Whose pages may open our sockets.

use axum::http::{HeaderMap, header};
use url::Url;

/// The origins that are ours. More than one when several domains serve the same site.
#[derive(Debug, Clone)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// The origin of the public URL.
    pub fn of(public_url: &Url) -> Self {
        Self(vec![public_url.origin().ascii_serialization()])
    }

    /// A WebSocket handshake must name one of our origins: browsers always send the header, and other clients have no business here.
    pub fn allows_websocket(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).and_then(|o| o.to_str().ok()).is_some_and(|origin| self.0.iter().any(|ours| ours == origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: Option<&'static str>) -> bool {
        let ours = AllowedOrigins::of(&Url::parse("https://ev.example/path").unwrap());
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        ours.allows_websocket(&headers)
    }

    #[test]
    fn only_our_own_pages_may_open_a_socket() {
        assert!(asked(Some("https://ev.example")));
        assert!(!asked(None));
        assert!(!asked(Some("null")));
        assert!(!asked(Some("http://ev.example")));
        assert!(!asked(Some("https://ev.example.evil.example")));
    }
}
