//! `/lang` and `/theme`: a cookie, and back to where the visitor was.

use api::i18n::Locale;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use serde::Deserialize;

use crate::redirect::{safe_local, see_other};
use crate::state::{AppState, Site};
use crate::theme::Theme;
use crate::visit::set_cookie;
use crate::{locale, theme as theme_choice};

/// A year: the choice of a language is not a secret and does not change.
const KEPT_S: u32 = 365 * 24 * 3600;

/// From the query of a link or the body of a form (axum's `Form` reads either).
#[derive(Debug, Default, Deserialize)]
pub struct Choice {
    #[serde(default)]
    to: String,
    #[serde(default)]
    back: String,
}

/// Keeps the language. An unknown one changes nothing.
pub async fn language(State(state): State<AppState>, choice: Result<Form<Choice>, FormRejection>) -> Response {
    let Form(choice) = choice.unwrap_or_default();
    keep(&state.site, locale::COOKIE, Locale::parse(&choice.to).map(Locale::tag), &choice.back)
}

/// Keeps light, dark or automatic.
pub async fn theme(State(state): State<AppState>, choice: Result<Form<Choice>, FormRejection>) -> Response {
    let Form(choice) = choice.unwrap_or_default();
    keep(&state.site, theme_choice::COOKIE, Theme::parse(&choice.to).map(Theme::name), &choice.back)
}

fn keep(site: &Site, name: &str, value: Option<&str>, back: &str) -> Response {
    let mut response = see_other(safe_local(back).unwrap_or("/"));
    if let Some(value) = value {
        set_cookie(site, &mut response, name, value, "/", KEPT_S);
    }
    response
}
