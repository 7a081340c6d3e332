//! Small parts of pages.

use api::i18n::guest as t;
use api::i18n::{Locale, site};
use leptos::prelude::*;

use crate::ui::icons;

/// How a notice looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Good,
    Warning,
    Bad,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Calm => "tone-calm",
            Self::Good => "tone-good",
            Self::Warning => "tone-warning",
            Self::Bad => "tone-bad",
        }
    }
}

/// A short message in a tinted box.
pub fn notice(tone: Tone, text: String) -> AnyView {
    let icon = match tone {
        Tone::Calm => icons::clock("icon"),
        Tone::Good => icons::check("icon"),
        Tone::Warning | Tone::Bad => icons::warning("icon"),
    };
    let class = format!("notice {}", tone.class());
    view! { <div class=class>{icon}<p>{text}</p></div> }.into_any()
}

/// The letter on the case, large; the words beside it name it, too. A label that is no letter or two is cut off.
pub fn letter(label: &str, class: &'static str) -> AnyView {
    let shown: String = label.chars().take(LETTER_CHARS_MAX).collect();
    view! { <span class=class aria-hidden="true">{shown}</span> }.into_any()
}

/// What fits into the square.
const LETTER_CHARS_MAX: usize = 4;

/// The number to call, as a large link.
pub fn helpline_card(locale: Locale, phone: &str) -> AnyView {
    let shown = shown_phone(phone);
    view! {
        <section class="card flex items-center gap-4">
            <span class="disc">{icons::phone("icon")}</span>
            <div class="min-w-0">
                <p class="muted text-sm">{site::helpline_invite(locale)}</p>
                <a class="link text-lg font-semibold tabular-nums" href=tel(phone) data-testid="helpline">{shown}</a>
            </div>
        </section>
    }
    .into_any()
}

/// `+996 700 123 456` of a number that can be read, else the number as it is.
pub fn shown_phone(phone: &str) -> String {
    domain::Phone::parse(phone).map_or_else(|_| phone.to_owned(), |p| p.display())
}

/// `tel:+996700123456`; digits and a plus only, whatever stands in the database.
pub fn tel(phone: &str) -> String {
    let dialled: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    format!("tel:{dialled}")
}

/// A row of a list of facts.
pub fn fact(name: String, value: AnyView) -> AnyView {
    view! { <div class="fact"><dt>{name}</dt><dd>{value}</dd></div> }.into_any()
}

/// What is left of a sum, as a bar. An SVG, because the page's policy forbids inline styles; the island moves its `width`.
/// `mark_permille` is where the charge stops by itself.
pub fn limit_bar(locale: Locale, used_permille: u16, mark_permille: u16) -> AnyView {
    let percent = api::i18n::format::percent(locale, u8::try_from(used_permille / 10).unwrap_or(100));
    view! {
        <svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label=t::limit_bar(locale, percent)>
            <rect class="bar-track" width="1000" height="12"></rect>
            <rect class="bar-used" width=used_permille.to_string() height="12" data-live-bar=""></rect>
            <rect class="bar-mark" x=mark_permille.to_string() width="4" height="12"></rect>
        </svg>
    }
    .into_any()
}
