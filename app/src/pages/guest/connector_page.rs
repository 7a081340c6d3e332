//! The first screen: where this is, whether it works, what it costs, and only then the form.

use api::guest::{CheckoutErrors, CheckoutForm, ConnectorView, Neighbour};
use api::i18n::{Locale, format, guest as t, receipt, site};
use axum::http::StatusCode;
use axum::response::Response;
use domain::guest::AmountError;
use domain::stations::ConnectorStatus;
use domain::tariffs::PriceNow;
use domain::{Tyiyn, Watt, Wh};
use leptos::prelude::*;

use crate::islands::AmountPicker;
use crate::render::{Motion, Page, render};
use crate::ui::amounts::{self, AmountChoice};
use crate::ui::icons;
use crate::ui::parts::{Tone, fact, helpline_card, letter};
use crate::visit::Visit;

/// The example that every price page gives.
const EXAMPLE: Wh = Wh::new(20_000);
/// Nearby connectors that are offered; more would hide the first.
const NEIGHBOURS_MAX: usize = 4;

/// What stands above the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banner {
    None,
    CheckFields,
    Stale,
    TakenMeanwhile,
    TooMany,
}

/// What stands in the form.
pub struct Filled {
    /// The radio button that is on: one of the offered sums in som, or [`amounts::CUSTOM`].
    picked: String,
    custom: String,
    phone: String,
    key: String,
    errors: CheckoutErrors,
    banner: Banner,
}

impl Filled {
    /// An empty form. Its key stays the same until the order is paid or given up, so that reloading, another tab, or going back and
    /// paying again is one order.
    pub fn fresh(visit: &Visit, view: &ConnectorView) -> Self {
        Self {
            picked: amounts::first_picked(view.amount_limits),
            custom: String::new(),
            phone: "+996 ".to_owned(),
            key: visit.form_key(&view.code),
            errors: CheckoutErrors::default(),
            banner: Banner::None,
        }
    }

    /// As it was sent. The key stays, so that the corrected form is still the same order; a key that was refused is replaced.
    pub fn again(visit: &Visit, view: &ConnectorView, form: CheckoutForm, errors: CheckoutErrors, banner: Banner) -> Self {
        let (picked, custom) = amounts::picked_again(view.amount_limits, form.amount);
        let key = if errors.form { visit.site.random_word() } else { form.idempotency_key };
        Self { picked, custom, phone: form.phone, key, errors, banner }
    }
}

/// Whether it may be paid for now.
fn for_sale(view: &ConnectorView) -> bool {
    view.status.can_start() && !view.busy
}

/// The page.
pub fn answer(visit: &Visit, view: &ConnectorView, filled: Filled, status: StatusCode) -> Response {
    let sale = for_sale(view);
    let title = format!("{}, {}", t::connector(visit.locale, &view.connector_label), view.station_name);
    let page = Page::new(title).status(status).motion(if sale { Motion::Islands } else { Motion::Still });
    let key = sale.then(|| filled.key.clone());
    let mut response = render(visit, page, || {
        let locale = visit.locale;
        let banner = banner(locale, view, &filled);
        let offer = if sale { form(locale, view, filled) } else { not_for_sale(locale, view) };
        view! {
            <div class="columns" data-testid="connector-page" data-status=view.status.as_str() data-for-sale=sale.to_string()>
                <div class="stack">
                    {banner}
                    {place(locale, view)}
                    {price(locale, view)}
                </div>
                <div class="stack column-offer">{offer}</div>
                <div class="stack">
                    {helpline_card(locale, &view.helpline)}
                    {seller(locale, view)}
                </div>
            </div>
        }
        .into_any()
    });
    if let Some(key) = key {
        visit.keep_form_key(&view.code, &key, &mut response);
    }
    response
}

