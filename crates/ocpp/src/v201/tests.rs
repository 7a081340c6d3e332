//! All messages at once: whatever JSON comes, reading it does not panic, and what is read cleanly is written as it was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::round_trip;
use crate::{Message, Support};

macro_rules! every_message {
    ($with:ident) => {
        $with! {
            authorize boot_notification change_availability clear_cache cost_updated data_transfer get_base_report
            get_transaction_status get_variables heartbeat meter_values notify_event notify_report
            request_start_transaction request_stop_transaction reset security_event_notification
            set_charging_profile set_variables status_notification transaction_event trigger_message
            unlock_connector
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
        "actualValue",
        "additionalIdToken",
        "additionalInfo",
        "amount",
        "amountMultiplier",
        "attributeStatus",
        "attributeStatusInfo",
        "attributeType",
        "attributeValue",
        "cableMaxCurrent",
        "cacheExpiryDateTime",
        "cause",
        "certificate",
        "certificateStatus",
        "chargingPriority",
        "chargingProfile",
        "chargingProfileKind",
        "chargingProfilePurpose",
        "chargingRateUnit",
        "chargingSchedule",
        "chargingSchedulePeriod",
        "chargingState",
        "chargingStation",
        "cleared",
        "component",
        "connectorId",
        "connectorStatus",
        "constant",
        "consumptionCost",
        "content",
        "context",
        "cost",
        "costKind",
        "currentTime",
        "customData",
        "data",
        "dataType",
        "duration",
        "ePriceLevel",
        "encodingMethod",
        "eventData",
        "eventId",
        "eventNotificationType",
        "eventType",
        "evse",
        "evseId",
        "firmwareVersion",
        "format",
        "generatedAt",
        "getVariableData",
        "getVariableResult",
        "groupIdToken",
        "hashAlgorithm",
        "iccid",
        "id",
        "idToken",
        "idTokenInfo",
        "imsi",
        "instance",
        "interval",
        "iso15118CertificateHashData",
        "issuerKeyHash",
        "issuerNameHash",
        "language",
        "language1",
        "language2",
        "limit",
        "location",
        "maxLimit",
        "measurand",
        "messageId",
        "messagesInQueue",
        "meterValue",
        "minChargingRate",
        "minLimit",
        "model",
        "modem",
        "multiplier",
        "mutability",
        "name",
        "numEPriceLevels",
        "numberOfPhasesUsed",
        "numberPhases",
        "offline",
        "ongoingIndicator",
        "operationalStatus",
        "persistent",
        "personalMessage",
        "phase",
        "phaseToUse",
        "publicKey",
        "reason",
        "reasonCode",
        "recurrencyKind",
        "relativeTimeInterval",
        "remoteStartId",
        "reportBase",
        "reportData",
        "requestId",
        "requestedMessage",
        "reservationId",
        "responderURL",
        "salesTariff",
        "salesTariffDescription",
        "salesTariffEntry",
        "sampledValue",
        "seqNo",
        "serialNumber",
        "setVariableData",
        "setVariableResult",
        "signedMeterData",
        "signedMeterValue",
        "signingMethod",
        "stackLevel",
        "start",
        "startPeriod",
        "startSchedule",
        "startValue",
        "status",
        "statusInfo",
        "stoppedReason",
        "supportsMonitoring",
        "tbc",
        "techCode",
        "techInfo",
        "timeSpentCharging",
        "timestamp",
        "totalCost",
        "transactionId",
        "transactionInfo",
        "trigger",
        "triggerReason",
        "type",
        "unit",
        "unitOfMeasure",
        "updatedPersonalMessage",
        "validFrom",
        "validTo",
        "value",
        "valuesList",
        "variable",
        "variableAttribute",
        "variableCharacteristics",
        "variableMonitoringId",
        "vendorId",
        "vendorName",
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
