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
pub mod cancel_reservation;
pub mod certificate_signed;
pub mod change_availability;
pub mod clear_cache;
pub mod clear_charging_profile;
pub mod clear_display_message;
pub mod clear_variable_monitoring;
pub mod cleared_charging_limit;
pub mod cost_updated;
pub mod customer_information;
pub mod data_transfer;
pub mod delete_certificate;
pub mod firmware_status_notification;
pub mod get_15118_ev_certificate;
pub mod get_base_report;
pub mod get_certificate_status;
pub mod get_charging_profiles;
pub mod get_composite_schedule;
pub mod get_display_messages;
pub mod get_installed_certificate_ids;
pub mod get_local_list_version;
pub mod get_log;
pub mod get_monitoring_report;
pub mod get_report;
pub mod get_transaction_status;
pub mod get_variables;
pub mod heartbeat;
pub mod install_certificate;
pub mod log_status_notification;
pub mod meter_values;
pub mod notify_charging_limit;
pub mod notify_customer_information;
pub mod notify_display_messages;
pub mod notify_ev_charging_needs;
pub mod notify_ev_charging_schedule;
pub mod notify_event;
pub mod notify_monitoring_report;
pub mod notify_report;
pub mod publish_firmware;
pub mod publish_firmware_status_notification;
pub mod report_charging_profiles;
pub mod request_start_transaction;
pub mod request_stop_transaction;
pub mod reservation_status_update;
pub mod reserve_now;
pub mod reset;
pub mod security_event_notification;
pub mod send_local_list;
pub mod set_charging_profile;
pub mod set_display_message;
pub mod set_monitoring_base;
pub mod set_monitoring_level;
pub mod set_network_profile;
pub mod set_variable_monitoring;
pub mod set_variables;
pub mod sign_certificate;
pub mod status_notification;
pub mod transaction_event;
pub mod trigger_message;
pub mod unlock_connector;
pub mod unpublish_firmware;
pub mod update_firmware;

pub use action::{Action, Block};
pub use common::{AuthorizationStatus, Evse, IdToken, IdTokenInfo, IdTokenType, Many, StatusInfo};

to_station! {
    cancel_reservation certificate_signed change_availability clear_cache clear_charging_profile
    clear_display_message clear_variable_monitoring cost_updated customer_information data_transfer
    delete_certificate get_base_report get_charging_profiles get_composite_schedule get_display_messages
    get_installed_certificate_ids get_local_list_version get_log get_monitoring_report get_report
    get_transaction_status get_variables install_certificate publish_firmware request_start_transaction
    request_stop_transaction reserve_now reset send_local_list set_charging_profile set_display_message
    set_monitoring_base set_monitoring_level set_network_profile set_variable_monitoring set_variables
    trigger_message unlock_connector unpublish_firmware update_firmware
}

#[cfg(test)]
mod tests;
