//! The words of places and plugs, so that pages, rules and chargers' messages mean the same by them.

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

/// Alternating or direct current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrentType {
    Ac,
    Dc,
}

text_enum!(CurrentType { Ac = "ac", Dc = "dc" });

/// The plug of a connector, in OCPI's terms (2.2.1 § 8.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlugType {
    Type2,
    Ccs2,
    Chademo,
    GbtAc,
    GbtDc,
}

text_enum!(PlugType { Type2 = "type2", Ccs2 = "ccs2", Chademo = "chademo", GbtAc = "gbt_ac", GbtDc = "gbt_dc" });

impl PlugType {
    /// What flows through it.
    pub const fn current(self) -> CurrentType {
        match self {
            Self::Type2 | Self::GbtAc => CurrentType::Ac,
            Self::Ccs2 | Self::Chademo | Self::GbtDc => CurrentType::Dc,
        }
    }
}

/// What a person may expect of a connector now. One reading of OCPP 1.6's and 2.0.1's statuses and of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorStatus {
    Available,
    Preparing,
    Charging,
    SuspendedEv,
    SuspendedEvse,
    Finishing,
    Reserved,
    Unavailable,
    Faulted,
    /// No link to the charge point.
    Offline,
    /// Never heard of.
    Unknown,
}

text_enum!(ConnectorStatus {
    Available = "available",
    Preparing = "preparing",
    Charging = "charging",
    SuspendedEv = "suspended_ev",
    SuspendedEvse = "suspended_evse",
    Finishing = "finishing",
    Reserved = "reserved",
    Unavailable = "unavailable",
    Faulted = "faulted",
    Offline = "offline",
    Unknown = "unknown",
});

impl ConnectorStatus {
    /// Whether a new session may be paid for: nothing is charging there and the charge point answers.
    pub const fn can_start(self) -> bool {
        matches!(self, Self::Available | Self::Preparing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_free_connector_with_a_link_is_sold() {
        let sold: Vec<_> = ConnectorStatus::ALL.iter().copied().filter(|s| s.can_start()).collect();
        assert_eq!(sold, [ConnectorStatus::Available, ConnectorStatus::Preparing]);
    }

    #[test]
    fn a_plug_knows_its_current() {
        assert_eq!(PlugType::Type2.current(), CurrentType::Ac);
        assert_eq!(PlugType::GbtDc.current(), CurrentType::Dc);
    }
}
