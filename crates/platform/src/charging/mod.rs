//! Sessions, the charge points' transactions that they are bound to, meter samples, and the commands to charge points.
//!
//! Knows no OCPP: what a charge point says comes as a neutral report with the connection's [`Lease`], what it is told goes
//! out as a [`CommandBody`]. Knows no guests and no orders either: a session has a payer's account, and whoever began it
//! is told of its end by the job [`SESSION_ENDED`].
//!
//! The session itself is the machine of `domain::charging::session`. Here it is loaded `for update`, given an event, stored,
//! and its effects are carried out, all in one database transaction ([`flow`]). Locks are always taken in this order: charge
//! points, sessions, transactions, ledger accounts; several of a kind by id.

mod aside;
mod commands;
mod events;
mod flow;
mod ingest;
mod live;
mod reports;
mod settle;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use api::i18n::Locale;
use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::hold::{HoldPolicy, Limit};
use domain::charging::session::{SessionState, StopReason};
use domain::guest::StartFailure;
use domain::stations::ConnectorStatus;
use domain::tariffs::{Bill, FrozenTariff, PriceError};
use domain::{ChargePointId, CommandId, ConnectorId, SessionId, TransactionId, Tyiyn, Watt, Wh};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bus::Bus;
use crate::db::{Db, TxError};
use crate::gather::Gather;
use crate::ledger::{AccountCode, LedgerError};
use crate::quirks::RateUnit;
use crate::receipts;
use crate::stations::{self, BootFacts, Lease, StationsError, StatusReport};
use crate::tariffs::TariffsError;

pub use ingest::{Ingest, IngestError, IngestStats, Submission};
pub use watch::{WatchReport, check};

/// The job that is asked for when a session is settled or has failed; its key is the session's id.
pub const SESSION_ENDED: &str = "session_ended";

/// What can be set. Times are those of the platform's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargingSettings {
    /// How much is set aside, and so where a session is stopped.
    pub hold: HoldPolicy,
    /// From the payment to the first energy: the cable must be in by then.
    pub start_deadline: TimeDelta,
    /// A charge point that has not answered a RemoteStart by then is offline.
    pub start_answer: TimeDelta,
    /// A link that broke no longer ago than this is about to come back (our restart, a router's): a start is not refused but waits for
    /// it, as long as a start waits for its answer.
    pub link_grace: TimeDelta,
    /// As `start_answer`, for a stop the first time; each further attempt waits twice as long, up to `stop_pause_max`.
    pub stop_answer: TimeDelta,
    pub stop_pause_max: TimeDelta,
    /// An accepted stop is followed by the end of the transaction within this, or it is asked for again.
    pub stop_follow: TimeDelta,
    /// A session that is being stopped, whose charge point has a link but sends no readings any more, is closed after this.
    pub stop_grace: TimeDelta,
    /// What a charge point is told to send readings at, in seconds.
    pub meter_interval_s: i32,
    /// Whether charge points are told the interval and the contents of their readings when they boot.
    pub configure_meters: bool,
    /// A connector may give this much of its nominal power before a reading is implausible: meters and nominal powers differ.
    /// More than 100 times that in a demonstration whose chargers run faster than the clock.
    pub plausible_power_percent: u32,
    /// How far a charge point's clock may run ahead of ours.
    pub clock_skew: TimeDelta,
    /// `Available` in the middle of a transaction: the Stop is on its way, or lost after this.
    pub available_grace: TimeDelta,
    /// The same for a boot: chargers send what they kept after it.
    pub boot_grace: TimeDelta,
    /// No word from a charge point and its transaction for this long: closed at the last reading.
    pub silence_grace: TimeDelta,
    /// A charge point's own cap is renewed, and its display told the cost, no more often than this.
    pub aside_every: TimeDelta,
    /// Less power than this is idling.
    pub idle_below: Watt,
    /// Writers that commit side by side; a charge point's rows always go through the same one.
    pub writers: usize,
}

impl Default for ChargingSettings {
    fn default() -> Self {
        Self {
            hold: HoldPolicy::default(),
            start_deadline: TimeDelta::seconds(180),
            start_answer: TimeDelta::seconds(30),
            link_grace: TimeDelta::seconds(60),
            stop_answer: TimeDelta::seconds(30),
            stop_pause_max: TimeDelta::minutes(10),
            stop_follow: TimeDelta::seconds(60),
            stop_grace: TimeDelta::minutes(30),
            meter_interval_s: 10,
            configure_meters: true,
            plausible_power_percent: 120,
            clock_skew: TimeDelta::seconds(30),
            available_grace: TimeDelta::seconds(120),
            boot_grace: TimeDelta::seconds(300),
            silence_grace: TimeDelta::hours(6),
            aside_every: TimeDelta::seconds(60),
            idle_below: Watt::new(100),
            writers: 2,
        }
    }
}

