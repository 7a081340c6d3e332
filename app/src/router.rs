//! The table of contents of the web app.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::pages::{guest, home, preferences, problem};
use crate::security::{keep_private, refuse_foreign_forms};
use crate::state::AppState;

/// All pages. The server adds static files, the WebSocket `/g/{token}/live`, limits and HSTS.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/q", get(home::find_code))
        .route("/q/{code}", get(guest::connector).post(guest::check_out))
        .route("/g/{token}", get(guest::charge))
        .route("/g/{token}/stop", get(guest::ask_stop).post(guest::stop))
        .route("/g/{token}/receipt.pdf", get(guest::receipt_pdf))
        .route("/lang", get(preferences::language).post(preferences::language))
        .route("/theme", get(preferences::theme).post(preferences::theme))
        .fallback(problem::page_unknown)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), refuse_foreign_forms))
        .layer(from_fn(keep_private))
        .with_state(state)
}
