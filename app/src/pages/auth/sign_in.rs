//! `/sign-in`: the phone, then the code, then wherever the person wanted to go.

use api::ApiError;
use api::auth::{AskCode, Caller, CodeAsked, PendingCode, SignIn, SignedIn};
use api::i18n::{account as t, format};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Phone;
use domain::auth::SignInCode;
use leptos::prelude::*;
use serde::Deserialize;

use super::{TIME_ZONE, banner, code_field, form_word, next_of, phone_error, phone_field, shown};
use crate::forms::{From, SentForm};
use crate::islands::CodeEntry;
use crate::locale::cookie;
use crate::pages::problem;
use crate::redirect::{escaped, see_other};
use crate::render::{Motion, Page, render};
use crate::security::has_form_token;
use crate::session;
use crate::state::AppState;
use crate::ui::parts::{Tone, helpline_card};
use crate::visit::{Visit, set_cookie};

/// The secret of the browser that asks for a code: only there is the code of any use.
const BROWSER_COOKIE: &str = "sign_in";
/// Longer than the longest pause between two codes.
const BROWSER_KEPT_S: u32 = 30 * 60;
/// Our secrets have 32 hexadecimal digits; anything else is not from us.
const BROWSER_CHARS: usize = 32;

/// Where somebody has signed in before, the number has codes that strangers cannot use up.
const KNOWN_COOKIE: &str = "sign_in_known";
/// As long as the key that made it is believed at least.
const KNOWN_KEPT_S: u32 = 30 * 24 * 3600;

/// `?next=`: where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Way {
    next: Option<String>,
}

type WayQuery = Result<Query<Way>, QueryRejection>;

fn way(query: WayQuery) -> String {
    let next = query.ok().and_then(|Query(way)| way.next).unwrap_or_default();
    next_of(&next).to_owned()
}

/// The browser's secret.
struct Browser(String);

impl Browser {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let is_ours = |text: &&str| text.len() == BROWSER_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit());
        cookie(headers, BROWSER_COOKIE).filter(is_ours).map(|secret| Self(secret.to_owned()))
    }

    /// What the forms of this browser are bound to.
    fn forms(&self) -> String {
        format!("browser:{}", self.0)
    }
}

/// The browser of a form, once that is known to be from our page there; `None` when it is too old, or not from here.
async fn browser_of(state: &AppState, headers: &HeaderMap, form: &SentForm) -> Option<Browser> {
    let browser = Browser::of(headers)?;
    has_form_token(state, headers, &form.body, &browser.forms()).await.then_some(browser)
}

/// What is shown above the phone's form.
enum Above {
    Nothing,
    Field(String),
    Banner(Tone, String),
}

/// `GET /sign-in`
pub async fn phone(State(state): State<AppState>, visit: Visit, headers: HeaderMap, query: WayQuery) -> Response {
    let next = way(query);
    if visit.who.is_some() {
        return see_other(&next);
    }
    phone_page(&state, &visit, &headers, &next, "+996 ".to_owned(), StatusCode::OK, Above::Nothing).await
}

async fn phone_page(
    state: &AppState,
    visit: &Visit,
    headers: &HeaderMap,
    next: &str,
    typed: String,
    status: StatusCode,
    above: Above,
) -> Response {
    let browser = Browser::of(headers).unwrap_or_else(|| Browser(visit.site.random_word()));
    let word = match state.auth.form_token(&browser.forms()).await {
        Ok(word) => word,
        Err(error) => return problem::failed(visit, error),
    };
    let page = Page::new(t::sign_in_title(visit.locale)).status(status);
    let mut response = render(visit, page, || {
        let locale = visit.locale;
        let (above, error) = match above {
            Above::Nothing => (None, None),
            Above::Field(text) => (None, Some(text)),
            Above::Banner(tone, text) => (Some(banner(tone, text)), None),
        };
        view! {
            <div class="narrow stack" data-testid="sign-in">
                {above}
                <section class="card">
                    <h1>{t::sign_in_title(locale)}</h1>
                    <p class="lead">{t::sign_in_lead(locale)}</p>
                    <form method="post" action="/sign-in" novalidate=true>
                        {form_word(Some(&word))}
                        <input type="hidden" name="next" value=next.to_owned()/>
                        {phone_field(locale, t::phone_label(locale), typed, error)}
                        <button class="button button-main mt-6" type="submit" data-testid="send-code">{t::send_code(locale)}</button>
                    </form>
                    <p class="field-hint">{t::without_account(locale)}</p>
                </section>
                {helpline_card(locale, &visit.site.helpline)}
            </div>
        }
        .into_any()
    });
    set_cookie(&visit.site, &mut response, BROWSER_COOKIE, &browser.0, "/sign-in", BROWSER_KEPT_S);
    session::keep_form_word(&visit.site.hosts, &visit.host, &word, &mut response);
    response
}

