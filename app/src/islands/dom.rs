//! A few short ways to the page. Listeners live as long as the page, which is why they are leaked on purpose.

use js_sys::{Date, Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, Event, EventTarget, NodeList, Window};

/// There is a window: islands wake in pages only.
pub fn window() -> Option<Window> {
    web_sys::window()
}

pub fn document() -> Option<Document> {
    window()?.document()
}

pub fn find(root: &Element, selector: &str) -> Option<Element> {
    root.query_selector(selector).ok().flatten()
}

/// All elements that match.
pub fn all(root: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let list: Option<NodeList> = root.query_selector_all(selector).ok();
    let length = list.as_ref().map_or(0, NodeList::length);
    (0..length).filter_map(move |i| list.as_ref()?.get(i)?.dyn_into().ok())
}

pub fn attribute(element: &Element, name: &str) -> String {
    element.get_attribute(name).unwrap_or_default()
}

/// An attribute that holds a number; 0 when it does not.
pub fn number(element: &Element, name: &str) -> f64 {
    js_sys::Number::parse_float(&attribute(element, name)).max(0.0)
}

pub fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// The island is awake.
pub fn ready(root: &Element) {
    set(root, "data-ready", "true");
}

/// Writes only what differs, so that nothing blinks and screen readers stay quiet.
pub fn set_text(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// Shows or hides.
pub fn set_hidden(element: &Element, hidden: bool) {
    let _ = element.toggle_attribute_with_force("hidden", hidden);
}

pub fn listen(target: &EventTarget, event: &str, mut action: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| action(event));
    let _ = target.add_event_listener_with_callback(event, function(&closure));
    closure.forget();
}

/// Calls again and again.
pub fn every(milliseconds: i32, action: impl FnMut() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(action);
    if let Some(window) = window() {
        let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(function(&closure), milliseconds);
    }
    closure.forget();
}

/// Calls once, later.
pub fn after(milliseconds: i32, action: impl FnOnce() + 'static) {
    let callback = Closure::once_into_js(action);
    if let Some(window) = window() {
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(callback.unchecked_ref(), milliseconds);
    }
}

fn function<T: ?Sized>(closure: &Closure<T>) -> &Function {
    closure.as_ref().unchecked_ref()
}

/// Milliseconds of the page's clock.
pub fn now_ms() -> f64 {
    Date::now()
}

/// A property of a JavaScript object.
pub fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
