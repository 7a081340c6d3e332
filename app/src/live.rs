//! What the live socket sends: the newest state with every text ready in the reader's language.
//!
//! The server turns it into JSON; the island writes the texts into the page and makes nothing of its own but the seconds that pass.

use api::guest::{GuestView, LiveView};
use api::i18n::{Locale, format, guest as t};
use chrono::{DateTime, Duration, Utc};
use domain::Tyiyn;
use domain::guest::GuestPhase;
use serde::Serialize;

/// Numbers older than this are called stale.
pub const STALE_AFTER_S: i64 = 60;

/// One message of the live socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveSnapshot {
    pub phase: GuestPhase,
    /// A page that shows another one loads itself anew: the phase, and what else changes more than numbers.
    pub page: String,
    /// The server's clock, Unix milliseconds; the page's clock may be wrong.
    pub now_ms: i64,
    /// Of the last reading, Unix milliseconds.
    pub updated_at_ms: Option<i64>,
    /// The end of the countdown that the page shows, Unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// Cost per mille of the paid sum, at most 1000.
    pub progress_permille: u16,
    /// So that the page can refuse to fall.
    pub energy_wh: i64,
    pub cost_tyiyn: i64,
    pub link_lost: bool,
    pub stale: bool,
    pub energy: String,
    /// Without the unit, which the page has in small letters.
    pub energy_number: String,
    pub cost: String,
    pub power: String,
    pub elapsed: String,
    /// Empty when the car does not tell.
    pub battery: String,
    pub price: String,
    /// Empty when the price does not change.
    pub next_price: String,
    /// "Updated 12 s ago".
    pub updated: String,
    /// For screen readers, now and then.
    pub announcement: String,
}

/// The state of a guest's charge for the live page. Any phase; without numbers the texts are empty.
pub fn snapshot(view: &GuestView, locale: Locale) -> LiveSnapshot {
    let empty = LiveSnapshot {
        phase: view.phase,
        page: page(view),
        now_ms: view.now.timestamp_millis(),
        updated_at_ms: None,
        deadline_ms: deadline(view).map(|at| at.timestamp_millis()),
        progress_permille: 0,
        energy_wh: 0,
        cost_tyiyn: 0,
        link_lost: false,
        stale: false,
        energy: String::new(),
        energy_number: String::new(),
        cost: String::new(),
        power: String::new(),
        elapsed: String::new(),
        battery: String::new(),
        price: String::new(),
        next_price: String::new(),
        updated: String::new(),
        announcement: String::new(),
    };
    match &view.live {
        Some(live) => with_numbers(empty, view, live, locale),
        None => empty,
    }
}

fn with_numbers(base: LiveSnapshot, view: &GuestView, live: &LiveView, locale: Locale) -> LiveSnapshot {
    let energy = format::energy(locale, live.energy);
    let cost = format::money(locale, live.cost);
    let age = live.updated_at.map(|at| view.now - at);
    LiveSnapshot {
        updated_at_ms: live.updated_at.map(|at| at.timestamp_millis()),
        progress_permille: permille(live.cost, live.limit),
        energy_wh: live.energy.get(),
        cost_tyiyn: live.cost.get(),
        link_lost: live.link_lost,
        stale: age.is_some_and(|age| age > Duration::seconds(STALE_AFTER_S)),
        announcement: t::live_announcement(locale, &energy, &cost),
        energy_number: format::energy_bare(locale, live.energy),
        energy,
        cost,
        power: format::power(locale, live.power),
        elapsed: format::duration(locale, (view.now - live.started_at).num_seconds()),
        battery: live.state_of_charge_percent.map(|p| format::percent(locale, p)).unwrap_or_default(),
        price: format::price_per_kwh(locale, live.price.price_per_kwh),
        next_price: crate::pages::guest::connector_page::next_price(
            locale,
            &view.connector.time_zone,
            &live.price,
            live.next_price.as_ref(),
            view.now,
        )
        .unwrap_or_default(),
        updated: age.map(|age| t::updated(locale, format::ago(locale, age.num_seconds()))).unwrap_or_default(),
        ..base
    }
}

/// Everything but numbers that decides what the page looks like.
fn page(view: &GuestView) -> String {
    let mut page = view.phase.as_str().to_owned();
    let mut add = |fact: &str| {
        page.push('.');
        page.push_str(fact);
    };
    match view.phase {
        GuestPhase::AwaitingPayment if view.payment_url.is_some() => add("link"),
        GuestPhase::PlugIn if view.start_accepted => add("accepted"),
        GuestPhase::Stopping if view.stop_queued_offline => add("offline"),
        _ => {}
    }
    if let Some(live) = &view.live {
        add(if live.updated_at.is_some() { "read" } else { "unread" });
        add(live.status.as_str());
        if live.state_of_charge_percent.is_some() {
            add("battery");
        }
    }
    if view.summary.is_some() {
        add("bill");
    }
    if let Some(refund) = &view.refund {
        add(match refund.state {
            api::guest::RefundState::Pending => "pending",
            api::guest::RefundState::Delayed => "delayed",
            api::guest::RefundState::Completed => "completed",
        });
    }
    page
}

/// The end of the countdown on the page.
fn deadline(view: &GuestView) -> Option<DateTime<Utc>> {
    match view.phase {
        GuestPhase::AwaitingPayment => Some(view.payment_expires_at),
        GuestPhase::PlugIn => view.start_deadline,
        _ => None,
    }
}

/// `part` of `whole` per mille, within 0 and 1000.
pub fn permille(part: Tyiyn, whole: Tyiyn) -> u16 {
    if !whole.is_positive() {
        return 0;
    }
    let permille = i128::from(part.get()) * 1000 / i128::from(whole.get());
    u16::try_from(permille.clamp(0, 1000)).unwrap_or(1000)
}

/// "Updated {n} s ago" and "Updated {n} min ago", for the island's counter.
pub struct AgoTemplates {
    pub seconds: String,
    pub minutes: String,
}

impl AgoTemplates {
    /// Made from the house's own format of a sample whose digits stand nowhere else.
    pub fn new(locale: Locale) -> Self {
        let of = |seconds| t::updated(locale, format::ago(locale, seconds)).replace("11", "{n}");
        Self { seconds: of(11), minutes: of(11 * 60) }
    }
}
