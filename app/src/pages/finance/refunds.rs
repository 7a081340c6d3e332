//! `/finance/refunds`: money that goes back, and what somebody has to decide on.

use api::ApiError;
use api::balance::RefundRequestView;
use api::finance::{Decision, DecisionOutcome, RefundRow};
use api::i18n::{Locale, balance, finance as t};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::balance::RefundRequestState;
use domain::finance::RefundFilter;
use domain::{RefundId, RefundRequestId};
use leptos::prelude::*;

use super::{Asked, Line, line, list as rows_or_none, long_fact, money, order_address, reason_field, sections, short, when};
use crate::forms::SentForm;
use crate::pages::auth::{banner, form_word, second_step};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, fact};
use crate::visit::Visit;

/// `GET /finance/refunds`
pub async fn list(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let filter = asked.filter.as_deref().and_then(RefundFilter::parse).unwrap_or_default();
    let waiting = match state.finance.requests_awaiting().await {
        Ok(waiting) => waiting,
        Err(error) => return problem::failed(&visit, error),
    };
    let found = match state.finance.refunds(filter, asked.after_id().map(RefundId::from_uuid)).await {
        Ok(found) => found,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::refunds(visit.locale)), || {
        let locale = visit.locale;
        let requests: Vec<AnyView> = waiting
            .iter()
            .map(|request| {
                line(Line {
                    address: format!("/finance/refund-requests/{}", request.id),
                    title: request
                        .order
                        .map_or_else(|| t::of_balance(locale), |order| format!("{} {}", t::order(locale), short(&order))),
                    amount: Some(money(locale, request.amount)),
                    below: when(locale, request.created_at, found.now),
                    pill: Some(balance::request_state(locale, request.state)),
                    testid: "request",
                })
            })
            .collect();
        let requests = if requests.is_empty() {
            view! { <p class="muted" data-testid="requests-none">{t::requests_none(locale)}</p> }.into_any()
        } else {
            view! { <ul class="rows">{requests}</ul> }.into_any()
        };
        let rows = found.rows.iter().map(|refund| refund_line(locale, refund, found.now)).collect();
        let older = found.next.map(|next| format!("/finance/refunds?filter={}&after={next}", filter.as_str()));
        let filters = RefundFilter::ALL.iter().map(|of| {
            let current = (*of == filter).then_some("true");
            view! { <a class="switch-item" href=format!("/finance/refunds?filter={}", of.as_str()) aria-current=current>{t::refund_filter(locale, *of)}</a> }.into_any()
        });
        view! {
            <div class="stack" data-testid="refunds">
                {sections(locale, "/finance/refunds")}
                <section class="card"><h2>{t::requests(locale)}</h2>{requests}</section>
                <section class="card">
                    <h1>{t::refunds(locale)}</h1>
                    <nav class="switch mb-2 flex-wrap" aria-label=t::filter(locale)>{filters.collect_view()}</nav>
                    {rows_or_none(locale, rows, older)}
                </section>
            </div>
        }
        .into_any()
    })
}

