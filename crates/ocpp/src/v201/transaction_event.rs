//! TransactionEvent: a transaction starts, goes on or ends (E01 to E15). Every start, sample and stop of a session comes by it.

use super::common::{Evse, IdToken, IdTokenInfo, Many, MessageContent};
use super::meter_values::MeterValue;
use crate::{Decimal, Text, Timestamp};

text_enum! {
    /// The specification's TransactionEventEnumType.
    pub enum EventType {
        Ended = "Ended",
        Started = "Started",
        Updated = "Updated",
    }
}

text_enum! {
    /// The specification's TriggerReasonEnumType.
    pub enum TriggerReason {
        Authorized = "Authorized",
        CablePluggedIn = "CablePluggedIn",
        ChargingRateChanged = "ChargingRateChanged",
        ChargingStateChanged = "ChargingStateChanged",
        Deauthorized = "Deauthorized",
        EnergyLimitReached = "EnergyLimitReached",
        EvCommunicationLost = "EVCommunicationLost",
        EvConnectTimeout = "EVConnectTimeout",
        MeterValueClock = "MeterValueClock",
        MeterValuePeriodic = "MeterValuePeriodic",
        TimeLimitReached = "TimeLimitReached",
        Trigger = "Trigger",
        UnlockCommand = "UnlockCommand",
        StopAuthorized = "StopAuthorized",
        EvDeparted = "EVDeparted",
        EvDetected = "EVDetected",
        RemoteStop = "RemoteStop",
        RemoteStart = "RemoteStart",
        AbnormalCondition = "AbnormalCondition",
        SignedDataReceived = "SignedDataReceived",
        ResetCommand = "ResetCommand",
    }
}

text_enum! {
    /// The specification's ChargingStateEnumType.
    pub enum ChargingState {
        Charging = "Charging",
        EvConnected = "EVConnected",
        SuspendedEv = "SuspendedEV",
        SuspendedEvse = "SuspendedEVSE",
        Idle = "Idle",
    }
}

text_enum! {
    /// The specification's ReasonEnumType.
    pub enum StoppedReason {
        DeAuthorized = "DeAuthorized",
        EmergencyStop = "EmergencyStop",
        EnergyLimitReached = "EnergyLimitReached",
        EvDisconnected = "EVDisconnected",
        GroundFault = "GroundFault",
        ImmediateReset = "ImmediateReset",
        Local = "Local",
        LocalOutOfCredit = "LocalOutOfCredit",
        MasterPass = "MasterPass",
        OtherReason = "Other",
        OvercurrentFault = "OvercurrentFault",
        PowerLoss = "PowerLoss",
        PowerQuality = "PowerQuality",
        Reboot = "Reboot",
        Remote = "Remote",
        SocLimitReached = "SOCLimitReached",
        StoppedByEv = "StoppedByEV",
        TimeLimitReached = "TimeLimitReached",
        Timeout = "Timeout",
    }
}

record! {
    /// The specification's TransactionType.
    #[derive(Default)]
    pub struct Transaction {
        /// Made by the station.
        transaction_id as "transactionId": Text<36>,
        charging_state as "chargingState": Option<ChargingState>,
        time_spent_charging_s as "timeSpentCharging": Option<u32>,
        stopped_reason as "stoppedReason": Option<StoppedReason>,
        /// That of the RequestStartTransaction which this transaction answers.
        remote_start_id as "remoteStartId": Option<i64>,
    }
}

record! {
    pub struct Request {
        event_type as "eventType": EventType,
        timestamp as "timestamp": Timestamp,
        trigger_reason as "triggerReason": TriggerReason,
        /// Counted by the station, in its own numbers per EVSE or transaction; gaps are noted by the receiver.
        seq_no as "seqNo": i64,
        transaction_info as "transactionInfo": Transaction,
        meter_values as "meterValue": Option<Many<MeterValue>>,
        /// True: it happened while there was no connection.
        offline as "offline": Option<bool>,
        number_of_phases_used as "numberOfPhasesUsed": Option<u32>,
        cable_max_current_a as "cableMaxCurrent": Option<u32>,
        reservation_id as "reservationId": Option<i64>,
        evse as "evse": Option<Evse>,
        /// Whoever is in the request gets an idTokenInfo in the response.
        id_token as "idToken": Option<IdToken>,
    }
}

record! {
    #[derive(Default)]
    pub struct Response {
        /// The cost so far, or at the end the whole; 0 is a charge for free, left out says nothing.
        total_cost as "totalCost": Option<Decimal>,
        charging_priority as "chargingPriority": Option<i32>,
        id_token_info as "idTokenInfo": Option<IdTokenInfo>,
        updated_personal_message as "updatedPersonalMessage": Option<MessageContent>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "TransactionEvent";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, noted, refused};

    #[test]
    fn a_transaction_starts() {
        let text = r#"{"eventType":"Started","timestamp":"2026-11-22T12:00:00.000Z","triggerReason":"RemoteStart","seqNo":0,"transactionInfo":{"transactionId":"tx-1","chargingState":"EVConnected","remoteStartId":7},"meterValue":[{"sampledValue":[{"value":1500,"context":"Transaction.Begin","unitOfMeasure":{"unit":"Wh"}}],"timestamp":"2026-11-22T12:00:00.000Z"}],"evse":{"id":1,"connectorId":1},"idToken":{"idToken":"G-1F","type":"Central"}}"#;
        let request: Request = clean(text);
        assert_eq!((request.event_type.clone(), request.transaction_info.remote_start_id), (EventType::Started, Some(7)));
        assert_eq!(json(&request), text);
        let text = r#"{"totalCost":12.5,"idTokenInfo":{"status":"Accepted"},"updatedPersonalMessage":{"format":"UTF8","content":"12.50 som"}}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn a_bad_sample_or_reason_does_not_cost_the_transaction() {
        let (request, notes) = noted::<Request>(
            r#"{"eventType":"Ended","timestamp":"2026-11-22T13:00:00Z","triggerReason":"Bored","seqNo":4,"offline":"true",
                "transactionInfo":{"transactionId":"tx-1","stoppedReason":"SuspendedEV"},
                "meterValue":[{"timestamp":"2026-11-22T13:00:00Z","sampledValue":[]},{"sampledValue":[{"value":"x"}]}]}"#,
        );
        assert_eq!((request.event_type, request.offline), (EventType::Ended, Some(true)));
        assert_eq!(request.transaction_info.stopped_reason, Some(StoppedReason::Other("SuspendedEV".into())));
        assert_eq!(
            notes,
            [
                "triggerReason: unknown value 'Bored'",
                "transactionInfo.stoppedReason: unknown value 'SuspendedEV'",
                "meterValue[0].sampledValue: is empty",
                "meterValue[1].sampledValue[0].value: a string, must be a number",
                "meterValue[1].sampledValue[0].value: is a string, must be a number, left out",
                "meterValue[1].sampledValue: is empty",
                "meterValue[1].timestamp: is required",
                "offline: a string, must be a boolean",
            ]
        );
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"eventType":"Started","timestamp":"2026-11-22T12:00:00.000Z","triggerReason":"RemoteStart","seqNo":0,"meterValue":[{"sampledValue":[{"value":1500,"context":"Transaction.Begin","unitOfMeasure":{"unit":"Wh"}}],"timestamp":"2026-11-22T12:00:00.000Z"}],"evse":{"id":1,"connectorId":1},"idToken":{"idToken":"G-1F","type":"Central"}}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "transactionInfo".into())
        );
    }
}
