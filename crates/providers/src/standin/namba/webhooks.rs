//! Sends notices, and repeats what was not answered with 2xx.

use std::collections::BTreeMap;
use std::time::Duration;

use super::App;
use super::state::Attempt;

/// A receiver has so long for its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook to be sent.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    /// The external id, for the overview.
    pub about: String,
    pub label: String,
    pub body: String,
}

/// The HTTP client of the webhooks. Without a certificate store it still reaches receivers on this machine.
pub(in super::super) fn client() -> reqwest::Result<reqwest::Client> {
    let builder = || {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
    };
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}

/// Sends the notices one after the other, each once; those that fail are repeated in the background. Gives the HTTP statuses.
pub(super) async fn send(app: &App, notices: Vec<Notice>) -> Vec<Option<u16>> {
    let delay = app.ledger().faults.webhook_delay_ms;
    if !notices.is_empty() && delay > 0 && !app.sleep(Duration::from_millis(delay)).await {
        return Vec::new();
    }
    let mut statuses = Vec::with_capacity(notices.len());
    for notice in notices {
        let status = attempt(app, &notice).await;
        if !is_success(status) {
            repeat(app, notice);
        }
        statuses.push(status);
    }
    statuses
}

/// Sends the notices in the background.
pub(super) fn send_later(app: &App, notices: Vec<Notice>) {
    if notices.is_empty() {
        return;
    }
    let app = app.clone();
    app.context.tasks.clone().spawn(async move {
        send(&app, notices).await;
    });
}

fn repeat(app: &App, notice: Notice) {
    let app = app.clone();
    app.context.tasks.clone().spawn(async move {
        let every = app.config.webhook_retry_every.max(Duration::from_millis(1));
        let attempts = app.config.webhook_retry_for.as_nanos() / every.as_nanos();
        for _ in 0..attempts {
            if !app.sleep(every).await || is_success(attempt(&app, &notice).await) {
                return;
            }
        }
    });
}

fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|s| (200..300).contains(&s))
}

/// One attempt; gives the receiver's HTTP status.
pub(super) async fn attempt(app: &App, notice: &Notice) -> Option<u16> {
    let Ok(_permit) = app.webhooks.acquire().await else { return None };
    let mut request = app.http.post(&notice.url).header("content-type", "application/json").body(notice.body.clone());
    for (name, value) in &notice.headers {
        request = request.header(name, value);
    }
    let sent = tokio::select! {
        sent = request.send() => sent,
        () = app.shutdown.cancelled() => return None,
    };
    let http_status = sent.ok().map(|answer| answer.status().as_u16());
    let attempt = Attempt {
        at: app.now(),
        about: notice.about.clone(),
        label: notice.label.clone(),
        url: notice.url.clone(),
        http_status,
    };
    app.ledger().add_attempt(attempt);
    http_status
}
