//! The table of contents of the site: which part answers what, and what wraps them all.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use platform::db::Db;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::live::{Live, live};
use crate::webhook::{self, Webhooks};

/// No page takes this long; what does is ended, so that a slow database cannot fill the memory with waiting requests.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);
/// Forms are a phone, an amount and a key.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// The parts that the router puts together.
pub struct Parts {
    pub pages: Router,
    pub live: Live,
    pub webhooks: Webhooks,
    pub csms: Router,
    pub db: Db,
}

/// The routes that are no page's, and why nobody's permission is asked there. A test holds the source against this list.
pub const OUTSIDE_PAGES: &[(&str, &str)] = &[
    ("/webhooks/namba", "the provider; it brings our secret back, and is asked again"),
    ("/pkg", "the browser's files, the same for everybody"),
    ("/{name}", "icons and robots.txt, the same for everybody"),
    ("/healthz", "says that the process lives, and nothing else"),
    ("/readyz", "says whether the database answers, and nothing else"),
    ("/g/{token}/live", "a guest's numbers: the address holds the secret, as for the page"),
    ("/ocpp/{identity}", "charge points; the endpoint asks for their password or certificate"),
    ("/ocpp/{identity}/", "the same with a slash"),
];

/// Puts the site together.
pub fn router(parts: Parts, site_root: &Path) -> Router {
    let pages = parts
        .pages
        .merge(Router::new().route("/webhooks/namba", post(webhook::namba)).with_state(parts.webhooks))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(
            ServiceBuilder::new()
                .layer(TraceLayer::new_for_http().make_span_with(span))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME_MAX))
                .layer(CompressionLayer::new()),
        );
    let files = Router::new()
        .nest_service("/pkg", ServeDir::new(site_root.join("pkg")).precompressed_br().precompressed_gzip())
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ));
    let icons = ["favicon.svg", "favicon.ico", "robots.txt", "manifest.webmanifest", "apple-touch-icon.png"]
        .into_iter()
        .fold(Router::new(), |router, name| {
            router.route_service(&format!("/{name}"), tower_http::services::ServeFile::new(site_root.join(name)))
        });
    let health = Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready)).with_state(parts.db);
    // The sockets are outside the time limit and the compression.
    let sockets = Router::new().route("/g/{token}/live", get(live)).with_state(parts.live).merge(parts.csms);
    Router::new().merge(pages).merge(files).merge(icons).merge(health).merge(sockets).layer(
        ServiceBuilder::new()
            .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
            .layer(fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
            .layer(fixed(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), payment=()"))
            .layer(fixed(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains")),
    )
}

/// A header that every answer has unless a part set its own.
fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// A span without the path: guest tokens are in paths, and they are secrets.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let route =
        request.extensions().get::<axum::extract::MatchedPath>().map_or("unmatched", axum::extract::MatchedPath::as_str);
    tracing::info_span!("request", http.method = %request.method(), http.route = route)
}

/// A defect in a handler costs one answer, not the process.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("A handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Ready when the database answers.
async fn ready(State(db): State<Db>) -> StatusCode {
    if db.pool().acquire().await.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
