//! The code's field: filled in from the message (WebOTP), sent when it is whole, asked for again after a while.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlFormElement, HtmlInputElement};

use crate::islands::dom::{attribute, every, find, listen, now_ms, number, property, ready, set_hidden, set_text, window};

const DIGITS: usize = 6;

pub fn code_entry(root: &Element) {
    let field = find(root, "input[data-code]").and_then(|e| e.dyn_into::<HtmlInputElement>().ok());
    let form = find(root, "form[data-code-form]").and_then(|e| e.dyn_into::<HtmlFormElement>().ok());
    if let (Some(field), Some(form)) = (field, form) {
        send_when_whole(&field, &form);
        fill_in_from_message(field, form);
    }
    count_down(root);
    ready(root);
}

/// Six digits are the code; what was refused once is not sent again by itself.
fn send_when_whole(field: &HtmlInputElement, form: &HtmlFormElement) {
    let (input, form) = (field.clone(), form.clone());
    let mut sent = false;
    listen(field, "input", move |_| {
        let digits = input.value().chars().filter(char::is_ascii_digit).count();
        if digits == DIGITS && !sent {
            sent = true;
            let _ = form.request_submit();
        }
    });
}

/// Browsers that can, ask the person and give the code of the message that names this host.
fn fill_in_from_message(field: HtmlInputElement, form: HtmlFormElement) {
    let Some(window) = window() else { return };
    if !Reflect::has(&window, &"OTPCredential".into()).unwrap_or(false) {
        return;
    }
    let credentials = property(&window.navigator(), "credentials");
    let Ok(get) = property(&credentials, "get").dyn_into::<Function>() else { return };
    let (otp, options) = (Object::new(), Object::new());
    let _ = Reflect::set(&otp, &"transport".into(), &Array::of1(&"sms".into()));
    let _ = Reflect::set(&options, &"otp".into(), &otp);
    let Ok(promise) = get.call1(&credentials, &options).and_then(|p| p.dyn_into::<Promise>()) else { return };
    let filled = Closure::once(move |credential: JsValue| {
        if let Some(code) = property(&credential, "code").as_string() {
            field.set_value(&code);
            let _ = form.request_submit();
        }
    });
    let refused = Closure::once(|_: JsValue| {});
    let _ = promise.then2(&filled, &refused);
    filled.forget();
    refused.forget();
}

/// The button waits as the server does.
fn count_down(root: &Element) {
    let (Some(when), Some(button)) = (find(root, "[data-resend-when]"), find(root, "[data-resend-button]")) else { return };
    let end = now_ms() + number(&when, "data-left-ms");
    let template = attribute(&when, "data-template");
    let tick = move || {
        let left = ((end - now_ms()) / 1000.0).ceil().max(0.0) as u32;
        set_text(&when, &template.replace("{left}", &format!("{}:{:02}", left / 60, left % 60)));
        set_hidden(&when, left == 0);
        set_hidden(&button, left > 0);
    };
    tick();
    every(1000, tick);
}
