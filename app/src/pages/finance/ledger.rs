//! The journal: accounts, what happened in them, single entries, and corrections.

use api::ApiError;
use api::finance::{AccountFault, CorrectionForm, Done, FormFaults, JournalQuery};
use api::i18n::{Locale, balance, finance as t, guest};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::balance::Period;
use domain::{JournalEntryId, Tyiyn};
use leptos::prelude::*;

use super::orders::entry_line;
use super::overview::account_line;
use super::{Asked, amount_field, list, long_fact, money, reason_field, sections, when};
use crate::forms::SentForm;
use crate::pages::auth::{banner, form_word, second_step};
use crate::pages::balance::{asked_period, last_day, recent};
use crate::pages::problem;
use crate::redirect::{escaped, see_other};
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, fact};
use crate::visit::Visit;

/// `GET /finance/accounts`
pub async fn accounts(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let prefix = Asked::text(asked.account.as_ref()).unwrap_or_default();
    let found = match state.finance.accounts(&prefix, Asked::text(asked.after.as_ref())).await {
        Ok(found) => found,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::accounts(visit.locale)), || {
        let locale = visit.locale;
        let rows = found.rows.iter().map(|account| account_line(locale, account)).collect();
        let older =
            found.next.as_ref().map(|next| format!("/finance/accounts?account={}&after={}", escaped(&prefix), escaped(next)));
        view! {
            <div class="stack" data-testid="accounts">
                {sections(locale, "/finance/accounts")}
                <section class="card">
                    <h1>{t::accounts(locale)}</h1>
                    <form method="get" action="/finance/accounts" class="mt-4">
                        <label class="field-label" for="account">{t::accounts_prefix(locale)}</label>
                        <input class="field" id="account" name="account" maxlength="100" autocomplete="off" value=prefix.clone() data-testid="prefix"/>
                        <button class="button button-quiet mt-3" type="submit" data-testid="show">{t::show(locale)}</button>
                    </form>
                </section>
                <section class="card">{list(locale, rows, older)}</section>
            </div>
        }
        .into_any()
    })
}

/// `GET /finance/journal?account=…`
pub async fn journal(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let account = Asked::text(asked.account.as_ref()).unwrap_or_default();
    let now = match state.finance.reconciliation().await {
        Ok(view) => view.now,
        Err(error) => return problem::failed(&visit, error),
    };
    let Some(recent) = recent(now) else { return problem::failed(&visit, ApiError::Internal) };
    let wanted = asked_period(asked.from.as_deref(), asked.to.as_deref(), recent);
    let query = JournalQuery { account: account.clone(), period: wanted.unwrap_or(recent), after: asked.after_number() };
    let view = match state.finance.journal(who.person, query).await {
        Ok(view) => view,
        Err(error) => return problem::failed(&visit, error),
    };
    let status = if wanted.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    render(&visit, Page::new(t::journal(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = wanted.is_none().then(|| banner(Tone::Warning, balance::period_wrong(locale)));
        let rows = view.lines.iter().map(|line| entry_line(locale, line, when(locale, line.effective_at, view.now))).collect();
        let days = format!("from={}&to={}", view.period.from(), last_day(view.period));
        let older = view.next.map(|next| format!("/finance/journal?account={}&{days}&after={next}", escaped(&account)));
        view! {
            <div class="stack" data-testid="journal">
                {sections(locale, "/finance/accounts")}
                {above}
                <div class="columns">
                    <div class="stack">
                        <section class="card">
                            <h1 class="[overflow-wrap:anywhere]">{view.account.code.clone()}</h1>
                            <p class="figure tabular-nums" data-testid="posted">{money(locale, view.account.posted)}</p>
                            <p class="muted">{t::held(locale, money(locale, view.account.held))}</p>
                            {period_form(locale, &account, view.period)}
                        </section>
                    </div>
                    <div class="stack">
                        <section class="card">
                            <h2>{t::journal(locale)}</h2>
                            <dl class="facts">
                                {fact(balance::opening(locale), money(locale, view.opening).into_any())}
                                {fact(balance::closing(locale), money(locale, view.closing).into_any())}
                            </dl>
                            {list(locale, rows, older)}
                        </section>
                    </div>
                </div>
            </div>
        }
        .into_any()
    })
}

fn period_form(locale: Locale, account: &str, period: Period) -> AnyView {
    view! {
        <form method="get" action="/finance/journal">
            <input type="hidden" name="account" value=account.to_owned()/>
            <div class="mt-4 grid gap-3 sm:grid-cols-2">
                <div>
                    <label class="field-label" for="from">{balance::period_from(locale)}</label>
                    <input class="field" id="from" name="from" type="date" value=period.from().to_string()/>
                </div>
                <div>
                    <label class="field-label" for="to">{balance::period_to(locale)}</label>
                    <input class="field" id="to" name="to" type="date" value=last_day(period).to_string()/>
                </div>
            </div>
            <button class="button button-quiet mt-4" type="submit">{t::show(locale)}</button>
        </form>
    }
    .into_any()
}

/// `GET /finance/entries/{entry}`
pub async fn entry(State(state): State<AppState>, visit: Visit, Path(entry): Path<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = JournalEntryId::parse(&entry) else { return problem::failed(&visit, ApiError::NotFound) };
    let entry = match state.finance.entry(who.person, id).await {
        Ok(entry) => entry,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::entry(visit.locale)), || {
        let locale = visit.locale;
        let postings = entry.postings.iter().map(|(code, amount)| {
            super::line(super::Line {
                address: format!("/finance/journal?account={}", escaped(code)),
                title: code.clone(),
                amount: Some(money(locale, *amount)),
                below: String::new(),
                pill: None,
                testid: "posting",
            })
        });
        view! {
            <div class="stack" data-testid="entry-page" data-kind=entry.kind.clone()>
                {sections(locale, "/finance/accounts")}
                <div class="narrow stack">
                    <section class="card">
                        <h1>{t::entry_kind(locale, &entry.kind)}</h1>
                        <p class="lead break-words" data-testid="explanation">{entry.explanation.clone()}</p>
                        <dl class="facts mt-3">
                            {fact(t::effective(locale), when(locale, entry.effective_at, entry.now).into_any())}
                            {fact(t::recorded(locale), when(locale, entry.recorded_at, entry.now).into_any())}
                            {long_fact(t::business_key(locale), entry.business_key.clone())}
                            {long_fact(t::source(locale), entry.source.clone())}
                        </dl>
                    </section>
                    <section class="card"><h2>{t::postings(locale)}</h2>{list(locale, postings.collect(), None)}</section>
                </div>
            </div>
        }
        .into_any()
    })
}

