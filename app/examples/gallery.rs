//! Every page in every state, from made-up data, at http://127.0.0.1:3100/gallery. For looking only: nothing here can be paid.
//!
//! `cargo run -p app --example gallery --features fixtures -- [DIRECTORY OF THE BROWSER'S FILES]`

use app::fixtures;
use axum::Router;
use axum::extract::Path;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "target/site".to_owned());
    let files = move |Path(name): Path<String>| {
        let path = format!("{directory}/pkg/{name}");
        async move { file(&path) }
    };
    let icon = || async { file("public/favicon.svg") };
    let manifest = || async { file("public/manifest.webmanifest") };
    let router = Router::new()
        .route("/gallery", get(|| async { Html(index()) }))
        .route("/pkg/{name}", get(files))
        .route("/g/{token}/live", get(live))
        .route("/favicon.svg", get(icon))
        .route("/manifest.webmanifest", get(manifest))
        .merge(app::router(fixtures::state()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3100").await?;
    println!("http://127.0.0.1:3100/gallery");
    axum::serve(listener, router).await?;
    Ok(())
}

/// Numbers that grow, and now and then a late message with smaller ones: the page must not show those.
async fn live(Path(token): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        let _ = follow(&token, socket).await;
    })
}

async fn follow(token: &str, mut socket: WebSocket) -> Result<(), Box<dyn std::error::Error>> {
    let mut view = fixtures::charge(token.trim_end_matches('_')).ok_or("no such charge")?;
    for step in 1_i64.. {
        let passed = if step % 4 == 0 { 0 } else { step };
        view.now += chrono::Duration::seconds(1);
        let now = view.now;
        if let Some(live) = view.live.as_mut() {
            live.energy = domain::Wh::new(12_345 + 60 * passed);
            live.cost = domain::Tyiyn::new(24_690 + 120 * passed);
            live.updated_at = live.updated_at.map(|_| now);
        }
        let snapshot = app::live::snapshot(&view, api::i18n::Locale::Ru);
        socket.send(Message::Text(serde_json::to_string(&snapshot)?.into())).await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    Ok(())
}

fn file(path: &str) -> Response {
    let kind = match path.rsplit('.').next() {
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/json",
    };
    std::fs::read(path)
        .map_or_else(|_| StatusCode::NOT_FOUND.into_response(), |bytes| ([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

fn index() -> String {
    let mut html = String::from("<!DOCTYPE html><title>Gallery</title><ul><li><a href='/'>start page</a>");
    for (code, what) in fixtures::CODES {
        html += &format!("<li><a href='/q/{code}'>/q/{code}</a> {what}");
    }
    for name in fixtures::CHARGES {
        if let Some(token) = fixtures::token(name) {
            html += &format!("<li><a href='/g/{token}'>{name}</a>");
        }
    }
    html
}
