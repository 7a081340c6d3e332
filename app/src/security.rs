//! Which requests are refused because they come from a foreign page, and the headers that keep ours closed.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::hosts::Host;
use crate::locale::cookie;
use crate::session::FORM_COOKIE;
use crate::state::{AppState, Site};
use crate::visit::Visit;

/// Whether the address itself proves that the sender has seen our page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Anybody can know it.
    Public,
    /// It holds a guest's token: 128 unguessable bits, as good as any anti-forgery token.
    Secret,
}

/// Whether a request that changes something may have come from a page of ours.
///
/// Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`. A request with neither is no browser's: it carries nobody's
/// cookies, so nobody is tricked into it. `Origin: null` comes from sandboxed frames, and from our own secret pages in old
/// browsers (their `Referrer-Policy: no-referrer` hides the origin even from us): there the address is the proof.
pub fn is_from_our_page(headers: &HeaderMap, our_origin: &str, address: Address) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin == our_origin || (origin == "null" && address == Address::Secret),
    }
}

/// Refuses forms of foreign pages with 403 and a page that says what to do.
pub async fn refuse_foreign_forms(State(_): State<AppState>, visit: Visit, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let address = if request.uri().path().starts_with("/g/") { Address::Secret } else { Address::Public };
    if reads || is_from_our_page(request.headers(), &visit.host.origin, address) {
        next.run(request).await
    } else {
        crate::pages::problem::forbidden(&visit)
    }
}

/// A charge's pages and a person's are never kept, and the addresses of charges are told to nobody. The other pages are asked for again each time, but going
/// back to one finds it as it was left, with what was typed.
pub async fn keep_private(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let secret = path.starts_with("/g/");
    let personal = secret || path.starts_with("/account") || path.starts_with("/balance") || path.starts_with("/sign-in");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let kept = if personal { "no-store" } else { "private, no-cache" };
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(kept));
    // Public pages keep their origin on their own forms, which is how old browsers prove where a form comes from.
    let policy = if secret { "no-referrer" } else { "same-origin" };
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static(policy));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// The policy of a page: nothing from elsewhere, no inline script but the one with the nonce, no frames, forms only to us and to the
/// payment page (Chromium applies `form-action` to redirects after a form, too).
pub fn content_security_policy(site: &Site, host: &Host, nonce: &str) -> String {
    let socket_origin = host.origin.replacen("http", "ws", 1);
    let mut form_action = String::from("'self'");
    for origin in &site.payment_origins {
        form_action.push(' ');
        form_action.push_str(origin);
    }
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' {socket_origin}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
    )
}

/// The field of a form that repeats the cookie.
pub const FORM_FIELD: &str = "xsrf";
/// In its place, for scripts.
const FORM_HEADER: &str = "x-xsrf-token";

/// Whether a form carries the word that we gave to this session or browser: the same in the cookie and in the form (or the header), and
/// made by us for nobody else.
pub async fn has_form_token(state: &AppState, headers: &HeaderMap, body: &[u8], of: &str) -> bool {
    let sent = match headers.get(FORM_HEADER) {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => field(body, FORM_FIELD),
    };
    match (sent, cookie(headers, FORM_COOKIE)) {
        (Some(sent), Some(kept)) if sent == kept => state.auth.is_form_token(&sent, of).await == Ok(true),
        _ => false,
    }
}

/// The first field of this name in a form.
pub fn field(body: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// 403 is the one status of a refused form.
pub const REFUSED: StatusCode = StatusCode::FORBIDDEN;

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://ev.example";

    fn asked(address: Address, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        is_from_our_page(&map, OURS, address)
    }

    #[test]
    fn our_own_forms_pass() {
        assert!(asked(Address::Public, &[("sec-fetch-site", "same-origin")]));
        assert!(asked(Address::Public, &[("sec-fetch-site", "none")]));
        assert!(asked(Address::Public, &[("origin", OURS)]));
        assert!(asked(Address::Secret, &[("origin", "null")]));
    }

    #[test]
    fn foreign_forms_do_not() {
        for address in [Address::Public, Address::Secret] {
            assert!(!asked(address, &[("sec-fetch-site", "cross-site")]));
            assert!(!asked(address, &[("sec-fetch-site", "same-site")]));
            assert!(!asked(address, &[("sec-fetch-site", "")]));
            assert!(!asked(address, &[("sec-fetch-site", "cross-site"), ("origin", OURS)]));
            assert!(!asked(address, &[("origin", "https://evil.example")]));
            assert!(!asked(address, &[("origin", "http://ev.example")]));
            assert!(!asked(address, &[("origin", "https://ev.example.evil.example")]));
            assert!(!asked(address, &[("origin", "https://ev.example:8443")]));
        }
        assert!(!asked(Address::Public, &[("origin", "null")]));
    }

    #[test]
    fn a_client_that_is_no_browser_passes() {
        assert!(asked(Address::Public, &[]));
    }
}
