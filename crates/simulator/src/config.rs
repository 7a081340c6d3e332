//! What kind of charge point it is.

use ocpp::Version;

use crate::{Car, Faults};

/// Public chargers have one to four connectors; the limit only keeps a typing mistake from filling the memory.
pub const MAX_CONNECTORS: usize = 64;

/// Alternating or direct current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Current {
    Ac,
    Dc,
}

#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    pub current: Current,
    pub max_power_w: i64,
    /// What its lifetime register reads at first.
    pub register_wh: i64,
}

/// A driver played by the machine, for demonstrations: plugs in when the charge point waits for a cable, and leaves when done.
#[derive(Debug, Clone)]
pub struct Robot {
    pub plug_after_ms: u32,
    pub unplug_after_ms: u32,
    pub car: Car,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// What it speaks.
    pub version: Version,
    /// The last segment of the URL.
    pub identity: String,
    pub vendor: String,
    pub model: String,
    pub serial_number: Option<String>,
    pub firmware_version: Option<String>,
    /// Connector 1 is the first.
    pub connectors: Vec<ConnectorConfig>,
    /// MeterValueSampleInterval at first; wall time. Tests may go below a second, ChangeConfiguration may not.
    pub meter_interval_ms: u32,
    /// ConnectionTimeOut at first: how long an authorised driver may take to plug in. 0 is for ever.
    pub connection_timeout_s: u32,
    /// The heartbeat interval when BootNotification's reply says 0.
    pub heartbeat_interval_s: u32,
    /// How long a restart takes; wall time.
    pub boot_duration_ms: u32,
    /// How long an answer may take.
    pub call_timeout_ms: u32,
    /// How many times faster than the wall clock energy flows, and the power ramps up and tapers. Time stamps stay true.
    pub speed: u32,
    /// Whether a tag that nobody knows may charge while there is no link.
    pub allow_offline_unknown: bool,
    pub faults: Faults,
    pub robot: Option<Robot>,
}

impl Config {
    /// A 22 kW AC station with two connectors.
    pub fn ac(identity: impl Into<String>) -> Self {
        Self::of(identity, "AC-22", ConnectorConfig { current: Current::Ac, max_power_w: 22_000, register_wh: 120_000 }, 2)
    }

    /// A 60 kW DC station with one connector.
    pub fn dc(identity: impl Into<String>) -> Self {
        Self::of(identity, "DC-60", ConnectorConfig { current: Current::Dc, max_power_w: 60_000, register_wh: 4_500_000 }, 1)
    }

    fn of(identity: impl Into<String>, model: &str, connector: ConnectorConfig, connectors: usize) -> Self {
        Self {
            version: Version::V16,
            identity: identity.into(),
            vendor: "Virtual".into(),
            model: model.into(),
            serial_number: None,
            firmware_version: Some(env!("CARGO_PKG_VERSION").into()),
            connectors: vec![connector; connectors],
            meter_interval_ms: 30_000,
            connection_timeout_s: 60,
            heartbeat_interval_s: 300,
            boot_duration_ms: 2_000,
            call_timeout_ms: 30_000,
            speed: 1,
            allow_offline_unknown: true,
            faults: Faults::default(),
            robot: None,
        }
    }

    /// The same with so many connectors (1 to [`MAX_CONNECTORS`]).
    pub fn connectors(mut self, count: usize) -> Self {
        if let Some(first) = self.connectors.first().cloned() {
            self.connectors = vec![first; count.clamp(1, MAX_CONNECTORS)];
        }
        self
    }

    /// The same in OCPP 2.0.1.
    pub fn v201(mut self) -> Self {
        self.version = Version::V201;
        self
    }

    pub fn speed(mut self, speed: u32) -> Self {
        self.speed = speed.max(1);
        self
    }

    pub fn meter_interval_ms(mut self, meter_interval_ms: u32) -> Self {
        self.meter_interval_ms = meter_interval_ms;
        self
    }

    pub fn fault(mut self, fault: crate::Fault) -> Self {
        self.faults.set(fault);
        self
    }

    pub fn robot(mut self, robot: Robot) -> Self {
        self.robot = Some(robot);
        self
    }
}
