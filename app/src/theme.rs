//! Light, dark, or as the device says. Chosen on the server from a cookie, so that no page flashes in the wrong colours.

use axum::http::HeaderMap;

use crate::locale::cookie;

/// The cookie that keeps the choice.
pub const COOKIE: &str = "theme";

/// How the pages look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the cookie and on `<html data-theme>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    pub fn from_headers(headers: &HeaderMap) -> Self {
        cookie(headers, COOKIE).and_then(Self::parse).unwrap_or_default()
    }
}
