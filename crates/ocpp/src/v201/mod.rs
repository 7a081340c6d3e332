//! OCPP 2.0.1: for now the table of its actions. A message becomes a file here, as in [`crate::v16`].

use crate::v16::{Direction, Support};

/// The row of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    pub name: &'static str,
    pub direction: Direction,
    pub support: Support,
}

impl Action {
    /// The action of this name; names are compared as written.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }
}

macro_rules! actions {
    ($($direction:ident: $($name:literal)*;)*) => {
        /// All 64 actions of the standard.
        pub static ACTIONS: &[Action] = &[$($(
            Action { name: $name, direction: Direction::$direction, support: Support::KnownOnly },
        )*)*];
    };
}

actions! {
    FromStation:
        "Authorize" "BootNotification" "ClearedChargingLimit" "FirmwareStatusNotification" "Get15118EVCertificate"
        "GetCertificateStatus" "Heartbeat" "LogStatusNotification" "MeterValues" "NotifyChargingLimit"
        "NotifyCustomerInformation" "NotifyDisplayMessages" "NotifyEVChargingNeeds" "NotifyEVChargingSchedule" "NotifyEvent"
        "NotifyMonitoringReport" "NotifyReport" "PublishFirmwareStatusNotification" "ReportChargingProfiles"
        "ReservationStatusUpdate" "SecurityEventNotification" "SignCertificate" "StatusNotification" "TransactionEvent";
    Both:
        "DataTransfer";
    ToStation:
        "CancelReservation" "CertificateSigned" "ChangeAvailability" "ClearCache" "ClearChargingProfile" "ClearDisplayMessage"
        "ClearVariableMonitoring" "CostUpdated" "CustomerInformation" "DeleteCertificate" "GetBaseReport"
        "GetChargingProfiles" "GetCompositeSchedule" "GetDisplayMessages" "GetInstalledCertificateIds" "GetLocalListVersion"
        "GetLog" "GetMonitoringReport" "GetReport" "GetTransactionStatus" "GetVariables" "InstallCertificate"
        "PublishFirmware" "RequestStartTransaction" "RequestStopTransaction" "ReserveNow" "Reset" "SendLocalList"
        "SetChargingProfile" "SetDisplayMessage" "SetMonitoringBase" "SetMonitoringLevel" "SetNetworkProfile"
        "SetVariableMonitoring" "SetVariables" "TriggerMessage" "UnlockConnector" "UnpublishFirmware" "UpdateFirmware";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_64_are_there() {
        let count = |direction| ACTIONS.iter().filter(|action| action.direction == direction).count();
        assert_eq!((count(Direction::FromStation), count(Direction::ToStation), count(Direction::Both)), (24, 39, 1));
        assert_eq!(Action::by_name("TransactionEvent").map(|action| action.direction), Some(Direction::FromStation));
        assert_eq!(Action::by_name("StartTransaction"), None);
    }
}
