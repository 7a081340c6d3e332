//! `/finance/orders`: every payment, and all that became of it.

use api::ApiError;
use api::finance::{Done, EntryRow, FormFaults, OrderDetail, OrderQuery, OrderRow, RefundForm};
use api::i18n::{Locale, finance as t, guest};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::finance::OrderFilter;
use domain::{OrderId, Tyiyn};
use leptos::prelude::*;

use super::notices::notice_line;
use super::refunds::refund_line;
use super::{
    Asked, Line, amount_field, deed, line, list as rows_or_none, long_fact, money, order_address, purpose, reason_field,
    sections, short, when,
};
use crate::forms::SentForm;
use crate::pages::auth::{banner, form_word, second_step};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, fact};
use crate::visit::Visit;

/// `GET /finance/orders`
pub async fn list(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let filter = asked.filter.as_deref().and_then(OrderFilter::parse).unwrap_or_default();
    let id = Asked::text(asked.id.as_ref());
    let query = OrderQuery { filter, id: id.clone(), after: asked.after_id().map(OrderId::from_uuid) };
    let found = match state.finance.orders(query).await {
        Ok(found) => found,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::orders(visit.locale)), || {
        let locale = visit.locale;
        let rows = found.rows.iter().map(|row| order_line(locale, row, when(locale, row.created_at, found.now))).collect();
        let older = found.next.map(|next| format!("/finance/orders?filter={}&after={next}", filter.as_str()));
        let filters = OrderFilter::ALL.iter().map(|of| {
            view! { <option value=of.as_str() selected=*of == filter>{t::order_filter(locale, *of)}</option> }.into_any()
        });
        view! {
            <div class="stack" data-testid="orders">
                {sections(locale, "/finance/orders")}
                <section class="card">
                    <h1>{t::orders(locale)}</h1>
                    <div class="mt-4 grid gap-4 sm:grid-cols-2">
                        <form method="get" action="/finance/orders">
                            <label class="field-label" for="filter">{t::filter(locale)}</label>
                            <select class="field" id="filter" name="filter" data-testid="filter">{filters.collect_view()}</select>
                            <button class="button button-quiet mt-3" type="submit">{t::show(locale)}</button>
                        </form>
                        <form method="get" action="/finance/orders">
                            <label class="field-label" for="id">{t::find_label(locale)}</label>
                            <input class="field" id="id" name="id" maxlength="200" autocomplete="off" value=id.unwrap_or_default() data-testid="id"/>
                            <button class="button button-quiet mt-3" type="submit" data-testid="find">{t::find(locale)}</button>
                        </form>
                    </div>
                </section>
                <section class="card">{rows_or_none(locale, rows, older)}</section>
            </div>
        }
        .into_any()
    })
}

fn order_line(locale: Locale, row: &OrderRow, when: String) -> AnyView {
    line(Line {
        address: order_address(row.id),
        title: format!("{} {}", purpose(locale, &row.purpose), short(&row.id)),
        amount: Some(money(locale, row.paid.unwrap_or(row.amount))),
        below: when,
        pill: Some(t::stage(locale, &row.state)),
        testid: "order",
    })
}

/// What stands in the form.
#[derive(Default)]
struct Filled {
    form: RefundForm,
    faults: FormFaults,
    above: Option<(Tone, String)>,
}

/// `GET /finance/orders/{order}`
pub async fn show(
    State(state): State<AppState>,
    visit: Visit,
    Path(order): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let done = query.is_ok_and(|Query(asked)| asked.done.is_some());
    let above = done.then(|| (Tone::Good, t::asked_again(visit.locale)));
    let form = RefundForm { idempotency_key: visit.site.random_word(), ..RefundForm::default() };
    page(&state, &visit, &order, StatusCode::OK, Filled { form, above, ..Filled::default() }).await
}

async fn page(state: &AppState, visit: &Visit, order: &str, status: StatusCode, filled: Filled) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = OrderId::parse(order) else { return problem::failed(visit, ApiError::NotFound) };
    let detail = match state.finance.order(who.person, id).await {
        Ok(detail) => detail,
        Err(error) => return problem::failed(visit, error),
    };
    render(visit, Page::new(t::order(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = filled.above.clone().map(|(tone, text)| banner(tone, text));
        let refunds = detail.refunds.iter().map(|refund| refund_line(locale, refund, detail.now)).collect();
        let entries =
            detail.entries.iter().map(|entry| entry_line(locale, entry, when(locale, entry.effective_at, detail.now)));
        let notices = detail.notices.iter().map(|notice| notice_line(locale, notice, detail.now)).collect();
        view! {
            <div class="stack" data-testid="order-page" data-state=detail.order.state.clone()>
                {sections(locale, "/finance/orders")}
                {above}
                <div class="columns">
                    <div class="stack">
                        {facts(visit, &detail)}
                        <section class="card"><h2>{t::entries(locale)}</h2>{rows_or_none(locale, entries.collect(), None)}</section>
                    </div>
                    <div class="stack">
                        {refund_form(visit, &detail, filled)}
                        <section class="card"><h2>{t::refunds(locale)}</h2>{rows_or_none(locale, refunds, None)}</section>
                        <section class="card"><h2>{t::inbox(locale)}</h2>{rows_or_none(locale, notices, None)}</section>
                    </div>
                </div>
            </div>
        }
        .into_any()
    })
}

