//! The handshake of `GET /ocpp/{identity}`: who it is, what it speaks, and a clear refusal otherwise.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::OcppIdentity;
use ocpp::frame::MAX_FRAME_BYTES;
use platform::certificates::Verdict;
use platform::quirks::{Quirk, QuirkSet};
use platform::refusals::{Reason, Refusal};
use platform::stations::{Lease, SecurityProfile};

use crate::Csms;
use crate::admission::Turn;
use crate::connection::Connection;
use crate::protocol::Protocol;

/// Allocated eagerly for each socket: most frames are under 1 KiB, and longer ones get their room when their head has come.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// What a slow charge point may leave unread.
const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// `user:password` in Basic: 48 characters, a colon, 128 bytes, and the odd encoding.
const CREDENTIALS_BYTES_MAX: usize = 512;
/// When to come again while the database does not answer or the node is full: about what a failover takes.
const COME_AGAIN_S: u64 = 30;

/// The routes of the charge points. A slash at the end is tolerated: configuration pages of chargers add one.
pub fn router(csms: Csms) -> Router {
    Router::new().route("/ocpp/{identity}", get(connect)).route("/ocpp/{identity}/", get(connect)).with_state(csms)
}

/// Who is at the other end, as the port saw it that took the connection: an extension of the request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's, or what a trusted proxy says of it.
    pub address: IpAddr,
    /// Nobody on the way could read the password.
    pub is_encrypted: bool,
    /// Shown in the TLS handshake, and signed by our authority (DER).
    pub certificate: Option<Arc<[u8]>>,
}

impl Peer {
    /// Somebody who came without TLS.
    pub fn plain(address: IpAddr) -> Self {
        Self { address, is_encrypted: false, certificate: None }
    }

    fn of(extensions: &Extensions) -> Self {
        let connected = || extensions.get::<ConnectInfo<SocketAddr>>().map(|info| Self::plain(info.0.ip()));
        // Without either, all are one address: bounded together.
        extensions.get::<Self>().cloned().or_else(connected).unwrap_or_else(|| Self::plain(Ipv4Addr::UNSPECIFIED.into()))
    }
}

/// Why a handshake ends without a socket. Each is visible to staff ([`platform::refusals`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    reason: Reason,
    come_again_s: u64,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, come_again_s: COME_AGAIN_S }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self.reason {
            Reason::UnknownIdentity => (StatusCode::NOT_FOUND, "unknown charge point\n").into_response(),
            Reason::NoPassword | Reason::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"ocpp\", charset=\"UTF-8\""))],
                "wrong or missing credentials\n",
            )
                .into_response(),
            Reason::NotEncrypted
            | Reason::NoCertificate
            | Reason::ForeignCertificate
            | Reason::RevokedCertificate
            | Reason::ExpiredCertificate
            | Reason::TlsFailed => (StatusCode::FORBIDDEN, format!("{}\n", self.reason.as_str())).into_response(),
            Reason::NoProtocol => {
                (StatusCode::BAD_REQUEST, format!("offer one of these in Sec-WebSocket-Protocol: {}\n", Protocol::names()))
                    .into_response()
            }
            Reason::TooManyFailures | Reason::TooMany | Reason::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from(self.come_again_s))], "come again\n")
                    .into_response()
            }
        }
    }
}

/// A handshake that succeeded.
struct Admitted {
    identity: OcppIdentity,
    lease: Lease,
    protocol: Protocol,
    quirks: QuirkSet,
    /// The subprotocol in the charge point's own spelling: it compares what it gets with what it sent. `None` when it sent none.
    subprotocol: Option<HeaderValue>,
    turn: Turn,
}

async fn connect(
    State(csms): State<Csms>,
    Path(identity): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    mut upgrade: WebSocketUpgrade,
) -> Response {
    let peer = Peer::of(&extensions);
    match admit(&csms, &peer, &identity, &headers).await {
        Err(refused) => {
            csms.0.registry.counters().handshakes_refused.fetch_add(1, Ordering::Relaxed);
            csms.0.refusals.note(Refusal { identity: &identity, address: peer.address, reason: refused.reason });
            // A foreign identity is a text from outside: short, and without control characters.
            let shown: String = identity.chars().filter(|c| !c.is_control()).take(48).collect();
            tracing::debug!(charge_point.identity = %shown, reason = refused.reason.as_str(), "Refused a handshake of {shown}");
            refused.into_response()
        }
        Ok(Admitted { identity, lease, quirks, protocol, subprotocol, turn }) => {
            if let Some(subprotocol) = subprotocol {
                upgrade.set_selected_protocol(subprotocol);
            }
            upgrade
                .read_buffer_size(READ_BUFFER_BYTES)
                .write_buffer_size(0)
                .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
                .max_message_size(MAX_FRAME_BYTES)
                .max_frame_size(MAX_FRAME_BYTES)
                .on_upgrade(async move |socket| {
                    let (tasks, runtime) = (csms.0.tasks.clone(), csms.0.runtime.clone());
                    tasks.spawn_on(Connection::run(csms, identity, lease, (protocol, quirks), socket, turn), &runtime);
                })
        }
    }
}