fn banner(locale: Locale, view: &ConnectorView, filled: &Filled) -> Option<AnyView> {
    let (tone, text) = match filled.banner {
        Banner::None => return None,
        Banner::CheckFields => (Tone::Bad, t::check_fields(locale)),
        Banner::Stale => (Tone::Warning, t::form_stale(locale)),
        Banner::TakenMeanwhile => (Tone::Warning, t::taken_meanwhile(locale)),
        Banner::TooMany => (Tone::Warning, site::too_many_text(locale)),
    };
    // The fields are further down on a phone: each message leads to its field.
    let amount = filled.errors.amount.map(|e| ("#amount-custom", amount_message(locale, view, e)));
    let phone = filled.errors.phone.map(|e| ("#phone", t::phone_error(locale, e)));
    let links = [amount, phone]
        .into_iter()
        .flatten()
        .map(|(field, message)| view! { <li><a class="block py-2 underline" href=field>{message}</a></li> }.into_any());
    let links = view! { <ul>{links.collect_view()}</ul> }.into_any();
    let links = (filled.errors.amount.is_some() || filled.errors.phone.is_some()).then_some(links);
    let class = format!("notice {}", tone.class());
    Some(
        view! {
            <div class=class role="alert" data-testid="banner">
                {icons::warning("icon")}
                <div><p class="font-semibold">{text}</p>{links}</div>
            </div>
        }
        .into_any(),
    )
}

fn amount_message(locale: Locale, view: &ConnectorView, error: AmountError) -> String {
    let min = format::money_short(locale, view.amount_limits.min);
    let max = format::money_short(locale, view.amount_limits.max);
    t::amount_error(locale, error, &min, &max)
}

/// How a status looks: colour is never alone, the words are beside it.
pub fn status_tone(status: ConnectorStatus, busy: bool) -> Tone {
    match status {
        ConnectorStatus::Available | ConnectorStatus::Preparing if !busy => Tone::Good,
        ConnectorStatus::Faulted | ConnectorStatus::Unavailable => Tone::Bad,
        ConnectorStatus::Offline | ConnectorStatus::Unknown => Tone::Warning,
        _ => Tone::Calm,
    }
}