/// A line of a journal.
pub(super) fn entry_line(locale: Locale, entry: &EntryRow, when: String) -> AnyView {
    let after =
        entry.balance.map(|balance| format!(" · {}", api::i18n::balance::balance_after(locale, money(locale, balance))));
    line(Line {
        address: format!("/finance/entries/{}", entry.entry),
        title: t::entry_kind(locale, &entry.kind),
        amount: Some(money(locale, entry.amount)),
        below: format!("{when}{} · {}", after.unwrap_or_default(), entry.explanation),
        pill: None,
        testid: "entry",
    })
}

fn facts(visit: &Visit, detail: &OrderDetail) -> AnyView {
    let locale = visit.locale;
    let order = &detail.order;
    let text = |text: String| text.into_any();
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        text(at.map_or_else(|| t::not_yet(locale), |at| when(locale, at, detail.now)))
    };
    let account = format!("/finance/journal?account={}", crate::redirect::escaped(&detail.account));
    view! {
        <section class="card">
            <h1>{format!("{} {}", purpose(locale, &order.purpose), short(&order.id))}</h1>
            <dl class="facts mt-3">
                {fact(t::state(locale), text(t::stage(locale, &order.state)))}
                {fact(t::asked_sum(locale), text(money(locale, order.amount)))}
                {fact(t::paid_sum(locale), text(order.paid.map_or_else(|| t::not_yet(locale), |paid| money(locale, paid))))}
                {fact(t::sent_back(locale), text(money(locale, order.refunds)))}
                {fact(t::on_account(locale), text(money(locale, detail.available)))}
                {fact(t::created(locale), time(Some(order.created_at)))}
                {fact(t::paid_at(locale), time(detail.paid_at))}
                {fact(t::cleared_at(locale), time(detail.cleared_at))}
                {fact(t::provider_says(locale), text(detail.provider_status.clone().unwrap_or_else(|| t::not_yet(locale))))}
                {long_fact(t::provider_id(locale), detail.provider_guid.clone().unwrap_or_else(|| t::not_yet(locale)))}
                {long_fact(t::our_ids(locale), detail.external_ids.join(", "))}
            </dl>
            <a class="link mt-3 block [overflow-wrap:anywhere] py-2" href=account data-testid="to-journal">{detail.account.clone()}</a>
            {deed(visit, format!("{}/ask", order_address(order.id)), t::ask_provider(locale), "ask-provider")}
        </section>
    }
    .into_any()
}

fn refund_form(visit: &Visit, detail: &OrderDetail, filled: Filled) -> AnyView {
    let locale = visit.locale;
    let may = visit.who.as_ref().is_some_and(|who| who.reach(domain::auth::Permission::IssueRefund).is_some());
    if !may {
        return ().into_any();
    }
    if !detail.refundable.is_positive() {
        return view! {
            <section class="card"><h2>{t::refund_title(locale)}</h2><p class="muted" data-testid="refund-nothing">{t::refund_nothing(locale)}</p></section>
        }
        .into_any();
    }
    let most = money(locale, detail.refundable);
    let error = filled.faults.amount.map(|error| guest::amount_error(locale, error, &money(locale, Tyiyn::new(1)), &most));
    view! {
        <section class="card">
            <h2>{t::refund_title(locale)}</h2>
            <p class="muted" data-testid="refundable">{t::refund_lead(locale, &most)}</p>
            <form method="post" action=format!("{}/refund", order_address(detail.order.id)) novalidate=true>
                {form_word(visit.form_token.as_deref())}
                <input type="hidden" name="idempotency_key" value=filled.form.idempotency_key/>
                {amount_field(locale, filled.form.amount, error)}
                {reason_field(locale, filled.form.reason, filled.faults.reason)}
                {second_step::money_field(visit)}
                <button class="button button-main mt-6" type="submit" data-testid="refund">{t::send_back(locale)}</button>
            </form>
        </section>
    }
    .into_any()
}

/// `POST /finance/orders/{order}/ask`
pub async fn ask(State(state): State<AppState>, visit: Visit, Path(order): Path<String>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = OrderId::parse(&order) else { return problem::failed(&visit, ApiError::NotFound) };
    match state.finance.ask_provider(who.person, id).await {
        Ok(()) => see_other(&format!("{}?done=1", order_address(id))),
        Err(error) => problem::failed(&visit, error),
    }
}

/// `POST /finance/orders/{order}/refund`
pub async fn refund(State(state): State<AppState>, visit: Visit, Path(order): Path<String>, form: SentForm) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(id) = OrderId::parse(&order) else { return problem::failed(&visit, ApiError::NotFound) };
    let locale = visit.locale;
    let mut form = RefundForm {
        amount: form.field("amount"),
        reason: form.field("reason"),
        idempotency_key: form.field("idempotency_key"),
    };
    let (status, faults, above) = match state.finance.refund_order(who.person, id, &form).await {
        Ok(Done::Yes(request)) => return see_other(&format!("/finance/refund-requests/{request}")),
        Ok(Done::Invalid(faults)) => {
            let above = faults.form.then(|| (Tone::Warning, t::form_stale(locale)));
            (StatusCode::UNPROCESSABLE_ENTITY, faults, above)
        }
        Err(ApiError::Conflict) => (
            StatusCode::CONFLICT,
            FormFaults { form: true, ..FormFaults::default() },
            Some((Tone::Warning, t::form_reused(locale))),
        ),
        Err(error) => return problem::failed(&visit, error),
    };
    if faults.form {
        form.idempotency_key = visit.site.random_word();
    }
    page(&state, &visit, &order, status, Filled { form, faults, above }).await
}
