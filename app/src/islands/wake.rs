//! What the islands do in the browser.
//!
//! Times here are JavaScript's milliseconds in `f64`: they are shown, never reckoned with money.
#![allow(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clock arithmetic with JavaScript's numbers, which are never negative here; a cast from f64 saturates"
)]

mod code;
mod live;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::dom::{after, attribute, document, every, find, listen, now_ms, number, ready, set_hidden, set_text, window};

pub use code::code_entry;
pub use live::live_session;

/// Longest text of digits that is read as a sum: more would not be one.
const SUM_DIGITS_MAX: usize = 7;

/// Keeps the button's text and the estimate in step with the choice; typing a sum chooses "another".
pub fn amount_picker(root: &Element) {
    let Some(amounts) = find(root, "[data-amounts]") else { return };
    let Some(custom_radio) = find(root, "input[value=custom]").and_then(input) else { return };
    let Some(custom) = find(root, "#amount-custom").and_then(input) else { return };
    let button = find(root, "[data-pay-text]");
    let about = find(root, "[data-about]");
    let about_plain = about.as_ref().and_then(|a| a.text_content()).unwrap_or_default();
    let price = number(&amounts, "data-price");
    let update = {
        let (root, amounts, custom) = (root.clone(), amounts.clone(), custom.clone());
        move || {
            let picked = find(&root, "input[name=amount]:checked");
            let typed = whole_som(&custom.value());
            let text = match (&picked, typed) {
                (Some(radio), _) if radio.has_attribute("data-pay") => attribute(radio, "data-pay"),
                (Some(_), Some(som)) => attribute(&amounts, "data-pay-template").replace("{n}", &grouped(som)),
                _ => attribute(&amounts, "data-pay-plain"),
            };
            if let Some(button) = &button {
                set_text(button, &text);
            }
            if let Some(about) = &about {
                // 1 som = 100 tyiyn; the price is of a kilowatt-hour.
                let kwh = typed.filter(|_| price > 0.0).map(|som| (f64::from(som) * 100.0 / price).round());
                let text = kwh.map_or_else(
                    || about_plain.clone(),
                    |kwh| attribute(&amounts, "data-about-template").replace("{n}", &grouped(kwh as u32)),
                );
                set_text(about, &text);
            }
        }
    };
    update();
    let on_change = update.clone();
    let field = custom.clone();
    let radio = custom_radio.clone();
    listen(&amounts, "change", move |event| {
        let from_radio = event.target().is_some_and(|t| t.dyn_ref::<HtmlInputElement>() == Some(&radio));
        if from_radio && radio.checked() {
            let _ = field.focus();
        }
        on_change();
    });
    let field = custom.clone();
    listen(&custom, "input", move |_| {
        if !field.value().is_empty() {
            custom_radio.set_checked(true);
        }
        update();
    });
    ready(root);
}

fn input(element: Element) -> Option<HtmlInputElement> {
    element.dyn_into().ok()
}

/// A sum of whole som, as most people type it; anything else is the server's business.
fn whole_som(text: &str) -> Option<u32> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    (digits.len() <= SUM_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// `12 345`, with no-break spaces.
fn grouped(n: u32) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// How long "Copied" stands on the button.
const COPIED_SHOWN_MS: i32 = 2500;

/// Shows the button (it is hidden until it can work) and copies its link.
pub fn copy_link(root: &Element) {
    let Some(button) = find(root, "[data-copy]") else { return };
    // Only secure contexts have a clipboard; elsewhere the button stays hidden.
    let can_copy = window().is_some_and(|w| js_sys::Reflect::has(&w.navigator(), &"clipboard".into()).unwrap_or(false));
    if can_copy {
        set_hidden(&button, false);
        let name = button.text_content().unwrap_or_default();
        let target = button.clone();
        listen(&button, "click", move |_| {
            let Some(window) = window() else { return };
            let _ = window.navigator().clipboard().write_text(&attribute(&target, "data-copy"));
            set_text(&target, &attribute(&target, "data-copied"));
            let (target, name) = (target.clone(), name.clone());
            after(COPIED_SHOWN_MS, move || set_text(&target, &name));
        });
    }
    ready(root);
}

/// A person who has paid looks at the page; one who pays in another app comes back to it.
const ASK_AGAIN_MS: i32 = 4_000;

pub fn ask_again(root: &Element) {
    every(ASK_AGAIN_MS, || {
        let (Some(window), Some(document)) = (window(), document()) else { return };
        if !document.hidden() {
            let _ = window.location().reload();
        }
    });
    ready(root);
}

/// Counts down from what the server said was left, by the page's own clock from then on.
pub fn countdown(root: &Element) {
    let Some(shown) = find(root, "[data-left-ms]") else { return };
    let end = now_ms() + number(&shown, "data-left-ms");
    let tick = move || {
        let left = ((end - now_ms()) / 1000.0).ceil().max(0.0) as u32;
        let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
        let text = if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") };
        set_text(&shown, &text);
    };
    tick();
    every(1000, tick);
    ready(root);
}

/// Puts the question in the place of the link; Escape or "go on" puts the link back.
pub fn stop_confirm(root: &Element) {
    let (Some(link), Some(template)) = (find(root, "[data-stop-open]"), find(root, "[data-stop-question]")) else { return };
    let Some(question) = document().and_then(|d| d.create_element("div").ok()) else { return };
    let island = root.clone();
    let opener = link.clone();
    let panel = question.clone();
    listen(&link, "click", move |event| {
        event.prevent_default();
        panel.set_inner_html(&template.inner_html());
        let _ = island.append_child(&panel);
        set_hidden(&opener, true);
        focus(find(&panel, "[data-testid=stop-confirm]"));
        if let Some(cancel) = find(&panel, "[data-stop-cancel]") {
            let (panel, opener) = (panel.clone(), opener.clone());
            listen(&cancel, "click", move |_| close(&panel, &opener));
        }
    });
    listen(root, "keydown", move |event| {
        if event.dyn_ref::<KeyboardEvent>().is_some_and(|e| e.key() == "Escape") && question.is_connected() {
            close(&question, &link);
        }
    });
    ready(root);
}

fn close(panel: &Element, opener: &Element) {
    panel.remove();
    set_hidden(opener, false);
    focus(Some(opener.clone()));
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
