//! The handshake of `GET /ocpp/{identity}`: who it is, what it speaks, and a clear refusal otherwise.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{ChargePointId, OcppIdentity};
use ocpp::frame::MAX_FRAME_BYTES;
use platform::stations::Authentication;

use crate::Csms;
use crate::connection::Connection;
use crate::protocol::Protocol;

/// Read eagerly for each socket: most frames are under 1 KiB, so 4 KiB serve thousands of sockets without megabytes.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What a slow charge point may leave unread.
const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// `user:password` in Basic: 48 characters, a colon, 128 bytes, and the odd encoding.
const CREDENTIALS_BYTES_MAX: usize = 512;

/// The routes of the charge points. A slash at the end is tolerated: configuration pages of chargers add one.
pub fn router(csms: Csms) -> Router {
    Router::new().route("/ocpp/{identity}", get(connect)).route("/ocpp/{identity}/", get(connect)).with_state(csms)
}

/// Why a handshake ends without a socket. Each is visible to staff in the log with the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Not an identity, or none that is known.
    Unknown,
    /// No or wrong credentials, or those of another charge point.
    Unauthorized,
    /// Nothing in common to speak.
    NoProtocol,
    /// Full, or the database does not answer: come again.
    Busy,
}

impl Refusal {
    const fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "unknown charge point",
            Self::Unauthorized => "wrong or missing credentials",
            Self::NoProtocol => "no common subprotocol",
            Self::Busy => "too busy",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => (StatusCode::NOT_FOUND, "unknown charge point\n").into_response(),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"ocpp\", charset=\"UTF-8\""))],
                "wrong or missing credentials\n",
            )
                .into_response(),
            Self::NoProtocol => {
                (StatusCode::BAD_REQUEST, format!("offer one of these in Sec-WebSocket-Protocol: {}\n", Protocol::names()))
                    .into_response()
            }
            Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("30"))], "come again\n")
                    .into_response()
            }
        }
    }
}

async fn connect(
    State(csms): State<Csms>,
    Path(identity): Path<String>,
    headers: HeaderMap,
    mut upgrade: WebSocketUpgrade,
) -> Response {
    match admit(&csms, &identity, &headers).await {
        Err(refusal) => {
            csms.0.registry.counters().handshakes_refused.fetch_add(1, Ordering::Relaxed);
            // A foreign identity is a text from outside: short, and without control characters.
            let shown: String = identity.chars().filter(|c| !c.is_control()).take(48).collect();
            tracing::warn!(charge_point.identity = %shown, reason = refusal.reason(), "Refused a handshake of {shown}");
            refusal.into_response()
        }
        Ok((identity, charge_point, protocol, name)) => {
            // In the charge point's own spelling: it compares what it gets with what it sent.
            upgrade.set_selected_protocol(name);
            upgrade
                .read_buffer_size(READ_BUFFER_BYTES)
                .write_buffer_size(0)
                .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
                .max_message_size(MAX_FRAME_BYTES)
                .max_frame_size(MAX_FRAME_BYTES)
                .on_upgrade(move |socket| {
                    let tasks = csms.0.tasks.clone();
                    // On the heap, so that the upgrade's own task stays small.
                    tasks.track_future(Box::pin(Connection::run(csms, identity, charge_point, protocol, socket)))
                })
        }
    }
}

async fn admit(
    csms: &Csms,
    identity: &str,
    headers: &HeaderMap,
) -> Result<(OcppIdentity, ChargePointId, Protocol, HeaderValue), Refusal> {
    let identity = OcppIdentity::parse(identity).map_err(|_| Refusal::Unknown)?;
    if csms.0.shutdown.is_cancelled()
        || csms.0.registry.counters().connections.load(Ordering::Relaxed) >= csms.0.settings.connections_max
    {
        return Err(Refusal::Busy);
    }
    let password = password_of(headers, &identity);
    // The database is asked even without a password, so that an unknown identity and a missing password are told apart as the
    // standards want it, and with one answer for all known ones.
    let answer = csms.0.stations.authenticate(&identity, password.as_deref().unwrap_or_default()).await;
    let charge_point = match answer {
        Ok(Authentication::Accepted(charge_point)) if password.is_some() => charge_point,
        Ok(Authentication::Accepted(_) | Authentication::WrongPassword) => return Err(Refusal::Unauthorized),
        Ok(Authentication::UnknownIdentity) => return Err(Refusal::Unknown),
        Err(error) => {
            tracing::error!(%error, "The credentials of {identity} could not be checked");
            return Err(Refusal::Busy);
        }
    };
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
    let (protocol, name) = Protocol::choose(offered).ok_or(Refusal::NoProtocol)?;
    let name = HeaderValue::from_str(name).map_err(|_| Refusal::NoProtocol)?;
    Ok((identity, charge_point, protocol, name))
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
