//! `/finance/reconciliation`: whether the provider's books, the ledger and the sessions agree, and what to do where they do not.

use api::finance::{DifferenceView, ReconciliationView};
use api::i18n::{Locale, finance as t};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;

use super::{Asked, deed, order_address, sections, when};
use crate::pages::auth::banner;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, notice};
use crate::visit::Visit;

/// `GET /finance/reconciliation`
pub async fn show(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let view = match state.finance.reconciliation().await {
        Ok(view) => view,
        Err(error) => return problem::failed(&visit, error),
    };
    let done = query.is_ok_and(|Query(asked)| asked.done.is_some());
    render(&visit, Page::new(t::reconciliation(visit.locale)), || {
        let locale = visit.locale;
        let above = done.then(|| banner(Tone::Good, t::asked_again(locale)));
        let differences = (!view.differences.is_empty()).then(|| {
            let rows = view.differences.iter().map(|of| difference(locale, of, &view)).collect_view();
            view! { <section class="card"><h2>{t::differences(locale)}</h2><ul class="rows">{rows}</ul></section> }.into_any()
        });
        let none = view.differences.is_empty().then(|| {
            let told = view.runs.iter().any(|run| run.finished_at.is_some());
            told.then(|| view! { <div class="mt-3" data-testid="differences-none">{notice(Tone::Good, t::differences_none(locale))}</div> }.into_any())
        });
        view! {
            <div class="stack" data-testid="reconciliation">
                {sections(locale, "/finance/reconciliation")}
                {above}
                <section class="card">
                    <h1>{t::reconciliation(locale)}</h1>
                    <p class="lead">{t::reconciliation_lead(locale)}</p>
                    {none}
                    {deed(&visit, "/finance/reconciliation".to_owned(), t::reconcile_now(locale), "reconcile")}
                </section>
                {differences}
                <section class="card"><h2>{t::runs(locale)}</h2>{runs(locale, &view)}</section>
            </div>
        }
        .into_any()
    })
}

fn difference(locale: Locale, of: &DifferenceView, view: &ReconciliationView) -> AnyView {
    let (what, advice) = t::difference(locale, &of.kind);
    let sides = (!of.expected.is_empty() || !of.found.is_empty()).then(|| {
        let text = format!("{}; {}", t::expected(locale, &of.expected), t::found(locale, &of.found));
        view! { <span class="block [overflow-wrap:anywhere] text-sm tabular-nums">{text}</span> }.into_any()
    });
    let order =
        of.order.map(|order| view! { <a class="link block py-2" href=order_address(order)>{t::order(locale)}</a> }.into_any());
    view! {
        <li class="row" data-testid="difference" data-kind=of.kind.clone()>
            <div class="grow min-w-0">
                <div class="flex flex-wrap items-center justify-between gap-2">
                    <b class="min-w-0 [overflow-wrap:anywhere]">{what}</b>
                    <span class="muted text-sm">{when(locale, of.found_at, view.now)}</span>
                </div>
                <span class="muted block [overflow-wrap:anywhere] text-sm">{of.subject.clone()}</span>
                {sides}
                <p class="mt-1">{advice}</p>
                {order}
            </div>
        </li>
    }
    .into_any()
}

fn runs(locale: Locale, view: &ReconciliationView) -> AnyView {
    if view.runs.is_empty() {
        return view! { <p class="muted" data-testid="runs-none">{t::runs_none(locale)}</p> }.into_any();
    }
    let rows = view.runs.iter().map(|run| {
        let (outcome, tone) = match run.differences {
            None => (t::run_under_way(locale), "pill tone-calm"),
            Some(0) => (t::run_differences(locale, 0), "pill tone-good"),
            Some(count) => (t::run_differences(locale, count), "pill tone-warning"),
        };
        let state = if run.finished_at.is_some() { "finished" } else { "under_way" };
        view! {
            <li class="row" data-testid="run" data-state=state>
                <span class="grow min-w-0">{when(locale, run.started_at, view.now)}<span class="muted block text-sm">{t::run_orders(locale, run.orders_seen)}</span></span>
                <span class=tone>{outcome}</span>
            </li>
        }
        .into_any()
    });
    view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any()
}

/// `POST /finance/reconciliation`
pub async fn begin(State(state): State<AppState>, visit: Visit) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    match state.finance.reconcile(who.person).await {
        Ok(()) => see_other("/finance/reconciliation?done=1"),
        Err(error) => problem::failed(&visit, error),
    }
}
