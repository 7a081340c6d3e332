//! What both clients share: one way to build the HTTP client, to read a bounded answer, and to tell "not sent" from "unknown".

use std::error::Error as _;
use std::time::Duration;

use reqwest::redirect;
use url::{Host, Url};

use crate::error::{ProviderError, foreign_text};

/// The largest answer that is read. Documented answers are under 4 KiB; an error page of a proxy may be longer.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To resolve the name and connect. Beyond it nothing was sent.
    pub connect: Duration,
    /// From the first byte to the last of the answer. Beyond it the outcome is unknown.
    pub total: Duration,
}

impl Default for Timeouts {
    /// A payer waits for the link: 5 s to connect and 20 s in all is the most that a person bears.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(20) }
    }
}

/// What came back, whatever its HTTP status says.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A client without redirects, retries, proxies and kept connections.
///
/// Redirects: the signature covers the path, and credentials must not follow a stranger. Kept connections: the other side may close one
/// while a request is being written to it, which would make an outcome unknown for nothing; calls are few.
pub(crate) fn client(base_url: &Url, timeouts: Timeouts, what: &str) -> Result<reqwest::Client, ProviderError> {
    check_base_url(base_url, what)?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("red-petroleum-ev/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_max_idle_per_host(0)
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total);
    if base_url.scheme() == "http" {
        // Only loopback gets here; it must work on a machine without a certificate store.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|e| {
        ProviderError::misconfigured(format!(
            "the HTTP client for {what} could not be set up ({}); is the package ca-certificates installed?",
            chain(&e)
        ))
    })
}

/// `https`, or `http` to this very machine: credentials and signatures never travel in the open.
fn check_base_url(base_url: &Url, what: &str) -> Result<(), ProviderError> {
    let ok = match base_url.scheme() {
        "https" => base_url.has_host(),
        "http" => is_loopback(base_url),
        _ => false,
    };
    if !ok
        || base_url.query().is_some()
        || base_url.fragment().is_some()
        || !base_url.username().is_empty()
        || base_url.password().is_some()
    {
        return Err(ProviderError::misconfigured(format!(
            "the base URL of {what} must be https://host[/path] without user, query and fragment (http:// only on this machine's own address)"
        )));
    }
    Ok(())
}

/// Whether the URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Sends once and reads the answer up to [`ANSWER_BYTES_MAX`].
pub(crate) async fn send(request: reqwest::RequestBuilder, what: &str) -> Result<Answer, ProviderError> {
    let mut response = request.send().await.map_err(|e| classify(e, what))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| classify(e, what))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(ProviderError::unknown(format!(
                "{what} answered HTTP {status} with more than {ANSWER_BYTES_MAX} bytes; ask for the state, and ask the provider what it sends"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// Where the line runs: an error while connecting means that no byte of the request left.
fn classify(error: reqwest::Error, what: &str) -> ProviderError {
    let cause = chain(&error);
    if error.is_builder() {
        return ProviderError::misconfigured(format!(
            "the request to {what} could not be written ({cause}); check the configured values"
        ));
    }
    if error.is_connect() {
        return ProviderError::not_sent(format!(
            "{what} could not be reached ({cause}); it is tried again, check the network if it lasts"
        ));
    }
    if error.is_timeout() {
        return ProviderError::unknown(format!(
            "{what} did not answer in time; the state is asked for, tell the provider if it lasts"
        ));
    }
    ProviderError::unknown(format!("the connection to {what} broke ({cause}); the state is asked for"))
}

/// The error and its causes in one line, without the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(e) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&e.to_string());
        cause = e.source();
    }
    if text.is_empty() { "no further cause".to_owned() } else { foreign_text(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_travel_in_the_open() {
        for bad in ["http://sms.example", "ftp://127.0.0.1", "https://user:pass@host", "https://host?x=1", "http://10.0.0.1"] {
            let url = Url::parse(bad).unwrap();
            assert!(matches!(client(&url, Timeouts::default(), "x"), Err(ProviderError::Misconfigured { .. })), "{bad}");
        }
        for good in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1/base"] {
            let url = Url::parse(good).unwrap();
            assert!(client(&url, Timeouts::default(), "x").is_ok(), "{good}");
        }
    }
}
