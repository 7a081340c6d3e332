//! All messages at once: whatever JSON comes, reading it does not panic, and what is read cleanly is written as it was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::round_trip;
use crate::{Message, Payload as _, Support};

/// Reads `json` as every payload of 1.6.
fn read_as_everything(json: &str) {
    macro_rules! each {
        ($($module:ident)*) => {$( round_trip::<$module::Request>(json); round_trip::<<$module::Request as Message>::Response>(json); )*};
    }
    each! {
        authorize boot_notification cancel_reservation certificate_signed change_availability change_configuration
        clear_cache clear_charging_profile data_transfer delete_certificate diagnostics_status_notification
        extended_trigger_message firmware_status_notification get_composite_schedule get_configuration get_diagnostics
        get_installed_certificate_ids get_local_list_version get_log heartbeat install_certificate
        log_status_notification meter_values remote_start_transaction remote_stop_transaction reserve_now reset
        security_event_notification send_local_list set_charging_profile sign_certificate
        signed_firmware_status_notification signed_update_firmware start_transaction status_notification
        stop_transaction trigger_message unlock_connector update_firmware
    }
}

/// JSON that looks like OCPP: the standard's names, likely and unlikely values.
fn ocpp_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!("Accepted")),
        Just(json!("2026-11-22T12:00:00Z")),
        Just(json!("12.5")),
        Just(json!("TxProfile")),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-3_i64..300).prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,30}".prop_map(Into::into),
    ];
    let name = prop::sample::select(vec![
        "idTag",
        "idTagInfo",
        "status",
        "connectorId",
        "transactionId",
        "meterValue",
        "sampledValue",
        "value",
        "timestamp",
        "unit",
        "phase",
        "measurand",
        "context",
        "meterStart",
        "meterStop",
        "reason",
        "key",
        "configurationKey",
        "readonly",
        "type",
        "errorCode",
        "chargePointVendor",
        "chargePointModel",
        "currentTime",
        "interval",
        "vendorId",
        "data",
        "csChargingProfiles",
        "chargingProfile",
        "chargingSchedule",
        "chargingSchedulePeriod",
        "limit",
        "startPeriod",
        "chargingRateUnit",
        "stackLevel",
        "chargingProfileId",
        "chargingProfilePurpose",
        "chargingProfileKind",
        "requestedMessage",
        "transactionData",
        "vendorX",
    ]);
    leaf.prop_recursive(5, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..10)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics(value in ocpp_like()) {
        read_as_everything(&value.to_string());
    }

    #[test]
    fn reading_text_never_panics(text in "\\PC{0,100}") {
        read_as_everything(&text);
    }

    #[test]
    fn stop_transaction_round_trips(
        meter_stop_wh in any::<i64>(),
        transaction_id in any::<i64>(),
        seconds in 0_i64..4_000_000_000,
        id_tag in proptest::option::of(".{0,20}"),
        reason in prop::sample::select(stop_transaction::Reason::ALL.to_vec()),
        energy_milli in any::<i64>(),
    ) {
        let at = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
        let request = stop_transaction::Request {
            id_tag: id_tag.map(|tag| tag.replace('\0', "").into()),
            meter_stop_wh,
            timestamp: at.into(),
            transaction_id,
            reason: Some(reason),
            transaction_data: Some(vec![meter_values::MeterValue {
                timestamp: at.into(),
                sampled_values: vec![meter_values::SampledValue {
                    value: crate::Decimal::from_milli(energy_milli).into(),
                    ..Default::default()
                }],
            }]),
        };
        let text = crate::frame::call("id", &request).expect("writable");
        let Ok(crate::Frame::Call { action, payload, .. }) = crate::Frame::parse(&text) else {
            return Err(TestCaseError::fail("no call"));
        };
        prop_assert_eq!(&*action, "StopTransaction");
        let read = stop_transaction::Request::decode(payload).expect("readable");
        prop_assert_eq!(read.value, request);
        prop_assert_eq!(read.violations, vec![]);
    }
}

#[test]
fn every_implemented_action_has_its_message() {
    macro_rules! names {
        ($($module:ident)*) => { vec![$(<$module::Request as Message>::ACTION),*] };
    }
    let mut ours = names! {
        authorize boot_notification cancel_reservation certificate_signed change_availability change_configuration
        clear_cache clear_charging_profile data_transfer delete_certificate diagnostics_status_notification
        extended_trigger_message firmware_status_notification get_composite_schedule get_configuration get_diagnostics
        get_installed_certificate_ids get_local_list_version get_log heartbeat install_certificate
        log_status_notification meter_values remote_start_transaction remote_stop_transaction reserve_now reset
        security_event_notification send_local_list set_charging_profile sign_certificate
        signed_firmware_status_notification signed_update_firmware start_transaction status_notification
        stop_transaction trigger_message unlock_connector update_firmware
    };
    ours.sort_unstable();
    let implemented = Action::ALL.iter().filter(|action| action.support() == Support::Implemented);
    let mut table: Vec<_> = implemented.map(|action| action.name()).collect();
    table.sort_unstable();
    assert_eq!(ours, table);
}
