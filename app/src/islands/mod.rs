//! What moves on a page. Each island is a thin wrapper around HTML that the server made: when it wakes it finds its parts by their
//! `data-` attributes and listens. It renders nothing, knows no language and no rules, and takes no props, so that neither serde nor
//! the catalogue reaches the browser. Each sets `data-ready="true"` on its root when it is awake.
//!
//! The bodies of these functions must read the same on the server and in the browser: Leptos names an island by a hash of its tokens.

use leptos::prelude::*;

#[cfg(feature = "hydrate")]
mod dom;
#[cfg(feature = "hydrate")]
mod wake;

/// On the server there is nothing to wake.
#[cfg(not(feature = "hydrate"))]
mod wake {
    pub fn amount_picker<T>(_root: &T) {}
    pub fn ask_again<T>(_root: &T) {}
    pub fn code_entry<T>(_root: &T) {}
    pub fn copy_link<T>(_root: &T) {}
    pub fn countdown<T>(_root: &T) {}
    pub fn live_session<T>(_root: &T) {}
    pub fn stop_confirm<T>(_root: &T) {}
}

/// Writes the chosen sum on the button and an estimate beside a typed one.
#[island]
pub fn AmountPicker(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::amount_picker(&root);
        }
    });
    view! { <div node_ref=root data-island="amount-picker">{children()}</div> }
}

/// Asks for the page again every few seconds while somebody looks at it.
#[island]
pub fn AskAgain(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::ask_again(&root);
        }
    });
    view! { <div node_ref=root data-island="ask-again">{children()}</div> }
}

/// Takes the code from the message, sends it when it is whole, and counts down to the next one.
#[island]
pub fn CodeEntry(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::code_entry(&root);
        }
    });
    view! { <div node_ref=root data-island="code-entry">{children()}</div> }
}

/// Shows the copy button and copies its link.
#[island]
pub fn CopyLink(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::copy_link(&root);
        }
    });
    view! { <div node_ref=root data-island="copy-link">{children()}</div> }
}

/// Counts `mm:ss` down.
#[island]
pub fn Countdown(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::countdown(&root);
        }
    });
    view! { <div node_ref=root data-island="countdown">{children()}</div> }
}

/// Follows the charge over a WebSocket: numbers in place, a new page when the phase changes.
#[island]
pub fn LiveSession(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::live_session(&root);
        }
    });
    view! { <div node_ref=root data-island="live-session">{children()}</div> }
}

/// Asks before it stops, in place.
#[island]
pub fn StopConfirm(children: Children) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    Effect::new(move || {
        if let Some(root) = root.get() {
            wake::stop_confirm(&root);
        }
    });
    view! { <div node_ref=root data-island="stop-confirm">{children()}</div> }
}
