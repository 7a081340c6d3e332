//! Where the money that goes back is.

use api::guest::{GuestView, RefundState, RefundView};
use api::i18n::{Locale, format, guest as t};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::ui::icons;
use crate::ui::parts::Tone;

/// The refund's card; for a failed start also before the refund exists.
pub fn card(locale: Locale, view: &GuestView) -> AnyView {
    let shown = |refund| of(locale, refund, &view.connector.time_zone, view.now);
    view.refund.as_ref().map_or_else(|| being_made(locale), shown)
}

fn being_made(locale: Locale) -> AnyView {
    view! {
        <section class="card flex items-center gap-4" data-testid="refund-state" data-state="pending">
            <span class="disc tone-calm">{icons::back("icon")}</span>
            <p>{t::refund_preparing(locale)}</p>
        </section>
    }
    .into_any()
}

/// The word in `data-state`.
const fn state_name(state: RefundState) -> &'static str {
    match state {
        RefundState::Pending => "pending",
        RefundState::Delayed => "delayed",
        RefundState::Completed => "completed",
    }
}

/// The card of one refund.
pub fn of(locale: Locale, refund: &RefundView, time_zone: &str, now: DateTime<Utc>) -> AnyView {
    let (tone, icon) = match refund.state {
        RefundState::Pending => (Tone::Calm, icons::back("icon")),
        RefundState::Delayed => (Tone::Warning, icons::warning("icon")),
        RefundState::Completed => (Tone::Good, icons::check("icon")),
    };
    let text = match (refund.state, refund.completed_at) {
        (RefundState::Pending, _) => t::refund_pending(locale),
        (RefundState::Delayed, _) => t::refund_delayed(locale),
        (RefundState::Completed, None) => t::refund_completed(locale),
        (RefundState::Completed, Some(at)) => {
            t::refund_completed_at(locale, format::time_or_date_time(locale, time_zone, at, now))
        }
    };
    let disc = format!("disc {}", tone.class());
    let amount = format!("{}: {}", t::refund_title(locale), format::money_short(locale, refund.amount));
    view! {
        <section class="card flex items-start gap-4" data-testid="refund-state" data-state=state_name(refund.state)>
            <span class=disc>{icon}</span>
            <div class="min-w-0">
                <h2 class="tabular-nums">{amount}</h2>
                <p role="status">{text}</p>
                <p class="muted text-sm break-words" data-testid="refund-reference">{t::refund_reference(locale, &refund.reference)}</p>
            </div>
        </section>
    }
    .into_any()
}
