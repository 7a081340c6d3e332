//! What went wrong, and what the visitor can do about it. Never a bare status.

use api::ApiError;
use api::guest::Neighbour;
use api::i18n::{account, format, guest as t, site};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::pages::auth::TIME_ZONE;
use crate::pages::guest::connector_page::neighbours;
use crate::pages::home::code_form;
use crate::render::{Page, render};
use crate::security::REFUSED;
use crate::ui::{icons, parts};
use crate::visit::Visit;

/// After this long it is worth trying again when a part of ours did not answer.
const RETRY_AFTER_S: &str = "10";

/// A title, a sentence, and what may help.
struct Problem {
    status: StatusCode,
    title: String,
    text: String,
    helpline: String,
    /// A button that leads on: its text and address.
    way_on: Option<(String, String)>,
    code_form: bool,
    nearby: Option<Vec<Neighbour>>,
}

impl Problem {
    fn new(visit: &Visit, status: StatusCode, title: String, text: String) -> Self {
        let helpline = visit.site.helpline.clone();
        Self { status, title, text, helpline, way_on: None, code_form: false, nearby: None }
    }

    fn answer(self, visit: &Visit) -> Response {
        let page = Page::new(self.title.clone()).status(self.status);
        render(visit, page, || self.view(visit))
    }

    fn view(self, visit: &Visit) -> AnyView {
        let locale = visit.locale;
        let status = self.status.as_u16().to_string();
        let nearby = self.nearby.map(|nearby| neighbours(locale, &nearby));
        let code_form = self.code_form.then(|| code_form(locale, "", false));
        let way_on =
            self.way_on.map(|(text, address)| view! { <a class="button button-main mt-6" href=address>{text}</a> }.into_any());
        view! {
            <div class="narrow stack" data-testid="problem" data-status=status>
                <section class="card">
                    <span class="disc tone-warning mb-4">{icons::warning("icon")}</span>
                    <h1>{self.title}</h1>
                    <p class="lead">{self.text}</p>
                    {way_on}
                    {code_form}
                </section>
                {nearby}
                {parts::helpline_card(locale, &self.helpline)}
            </div>
        }
        .into_any()
    }
}

/// A code that never was ours.
pub fn code_unknown(visit: &Visit, code: &str, helpline: String, nearby: Vec<Neighbour>) -> Response {
    let shown: String = code.chars().filter(|c| !c.is_control()).take(20).collect();
    let locale = visit.locale;
    let text = site::code_unknown_text(locale, shown);
    Problem {
        helpline,
        code_form: true,
        nearby: some(nearby),
        ..Problem::new(visit, StatusCode::NOT_FOUND, site::code_unknown_title(locale), text)
    }
    .answer(visit)
}

/// A connector that is gone.
pub fn code_retired(visit: &Visit, helpline: String, nearby: Vec<Neighbour>) -> Response {
    let locale = visit.locale;
    let problem = Problem::new(visit, StatusCode::GONE, site::code_retired_title(locale), site::code_retired_text(locale));
    Problem { helpline, code_form: true, nearby: some(nearby), ..problem }.answer(visit)
}

fn some(nearby: Vec<Neighbour>) -> Option<Vec<Neighbour>> {
    (!nearby.is_empty()).then_some(nearby)
}

/// A token that leads to nothing.
pub fn charge_unknown(visit: &Visit) -> Response {
    let locale = visit.locale;
    let problem =
        Problem::new(visit, StatusCode::NOT_FOUND, site::charge_unknown_title(locale), site::charge_unknown_text(locale));
    Problem { code_form: true, ..problem }.answer(visit)
}

/// The answer to a failed question of the platform.
pub fn failed(visit: &Visit, error: ApiError) -> Response {
    let locale = visit.locale;
    let reload = Some((site::reload(locale), visit.here.clone()));
    let (status, title, text, way_on) = match error {
        ApiError::NotFound => return page_unknown_for(visit),
        ApiError::Conflict => (StatusCode::CONFLICT, site::conflict_title(locale), site::conflict_text(locale), reload),
        ApiError::TooMany => (StatusCode::TOO_MANY_REQUESTS, site::too_many_title(locale), site::too_many_text(locale), None),
        ApiError::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, site::unavailable_title(locale), site::unavailable_text(locale), reload)
        }
        ApiError::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, site::internal_title(locale), site::internal_text(locale), reload)
        }
    };
    let mut response = Problem { way_on, ..Problem::new(visit, status, title, text) }.answer(visit);
    if error == ApiError::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    response
}

/// A form of a foreign page.
pub fn forbidden(visit: &Visit) -> Response {
    let locale = visit.locale;
    let problem = Problem::new(visit, REFUSED, site::forbidden_title(locale), site::forbidden_text(locale));
    Problem { way_on: Some((site::reload(locale), visit.here.clone())), ..problem }.answer(visit)
}

/// Somebody who is signed in and has no such right.
pub fn not_allowed(visit: &Visit) -> Response {
    let locale = visit.locale;
    let problem = Problem::new(visit, REFUSED, account::not_allowed_title(locale), account::not_allowed_text(locale));
    Problem { way_on: Some((account::back_to_account(locale), "/account".to_owned())), ..problem }.answer(visit)
}

/// A form that moves money, without a right code of the app. Nothing was done; what was typed is still in the page before this one.
pub fn second_step_wanted(visit: &Visit, until: Option<DateTime<Utc>>) -> Response {
    let locale = visit.locale;
    let text = match until {
        None => account::second_step_wanted_text(locale),
        Some(until) => account::second_step_locked(locale, format::time(TIME_ZONE, until)),
    };
    Problem::new(visit, StatusCode::UNPROCESSABLE_ENTITY, account::second_step_wanted_title(locale), text).answer(visit)
}

/// A phone that was proved, and whose person is blocked.
pub fn blocked(visit: &Visit) -> Response {
    let locale = visit.locale;
    Problem::new(visit, REFUSED, account::blocked_title(locale), account::blocked_text(locale)).answer(visit)
}

/// A form that cannot be read: the status says why (400, 413, 415).
pub fn unreadable(visit: &Visit, status: StatusCode) -> Response {
    let locale = visit.locale;
    let problem = Problem::new(visit, status, t::check_fields(locale), t::form_stale(locale));
    Problem { way_on: Some((site::reload(locale), visit.here.clone())), ..problem }.answer(visit)
}

/// Any other address.
pub async fn page_unknown(visit: Visit) -> Response {
    page_unknown_for(&visit)
}

fn page_unknown_for(visit: &Visit) -> Response {
    let locale = visit.locale;
    let problem = Problem::new(visit, StatusCode::NOT_FOUND, site::page_unknown_title(locale), site::page_unknown_text(locale));
    Problem { code_form: true, ..problem }.answer(visit)
}

/// A page that is asked for in a way it does not take.
pub async fn method_not_allowed(visit: Visit) -> Response {
    let locale = visit.locale;
    let problem =
        Problem::new(&visit, StatusCode::METHOD_NOT_ALLOWED, site::method_title(locale), site::page_unknown_text(locale));
    Problem { code_form: true, ..problem }.answer(&visit)
}
