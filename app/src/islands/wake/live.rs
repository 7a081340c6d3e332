//! The live session: numbers from the socket into the page.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, MessageEvent, WebSocket};

use crate::islands::dom::{
    after, all, attribute, document, every, find, listen, now_ms, number, property, ready, set, set_hidden, set_text, window,
};

/// Waits before the next try to connect: short at first, so that a tunnel is bridged at once, never longer than 15 s.
const RETRY_MS: [i32; 5] = [1_000, 2_000, 4_000, 8_000, 15_000];
/// After this many tries in a row that failed, the page looks whether it can be loaded anew: some networks let no sockets through.
const TRIES_BEFORE_RELOAD: usize = 4;
/// A page does not load itself anew earlier than this after it was loaded: a disagreement must not become a storm.
const RELOAD_AGE_MS: f64 = 1_500.0;
/// Screen readers are told the numbers this often at most.
const ANNOUNCE_EVERY_MS: f64 = 30_000.0;
/// The server's bound, too (`live::STALE_AFTER_S`).
const STALE_AFTER_MS: f64 = 60_000.0;
/// The server sends at least every 10 s; a socket that is silent for so long is dead, whatever it says.
const SILENCE_MS: f64 = 35_000.0;

/// What the page knows.
struct Session {
    root: Element,
    /// Ours minus the server's clock.
    skew_ms: Cell<f64>,
    /// Of the last reading, by the server's clock; 0 before the first.
    updated_ms: Cell<f64>,
    energy_wh: Cell<f64>,
    cost_tyiyn: Cell<f64>,
    announced_ms: Cell<f64>,
    heard_ms: Cell<f64>,
    tries: Cell<usize>,
    reloading: Cell<bool>,
    socket: RefCell<Option<WebSocket>>,
}

/// Follows the charge until the page goes away.
pub fn live_session(island: &Element) {
    let Some(root) = find(island, "[data-follows]") else { return };
    let session = Rc::new(Session {
        skew_ms: Cell::new(now_ms() - number(&root, "data-now-ms")),
        updated_ms: Cell::new(number(&root, "data-updated-ms")),
        energy_wh: Cell::new(number(&root, "data-energy-wh")),
        cost_tyiyn: Cell::new(number(&root, "data-cost-tyiyn")),
        announced_ms: Cell::new(now_ms()),
        heard_ms: Cell::new(now_ms()),
        tries: Cell::new(0),
        reloading: Cell::new(false),
        socket: RefCell::new(None),
        root,
    });
    connect(&session);
    let ticking = Rc::clone(&session);
    every(1000, move || tick(&ticking));
    // A phone that wakes up, or a page from the back-forward cache, has an old state and often a dead socket.
    if let Some(document) = document() {
        let waking = Rc::clone(&session);
        let page = document.clone();
        listen(&document, "visibilitychange", move |_| {
            if !page.hidden() && now_ms() - waking.heard_ms.get() > SILENCE_MS {
                hang_up(&waking);
            }
        });
    }
    if let Some(window) = window() {
        let back = Rc::clone(&session);
        listen(&window, "pageshow", move |event| {
            if property(&event, "persisted").is_truthy() {
                reload(&back);
            }
        });
        let online = Rc::clone(&session);
        listen(&window, "online", move |_| hang_up(&online));
    }
    ready(island);
}

fn connect(session: &Rc<Session>) {
    let Some(location) = window().map(|w| w.location()) else { return };
    let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss:" } else { "ws:" };
    let url = format!("{scheme}//{}{}", location.host().unwrap_or_default(), attribute(&session.root, "data-url"));
    let Ok(socket) = WebSocket::new(&url) else { return retry(session) };
    session.heard_ms.set(now_ms());
    let hearing = Rc::clone(session);
    listen(&socket, "message", move |event| {
        if let Some(text) = event.dyn_ref::<MessageEvent>().and_then(|m| m.data().as_string()) {
            hearing.tries.set(0);
            hearing.heard_ms.set(now_ms());
            if let Ok(snapshot) = js_sys::JSON::parse(&text) {
                show(&hearing, &snapshot);
            }
        }
    });
    let closing = Rc::clone(session);
    listen(&socket, "close", move |_| retry(&closing));
    *session.socket.borrow_mut() = Some(socket);
}

/// Closes the socket, if there is one; its `close` event brings the next.
fn hang_up(session: &Session) {
    if let Some(socket) = session.socket.borrow().as_ref() {
        let _ = socket.close();
    }
}

