//! The choice of a sum: a few with one tap, any other typed. Plain radio buttons; the island writes the sum on the button.

use api::i18n::{Locale, format, guest as t};
use domain::Tyiyn;
use domain::guest::AmountLimits;
use leptos::prelude::*;

/// The value of the radio button "another amount".
pub const CUSTOM: &str = "custom";
/// The amounts offered with one tap, in som.
const OFFERED_SOM: [i64; 3] = [500, 1000, 2000];

/// What the choice looks like on a page.
pub struct AmountChoice {
    pub legend: String,
    pub limits: AmountLimits,
    /// The radio button that is on: one of the offered sums in som, or [`CUSTOM`].
    pub picked: String,
    pub custom: String,
    pub error: Option<String>,
    /// Of the button, without a sum; and with one, of which the text is made.
    pub button: String,
    pub button_with: fn(Locale, String) -> String,
    /// What stands below an offered sum.
    pub note: Box<dyn Fn(Tyiyn) -> Option<String>>,
    /// Of a kilowatt-hour, when the page says what a typed sum gives.
    pub price_per_kwh: Option<Tyiyn>,
}

/// The offered sums that the limits allow.
pub fn offered(limits: AmountLimits) -> Vec<(i64, Tyiyn)> {
    OFFERED_SOM
        .into_iter()
        .filter_map(|som| Some((som, Tyiyn::from_som(som)?)))
        .filter(|(_, sum)| limits.min <= *sum && *sum <= limits.max)
        .collect()
}

/// The radio button that a fresh form has on.
pub fn first_picked(limits: AmountLimits) -> String {
    offered(limits).first().map_or_else(|| CUSTOM.to_owned(), |(som, _)| som.to_string())
}

/// What was picked and what was typed, of a sum as it was sent.
pub fn picked_again(limits: AmountLimits, amount: String) -> (String, String) {
    let is_offered = offered(limits).iter().any(|(som, _)| som.to_string() == amount);
    if is_offered { (amount, String::new()) } else { (CUSTOM.to_owned(), amount) }
}

/// The sum of a form's two fields: the picked one counts, "another" stands for what was typed.
pub fn sent(picked: String, typed: String) -> String {
    if picked == CUSTOM { typed } else { picked }
}

/// The fields, for the inside of an `AmountPicker`.
pub fn fields(locale: Locale, choice: AmountChoice) -> AnyView {
    let min = format::money_short(locale, choice.limits.min);
    let max = format::money_short(locale, choice.limits.max);
    let described = if choice.error.is_some() { "amount-error amount-range" } else { "amount-range" };
    let invalid = choice.error.is_some().then_some("true");
    let error = choice
        .error
        .map(|e| view! { <p class="field-error" id="amount-error" data-testid="field-error-amount">{e}</p> }.into_any());
    let picked = choice.picked;
    let (button_with, note) = (choice.button_with, choice.note);
    let chips = offered(choice.limits)
        .into_iter()
        .map(|(som, sum)| {
            let money = format::money_short(locale, sum);
            let is_picked = picked == som.to_string();
            let pay = button_with(locale, money.clone());
            let note = note(sum);
            view! {
                <label class="chip">
                    <input type="radio" name="amount" value=som.to_string() checked=is_picked data-pay=pay data-testid=format!("amount-{som}")/>
                    <b>{money}</b>
                    <span>{note}</span>
                </label>
            }
            .into_any()
        })
        .collect_view();
    // `{n}` is filled in by the island while a person types.
    let pay_template = button_with(locale, format::money_short(locale, Tyiyn::new(700)).replace('7', "{n}"));
    let about_template =
        choice.price_per_kwh.map(|_| t::about_energy(locale, format!("{{n}}\u{a0}{}", format::kwh_unit(locale))));
    let price = choice.price_per_kwh.map(|price| price.get().to_string());
    view! {
        <fieldset data-amounts="" data-pay-plain=choice.button data-pay-template=pay_template data-about-template=about_template data-price=price>
            <legend><h2>{choice.legend}</h2></legend>
            <div class="chips">
                {chips}
                <label class="chip">
                    <input type="radio" name="amount" value=CUSTOM checked=picked == CUSTOM data-testid="amount-custom"/>
                    <b>{t::amount_other(locale)}</b>
                    <span data-about="">{t::amount_other_hint(locale)}</span>
                </label>
            </div>
            <div class="custom-amount">
                <label class="field-label" for="amount-custom">{t::amount_label(locale)}</label>
                <input class="field tabular-nums" id="amount-custom" name="amount_custom" inputmode="decimal" autocomplete="off" maxlength="20" value=choice.custom aria-describedby=described aria-invalid=invalid data-testid="amount-input"/>
                <p class="field-hint" id="amount-range">{t::amount_range(locale, &min, &max)}</p>
            </div>
            {error}
        </fieldset>
    }
    .into_any()
}
