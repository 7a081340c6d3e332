//! What is told and only kept: one row, whole, for staff to read. The same event told by another version is of the same kind.

use ocpp::{Message, Timestamp, storable, storable_json};
use platform::devices::Event;

use crate::handler::{Context, HandlerError, of_stations};

/// A message whose contents nobody reads but staff.
pub(crate) trait Kept: Message {
    /// In snake case.
    const KIND: &'static str;

    /// What has a time of its own is the same event whenever it is told again; what has none, only as the same message.
    fn claimed_at(&self) -> Option<&Timestamp>;

    /// What is answered: nothing.
    fn thanks() -> Self::Response;
}

macro_rules! kept {
    ($($version:ident::$module:ident is $kind:literal $(at $field:ident)?;)*) => {$(
        impl Kept for ocpp::$version::$module::Request {
            const KIND: &'static str = $kind;

            fn claimed_at(&self) -> Option<&Timestamp> {
                None $(.or(Some(&self.$field)))?
            }

            fn thanks() -> Self::Response {
                ocpp::$version::$module::Response {}
            }
        }
    )*};
}

kept! {
    v16::diagnostics_status_notification is "diagnostics_status";
    v16::firmware_status_notification is "firmware_status";
    v16::log_status_notification is "log_status";
    v16::security_event_notification is "security_event" at timestamp;
    v16::signed_firmware_status_notification is "firmware_status";
    v201::cleared_charging_limit is "cleared_charging_limit";
    v201::firmware_status_notification is "firmware_status";
    v201::log_status_notification is "log_status";
    v201::notify_charging_limit is "charging_limit";
    v201::notify_customer_information is "customer_information" at generated_at;
    v201::notify_display_messages is "display_messages";
    v201::notify_event is "event" at generated_at;
    v201::notify_monitoring_report is "monitoring_report" at generated_at;
    v201::publish_firmware_status_notification is "publish_firmware_status";
    v201::report_charging_profiles is "charging_profiles";
    v201::reservation_status_update is "reservation_status_update";
    v201::security_event_notification is "security_event" at timestamp;
}

/// Keeps such a message.
pub(crate) async fn handle<M: Kept>(context: Context, request: M) -> Result<M::Response, HandlerError> {
    let json = serde_json::to_string(&request).unwrap_or_default();
    let event = Event {
        kind: M::KIND,
        message_id: storable(&context.message_id).into_owned(),
        claimed_at: request.claimed_at().and_then(Timestamp::instant),
        received_at: context.received_at,
        // jsonb holds no U+0000 and no half of a surrogate pair.
        payload: serde_json::from_str(&storable_json(&json)).unwrap_or_default(),
    };
    context.csms.0.stations.devices().take_event(context.lease, event).await.map_err(of_stations)?;
    Ok(M::thanks())
}
