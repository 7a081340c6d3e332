//! Redirects within the site.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The longest address that is followed back; our own are far shorter.
const BACK_CHARS_MAX: usize = 256;

/// An address that surely leads to a page of this site, or `None`: it begins with one slash, and has no backslash (browsers read it
/// as a slash), no control character and nothing outside of ASCII.
pub fn safe_local(address: &str) -> Option<&str> {
    let safe = address.len() <= BACK_CHARS_MAX
        && address.starts_with('/')
        && !address.starts_with("//")
        && address.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    safe.then_some(address)
}

/// An address as the value of a parameter.
pub fn escaped(address: &str) -> String {
    let mut escaped = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

/// 303 See Other. An address that is no header value would be a defect; it leads to the start page.
pub fn see_other(address: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, address)
}

/// 302 Found: the sticker was replaced; the old code may get another meaning later, so it is not permanent.
pub fn found(address: &str) -> Response {
    redirect(StatusCode::FOUND, address)
}

fn redirect(status: StatusCode, address: &str) -> Response {
    let location = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (status, [(header::LOCATION, location)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_site_are_followed() {
        for address in ["/", "/q/ABCD", "/g/abc_-?returned=1", "/a//b"] {
            assert_eq!(safe_local(address), Some(address));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let long = format!("/{}", "a".repeat(BACK_CHARS_MAX));
        for address in [
            "",
            "q",
            "//evil.example",
            "///evil",
            "/\\evil.example",
            "\\evil",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x=1",
            "/\tevil",
            "/a b",
            "/ы",
            "/\u{0}",
            &long,
        ] {
            assert_eq!(safe_local(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_bad_address_leads_to_the_start_page() {
        let answer = see_other("/a\nb");
        assert_eq!(answer.headers()[header::LOCATION], "/");
    }
}
