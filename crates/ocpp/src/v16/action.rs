//! The routing table's left side: every action of 1.6 and of the security whitepaper.

/// The feature profile that an action belongs to (§ 3.2; Security is the whitepaper's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    Core,
    FirmwareManagement,
    LocalAuthListManagement,
    RemoteTrigger,
    Reservation,
    Security,
    SmartCharging,
}

actions! {
    /// An action of OCPP 1.6 (28) or of its security whitepaper (11).
    profile as Profile;
    Authorize, FromStation, Core, Implemented;
    BootNotification, FromStation, Core, Implemented;
    CancelReservation, ToStation, Reservation, Implemented;
    CertificateSigned, ToStation, Security, Implemented;
    ChangeAvailability, ToStation, Core, Implemented;
    ChangeConfiguration, ToStation, Core, Implemented;
    ClearCache, ToStation, Core, Implemented;
    ClearChargingProfile, ToStation, SmartCharging, Implemented;
    DataTransfer, Both, Core, Implemented;
    DeleteCertificate, ToStation, Security, Implemented;
    DiagnosticsStatusNotification, FromStation, FirmwareManagement, Implemented;
    ExtendedTriggerMessage, ToStation, Security, Implemented;
    FirmwareStatusNotification, FromStation, FirmwareManagement, Implemented;
    GetCompositeSchedule, ToStation, SmartCharging, Implemented;
    GetConfiguration, ToStation, Core, Implemented;
    GetDiagnostics, ToStation, FirmwareManagement, Implemented;
    GetInstalledCertificateIds, ToStation, Security, Implemented;
    GetLocalListVersion, ToStation, LocalAuthListManagement, Implemented;
    GetLog, ToStation, Security, Implemented;
    Heartbeat, FromStation, Core, Implemented;
    InstallCertificate, ToStation, Security, Implemented;
    LogStatusNotification, FromStation, Security, Implemented;
    MeterValues, FromStation, Core, Implemented;
    RemoteStartTransaction, ToStation, Core, Implemented;
    RemoteStopTransaction, ToStation, Core, Implemented;
    ReserveNow, ToStation, Reservation, Implemented;
    Reset, ToStation, Core, Implemented;
    SecurityEventNotification, FromStation, Security, Implemented;
    SendLocalList, ToStation, LocalAuthListManagement, Implemented;
    SetChargingProfile, ToStation, SmartCharging, Implemented;
    SignCertificate, FromStation, Security, Implemented;
    SignedFirmwareStatusNotification, FromStation, Security, Implemented;
    SignedUpdateFirmware, ToStation, Security, Implemented;
    StartTransaction, FromStation, Core, Implemented;
    StatusNotification, FromStation, Core, Implemented;
    StopTransaction, FromStation, Core, Implemented;
    TriggerMessage, ToStation, RemoteTrigger, Implemented;
    UnlockConnector, ToStation, Core, Implemented;
    UpdateFirmware, ToStation, FirmwareManagement, Implemented;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, ErrorCode};

    #[test]
    fn the_table_is_the_standards() {
        let count = |security: bool, direction| {
            let of = |action: &&Action| (action.profile() == Profile::Security) == security && action.direction() == direction;
            Action::ALL.iter().filter(of).count()
        };
        use Direction::{Both, FromStation, ToStation};
        assert_eq!((count(false, FromStation), count(false, ToStation), count(false, Both)), (9, 18, 1));
        assert_eq!((count(true, FromStation), count(true, ToStation), count(true, Both)), (4, 7, 0));
    }

    #[test]
    fn who_may_send_what() {
        assert_eq!(Action::from_station("Heartbeat"), Ok(Action::Heartbeat));
        assert_eq!(Action::from_station("DataTransfer"), Ok(Action::DataTransfer));
        assert_eq!(Action::from_station("Reset"), Err(ErrorCode::NotSupported));
        assert_eq!(Action::from_station("SignCertificate"), Ok(Action::SignCertificate));
        assert_eq!(Action::from_station("heartbeat"), Err(ErrorCode::NotImplemented));
        assert_eq!(Action::to_station("Reset"), Ok(Action::Reset));
        assert_eq!(Action::to_station("Heartbeat"), Err(ErrorCode::NotSupported));
    }
}
