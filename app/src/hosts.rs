//! Under which names the site is served, and the domain of its cookies under each: several unrelated domains work side by side.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::state::AppState;

/// What is wrong with the operator's map of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostsError {
    #[error("{0:?} is no host name, nor *. and a host name")]
    NotAHost(String),
    #[error(
        "the cookies of {host:?} cannot have the domain {domain:?}: it must be the host itself or a part of it with a dot inside, and no address"
    )]
    NotItsDomain { host: String, domain: String },
    #[error("{0:?} is there twice")]
    Twice(String),
}

/// The names, as the operator set them.
#[derive(Debug, Clone)]
pub struct Hosts {
    is_https: bool,
    served: Vec<Served>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Served {
    name: String,
    /// Any one name before it, too: `*.name`.
    with_subdomains: bool,
    /// Without it the cookies stay with the host.
    cookie_domain: Option<String>,
}

impl Hosts {
    /// The host of the public URL is always served. `map` is `host=cookie-domain`, separated by commas; `*.` before a host stands for
    /// all names right below it, and without a domain the cookies stay with the host.
    pub fn new(public_host: &str, is_https: bool, map: &str) -> Result<Self, HostsError> {
        let mut served: Vec<Served> = Vec::new();
        for entry in map.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (host, domain) = entry.split_once('=').unwrap_or((entry, ""));
            let (host, domain) = (host.trim().to_ascii_lowercase(), domain.trim().to_ascii_lowercase());
            let (name, with_subdomains) = host.strip_prefix("*.").map_or((host.as_str(), false), |name| (name, true));
            if !is_host_name(name) {
                return Err(HostsError::NotAHost(host));
            }
            if !domain.is_empty() && !may_be_domain_of(&domain, name) {
                return Err(HostsError::NotItsDomain { host, domain });
            }
            if served.iter().any(|other| other.name == name && other.with_subdomains == with_subdomains) {
                return Err(HostsError::Twice(host));
            }
            let cookie_domain = (!domain.is_empty()).then_some(domain);
            served.push(Served { name: name.to_owned(), with_subdomains, cookie_domain });
        }
        let public_host = public_host.to_ascii_lowercase();
        let this_machine = is_loopback(&public_host);
        let mut own = vec![public_host];
        if this_machine {
            own.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
        }
        for name in own {
            if !served.iter().any(|other| other.name == name && !other.with_subdomains) {
                served.push(Served { name, with_subdomains: false, cookie_domain: None });
            }
        }
        Ok(Self { is_https, served })
    }

    /// A machine of one's own.
    #[cfg(any(test, feature = "fixtures"))]
    pub fn local() -> Self {
        let served = vec![Served { name: "127.0.0.1".to_owned(), with_subdomains: false, cookie_domain: None }];
        Self { is_https: false, served }
    }

    /// Cookies are marked `Secure` exactly when the site is served so.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// What a request's host means to us; `None` when it is not ours.
    pub fn find(&self, authority: &str) -> Option<Host> {
        let authority = authority.to_ascii_lowercase();
        let name = name_of(&authority)?;
        let exact = self.served.iter().find(|served| !served.with_subdomains && served.name == name);
        let below = || {
            let (_, parent) = name.split_once('.').filter(|_| is_host_name(name))?;
            self.served.iter().find(|served| served.with_subdomains && served.name == parent)
        };
        let cookie_domain = exact.or_else(below)?.cookie_domain.clone();
        let scheme = if self.is_https { "https" } else { "http" };
        Some(Host { origin: format!("{scheme}://{authority}"), name: name.to_owned(), cookie_domain })
    }

    /// The host that a request names.
    pub fn of(&self, headers: &HeaderMap, uri: &axum::http::Uri) -> Option<Host> {
        let named = headers.get(header::HOST).map(|host| host.to_str().ok());
        let authority = match named {
            Some(named) => named?,
            // HTTP/2 has it in the address.
            None => uri.authority()?.as_str(),
        };
        self.find(authority)
    }

