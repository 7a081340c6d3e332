//! `/finance/inbox`: what the provider has told us, as it came.

use api::ApiError;
use api::finance::NoticeRow;
use api::i18n::{Locale, finance as t};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{Asked, Line, deed, line, list, long_fact, sections, when};
use crate::pages::auth::banner;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, fact};
use crate::visit::Visit;

/// `GET /finance/inbox`
pub async fn inbox(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let after = query.ok().and_then(|Query(asked)| asked.after_number());
    let found = match state.finance.notices(after).await {
        Ok(found) => found,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::inbox(visit.locale)), || {
        let locale = visit.locale;
        let rows = found.rows.iter().map(|notice| notice_line(locale, notice, found.now)).collect();
        let older = found.next.map(|next| format!("/finance/inbox?after={next}"));
        view! {
            <div class="stack" data-testid="inbox">
                {sections(locale, "/finance/inbox")}
                <section class="card"><h1>{t::inbox(locale)}</h1>{list(locale, rows, older)}</section>
            </div>
        }
        .into_any()
    })
}

/// A notice, leading to what it said.
pub(super) fn notice_line(locale: Locale, notice: &NoticeRow, now: DateTime<Utc>) -> AnyView {
    line(Line {
        address: format!("/finance/inbox/{}", notice.id),
        title: notice.event_key.clone(),
        amount: None,
        below: when(locale, notice.received_at, now),
        pill: Some(outcome(locale, notice)),
        testid: "notice",
    })
}

fn outcome(locale: Locale, notice: &NoticeRow) -> String {
    notice.outcome.as_deref().map_or_else(|| t::not_yet(locale), |outcome| t::notice_outcome(locale, outcome))
}

/// `GET /finance/inbox/{notice}`
pub async fn show(
    State(state): State<AppState>,
    visit: Visit,
    Path(notice): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = notice.parse() else { return problem::failed(&visit, ApiError::NotFound) };
    let detail = match state.finance.notice(who.person, id).await {
        Ok(detail) => detail,
        Err(error) => return problem::failed(&visit, error),
    };
    let done = query.is_ok_and(|Query(asked)| asked.done.is_some());
    render(&visit, Page::new(t::inbox(visit.locale)), || {
        let locale = visit.locale;
        let notice = &detail.notice;
        let above = done.then(|| banner(Tone::Good, t::asked_again(locale)));
        let processed = notice.processed_at.map_or_else(|| t::not_yet(locale), |at| when(locale, at, detail.now));
        view! {
            <div class="stack" data-testid="notice-page">
                {sections(locale, "/finance/inbox")}
                <div class="narrow stack">
                    {above}
                    <section class="card">
                        <h1 class="[overflow-wrap:anywhere]">{notice.event_key.clone()}</h1>
                        <dl class="facts mt-3">
                            {fact(t::received(locale), when(locale, notice.received_at, detail.now).into_any())}
                            {fact(t::processed(locale), processed.into_any())}
                            {long_fact(t::outcome(locale), outcome(locale, notice))}
                            {long_fact(t::from_address(locale), notice.remote_address.clone())}
                        </dl>
                        {deed(&visit, format!("/finance/inbox/{id}/again"), t::act_again(locale), "act-again")}
                    </section>
                    <section class="card">
                        <h2>{t::body(locale)}</h2>
                        <pre class="mt-2 whitespace-pre-wrap [overflow-wrap:anywhere] text-sm" data-testid="body">{detail.body.clone()}</pre>
                    </section>
                </div>
            </div>
        }
        .into_any()
    })
}

/// `POST /finance/inbox/{notice}/again`
pub async fn again(State(state): State<AppState>, visit: Visit, Path(notice): Path<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = notice.parse::<i64>() else { return problem::failed(&visit, ApiError::NotFound) };
    match state.finance.act_again(who.person, id).await {
        Ok(()) => see_other(&format!("/finance/inbox/{id}?done=1")),
        Err(error) => problem::failed(&visit, error),
    }
}
