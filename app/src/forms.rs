//! Forms as they come: read once, bounded, and never an error that shows nothing.

use std::net::{IpAddr, Ipv4Addr};

use api::auth::Caller;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::Response;

use crate::pages::problem;
use crate::state::AppState;
use crate::visit::Visit;

/// Forms of ours have fewer fields.
const FIELDS_MAX: usize = 40;
/// What is read of a field. The longest is a reason, of 500 letters: one that is longer is seen to be.
const FIELD_CHARS_MAX: usize = 600;

/// A form: its bytes, for the proof of where it comes from, and its fields.
#[derive(Debug, Clone, Default)]
pub struct SentForm {
    pub body: Bytes,
    fields: Vec<(String, String)>,
}

impl SentForm {
    /// The field as it was typed; empty when it is not there. One that is sent twice counts once.
    pub fn field(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.chars().take(FIELD_CHARS_MAX).collect()).unwrap_or_default()
    }
}

impl FromRequest<AppState> for SentForm {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, state).await;
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let body = body.map_err(|rejection| problem::unreadable(&visit, rejection.status()))?;
        let fields = form_urlencoded::parse(&body).into_owned().take(FIELDS_MAX).collect();
        Ok(Self { body, fields })
    }
}

/// From where a request comes: the server's middleware knows the proxies and says it.
pub struct From(pub Caller);

impl FromRequestParts<AppState> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(caller(&parts.extensions)))
    }
}

/// The caller that the server has noted; nobody's address where no server stands around the pages, as in this crate's tests.
pub fn caller(extensions: &axum::http::Extensions) -> Caller {
    let unknown = || Caller { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), user_agent: String::new() };
    extensions.get::<Caller>().cloned().unwrap_or_else(unknown)
}
