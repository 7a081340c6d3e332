//! `/g/{token}`: one page for all phases. Reloading it, opening it on a second phone or going back to it shows the same state.

use api::guest::GuestView;
use api::i18n::{Locale, format, guest as t, receipt};
use axum::response::Response;
use domain::guest::GuestPhase;
use leptos::prelude::*;

use super::{bill, live_panel, refund, stepper, waiting};
use crate::islands::{CopyLink, LiveSession};
use crate::live;
use crate::render::{Motion, Page, render};
use crate::ui::icons;
use crate::ui::parts::{helpline_card, letter};
use crate::visit::Visit;

/// The page in the phase that the view tells.
pub fn answer(visit: &Visit, view: &GuestView, returned: bool) -> Response {
    let locale = visit.locale;
    let follows = !view.phase.is_final();
    let page = Page::new(title(locale, view)).motion(if follows { Motion::Follows } else { Motion::Islands });
    render(visit, page, || {
        let inside = view! {
            {stepper::stepper(locale, view.phase)}
            {phase_content(visit, view, returned)}
        }
        .into_any();
        let inside = if follows { followed(locale, view, inside) } else { inside };
        view! {
            <div class="middle stack" data-testid="phase" data-phase=view.phase.as_str()>
                {inside}
                {about(visit, view)}
            </div>
        }
        .into_any()
    })
}

fn title(locale: Locale, view: &GuestView) -> String {
    t::phase_title(locale, view.phase, &format::money_short(locale, view.amount))
}

/// The part that the island keeps up to date. It loads the page anew when `data-page` is not the server's any more.
fn followed(locale: Locale, view: &GuestView, inside: AnyView) -> AnyView {
    let snapshot = live::snapshot(view, locale);
    let templates = live::AgoTemplates::new(locale);
    let updated = snapshot.updated_at_ms.unwrap_or_default().to_string();
    let url = format!("/g/{}/live", view.token);
    view! {
        <LiveSession>
            <div
                class="stack"
                data-follows=""
                data-url=url
                data-page=snapshot.page
                data-now-ms=snapshot.now_ms.to_string()
                data-updated-ms=updated
                data-energy-wh=snapshot.energy_wh.to_string()
                data-cost-tyiyn=snapshot.cost_tyiyn.to_string()
                data-ago-seconds=templates.seconds
                data-ago-minutes=templates.minutes
            >
                {inside}
            </div>
        </LiveSession>
    }
    .into_any()
}

fn phase_content(visit: &Visit, view: &GuestView, returned: bool) -> AnyView {
    let locale = visit.locale;
    match view.phase {
        GuestPhase::AwaitingPayment => waiting::for_payment(locale, view, returned),
        GuestPhase::PlugIn => waiting::for_cable(locale, view),
        GuestPhase::Charging => live_panel::charging(locale, view),
        GuestPhase::Stopping => live_panel::stopping(locale, view),
        GuestPhase::Refunding | GuestPhase::Completed => bill::finished(locale, view),
        GuestPhase::FailedRefunding | GuestPhase::FailedRefunded => failed(locale, view),
        GuestPhase::Expired => expired(locale, view),
    }
}

fn failed(locale: Locale, view: &GuestView) -> AnyView {
    let amount = format::money_short(locale, view.paid.unwrap_or(view.amount));
    let back = if view.phase == GuestPhase::FailedRefunded {
        t::failed_is_back(locale, amount)
    } else {
        t::failed_paid_back(locale, amount)
    };
    let why = view.failure.map(|failure| {
        view! { <p class="lead" data-testid="failure" data-failure=failure.as_str()>{t::start_failure(locale, failure)}</p> }.into_any()
    });
    view! {
        <section class="card">
            <span class="disc tone-warning mb-4">{icons::warning("icon")}</span>
            <h1>{t::failed_title(locale)}</h1>
            {why}
            <p class="mt-2 font-semibold">{back}</p>
            <a class="button button-quiet mt-6" href=format!("/q/{}", view.code)>{t::start_anew(locale)}</a>
        </section>
        {refund::card(locale, view)}
    }
    .into_any()
}

