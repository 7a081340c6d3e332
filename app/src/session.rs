//! Who is signed in: read from the cookies of each request, renewed on the way when the short token has run out.

use std::sync::Arc;

use api::auth::{Caller, Principal, Tokens};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::forms::caller;
use crate::hosts::{Host, Hosts};
use crate::locale::cookie;
use crate::state::AppState;

/// The short token: a signed JWT.
pub const ACCESS_COOKIE: &str = "evp_access";
/// The long one. It goes to every page: any of them may be the one that renews, with JavaScript off too.
pub const REFRESH_COOKIE: &str = "evp_refresh";
/// What forms repeat. Scripts may read it.
pub const FORM_COOKIE: &str = "XSRF-TOKEN";

/// What is known of who asks.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub principal: Option<Principal>,
    /// What the person's forms must carry.
    pub form_token: Option<String>,
}

/// A cookie of the sign-in, whose domain is that of the request's host.
struct AuthCookie<'a> {
    name: &'static str,
    value: &'a str,
    kept_s: u32,
}

impl AuthCookie<'_> {
    fn header(&self, hosts: &Hosts, host: &Host) -> Option<HeaderValue> {
        let Self { name, value, kept_s } = self;
        let domain = host.cookie_domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if hosts.is_https() { "; Secure" } else { "" };
        let hidden = if *name == FORM_COOKIE { "" } else { "; HttpOnly" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={kept_s}; SameSite=Lax{hidden}{secure}{domain}")).ok()
    }
}

/// Lets the browser keep the tokens of a session.
pub fn keep(hosts: &Hosts, host: &Host, tokens: &Tokens, response: &mut Response) {
    set(
        hosts,
        host,
        &[
            AuthCookie { name: ACCESS_COOKIE, value: &tokens.access, kept_s: tokens.access_kept_s },
            AuthCookie { name: REFRESH_COOKIE, value: &tokens.refresh, kept_s: tokens.refresh_kept_s },
        ],
        response.headers_mut(),
    );
}

/// Lets the browser keep the word that its forms repeat.
pub fn keep_form_word(hosts: &Hosts, host: &Host, word: &str, response: &mut Response) {
    let cookie = AuthCookie { name: FORM_COOKIE, value: word, kept_s: FORM_WORD_KEPT_S };
    set(hosts, host, &[cookie], response.headers_mut());
}

/// As long as a session lives that nobody uses.
const FORM_WORD_KEPT_S: u32 = 7 * 24 * 3600;

/// Takes them away again.
pub fn forget(hosts: &Hosts, host: &Host, response: &mut Response) {
    let gone = [ACCESS_COOKIE, REFRESH_COOKIE, FORM_COOKIE].map(|name| AuthCookie { name, value: "", kept_s: 0 });
    set(hosts, host, &gone, response.headers_mut());
}

fn set(hosts: &Hosts, host: &Host, cookies: &[AuthCookie<'_>], headers: &mut HeaderMap) {
    for cookie in cookies.iter().filter_map(|cookie| cookie.header(hosts, host)) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn sets_access(response: &Response) -> bool {
    let mut cookies = response.headers().get_all(header::SET_COOKIE).iter();
    cookies.any(|cookie| cookie.as_bytes().starts_with(ACCESS_COOKIE.as_bytes()))
}

/// What the browser is to be told besides the answer.
enum News {
    None,
    Renewed(Tokens),
    SignedOut,
}

/// Finds out who asks, before anything else looks at the request. A page that signs in or out itself has the last word on the cookies.
pub async fn know(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let (principal, news) = recognise(&state, request.headers().clone(), caller(request.extensions())).await;
    let kept_word = cookie(request.headers(), FORM_COOKIE).map(str::to_owned);
    let host = request.extensions().get::<Arc<Host>>().cloned();
    let (form_token, is_new_word) = match &principal {
        Some(who) => form_token(&state, &who.session.to_string(), kept_word).await,
        None => (None, false),
    };
    request.extensions_mut().insert(Known { principal, form_token: form_token.clone() });
    let mut response = next.run(request).await;
    let (hosts, Some(host)) = (&state.site.hosts, host) else { return response };
    if sets_access(&response) {
        return response;
    }
    match &news {
        News::None => {}
        News::Renewed(tokens) => keep(hosts, &host, tokens, &mut response),
        News::SignedOut => forget(hosts, &host, &mut response),
    }
    if let Some(word) = form_token.filter(|_| is_new_word) {
        keep_form_word(hosts, &host, &word, &mut response);
    }
    response
}

async fn recognise(state: &AppState, headers: HeaderMap, caller: Caller) -> (Option<Principal>, News) {
    let (access, refresh) = (cookie(&headers, ACCESS_COOKIE), cookie(&headers, REFRESH_COOKIE));
    if access.is_none() && refresh.is_none() {
        return (None, News::None);
    }
    if let Some(access) = access {
        match state.auth.authenticate(access).await {
            Ok(Some(principal)) => return (Some(principal), News::None),
            Ok(None) => {}
            // Nobody is signed out because the database is away.
            Err(_) => return (None, News::None),
        }
    }
    let Some(refresh) = refresh else { return (None, News::SignedOut) };
    match state.auth.refresh(refresh, &caller).await {
        Ok(Some(tokens)) => match state.auth.authenticate(&tokens.access).await {
            Ok(principal) => (principal, News::Renewed(tokens)),
            Err(_) => (None, News::Renewed(tokens)),
        },
        Ok(None) => (None, News::SignedOut),
        Err(_) => (None, News::None),
    }
}

/// The word that the browser has, when it is of this session and not too old; else a new one.
async fn form_token(state: &AppState, session: &str, kept: Option<String>) -> (Option<String>, bool) {
    if let Some(kept) = kept
        && state.auth.is_form_token(&kept, session).await == Ok(true)
    {
        return (Some(kept), false);
    }
    (state.auth.form_token(session).await.ok(), true)
}
