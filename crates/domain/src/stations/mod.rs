//! The words of places and plugs.

use serde::{Deserialize, Serialize};

/// Alternating or direct current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrentType { Ac, Dc }

/// The plug of a connector, in OCPI's terms (2.2.1 § 8.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlugType { Type2, Ccs2, Chademo, GbtAc, GbtDc }

/// What a person may expect of a connector now. One reading of OCPP 1.6's and 2.0.1's statuses and of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorStatus {
    Available, Preparing, Charging, SuspendedEv, SuspendedEvse, Finishing, Reserved, Unavailable, Faulted,
    /// No link to the charge point.
    Offline,
    /// Never heard of.
    Unknown,
}

impl ConnectorStatus {
    /// Whether a new session may be paid for: nothing is charging there and the charge point answers.
    pub const fn can_start(self) -> bool { matches!(self, Self::Available | Self::Preparing) }
}