fn expired(locale: Locale, view: &GuestView) -> AnyView {
    view! {
        <section class="card">
            <span class="disc tone-calm mb-4">{icons::clock("icon")}</span>
            <h1>{t::expired_title(locale)}</h1>
            <p class="lead">{t::expired_text(locale)}</p>
            <p class="muted mt-2">{t::expired_late(locale)}</p>
            <a class="button button-main mt-6" href=format!("/q/{}", view.code) data-testid="start-anew">{t::start_anew(locale)}</a>
        </section>
    }
    .into_any()
}

/// Where the guest charges, whom to call, and how to come back.
fn about(visit: &Visit, view: &GuestView) -> AnyView {
    let locale = visit.locale;
    let c = &view.connector;
    let link = format!("{}/g/{}", visit.host.origin, view.token);
    view! {
        <section class="card flex items-center gap-4">
            {letter(&c.connector_label, "letter letter-small")}
            <div class="min-w-0">
                <p class="font-semibold">{c.station_name.clone()}</p>
                <p class="muted text-sm">{format!("{}, {} · {}", t::connector(locale, &c.connector_label), receipt::plug(c.plug), c.station_address)}</p>
            </div>
        </section>
        {helpline_card(locale, &c.helpline)}
        <section class="px-2">
            <p class="muted text-sm">{t::page_is_yours(locale)}</p>
            {copy(locale, t::copy_page_link(locale), link)}
        </section>
    }
    .into_any()
}

/// A button that copies a link; without JavaScript it is hidden, because the browser's own ways do the same.
pub fn copy(locale: Locale, text: String, link: String) -> AnyView {
    view! {
        <CopyLink>
            <button class="button button-text" type="button" hidden=true data-copy=link data-copied=t::copied(locale)>{text}</button>
        </CopyLink>
    }
    .into_any()
}

/// The question before the stop (or, before anything flows, before calling it off), on a page of its own.
pub fn stop_question(visit: &Visit, view: &GuestView) -> Response {
    let locale = visit.locale;
    let words = StopWords::new(locale, view.phase);
    render(visit, Page::new(words.question.clone()), || {
        view! {
            <div class="narrow stack" data-testid="phase" data-phase=view.phase.as_str()>
                <section class="card">
                    <h1>{words.question.clone()}</h1>
                    <p class="lead">{words.text.clone()}</p>
                    {stop_form(view, words, false)}
                </section>
                {helpline_card(locale, &view.connector.helpline)}
            </div>
        }
        .into_any()
    })
}

/// What the stop is called in a phase.
pub struct StopWords {
    pub stop: String,
    pub question: String,
    pub text: String,
    pub yes: String,
    pub no: String,
}

impl StopWords {
    pub fn new(locale: Locale, phase: GuestPhase) -> Self {
        if phase == GuestPhase::PlugIn {
            Self {
                stop: t::cancel(locale),
                question: t::cancel_question(locale),
                text: t::cancel_text(locale),
                yes: t::cancel_yes(locale),
                no: t::cancel_no(locale),
            }
        } else {
            Self {
                stop: t::stop(locale),
                question: t::stop_question(locale),
                text: t::stop_text(locale),
                yes: t::stop_yes(locale),
                no: t::stop_no(locale),
            }
        }
    }
}

/// The form that stops, and the way out. `in_page`: the way out only closes the question.
pub fn stop_form(view: &GuestView, words: StopWords, in_page: bool) -> AnyView {
    let way_out = if in_page {
        view! { <button class="button button-quiet" type="button" data-stop-cancel="">{words.no}</button> }.into_any()
    } else {
        view! { <a class="button button-quiet" href=format!("/g/{}", view.token)>{words.no}</a> }.into_any()
    };
    view! {
        <form class="mt-5 grid gap-3" method="post" action=format!("/g/{}/stop", view.token)>
            <button class="button button-main" type="submit" data-testid="stop-confirm">{words.yes}</button>
            {way_out}
        </form>
    }
    .into_any()
}
