//! `/account/phone`: another number, when both of them answer.

use api::ApiError;
use api::auth::{AskPhoneChange, CodeAsked, ConfirmPhoneChange, PendingPhoneChange, PhoneChanged};
use api::i18n::{account as t, format};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::Phone;
use domain::auth::SignInCode;
use leptos::prelude::*;

use super::{TIME_ZONE, banner, code_field, form_word, phone_error, phone_field, shown};
use crate::forms::{From, SentForm};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, helpline_card};
use crate::visit::Visit;

const CODES: &str = "/account/phone/codes";

/// `GET /account/phone`
pub async fn phone(State(state): State<AppState>, visit: Visit) -> Response {
    phone_page(&state, &visit, StatusCode::OK, "+996 ".to_owned(), None, None).await
}

async fn phone_page(
    state: &AppState,
    visit: &Visit,
    status: StatusCode,
    typed: String,
    above: Option<String>,
    error: Option<String>,
) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let account = match state.auth.account(who).await {
        Ok(account) => account,
        Err(error) => return problem::failed(visit, error),
    };
    let page = Page::new(t::phone_change_title(visit.locale)).status(status);
    render(visit, page, || {
        let locale = visit.locale;
        let above = above.map(|text| banner(Tone::Warning, text));
        view! {
            <div class="narrow stack" data-testid="phone-change">
                {above}
                <section class="card">
                    <h1>{t::phone_change_title(locale)}</h1>
                    <p class="lead">{t::phone_change_lead(locale, shown(&account.phone))}</p>
                    <form method="post" action="/account/phone" novalidate=true>
                        {form_word(visit.form_token.as_deref())}
                        {phone_field(locale, t::new_phone_label(locale), typed, error)}
                        <button class="button button-main mt-6" type="submit" data-testid="send-codes">{t::send_codes(locale)}</button>
                    </form>
                    <p class="field-hint">{t::lost_old_phone(locale)}</p>
                    <a class="link block py-2" href="/account">{t::cancel(locale)}</a>
                </section>
                {helpline_card(locale, &visit.site.helpline)}
            </div>
        }
        .into_any()
    })
}

/// `POST /account/phone`: a code to either number.
pub async fn ask(State(state): State<AppState>, visit: Visit, From(caller): From, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let typed = form.field("phone");
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let phone = match Phone::parse(&typed) {
        Ok(phone) => phone,
        Err(error) => return phone_page(&state, &visit, refused, typed, None, Some(phone_error(locale, error))).await,
    };
    let ask = AskPhoneChange { phone, caller, locale, host: visit.host.name.clone() };
    match state.auth.ask_phone_change(who, ask).await {
        Ok(CodeAsked::Sent) => see_other(CODES),
        Ok(CodeAsked::AskAgainAt(at)) => {
            let text = t::asked_too_often(locale, format::time_with_seconds(TIME_ZONE, at));
            phone_page(&state, &visit, StatusCode::TOO_MANY_REQUESTS, typed, Some(text), None).await
        }
        Ok(CodeAsked::TooMany) => {
            phone_page(&state, &visit, StatusCode::TOO_MANY_REQUESTS, typed, Some(t::too_many(locale)), None).await
        }
        Err(ApiError::Conflict) => phone_page(&state, &visit, refused, typed, None, Some(t::same_phone(locale))).await,
        Err(error) => problem::failed(&visit, error),
    }
}

/// What is wrong with the codes.
#[derive(Default)]
struct Trouble {
    above: Option<String>,
    old: Option<String>,
    new: Option<String>,
}

/// `GET /account/phone/codes`
pub async fn codes(State(state): State<AppState>, visit: Visit) -> Response {
    codes_page(&state, &visit, StatusCode::OK, Trouble::default()).await
}

async fn codes_page(state: &AppState, visit: &Visit, status: StatusCode, mut trouble: Trouble) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let pending = match state.auth.pending_phone_change(who).await {
        Ok(Some(pending)) => pending,
        Ok(None) => return see_other("/account/phone"),
        Err(error) => return problem::failed(visit, error),
    };
    if !pending.is_good && trouble.above.is_none() {
        trouble.above = Some(t::code_gone(visit.locale));
    }
    let page = Page::new(t::phone_change_title(visit.locale)).status(status);
    render(visit, page, || codes_view(visit, &pending, trouble))
}

fn codes_view(visit: &Visit, pending: &PendingPhoneChange, trouble: Trouble) -> AnyView {
    let locale = visit.locale;
    let above = trouble.above.map(|text| banner(Tone::Warning, text));
    view! {
        <div class="narrow stack" data-testid="phone-codes">
            {above}
            <section class="card">
                <h1>{t::phone_change_title(locale)}</h1>
                <form method="post" action=CODES novalidate=true>
                    {form_word(visit.form_token.as_deref())}
                    {code_field("old_code", t::code_from(locale, shown(&pending.old)), trouble.old)}
                    {code_field("new_code", t::code_from(locale, shown(&pending.new)), trouble.new)}
                    <button class="button button-main mt-6" type="submit" data-testid="confirm-phone">{t::change_phone(locale)}</button>
                </form>
                <a class="link block py-2 mt-3" href="/account/phone">{t::other_phone(locale)}</a>
                <a class="link block py-2" href="/account">{t::cancel(locale)}</a>
            </section>
        </div>
    }
    .into_any()
}

/// `POST /account/phone/codes`: changes the number.
pub async fn confirm(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let (old, new) = (SignInCode::parse(&form.field("old_code")), SignInCode::parse(&form.field("new_code")));
    let (old_code, new_code) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let malformed = |is: bool| is.then(|| t::code_malformed(locale));
            let trouble = Trouble { above: None, old: malformed(old.is_err()), new: malformed(new.is_err()) };
            return codes_page(&state, &visit, refused, trouble).await;
        }
    };
    let trouble = match state.auth.confirm_phone_change(who, ConfirmPhoneChange { old_code, new_code }).await {
        Ok(PhoneChanged::Yes) => return see_other("/account?done=phone"),
        Ok(PhoneChanged::WrongCode { old_is_right, new_is_right }) => {
            let wrong = |is_right: bool| (!is_right).then(|| t::code_is_wrong(locale));
            Trouble { above: None, old: wrong(old_is_right), new: wrong(new_is_right) }
        }
        Ok(PhoneChanged::NoCode) => Trouble { above: Some(t::code_gone(locale)), ..Trouble::default() },
        Ok(PhoneChanged::Taken) => {
            let text = t::phone_taken(locale);
            return phone_page(&state, &visit, StatusCode::CONFLICT, String::new(), Some(text), None).await;
        }
        Err(error) => return problem::failed(&visit, error),
    };
    codes_page(&state, &visit, refused, trouble).await
}
