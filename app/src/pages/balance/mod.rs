//! A driver's balance: what is there, how it gets there, where it went, and how it goes back.

mod overview;
mod refunds;
mod statement;
mod top_up;

pub use overview::{show, top_up};
pub use refunds::{ask as ask_refund, show as refunds};
pub use statement::{csv, show as statement};
pub use top_up::show as top_up_page;

use api::balance::MovementView;
use api::i18n::{Locale, balance as t, format};
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::Tyiyn;
use domain::balance::Period;
use leptos::prelude::*;

use super::auth::{TIME_ZONE, clock_time};

/// What the first page shows of the past.
const RECENT_DAYS: u64 = 30;

/// The day in Bishkek.
fn today(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&format::zone(TIME_ZONE)).date_naive()
}

/// The last days, today included.
pub(super) fn recent(now: DateTime<Utc>) -> Option<Period> {
    let last = today(now);
    Period::of_days(last.checked_sub_days(Days::new(RECENT_DAYS))?, last).ok()
}

/// The days that a form asks for; the last thirty when it names none; `None` when they are no period.
pub(super) fn asked_period(from: Option<&str>, to: Option<&str>, recent: Period) -> Option<Period> {
    let day = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::parse::<NaiveDate>);
    match (day(from), day(to)) {
        (None, None) => Some(recent),
        (Some(Ok(from)), Some(Ok(to))) => Period::of_days(from, to).ok(),
        _ => None,
    }
}

/// As a form shows it: the last day belongs to the period.
pub(super) fn last_day(period: Period) -> NaiveDate {
    period.to().pred_opt().unwrap_or(period.from())
}

/// `+500 som`, `−474.65 som`.
fn signed(locale: Locale, amount: Tyiyn) -> String {
    let money = format::money(locale, amount);
    if amount.is_positive() { format!("+{money}") } else { money }
}

/// Rows of movements, with the balance after each.
fn movements(locale: Locale, rows: &[MovementView], now: DateTime<Utc>) -> AnyView {
    let rows = rows.iter().map(|movement| {
        let note =
            movement.note.clone().map(|note| view! { <span class="muted block text-sm break-words">{note}</span> }.into_any());
        let when = clock_time(locale, movement.at, now);
        let after = t::balance_after(locale, format::money(locale, movement.balance));
        view! {
            <li class="row" data-testid="movement" data-kind=movement.kind.as_str()>
                <div class="grow min-w-0">
                    <div class="flex flex-wrap justify-between gap-x-3">
                        <b>{t::movement(locale, movement.kind)}</b>
                        <b class="tabular-nums" data-testid="movement-amount">{signed(locale, movement.amount)}</b>
                    </div>
                    <div class="muted flex flex-wrap justify-between gap-x-3 text-sm">
                        <span>{when}</span>
                        <span>{after}</span>
                    </div>
                    {note}
                </div>
            </li>
        }
        .into_any()
    });
    view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any()
}
