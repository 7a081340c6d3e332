//! The web app: pages that the server renders, and the few islands that become WASM.
//!
//! Knows `api` (what may be asked) and `domain` (the rules), and nothing of SQL, sockets, charge points or the runtime: no tokio, no
//! sqlx. It has no clock and no randomness of its own; "now" is in the views, random numbers come with [`state::Site`].
//!
//! A page is an axum handler that asks `api` and renders a whole document with its status: plain pages, plain forms, plain links.
//! Everything works without JavaScript. Islands wrap parts of a finished page and make it move; their HTML is the server's.

// Views are deeply nested types.
#![recursion_limit = "256"]

pub mod islands;

#[cfg(feature = "ssr")]
pub mod assets;
#[cfg(any(all(test, feature = "ssr"), feature = "fixtures"))]
pub mod fixtures;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
pub mod hosts;
#[cfg(feature = "ssr")]
pub mod live;
#[cfg(feature = "ssr")]
pub mod locale;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod redirect;
#[cfg(feature = "ssr")]
mod render;
#[cfg(feature = "ssr")]
mod router;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod security;
#[cfg(feature = "ssr")]
pub mod session;
#[cfg(feature = "ssr")]
pub mod state;
#[cfg(test)]
#[cfg(feature = "ssr")]
mod tests;
#[cfg(feature = "ssr")]
mod theme;
#[cfg(feature = "ssr")]
mod ui;
#[cfg(feature = "ssr")]
mod visit;

#[cfg(feature = "ssr")]
pub use router::{declared, router};
#[cfg(feature = "ssr")]
pub use state::{AppState, Site};
