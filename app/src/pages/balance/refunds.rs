//! `/balance/refunds`: unused money goes back to where it came from.

use api::ApiError;
use api::balance::{BalanceView, MoneyForm, RefundOutcome, RefundRequestView};
use api::i18n::{Locale, balance as t, format, guest};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::balance::RefundRequestState;
use domain::guest::AmountError;
use leptos::prelude::*;

use crate::forms::SentForm;
use crate::pages::auth::{banner, clock_time, form_word};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::Tone;
use crate::visit::Visit;

/// What stands in the form.
#[derive(Default)]
struct Filled {
    amount: String,
    key: String,
    error: Option<AmountError>,
    above: Option<String>,
}

/// `GET /balance/refunds`
pub async fn show(State(state): State<AppState>, visit: Visit) -> Response {
    let filled = Filled { key: visit.site.random_word(), ..Filled::default() };
    page(&state, &visit, StatusCode::OK, filled).await
}

async fn page(state: &AppState, visit: &Visit, status: StatusCode, filled: Filled) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let balance = match state.balance.balance(who.person).await {
        Ok(balance) => balance,
        Err(error) => return problem::failed(visit, error),
    };
    let requests = match state.balance.refund_requests(who.person).await {
        Ok(requests) => requests,
        Err(error) => return problem::failed(visit, error),
    };
    render(visit, Page::new(t::refund_title(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = filled.above.clone().map(|text| banner(Tone::Warning, text));
        let list = (!requests.is_empty()).then(|| asked_before(locale, &requests, &balance));
        view! {
            <div class="narrow stack" data-testid="refunds">
                {above}
                {form(visit, &balance, filled)}
                {list}
                <a class="link block py-2" href="/balance">{t::to_balance(locale)}</a>
            </div>
        }
        .into_any()
    })
}

fn form(visit: &Visit, balance: &BalanceView, filled: Filled) -> AnyView {
    let locale = visit.locale;
    if !balance.refundable.is_positive() {
        return view! {
            <section class="card"><h1>{t::refund_title(locale)}</h1><p class="lead" data-testid="refund-nothing">{t::refund_nothing(locale)}</p></section>
        }
        .into_any();
    }
    let most = format::money(locale, balance.refundable);
    let error = filled.error.map(|error| {
        let text = guest::amount_error(locale, error, &format::money_short(locale, domain::Tyiyn::new(1)), &most);
        view! { <p class="field-error" id="amount-error" data-testid="field-error-amount">{text}</p> }.into_any()
    });
    let invalid = filled.error.is_some().then_some("true");
    let described = if filled.error.is_some() { "amount-error amount-hint" } else { "amount-hint" };
    view! {
        <section class="card">
            <h1>{t::refund_title(locale)}</h1>
            <p class="lead" data-testid="refundable">{t::refund_lead(locale, &most)}</p>
            <form method="post" action="/balance/refunds" novalidate=true>
                {form_word(visit.form_token.as_deref())}
                <input type="hidden" name="idempotency_key" value=filled.key/>
                <label class="field-label mt-6" for="amount">{t::refund_sum(locale)}</label>
                <input class="field tabular-nums" id="amount" name="amount" inputmode="decimal" autocomplete="off" maxlength="20" required=true value=filled.amount aria-describedby=described aria-invalid=invalid data-testid="refund-amount-input"/>
                {error}
                <p class="field-hint" id="amount-hint">{t::refund_approval(locale, format::money_short(locale, balance.refund_without_approval))}</p>
                <button class="button button-main mt-6" type="submit" data-testid="ask-refund">{t::refund_button(locale)}</button>
            </form>
        </section>
    }
    .into_any()
}

fn asked_before(locale: Locale, requests: &[RefundRequestView], balance: &BalanceView) -> AnyView {
    let rows = requests.iter().map(|request| {
        let tone = match request.state {
            RefundRequestState::Completed => Tone::Good,
            RefundRequestState::Delayed | RefundRequestState::Rejected => Tone::Warning,
            RefundRequestState::AwaitingApproval | RefundRequestState::UnderWay => Tone::Calm,
        };
        let pill = format!("pill {}", tone.class());
        let reason = request
            .reason
            .clone()
            .map(|reason| view! { <span class="muted block text-sm break-words">{reason}</span> }.into_any());
        view! {
            <li class="row" data-testid="refund-request" data-state=request.state.as_str()>
                <div class="grow min-w-0">
                    <div class="flex flex-wrap items-center justify-between gap-2">
                        <b class="tabular-nums">{format::money(locale, request.amount)}</b>
                        <span class=pill>{t::request_state(locale, request.state)}</span>
                    </div>
                    <span class="muted text-sm">{clock_time(locale, request.created_at, balance.now)}</span>
                    {reason}
                </div>
            </li>
        }
        .into_any()
    });
    view! {
        <section class="card">
            <h2>{t::refund_requests(locale)}</h2>
            <ul class="rows">{rows.collect_view()}</ul>
        </section>
    }
    .into_any()
}

/// `POST /balance/refunds`
pub async fn ask(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let sent = MoneyForm { amount: form.field("amount"), idempotency_key: form.field("idempotency_key") };
    let (status, filled) = match state.balance.ask_refund(who.person, &sent).await {
        Ok(RefundOutcome::Asked(_)) => return see_other("/balance/refunds"),
        Ok(RefundOutcome::Invalid(errors)) => {
            let key = if errors.form { visit.site.random_word() } else { sent.idempotency_key };
            let above = errors.form.then(|| t::form_stale(locale));
            (StatusCode::UNPROCESSABLE_ENTITY, Filled { amount: sent.amount, key, error: errors.amount, above })
        }
        Err(ApiError::Conflict) => {
            let above = Some(t::form_reused(locale));
            (StatusCode::CONFLICT, Filled { amount: sent.amount, key: visit.site.random_word(), error: None, above })
        }
        Err(error) => return problem::failed(&visit, error),
    };
    page(&state, &visit, status, filled).await
}