async fn admit(csms: &Csms, peer: &Peer, identity: &str, headers: &HeaderMap) -> Result<Admitted, Refused> {
    let parsed = OcppIdentity::parse(identity);
    if csms.0.shutdown.is_cancelled()
        || csms.0.registry.counters().connections.load(Ordering::Relaxed) >= csms.0.settings.connections_max
    {
        return Err(Reason::TooMany.into());
    }
    // What cannot be an identity counts as an attempt of its address all the same.
    let key = if parsed.is_ok() { identity } else { "" };
    let turn = csms.0.admission.enter(peer.address, key).await.map_err(|too_many| Refused {
        reason: if too_many.by_failures { Reason::TooManyFailures } else { Reason::TooMany },
        come_again_s: too_many.come_again_s,
    })?;
    let admitted = match parsed {
        Ok(identity) => authenticate(csms, peer, identity, headers).await,
        Err(_) => Err(Reason::UnknownIdentity),
    };
    match admitted {
        Ok((identity, lease, quirks)) => {
            csms.0.admission.succeeded(peer.address, identity.as_str());
            let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
            let (protocol, subprotocol) = match Protocol::choose(offered) {
                Some((protocol, name)) => (protocol, Some(HeaderValue::from_str(name).map_err(|_| Reason::NoProtocol)?)),
                None if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) => return Err(Reason::NoProtocol.into()),
                None if quirks.has(Quirk::NoSubprotocol) => (Protocol::unnamed(), None),
                None => {
                    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
                    let evidence = serde_json::json!({ "handshake": "no Sec-WebSocket-Protocol", "user_agent": user_agent });
                    csms.propose(lease.charge_point, Quirk::NoSubprotocol, evidence).await;
                    return Err(Reason::NoProtocol.into());
                }
            };
            Ok(Admitted { identity, lease, quirks, protocol, subprotocol, turn })
        }
        Err(reason) => {
            if reason != Reason::Unavailable {
                csms.0.admission.failed(peer.address, key);
            }
            Err(reason.into())
        }
    }
}

/// Whether it is the charge point that it says it is, in the way that this charge point must show it: never in a weaker one.
async fn authenticate(
    csms: &Csms,
    peer: &Peer,
    identity: OcppIdentity,
    headers: &HeaderMap,
) -> Result<(OcppIdentity, Lease, QuirkSet), Reason> {
    let unavailable = |error: &(dyn std::error::Error + 'static)| {
        tracing::error!(error, "The credentials of {identity} could not be checked");
        Reason::Unavailable
    };
    let password = password_of(headers, &identity);
    // The database is asked even without a password, so that an unknown identity and a missing password are told apart as the
    // standards want it, and with one answer for all known ones.
    let found = csms.0.stations.at_the_door(&identity, password.as_deref().unwrap_or_default()).await;
    let found = found.map_err(|error| unavailable(&error))?.ok_or(Reason::UnknownIdentity)?;
    if found.security_profile > SecurityProfile::Basic && !peer.is_encrypted {
        return Err(Reason::NotEncrypted);
    }
    if let Some(der) = &peer.certificate {
        let checked = {
            let _turn = csms.0.admission.message().await;
            csms.0.certificates.check(found.lease.charge_point, der).await
        };
        let verdict = checked.map_err(|error| unavailable(&error))?;
        return match verdict {
            Verdict::Accepted => Ok((identity, found.lease, found.quirks)),
            Verdict::Foreign => Err(Reason::ForeignCertificate),
            Verdict::Revoked => Err(Reason::RevokedCertificate),
            Verdict::Expired => Err(Reason::ExpiredCertificate),
        };
    }
    if found.security_profile == SecurityProfile::Certificate {
        return Err(Reason::NoCertificate);
    }
    match password {
        None => Err(Reason::NoPassword),
        Some(_) if found.password_is_right => Ok((identity, found.lease, found.quirks)),
        Some(_) => Err(Reason::WrongPassword),
    }
}

/// The password of Basic credentials whose user is the identity itself (OCPP 1.6 security whitepaper § 2.2).
fn password_of(headers: &HeaderMap, identity: &OcppIdentity) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > CREDENTIALS_BYTES_MAX {
        return None;
    }
    let credentials = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let colon = credentials.iter().position(|b| *b == b':')?;
    let (user, password) = (&credentials[..colon], &credentials[colon + 1..]);
    (user == identity.as_str().as_bytes() && !password.is_empty()).then(|| password.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, header_value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, header_value.parse().unwrap());
        password_of(&headers, &OcppIdentity::parse(user).unwrap()).map(|p| String::from_utf8(p).unwrap())
    }

    #[test]
    fn the_user_of_basic_credentials_is_the_identity_itself() {
        assert_eq!(password("CP1", &format!("Basic {}", BASE64_STANDARD.encode("CP1:se:cret"))).as_deref(), Some("se:cret"));
        assert_eq!(password("CP1", &format!("basic {}", BASE64_STANDARD.encode("CP1:x"))).as_deref(), Some("x"));
        assert_eq!(password("CP1", &format!("Basic {}", BASE64_STANDARD.encode("CP2:x"))), None);
    }

    #[test]
    fn nonsense_is_no_password() {
        for value in ["Basic", "Basic !!!", "Bearer eA==", "Basic eA==", &format!("Basic {}", BASE64_STANDARD.encode("CP1:"))] {
            assert_eq!(password("CP1", value), None, "{value}");
        }
    }
}
