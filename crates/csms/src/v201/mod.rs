//! OCPP 2.0.1: which handler answers which CALL, and how our commands are said. One file a message.
//!
//! A CALL that a charge point sends before its BootNotification was accepted is answered like any other: what it tells must not be lost
//! (field case 11).

mod authorize;
mod boot_notification;
mod commands;
mod data_transfer;
mod heartbeat;
mod kept;
mod meter_values;
mod notify_event;
mod notify_report;
mod security_event_notification;
mod status_notification;
mod transaction_event;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ocpp::v201::Action;
use ocpp::{ErrorCode, Version};
use serde_json::value::RawValue;

pub(crate) use crate::handler::{Context, HandlerError};
use crate::handler::{Handled, answer, refuse};
use crate::protocol::Protocol;

/// The row of this version.
pub(crate) const PROTOCOL: Protocol =
    Protocol { version: Version::V201, handle: boxed, say: commands::say, outcome: commands::outcome };

fn boxed<'a>(context: Context, action: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Handled> {
    handle(context, action, payload).boxed()
}

/// The routing table: the action of a CALL → its handler.
async fn handle(context: Context, action: &str, payload: &RawValue) -> Handled {
    if let Some(kind) = kept::kind_of(action) {
        return kept::handle(context, action, kind, payload).await;
    }
    match Action::from_station(action) {
        Err(code) => refuse(&context.message_id, Version::V201, code, &format!("{action} is not done here"), vec![]),
        Ok(Action::Authorize) => answer(context, payload, authorize::handle).await,
        Ok(Action::BootNotification) => answer(context, payload, boot_notification::handle).await,
        Ok(Action::DataTransfer) => answer(context, payload, data_transfer::handle).await,
        Ok(Action::Heartbeat) => answer(context, payload, heartbeat::handle).await,
        Ok(Action::MeterValues) => answer(context, payload, meter_values::handle).await,
        Ok(Action::NotifyEvent) => answer(context, payload, notify_event::handle).await,
        Ok(Action::NotifyReport) => answer(context, payload, notify_report::handle).await,
        Ok(Action::SecurityEventNotification) => answer(context, payload, security_event_notification::handle).await,
        Ok(Action::StatusNotification) => answer(context, payload, status_notification::handle).await,
        Ok(Action::TransactionEvent) => answer(context, payload, transaction_event::handle).await,
        // Certificates and ISO 15118 have no part here yet.
        Ok(other) => {
            let description = format!("{} is not done here", other.name());
            refuse(&context.message_id, Version::V201, ErrorCode::NotSupported, &description, vec![])
        }
    }
}

/// A number of the wire as the platform counts.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
