//! The guest's way: `/q/{code}` and everything under `/g/{token}`.

mod bill;
mod charge_page;
pub mod connector_page;
mod live_panel;
pub mod refund;
mod stepper;
pub mod waiting;

use api::ApiError;
use api::guest::{CheckoutErrors, CheckoutForm, CheckoutOutcome, CodeLookup, ConnectorView, GuestView};
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::guest::GuestPhase;
use domain::{ConnectorCode, GuestToken};
use serde::Deserialize;

use crate::pages::problem;
use crate::redirect::{found, see_other};
use crate::state::AppState;
use crate::ui::amounts;
use crate::visit::{CHARGE_COOKIE, Visit, set_cookie};
use connector_page::{Banner, Filled};

/// How long a browser is led back to a charge that it left open: longer than any charge lasts.
const CHARGE_COOKIE_KEPT_S: u32 = 24 * 3600;
/// What is shown again of a field; a phone or a sum is shorter.
const FIELD_CHARS_MAX: usize = 64;

/// `GET /q/{code}`: the connector, its price, the form.
pub async fn connector(State(state): State<AppState>, visit: Visit, Path(code): Path<String>) -> Response {
    match look_up(&state, &visit, &code).await {
        Ok(view) => connector_page::answer(&visit, &view, Filled::fresh(&visit, &view), StatusCode::OK),
        Err(answer) => answer,
    }
}

/// The connector behind a code, or the page that is shown in its place.
async fn look_up(state: &AppState, visit: &Visit, code: &str) -> Result<ConnectorView, Response> {
    match state.guest.look_up_code(code).await {
        Ok(CodeLookup::Found(view)) => Ok(*view),
        Ok(CodeLookup::MovedTo(code)) => Err(found(&format!("/q/{code}"))),
        Ok(CodeLookup::Retired { helpline, nearby }) => Err(problem::code_retired(visit, helpline, nearby)),
        Ok(CodeLookup::Unknown { helpline, nearby }) => Err(problem::code_unknown(visit, code, helpline, nearby)),
        Err(error) => Err(problem::failed(visit, error)),
    }
}

/// `POST /q/{code}`: makes the order, and leads to the payment or the charge's page.
pub async fn check_out(
    State(state): State<AppState>,
    visit: Visit,
    Path(code): Path<String>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(fields)) => checkout_form(&fields),
        Err(rejection) => return problem::unreadable(&visit, rejection.status()),
    };
    // A code that cannot be one has its own page.
    let Ok(parsed) = ConnectorCode::parse(&code) else { return connector(State(state), visit, Path(code)).await };
    let outcome = state.guest.check_out(&parsed, &form, visit.locale).await;
    let (status, errors, banner) = match outcome {
        Ok(CheckoutOutcome::Ordered { token, payment_url }) => return ordered(&visit, &token, payment_url),
        Ok(CheckoutOutcome::Invalid(errors)) => {
            let banner = if errors.form { Banner::Stale } else { Banner::CheckFields };
            (StatusCode::UNPROCESSABLE_ENTITY, errors, banner)
        }
        Ok(CheckoutOutcome::NotAvailable) => (StatusCode::CONFLICT, CheckoutErrors::default(), Banner::TakenMeanwhile),
        Err(ApiError::TooMany) => (StatusCode::TOO_MANY_REQUESTS, CheckoutErrors::default(), Banner::TooMany),
        // A code that moved, retired or never was: its own page says so.
        Err(ApiError::NotFound) => return connector(State(state), visit, Path(code)).await,
        Err(error) => return problem::failed(&visit, error),
    };
    match look_up(&state, &visit, &code).await {
        Ok(view) => connector_page::answer(&visit, &view, Filled::again(&visit, &view, form, errors, banner), status),
        Err(answer) => answer,
    }
}

/// The fields of the form. The picked amount counts; `custom` stands for what was typed. A field that is sent twice counts once.
fn checkout_form(fields: &[(String, String)]) -> CheckoutForm {
    let field =
        |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.chars().take(FIELD_CHARS_MAX).collect::<String>());
    let (picked, typed) = (field("amount").unwrap_or_default(), field("amount_custom").unwrap_or_default());
    CheckoutForm {
        amount: amounts::sent(picked, typed),
        phone: field("phone").unwrap_or_default(),
        idempotency_key: field("idempotency_key").unwrap_or_default(),
    }
}

