//! `/` and `/q`: for those who came without scanning.

use api::i18n::{Locale, site};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ConnectorCode;
use leptos::prelude::*;
use serde::Deserialize;

use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::ui::{icons, parts};
use crate::visit::Visit;

/// Longer than any code with spaces and hyphens; bounds what is shown again.
const CODE_CHARS_MAX: usize = 40;

/// What this is, and the field for the code.
pub async fn home(visit: Visit) -> Response {
    let page = Page::new(site::home_title(visit.locale));
    render(&visit, page, || content(&visit, "", false))
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    code: Option<String>,
}

/// Leads from a typed code to the connector's page. Something that cannot be a code is looked up all the same: that page helps.
pub async fn find_code(visit: Visit, typed: Result<Query<Typed>, QueryRejection>) -> Response {
    let code: String =
        typed.ok().and_then(|Query(typed)| typed.code).unwrap_or_default().trim().chars().take(CODE_CHARS_MAX).collect();
    if let Ok(code) = ConnectorCode::parse(&code) {
        return see_other(&format!("/q/{code}"));
    }
    let asked = visit.here.contains("code=");
    let status = if asked { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page::new(site::home_title(visit.locale)).status(status);
    render(&visit, page, || content(&visit, &code, asked))
}

fn content(visit: &Visit, typed: &str, wrong: bool) -> AnyView {
    let locale = visit.locale;
    let steps = [site::how_scan(locale), site::how_pay(locale), site::how_plug(locale), site::how_rest(locale)];
    view! {
        <div class="columns">
            <div class="stack">
                <section class="card card-hero" data-testid="home">
                    {icons::plugging("hero-art")}
                    <h1>{site::home_title(locale)}</h1>
                    <p class="lead">{site::home_lead(locale)}</p>
                    {code_form(locale, typed, wrong)}
                </section>
            </div>
            <div class="stack">
                <section class="card">
                    <h2>{site::how_it_works(locale)}</h2>
                    <ol class="numbered">{steps.map(|step| view! { <li>{step}</li> }.into_any()).into_iter().collect_view()}</ol>
                </section>
                {parts::helpline_card(locale, &visit.site.helpline)}
            </div>
        </div>
    }
    .into_any()
}

/// The field for the code on the sticker; a plain GET form.
pub fn code_form(locale: Locale, typed: &str, wrong: bool) -> AnyView {
    let error = wrong.then(|| {
        view! { <p class="field-error" id="code-error" data-testid="field-error-code">{site::code_missing(locale)}</p> }
            .into_any()
    });
    view! {
        <form class="mt-6" action="/q" method="get">
            <label class="field-label" for="code">{site::code_label(locale)}</label>
            <div class="flex flex-col gap-3 sm:flex-row">
                <input
                    class="field grow uppercase tracking-widest"
                    id="code"
                    name="code"
                    value=typed.to_owned()
                    maxlength="16"
                    required=true
                    autocomplete="off"
                    autocapitalize="characters"
                    spellcheck="false"
                    aria-describedby="code-hint"
                    aria-invalid=wrong.then_some("true")
                    data-testid="code"
                />
                <button class="button button-main sm:w-auto" type="submit">{site::code_find(locale)}</button>
            </div>
            {error}
            <p class="field-hint" id="code-hint">{site::code_hint(locale)}</p>
        </form>
    }
    .into_any()
}
