//! All that staff can send to a station of OCPP 2.0.1, and all that a station only tells.

use chrono::TimeDelta;
use platform::audit::Actor;
use platform::charging::CommandState::{self, Accepted, Rejected};
use platform::devices::Devices;
use serde_json::{Value, json};

use crate::house::House;

/// Each message with an answer, and what a person is told of it.
const SENT: &[(&str, &str, &str, CommandState)] = &[
    ("CancelReservation", r#"{"reservationId":5}"#, r#"{"status":"Rejected"}"#, Rejected),
    ("ChangeAvailability", r#"{"operationalStatus":"Inoperative","evse":{"id":1}}"#, r#"{"status":"Scheduled"}"#, Accepted),
    ("ClearCache", r#"{}"#, r#"{"status":"Rejected"}"#, Rejected),
    (
        "ClearChargingProfile",
        r#"{"chargingProfileCriteria":{"evseId":1,"chargingProfilePurpose":"TxProfile"}}"#,
        r#"{"status":"Unknown"}"#,
        Rejected,
    ),
    ("ClearDisplayMessage", r#"{"id":1}"#, r#"{"status":"Unknown"}"#, Rejected),
    (
        "ClearVariableMonitoring",
        r#"{"id":[1,2]}"#,
        r#"{"clearMonitoringResult":[{"status":"Accepted","id":1},{"status":"NotFound","id":2}]}"#,
        Rejected,
    ),
    ("CostUpdated", r#"{"totalCost":125.5,"transactionId":"tx-1"}"#, r#"{}"#, Accepted),
    (
        "CustomerInformation",
        r#"{"requestId":5,"report":false,"clear":true,"customerIdentifier":"c-1"}"#,
        r#"{"status":"Accepted"}"#,
        Accepted,
    ),
    (
        "DataTransfer",
        r#"{"vendorId":"kg.petroleum","messageId":"Ping","data":{"n":[1,"two",null]}}"#,
        r#"{"status":"UnknownVendorId"}"#,
        Rejected,
    ),
    (
        "DeleteCertificate",
        r#"{"certificateHashData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f"}}"#,
        r#"{"status":"NotFound"}"#,
        Rejected,
    ),
    ("GetBaseReport", r#"{"requestId":3,"reportBase":"FullInventory"}"#, r#"{"status":"Accepted"}"#, Accepted),
    (
        "GetChargingProfiles",
        r#"{"requestId":5,"chargingProfile":{"chargingProfileId":[7]}}"#,
        r#"{"status":"NoProfiles"}"#,
        Rejected,
    ),
    (
        "GetCompositeSchedule",
        r#"{"duration":3600,"evseId":1,"chargingRateUnit":"W"}"#,
        r#"{"status":"Accepted","schedule":{"chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}],"evseId":1,"duration":3600,"scheduleStart":"2026-11-22T12:00:00.000Z","chargingRateUnit":"W"}}"#,
        Accepted,
    ),
    ("GetDisplayMessages", r#"{"requestId":5,"priority":"AlwaysFront"}"#, r#"{"status":"Unknown"}"#, Rejected),
    (
        "GetInstalledCertificateIds",
        r#"{"certificateType":["CSMSRootCertificate"]}"#,
        r#"{"status":"Accepted","certificateHashDataChain":[{"certificateHashData":{"hashAlgorithm":"SHA256","issuerNameHash":"a1b2","issuerKeyHash":"c3d4","serialNumber":"1f"},"certificateType":"CSMSRootCertificate"}]}"#,
        Accepted,
    ),
    ("GetLocalListVersion", r#"{}"#, r#"{"versionNumber":0}"#, Accepted),
    (
        "GetLog",
        r#"{"log":{"remoteLocation":"https://logs.example/5","oldestTimestamp":"2026-11-21T12:00:00.000Z"},"logType":"DiagnosticsLog","requestId":5}"#,
        r#"{"status":"AcceptedCanceled","filename":"5.zip"}"#,
        Accepted,
    ),
    (
        "GetMonitoringReport",
        r#"{"requestId":5,"monitoringCriteria":["ThresholdMonitoring"]}"#,
        r#"{"status":"EmptyResultSet"}"#,
        Rejected,
    ),
    ("GetReport", r#"{"requestId":5,"componentCriteria":["Problem"]}"#, r#"{"status":"EmptyResultSet"}"#, Rejected),
    ("GetTransactionStatus", r#"{"transactionId":"tx-1"}"#, r#"{"messagesInQueue":true,"ongoingIndicator":false}"#, Accepted),
    (
        "GetVariables",
        r#"{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"attributeType":"Actual"}]}"#,
        r#"{"getVariableResult":[{"attributeStatus":"Accepted","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"},"attributeValue":"300"}]}"#,
        Accepted,
    ),
    (
        "InstallCertificate",
        r#"{"certificateType":"CSMSRootCertificate","certificate":"-----BEGIN CERTIFICATE-----"}"#,
        r#"{"status":"Accepted"}"#,
        Accepted,
    ),
    (
        "PublishFirmware",
        r#"{"location":"https://fw.example/2.bin","checksum":"d41d8cd98f00b204e9800998ecf8427e","requestId":5}"#,
        r#"{"status":"Accepted"}"#,
        Accepted,
    ),
    (
        "ReserveNow",
        r#"{"id":5,"expiryDateTime":"2026-11-22T13:00:00.000Z","idToken":{"idToken":"G-1F","type":"Central"},"connectorType":"cCCS2","evseId":1}"#,
        r#"{"status":"Occupied"}"#,
        Rejected,
    ),
    ("Reset", r#"{"type":"OnIdle","evseId":1}"#, r#"{"status":"Scheduled"}"#, Accepted),
    (
        "SendLocalList",
        r#"{"versionNumber":2,"updateType":"Differential","localAuthorizationList":[{"idToken":{"idToken":"A","type":"ISO14443"},"idTokenInfo":{"status":"Accepted"}},{"idToken":{"idToken":"B","type":"ISO14443"}}]}"#,
        r#"{"status":"VersionMismatch"}"#,
        Rejected,
    ),
    (
        "SetChargingProfile",
        r#"{"evseId":1,"chargingProfile":{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":[{"id":7,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000},{"startPeriod":3600,"limit":0}]}],"transactionId":"tx-1"}}"#,
        r#"{"status":"Accepted"}"#,
        Accepted,
    ),
    (
        "SetDisplayMessage",
        r#"{"message":{"id":1,"priority":"NormalCycle","message":{"format":"UTF8","content":"Кош келиңиз","language":"ky"},"state":"Idle"}}"#,
        r#"{"status":"NotSupportedPriority"}"#,
        Rejected,
    ),
    ("SetMonitoringBase", r#"{"monitoringBase":"FactoryDefault"}"#, r#"{"status":"NotSupported"}"#, Rejected),
    ("SetMonitoringLevel", r#"{"severity":4}"#, r#"{"status":"Accepted"}"#, Accepted),
    (
        "SetNetworkProfile",
        r#"{"configurationSlot":1,"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"wss://csms.example/ocpp","messageTimeout":30,"securityProfile":2,"ocppInterface":"Wireless0","apn":{"apn":"internet","apnAuthentication":"AUTO"}}}"#,
        r#"{"status":"Accepted"}"#,
        Accepted,
    ),
    (
        "SetVariableMonitoring",
        r#"{"setMonitoringData":[{"value":70.5,"type":"UpperThreshold","severity":3,"component":{"name":"Cooling"},"variable":{"name":"Temperature"}}]}"#,
        r#"{"setMonitoringResult":[{"status":"Accepted","type":"UpperThreshold","component":{"name":"Cooling"},"variable":{"name":"Temperature"},"severity":3,"id":1}]}"#,
        Accepted,
    ),
    (
        "SetVariables",
        r#"{"setVariableData":[{"attributeValue":"300","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}"#,
        r#"{"setVariableResult":[{"attributeStatus":"RebootRequired","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}"#,
        Accepted,
    ),
    (
        "TriggerMessage",
        r#"{"requestedMessage":"StatusNotification","evse":{"id":1,"connectorId":1}}"#,
        r#"{"status":"NotImplemented"}"#,
        Rejected,
    ),
    ("UnlockConnector", r#"{"evseId":1,"connectorId":1}"#, r#"{"status":"OngoingAuthorizedTransaction"}"#, Rejected),
    ("UnpublishFirmware", r#"{"checksum":"d41d8cd98f00b204e9800998ecf8427e"}"#, r#"{"status":"NoFirmware"}"#, Rejected),
    (
        "UpdateFirmware",
        r#"{"requestId":5,"firmware":{"location":"https://fw.example/2.bin","retrieveDateTime":"2026-11-22T12:00:00.000Z","signingCertificate":"-----BEGIN CERTIFICATE-----","signature":"c2ln"}}"#,
        r#"{"status":"InvalidCertificate"}"#,
        Rejected,
    ),
];

/// What is told and only kept.
const TOLD: &[(&str, &str)] = &[
    ("ClearedChargingLimit", r#"{"chargingLimitSource":"EMS","evseId":1}"#),
    ("FirmwareStatusNotification", r#"{"status":"InstallRebooting","requestId":5}"#),
    ("LogStatusNotification", r#"{"status":"Uploaded","requestId":5}"#),
    (
        "NotifyChargingLimit",
        r#"{"chargingLimit":{"chargingLimitSource":"SO","isGridCritical":true},"chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6}]}],"evseId":1}"#,
    ),
    ("NotifyCustomerInformation", r#"{"data":"nothing","seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","requestId":5}"#),
    (
        "NotifyDisplayMessages",
        r#"{"requestId":5,"messageInfo":[{"id":1,"priority":"NormalCycle","message":{"format":"UTF8","content":"Кош келиңиз","language":"ky"}}],"tbc":false}"#,
    ),
    (
        "NotifyEvent",
        r#"{"generatedAt":"2026-11-22T12:00:00.000Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":"2026-11-22T12:00:00.000Z","trigger":"Alerting","actualValue":"true","component":{"name":"ConnectorPlugRetentionLock","evse":{"id":1,"connectorId":1}},"eventNotificationType":"HardWiredNotification","variable":{"name":"Problem"}}]}"#,
    ),
    (
        "NotifyMonitoringReport",
        r#"{"requestId":5,"seqNo":0,"generatedAt":"2026-11-22T12:00:00.000Z","monitor":[{"component":{"name":"Cooling"},"variable":{"name":"Temperature"},"variableMonitoring":[{"id":1,"transaction":false,"value":70.5,"type":"UpperThreshold","severity":3}]}]}"#,
    ),
    (
        "PublishFirmwareStatusNotification",
        r#"{"status":"Published","location":["http://controller.example/fw.bin"],"requestId":5}"#,
    ),
    (
        "ReportChargingProfiles",
        r#"{"requestId":5,"chargingLimitSource":"CSO","chargingProfile":[{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Recurring","chargingSchedule":[{"id":7,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.5,"numberPhases":3}]}],"recurrencyKind":"Daily"}],"evseId":1}"#,
    ),
    ("ReservationStatusUpdate", r#"{"reservationId":5,"reservationUpdateStatus":"Expired"}"#),
    (
        "SecurityEventNotification",
        r#"{"type":"TamperDetectionActivated","timestamp":"2026-11-22T12:00:00.000Z","techInfo":"door 1"}"#,
    ),
];

#[tokio::test]
async fn staff_sends_every_message_of_2_0_1_and_sees_its_answer() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    let (stations, charging) = (&house.node.stations, house.charging());
    for (action, payload, answer, state) in SENT {
        let within = TimeDelta::seconds(60);
        let message = (*action, *payload);
        let sent = csms::operator::send(stations, charging, house.id("CP1"), message, action, within, Actor::System).await;
        let (id, asked) = charger.asked_for(action).await;
        assert_eq!(asked, serde_json::from_str::<Value>(payload).unwrap(), "{action}");
        charger.raw.send(format!(r#"[3,"{id}",{answer}]"#)).await.unwrap();
        let seen = house.ended(sent.unwrap()).await;
        assert_eq!((seen.state, seen.answer), (*state, Some(serde_json::from_str(answer).unwrap())), "{action}");
    }
    // The others are sent by sessions and when a certificate was asked for.
    assert_eq!(SENT.len() + 3, ocpp::v201::TO_STATION.len());
}

#[tokio::test]
async fn whatever_a_station_tells_is_answered_and_kept_whole() {
    let house = House::open().await;
    let mut charger = house.charger_201("CP1").await;
    for (action, payload) in TOLD {
        assert_eq!(charger.call(action, payload).await, json!({}), "{action}");
        let kept = Devices::new(house.test.db.clone()).events(house.id("CP1"), 1).await.unwrap();
        assert_eq!(kept[0].payload, serde_json::from_str::<Value>(payload).unwrap(), "{action}");
    }
}
