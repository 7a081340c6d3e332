//! The routing table's left side: every action of 1.6 and of the security whitepaper.

use crate::ErrorCode;

/// Who sends the CALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    FromStation,
    ToStation,
    Both,
}

impl Direction {
    pub const fn is_from_station(self) -> bool {
        matches!(self, Self::FromStation | Self::Both)
    }

    pub const fn is_to_station(self) -> bool {
        matches!(self, Self::ToStation | Self::Both)
    }
}

/// Whether this crate has the message's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    Implemented,
    /// The standard has it, and we know its name only: answered with NotSupported.
    KnownOnly,
}

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

macro_rules! actions {
    ($( $name:ident, $direction:ident, $profile:ident, $support:ident; )*) => {
        /// An action of OCPP 1.6 (28) or of its security whitepaper (11).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($name,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub const fn direction(self) -> Direction {
                match self { $(Self::$name => Direction::$direction,)* }
            }

            pub const fn profile(self) -> Profile {
                match self { $(Self::$name => Profile::$profile,)* }
            }

            pub const fn support(self) -> Support {
                match self { $(Self::$name => Support::$support,)* }
            }

            /// The action of this name; names are compared as written.
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }
        }
    };
}

actions! {
    Authorize, FromStation, Core, Implemented;
    BootNotification, FromStation, Core, Implemented;
    CancelReservation, ToStation, Reservation, KnownOnly;
    CertificateSigned, ToStation, Security, KnownOnly;
    ChangeAvailability, ToStation, Core, Implemented;
    ChangeConfiguration, ToStation, Core, Implemented;
    ClearCache, ToStation, Core, Implemented;
    ClearChargingProfile, ToStation, SmartCharging, Implemented;
    DataTransfer, Both, Core, Implemented;
    DeleteCertificate, ToStation, Security, KnownOnly;
    DiagnosticsStatusNotification, FromStation, FirmwareManagement, KnownOnly;
    ExtendedTriggerMessage, ToStation, Security, KnownOnly;
    FirmwareStatusNotification, FromStation, FirmwareManagement, KnownOnly;
    GetCompositeSchedule, ToStation, SmartCharging, KnownOnly;
    GetConfiguration, ToStation, Core, Implemented;
    GetDiagnostics, ToStation, FirmwareManagement, KnownOnly;
    GetInstalledCertificateIds, ToStation, Security, KnownOnly;
    GetLocalListVersion, ToStation, LocalAuthListManagement, KnownOnly;
    GetLog, ToStation, Security, KnownOnly;
    Heartbeat, FromStation, Core, Implemented;
    InstallCertificate, ToStation, Security, KnownOnly;
    LogStatusNotification, FromStation, Security, KnownOnly;
    MeterValues, FromStation, Core, Implemented;
    RemoteStartTransaction, ToStation, Core, Implemented;
    RemoteStopTransaction, ToStation, Core, Implemented;
    ReserveNow, ToStation, Reservation, KnownOnly;
    Reset, ToStation, Core, Implemented;
    SecurityEventNotification, FromStation, Security, KnownOnly;
    SendLocalList, ToStation, LocalAuthListManagement, KnownOnly;
    SetChargingProfile, ToStation, SmartCharging, Implemented;
    SignCertificate, FromStation, Security, KnownOnly;
    SignedFirmwareStatusNotification, FromStation, Security, KnownOnly;
    SignedUpdateFirmware, ToStation, Security, KnownOnly;
    StartTransaction, FromStation, Core, Implemented;
    StatusNotification, FromStation, Core, Implemented;
    StopTransaction, FromStation, Core, Implemented;
    TriggerMessage, ToStation, RemoteTrigger, Implemented;
    UnlockConnector, ToStation, Core, Implemented;
    UpdateFirmware, ToStation, FirmwareManagement, KnownOnly;
}

impl Action {
    /// What a central system does with a CALL of this name: the action, or the code of its refusal. NotImplemented for
    /// a name the standard does not have; NotSupported for one that we do not do, or that a station has no business to send.
    pub fn from_station(name: &str) -> Result<Self, ErrorCode> {
        Self::receivable(name, Direction::is_from_station)
    }

    /// The same for a charge point.
    pub fn to_station(name: &str) -> Result<Self, ErrorCode> {
        Self::receivable(name, Direction::is_to_station)
    }

    fn receivable(name: &str, fits: fn(Direction) -> bool) -> Result<Self, ErrorCode> {
        let action = Self::by_name(name).ok_or(ErrorCode::NotImplemented)?;
        if fits(action.direction()) && action.support() == Support::Implemented {
            Ok(action)
        } else {
            Err(ErrorCode::NotSupported)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(Action::from_station("SignCertificate"), Err(ErrorCode::NotSupported));
        assert_eq!(Action::from_station("heartbeat"), Err(ErrorCode::NotImplemented));
        assert_eq!(Action::to_station("Reset"), Ok(Action::Reset));
        assert_eq!(Action::to_station("Heartbeat"), Err(ErrorCode::NotSupported));
    }
}
