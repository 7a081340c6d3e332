//! Before anything flows: waiting for the payment, then for the cable.

use api::guest::GuestView;
use api::i18n::{Locale, format, guest as t};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::charge_page::copy;
use super::live_panel::stop_control;
use crate::islands::Countdown;
use crate::ui::icons;
use crate::ui::parts::{Tone, letter, notice};

/// The payment link in every form that a payer may need: a button, a code for another phone, text to copy.
pub fn for_payment(locale: Locale, view: &GuestView, returned: bool) -> AnyView {
    let amount = format::money_short(locale, view.amount);
    let checking =
        returned.then(|| view! { <div role="status">{notice(Tone::Calm, t::awaiting_check(locale))}</div> }.into_any());
    let payment = payment(locale, view.payment_url.as_deref());
    let qr = view.payment_url.as_deref().and_then(|url| qr_card(locale, url));
    view! {
        {checking}
        <section class="card">
            <h1>{t::awaiting_title(locale, amount)}</h1>
            <p class="lead">{t::awaiting_text(locale)}</p>
            {payment}
            {time_to_pay(locale, view.payment_expires_at, view.now)}
            <p class="field-hint text-center">{t::awaiting_time_out(locale)}</p>
        </section>
        {qr}
    }
    .into_any()
}

/// How long the link is good.
pub fn time_to_pay(locale: Locale, until: DateTime<Utc>, now: DateTime<Utc>) -> AnyView {
    view! {
        <div class="mt-5 flex items-center justify-center gap-2">
            {icons::clock("icon muted")}
            <span class="muted">{t::awaiting_time_left(locale)}</span>
            {countdown(until, now, "font-semibold tabular-nums")}
        </div>
    }
    .into_any()
}

/// The button that leads to the provider, once the link is there.
pub fn payment(locale: Locale, url: Option<&str>) -> AnyView {
    url.map_or_else(
        || view! { <div class="mt-5">{notice(Tone::Calm, t::awaiting_link(locale))}</div> }.into_any(),
        |url| payment_link(locale, url.to_owned()),
    )
}

fn payment_link(locale: Locale, url: String) -> AnyView {
    view! {
        <a class="button button-main mt-5" href=url.clone() rel="noreferrer" data-testid="pay">{t::awaiting_go(locale)}{icons::arrow("icon")}</a>
        {copy(locale, t::copy_payment_link(locale), url)}
    }
    .into_any()
}

/// For those who read this on a computer. Nothing when the link does not fit into a code.
pub fn qr_card(locale: Locale, url: &str) -> Option<AnyView> {
    let title = t::qr_title(locale);
    let picture = qr(url, title.clone())?;
    Some(
        view! {
            <section class="card qr-card">
                {picture}
                <div>
                    <h2>{title}</h2>
                    <p class="muted">{t::qr_text(locale)}</p>
                </div>
            </section>
        }
        .into_any(),
    )
}

/// A QR code, as a picture; nothing when the text is too long for one.
pub fn qr(text: &str, title: String) -> Option<AnyView> {
    let code = qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (i, color) in code.to_colors().into_iter().enumerate() {
        if color == qrcode::Color::Dark {
            path += &format!("M{} {}h1v1h-1z", i % width + QUIET, i / width + QUIET);
        }
    }
    let side = width + 2 * QUIET;
    Some(
        view! {
            <svg class="qr" viewBox=format!("0 0 {side} {side}") shape-rendering="crispEdges" role="img" aria-label=title data-testid="payment-qr">
                <rect class="qr-light" width=side.to_string() height=side.to_string()></rect>
                <path class="qr-dark" d=path></path>
            </svg>
        }
        .into_any(),
    )
}

/// Light modules around the code; the standard (ISO/IEC 18004 § 9.1) asks for four.
const QUIET: usize = 4;

/// The cable, the letter on it, and the time that is left.
pub fn for_cable(locale: Locale, view: &GuestView) -> AnyView {
    let label = view.connector.connector_label.clone();
    let (tone, state) =
        if view.start_accepted { (Tone::Good, t::start_accepted(locale)) } else { (Tone::Calm, t::start_asking(locale)) };
    let pill = format!("pill {}", tone.class());
    let left = view.start_deadline.map(|deadline| {
        view! {
            <div class="mt-6 text-center">
                <p class="muted">{t::plug_in_time_left(locale)}</p>
                {countdown(deadline, view.now, "figure figure-large")}
                <p class="field-hint">{t::plug_in_time_out(locale)}</p>
            </div>
        }
        .into_any()
    });
    view! {
        <section class="card">
            <p class=pill role="status" data-testid="start-state"><span class="dot"></span>{state}</p>
            <div class="plugging-scene">{letter(&label, "letter")}{icons::plugging("plugging-art")}</div>
            <h1>{t::plug_in_title(locale)}</h1>
            <p class="lead">{t::plug_in_text(locale, label)}</p>
            {left}
        </section>
        {stop_control(locale, view)}
    }
    .into_any()
}

/// `2:59`, counted down by the island; without it the time of the last page.
fn countdown(until: DateTime<Utc>, now: DateTime<Utc>, class: &'static str) -> AnyView {
    let left = (until - now).num_seconds();
    view! {
        <Countdown>
            <span class=class role="timer" data-testid="countdown" data-left-ms=(until - now).num_milliseconds().max(0).to_string()>{format::countdown(left)}</span>
        </Countdown>
    }
    .into_any()
}
