//! `/account`: who the person is to us, where the person is signed in, what the person has charged.

use api::ApiError;
use api::auth::{AccountView, ActiveSession, SecondStep};
use api::guest::OwnCharge;
use api::i18n::{Locale, account as t, balance, finance, format};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::auth::{NameError, PersonName};
use leptos::prelude::*;
use serde::Deserialize;
use uuid::Uuid;

use super::{banner, clock_time, form_word, shown};
use crate::forms::SentForm;
use crate::locale;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::routes::SECOND_STEP;
use crate::session;
use crate::state::AppState;
use crate::ui::icons;
use crate::ui::parts::Tone;
use crate::visit::{Visit, set_cookie};

/// How long a chosen language is remembered.
const LANGUAGE_KEPT_S: u32 = 365 * 24 * 3600;

/// `?done=` after a form: what is said above.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// `GET /account`
pub async fn show(State(state): State<AppState>, visit: Visit, query: Result<Query<Done>, QueryRejection>) -> Response {
    let done = query.ok().and_then(|Query(done)| done.done);
    let said = match done.as_deref() {
        Some("phone") => Some(t::phone_changed(visit.locale)),
        Some(_) => Some(t::saved(visit.locale)),
        None => None,
    };
    page(&state, &visit, StatusCode::OK, said, None).await
}

async fn page(
    state: &AppState,
    visit: &Visit,
    status: StatusCode,
    said: Option<String>,
    name: Option<(String, NameError)>,
) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let account = match state.auth.account(who).await {
        Ok(account) => account,
        Err(error) => return problem::failed(visit, error),
    };
    let charges = match state.guest.charges_of(who.person).await {
        Ok(charges) => charges,
        Err(error) => return problem::failed(visit, error),
    };
    let this_session = who.session;
    let page = Page::new(t::account(visit.locale)).status(status);
    render(visit, page, || {
        let locale = visit.locale;
        let said = said.map(|text| banner(Tone::Good, text));
        view! {
            <div class="columns" data-testid="account">
                <div class="stack">
                    {said}
                    {person(visit, &account)}
                    {own_charges(locale, &account, &charges)}
                </div>
                <div class="stack">
                    {settings(visit, &account, name)}
                    {sessions(visit, &account, this_session)}
                    {data(locale)}
                </div>
            </div>
        }
        .into_any()
    })
}

fn person(visit: &Visit, account: &AccountView) -> AnyView {
    let locale = visit.locale;
    let title = account.name.as_ref().map_or_else(|| t::account(locale), PersonName::to_string);
    let roles = account.roles.iter().map(|role| t::role(locale, *role)).collect::<Vec<_>>().join(", ");
    view! {
        <section class="card">
            <div class="flex items-center gap-4">
                <span class="disc">{icons::person("icon")}</span>
                <div class="min-w-0">
                    <h1 class="break-words">{title}</h1>
                    <p class="muted tabular-nums" data-testid="account-phone">{shown(&account.phone)}</p>
                </div>
            </div>
            <p class="muted mt-3" data-testid="account-roles">{roles}</p>
            {work(visit)}
            <div class="mt-4 flex flex-wrap gap-3">
 <a class="button button-main sm:w-auto" href="/balance" data-testid="to-balance">{balance::balance(locale)}</a>
                <a class="button button-quiet sm:w-auto" href="/account/phone" data-testid="change-phone">{t::change_phone(locale)}</a>
                <form method="post" action="/account/sign-out" class="grow sm:grow-0">
                    {form_word(visit.form_token.as_deref())}
                    <button class="button button-quiet sm:w-auto" type="submit" data-testid="sign-out">{t::sign_out(locale)}</button>
                </form>
            </div>
        </section>
    }
    .into_any()
}

/// Where staff works.
fn work(visit: &Visit) -> AnyView {
    use domain::auth::Permission::{ViewAudit, ViewLedger};
    let links = [
        (ViewLedger, "/finance", finance::finance(visit.locale), "to-finance"),
        (ViewAudit, "/audit", finance::audit(visit.locale), "to-audit"),
    ];
    let may = |permission| visit.who.as_ref().is_some_and(|who| who.reach(permission).is_some());
    let links = links.into_iter().filter(|(permission, ..)| may(*permission)).map(|(_, address, name, testid)| {
        view! { <a class="link mr-4 inline-block py-2" href=address data-testid=testid>{name}</a> }.into_any()
    });
    let second_step = visit.who.as_ref().filter(|who| who.is_staff() && who.second_step == SecondStep::Missing).map(|_| {
        let name = t::second_step_title(visit.locale);
        view! { <a class="link mr-4 inline-block py-2" href=SECOND_STEP data-testid="to-second-step">{name}</a> }.into_any()
    });
    view! { {links.collect_view()}{second_step} }.into_any()
}

