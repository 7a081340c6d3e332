//! The CALLs of a charge point, before they are written in the words of a version.
//!
//! Statuses, errors, contexts and reasons are those of OCPP 1.6 throughout the state machine: they say more than those of 2.0.1,
//! which are made of them.

use ocpp::v16::meter_values::Context;
use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;
use serde_json::value::RawValue;

use crate::Current;
use crate::charger::Time;

/// Three phases of 230 V.
const AC_VOLT: i64 = 230;
const DC_VOLT: i64 = 400;

/// What 2.0.1 tells with everything about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) seq: u32,
    /// It happened while nobody could be told.
    pub(crate) is_offline: bool,
    pub(crate) trigger: &'static str,
    pub(crate) charging_state: &'static str,
}

/// One reading of a meter.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) key: Option<u64>,
    pub(crate) connector: u32,
    pub(crate) at: Time,
    pub(crate) context: Context,
    pub(crate) register_mwh: i64,
    /// The register at the start of the transaction.
    pub(crate) begin_mwh: Option<i64>,
    pub(crate) power_w: i64,
    pub(crate) offered_w: i64,
    pub(crate) soc_percent: Option<u8>,
    pub(crate) current: Current,
}

/// The start of a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) key: u64,
    pub(crate) connector: u32,
    pub(crate) id_tag: String,
    pub(crate) token_kind: Option<String>,
    pub(crate) remote_start_id: Option<i64>,
    pub(crate) begin: Sample,
    pub(crate) event: Event,
}

/// Its end.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    pub(crate) key: u64,
    /// Of who ended it.
    pub(crate) id_tag: Option<String>,
    pub(crate) meter_stop_wh: i64,
    pub(crate) at: Time,
    pub(crate) reason: Reason,
    pub(crate) end: Option<Sample>,
    pub(crate) event: Event,
}

/// A CALL to make. It is written when it is sent: the number of a transaction may not be known before.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Boot,
    Heartbeat,
    Status {
        connector: u32,
        status: Status,
        error: ErrorCode,
        at: Time,
    },
    Authorize {
        connector: u32,
        id_tag: String,
    },
    Start(Box<Start>),
    /// A reading, with its event if it belongs to a transaction.
    Meter(Box<Sample>, Option<Event>),
    /// 2.0.1: the charging state has changed.
    Changed {
        key: u64,
        at: Time,
        event: Event,
    },
    Stop(Box<Stop>),
    /// Written already: a report, or something that was told before.
    Written {
        action: &'static str,
        payload: Box<RawValue>,
    },
}

impl Body {
    /// The transaction it is about.
    pub(crate) fn key(&self) -> Option<u64> {
        match self {
            Self::Start(start) => Some(start.key),
            Self::Stop(stop) => Some(stop.key),
            Self::Meter(sample, _) => sample.key,
            Self::Changed { key, .. } => Some(*key),
            _ => None,
        }
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.key().is_some()
    }
}

pub(crate) const fn volts(current: Current) -> i64 {
    match current {
        Current::Ac => AC_VOLT,
        Current::Dc => DC_VOLT,
    }
}

/// A number over three phases; the first carries the remainder.
pub(crate) const fn thirds(total: i64) -> [(&'static str, i64); 3] {
    [("L1", total - total / 3 * 2), ("L2", total / 3), ("L3", total / 3)]
}

/// Tenths of an ampere on each phase.
pub(crate) const fn deci_ampere(power_w: i64, current: Current) -> i64 {
    let phases = match current {
        Current::Ac => 3,
        Current::Dc => 1,
    };
    power_w * 10 / (volts(current) * phases)
}