/// `POST /sign-in`: sends the code.
pub async fn ask(
    State(state): State<AppState>,
    visit: Visit,
    From(caller): From,
    headers: HeaderMap,
    form: SentForm,
) -> Response {
    let typed = form.field("phone");
    let next = next_of(&form.field("next")).to_owned();
    let again = |status, typed, above| phone_page(&state, &visit, &headers, &next, typed, status, above);
    let locale = visit.locale;
    let Some(browser) = browser_of(&state, &headers, &form).await else {
        let above = Above::Banner(Tone::Warning, t::form_old(locale));
        return again(StatusCode::UNPROCESSABLE_ENTITY, typed, above).await;
    };
    let phone = match Phone::parse(&typed) {
        Ok(phone) => phone,
        Err(error) => {
            return again(StatusCode::UNPROCESSABLE_ENTITY, typed, Above::Field(phone_error(locale, error))).await;
        }
    };
    match send(&state, &visit, &headers, caller, &browser, phone.clone()).await {
        Ok(CodeAsked::Sent) => see_other(&code_address(&next)),
        Ok(CodeAsked::AskAgainAt(at)) => {
            // Pressed twice: the code that is on its way is good.
            let pending = state.auth.pending_code(&browser.0).await.ok().flatten();
            if pending.is_some_and(|pending| pending.phone == phone && pending.is_good) {
                return see_other(&code_address(&next));
            }
            let text = t::asked_too_often(locale, format::time_with_seconds(TIME_ZONE, at));
            again(StatusCode::TOO_MANY_REQUESTS, typed, Above::Banner(Tone::Warning, text)).await
        }
        Ok(CodeAsked::TooMany) => {
            again(StatusCode::TOO_MANY_REQUESTS, typed, Above::Banner(Tone::Warning, t::too_many(locale))).await
        }
        Err(error) => problem::failed(&visit, error),
    }
}

fn code_address(next: &str) -> String {
    format!("/sign-in/code?next={}", escaped(next))
}

async fn send(
    state: &AppState,
    visit: &Visit,
    headers: &HeaderMap,
    caller: Caller,
    browser: &Browser,
    phone: Phone,
) -> Result<CodeAsked, ApiError> {
    let ask = AskCode {
        phone,
        browser: browser.0.clone(),
        known: cookie(headers, KNOWN_COOKIE).map(str::to_owned),
        caller,
        locale: visit.locale,
        host: visit.host.name.clone(),
    };
    state.auth.ask_code(ask).await
}

/// What is wrong on the code's page.
enum CodeTrouble {
    None,
    Field(String),
    Banner(String),
}

/// `GET /sign-in/code`
pub async fn code(State(state): State<AppState>, visit: Visit, headers: HeaderMap, query: WayQuery) -> Response {
    let next = way(query);
    if visit.who.is_some() {
        return see_other(&next);
    }
    code_page(&state, &visit, &headers, &next, StatusCode::OK, CodeTrouble::None).await
}

async fn code_page(
    state: &AppState,
    visit: &Visit,
    headers: &HeaderMap,
    next: &str,
    status: StatusCode,
    trouble: CodeTrouble,
) -> Response {
    let to_phone = || see_other(&format!("/sign-in?next={}", escaped(next)));
    let Some(browser) = Browser::of(headers) else { return to_phone() };
    let pending = match state.auth.pending_code(&browser.0).await {
        Ok(Some(pending)) => pending,
        Ok(None) => return to_phone(),
        Err(error) => return problem::failed(visit, error),
    };
    let word = match state.auth.form_token(&browser.forms()).await {
        Ok(word) => word,
        Err(error) => return problem::failed(visit, error),
    };
    let page = Page::new(t::code_title(visit.locale)).status(status).motion(Motion::Islands);
    let mut response = render(visit, page, || code_view(visit, &pending, next, &word, trouble));
    session::keep_form_word(&visit.site.hosts, &visit.host, &word, &mut response);
    response
}