/// A refund, leading to its order.
pub(super) fn refund_line(locale: Locale, refund: &RefundRow, now: DateTime<Utc>) -> AnyView {
    let trouble =
        [refund.provider_status.clone(), refund.error_code.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    line(Line {
        address: order_address(refund.order),
        title: format!("{} {}", t::order(locale), short(&refund.order)),
        amount: Some(money(locale, refund.amount)),
        below: [when(locale, refund.created_at, now), trouble]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        pill: Some(t::stage(locale, &refund.state)),
        testid: "refund",
    })
}

/// `GET /finance/refund-requests/{request}`
pub async fn show(State(state): State<AppState>, visit: Visit, Path(request): Path<String>) -> Response {
    page(&state, &visit, &request, String::new(), DecisionOutcome::Done).await
}

async fn page(state: &AppState, visit: &Visit, request: &str, reason: String, outcome: DecisionOutcome) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = RefundRequestId::parse(request) else { return problem::failed(visit, ApiError::NotFound) };
    let request = match state.finance.refund_request(who.person, id).await {
        Ok(request) => request,
        Err(error) => return problem::failed(visit, error),
    };
    let now = match state.finance.reconciliation().await {
        Ok(view) => view.now,
        Err(error) => return problem::failed(visit, error),
    };
    let status = match outcome {
        DecisionOutcome::Done => StatusCode::OK,
        DecisionOutcome::NoReason => StatusCode::UNPROCESSABLE_ENTITY,
        DecisionOutcome::FourEyes => StatusCode::FORBIDDEN,
        DecisionOutcome::Decided | DecisionOutcome::NotRefundable => StatusCode::CONFLICT,
    };
    render(visit, Page::new(t::request(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = t::decision_fault(locale, outcome).map(|text| banner(Tone::Warning, text));
        view! {
            <div class="stack" data-testid="request-page" data-state=request.state.as_str()>
                {sections(locale, "/finance/refunds")}
                <div class="narrow stack">
                    {above}
                    {facts(locale, &request, now)}
                    {decision_form(visit, &request, reason, outcome)}
                </div>
            </div>
        }
        .into_any()
    })
}

fn facts(locale: Locale, request: &RefundRequestView, now: DateTime<Utc>) -> AnyView {
    let (about, address) = match (request.order, request.person) {
        (Some(order), _) => (format!("{} {}", t::order(locale), short(&order)), order_address(order)),
        (None, Some(person)) => (t::of_balance(locale), format!("/finance/journal?account=driver%3A{person}")),
        (None, None) => (t::of_balance(locale), "/finance/refunds".to_owned()),
    };
    let why = request.asked_reason.clone().map(|reason| long_fact(t::reason(locale), reason));
    let decided = request.reason.clone().map(|reason| long_fact(t::decision(locale), reason));
    view! {
        <section class="card">
            <h1>{t::request(locale)}</h1>
            <p class="figure tabular-nums" data-testid="request-amount">{money(locale, request.amount)}</p>
            <dl class="facts mt-3">
                {fact(t::state(locale), balance::request_state(locale, request.state).into_any())}
                {fact(t::created(locale), when(locale, request.created_at, now).into_any())}
                {long_fact(t::asked_by(locale), request.asked_by.to_string())}
                {why}
                {decided}
            </dl>
            <a class="link mt-3 block py-2" href=address>{about}</a>
        </section>
    }
    .into_any()
}

fn decision_form(visit: &Visit, request: &RefundRequestView, reason: String, outcome: DecisionOutcome) -> Option<AnyView> {
    let locale = visit.locale;
    let may = visit.who.as_ref().is_some_and(|who| who.reach(domain::auth::Permission::IssueRefund).is_some());
    (may && request.state == RefundRequestState::AwaitingApproval).then(|| {
        view! {
            <form class="card" method="post" action=format!("/finance/refund-requests/{}", request.id) novalidate=true>
                <h2>{t::decision(locale)}</h2>
                {form_word(visit.form_token.as_deref())}
                {reason_field(locale, reason, outcome == DecisionOutcome::NoReason)}
                {second_step::money_field(visit)}
                <div class="mt-6 flex flex-wrap gap-3">
                    <button class="button button-main sm:w-auto" type="submit" name="decision" value="approve" data-testid="approve">{t::approve(locale)}</button>
                    <button class="button button-quiet sm:w-auto" type="submit" name="decision" value="reject" data-testid="reject">{t::reject(locale)}</button>
                </div>
            </form>
        }
        .into_any()
    })
}

/// `POST /finance/refund-requests/{request}`
pub async fn decide(State(state): State<AppState>, visit: Visit, Path(request): Path<String>, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = RefundRequestId::parse(&request) else { return problem::failed(&visit, ApiError::NotFound) };
    let decision = match form.field("decision").as_str() {
        "approve" => Decision::Approve,
        "reject" => Decision::Reject,
        _ => return problem::unreadable(&visit, StatusCode::UNPROCESSABLE_ENTITY),
    };
    let reason = form.field("reason");
    match state.finance.decide(who.person, id, decision, &reason).await {
        Ok(DecisionOutcome::Done) => see_other(&format!("/finance/refund-requests/{id}")),
        Ok(outcome) => page(&state, &visit, &request, reason, outcome).await,
        Err(error) => problem::failed(&visit, error),
    }
}