/// The use cases of charging.
#[derive(Debug, Clone)]
pub struct Charging {
    db: Db,
    bus: Arc<dyn Bus>,
    settings: Arc<ChargingSettings>,
    awaited: Gather<ChargePointId, bool>,
    boots: Gather<(Lease, BootFacts), bool>,
    statuses: Gather<(Lease, StatusReport), Option<ConnectorId>>,
}

impl Charging {
    pub fn new(db: Db, bus: Arc<dyn Bus>, settings: ChargingSettings) -> Self {
        let awaited = Gather::new(db.clone(), |db: Db, charge_points: Vec<ChargePointId>| async move {
            store::are_awaited(db.pool(), &charge_points).await
        });
        let boots = Gather::new(db.clone(), |db: Db, boots: Vec<(Lease, BootFacts)>| async move {
            stations::record_boots(db.pool(), &boots, db.now()).await
        });
        let statuses = Gather::new(db.clone(), |db: Db, reports: Vec<(Lease, StatusReport)>| async move {
            stations::record_fenced_statuses(db.pool(), &reports, db.now()).await
        });
        Self { db, bus, settings: Arc::new(settings), awaited, boots, statuses }
    }

    pub fn settings(&self) -> &ChargingSettings {
        &self.settings
    }

    /// The clock that all times of this module come from.
    pub fn now(&self) -> DateTime<Utc> {
        self.db.now()
    }
}

/// Whose money it is; `charging_session.payer_kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerKind {
    Guest,
    Driver,
    Company,
    Sandbox,
}

impl PayerKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Driver => "driver",
            Self::Company => "company",
            Self::Sandbox => "sandbox",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Guest, Self::Driver, Self::Company, Self::Sandbox].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A session to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRequest {
    pub connector_id: ConnectorId,
    pub payer_kind: PayerKind,
    /// The business object behind the payer: a guest's charge.
    pub payer_id: Uuid,
    pub payer_account: AccountCode,
    pub locale: Locale,
    pub limit: Option<Limit>,
    /// The most that the payer agreed to: the bill never exceeds it.
    pub agreed: Tyiyn,
    /// The company's contract code, for its prices.
    pub contract: Option<String>,
    /// The payment as the payer finds it in the bank's app, for the receipt.
    pub payment_reference: Option<String>,
}

/// Why a session cannot begin. Nothing was changed, and the caller's transaction is usable.
#[derive(Debug, thiserror::Error)]
pub enum BeginRefusal {
    /// Something charges there, or somebody else's session is about to.
    #[error("the connector is busy")]
    Busy,
    #[error("the charge point has no link")]
    Offline,
    #[error("the connector is out of order")]
    OutOfOrder,
    #[error("insufficient funds")]
    InsufficientFunds,
    #[error(transparent)]
    Internal(#[from] ChargingError),
}

impl From<sqlx::Error> for BeginRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl TxError for BeginRefusal {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Internal(error) => error.sqlx(),
            _ => None,
        }
    }
}

/// Why something about charging could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ChargingError {
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The connection that asks has been taken over by a newer one: it must end.
    #[error("the connection's epoch is over")]
    Fenced,
    #[error("cannot be priced")]
    Price(#[from] PriceError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Tariffs(TariffsError),
    #[error(transparent)]
    Stations(StationsError),
    #[error(transparent)]
    Receipts(#[from] receipts::ReceiptsError),
    #[error("{0}")]
    Invariant(&'static str),
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl ChargingError {
    /// Whether the same may succeed a little later: the database was not there, or too busy. Everything else would fail again.
    pub fn is_transient(&self) -> bool {
        match self.sqlx() {
            None => false,
            Some(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                // Connection, resources, locks, shutdown, system, and transactions undone in favour of others.
                ["08", "53", "55", "57", "58", "40", "25"].iter().any(|class| code.starts_with(class))
            }),
            Some(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ),
        }
    }
}

impl From<StationsError> for ChargingError {
    fn from(error: StationsError) -> Self {
        match error {
            StationsError::Fenced => Self::Fenced,
            StationsError::NotFound(what) => Self::NotFound(what),
            StationsError::Db(error) => Self::Db(error),
            other => Self::Stations(other),
        }
    }
}

impl From<TariffsError> for ChargingError {
    fn from(error: TariffsError) -> Self {
        match error {
            TariffsError::Db(error) => Self::Db(error),
            TariffsError::Price(error) => Self::Price(error),
            other => Self::Tariffs(other),
        }
    }
}

impl TxError for ChargingError {
    fn sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.sqlx(),
            Self::Tariffs(error) => error.sqlx(),
            Self::Stations(error) => error.sqlx(),
            Self::Receipts(error) => error.sqlx(),
            _ => None,
        }
    }
}