/// To the payment straight away when the page's policy lets a form lead there, else to the charge's page, which has the link.
fn ordered(visit: &Visit, token: &GuestToken, payment_url: Option<String>) -> Response {
    let mut response = match payment_url {
        Some(url) if visit.site.is_payment_url(&url) => see_other(&url),
        _ => see_other(&format!("/g/{token}")),
    };
    remember(visit, token, CHARGE_COOKIE_KEPT_S, &mut response);
    response
}

fn remember(visit: &Visit, token: &GuestToken, kept_s: u32, response: &mut Response) {
    set_cookie(&visit.site, response, CHARGE_COOKIE, token.as_str(), "/", kept_s);
}

/// `?returned` is there when the payment page sent the payer back.
#[derive(Debug, Default, Deserialize)]
pub struct Returned {
    returned: Option<String>,
}

/// `GET /g/{token}`: the charge, whatever its phase.
pub async fn charge(
    State(state): State<AppState>,
    visit: Visit,
    Path(token): Path<String>,
    query: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let returned = query.is_ok_and(|Query(q)| q.returned.is_some());
    match view(&state, &visit, &token, returned).await {
        Ok(view) => {
            let mut response = charge_page::answer(&visit, &view, returned);
            let live = !view.phase.is_final() && view.phase != GuestPhase::Expired;
            let remembered = visit.charge.as_ref() == Some(&view.token);
            if live != remembered && (live || remembered) {
                remember(&visit, &view.token, if live { CHARGE_COOKIE_KEPT_S } else { 0 }, &mut response);
            }
            if view.phase != GuestPhase::AwaitingPayment {
                visit.forget_form_key(&view.code, &mut response);
            }
            response
        }
        Err(answer) => answer,
    }
}

async fn view(state: &AppState, visit: &Visit, token: &str, returned: bool) -> Result<GuestView, Response> {
    let token = GuestToken::parse(token).map_err(|_| problem::charge_unknown(visit))?;
    state.guest.view(&token, returned).await.map_err(|error| match error {
        ApiError::NotFound => problem::charge_unknown(visit),
        other => problem::failed(visit, other),
    })
}

/// `GET /g/{token}/stop`: the question, for those without JavaScript. When there is nothing to stop it leads to the charge's page.
pub async fn ask_stop(State(state): State<AppState>, visit: Visit, Path(token): Path<String>) -> Response {
    match view(&state, &visit, &token, false).await {
        Ok(view) if matches!(view.phase, GuestPhase::PlugIn | GuestPhase::Charging) => {
            charge_page::stop_question(&visit, &view)
        }
        Ok(view) => see_other(&format!("/g/{}", view.token)),
        Err(answer) => answer,
    }
}

/// `POST /g/{token}/stop`: asks for the stop, as often as it is pressed.
pub async fn stop(State(state): State<AppState>, visit: Visit, Path(token): Path<String>) -> Response {
    let Ok(token) = GuestToken::parse(&token) else { return problem::charge_unknown(&visit) };
    match state.guest.stop(&token).await {
        Ok(()) => see_other(&format!("/g/{token}")),
        Err(ApiError::NotFound) => problem::charge_unknown(&visit),
        Err(error) => problem::failed(&visit, error),
    }
}

/// `GET /g/{token}/receipt.pdf`
pub async fn receipt_pdf(State(state): State<AppState>, visit: Visit, Path(token): Path<String>) -> Response {
    let Ok(token) = GuestToken::parse(&token) else { return problem::charge_unknown(&visit) };
    match state.guest.receipt_pdf(&token).await {
        Ok(pdf) => {
            // The name goes into a header: letters, digits, dots and hyphens only.
            let name: String =
                pdf.file_name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
            let mut response =
                ([(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"))], pdf.bytes).into_response();
            if let Ok(disposition) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
            }
            response
        }
        Err(ApiError::NotFound) => problem::charge_unknown(&visit),
        Err(error) => problem::failed(&visit, error),
    }
}
