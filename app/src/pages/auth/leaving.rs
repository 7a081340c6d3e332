//! `/account/delete`: the end of an account.

use api::auth::{CodeAsked, Deleted};
use api::i18n::{account as t, format};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::auth::SignInCode;
use leptos::prelude::*;

use super::{TIME_ZONE, banner, code_field, form_word};
use crate::forms::{From, SentForm};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::session;
use crate::state::AppState;
use crate::ui::icons;
use crate::ui::parts::Tone;
use crate::visit::Visit;

/// `GET /account/delete`: what it means.
pub async fn explain(visit: Visit) -> Response {
    page(&visit, StatusCode::OK, None, None)
}

/// `POST /account/delete`: sends the code that it wants.
pub async fn send_code(State(state): State<AppState>, visit: Visit, From(caller): From) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    match state.auth.ask_deletion(who, caller, locale, visit.host.name.clone()).await {
        Ok(CodeAsked::Sent) => page(&visit, StatusCode::OK, None, Some(None)),
        // Pressed twice: the code that is on its way is good.
        Ok(CodeAsked::AskAgainAt(at)) => {
            let text = t::asked_too_often(locale, format::time_with_seconds(TIME_ZONE, at));
            page(&visit, StatusCode::TOO_MANY_REQUESTS, Some(text), Some(None))
        }
        Ok(CodeAsked::TooMany) => page(&visit, StatusCode::TOO_MANY_REQUESTS, Some(t::too_many(locale)), None),
        Err(error) => problem::failed(&visit, error),
    }
}

/// `POST /account/delete/confirm`: does it.
pub async fn delete(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let Ok(code) = SignInCode::parse(&form.field("code")) else {
        return page(&visit, refused, None, Some(Some(t::code_malformed(locale))));
    };
    match state.auth.delete(who, code).await {
        Ok(Deleted::Yes) => {
            let mut response = gone(&visit.signed_out());
            session::forget(&visit.site.hosts, &visit.host, &mut response);
            response
        }
        Ok(Deleted::WrongCode) => page(&visit, refused, None, Some(Some(t::code_is_wrong(locale)))),
        Ok(Deleted::NoCode) => page(&visit, refused, Some(t::code_gone(locale)), None),
        Ok(Deleted::MoneyLeft) => page(&visit, StatusCode::CONFLICT, Some(t::delete_money_left(locale)), None),
        Ok(Deleted::ChargeOpen) => page(&visit, StatusCode::CONFLICT, Some(t::delete_charge_open(locale)), None),
        Err(error) => problem::failed(&visit, error),
    }
}

/// `code` is there once one was sent, with what is wrong about it.
fn page(visit: &Visit, status: StatusCode, above: Option<String>, code: Option<Option<String>>) -> Response {
    let page = Page::new(t::delete_title(visit.locale)).status(status);
    render(visit, page, || {
        let locale = visit.locale;
        let above = above.map(|text| banner(Tone::Warning, text));
        let form = match code {
            None => view! {
                <form method="post" action="/account/delete">
                    {form_word(visit.form_token.as_deref())}
                    <button class="button button-stop mt-6" type="submit" data-testid="delete-send">{t::delete_send(locale)}</button>
                </form>
            }
            .into_any(),
            Some(error) => view! {
                <form method="post" action="/account/delete/confirm" novalidate=true>
                    {form_word(visit.form_token.as_deref())}
                    {code_field("code", t::code_label(locale), error)}
                    <button class="button button-stop mt-6" type="submit" data-testid="delete-now">{t::delete_now(locale)}</button>
                </form>
            }
            .into_any(),
        };
        view! {
            <div class="narrow stack" data-testid="delete">
                {above}
                <section class="card">
                    <span class="disc tone-warning mb-4">{icons::warning("icon")}</span>
                    <h1>{t::delete_title(locale)}</h1>
                    <p class="lead">{t::delete_text(locale)}</p>
                    {form}
                    <a class="link block py-2 mt-3" href="/account">{t::cancel(locale)}</a>
                </section>
            </div>
        }
        .into_any()
    })
}

fn gone(visit: &Visit) -> Response {
    let page = Page::new(t::deleted_title(visit.locale));
    render(visit, page, || {
        view! {
            <div class="narrow stack" data-testid="deleted">
                <section class="card">
                    <span class="disc tone-good mb-4">{icons::check("icon")}</span>
                    <h1>{t::deleted_title(visit.locale)}</h1>
                    <p class="lead">{t::deleted_text(visit.locale)}</p>
                </section>
            </div>
        }
        .into_any()
    })
}