fn code_view(visit: &Visit, pending: &PendingCode, next: &str, word: &str, trouble: CodeTrouble) -> AnyView {
    let locale = visit.locale;
    let (above, error) = match trouble {
        CodeTrouble::None if !pending.is_good => (Some(banner(Tone::Warning, t::code_gone(locale))), None),
        CodeTrouble::None => (None, None),
        CodeTrouble::Field(text) => (None, Some(text)),
        CodeTrouble::Banner(text) => (Some(banner(Tone::Warning, text)), None),
    };
    let left_ms = (pending.resend_at - pending.now).num_milliseconds().max(0);
    let when = (left_ms > 0).then(|| {
        let at = format::time_with_seconds(TIME_ZONE, pending.resend_at);
        let template = t::resend_in(locale, "{left}");
        view! {
            <p class="field-hint" data-resend-when="" data-left-ms=left_ms.to_string() data-template=template data-testid="resend-when">
                {t::resend_at(locale, at)}
            </p>
        }
        .into_any()
    });
    let hidden = || {
        let next = next.to_owned();
        view! { {form_word(Some(word))}<input type="hidden" name="next" value=next/> }.into_any()
    };
    let (code_hidden, resend_hidden) = (hidden(), hidden());
    let field = code_field("code", t::code_label(locale), error);
    view! {
        <div class="narrow stack" data-testid="sign-in-code">
            {above}
            <section class="card">
                <h1>{t::code_title(locale)}</h1>
                <p class="lead">{t::code_sent_to(locale, shown(&pending.phone))}</p>
                <CodeEntry>
                    <form method="post" action="/sign-in/code" novalidate=true data-code-form="">
                        {code_hidden}
                        {field}
                        <button class="button button-main mt-6" type="submit" data-testid="sign-in-submit">{t::sign_in(locale)}</button>
                    </form>
                    <form method="post" action="/sign-in/resend" class="mt-3">
                        {resend_hidden}
                        {when}
                        <button class="button button-quiet mt-3" type="submit" data-resend-button="" data-testid="resend">{t::resend(locale)}</button>
                    </form>
                </CodeEntry>
                <p class="mt-3"><a class="link block py-2" href=format!("/sign-in?next={}", escaped(next))>{t::other_phone(locale)}</a></p>
            </section>
            {helpline_card(locale, &visit.site.helpline)}
        </div>
    }
    .into_any()
}

/// `POST /sign-in/code`: signs in.
pub async fn try_code(
    State(state): State<AppState>,
    visit: Visit,
    From(caller): From,
    headers: HeaderMap,
    form: SentForm,
) -> Response {
    let locale = visit.locale;
    let next = next_of(&form.field("next")).to_owned();
    let again = |status, trouble| code_page(&state, &visit, &headers, &next, status, trouble);
    let Some(browser) = browser_of(&state, &headers, &form).await else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, CodeTrouble::Banner(t::form_old(locale))).await;
    };
    let Ok(code) = SignInCode::parse(&form.field("code")) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, CodeTrouble::Field(t::code_malformed(locale))).await;
    };
    let with = SignIn { code, browser: browser.0.clone(), caller, locale };
    match state.auth.sign_in(with).await {
        Ok(SignedIn::Yes { tokens, known }) => {
            // Who signs in over somebody else's session leaves that one.
            if let Some(before) = &visit.who {
                let _ = state.auth.sign_out(before).await;
            }
            let mut response = see_other(&next);
            session::keep(&visit.site.hosts, &visit.host, &tokens, &mut response);
            set_cookie(&visit.site, &mut response, BROWSER_COOKIE, "", "/sign-in", 0);
            set_cookie(&visit.site, &mut response, KNOWN_COOKIE, &known, "/sign-in", KNOWN_KEPT_S);
            response
        }
        Ok(SignedIn::WrongCode { tries_left: 0 } | SignedIn::NoCode) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, CodeTrouble::Banner(t::code_gone(locale))).await
        }
        Ok(SignedIn::WrongCode { tries_left }) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, CodeTrouble::Field(t::code_wrong(locale, tries_left))).await
        }
        Ok(SignedIn::Blocked) => problem::blocked(&visit),
        Err(error) => problem::failed(&visit, error),
    }
}

/// `POST /sign-in/resend`: another code to the same phone.
pub async fn resend(
    State(state): State<AppState>,
    visit: Visit,
    From(caller): From,
    headers: HeaderMap,
    form: SentForm,
) -> Response {
    let locale = visit.locale;
    let next = next_of(&form.field("next")).to_owned();
    let again = |status, text| code_page(&state, &visit, &headers, &next, status, CodeTrouble::Banner(text));
    let Some(browser) = browser_of(&state, &headers, &form).await else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, t::form_old(locale)).await;
    };
    let pending = match state.auth.pending_code(&browser.0).await {
        Ok(Some(pending)) => pending,
        Ok(None) => return see_other(&format!("/sign-in?next={}", escaped(&next))),
        Err(error) => return problem::failed(&visit, error),
    };
    match send(&state, &visit, &headers, caller, &browser, pending.phone).await {
        Ok(CodeAsked::Sent) => see_other(&code_address(&next)),
        Ok(CodeAsked::AskAgainAt(at)) => {
            let text = t::asked_too_often(locale, format::time_with_seconds(TIME_ZONE, at));
            again(StatusCode::TOO_MANY_REQUESTS, text).await
        }
        Ok(CodeAsked::TooMany) => again(StatusCode::TOO_MANY_REQUESTS, t::too_many(locale)).await,
        Err(error) => problem::failed(&visit, error),
    }
}