/// All that a page may want to know of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSnapshot {
    pub id: SessionId,
    pub connector: ConnectorId,
    pub payer_kind: PayerKind,
    pub payer_id: Uuid,
    pub state: SessionState,
    pub tariff: FrozenTariff,
    pub limit: Option<Limit>,
    /// The session is stopped when the projected cost reaches this.
    pub hold: Tyiyn,
    pub agreed: Tyiyn,
    pub requested_at: DateTime<Utc>,
    pub start_deadline: DateTime<Utc>,
    /// The charge point has said yes and waits for the cable.
    pub start_accepted: bool,
    pub transaction: Option<TransactionId>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub energy: Wh,
    /// As of the last reading; the bill's total once there is a bill.
    pub cost: Tyiyn,
    pub power: Watt,
    pub state_of_charge_percent: Option<u8>,
    /// The last reading; `None` before the first.
    pub updated_at: Option<DateTime<Utc>>,
    /// The charge point has no link; it charges on.
    pub link_lost: bool,
    pub status: ConnectorStatus,
    /// A stop is asked for and cannot be delivered.
    pub stop_queued_offline: bool,
    pub stop_reason: Option<StopReason>,
    pub failure: Option<StartFailure>,
    pub billed: Option<Tyiyn>,
    pub written_off: Option<Tyiyn>,
    pub bill: Option<Bill>,
    pub settled_at: Option<DateTime<Utc>>,
}

// What charge points report.

/// A transaction begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartReport {
    pub evse_no: i32,
    pub connector_no: i32,
    pub id_tag: String,
    pub meter_start: Wh,
    /// The charge point's own time, if it could be read.
    pub claimed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub message_id: String,
}

/// What to answer to a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartOutcome {
    pub transaction: TransactionId,
    /// Whether the tag is one of a session that waits for it (or goes on with this very transaction).
    pub accepted: bool,
}

/// One reading, in Wh and W. Without a register it still tells power and state of charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub claimed_at: Option<DateTime<Utc>>,
    pub register: Option<Wh>,
    pub power: Option<Watt>,
    pub state_of_charge_percent: Option<u8>,
}

/// Readings of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterReport {
    pub evse_no: i32,
    /// 0 when the charge point does not say: any of the EVSE.
    pub connector_no: i32,
    /// As the charge point remembers it: missing, −1 and 0 are real.
    pub transaction: Option<i64>,
    pub received_at: DateTime<Utc>,
    pub samples: Vec<Sample>,
    /// The number of the transaction's event that brings them: noted as taken in the same commit.
    pub seq_no: Option<i32>,
}

/// A transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// As the charge point remembers it.
    pub transaction: i64,
    pub id_tag: Option<String>,
    /// Without one the last reading stands.
    pub meter_stop: Option<Wh>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub reason: StopReason,
    pub message_id: String,
    pub samples: Vec<Sample>,
    /// The message as it came, for what cannot be matched.
    pub evidence: serde_json::Value,
}

/// Which of a transaction's events it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Started,
    Updated,
    Ended,
}

/// An event of a transaction whose id the charge point makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReport {
    pub station_ref: String,
    pub stage: Stage,
    /// Counts the events of the transaction from 0.
    pub seq_no: i32,
    /// EVSE and connector, where they are told.
    pub evse: Option<(i32, i32)>,
    pub id_tag: Option<String>,
    /// The number of the start that was asked for.
    pub remote_start: Option<i32>,
    /// It happens because a start was asked for.
    pub remotely: bool,
    /// What the car and the charger do.
    pub activity: Option<ConnectorStatus>,
    /// It happened while there was no link.
    pub offline: bool,
    /// The charge point's own time, if it could be read.
    pub claimed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub message_id: String,
    pub samples: Vec<Sample>,
    /// The register at the transaction's begin and end, where a reading says that it is that.
    pub meter_begin: Option<Wh>,
    pub meter_end: Option<Wh>,
    /// Of an end.
    pub stop_reason: StopReason,
    /// The message as it came.
    pub evidence: serde_json::Value,
}

/// What to answer to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventOutcome {
    pub transaction: TransactionId,
    pub tag: TagVerdict,
    /// What must become durable with the frame before the answer leaves.
    pub meter: MeterReport,
    /// What is billed, once it is settled.
    pub total: Option<Tyiyn>,
    /// What is odd about the event's number.
    pub notes: Vec<String>,
}

