//! The session: event → effects. The platform persists the state and carries out the effects in one transaction.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::guest::StartFailure;
use crate::{TransactionId, Tyiyn};

/// Stored as text in `charging_session.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The hold is placed and the start is asked for.
    Starting,
    /// A transaction is bound.
    Charging,
    /// A stop is asked for.
    Stopping,
    /// Billed. Terminal.
    Settled,
    /// Never began: the hold is void. Terminal.
    Failed,
}

/// Why a session ended or is being ended; shown on the page and the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The payer pressed stop.
    Payer,
    /// The threshold was reached.
    Limit,
    /// Stopped at the charger or by unplugging.
    Charger,
    /// The car was full or went away.
    Vehicle,
    /// Fault, emergency stop, power loss, reboot.
    Fault,
    /// The charger went silent; closed at its last reading.
    Silence,
    /// Staff.
    Operator,
}

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEvent {
    /// The charge point answered RemoteStart.
    StartAccepted,
    /// It refused, or the command failed or expired.
    StartRefused { failure: StartFailure },
    TransactionStarted { transaction: TransactionId, at: DateTime<Utc> },
    /// The start deadline passed.
    StartDeadline,
    StopRequested { reason: StopReason },
    /// The stop threshold was reached.
    ThresholdReached,
    /// The charge point refused the stop or did not answer: it is asked again.
    StopRefused,
    TransactionStopped { reason: StopReason, at: DateTime<Utc> },
    /// Silence for longer than allowed, or Available/Boot without a Stop.
    LostTransaction { at: DateTime<Utc> },
}

/// What must be done with the event, in the same database transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEffect {
    /// Queue RemoteStart (again).
    SendStart { attempt: u8 },
    /// Queue RemoteStop (again).
    SendStop { transaction: TransactionId, attempt: u16 },
    /// Price, capture, release, split, receipt.
    Settle { reason: StopReason },
    /// Release the whole hold; the payer is told why.
    VoidHold { failure: StartFailure },
    /// A transaction runs that nobody pays for: stop it and raise an alarm.
    StopUnpaid { transaction: TransactionId },
}

/// The machine's own memory; columns of `charging_session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub state: SessionState,
    pub transaction: Option<TransactionId>,
    pub start_attempts: u8,
    pub stop_attempts: u16,
    pub start_deadline: DateTime<Utc>,
    pub stop_reason: Option<StopReason>,
    pub failure: Option<StartFailure>,
}

impl Session {
    /// A new session in `Starting` and its first effect, `SendStart`.
    pub fn begin(start_deadline: DateTime<Utc>) -> (Self, Vec<SessionEffect>) { let _ = start_deadline; todo!() }
    /// Applies an event. Total: every state takes every event; a repeated or late one gives no effects (or `StopUnpaid`).
    pub fn apply(&mut self, event: &SessionEvent, now: DateTime<Utc>) -> Vec<SessionEffect> { let _ = (event, now); todo!() }
}

/// The two sides of a bill: what the payer pays and what is written off because it passed what was agreed (DESIGN §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement { pub billed: Tyiyn, pub written_off: Tyiyn, pub released: Tyiyn }

impl Settlement {
    /// `cost` by the price engine, `agreed` the most that the payer agreed to, `available` what the payer's account covers.
    pub fn of(cost: Tyiyn, agreed: Tyiyn, available: Tyiyn) -> Self { let _ = (cost, agreed, available); todo!() }
}

/// Splits `total` by weights so that the parts sum to it exactly (largest remainder, ties to the first).
pub fn split_by_weights(total: Tyiyn, weights: &[u64]) -> Vec<Tyiyn> { let _ = (total, weights); todo!() }