    /// Whether a WebSocket handshake comes from a page under the very name that it asks: browsers always say so, and other clients have
    /// no business there.
    pub fn is_own_websocket(&self, headers: &HeaderMap, uri: &axum::http::Uri) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        self.of(headers, uri).is_some_and(|host| origin == Some(host.origin.as_str()))
    }
}

/// One of our names, as a request named it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// `https://name:port`
    pub origin: String,
    /// Without the port.
    pub name: String,
    pub cookie_domain: Option<String>,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// The name without the port; `None` when what stands there is no host at all.
fn name_of(authority: &str) -> Option<&str> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            authority.split_at_checked(end)?
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_one = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| !p.is_empty() && p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()));
    (port_is_one && !name.is_empty()).then_some(name)
}

/// Letters, digits and hyphens between dots.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Browsers take a cookie for the host itself and for what the host is a part of, never for a whole top-level domain or an address.
fn may_be_domain_of(domain: &str, host: &str) -> bool {
    let covers = host == domain || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'));
    covers && domain.contains('.') && is_host_name(domain) && domain.parse::<Ipv4Addr>().is_err()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses a request for a host that is not ours with 421, before anything is done: what is made from the host (cookies, links) is then
/// always about a name of ours.
pub async fn know_host(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(host) = state.site.hosts.of(request.headers(), request.uri()) else {
        let text = "421: this site is not served under that name\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    };
    request.extensions_mut().insert(Arc::new(host));
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "one.test=one.test, *.one.test=one.test, shop.two.test = two.test, three.test";

    fn hosts() -> Hosts {
        Hosts::new("ev.example", true, MAP).unwrap()
    }

    fn domain(host: &str) -> Option<Option<String>> {
        hosts().find(host).map(|host| host.cookie_domain)
    }

    #[test]
    fn unrelated_domains_live_side_by_side() {
        for (host, cookies) in [
            ("one.test", Some("one.test")),
            ("www.one.test:8443", Some("one.test")),
            ("ONE.test", Some("one.test")),
            ("shop.two.test", Some("two.test")),
            ("three.test", None),
            ("ev.example", None),
        ] {
            assert_eq!(domain(host).unwrap().as_deref(), cookies, "{host}");
        }
        assert_eq!(hosts().find("www.one.test:8443").unwrap().origin, "https://www.one.test:8443");
    }

    #[test]
    fn any_other_name_is_refused() {
        for host in [
            "",
            "evil.test",
            "two.test",
            "a.b.one.test",
            ".one.test",
            "one.test.evil.test",
            "one.test.",
            "one.test:",
            "one.test:80:80",
            "one.test@evil.test",
            "evil.test#one.test",
            "localhost",
            "127.0.0.1",
        ] {
            assert!(domain(host).is_none(), "{host}");
        }
    }

    #[test]
    fn a_machine_of_ones_own_has_all_its_names() {
        let hosts = Hosts::new("127.0.0.1", false, "").unwrap();
        for host in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"] {
            assert_eq!(hosts.find(host).unwrap().origin, format!("http://{host}"));
        }
        assert!(hosts.find("[::1").is_none() && hosts.find("[::1]x").is_none());
    }

    #[test]
    fn a_map_that_no_browser_would_follow_is_refused() {
        for (map, bad) in [
            ("one test=one.test", true),
            ("one.test=test", true),
            ("one.test=two.test", true),
            ("one.test=ne.test", true),
            ("10.0.0.1=10.0.0.1", true),
            ("one.test=.one.test", true),
            ("one.test, one.test=one.test", true),
            ("*.one.test=one.test, one.test", false),
        ] {
            assert_eq!(Hosts::new("ev.example", true, map).is_err(), bad, "{map}");
        }
    }

    #[test]
    fn only_a_page_of_the_same_name_may_open_a_socket() {
        let asked = |host: &str, origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if !origin.is_empty() {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            hosts().is_own_websocket(&headers, &axum::http::Uri::from_static("/g/x/live"))
        };
        assert!(asked("ev.example", "https://ev.example"));
        for origin in ["", "null", "http://ev.example", "https://one.test", "https://ev.example.evil.test"] {
            assert!(!asked("ev.example", origin), "{origin}");
        }
        assert!(!asked("evil.test", "https://evil.test"));
    }
}
