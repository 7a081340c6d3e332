//! `/balance`: what can be spent, and the form that adds to it.

use api::ApiError;
use api::balance::{BalanceView, MoneyForm, MoneyFormErrors, StatementQuery, StatementView, TopUpOutcome};
use api::i18n::{Locale, balance as t, format, guest};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::{movements, recent};
use crate::forms::SentForm;
use crate::islands::AmountPicker;
use crate::pages::auth::{banner, form_word};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Motion, Page, render};
use crate::state::AppState;
use crate::ui::amounts::{self, AmountChoice};
use crate::ui::icons;
use crate::ui::parts::Tone;
use crate::visit::Visit;

/// What stands in the form.
struct Filled {
    /// As it was sent; a fresh form has the first of the offered sums.
    amount: Option<String>,
    key: String,
    error: Option<domain::guest::AmountError>,
    above: Option<String>,
}

/// `GET /balance`
pub async fn show(State(state): State<AppState>, visit: Visit) -> Response {
    let filled = Filled { amount: None, key: visit.site.random_word(), error: None, above: None };
    page(&state, &visit, StatusCode::OK, filled).await
}

async fn page(state: &AppState, visit: &Visit, status: StatusCode, filled: Filled) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let balance = match state.balance.balance(who.person).await {
        Ok(balance) => balance,
        Err(error) => return problem::failed(visit, error),
    };
    let Some(period) = recent(balance.now) else { return problem::failed(visit, ApiError::Internal) };
    let query = StatementQuery { period, kind: None, after: None };
    let past = match state.balance.statement(who.person, query).await {
        Ok(past) => past,
        Err(error) => return problem::failed(visit, error),
    };
    let page = Page::new(t::balance(visit.locale)).status(status).motion(Motion::Islands);
    render(visit, page, || {
        let locale = visit.locale;
        let above = filled.above.clone().map(|text| banner(Tone::Warning, text));
        view! {
            <div class="columns" data-testid="balance">
                <div class="stack">
                    {above}
                    {sums(locale, &balance)}
                    {history(locale, &past)}
                </div>
                <div class="stack">{form(visit, &balance, filled)}</div>
            </div>
        }
        .into_any()
    })
}

fn sums(locale: Locale, balance: &BalanceView) -> AnyView {
    let held = balance.held.is_positive().then(|| {
        let text = t::held(locale, format::money(locale, balance.held));
        view! { <p class="muted" data-testid="held">{text}</p> }.into_any()
    });
    let unpaid = balance.unpaid.iter().map(|order| {
        view! {
            <a class="notice tone-calm no-underline mt-4" href=format!("/balance/top-ups/{order}") data-testid="unpaid">
                {icons::clock("icon")}
                <span class="grow">{t::unpaid_title(locale)}</span>
                <b class="shrink-0">{t::unpaid_open(locale)}</b>
            </a>
        }
        .into_any()
    });
    view! {
        <section class="card">
            <h1 class="muted text-base font-normal">{format!("{}: {}", t::balance(locale), t::available(locale).to_lowercase())}</h1>
            <p class="figure" data-testid="available">{format::money(locale, balance.available)}</p>
            {held}
            {unpaid.collect_view()}
            <a class="link mt-4 block py-2" href="/balance/refunds" data-testid="to-refunds">{t::refund_title(locale)}</a>
        </section>
    }
    .into_any()
}

fn history(locale: Locale, past: &StatementView) -> AnyView {
    let rows = if past.movements.is_empty() {
        view! { <p class="muted">{t::history_none(locale)}</p> }.into_any()
    } else {
        movements(locale, &past.movements, past.now)
    };
    view! {
        <section class="card">
            <h2>{t::history(locale)}</h2>
            {rows}
            <a class="link mt-3 block py-2" href="/balance/statement" data-testid="to-statement">{t::whole_history(locale)}</a>
        </section>
    }
    .into_any()
}

fn form(visit: &Visit, balance: &BalanceView, filled: Filled) -> AnyView {
    let locale = visit.locale;
    let limits = balance.top_up_limits;
    let (picked, custom) =
        filled.amount.map_or_else(|| (amounts::first_picked(limits), String::new()), |a| amounts::picked_again(limits, a));
    let (min, max) = (format::money_short(locale, limits.min), format::money_short(locale, limits.max));
    let fields = amounts::fields(
        locale,
        AmountChoice {
            legend: t::top_up_legend(locale),
            limits,
            picked,
            custom,
            error: filled.error.map(|error| guest::amount_error(locale, error, &min, &max)),
            button: t::top_up(locale),
            button_with: |locale, sum| t::top_up_button(locale, sum),
            note: Box::new(|_| None),
            price_per_kwh: None,
        },
    );
    let word = form_word(visit.form_token.as_deref());
    view! {
        <form class="card" method="post" action="/balance/top-ups" novalidate=true>
            {word}
            <input type="hidden" name="idempotency_key" value=filled.key/>
            <AmountPicker>
                {fields}
                <button class="button button-main mt-6" type="submit" data-testid="top-up">
                    <span data-pay-text="">{t::top_up(locale)}</span>{icons::arrow("icon")}
                </button>
                <p class="field-hint text-center">{t::top_up_hint(locale)}</p>
            </AmountPicker>
        </form>
    }
    .into_any()
}

/// `POST /balance/top-ups`: makes the order, and leads to the payment.
pub async fn top_up(State(state): State<AppState>, visit: Visit, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let locale = visit.locale;
    let amount = amounts::sent(form.field("amount"), form.field("amount_custom"));
    let sent = MoneyForm { amount: amount.clone(), idempotency_key: form.field("idempotency_key") };
    let again = |status, key, error, above| page(&state, &visit, status, Filled { amount: Some(amount), key, error, above });
    match state.balance.top_up(who.person, &sent, locale).await {
        Ok(TopUpOutcome::Ordered { order, payment_url }) => match payment_url {
            Some(url) if visit.site.is_payment_url(&url) => see_other(&url),
            _ => see_other(&format!("/balance/top-ups/{order}")),
        },
        Ok(TopUpOutcome::Invalid(MoneyFormErrors { amount: error, form: is_stale })) => {
            let key = if is_stale { visit.site.random_word() } else { sent.idempotency_key };
            let above = is_stale.then(|| t::form_stale(locale));
            again(StatusCode::UNPROCESSABLE_ENTITY, key, error, above).await
        }
        Ok(TopUpOutcome::TooManyUnpaid) => {
            again(StatusCode::TOO_MANY_REQUESTS, sent.idempotency_key, None, Some(t::too_many_unpaid(locale))).await
        }
        Err(ApiError::Conflict) => {
            again(StatusCode::CONFLICT, visit.site.random_word(), None, Some(t::form_reused(locale))).await
        }
        Err(error) => problem::failed(&visit, error),
    }
}
