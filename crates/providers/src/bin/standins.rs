//! Both stand-ins as a process of their own. Knows nothing of the platform; for the demo and for tests across processes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use domain::Tyiyn;
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext};
use secrecy::SecretString;
use tokio_util::task::TaskTracker;
use url::Url;

/// The stand-ins of the payment provider and of the SMS gateway. Secrets come from the environment only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the payment provider listens.
    #[arg(long, env = "EVP_STANDIN_NAMBA_LISTEN", default_value = "127.0.0.1:3101")]
    namba_listen: SocketAddr,
    /// Where browsers reach the payer's page; its own address by default.
    #[arg(long, env = "EVP_STANDIN_NAMBA_PUBLIC_URL")]
    namba_public_url: Option<Url>,
    /// The merchant account.
    #[arg(long, env = "EVP_NAMBA_MERCHANT")]
    namba_merchant: String,
    #[arg(long, env = "EVP_NAMBA_SECRET", hide = true, hide_env_values = true)]
    namba_secret: SecretString,
    /// The merchant's money at the start, som.
    #[arg(long, default_value_t = 1_000_000)]
    namba_float_som: i64,
    /// Between two attempts of a webhook, milliseconds.
    #[arg(long, default_value_t = 5_000)]
    webhook_retry_every_ms: u64,
    /// From the first attempt of a webhook to the last, seconds.
    #[arg(long, default_value_t = 3_600)]
    webhook_retry_for_s: u64,
    /// From a refund's creation to its outcome, milliseconds.
    #[arg(long, default_value_t = 3_000)]
    refund_delay_ms: u64,
    /// After it an unpaid link is expired, seconds; never by default.
    #[arg(long)]
    link_lifetime_s: Option<u64>,
    /// Where the SMS gateway listens.
    #[arg(long, env = "EVP_STANDIN_NIKITA_LISTEN", default_value = "127.0.0.1:3102")]
    nikita_listen: SocketAddr,
    #[arg(long, env = "EVP_NIKITA_LOGIN")]
    nikita_login: String,
    #[arg(long, env = "EVP_NIKITA_PASSWORD", hide = true, hide_env_values = true)]
    nikita_password: SecretString,
    /// The approved sender.
    #[arg(long, env = "EVP_NIKITA_SENDER")]
    nikita_sender: String,
    /// Where delivery reports are pushed.
    #[arg(long)]
    nikita_push_url: Option<Url>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let arguments = Arguments::parse();
    let tasks = TaskTracker::new();
    let context = StandInContext::new(now, new_id, tasks.clone());

    let namba = NambaStandInConfig {
        float: Tyiyn::from_som(arguments.namba_float_som).context("the float is too large")?,
        public_base_url: arguments.namba_public_url,
        webhook_retry_every: Duration::from_millis(arguments.webhook_retry_every_ms),
        webhook_retry_for: Duration::from_secs(arguments.webhook_retry_for_s),
        refund_delay: Duration::from_millis(arguments.refund_delay_ms),
        link_lifetime: arguments.link_lifetime_s.map(Duration::from_secs),
        ..NambaStandInConfig::new(arguments.namba_merchant, arguments.namba_secret)
    };
    let nikita = NikitaStandInConfig {
        push_url: arguments.nikita_push_url,
        ..NikitaStandInConfig::new(arguments.nikita_login, arguments.nikita_password, arguments.nikita_sender)
    };
    let namba = NambaStandIn::start(arguments.namba_listen, namba, context.clone())
        .await
        .context("the payment provider cannot listen")?;
    let nikita =
        NikitaStandIn::start(arguments.nikita_listen, nikita, context).await.context("the SMS gateway cannot listen")?;
    println!("payment provider {}", namba.base_url);
    println!("sms gateway      {}", nikita.base_url);

    stop_asked().await?;
    namba.stop().await;
    nikita.stop().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Ctrl-C or SIGTERM.
async fn stop_asked() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the one place of this process where the time comes from")]
fn now() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}

#[allow(clippy::disallowed_methods, reason = "the one place of this process where ids come from")]
fn new_id() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}
