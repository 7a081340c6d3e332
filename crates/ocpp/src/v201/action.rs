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
    CancelReservation, ToStation, Reservation, Implemented;
    CertificateSigned, ToStation, Security, Implemented;
    ChangeAvailability, ToStation, Availability, Implemented;
    ClearCache, ToStation, Authorization, Implemented;
    ClearChargingProfile, ToStation, SmartCharging, Implemented;
    ClearDisplayMessage, ToStation, Display, Implemented;
    ClearVariableMonitoring, ToStation, Diagnostics, Implemented;
    ClearedChargingLimit, FromStation, SmartCharging, Implemented;
    CostUpdated, ToStation, TariffAndCost, Implemented;
    CustomerInformation, ToStation, Diagnostics, Implemented;
    DataTransfer, Both, DataTransfer, Implemented;
    DeleteCertificate, ToStation, Certificates, Implemented;
    FirmwareStatusNotification, FromStation, Firmware, Implemented;
    Get15118EVCertificate, FromStation, Certificates, Implemented;
    GetBaseReport, ToStation, Provisioning, Implemented;
    GetCertificateStatus, FromStation, Certificates, Implemented;
    GetChargingProfiles, ToStation, SmartCharging, Implemented;
    GetCompositeSchedule, ToStation, SmartCharging, Implemented;
    GetDisplayMessages, ToStation, Display, Implemented;
    GetInstalledCertificateIds, ToStation, Certificates, Implemented;
    GetLocalListVersion, ToStation, LocalList, Implemented;
    GetLog, ToStation, Diagnostics, Implemented;
    GetMonitoringReport, ToStation, Diagnostics, Implemented;
    GetReport, ToStation, Provisioning, Implemented;
    GetTransactionStatus, ToStation, Transactions, Implemented;
    GetVariables, ToStation, Provisioning, Implemented;
    Heartbeat, FromStation, Availability, Implemented;
    InstallCertificate, ToStation, Certificates, Implemented;
    LogStatusNotification, FromStation, Diagnostics, Implemented;
    MeterValues, FromStation, Metering, Implemented;
    NotifyChargingLimit, FromStation, SmartCharging, Implemented;
    NotifyCustomerInformation, FromStation, Diagnostics, Implemented;
    NotifyDisplayMessages, FromStation, Display, Implemented;
    NotifyEVChargingNeeds, FromStation, SmartCharging, Implemented;
    NotifyEVChargingSchedule, FromStation, SmartCharging, Implemented;
    NotifyEvent, FromStation, Diagnostics, Implemented;
    NotifyMonitoringReport, FromStation, Diagnostics, Implemented;
    NotifyReport, FromStation, Provisioning, Implemented;
    PublishFirmware, ToStation, Firmware, Implemented;
    PublishFirmwareStatusNotification, FromStation, Firmware, Implemented;
    ReportChargingProfiles, FromStation, SmartCharging, Implemented;
    RequestStartTransaction, ToStation, RemoteControl, Implemented;
    RequestStopTransaction, ToStation, RemoteControl, Implemented;
    ReservationStatusUpdate, FromStation, Reservation, Implemented;
    ReserveNow, ToStation, Reservation, Implemented;
    Reset, ToStation, Provisioning, Implemented;
    SecurityEventNotification, FromStation, Security, Implemented;
    SendLocalList, ToStation, LocalList, Implemented;
    SetChargingProfile, ToStation, SmartCharging, Implemented;
    SetDisplayMessage, ToStation, Display, Implemented;
    SetMonitoringBase, ToStation, Diagnostics, Implemented;
    SetMonitoringLevel, ToStation, Diagnostics, Implemented;
    SetNetworkProfile, ToStation, Provisioning, Implemented;
    SetVariableMonitoring, ToStation, Diagnostics, Implemented;
    SetVariables, ToStation, Provisioning, Implemented;
    SignCertificate, FromStation, Security, Implemented;
    StatusNotification, FromStation, Availability, Implemented;
    TransactionEvent, FromStation, Transactions, Implemented;
    TriggerMessage, ToStation, RemoteControl, Implemented;
    UnlockConnector, ToStation, RemoteControl, Implemented;
    UnpublishFirmware, ToStation, Firmware, Implemented;
    UpdateFirmware, ToStation, Firmware, Implemented;
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
