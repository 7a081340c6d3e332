//! The messages of 2.0.1: the first line of the input names the module, the rest is the payload. Reading does not panic, and what
//! breaks nothing is written and reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocpp::v201::*;
use ocpp::{Message, Payload};

fn round_trip<P: Payload + PartialEq + std::fmt::Debug>(json: &str) {
    let Ok(decoded) = P::decode_text(json) else { return };
    if !decoded.violations.is_empty() {
        let _ = decoded.value.encode();
        return;
    }
    let written = decoded.value.encode().expect("what breaks nothing can be written");
    let again = P::decode(&written).expect("what was written can be read");
    assert_eq!(again.violations, []);
    assert_eq!(again.value, decoded.value);
}

macro_rules! messages {
    ($($module:ident)*) => {
        fn read(module: &str, json: &str) {
            match module {
                $(stringify!($module) => {
                    round_trip::<$module::Request>(json);
                    round_trip::<<$module::Request as Message>::Response>(json);
                })*
                _ => {}
            }
        }
    };
}

messages! {
        authorize boot_notification cancel_reservation certificate_signed change_availability clear_cache
        clear_charging_profile clear_display_message clear_variable_monitoring cleared_charging_limit
        cost_updated customer_information data_transfer delete_certificate firmware_status_notification
        get_15118_ev_certificate get_base_report get_certificate_status get_charging_profiles
        get_composite_schedule get_display_messages get_installed_certificate_ids get_local_list_version
        get_log get_monitoring_report get_report get_transaction_status get_variables heartbeat
        install_certificate log_status_notification meter_values notify_charging_limit
        notify_customer_information notify_display_messages notify_ev_charging_needs
        notify_ev_charging_schedule notify_event notify_monitoring_report notify_report publish_firmware
        publish_firmware_status_notification report_charging_profiles request_start_transaction
        request_stop_transaction reservation_status_update reserve_now reset security_event_notification
        send_local_list set_charging_profile set_display_message set_monitoring_base set_monitoring_level
        set_network_profile set_variable_monitoring set_variables sign_certificate status_notification
        transaction_event trigger_message unlock_connector unpublish_firmware update_firmware
}

fuzz_target!(|text: &str| {
    let Some((module, json)) = text.split_once('\n') else { return };
    read(module, json);
    if let Ok(decoded) = meter_values::Request::decode_text(json) {
        let _ = meter_values::normalise(&decoded.value.meter_values);
    }
});
