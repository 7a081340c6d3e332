//! `/balance/statement`: every movement of a period, with the balance after each; the same as a table.

use api::ApiError;
use api::balance::{StatementQuery, StatementView};
use api::i18n::{Locale, balance as t, format};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::balance::{MovementKind, Period};
use leptos::prelude::*;
use serde::Deserialize;

use super::{asked_period, last_day, movements, recent};
use crate::pages::auth::banner;
use crate::pages::problem;
use crate::redirect::see_other;
use crate::render::{Page, render};
use crate::state::AppState;
use crate::ui::parts::{Tone, fact};
use crate::visit::Visit;

/// The form of the period, as it was sent.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    from: Option<String>,
    to: Option<String>,
    kind: Option<String>,
    after: Option<i64>,
}

impl Asked {
    fn period(&self, recent: Period) -> Option<Period> {
        asked_period(self.from.as_deref(), self.to.as_deref(), recent)
    }
}

/// `GET /balance/statement`
pub async fn show(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let (asked, readable) = query.map_or_else(|_| (Asked::default(), false), |Query(asked)| (asked, true));
    let now = match state.balance.balance(who.person).await {
        Ok(balance) => balance.now,
        Err(error) => return problem::failed(&visit, error),
    };
    let Some(recent) = recent(now) else { return problem::failed(&visit, ApiError::Internal) };
    let wanted = asked.period(recent).filter(|_| readable);
    let kind = asked.kind.as_deref().and_then(MovementKind::parse);
    let query = StatementQuery { period: wanted.unwrap_or(recent), kind, after: asked.after };
    let statement = match state.balance.statement(who.person, query).await {
        Ok(statement) => statement,
        Err(error) => return problem::failed(&visit, error),
    };
    let status = if wanted.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    render(&visit, Page::new(t::history(visit.locale)).status(status), || {
        let locale = visit.locale;
        let above = wanted.is_none().then(|| banner(Tone::Warning, t::period_wrong(locale)));
        view! {
            <div class="narrow stack" data-testid="statement">
                {above}
                {form(locale, &statement, kind)}
                {sums(locale, &statement)}
                {rows(locale, &statement, kind)}
                <a class="link block py-2" href="/balance">{t::to_balance(locale)}</a>
            </div>
        }
        .into_any()
    })
}

fn form(locale: Locale, statement: &StatementView, kind: Option<MovementKind>) -> AnyView {
    let kinds = MovementKind::ALL.iter().map(|of| {
        view! { <option value=of.as_str() selected=Some(*of) == kind>{t::movement(locale, *of)}</option> }.into_any()
    });
    let (from, to) = (statement.period.from().to_string(), last_day(statement.period).to_string());
    view! {
        <section class="card">
            <h1>{t::history(locale)}</h1>
            <form method="get" action="/balance/statement">
                <div class="mt-4 grid gap-3 sm:grid-cols-2">
                    <div>
                        <label class="field-label" for="from">{t::period_from(locale)}</label>
                        <input class="field" id="from" name="from" type="date" value=from data-testid="from"/>
                    </div>
                    <div>
                        <label class="field-label" for="to">{t::period_to(locale)}</label>
                        <input class="field" id="to" name="to" type="date" value=to data-testid="to"/>
                    </div>
                </div>
                <label class="field-label mt-3" for="kind">{t::kind_label(locale)}</label>
                <select class="field" id="kind" name="kind" data-testid="kind">
                    <option value="">{t::kind_all(locale)}</option>
                    {kinds.collect_view()}
                </select>
                <button class="button button-quiet mt-4" type="submit" data-testid="show">{t::show(locale)}</button>
            </form>
        </section>
    }
    .into_any()
}

fn sums(locale: Locale, statement: &StatementView) -> AnyView {
    let held = statement
        .held
        .is_positive()
        .then(|| view! { <p class="muted mt-3">{t::held(locale, format::money(locale, statement.held))}</p> }.into_any());
    view! {
        <section class="card">
            <dl class="facts">
                {fact(t::opening(locale), format::money(locale, statement.opening).into_any())}
                {fact(t::closing(locale), format::money(locale, statement.closing).into_any())}
            </dl>
            {held}
        </section>
    }
    .into_any()
}

fn rows(locale: Locale, statement: &StatementView, kind: Option<MovementKind>) -> AnyView {
    let days = format!("from={}&to={}", statement.period.from(), last_day(statement.period));
    let none = statement.movements.is_empty().then(|| view! { <p class="muted">{t::history_none(locale)}</p> }.into_any());
    let list = (!statement.movements.is_empty()).then(|| movements(locale, &statement.movements, statement.now));
    let more = statement.next.map(|next| {
        let kind = kind.map(|kind| format!("&kind={}", kind.as_str())).unwrap_or_default();
        view! { <a class="button button-quiet mt-4" href=format!("/balance/statement?{days}{kind}&after={next}")>{t::more(locale)}</a> }.into_any()
    });
    view! {
        <section class="card">
            {none}
            {list}
            {more}
            <a class="link mt-3 block py-2" href=format!("/balance/statement.csv?{days}") data-testid="csv">{t::download_csv(locale)}</a>
        </section>
    }
    .into_any()
}

/// `GET /balance/statement.csv`
pub async fn csv(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let now = match state.balance.balance(who.person).await {
        Ok(balance) => balance.now,
        Err(error) => return problem::failed(&visit, error),
    };
    let Some(period) = recent(now).and_then(|recent| asked.period(recent)) else {
        return problem::unreadable(&visit, StatusCode::UNPROCESSABLE_ENTITY);
    };
    match state.balance.statement_csv(who.person, period, visit.locale).await {
        Ok(file) => {
            // The name goes into a header: letters, digits, dots and hyphens only.
            let name: String =
                file.file_name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
            let mut response =
                ([(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"))], file.bytes).into_response();
            if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
            }
            response
        }
        Err(error) => problem::failed(&visit, error),
    }
}
