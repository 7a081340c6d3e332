//! Who asks: the facts of a request that every page needs.

use std::convert::Infallible;
use std::sync::Arc;

use api::i18n::Locale;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use domain::GuestToken;

use crate::locale::{self, cookie};
use crate::state::{AppState, Site};
use crate::theme::Theme;

/// The cookie that remembers a live charge, so that the site can lead back to it.
pub const CHARGE_COOKIE: &str = "charge";

/// Language, colours and place of a visitor.
#[derive(Clone)]
pub struct Visit {
    pub locale: Locale,
    pub theme: Theme,
    /// Where the language switch leads back to.
    pub here: String,
    /// A charge that this browser has seen and that was not over then.
    pub charge: Option<GuestToken>,
    pub site: Arc<Site>,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        // A page that came from a form cannot be asked for again; its path is the form's own page.
        let here =
            if parts.method == Method::GET { parts.uri.path_and_query().map_or("/", |p| p.as_str()) } else { parts.uri.path() };
        Ok(Self {
            locale: locale::from_headers(&parts.headers),
            theme: Theme::from_headers(&parts.headers),
            here: crate::redirect::safe_local(here).unwrap_or("/").to_owned(),
            charge: cookie(&parts.headers, CHARGE_COOKIE).and_then(|t| GuestToken::parse(t).ok()),
            site: Arc::clone(&state.site),
        })
    }
}
