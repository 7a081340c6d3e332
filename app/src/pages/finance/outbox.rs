//! `/finance/outbox`: what is still to be done with the provider.

use api::ApiError;
use api::finance::JobRow;
use api::i18n::{Locale, finance as t};
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::refunds::refund_line;
use super::{list, sections, when};
use crate::pages::auth::form_word;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::visit::Visit;

/// `GET /finance/outbox`
pub async fn show(State(state): State<AppState>, visit: Visit) -> Response {
    let outbox = match state.finance.outbox().await {
        Ok(outbox) => outbox,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::outbox(visit.locale)), || {
        let locale = visit.locale;
        let refunds = outbox.refunds.iter().map(|refund| refund_line(locale, refund, outbox.now)).collect();
        let jobs = outbox.jobs.iter().map(|job| job_line(&visit, locale, job, outbox.now)).collect();
        view! {
            <div class="stack" data-testid="outbox">
                {sections(locale, "/finance/outbox")}
                <section class="card"><h1>{t::open_refunds(locale)}</h1>{list(locale, refunds, None)}</section>
                <section class="card"><h2>{t::jobs(locale)}</h2>{list(locale, jobs, None)}</section>
            </div>
        }
        .into_any()
    })
}

fn job_line(visit: &Visit, locale: Locale, job: &JobRow, now: DateTime<Utc>) -> AnyView {
    let (state, tone) = match job.parked_at {
        Some(_) => (t::job_parked(locale), "pill tone-bad"),
        None => (t::job_next(locale, when(locale, job.run_at, now)), "pill tone-calm"),
    };
    let error =
        job.last_error.clone().map(|error| view! { <span class="muted block break-words text-sm">{error}</span> }.into_any());
    view! {
        <li class="row flex-wrap" data-testid="job" data-kind=job.kind.clone()>
            <div class="grow min-w-0">
                <div class="flex flex-wrap items-center justify-between gap-2">
                    <b class="min-w-0 [overflow-wrap:anywhere]">{job.kind.clone()}</b>
                    <span class=tone>{state}</span>
                </div>
                <span class="muted block [overflow-wrap:anywhere] text-sm">{format!("{} · {}", job.key, t::attempts(locale, job.attempts))}</span>
                {error}
            </div>
            <form method="post" action=format!("/finance/jobs/{}/run", job.id) class="shrink-0">
                {form_word(visit.form_token.as_deref())}
                <button class="button button-quiet w-auto" type="submit" data-testid="run-now">{t::run_now(locale)}</button>
            </form>
        </li>
    }
    .into_any()
}

/// `POST /finance/jobs/{job}/run`
pub async fn run(State(state): State<AppState>, visit: Visit, Path(job): Path<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = job.parse() else { return problem::failed(&visit, ApiError::NotFound) };
    match state.finance.run_now(who.person, id).await {
        // Done since the page was made: so much the better.
        Ok(()) | Err(ApiError::NotFound) => see_other("/finance/outbox"),
        Err(error) => problem::failed(&visit, error),
    }
}
