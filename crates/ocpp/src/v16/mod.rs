//! OCPP 1.6J: the core profile, remote trigger and the session's charging profile; one file a message.
//!
//! Section numbers are those of the OCPP 1.6 specification, edition 2.

mod action;
pub mod common;

pub mod authorize;
pub mod boot_notification;
pub mod change_availability;
pub mod change_configuration;
pub mod clear_cache;
pub mod clear_charging_profile;
pub mod data_transfer;
pub mod get_configuration;
pub mod heartbeat;
pub mod meter_values;
pub mod remote_start_transaction;
pub mod remote_stop_transaction;
pub mod reset;
pub mod set_charging_profile;
pub mod start_transaction;
pub mod status_notification;
pub mod stop_transaction;
pub mod trigger_message;
pub mod unlock_connector;

pub use action::{Action, Profile};
pub use common::{AuthorizationStatus, IdTag, IdTagInfo};

#[cfg(test)]
mod tests;
