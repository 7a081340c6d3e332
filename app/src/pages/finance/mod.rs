//! Finance: all payments and refunds, what the provider told us, the journal, and whether all of it agrees.

mod audit;
mod ledger;
mod notices;
mod orders;
mod outbox;
mod overview;
mod reconciliation;
mod refunds;

pub use audit::show as audit_trail;
pub use ledger::{accounts, correct, correction, entry, journal};
pub use notices::{again as act_again, inbox, show as notice};
pub use orders::{ask as ask_provider, list as orders, refund as refund_order, show as order};
pub use outbox::{run as run_job, show as outbox};
pub use overview::show as overview;
pub use reconciliation::{begin as reconcile, show as reconciliation};
pub use refunds::{decide, list as refunds, show as refund_request};

use api::i18n::{Locale, finance as t, format};
use chrono::{DateTime, Utc};
use domain::{OrderId, Tyiyn};
use leptos::prelude::*;
use serde::Deserialize;
use uuid::Uuid;

use super::auth::{clock_time, form_word};
use crate::ui::parts::fact;
use crate::visit::Visit;

/// What lists are asked with. What cannot be read is as if it were not there.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    filter: Option<String>,
    id: Option<String>,
    after: Option<String>,
    from: Option<String>,
    to: Option<String>,
    account: Option<String>,
    done: Option<String>,
}

impl Asked {
    fn text(field: Option<&String>) -> Option<String> {
        field.map(|text| text.trim().chars().take(200).collect::<String>()).filter(|text| !text.is_empty())
    }
    fn after_number(&self) -> Option<i64> {
        self.after.as_deref()?.parse().ok()
    }
    fn after_id(&self) -> Option<Uuid> {
        Uuid::try_parse(self.after.as_deref()?).ok()
    }
}

/// The sections, on each of the pages.
fn sections(locale: Locale, here: &'static str) -> AnyView {
    let links = [
        ("/finance", t::finance(locale)),
        ("/finance/orders", t::orders(locale)),
        ("/finance/refunds", t::refunds(locale)),
        ("/finance/inbox", t::inbox(locale)),
        ("/finance/outbox", t::outbox(locale)),
        ("/finance/accounts", t::accounts(locale)),
        ("/finance/reconciliation", t::reconciliation(locale)),
    ];
    let links = links.into_iter().map(|(address, name)| {
        let current = (address == here).then_some("page");
        view! { <a class="switch-item" href=address aria-current=current>{name}</a> }.into_any()
    });
    view! { <nav class="switch flex-wrap" aria-label=t::sections(locale)>{links.collect_view()}</nav> }.into_any()
}

/// A row of a list that leads somewhere.
struct Line {
    address: String,
    title: String,
    amount: Option<String>,
    below: String,
    pill: Option<String>,
    testid: &'static str,
}

fn line(line: Line) -> AnyView {
    let pill = line.pill.map(|text| view! { <span class="pill tone-calm">{text}</span> }.into_any());
    let amount = line.amount.map(|text| view! { <b class="tabular-nums">{text}</b> }.into_any());
    view! {
        <li>
            <a class="row" href=line.address data-testid=line.testid>
                <span class="grow min-w-0">
                    <span class="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
                        <b class="min-w-0 [overflow-wrap:anywhere]">{line.title}</b>
                        {amount}
                    </span>
                    <span class="muted flex flex-wrap items-center justify-between gap-x-3 gap-y-1 text-sm">
                        <span class="min-w-0 [overflow-wrap:anywhere]">{line.below}</span>
                        {pill}
                    </span>
                </span>
            </a>
        </li>
    }
    .into_any()
}

/// The rows, or that there are none, and the way to older ones.
fn list(locale: Locale, rows: Vec<AnyView>, older: Option<String>) -> AnyView {
    if rows.is_empty() {
        return view! { <p class="muted" data-testid="none">{t::none(locale)}</p> }.into_any();
    }
    let older = older.map(|address| {
        view! { <a class="button button-quiet mt-4" href=address data-testid="older">{t::older(locale)}</a> }.into_any()
    });
    view! { <ul class="rows">{rows}</ul>{older} }.into_any()
}

/// A button that does one thing.
fn deed(visit: &Visit, address: String, text: String, testid: &'static str) -> AnyView {
    view! {
        <form method="post" action=address class="mt-4">
            {form_word(visit.form_token.as_deref())}
            <button class="button button-quiet sm:w-auto" type="submit" data-testid=testid>{text}</button>
        </form>
    }
    .into_any()
}

/// A fact whose value may be long and has no spaces.
fn long_fact(name: String, value: String) -> AnyView {
    fact(name, view! { <span class="[overflow-wrap:anywhere]">{value}</span> }.into_any())
}

/// A long form's text: why something is done.
fn reason_field(locale: Locale, typed: String, is_wrong: bool) -> AnyView {
    let error = is_wrong.then(|| {
        view! { <p class="field-error" id="reason-error" data-testid="field-error-reason">{t::reason_missing(locale)}</p> }
            .into_any()
    });
    let described = if is_wrong { "reason-error reason-hint" } else { "reason-hint" };
    view! {
        <label class="field-label mt-4" for="reason">{t::reason(locale)}</label>
        <textarea class="field" id="reason" name="reason" rows="3" maxlength="500" required=true aria-describedby=described aria-invalid=is_wrong.then_some("true") data-testid="reason">{typed}</textarea>
        {error}
        <p class="field-hint" id="reason-hint">{t::reason_hint(locale)}</p>
    }
    .into_any()
}

/// A sum, as a form's field.
fn amount_field(locale: Locale, typed: String, error: Option<String>) -> AnyView {
    let described = error.is_some().then_some("amount-error");
    let invalid = error.is_some().then_some("true");
    let error = error
        .map(|text| view! { <p class="field-error" id="amount-error" data-testid="field-error-amount">{text}</p> }.into_any());
    view! {
        <label class="field-label mt-4" for="amount">{t::amount(locale)}</label>
        <input class="field tabular-nums" id="amount" name="amount" inputmode="decimal" autocomplete="off" maxlength="20" required=true value=typed aria-describedby=described aria-invalid=invalid data-testid="amount"/>
        {error}
    }
    .into_any()
}

fn when(locale: Locale, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    clock_time(locale, at, now)
}

fn money(locale: Locale, amount: Tyiyn) -> String {
    format::money(locale, amount)
}

/// Enough of an id to tell it from others.
fn short(id: &impl ToString) -> String {
    let id = id.to_string();
    let tail = id.char_indices().nth_back(7).map_or(0, |(at, _)| at);
    format!("…{}", id.get(tail..).unwrap_or_default())
}

fn purpose(locale: Locale, purpose: &str) -> String {
    match purpose {
        "guest_charge" => t::purpose_guest(locale),
        "top_up" => t::purpose_top_up(locale),
        other => other.to_owned(),
    }
}

fn order_address(order: OrderId) -> String {
    format!("/finance/orders/{order}")
}