fn retry(session: &Rc<Session>) {
    let tries = session.tries.get();
    session.tries.set(tries + 1);
    if tries + 1 >= TRIES_BEFORE_RELOAD {
        reload_if_reachable(session);
    }
    let wait = RETRY_MS[tries.min(RETRY_MS.len() - 1)];
    let session = Rc::clone(session);
    after(wait, move || connect(&session));
}

fn show(session: &Rc<Session>, snapshot: &JsValue) {
    let text = |name: &str| property(snapshot, name).as_string().unwrap_or_default();
    let value = |name: &str| property(snapshot, name).as_f64().unwrap_or_default();
    if text("page") != attribute(&session.root, "data-page") {
        return reload(session);
    }
    session.skew_ms.set(now_ms() - value("now_ms"));
    session.updated_ms.set(value("updated_at_ms"));
    // A number that a person has seen never falls: an older state that comes late is not shown.
    let (energy, cost) = (value("energy_wh"), value("cost_tyiyn"));
    if energy < session.energy_wh.get() || cost < session.cost_tyiyn.get() {
        return;
    }
    session.energy_wh.set(energy);
    session.cost_tyiyn.set(cost);
    for element in all(&session.root, "[data-live]") {
        set_text(&element, &text(&attribute(&element, "data-live")));
    }
    for element in all(&session.root, "[data-live-bar]") {
        set(&element, "width", &value("progress_permille").to_string());
    }
    for element in all(&session.root, "[data-live-if=link_lost]") {
        set_hidden(&element, !property(snapshot, "link_lost").is_truthy());
    }
    announce(session, &text("announcement"));
    tick(session);
}

fn announce(session: &Session, text: &str) {
    let due = now_ms() - session.announced_ms.get() >= ANNOUNCE_EVERY_MS;
    if let (true, Some(element)) = (due && !text.is_empty(), find(&session.root, "[data-announce]")) {
        session.announced_ms.set(now_ms());
        set_text(&element, text);
    }
}

/// Once a second: how old the numbers are, and whether the socket is still alive.
fn tick(session: &Session) {
    if session.updated_ms.get() > 0.0 {
        let age = (now_ms() - session.skew_ms.get() - session.updated_ms.get()).max(0.0);
        let seconds = (age / 1000.0) as u32;
        let (template, n) = if seconds < 60 { ("data-ago-seconds", seconds) } else { ("data-ago-minutes", seconds / 60) };
        let text = attribute(&session.root, template).replace("{n}", &n.to_string());
        for element in all(&session.root, "[data-live-ago]") {
            set_text(&element, &text);
        }
        let link_lost_shown = find(&session.root, "[data-live-if=link_lost]:not([hidden])").is_some();
        for element in all(&session.root, "[data-live-if=stale]") {
            set_hidden(&element, age <= STALE_AFTER_MS || link_lost_shown);
        }
    }
    if now_ms() - session.heard_ms.get() > SILENCE_MS {
        session.heard_ms.set(now_ms());
        hang_up(session);
    }
}

/// Loads the page anew, once, and not in the first moments after it was loaded.
fn reload(session: &Rc<Session>) {
    if session.reloading.replace(true) {
        return;
    }
    let age = window().and_then(|w| w.performance()).map_or(RELOAD_AGE_MS, |p| p.now());
    after((RELOAD_AGE_MS - age).max(0.0) as i32, || {
        if let Some(window) = window() {
            let _ = window.location().reload();
        }
    });
}

/// Loads the page anew only when it can be reached: in a garage without a signal the last numbers are better than the browser's
/// error page.
fn reload_if_reachable(session: &Rc<Session>) {
    let Some(window) = window() else { return };
    let Ok(address) = window.location().href() else { return };
    let session = Rc::clone(session);
    let answered = wasm_bindgen::closure::Closure::once_into_js(move |response: JsValue| {
        if property(&response, "ok").is_truthy() {
            reload(&session);
        }
    });
    // A refused promise is what "not reachable" looks like; its handler does nothing.
    let refused = wasm_bindgen::closure::Closure::once_into_js(|_: JsValue| {});
    let promise: JsValue = window.fetch_with_str(&address).into();
    if let Ok(then) = property(&promise, "then").dyn_into::<js_sys::Function>() {
        let _ = then.call2(&promise, &answered, &refused);
    }
}
