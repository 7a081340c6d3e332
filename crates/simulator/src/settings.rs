//! What can be changed from afar: 1.6 calls them configuration keys, 2.0.1 variables. They survive a restart.

use crate::Config;

/// What this charge point can measure; the names are the same in both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measurand {
    Energy,
    Power,
    Offered,
    Current,
    Voltage,
    Soc,
}

impl Measurand {
    pub(crate) const ALL: [Self; 6] = [Self::Energy, Self::Power, Self::Offered, Self::Current, Self::Voltage, Self::Soc];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Energy => "Energy.Active.Import.Register",
            Self::Power => "Power.Active.Import",
            Self::Offered => "Power.Offered",
            Self::Current => "Current.Import",
            Self::Voltage => "Voltage",
            Self::Soc => "SoC",
        }
    }

    /// A comma-separated list; one that it cannot measure spoils the whole.
    pub(crate) fn parse_list(value: &str) -> Option<Vec<Self>> {
        value
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name)))
            .collect()
    }

    pub(crate) fn list(measurands: &[Self]) -> String {
        measurands.iter().map(|measurand| measurand.name()).collect::<Vec<_>>().join(",")
    }
}

/// Longer intervals are mistakes; it also keeps milliseconds far from overflow.
const MAX_SECONDS: u32 = 31_536_000;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) heartbeat_interval_ms: i64,
    /// 0 is never.
    pub(crate) meter_interval_ms: i64,
    /// 0 is for ever.
    pub(crate) connection_timeout_s: u32,
    pub(crate) sampled_data: Vec<Measurand>,
    pub(crate) stop_data: Vec<Measurand>,
    pub(crate) attempts: u32,
    pub(crate) retry_interval_s: u32,
    pub(crate) authorize_remote: bool,
    pub(crate) stop_on_invalid_id: bool,
    pub(crate) allow_offline_unknown: bool,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let is_v16 = config.version == ocpp::Version::V16;
        Self {
            heartbeat_interval_ms: i64::from(config.heartbeat_interval_s.clamp(1, MAX_SECONDS)) * 1000,
            meter_interval_ms: i64::from(config.meter_interval_ms),
            connection_timeout_s: config.connection_timeout_s.min(MAX_SECONDS),
            sampled_data: vec![Measurand::Energy, Measurand::Power, Measurand::Soc],
            // 2.0.1 has no meterStop: the register at the end is a sample.
            stop_data: if is_v16 { vec![] } else { vec![Measurand::Energy] },
            attempts: 3,
            retry_interval_s: 10,
            authorize_remote: false,
            stop_on_invalid_id: true,
            allow_offline_unknown: config.allow_offline_unknown,
        }
    }
}

/// A whole number of seconds.
pub(crate) fn seconds(value: &str) -> Option<u32> {
    value.trim().parse().ok().filter(|seconds| *seconds <= MAX_SECONDS)
}

pub(crate) fn flag(value: &str) -> Option<bool> {
    value.trim().to_ascii_lowercase().parse().ok()
}

/// Rounded up: an interval below a second is not never.
pub(crate) fn whole_seconds(span_ms: i64) -> String {
    ((span_ms + 999) / 1000).to_string()
}