/// What a tag is worth at a charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagVerdict {
    Accepted,
    /// Known, but not good for this.
    Invalid,
    /// Its session has ended.
    Expired,
    /// Its session never began and is paid back.
    Blocked,
    Unknown,
}

/// What became of the end of a transaction. All of them are answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    Recorded(TransactionId),
    /// It had ended before; nothing was changed.
    Repeated(TransactionId),
    /// No transaction of this charge point fits: kept for staff.
    Quarantined,
}

// What charge points are told.

/// How much power a charge point may give to a transaction, and for how long from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerCap {
    /// Counts the caps of a session; the same on the wire.
    pub number: i32,
    pub max_power_w: i64,
    pub ends_after_s: u32,
    pub unit: RateUnit,
}

/// A message to a charge point, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CommandBody {
    Start {
        evse_no: i32,
        connector_no: i32,
        id_tag: String,
        /// The number of this start, for those that name it in what follows.
        #[serde(default)]
        remote_start: Option<i32>,
        /// Goes with the start, so that it also holds when the link is lost before the transaction is known.
        #[serde(default)]
        cap: Option<PowerCap>,
    },
    Stop {
        transaction: TransactionId,
        /// The charge point's own id of it, if that is not ours.
        #[serde(default)]
        station_ref: Option<String>,
    },
    Reset {
        kind: ResetKind,
    },
    /// Tell the status of a connector, or of all.
    ReportStatus {
        evse_no: Option<i32>,
    },
    /// Introduce yourself again.
    ReportBoot,
    /// Send readings at this interval while charging.
    SetMeterInterval {
        seconds: i32,
    },
    /// Send energy, power and state of charge in each reading.
    SetMeterContent,
    /// Tell everything of your settings and parts, under this number.
    ReportInventory {
        request: i32,
    },
    /// Use this password from the next connection on.
    SetPassword {
        /// Of `charge_point_password`.
        candidate: Uuid,
        /// Gone from the row when the command has ended.
        #[serde(default)]
        password: Secret,
    },
    /// Give at most this much power to the transaction, and none after so many seconds from its start: what was paid for is not outrun
    /// when the link is lost.
    Cap {
        transaction: TransactionId,
        station_ref: Option<String>,
        evse_no: i32,
        #[serde(flatten)]
        cap: PowerCap,
    },
    /// Show what the transaction costs so far.
    ShowCost {
        transaction: TransactionId,
        station_ref: Option<String>,
        cost: Tyiyn,
    },
    /// Take this client certificate, which you asked for.
    DeliverCertificate {
        serial_number: String,
        pem: String,
    },
    /// What a person wrote, in the charge point's own protocol: checked by whoever speaks it.
    Operator {
        protocol: String,
        action: String,
        payload: serde_json::Value,
    },
}

/// How far a command is, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandView {
    pub state: CommandState,
    /// The charge point's answer as it came, or the error.
    pub answer: Option<serde_json::Value>,
}

/// `command.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    Queued,
    Sent,
    Accepted,
    Rejected,
    Failed,
    Expired,
}

impl CommandState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sent, Self::Accepted, Self::Rejected, Self::Failed, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Nothing more will come of it.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent)
    }
}

impl CommandBody {
    /// As it is stored.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Reset { .. } => "reset",
            Self::ReportStatus { .. } => "report_status",
            Self::ReportBoot => "report_boot",
            Self::SetMeterInterval { .. } => "set_meter_interval",
            Self::SetMeterContent => "set_meter_content",
            Self::ReportInventory { .. } => "report_inventory",
            Self::SetPassword { .. } => "set_password",
            Self::Cap { .. } => "cap",
            Self::ShowCost { .. } => "show_cost",
            Self::DeliverCertificate { .. } => "deliver_certificate",
            Self::Operator { .. } => "operator",
        }
    }

    /// What must not be seen in the log of frames.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::SetPassword { password, .. } => Some(password.expose()),
            _ => None,
        }
    }
}

/// A text that does not show itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetKind {
    /// After ending what runs.
    Soft,
    Hard,
}

/// A command to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Also the message id on the wire.
    pub id: CommandId,
    pub body: CommandBody,
    pub deadline_at: DateTime<Utc>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    Accepted,
    /// The charge point said no.
    Rejected,
    /// It answered with an error, or not at all, or could not be asked.
    Failed,
}

/// What a charge point is told at its boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootAnswer {
    pub now: DateTime<Utc>,
}

/// The lease is part of every report; re-exported so that csms needs one path.
pub type ConnectionLease = Lease;
