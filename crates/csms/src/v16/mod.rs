//! OCPP 1.6: which handler answers which CALL, and how our commands are said. One file a message.

mod authorize;
mod boot_notification;
pub(crate) mod commands;
mod data_transfer;
mod heartbeat;
mod meter_values;
mod sign_certificate;
mod start_transaction;
mod status_notification;
mod stop_transaction;
mod told;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ocpp::v16::{
    Action, diagnostics_status_notification, firmware_status_notification, log_status_notification,
    security_event_notification, signed_firmware_status_notification,
};
use ocpp::{ErrorCode, Version};
use serde_json::value::RawValue;

pub(crate) use crate::handler::{Context, HandlerError};
use crate::handler::{Handled, answer, refuse};
use crate::kept;
use crate::protocol::Protocol;

/// The row of this version.
pub(crate) const PROTOCOL: Protocol = Protocol {
    version: Version::V16,
    handle: boxed,
    say: commands::say,
    outcome: commands::outcome,
    told: told::told,
    to_station: ocpp::v16::TO_STATION,
};

fn boxed<'a>(context: Context, action: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Handled> {
    handle(context, action, payload).boxed()
}

/// The routing table: the action of a CALL → its handler.
async fn handle(context: Context, action: &str, payload: &RawValue) -> Handled {
    match Action::from_station(action) {
        Err(code) => refuse(&context.message_id, Version::V16, code, &format!("{action} is not done here"), vec![]),
        Ok(Action::Authorize) => answer(context, payload, authorize::handle).await,
        Ok(Action::BootNotification) => answer(context, payload, boot_notification::handle).await,
        Ok(Action::DataTransfer) => answer(context, payload, data_transfer::handle).await,
        Ok(Action::DiagnosticsStatusNotification) => {
            answer(context, payload, kept::handle::<diagnostics_status_notification::Request>).await
        }
        Ok(Action::FirmwareStatusNotification) => {
            answer(context, payload, kept::handle::<firmware_status_notification::Request>).await
        }
        Ok(Action::Heartbeat) => answer(context, payload, heartbeat::handle).await,
        Ok(Action::LogStatusNotification) => answer(context, payload, kept::handle::<log_status_notification::Request>).await,
        Ok(Action::MeterValues) => answer(context, payload, meter_values::handle).await,
        Ok(Action::SecurityEventNotification) => {
            answer(context, payload, kept::handle::<security_event_notification::Request>).await
        }
        Ok(Action::SignCertificate) => answer(context, payload, sign_certificate::handle).await,
        Ok(Action::SignedFirmwareStatusNotification) => {
            answer(context, payload, kept::handle::<signed_firmware_status_notification::Request>).await
        }
        Ok(Action::StartTransaction) => answer(context, payload, start_transaction::handle).await,
        Ok(Action::StatusNotification) => answer(context, payload, status_notification::handle).await,
        Ok(Action::StopTransaction) => answer(context, payload, stop_transaction::handle).await,
        // The table of `ocpp` says what is done; one that is said to be done and has no line here is our defect.
        Ok(other) => {
            let description = format!("{} is not done here", other.name());
            refuse(&context.message_id, Version::V16, ErrorCode::NotSupported, &description, vec![])
        }
    }
}

/// A 1.6 connector n is EVSE n, connector 1; 0 is the charge point as a whole.
pub(crate) fn evse_no(connector_id: u32) -> i32 {
    i32::try_from(connector_id).unwrap_or(i32::MAX)
}

/// The only connector of a 1.6 EVSE.
pub(crate) const CONNECTOR_NO: i32 = 1;
