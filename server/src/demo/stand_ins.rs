//! `evp stand-ins`: Namba One and Nikita SMS as the demo plays them, in a process of their own.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use platform::{Clock, SystemClock};
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;

/// What the supervisor writes to the standard input: it holds secrets.
#[derive(Serialize, Deserialize)]
pub struct Plan {
    pub namba: SocketAddr,
    pub sms: SocketAddr,
    pub merchant_guid: String,
    pub secret: String,
    pub sms_login: String,
    pub sms_password: String,
    pub sms_sender: String,
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run() -> Result<()> {
    super::refuse_outside_demo()?;
    let plan: Plan = super::read_plan()?;
    let tasks = TaskTracker::new();
    let context = StandInContext::new(|| SystemClock.now(), random_id, tasks.clone());
    let namba = NambaStandIn::start(
        plan.namba,
        NambaStandInConfig::new(plan.merchant_guid, SecretString::from(plan.secret)),
        context.clone(),
    )
    .await
    .context("the payment provider cannot listen")?;
    let sms = NikitaStandIn::start(
        plan.sms,
        NikitaStandInConfig::new(plan.sms_login, SecretString::from(plan.sms_password), plan.sms_sender),
        context,
    )
    .await
    .context("the SMS gateway cannot listen")?;
    crate::shutdown::asked().await?;
    namba.stop().await;
    sms.stop().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the one place of the stand-ins' process where ids come from")]
fn random_id() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}
