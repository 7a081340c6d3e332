//! Who asks: the facts of a request that every page needs.

use std::convert::Infallible;
use std::sync::Arc;

use api::auth::Principal;
use api::i18n::Locale;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use domain::{ConnectorCode, GuestToken};

use crate::hosts::Host;
use crate::locale::{self, cookie, cookies};
use crate::session::Known;
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
    /// The name of ours that was asked.
    pub host: Arc<Host>,
    /// Who is signed in.
    pub who: Option<Principal>,
    /// What the person's forms must carry.
    pub form_token: Option<String>,
    /// Keys of forms that this browser has been given and that are not paid for: the connector's code and the key.
    form_keys: Vec<(String, String)>,
}

/// A form that was left for so long is a new order; payment links live about as long.
const FORM_KEY_KEPT_S: u32 = 15 * 60;
/// Each connector's form has a cookie of its own: `form_ABCD`.
const FORM_COOKIE: &str = "form_";
/// Our keys have 32 hexadecimal digits; anything else is not from us.
const FORM_KEY_CHARS: usize = 32;
/// Connectors that one person looks at within a quarter of an hour.
const FORM_KEYS_MAX: usize = 20;

impl Visit {
    /// The same visitor once the account is left.
    pub fn signed_out(&self) -> Self {
        Self { who: None, form_token: None, ..self.clone() }
    }

    /// The key of this connector's form: the one that the browser has, else a new one.
    pub fn form_key(&self, code: &ConnectorCode) -> String {
        let kept = self.form_keys.iter().find(|(of, _)| of == code.as_str());
        kept.map_or_else(|| self.site.random_word(), |(_, key)| key.clone())
    }

    /// Lets the browser keep the key. Only pages under `/q` ever see it.
    pub fn keep_form_key(&self, code: &ConnectorCode, key: &str, response: &mut Response) {
        if is_form_key(key) {
            self.set_form_cookie(code, key, FORM_KEY_KEPT_S, response);
        }
    }

    /// The order was paid or has run out: the next form is a new order.
    pub fn forget_form_key(&self, code: &ConnectorCode, response: &mut Response) {
        self.set_form_cookie(code, "", 0, response);
    }

    fn set_form_cookie(&self, code: &ConnectorCode, key: &str, kept_s: u32, response: &mut Response) {
        set_cookie(&self.site, response, &format!("{FORM_COOKIE}{code}"), key, "/q", kept_s);
    }
}

/// Sets a cookie that no script reads. `kept_s` 0 removes it. A value that is no header value sets nothing.
pub fn set_cookie(site: &Site, response: &mut Response, name: &str, value: &str, path: &str, kept_s: u32) {
    let secure = if site.hosts.is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={path}; Max-Age={kept_s}; SameSite=Lax; HttpOnly{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn is_form_key(key: &str) -> bool {
    key.len() == FORM_KEY_CHARS && key.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The kept keys that can be ours.
fn form_keys(headers: &HeaderMap) -> Vec<(String, String)> {
    cookies(headers)
        .filter_map(|(name, key)| Some((name.strip_prefix(FORM_COOKIE)?, key)))
        .filter(|(_, key)| is_form_key(key))
        .map(|(code, key)| (code.to_owned(), key.to_owned()))
        .take(FORM_KEYS_MAX)
        .collect()
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        // A page that came from a form cannot be asked for again; its path is the form's own page.
        let known = parts.extensions.get::<Known>().cloned().unwrap_or_default();
        let host = parts.extensions.get::<Arc<Host>>().cloned();
        let here =
            if parts.method == Method::GET { parts.uri.path_and_query().map_or("/", |p| p.as_str()) } else { parts.uri.path() };
        Ok(Self {
            locale: locale::from_headers(&parts.headers),
            theme: Theme::from_headers(&parts.headers),
            here: crate::redirect::safe_local(here).unwrap_or("/").to_owned(),
            charge: cookie(&parts.headers, CHARGE_COOKIE).and_then(|t| GuestToken::parse(t).ok()),
            site: Arc::clone(&state.site),
            // The router refuses requests without one of our names before any page sees them.
            host: host.unwrap_or_default(),
            who: known.principal,
            form_token: known.form_token,
            form_keys: form_keys(&parts.headers),
        })
    }
}
