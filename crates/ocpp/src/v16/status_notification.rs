//! StatusNotification: how a connector is (§ 4.9, § 6.47).

use crate::{Text, Timestamp};

text_enum! {
    /// The specification's ChargePointErrorCode.
    pub enum ErrorCode {
        ConnectorLockFailure = "ConnectorLockFailure",
        EvCommunicationError = "EVCommunicationError",
        GroundFailure = "GroundFailure",
        HighTemperature = "HighTemperature",
        InternalError = "InternalError",
        LocalListConflict = "LocalListConflict",
        NoError = "NoError" | "No Error",
        OtherError = "OtherError",
        OverCurrentFailure = "OverCurrentFailure",
        OverVoltage = "OverVoltage",
        PowerMeterFailure = "PowerMeterFailure",
        PowerSwitchFailure = "PowerSwitchFailure",
        ReaderFailure = "ReaderFailure",
        ResetFailure = "ResetFailure",
        UnderVoltage = "UnderVoltage",
        WeakSignal = "WeakSignal",
    }
}

text_enum! {
    /// The specification's ChargePointStatus.
    pub enum Status {
        Available = "Available",
        Preparing = "Preparing",
        Charging = "Charging",
        SuspendedEv = "SuspendedEV",
        SuspendedEvse = "SuspendedEVSE",
        Finishing = "Finishing",
        Reserved = "Reserved",
        Unavailable = "Unavailable",
        Faulted = "Faulted",
    }
}

record! {
    pub struct Request {
        /// 0 is the charge point itself.
        connector_id as "connectorId": u32,
        error_code as "errorCode": ErrorCode,
        info as "info": Option<Text<50>>,
        status as "status": Status,
        timestamp as "timestamp": Option<Timestamp>,
        vendor_id as "vendorId": Option<Text<255>>,
        vendor_error_code as "vendorErrorCode": Option<Text<50>>,
    }
}

record! {
    pub struct Response {}
}

impl crate::Message for Request {
    const ACTION: &'static str = "StatusNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, noted, refused};

    #[test]
    fn a_connector_reports() {
        let request: Request = clean(
            r#"{"connectorId":2,"errorCode":"NoError","status":"SuspendedEV","timestamp":"2026-11-22T12:00:00Z","vendorErrorCode":""}"#,
        );
        assert_eq!((request.connector_id, request.status), (2, Status::SuspendedEv));
    }

    #[test]
    fn vendor_values_are_survived() {
        let (request, notes) = noted::<Request>(
            r#"{"connectorId":0,"errorCode":"NoError","status":"Occupied","info":"a very long text that goes on far beyond fifty characters"}"#,
        );
        assert_eq!(request.status, Status::Other("Occupied".into()));
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn refusals() {
        let code = crate::ErrorCode::OccurrenceConstraintViolation;
        assert_eq!(refused::<Request>(r#"{"connectorId":1,"status":"Available"}"#), (code, "errorCode".into()));
        assert_eq!(refused::<Request>(r#"{"connectorId":1,"errorCode":"NoError"}"#), (code, "status".into()));
    }
}