fn own_charges(locale: Locale, account: &AccountView, charges: &[OwnCharge]) -> AnyView {
    let none = charges.is_empty().then(|| view! { <p class="muted">{t::charges_none(locale)}</p> }.into_any());
    let rows = charges.iter().map(|charge| {
        let title = charge.station_name.clone().unwrap_or_else(|| t::charge_of(locale, &charge.code));
        let outcome = match charge.total {
            Some(total) => format::money(locale, total),
            None if charge.phase.is_final() => t::charge_without_bill(locale),
            None => t::charge_open(locale),
        };
        let when = clock_time(locale, charge.created_at, account.now);
        view! {
            <li>
                <a class="row" href=format!("/g/{}", charge.token) data-testid="own-charge">
                    <span class="grow min-w-0">
                        <b class="block break-words">{title}</b>
                        <span class="muted text-sm">{when}</span>
                    </span>
                    <span class="shrink-0 tabular-nums">{outcome}</span>
                    {icons::arrow("icon muted")}
                </a>
            </li>
        }
        .into_any()
    });
    let list = (!charges.is_empty()).then(|| view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any());
    view! {
        <section class="card">
            <h2>{t::charges(locale)}</h2>
            {none}
            {list}
        </section>
    }
    .into_any()
}

fn settings(visit: &Visit, account: &AccountView, wrong_name: Option<(String, NameError)>) -> AnyView {
    let locale = visit.locale;
    let word = visit.form_token.as_deref();
    let (name, error) = match wrong_name {
        Some((typed, error)) => (typed, Some(t::name_error(locale, error))),
        None => (account.name.as_ref().map(PersonName::to_string).unwrap_or_default(), None),
    };
    let invalid = error.is_some().then_some("true");
    let described = if error.is_some() { "name-error name-hint" } else { "name-hint" };
    let error =
        error.map(|e| view! { <p class="field-error" id="name-error" data-testid="field-error-name">{e}</p> }.into_any());
    let languages = Locale::ALL.map(|to| {
        view! { <option value=to.tag() lang=to.tag() selected=to == account.locale>{t::language(to)}</option> }.into_any()
    });
    view! {
        <section class="card">
            <form method="post" action="/account/name" novalidate=true>
                {form_word(word)}
                <label class="field-label" for="name">{t::name_label(locale)}</label>
                <input class="field" id="name" name="name" autocomplete="name" maxlength="120" value=name aria-describedby=described aria-invalid=invalid data-testid="name"/>
                {error}
                <p class="field-hint" id="name-hint">{t::name_hint(locale)}</p>
                <button class="button button-quiet mt-3" type="submit" data-testid="save-name">{t::save(locale)}</button>
            </form>
            <form method="post" action="/account/language" class="mt-6">
                {form_word(word)}
                <label class="field-label" for="language">{t::language_label(locale)}</label>
                <select class="field" id="language" name="to" data-testid="language">{languages.into_iter().collect_view()}</select>
                <button class="button button-quiet mt-3" type="submit" data-testid="save-language">{t::save(locale)}</button>
            </form>
        </section>
    }
    .into_any()
}

fn sessions(visit: &Visit, account: &AccountView, this: Uuid) -> AnyView {
    let locale = visit.locale;
    let others = account.sessions.iter().filter(|session| session.id != this).count();
    let end_others = (others > 0).then(|| {
        view! {
            <form method="post" action="/account/sessions/end-others" class="mt-4">
                {form_word(visit.form_token.as_deref())}
                <button class="button button-quiet" type="submit" data-testid="end-others">{t::end_other_sessions(locale)}</button>
            </form>
        }
        .into_any()
    });
    let rows = account.sessions.iter().map(|session| session_row(visit, account, session, session.id == this));
    view! {
        <section class="card" data-testid="sessions">
            <h2>{t::sessions(locale)}</h2>
            <ul class="rows">{rows.collect_view()}</ul>
            {end_others}
        </section>
    }
    .into_any()
}

