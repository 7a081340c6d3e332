//! Drawn signs. All are decoration: the words beside them say the same, so screen readers skip them.

use leptos::prelude::*;

/// One path on a 24 × 24 grid, in the text's colour.
fn stroke(path: &'static str, class: &'static str) -> AnyView {
    view! {
        <svg class=class viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
    .into_any()
}

pub fn check(class: &'static str) -> AnyView {
    stroke("M5 12.5l4.5 4.5L19 7.5", class)
}
pub fn cross(class: &'static str) -> AnyView {
    stroke("M6.5 6.5l11 11m0-11l-11 11", class)
}
pub fn bolt(class: &'static str) -> AnyView {
    stroke("M13 2.5L5 13.5h6l-1 8 8-11h-6z", class)
}
pub fn phone(class: &'static str) -> AnyView {
    stroke("M6 3h3l1.5 4.5L8.5 9a13 13 0 0 0 6.5 6.5l1.5-2L21 15v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z", class)
}
pub fn arrow(class: &'static str) -> AnyView {
    stroke("M5 12h14m-5.5-5.5L19 12l-5.5 5.5", class)
}
pub fn back(class: &'static str) -> AnyView {
    stroke("M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5", class)
}
pub fn document(class: &'static str) -> AnyView {
    stroke("M7 3h7l5 5v13H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm7 0v5h5M9 13h6m-6 4h6", class)
}
pub fn warning(class: &'static str) -> AnyView {
    stroke("M12 4L2.8 20h18.4zm0 6v4.5m0 2.8v.2", class)
}
pub fn person(class: &'static str) -> AnyView {
    stroke("M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5a7.5 7.5 0 0 1 15 0", class)
}
pub fn clock(class: &'static str) -> AnyView {
    stroke("M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 8v4.5l3 2", class)
}

/// The mark: a drop with a bolt in it.
pub fn mark(class: &'static str) -> AnyView {
    view! {
        <svg class=class viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-drop" d="M16 1.8c4.6 5.9 9.7 10.6 9.7 17.2A9.7 9.7 0 0 1 16 29.3 9.7 9.7 0 0 1 6.3 19C6.3 12.4 11.4 7.7 16 1.8z"></path>
            <path class="mark-bolt" d="M17.7 10.2l-6.4 8.6h4.2l-1.2 6.4 6.4-8.7h-4.2z"></path>
        </svg>
    }
    .into_any()
}

/// A plug on its way into the car's socket; the cable swings gently when motion is welcome.
pub fn plugging(class: &'static str) -> AnyView {
    view! {
        <svg class=class viewBox="0 0 240 96" fill="none" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <g class="plugging-socket" stroke="currentColor">
                <path d="M172 14h40a14 14 0 0 1 14 14v40a14 14 0 0 1-14 14h-40z"></path>
                <path d="M186 38h12m-12 20h12"></path>
            </g>
            <g class="plugging-plug">
                <path class="plugging-fill" d="M78 26h38a10 10 0 0 1 10 10v24a10 10 0 0 1-10 10H78a22 22 0 0 1 0-44z"></path>
                <path d="M126 38h18m-18 20h18M56 48H38c-16 0-14 32-36 32"></path>
                <path class="plugging-bolt" d="M95 34l-9 14h8l-2 14 11-16h-8z"></path>
            </g>
        </svg>
    }
    .into_any()
}