fn place(locale: Locale, view: &ConnectorView) -> AnyView {
    let status = t::status(locale, view.status, view.busy);
    let pill = format!("pill {}", status_tone(view.status, view.busy).class());
    let power = t::up_to(locale, format::power(locale, view.max_power));
    view! {
        <section class="card">
            <p class=pill data-testid="status"><span class="dot"></span>{status}</p>
            <h1 class="mt-3">{view.station_name.clone()}</h1>
            <p class="muted">{view.station_address.clone()}</p>
            <div class="mt-5 flex items-center gap-4">
                {letter(&view.connector_label, "letter")}
                <div class="min-w-0">
                    <p class="font-semibold">{format!("{} · {}", t::connector(locale, &view.connector_label), receipt::plug(view.plug))}</p>
                    <p class="muted">{format!("{power}, {}", t::current(locale, view.current))}</p>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// When and to what the price changes.
pub fn next_price(
    locale: Locale,
    time_zone: &str,
    now: &PriceNow,
    next: Option<&PriceNow>,
    at: chrono::DateTime<chrono::Utc>,
) -> Option<String> {
    let (until, next) = (now.until?, next?);
    // Within a day the hour alone is clear, even past midnight.
    let soon = until - at < chrono::Duration::hours(24);
    let time = if soon { format::time(time_zone, until) } else { format::date_time(locale, time_zone, until) };
    Some(t::price_changes(locale, time, format::money_short(locale, next.price_per_kwh)))
}

/// In the fixed order of AFIR art. 5: per kWh, per minute, per session, other.
fn price(locale: Locale, view: &ConnectorView) -> AnyView {
    let price = &view.price;
    let change = next_price(locale, &view.time_zone, price, view.next_price.as_ref(), view.now)
        .unwrap_or_else(|| t::price_constant(locale));
    let other_fees = fees(locale, price);
    let none = other_fees.is_empty().then(|| view! { <p class="muted mt-3">{t::no_other_fees(locale)}</p> }.into_any());
    let list = (!other_fees.is_empty()).then(|| view! { <dl class="facts mt-3">{other_fees}</dl> }.into_any());
    let example = t::example_20_kwh(locale, energy_about(locale, EXAMPLE), format::money_short(locale, view.example_20_kwh));
    view! {
        <section class="card" data-testid="price">
            <h2 class="muted text-base font-normal">{format!("{}: {}", t::price_now(locale), t::band(locale, price.band))}</h2>
            <p class="figure" data-testid="price-now">{format::price_per_kwh(locale, price.price_per_kwh)}</p>
            <p class="flex items-center gap-2" data-testid="price-next">{icons::clock("icon muted")}{change}</p>
            {list}
            {none}
            <p class="muted mt-3 text-sm" data-testid="price-example">{example}</p>
        </section>
    }
    .into_any()
}

fn fees(locale: Locale, price: &PriceNow) -> Vec<AnyView> {
    let mut rows = Vec::new();
    if price.price_per_minute.is_positive() {
        rows.push(fact(t::fee_minute(locale), format::price_per_minute(locale, price.price_per_minute).into_any()));
    }
    if price.price_per_session.is_positive() {
        rows.push(fact(t::fee_session(locale), format::money_short(locale, price.price_per_session).into_any()));
    }
    if price.idle_price_per_minute.is_positive() {
        let mut text = format::price_per_minute(locale, price.idle_price_per_minute);
        if price.idle_grace_minutes > 0 {
            let grace = format::duration(locale, i64::from(price.idle_grace_minutes) * 60);
            text = format!("{text}, {}", t::fee_idle_grace(locale, grace));
        }
        rows.push(fact(t::fee_idle(locale), text.into_any()));
    }
    rows
}

/// Whole kilowatt-hours: an estimate that claims less exactness than it has.
fn energy_about(locale: Locale, energy: Wh) -> String {
    let whole = energy.get().saturating_add(500) / 1000;
    format!("{}\u{a0}{}", format::count(locale, whole), format::kwh_unit(locale))
}

fn form(locale: Locale, view: &ConnectorView, filled: Filled) -> AnyView {
    let Filled { picked, custom, phone, key, errors, .. } = filled;
    let error = errors.phone.map(|e| t::phone_error(locale, e));
    let hint = if error.is_some() { "phone-error phone-hint" } else { "phone-hint" };
    let invalid = error.is_some().then_some("true");
    let error =
        error.map(|e| view! { <p class="field-error" id="phone-error" data-testid="field-error-phone">{e}</p> }.into_any());
    let estimated = view.clone();
    let amounts = amounts::fields(
        locale,
        AmountChoice {
            legend: t::amount_legend(locale),
            limits: view.amount_limits,
            picked,
            custom,
            error: errors.amount.map(|e| amount_message(locale, view, e)),
            button: t::pay(locale),
            button_with: |locale, sum| t::pay_amount(locale, sum),
            note: Box::new(move |sum| estimate(locale, &estimated, sum)),
            price_per_kwh: Some(view.price.price_per_kwh),
        },
    );
    let rest = rest(locale, view);
    view! {
        <form class="card" method="post" action=format!("/q/{}", view.code) novalidate=true>
            <input type="hidden" name="idempotency_key" value=key/>
            <AmountPicker>
                {amounts}
                {rest}
                <label class="field-label mt-6" for="phone">{t::phone_label(locale)}</label>
                <input class="field tabular-nums" id="phone" name="phone" type="tel" inputmode="tel" autocomplete="tel" required=true maxlength="40" value=phone aria-describedby=hint aria-invalid=invalid data-testid="phone"/>
                {error}
                <p class="field-hint" id="phone-hint">{t::phone_hint(locale)}</p>
                <button class="button button-main mt-6" type="submit" data-testid="pay">
                    <span data-pay-text="">{t::pay(locale)}</span>{icons::arrow("icon")}
                </button>
                <p class="field-hint text-center">{t::consent(locale)}</p>
            </AmountPicker>
        </form>
    }
    .into_any()
}

/// "≈ 33 kWh"; nothing when the tariff cannot say.
fn estimate(locale: Locale, view: &ConnectorView, sum: Tyiyn) -> Option<String> {
    // A connector of unknown power still has a price: any power gives the same energy while the band lasts.
    let power = if view.max_power > Watt::ZERO { view.max_power } else { Watt::new(22_000) };
    let energy = view.tariff.energy_for(sum, power, view.now).ok()?;
    Some(t::about_energy(locale, energy_about(locale, energy)))
}

/// What happens to the unused rest, said before anything is paid.
fn rest(locale: Locale, view: &ConnectorView) -> AnyView {
    let stop = t::stop_at_percent(locale, format::percent(locale, view.stop_percent));
    view! {
        <div class="notice tone-calm mt-5" data-testid="rest">
            {icons::back("icon")}
            <div>
                <p class="font-semibold">{t::rest_title(locale)}</p>
                <p class="text-sm">{t::rest_text(locale)}</p>
                <p class="mt-1 text-sm">{stop}</p>
            </div>
        </div>
    }
    .into_any()
}

fn not_for_sale(locale: Locale, view: &ConnectorView) -> AnyView {
    let (title, text) = t::not_for_sale(locale, view.status);
    let disc = format!("disc {} mb-4", status_tone(view.status, view.busy).class());
    let seen = view.last_seen_at.filter(|_| view.status == ConnectorStatus::Offline).map(|at| {
        let time = format::time_or_date_time(locale, &view.time_zone, at, view.now);
        view! { <p class="muted mt-2 text-sm">{t::last_seen(locale, time)}</p> }.into_any()
    });
    view! {
        <section class="card" data-testid="not-for-sale">
            <span class=disc>{icons::warning("icon")}</span>
            <h2>{title}</h2>
            <p class="lead">{text}</p>
            {seen}
            <a class="button button-quiet mt-5" href=format!("/q/{}", view.code)>{icons::back("icon")}{t::check_again(locale)}</a>
        </section>
        {neighbours(locale, &view.neighbours)}
    }
    .into_any()
}

/// Where else to charge.
pub fn neighbours(locale: Locale, nearby: &[Neighbour]) -> AnyView {
    let none = nearby.is_empty().then(|| view! { <p class="muted">{t::neighbours_none(locale)}</p> }.into_any());
    let rows = nearby.iter().take(NEIGHBOURS_MAX).map(|n| neighbour(locale, n)).collect_view();
    view! {
        <section class="card" data-testid="neighbours">
            <h2>{t::neighbours_title(locale)}</h2>
            {none}
            <ul class="rows">{rows}</ul>
        </section>
    }
    .into_any()
}

fn neighbour(locale: Locale, n: &Neighbour) -> AnyView {
    let what = format!("{}, {}", receipt::plug(n.plug), t::up_to(locale, format::power(locale, n.max_power)));
    view! {
        <li>
            <a class="row" href=format!("/q/{}", n.code) data-testid="neighbour">
                {letter(&n.connector_label, "letter letter-small")}
                <span class="grow min-w-0">
                    <b class="block">{n.station_name.clone()}</b>
                    <span class="muted text-sm">{format!("{}: {what}", t::connector(locale, &n.connector_label))}</span>
                </span>
                {icons::arrow("icon muted")}
            </a>
        </li>
    }
    .into_any()
}

fn seller(locale: Locale, view: &ConnectorView) -> AnyView {
    view! {
        <p class="muted px-2 text-sm" data-testid="seller">
            {format!("{}: {}, {}", site::seller(locale), view.seller_name, site::tin(locale, &view.seller_tin))}
        </p>
    }
    .into_any()
}
