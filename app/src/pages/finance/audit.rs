//! `/audit`: who did what to whom.

use api::i18n::finance as t;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;

use super::{Asked, list, when};
use crate::pages::problem;
use crate::redirect::{escaped, see_other};
use crate::render::{Page, render};
use crate::state::AppState;
use crate::visit::Visit;

/// `GET /audit`
pub async fn show(State(state): State<AppState>, visit: Visit, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let Some(who) = &visit.who else { return see_other("/sign-in") };
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let about = Asked::text(asked.id.as_ref());
    let found = match state.finance.audit_trail(who.person, about.clone(), asked.after_number()).await {
        Ok(found) => found,
        Err(error) => return problem::failed(&visit, error),
    };
    render(&visit, Page::new(t::audit(visit.locale)), || {
        let locale = visit.locale;
        let rows = found.rows.iter().map(|event| {
            let actor = event.actor.clone().map_or_else(|| t::audit_system(locale), |id| format!("{} {id}", event.actor_kind));
            let detail = if event.detail == "{}" { String::new() } else { event.detail.clone() };
            view! {
                <li class="row" data-testid="event" data-action=event.action.clone()>
                    <div class="grow min-w-0">
                        <div class="flex flex-wrap items-center justify-between gap-2">
                            <b class="min-w-0 [overflow-wrap:anywhere]">{event.action.clone()}</b>
                            <span class="muted text-sm">{when(locale, event.at, found.now)}</span>
                        </div>
                        <span class="muted block [overflow-wrap:anywhere] text-sm">{format!("{actor} → {} {}", event.subject_kind, event.subject)}</span>
                        <span class="muted block [overflow-wrap:anywhere] text-sm">{detail}</span>
                    </div>
                </li>
            }
            .into_any()
        });
        let of = about.as_deref().map(|id| format!("id={}&", escaped(id))).unwrap_or_default();
        let older = found.next.map(|next| format!("/audit?{of}after={next}"));
        view! {
            <div class="stack" data-testid="audit">
                <section class="card">
                    <h1>{t::audit(locale)}</h1>
                    <form method="get" action="/audit" class="mt-4">
                        <label class="field-label" for="id">{t::audit_about(locale)}</label>
                        <input class="field" id="id" name="id" maxlength="200" autocomplete="off" value=about.clone().unwrap_or_default() data-testid="id"/>
                        <button class="button button-quiet mt-3" type="submit" data-testid="find">{t::find(locale)}</button>
                    </form>
                </section>
                <section class="card">{list(locale, rows.collect(), older)}</section>
            </div>
        }
        .into_any()
    })
}
