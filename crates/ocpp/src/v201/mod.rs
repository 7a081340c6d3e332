//! OCPP 2.0.1: one file a message, and beside them what messages share.
//!
//! Letters and numbers as "E02" are the use cases of part 2 of the specification.

/// As everywhere in this crate; but here any record may have a customData, which is ignored.
macro_rules! record {
    ($($body:tt)*) => { record_of! { ["customData"] $($body)* } };
}

mod action;
pub mod certificates;
pub mod common;
pub mod device_model;
pub mod display;
pub mod smart_charging;

pub mod authorize;
pub mod boot_notification;
pub mod change_availability;
pub mod clear_cache;
pub mod cost_updated;
pub mod data_transfer;
pub mod get_base_report;
pub mod get_transaction_status;
pub mod get_variables;
pub mod heartbeat;
pub mod meter_values;
pub mod notify_event;
pub mod notify_report;
pub mod request_start_transaction;
pub mod request_stop_transaction;
pub mod reset;
pub mod security_event_notification;
pub mod set_charging_profile;
pub mod set_variables;
pub mod status_notification;
pub mod transaction_event;
pub mod trigger_message;
pub mod unlock_connector;

pub use action::{Action, Block};
pub use common::{AuthorizationStatus, Evse, IdToken, IdTokenInfo, IdTokenType, Many, StatusInfo};

#[cfg(test)]
mod tests;
