//! While energy flows, and while the stop is on its way. The first paint has all numbers; the island keeps them fresh.

use api::guest::{GuestView, LiveView};
use api::i18n::{Locale, format, guest as t};
use domain::guest::GuestPhase;
use domain::stations::ConnectorStatus;
use leptos::prelude::*;

use super::charge_page::{StopWords, stop_form};
use crate::islands::StopConfirm;
use crate::live::{self, LiveSnapshot};
use crate::ui::icons;
use crate::ui::parts::{Tone, limit_bar, notice};

/// Energy flows, or is suspended by car or charger.
pub fn charging(locale: Locale, view: &GuestView) -> AnyView {
    let Some(live) = &view.live else { return waiting_for_numbers(locale) };
    let snapshot = live::snapshot(view, locale);
    let paused = match live.status {
        ConnectorStatus::SuspendedEv => Some((t::suspended_ev_title(locale), t::suspended_ev_text(locale))),
        ConnectorStatus::SuspendedEvse => Some((t::suspended_evse_title(locale), t::suspended_evse_text(locale))),
        _ => None,
    };
    let moving = if paused.is_some() { "paused" } else { "flowing" };
    let (title, text) = paused.map_or_else(|| (t::charging_title(locale), None), |(title, text)| (title, Some(text)));
    let text = text.map(|text| view! { <p class="lead">{text}</p> }.into_any());
    view! {
        <section class="card">
            <div class="flex items-center gap-4">
                <span class="disc disc-live" data-flow=moving>{icons::bolt("icon")}</span>
                <div class="min-w-0">
                    <h1>{title}</h1>
                    {freshness(locale, live, &snapshot)}
                </div>
            </div>
            {text}
            {trouble(locale, &snapshot)}
            {numbers(locale, view, live, &snapshot)}
        </section>
        {stop_control(locale, view)}
        <p class="sr-only" role="status" aria-live="polite" data-announce=""></p>
    }
    .into_any()
}

fn waiting_for_numbers(locale: Locale) -> AnyView {
    view! {
        <section class="card">
            <h1>{t::charging_title(locale)}</h1>
            <p class="lead">{t::waiting_first_reading(locale)}</p>
        </section>
    }
    .into_any()
}

/// "Updated 12 s ago", or that the first reading is awaited.
fn freshness(locale: Locale, live: &LiveView, snapshot: &LiveSnapshot) -> AnyView {
    let text = live.updated_at.map_or_else(|| t::waiting_first_reading(locale), |_| snapshot.updated.clone());
    view! { <p class="muted text-sm" data-testid="updated" data-live-ago="">{text}</p> }.into_any()
}

/// What is wrong with the numbers, when something is. The island shows and hides these by name.
fn trouble(locale: Locale, snapshot: &LiveSnapshot) -> AnyView {
    let link_lost = snapshot.link_lost;
    let stale = snapshot.stale && !link_lost;
    view! {
        <div class="mt-4" role="status" data-live-if="link_lost" hidden=!link_lost data-testid="link-lost">{notice(Tone::Warning, t::link_lost(locale))}</div>
        <div class="mt-4" role="status" data-live-if="stale" hidden=!stale data-testid="stale">{notice(Tone::Warning, t::stale(locale))}</div>
    }
    .into_any()
}

fn numbers(locale: Locale, view: &GuestView, live: &LiveView, snapshot: &LiveSnapshot) -> AnyView {
    let limit = format::money_short(locale, live.limit);
    let note = t::limit_note(locale, format::money_short(locale, live.stop_at));
    let mark = live::permille(live.stop_at, live.limit);
    view! {
        <div class="mt-5">
            <p class="muted">{t::energy(locale)}</p>
            <p class="figure figure-large" data-testid="energy">
                <span data-live="energy_number">{snapshot.energy_number.clone()}</span>
                <span class="unit">{format!("\u{a0}{}", format::kwh_unit(locale))}</span>
            </p>
        </div>
        <div class="mt-4">
            <p class="flex flex-wrap items-baseline gap-x-2">
                <span class="sr-only">{t::cost(locale)}</span>
                <span class="figure" data-testid="cost" data-live="cost">{snapshot.cost.clone()}</span>
                <span class="muted">{t::cost_of(locale, limit)}</span>
            </p>
            {limit_bar(locale, snapshot.progress_permille, mark)}
            <p class="muted mt-1 text-right text-sm">{note}</p>
        </div>
        {tiles(locale, view, live, snapshot)}
    }
    .into_any()
}

fn tiles(locale: Locale, view: &GuestView, live: &LiveView, snapshot: &LiveSnapshot) -> AnyView {
    let battery = live.state_of_charge_percent.map(|_| tile(t::battery(locale), "battery", snapshot.battery.clone()));
    let price = format::price_per_kwh(locale, live.price.price_per_kwh);
    let next =
        super::connector_page::next_price(locale, &view.connector.time_zone, &live.price, live.next_price.as_ref(), view.now);
    view! {
        <dl class="tiles">
            {tile(t::power(locale), "power", snapshot.power.clone())}
            {tile(t::time(locale), "elapsed", snapshot.elapsed.clone())}
            {battery}
            <div class="tile tile-wide">
                <dt>{format!("{}: {}", t::price_now(locale), t::band(locale, live.price.band))}</dt>
                <dd data-live="price">{price}</dd>
                <dd class="tile-note" data-live="next_price">{next.unwrap_or_default()}</dd>
            </div>
        </dl>
    }
    .into_any()
}

fn tile(name: String, key: &'static str, value: String) -> AnyView {
    view! { <div class="tile"><dt>{name}</dt><dd data-live=key data-testid=key>{value}</dd></div> }.into_any()
}

/// A link to the question; the island asks it in place.
pub fn stop_control(locale: Locale, view: &GuestView) -> AnyView {
    let words = StopWords::new(locale, view.phase);
    let button = if view.phase == GuestPhase::PlugIn { "button button-text" } else { "button button-stop" };
    let address = format!("/g/{}/stop", view.token);
    let (stop, question, text) = (words.stop.clone(), words.question.clone(), words.text.clone());
    let form = stop_form(view, words, true);
    view! {
        <StopConfirm>
            <a class=button href=address data-stop-open="" data-testid="stop">{stop}</a>
            <template data-stop-question="">
                <section class="card" role="group" aria-labelledby="stop-question">
                    <h2 id="stop-question">{question}</h2>
                    <p class="muted">{text}</p>
                    {form}
                </section>
            </template>
        </StopConfirm>
    }
    .into_any()
}

/// The stop is on its way.
pub fn stopping(locale: Locale, view: &GuestView) -> AnyView {
    let snapshot = live::snapshot(view, locale);
    let offline = view.stop_queued_offline.then(|| {
        view! { <div class="mt-4" data-testid="stop-offline">{notice(Tone::Warning, t::stopping_offline(locale))}</div> }
            .into_any()
    });
    let calm = (!view.stop_queued_offline).then(|| view! { <p class="lead">{t::stopping_text(locale)}</p> }.into_any());
    let numbers = view.live.as_ref().map(|live| numbers(locale, view, live, &snapshot));
    view! {
        <section class="card">
            <div class="flex items-center gap-4">
                <span class="disc disc-wait">{icons::clock("icon")}</span>
                <h1>{t::stopping_title(locale)}</h1>
            </div>
            {calm}
            {offline}
            {numbers}
        </section>
    }
    .into_any()
}
