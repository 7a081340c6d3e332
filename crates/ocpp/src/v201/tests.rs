//! All messages at once: whatever JSON comes, reading it does not panic, and what is read cleanly is written as it was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::round_trip;
use crate::{Message, Support};

macro_rules! every_message {
    ($with:ident) => {
        $with! {
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
    };
}

fn read_as_everything(json: &str) {
    macro_rules! each {
        ($($module:ident)*) => {$( round_trip::<$module::Request>(json); round_trip::<<$module::Request as Message>::Response>(json); )*};
    }
    every_message!(each);
}

/// JSON that looks like OCPP: the standard's names, likely and unlikely values.
fn ocpp_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!("Accepted")),
        Just(json!("2026-11-22T12:00:00Z")),
        Just(json!("Started")),
        Just(json!("TxProfile")),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-3_i64..300).prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,30}".prop_map(Into::into),
    ];
    let name = prop::sample::select(vec![
        "acChargingParameters",
        "action",
        "actualValue",
        "additionalIdToken",
        "additionalInfo",
        "amount",
        "amountMultiplier",
        "apn",
        "apnAuthentication",
        "apnPassword",
        "apnUserName",
        "attributeStatus",
        "attributeStatusInfo",
        "attributeType",
        "attributeValue",
        "bulkSoC",
        "cableMaxCurrent",
        "cacheExpiryDateTime",
        "cause",
        "certificate",
        "certificateChain",
        "certificateHashData",
        "certificateHashDataChain",
        "certificateStatus",
        "certificateType",
        "chargingLimit",
        "chargingLimitSource",
        "chargingNeeds",
        "chargingPriority",
        "chargingProfile",
        "chargingProfileCriteria",
        "chargingProfileId",
        "chargingProfileKind",
        "chargingProfilePurpose",
        "chargingRateUnit",
        "chargingSchedule",
        "chargingSchedulePeriod",
        "chargingState",
        "chargingStation",
        "checksum",
        "childCertificateHashData",
        "clear",
        "clearMonitoringResult",
        "cleared",
        "component",
        "componentCriteria",
        "componentVariable",
        "configurationSlot",
        "connectionData",
        "connectorId",
        "connectorStatus",
        "connectorType",
        "constant",
        "consumptionCost",
        "content",
        "context",
        "cost",
        "costKind",
        "csr",
        "currentTime",
        "customData",
        "customerCertificate",
        "customerIdentifier",
        "data",
        "dataType",
        "dcChargingParameters",
        "departureTime",
        "display",
        "duration",
        "ePriceLevel",
        "encodingMethod",
        "endDateTime",
        "energyAmount",
        "evEnergyCapacity",
        "evMaxCurrent",
        "evMaxPower",
        "evMaxVoltage",
        "evMinCurrent",
        "eventData",
        "eventId",
        "eventNotificationType",
        "eventType",
        "evse",
        "evseId",
        "exiRequest",
        "exiResponse",
        "expiryDateTime",
        "filename",
        "firmware",
        "firmwareVersion",
        "format",
        "fullSoC",
        "generatedAt",
        "getVariableData",
        "getVariableResult",
        "group",
        "groupIdToken",
        "hashAlgorithm",
        "iccid",
        "id",
        "idToken",
        "idTokenInfo",
        "imsi",
        "installDateTime",
        "instance",
        "interval",
        "isGridCritical",
        "iso15118CertificateHashData",
        "iso15118SchemaVersion",
        "issuerKeyHash",
        "issuerNameHash",
        "key",
        "language",
        "language1",
        "language2",
        "latestTimestamp",
        "limit",
        "localAuthorizationList",
        "location",
        "log",
        "logType",
        "maxLimit",
        "maxScheduleTuples",
        "measurand",
        "message",
        "messageId",
        "messageInfo",
        "messageTimeout",
        "messagesInQueue",
        "meterValue",
        "minChargingRate",
        "minLimit",
        "model",
        "modem",
        "monitor",
        "monitoringBase",
        "monitoringCriteria",
        "multiplier",
        "mutability",
        "name",
        "numEPriceLevels",
        "numberOfPhasesUsed",
        "numberPhases",
        "ocppCsmsUrl",
        "ocppInterface",
        "ocppTransport",
        "ocppVersion",
        "ocspRequestData",
        "ocspResult",
        "offline",
        "oldestTimestamp",
        "ongoingIndicator",
        "operationalStatus",
        "password",
        "persistent",
        "personalMessage",
        "phase",
        "phaseToUse",
        "preferredNetwork",
        "priority",
        "publicKey",
        "reason",
        "reasonCode",
        "recurrencyKind",
        "relativeTimeInterval",
        "remoteLocation",
        "remoteStartId",
        "report",
        "reportBase",
        "reportData",
        "requestId",
        "requestedEnergyTransfer",
        "requestedMessage",
        "reservationId",
        "reservationUpdateStatus",
        "responderURL",
        "retries",
        "retrieveDateTime",
        "retryInterval",
        "salesTariff",
        "salesTariffDescription",
        "salesTariffEntry",
        "sampledValue",
        "schedule",
        "scheduleStart",
        "securityProfile",
        "seqNo",
        "serialNumber",
        "server",
        "setMonitoringData",
        "setMonitoringResult",
        "setVariableData",
        "setVariableResult",
        "severity",
        "signature",
        "signedMeterData",
        "signedMeterValue",
        "signingCertificate",
        "signingMethod",
        "simPin",
        "stackLevel",
        "start",
        "startDateTime",
        "startPeriod",
        "startSchedule",
        "startValue",
        "state",
        "stateOfCharge",
        "status",
        "statusInfo",
        "stoppedReason",
        "supportsMonitoring",
        "tbc",
        "techCode",
        "techInfo",
        "timeBase",
        "timeSpentCharging",
        "timestamp",
        "totalCost",
        "transaction",
        "transactionId",
        "transactionInfo",
        "trigger",
        "triggerReason",
        "type",
        "unit",
        "unitOfMeasure",
        "updateType",
        "updatedPersonalMessage",
        "useOnlyPreferredNetwork",
        "user",
        "validFrom",
        "validTo",
        "value",
        "valuesList",
        "variable",
        "variableAttribute",
        "variableCharacteristics",
        "variableMonitoring",
        "variableMonitoringId",
        "vendorId",
        "vendorName",
        "versionNumber",
        "vpn",
    ]);
    leaf.prop_recursive(5, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..24)
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
}

#[test]
fn every_implemented_action_has_its_message() {
    macro_rules! names {
        ($($module:ident)*) => { vec![$(<$module::Request as Message>::ACTION),*] };
    }
    let mut ours = every_message!(names);
    ours.sort_unstable();
    let implemented = Action::ALL.iter().filter(|action| action.support() == Support::Implemented);
    let mut table: Vec<_> = implemented.map(|action| action.name()).collect();
    table.sort_unstable();
    assert_eq!(ours, table);
}
