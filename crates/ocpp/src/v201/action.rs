//! The routing table's left side: every action of 2.0.1.

/// The functional block that an action belongs to, A to P.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// A.
    Security,
    /// B.
    Provisioning,
    /// C.
    Authorization,
    /// D.
    LocalList,
    /// E.
    Transactions,
    /// F.
    RemoteControl,
    /// G.
    Availability,
    /// H.
    Reservation,
    /// I.
    TariffAndCost,
    /// J.
    Metering,
    /// K.
    SmartCharging,
    /// L.
    Firmware,
    /// M.
    Certificates,
    /// N.
    Diagnostics,
    /// O.
    Display,
    /// P.
    DataTransfer,
}

actions! {
    /// An action of OCPP 2.0.1.
    block as Block;
    Authorize, FromStation, Authorization, Implemented;
    BootNotification, FromStation, Provisioning, Implemented;
    CancelReservation, ToStation, Reservation, KnownOnly;
    CertificateSigned, ToStation, Security, KnownOnly;
    ChangeAvailability, ToStation, Availability, Implemented;
    ClearCache, ToStation, Authorization, Implemented;
    ClearChargingProfile, ToStation, SmartCharging, KnownOnly;
    ClearDisplayMessage, ToStation, Display, KnownOnly;
    ClearVariableMonitoring, ToStation, Diagnostics, KnownOnly;
    ClearedChargingLimit, FromStation, SmartCharging, KnownOnly;
    CostUpdated, ToStation, TariffAndCost, Implemented;
    CustomerInformation, ToStation, Diagnostics, KnownOnly;
    DataTransfer, Both, DataTransfer, Implemented;
    DeleteCertificate, ToStation, Certificates, KnownOnly;
    FirmwareStatusNotification, FromStation, Firmware, KnownOnly;
    Get15118EVCertificate, FromStation, Certificates, KnownOnly;
    GetBaseReport, ToStation, Provisioning, Implemented;
    GetCertificateStatus, FromStation, Certificates, KnownOnly;
    GetChargingProfiles, ToStation, SmartCharging, KnownOnly;
    GetCompositeSchedule, ToStation, SmartCharging, KnownOnly;
    GetDisplayMessages, ToStation, Display, KnownOnly;
    GetInstalledCertificateIds, ToStation, Certificates, KnownOnly;
    GetLocalListVersion, ToStation, LocalList, KnownOnly;
    GetLog, ToStation, Diagnostics, KnownOnly;
    GetMonitoringReport, ToStation, Diagnostics, KnownOnly;
    GetReport, ToStation, Provisioning, KnownOnly;
    GetTransactionStatus, ToStation, Transactions, Implemented;
    GetVariables, ToStation, Provisioning, Implemented;
    Heartbeat, FromStation, Availability, Implemented;
    InstallCertificate, ToStation, Certificates, KnownOnly;
    LogStatusNotification, FromStation, Diagnostics, KnownOnly;
    MeterValues, FromStation, Metering, Implemented;
    NotifyChargingLimit, FromStation, SmartCharging, KnownOnly;
    NotifyCustomerInformation, FromStation, Diagnostics, KnownOnly;
    NotifyDisplayMessages, FromStation, Display, KnownOnly;
    NotifyEVChargingNeeds, FromStation, SmartCharging, KnownOnly;
    NotifyEVChargingSchedule, FromStation, SmartCharging, KnownOnly;
    NotifyEvent, FromStation, Diagnostics, Implemented;
    NotifyMonitoringReport, FromStation, Diagnostics, KnownOnly;
    NotifyReport, FromStation, Provisioning, Implemented;
    PublishFirmware, ToStation, Firmware, KnownOnly;
    PublishFirmwareStatusNotification, FromStation, Firmware, KnownOnly;
    ReportChargingProfiles, FromStation, SmartCharging, KnownOnly;
    RequestStartTransaction, ToStation, RemoteControl, Implemented;
    RequestStopTransaction, ToStation, RemoteControl, Implemented;
    ReservationStatusUpdate, FromStation, Reservation, KnownOnly;
    ReserveNow, ToStation, Reservation, KnownOnly;
    Reset, ToStation, Provisioning, Implemented;
    SecurityEventNotification, FromStation, Security, Implemented;
    SendLocalList, ToStation, LocalList, KnownOnly;
    SetChargingProfile, ToStation, SmartCharging, Implemented;
    SetDisplayMessage, ToStation, Display, KnownOnly;
    SetMonitoringBase, ToStation, Diagnostics, KnownOnly;
    SetMonitoringLevel, ToStation, Diagnostics, KnownOnly;
    SetNetworkProfile, ToStation, Provisioning, KnownOnly;
    SetVariableMonitoring, ToStation, Diagnostics, KnownOnly;
    SetVariables, ToStation, Provisioning, Implemented;
    SignCertificate, FromStation, Security, KnownOnly;
    StatusNotification, FromStation, Availability, Implemented;
    TransactionEvent, FromStation, Transactions, Implemented;
    TriggerMessage, ToStation, RemoteControl, Implemented;
    UnlockConnector, ToStation, RemoteControl, Implemented;
    UnpublishFirmware, ToStation, Firmware, KnownOnly;
    UpdateFirmware, ToStation, Firmware, KnownOnly;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, ErrorCode};

    #[test]
    fn all_64_are_there() {
        let count = |direction| Action::ALL.iter().filter(|action| action.direction() == direction).count();
        assert_eq!((count(Direction::FromStation), count(Direction::ToStation), count(Direction::Both)), (24, 39, 1));
    }

    #[test]
    fn who_may_send_what() {
        assert_eq!(Action::from_station("TransactionEvent"), Ok(Action::TransactionEvent));
        assert_eq!(Action::from_station("DataTransfer"), Ok(Action::DataTransfer));
        assert_eq!(Action::from_station("Reset"), Err(ErrorCode::NotSupported));
        assert_eq!(Action::from_station("StartTransaction"), Err(ErrorCode::NotImplemented));
        assert_eq!(Action::to_station("Reset"), Ok(Action::Reset));
        assert_eq!(Action::to_station("Heartbeat"), Err(ErrorCode::NotSupported));
    }
}