fn session_row(visit: &Visit, account: &AccountView, session: &ActiveSession, is_this: bool) -> AnyView {
    let locale = visit.locale;
    let browser = browser_name(&session.user_agent).unwrap_or_else(|| t::unknown_browser(locale));
    let seen = t::last_seen(locale, clock_time(locale, session.last_seen_at, account.now));
    let detail = if is_this {
        format!("{} · {}", t::this_browser(locale), session.address)
    } else {
        format!("{seen} · {}", session.address)
    };
    let end = (!is_this).then(|| {
        let name = format!("{}: {browser}", t::end_session(locale));
        view! {
            <form method="post" action=format!("/account/sessions/{}/end", session.id) class="shrink-0">
                {form_word(visit.form_token.as_deref())}
                <button class="button button-text" type="submit" aria-label=name data-testid="end-session">{t::end_session(locale)}</button>
            </form>
        }
        .into_any()
    });
    view! {
        <li class="row" data-testid="session">
            <span class="grow min-w-0">
                <b class="block break-words">{browser}</b>
                <span class="muted text-sm break-words">{detail}</span>
            </span>
            {end}
        </li>
    }
    .into_any()
}

fn data(locale: Locale) -> AnyView {
    view! {
        <section class="card">
            <h2>{t::your_data(locale)}</h2>
            <a class="link block py-2" href="/account/data.json" download="red-petroleum-ev.json" data-testid="export">{t::download_data(locale)}</a>
            <a class="link block py-2" href="/account/delete" data-testid="delete-account">{t::delete_account(locale)}</a>
        </section>
    }
    .into_any()
}

/// Which browser and system it was, as far as a person cares. Only for showing: the text is whatever was sent.
fn browser_name(user_agent: &str) -> Option<String> {
    let browsers = [
        ("YaBrowser", "Yandex"),
        ("SamsungBrowser", "Samsung Internet"),
        ("OPR/", "Opera"),
        ("Edg", "Edge"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// `POST /account/name`
pub async fn rename(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let typed = form.field("name");
    match PersonName::parse(&typed) {
        Ok(name) => saved(&visit, state.auth.rename(who, name).await),
        Err(error) => page(&state, &visit, StatusCode::UNPROCESSABLE_ENTITY, None, Some((typed, error))).await,
    }
}

/// `POST /account/language`: of the messages, and of the pages here. An unknown one changes nothing.
pub async fn language(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Some(to) = Locale::parse(&form.field("to")) else { return see_other("/account") };
    let mut response = saved(&visit, state.auth.set_locale(who, to).await);
    set_cookie(&visit.site, &mut response, locale::COOKIE, to.tag(), "/", LANGUAGE_KEPT_S);
    response
}

/// `POST /account/sign-out`
pub async fn sign_out(State(state): State<AppState>, visit: Visit) -> Response {
    if let Some(who) = &visit.who
        && let Err(error) = state.auth.sign_out(who).await
    {
        return problem::failed(&visit, error);
    }
    let mut response = see_other("/");
    session::forget(&visit.site.hosts, &visit.host, &mut response);
    response
}

/// `POST /account/sessions/{session}/end`: 404 for what is not the person's.
pub async fn end_session(State(state): State<AppState>, visit: Visit, Path(session): Path<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(session) = Uuid::try_parse(&session) else { return problem::failed(&visit, ApiError::NotFound) };
    saved(&visit, state.auth.end_session(who, session).await)
}

/// `POST /account/sessions/end-others`
pub async fn end_others(State(state): State<AppState>, visit: Visit) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    saved(&visit, state.auth.end_other_sessions(who).await)
}

fn saved(visit: &Visit, done: Result<(), ApiError>) -> Response {
    match done {
        Ok(()) => see_other("/account?done=saved"),
        Err(error) => problem::failed(visit, error),
    }
}

/// `GET /account/data.json`
pub async fn export(State(state): State<AppState>, visit: Visit) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    match state.auth.export(who).await {
        Ok(json) => {
            let kind = HeaderValue::from_static("application/json; charset=utf-8");
            let name = HeaderValue::from_static("attachment; filename=\"red-petroleum-ev.json\"");
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], json).into_response()
        }
        Err(error) => problem::failed(&visit, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_by_what_people_call_it() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
                "Chrome, Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox, Windows"),
            ("Mozilla/5.0 (Linux; Android 13) Chrome/118 YaBrowser/23.11 Mobile Safari/537.36", "Yandex, Android"),
        ] {
            assert_eq!(browser_name(user_agent).as_deref(), Some(name));
        }
        assert_eq!(browser_name("<script>"), None);
    }
}
