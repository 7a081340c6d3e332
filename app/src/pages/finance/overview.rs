//! `/finance`: what waits for somebody, and what the house has.

use api::finance::{AccountView, AlertView, FinanceView};
use api::i18n::{Locale, finance as t};
use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::{money, sections, when};
use crate::pages::problem;
use crate::redirect::escaped;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::visit::Visit;

/// `GET /finance`
pub async fn show(State(state): State<AppState>, visit: Visit) -> Response {
    let view = match state.finance.overview().await {
        Ok(view) => view,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::finance(visit.locale)), || {
        let locale = visit.locale;
        let accounts = view.accounts.iter().map(|account| account_line(locale, account)).collect_view();
        view! {
            <div class="stack" data-testid="finance">
                {sections(locale, "/finance")}
                <div class="columns">
                    <div class="stack">
                        <section class="card">
                            <h1>{t::finance(locale)}</h1>
                            {waiting(locale, &view)}
                        </section>
                        <section class="card">
                            <h2>{t::own_accounts(locale)}</h2>
                            <p class="muted text-sm">{t::sign_hint(locale)}</p>
                            <ul class="rows">{accounts}</ul>
                            <a class="button button-quiet mt-4" href="/finance/correction" data-testid="to-correction">{t::correction(locale)}</a>
                        </section>
                    </div>
                    <div class="stack">
                        <section class="card">
                            <h2>{t::alerts(locale)}</h2>
                            {alerts(locale, &view)}
                        </section>
                    </div>
                </div>
            </div>
        }
        .into_any()
    })
}

fn waiting(locale: Locale, view: &FinanceView) -> AnyView {
    let run = view.reconciliation.as_ref().map(|run| {
        let outcome = run.differences.map_or_else(|| t::run_under_way(locale), |count| t::run_differences(locale, count));
        let text = format!("{}: {outcome}, {}", t::reconciliation(locale), when(locale, run.started_at, view.now));
        view! { <li><a class="row" href="/finance/reconciliation" data-testid="last-run">{text}</a></li> }.into_any()
    });
    view! {
        <ul class="rows">
            <li><a class="row" href="/finance/refunds" data-testid="requests-awaiting">{t::waiting_requests(locale, view.requests_awaiting)}</a></li>
            <li><a class="row" href="/finance/refunds?filter=with_staff" data-testid="with-staff">{t::with_staff(locale, view.refunds_with_staff)}</a></li>
            <li><a class="row" href="/finance/outbox" data-testid="parked">{t::parked(locale, view.jobs_parked)}</a></li>
            {run}
        </ul>
    }
    .into_any()
}

/// An account, leading to its journal.
pub(super) fn account_line(locale: Locale, account: &AccountView) -> AnyView {
    super::line(super::Line {
        address: format!("/finance/journal?account={}", escaped(&account.code)),
        title: account.code.clone(),
        amount: Some(money(locale, account.posted)),
        below: if account.held.is_positive() { t::held(locale, money(locale, account.held)) } else { String::new() },
        pill: None,
        testid: "account",
    })
}

fn alerts(locale: Locale, view: &FinanceView) -> AnyView {
    if view.alerts.is_empty() {
        return view! { <p class="muted" data-testid="alerts-none">{t::alerts_none(locale)}</p> }.into_any();
    }
    let rows = view.alerts.iter().map(|AlertView { kind, key, detail, raised_at }| {
        view! {
            <li class="row" data-testid="alert" data-kind=kind.clone()>
                <div class="grow min-w-0">
                    <div class="flex flex-wrap items-center justify-between gap-2">
                        <b class="min-w-0 [overflow-wrap:anywhere]">{t::alert_kind(locale, kind)}</b>
                        <span class="muted text-sm">{when(locale, *raised_at, view.now)}</span>
                    </div>
                    <span class="muted block [overflow-wrap:anywhere] text-sm">{format!("{key} {detail}")}</span>
                </div>
            </li>
        }
        .into_any()
    });
    view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any()
}
