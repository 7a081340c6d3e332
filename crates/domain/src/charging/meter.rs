//! The register model: what chargers report becomes energy since the session's start that never goes backwards
//! (field cases 5 and 6, money mistakes 2 and 4).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Watt, Wh};

/// One normalised reading as it comes from the wire format: units are already Wh and W.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading { pub at: DateTime<Utc>, pub register: Wh, pub power: Option<Watt> }

/// What was done with a reading; kept beside the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingNote {
    Taken,
    /// The register counts from the session's start in MeterValues, but over its lifetime in Start and Stop.
    SessionRelative,
    /// Less than before: the last value stands.
    ClampedBackwards,
    /// The register began anew; what was counted before is kept and added.
    RegisterReset,
    /// More than the connector can give in the time: counted at the most it can.
    ClampedImplausible,
    /// Older than the last one: kept as evidence only.
    Late,
}

/// The model of one session's register. Serialisable: it can be kept with the session, or rebuilt by replaying samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterModel {}

impl RegisterModel {
    /// `meter_start` of StartTransaction; `max_power` bounds what is plausible (already multiplied by the configured factor).
    pub fn new(meter_start: Wh, started_at: DateTime<Utc>, max_power: Watt) -> Self { let _ = (meter_start, started_at, max_power); todo!() }
    /// Takes a reading: the energy since the start after it, and what was done. Never fails, never falls.
    pub fn push(&mut self, reading: Reading) -> (Wh, ReadingNote) { let _ = reading; todo!() }
    /// The reading of StopTransaction, taken against the lifetime register of the start.
    pub fn finish(&mut self, reading: Reading) -> (Wh, ReadingNote) { let _ = reading; todo!() }
    /// Energy since the start.
    pub fn energy(&self) -> Wh { todo!() }
    /// Power between the last two readings, or as reported if greater.
    pub fn power(&self) -> Watt { todo!() }
    pub fn last_at(&self) -> DateTime<Utc> { todo!() }
}
