//! What is told and only kept: one row, whole, for staff to read.

use ocpp::v201::security_event_notification::Response;
use ocpp::{ErrorCode, Timestamp, Version, storable, storable_json};
use platform::devices::Event;
use serde_json::value::RawValue;

use super::{Context, HandlerError};
use crate::handler::{Handled, finish, of_stations, refuse};

/// The messages whose contents nobody reads but staff: whatever is in them is kept as it came, and the answer is empty.
pub(super) fn kind_of(action: &str) -> Option<&'static str> {
    Some(match action {
        "ClearedChargingLimit" => "cleared_charging_limit",
        "FirmwareStatusNotification" => "firmware_status",
        "LogStatusNotification" => "log_status",
        "NotifyChargingLimit" => "charging_limit",
        "NotifyCustomerInformation" => "customer_information",
        "NotifyDisplayMessages" => "display_messages",
        "NotifyMonitoringReport" => "monitoring_report",
        "PublishFirmwareStatusNotification" => "publish_firmware_status",
        "ReportChargingProfiles" => "charging_profiles",
        "ReservationStatusUpdate" => "reservation_status_update",
        _ => return None,
    })
}

/// Keeps such a message.
pub(super) async fn handle(context: Context, action: &str, kind: &'static str, payload: &RawValue) -> Handled {
    if !payload.get().trim_start().starts_with('{') {
        let description = "the payload must be an object";
        return refuse(&context.message_id, Version::V201, ErrorCode::FormatViolation, description, vec![]);
    }
    let kept = keep(&context, kind, None, payload.get()).await;
    finish(&context, action, kept.map(|()| Response {}.into()), vec![])
}

/// Keeps a message, given as JSON. With a time of its own the same told again is the same event; without one only the same message is.
pub(super) async fn keep(
    context: &Context,
    kind: &'static str,
    claimed_at: Option<&Timestamp>,
    json: &str,
) -> Result<(), HandlerError> {
    let event = Event {
        kind,
        message_id: storable(&context.message_id).into_owned(),
        claimed_at: claimed_at.and_then(Timestamp::instant),
        received_at: context.received_at,
        // jsonb holds no U+0000 and no half of a surrogate pair.
        payload: serde_json::from_str(&storable_json(json)).unwrap_or_default(),
    };
    context.csms.0.stations.devices().take_event(context.lease, event).await.map_err(of_stations)
}
