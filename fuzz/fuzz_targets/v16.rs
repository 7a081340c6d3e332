//! The messages of 1.6: the first line of the input names the module, the rest is the payload. Reading does not panic, and what
//! breaks nothing is written and reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocpp::v16::*;
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
        authorize boot_notification cancel_reservation certificate_signed change_availability
        change_configuration clear_cache clear_charging_profile data_transfer delete_certificate
        diagnostics_status_notification extended_trigger_message firmware_status_notification
        get_composite_schedule get_configuration get_diagnostics get_installed_certificate_ids
        get_local_list_version get_log heartbeat install_certificate log_status_notification meter_values
        remote_start_transaction remote_stop_transaction reserve_now reset security_event_notification
        send_local_list set_charging_profile sign_certificate signed_firmware_status_notification
        signed_update_firmware start_transaction status_notification stop_transaction trigger_message
        unlock_connector update_firmware
}

fuzz_target!(|text: &str| {
    let Some((module, json)) = text.split_once('\n') else { return };
    read(module, json);
    if let Ok(decoded) = meter_values::Request::decode_text(json) {
        let _ = meter_values::normalise(&decoded.value.meter_values);
    }
});
