//! From a view to an answer: the whole document at once, so that the status is right and nothing depends on JavaScript.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hydration_context::SsrSharedContext;
use leptos::prelude::*;

use crate::ui::shell;
use crate::visit::Visit;

/// Facts of one page beside its content.
pub struct Page {
    pub status: StatusCode,
    /// Of the browser's tab.
    pub title: String,
    /// What moves on it.
    pub motion: Motion,
}

/// How a page keeps up with what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// Text and links: no script is sent at all.
    Still,
    /// Islands help with a form.
    Islands,
    /// Islands follow the server's state; without JavaScript the page asks again every [`REFRESH_S`] seconds.
    Follows,
}

/// Often enough for a person who waits, rare enough for a phone's data plan.
pub const REFRESH_S: u8 = 10;

impl Page {
    pub fn new(title: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, title: title.into(), motion: Motion::Still }
    }
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
    pub fn motion(self, motion: Motion) -> Self {
        Self { motion, ..self }
    }
}

/// Renders the page. `content` makes the inside of `<main>`.
pub fn render(visit: &Visit, page: Page, content: impl FnOnce() -> AnyView) -> Response {
    let nonce = visit.site.random_word();
    let policy = crate::security::content_security_policy(&visit.site, &visit.host, &nonce);
    let status = page.status;
    let html = to_html(|| shell::document(visit, &page, &nonce, content()));
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(visit.locale.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    response
}

/// Islands want an owner with the shared context of server rendering; nothing else of Leptos' machinery is needed for pages whose
/// data is already there.
fn to_html(view: impl FnOnce() -> AnyView) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new())));
    let html = owner.with(|| view().to_html());
    owner.unset_with_forced_cleanup();
    with_needed_marks(&html)
}

/// Leptos marks places in the document by `<!>`, so that hydration finds them: no valid comment, and shown as text in a `<title>`. An
/// island of ours hydrates one element around its children, so the marks behind the children are needed (without them it does not
/// wake), and no other. Text cannot be mistaken for a mark: there `<` is escaped.
fn with_needed_marks(html: &str) -> String {
    let mut pieces = html.split(CHILDREN_END);
    let mut result = pieces.next().unwrap_or_default().replace(MARK, "");
    for mut piece in pieces {
        result.push_str(CHILDREN_END);
        while let Some(rest) = piece.strip_prefix(MARK) {
            result.push_str(VALID_MARK);
            piece = rest;
        }
        result.push_str(&piece.replace(MARK, ""));
    }
    result
}

const CHILDREN_END: &str = "</leptos-children>";
const MARK: &str = "<!>";
/// The same empty comment to a browser.
const VALID_MARK: &str = "<!---->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marks_behind_an_islands_children_stay() {
        let html = "<title>A<!></title><div><leptos-children><p>b<!></p><!></leptos-children><!><!></div><!><p>&lt;!&gt;</p>";
        let kept = "<title>A</title><div><leptos-children><p>b</p></leptos-children><!----><!----></div><p>&lt;!&gt;</p>";
        assert_eq!(with_needed_marks(html), kept);
        assert_eq!(with_needed_marks(""), "");
    }
}
