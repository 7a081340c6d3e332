//! Signing in by phone, and the person's own account.

pub mod account;
pub mod leaving;
pub mod phone_change;
pub mod second_step;
pub mod sign_in;

use api::i18n::{Locale, account as t, format, guest};
use chrono::{DateTime, Utc};
use domain::Phone;
use domain::phone::PhoneError;
use leptos::prelude::*;

use crate::redirect::safe_local;
use crate::security::FORM_FIELD;
use crate::ui::parts::{Tone, notice};

/// People live by the clock of Bishkek.
pub const TIME_ZONE: &str = "Asia/Bishkek";
/// Where to go afterwards: a page of ours, else the account.
pub(super) fn next_of(text: &str) -> &str {
    safe_local(text).filter(|next| !next.starts_with("/sign-in")).unwrap_or("/account")
}

/// The hidden field that proves where a form comes from.
pub fn form_word(word: Option<&str>) -> AnyView {
    view! { <input type="hidden" name=FORM_FIELD value=word.unwrap_or_default().to_owned()/> }.into_any()
}

/// What stands above a form: read out at once.
pub fn banner(tone: Tone, text: String) -> AnyView {
    view! { <div role="alert" data-testid="banner">{notice(tone, text)}</div> }.into_any()
}

/// `12:34`, with the date when it is not today.
pub fn clock_time(locale: Locale, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format::time_or_date_time(locale, TIME_ZONE, at, now)
}

/// A field for six digits. The browser may fill it in from the message; pasting works.
pub(super) fn code_field(name: &'static str, label: String, error: Option<String>) -> AnyView {
    let error_id = format!("{name}-error");
    let described = error.is_some().then(|| error_id.clone());
    let invalid = error.is_some().then_some("true");
    let error = error.map(|text| {
        view! { <p class="field-error" id=error_id data-testid=format!("field-error-{name}")>{text}</p> }.into_any()
    });
    view! {
        <label class="field-label mt-6" for=name>{label}</label>
        <input
            class="field field-code tabular-nums"
            id=name
            name=name
            inputmode="numeric"
            autocomplete="one-time-code"
            pattern="[0-9 -]*"
            maxlength="16"
            required=true
            aria-describedby=described
            aria-invalid=invalid
            data-testid=name
            data-code=""
        />
        {error}
    }
    .into_any()
}

/// A field for a phone.
pub(super) fn phone_field(locale: Locale, label: String, typed: String, error: Option<String>) -> AnyView {
    let described = if error.is_some() { "phone-error phone-hint" } else { "phone-hint" };
    let invalid = error.is_some().then_some("true");
    let error =
        error.map(|e| view! { <p class="field-error" id="phone-error" data-testid="field-error-phone">{e}</p> }.into_any());
    view! {
        <label class="field-label mt-6" for="phone">{label}</label>
        <input
            class="field tabular-nums"
            id="phone"
            name="phone"
            type="tel"
            inputmode="tel"
            autocomplete="tel"
            required=true
            maxlength="40"
            value=typed
            aria-describedby=described
            aria-invalid=invalid
            data-testid="phone"
        />
        {error}
        <p class="field-hint" id="phone-hint">{t::phone_hint(locale)}</p>
    }
    .into_any()
}

/// A number that no line breaks.
pub(super) fn shown(phone: &Phone) -> String {
    phone.display().replace(' ', "\u{a0}")
}

pub(super) fn phone_error(locale: Locale, error: PhoneError) -> String {
    guest::phone_error(locale, error)
}
