//! `/sign-in/second-step`: staff shows a code of an app, after setting it up once.

use api::ApiError;
use api::auth::{SecondStep, SecondStepForm, SecondStepProved};
use api::i18n::{Locale, account as t, format};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::auth::SignInCode;
use leptos::prelude::*;
use serde::Deserialize;

use super::{TIME_ZONE, code_field, form_word, next_of};
use crate::forms::SentForm;
use crate::pages::guest::waiting::qr;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::routes::SECOND_STEP_FIELD;
use crate::state::AppState;
use crate::visit::Visit;

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
}

/// `GET /sign-in/second-step`
pub async fn show(State(state): State<AppState>, visit: Visit, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let next = asked.map(|Query(asked)| asked.next).unwrap_or_default();
    page(&state, &visit, StatusCode::OK, next_of(&next), None).await
}

async fn page(state: &AppState, visit: &Visit, status: StatusCode, next: &str, error: Option<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    if !who.is_staff() {
        return problem::not_allowed(visit);
    }
    let form = match state.auth.second_step_form(who).await {
        Ok(form) => form,
        Err(error) => return problem::failed(visit, error),
    };
    render(visit, Page::new(t::second_step_title(visit.locale)).status(status), || {
        let locale = visit.locale;
        view! {
            <div class="narrow stack" data-testid="second-step">
                <section class="card">
                    <h1>{t::second_step_title(locale)}</h1>
                    {set_up(locale, &form)}
                    <form method="post" action="/sign-in/second-step" novalidate=true>
                        {form_word(visit.form_token.as_deref())}
                        <input type="hidden" name="next" value=next.to_owned()/>
                        {code_field(SECOND_STEP_FIELD, t::second_step_label(locale), error)}
                        <button class="button button-main mt-6" type="submit" data-testid="prove">{t::second_step_button(locale)}</button>
                    </form>
                    <p class="field-hint">{t::second_step_lost(locale)}</p>
                </section>
            </div>
        }
        .into_any()
    })
}

/// The secret, as a picture and as letters.
fn set_up(locale: Locale, form: &SecondStepForm) -> AnyView {
    let SecondStepForm::SetUp { secret, address } = form else {
        return view! { <p class="lead">{t::second_step_lead(locale)}</p> }.into_any();
    };
    let letters: Vec<String> = secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
    view! {
        <p class="lead">{t::second_step_set_up(locale)}</p>
        <div class="mt-4">{qr(address, t::second_step_qr(locale))}</div>
        <p class="muted mt-3">{t::second_step_by_hand(locale)}</p>
        <p class="mt-1 tabular-nums" data-testid="second-step-secret"><b>{letters.join(" ")}</b></p>
        <a class="link block py-2" href=address.clone()>{t::second_step_open_app(locale)}</a>
    }
    .into_any()
}

/// `POST /sign-in/second-step`
pub async fn prove(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let next = form.field("next");
    let next = next_of(&next);
    if !who.is_staff() {
        return problem::not_allowed(&visit);
    }
    let wrong = || Some(t::second_step_wrong(locale));
    let Ok(code) = SignInCode::parse(&form.field(SECOND_STEP_FIELD)) else {
        return page(&state, &visit, StatusCode::UNPROCESSABLE_ENTITY, next, wrong()).await;
    };
    match state.auth.prove_second_step(who, code).await {
        Ok(SecondStepProved::Yes) => see_other(next),
        Ok(SecondStepProved::WrongCode) => page(&state, &visit, StatusCode::UNPROCESSABLE_ENTITY, next, wrong()).await,
        Ok(SecondStepProved::TooMany(until)) => {
            let text = t::second_step_locked(locale, format::time(TIME_ZONE, until));
            page(&state, &visit, StatusCode::TOO_MANY_REQUESTS, next, Some(text)).await
        }
        Err(ApiError::NotFound) => problem::not_allowed(&visit),
        Err(error) => problem::failed(&visit, error),
    }
}

/// The field of a form that moves money, unless a code was shown a moment ago.
pub fn money_field(visit: &Visit) -> Option<AnyView> {
    let fresh = visit.who.as_ref().is_some_and(|who| who.second_step == SecondStep::Fresh);
    (!fresh).then(|| code_field(SECOND_STEP_FIELD, t::second_step_label(visit.locale), None))
}
