//! `/balance/top-ups/{order}`: the payment's link while it can be paid, and what became of it.

use api::balance::TopUpView;
use api::i18n::{Locale, balance as t, format};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::OrderId;
use domain::balance::TopUpState;
use leptos::prelude::*;
use serde::Deserialize;
use uuid::Uuid;

use crate::islands::AskAgain;
use crate::pages::auth::TIME_ZONE;
use crate::pages::guest::refund;
use crate::pages::guest::waiting::{payment, qr_card, time_to_pay};
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Motion, Page, render};
use crate::state::AppState;
use crate::ui::icons;
use crate::ui::parts::{Tone, helpline_card};
use crate::visit::Visit;

/// `?returned` is there when the payment page sent the payer back.
#[derive(Debug, Default, Deserialize)]
pub struct Returned {
    returned: Option<String>,
}

/// `GET /balance/top-ups/{order}`: 404 for what is not the person's.
pub async fn show(
    State(state): State<AppState>,
    visit: Visit,
    Path(order): Path<String>,
    query: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let Ok(order) = Uuid::try_parse(&order).map(OrderId::from_uuid) else {
        return problem::failed(&visit, api::ApiError::NotFound);
    };
    let returned = query.is_ok_and(|Query(q)| q.returned.is_some());
    let view = match state.balance.top_up_view(who.person, order, returned).await {
        Ok(view) => view,
        Err(error) => return problem::failed(&visit, error),
    };
    let follows = view.state == TopUpState::AwaitingPayment;
    let amount = format::money(visit.locale, view.paid.unwrap_or(view.amount));
    let title = t::top_up_state(visit.locale, view.state, &amount);
    let motion = if follows { Motion::Follows } else { Motion::Still };
    render(&visit, Page::new(title.clone()).motion(motion), || {
        let locale = visit.locale;
        let body = if follows { awaiting(locale, &view, title) } else { ended(locale, &view, title) };
        let refunds = view.refunds.iter().map(|refund| refund::of(locale, refund, TIME_ZONE, view.now));
        view! {
            <div class="narrow stack" data-testid="top-up-page" data-state=view.state.as_str()>
                {body}
                {refunds.collect_view()}
                {helpline_card(locale, &visit.site.helpline)}
            </div>
        }
        .into_any()
    })
}

fn awaiting(locale: Locale, view: &TopUpView, title: String) -> AnyView {
    let link = payment(locale, view.payment_url.as_deref());
    let qr = view.payment_url.as_deref().and_then(|url| qr_card(locale, url));
    let left = time_to_pay(locale, view.expires_at, view.now);
    view! {
        <section class="card">
            <h1>{title}</h1>
            <p class="lead">{t::state_awaiting_text(locale)}</p>
            {link}
            {left}
            <AskAgain><span data-follows=""></span></AskAgain>
        </section>
        {qr}
    }
    .into_any()
}

fn ended(locale: Locale, view: &TopUpView, title: String) -> AnyView {
    let is_paid = view.state == TopUpState::Paid;
    let (tone, icon) = if is_paid { (Tone::Good, icons::check("icon")) } else { (Tone::Warning, icons::warning("icon")) };
    let disc = format!("disc {} mb-4", tone.class());
    let late = (!is_paid).then(|| view! { <p class="lead">{t::state_late_text(locale)}</p> }.into_any());
    let again =
        (!is_paid).then(|| view! { <a class="button button-main mt-6" href="/balance">{t::again(locale)}</a> }.into_any());
    view! {
        <section class="card">
            <span class=disc>{icon}</span>
            <h1>{title}</h1>
            {late}
            {again}
            <a class="link mt-4 block py-2" href="/balance" data-testid="to-balance">{t::to_balance(locale)}</a>
        </section>
    }
    .into_any()
}