/// `GET /finance/correction`
pub async fn correction(visit: Visit) -> Response {
    let form = CorrectionForm { idempotency_key: visit.site.random_word(), ..CorrectionForm::default() };
    correction_page(&visit, StatusCode::OK, form, FormFaults::default(), None)
}

fn correction_page(
    visit: &Visit,
    status: StatusCode,
    form: CorrectionForm,
    faults: FormFaults,
    above: Option<String>,
) -> Response {
    render(visit, Page::new(t::correction(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = above.map(|text| banner(Tone::Warning, text));
        let (least, most) = (money(locale, Tyiyn::new(1)), money(locale, Tyiyn::new(1_000_000_000_000)));
        let error = faults.amount.map(|error| guest::amount_error(locale, error, &least, &most));
        view! {
            <div class="stack" data-testid="correction">
                {sections(locale, "/finance/accounts")}
                <div class="narrow stack">
                    {above}
                    <form class="card" method="post" action="/finance/correction" novalidate=true>
                        <h1>{t::correction(locale)}</h1>
                        <p class="lead">{t::correction_lead(locale)}</p>
                        {form_word(visit.form_token.as_deref())}
                        <input type="hidden" name="idempotency_key" value=form.idempotency_key/>
                        {account_field(locale, "debit", t::debit(locale), form.debit, faults.debit)}
                        {account_field(locale, "credit", t::credit(locale), form.credit, faults.credit)}
                        {amount_field(locale, form.amount, error)}
                        {reason_field(locale, form.reason, faults.reason)}
                        {second_step::money_field(visit)}
                        <button class="button button-main mt-6" type="submit" data-testid="correct">{t::correct(locale)}</button>
                    </form>
                </div>
            </div>
        }
        .into_any()
    })
}

fn account_field(locale: Locale, name: &'static str, label: String, typed: String, fault: Option<AccountFault>) -> AnyView {
    let error_id = format!("{name}-error");
    let described = fault.map(|_| error_id.clone());
    let error = fault.map(|fault| {
        let text = t::account_fault(locale, fault);
        view! { <p class="field-error" id=error_id data-testid=format!("field-error-{name}")>{text}</p> }.into_any()
    });
    view! {
        <label class="field-label mt-4" for=name>{label}</label>
        <input class="field" id=name name=name maxlength="100" autocomplete="off" spellcheck="false" required=true value=typed placeholder="revenue:energy" aria-describedby=described aria-invalid=fault.map(|_| "true") data-testid=name/>
        {error}
    }
    .into_any()
}

/// `POST /finance/correction`
pub async fn correct(State(state): State<AppState>, visit: Visit, sent: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let mut form = CorrectionForm {
        debit: sent.field("debit"),
        credit: sent.field("credit"),
        amount: sent.field("amount"),
        reason: sent.field("reason"),
        idempotency_key: sent.field("idempotency_key"),
    };
    let (status, faults, above) = match state.finance.correct(who.person, &form).await {
        Ok(Done::Yes(entry)) => return see_other(&format!("/finance/entries/{entry}")),
        Ok(Done::Invalid(faults)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, faults, faults.form.then(|| t::form_stale(visit.locale)))
        }
        Err(ApiError::Conflict) => {
            let faults = FormFaults { form: true, ..FormFaults::default() };
            (StatusCode::CONFLICT, faults, Some(t::form_reused(visit.locale)))
        }
        Err(error) => return problem::failed(&visit, error),
    };
    if faults.form {
        form.idempotency_key = visit.site.random_word();
    }
    correction_page(&visit, status, form, faults, above)
}
