//! OCPP 2.0.1: which handler answers which CALL, and how our commands are said. One file a message.
//!
//! A CALL that a charge point sends before its BootNotification was accepted is answered like any other: what it tells must not be lost
//! (field case 11).

mod authorize;
mod boot_notification;
mod commands;
mod data_transfer;
mod heartbeat;
mod meter_values;
mod notify_report;
mod sign_certificate;
mod status_notification;
mod told;
mod transaction_event;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ocpp::v201::{
    Action, cleared_charging_limit, firmware_status_notification, log_status_notification, notify_charging_limit,
    notify_customer_information, notify_display_messages, notify_event, notify_monitoring_report,
    publish_firmware_status_notification, report_charging_profiles, reservation_status_update, security_event_notification,
};
use ocpp::{ErrorCode, Version};
use serde_json::value::RawValue;

pub(crate) use crate::handler::{Context, HandlerError};
use crate::handler::{Handled, answer, refuse};
use crate::kept;
use crate::protocol::Protocol;

/// The row of this version.
pub(crate) const PROTOCOL: Protocol = Protocol {
    version: Version::V201,
    handle: boxed,
    say: commands::say,
    outcome: commands::outcome,
    told: told::told,
    to_station: ocpp::v201::TO_STATION,
};

fn boxed<'a>(context: Context, action: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Handled> {
    handle(context, action, payload).boxed()
}

/// The routing table: the action of a CALL → its handler.
async fn handle(context: Context, action: &str, payload: &RawValue) -> Handled {
    match Action::from_station(action) {
        Err(code) => refuse(&context.message_id, Version::V201, code, &format!("{action} is not done here"), vec![]),
        Ok(Action::Authorize) => answer(context, payload, authorize::handle).await,
        Ok(Action::BootNotification) => answer(context, payload, boot_notification::handle).await,
        Ok(Action::ClearedChargingLimit) => answer(context, payload, kept::handle::<cleared_charging_limit::Request>).await,
        Ok(Action::DataTransfer) => answer(context, payload, data_transfer::handle).await,
        Ok(Action::FirmwareStatusNotification) => {
            answer(context, payload, kept::handle::<firmware_status_notification::Request>).await
        }
        Ok(Action::Heartbeat) => answer(context, payload, heartbeat::handle).await,
        Ok(Action::LogStatusNotification) => answer(context, payload, kept::handle::<log_status_notification::Request>).await,
        Ok(Action::MeterValues) => answer(context, payload, meter_values::handle).await,
        Ok(Action::NotifyChargingLimit) => answer(context, payload, kept::handle::<notify_charging_limit::Request>).await,
        Ok(Action::NotifyCustomerInformation) => {
            answer(context, payload, kept::handle::<notify_customer_information::Request>).await
        }
        Ok(Action::NotifyDisplayMessages) => answer(context, payload, kept::handle::<notify_display_messages::Request>).await,
        Ok(Action::NotifyEvent) => answer(context, payload, kept::handle::<notify_event::Request>).await,
        Ok(Action::NotifyMonitoringReport) => answer(context, payload, kept::handle::<notify_monitoring_report::Request>).await,
        Ok(Action::NotifyReport) => answer(context, payload, notify_report::handle).await,
        Ok(Action::PublishFirmwareStatusNotification) => {
            answer(context, payload, kept::handle::<publish_firmware_status_notification::Request>).await
        }
        Ok(Action::ReportChargingProfiles) => answer(context, payload, kept::handle::<report_charging_profiles::Request>).await,
        Ok(Action::ReservationStatusUpdate) => {
            answer(context, payload, kept::handle::<reservation_status_update::Request>).await
        }
        Ok(Action::SecurityEventNotification) => {
            answer(context, payload, kept::handle::<security_event_notification::Request>).await
        }
        Ok(Action::SignCertificate) => answer(context, payload, sign_certificate::handle).await,
        Ok(Action::StatusNotification) => answer(context, payload, status_notification::handle).await,
        Ok(Action::TransactionEvent) => answer(context, payload, transaction_event::handle).await,
        // ISO 15118 (certificates of cars, their needs and schedules) has no part here.
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
