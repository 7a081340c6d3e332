//! BootNotification: a station says who it is, and why it booted (B01).

use super::common::StatusInfo;
use crate::{Text, Timestamp};

record! {
    /// The specification's ModemType.
    #[derive(Default)]
    pub struct Modem {
        iccid as "iccid": Option<Text<20>>,
        imsi as "imsi": Option<Text<20>>,
    }
}

record! {
    /// The specification's ChargingStationType.
    #[derive(Default)]
    pub struct ChargingStation {
        model as "model": Text<20>,
        vendor_name as "vendorName": Text<50>,
        serial_number as "serialNumber": Option<Text<25>>,
        modem as "modem": Option<Modem>,
        firmware_version as "firmwareVersion": Option<Text<50>>,
    }
}

text_enum! {
    /// The specification's BootReasonEnumType.
    pub enum BootReason {
        ApplicationReset = "ApplicationReset",
        FirmwareUpdate = "FirmwareUpdate",
        LocalReset = "LocalReset",
        PowerUp = "PowerUp",
        RemoteReset = "RemoteReset",
        ScheduledReset = "ScheduledReset",
        Triggered = "Triggered",
        Unknown = "Unknown",
        Watchdog = "Watchdog",
    }
}

record! {
    pub struct Request {
        charging_station as "chargingStation": ChargingStation,
        reason as "reason": BootReason,
    }
}

text_enum! {
    /// The specification's RegistrationStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Pending = "Pending",
        Rejected = "Rejected",
    }
}

record! {
    pub struct Response {
        current_time as "currentTime": Timestamp,
        /// Between heartbeats when accepted, before the next BootNotification when not. 0 leaves it to the station.
        interval_s as "interval": u32,
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "BootNotification";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, noted, refused};

    #[test]
    fn a_station_introduces_itself() {
        let text = r#"{"chargingStation":{"model":"DC-60","vendorName":"Petroleum","modem":{"iccid":"8999"},"firmwareVersion":"1.2"},"reason":"PowerUp"}"#;
        let request: Request = clean(text);
        assert_eq!(request.charging_station.model, "DC-60");
        assert_eq!(request.reason, BootReason::PowerUp);
        assert_eq!(json(&request), text);
        let text = r#"{"currentTime":"2026-11-22T12:00:00.000Z","interval":300,"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn unknown_reasons_and_long_texts_are_survived() {
        let (request, notes) = noted::<Request>(
            r#"{"reason":"Earthquake","chargingStation":{"model":"A model of more than twenty","vendorName":""}}"#,
        );
        assert_eq!(request.reason, BootReason::Other("Earthquake".into()));
        assert_eq!(
            notes,
            ["chargingStation.model: has 27 characters, at most 20 are allowed", "reason: unknown value 'Earthquake'",]
        );
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(r#"{"reason":"PowerUp"}"#),
            (ErrorCode::OccurrenceConstraintViolation, "chargingStation".into())
        );
    }
}
