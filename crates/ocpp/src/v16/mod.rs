//! OCPP 1.6J: all messages of its six profiles and of the security whitepaper; one file a message.
//!
//! Section numbers are those of the OCPP 1.6 specification, edition 2.

mod action;
pub mod common;

pub mod authorize;
pub mod boot_notification;
pub mod cancel_reservation;
pub mod certificate_signed;
pub mod change_availability;
pub mod change_configuration;
pub mod clear_cache;
pub mod clear_charging_profile;
pub mod data_transfer;
pub mod delete_certificate;
pub mod diagnostics_status_notification;
pub mod extended_trigger_message;
pub mod firmware_status_notification;
pub mod get_composite_schedule;
pub mod get_configuration;
pub mod get_diagnostics;
pub mod get_installed_certificate_ids;
pub mod get_local_list_version;
pub mod get_log;
pub mod heartbeat;
pub mod install_certificate;
pub mod log_status_notification;
pub mod meter_values;
pub mod remote_start_transaction;
pub mod remote_stop_transaction;
pub mod reserve_now;
pub mod reset;
pub mod security_event_notification;
pub mod send_local_list;
pub mod set_charging_profile;
pub mod sign_certificate;
pub mod signed_firmware_status_notification;
pub mod signed_update_firmware;
pub mod start_transaction;
pub mod status_notification;
pub mod stop_transaction;
pub mod trigger_message;
pub mod unlock_connector;
pub mod update_firmware;

pub use action::{Action, Profile};
pub use common::{AuthorizationStatus, IdTag, IdTagInfo};

to_station! {
    cancel_reservation certificate_signed change_availability change_configuration clear_cache
    clear_charging_profile data_transfer delete_certificate extended_trigger_message get_composite_schedule
    get_configuration get_diagnostics get_installed_certificate_ids get_local_list_version get_log
    install_certificate remote_start_transaction remote_stop_transaction reserve_now reset send_local_list
    set_charging_profile signed_update_firmware trigger_message unlock_connector update_firmware
}

#[cfg(test)]
mod tests;
