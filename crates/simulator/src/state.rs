//! What can be seen of a charge point from outside.

use chrono::{DateTime, Utc};
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::status_notification::Status;
use ocpp::v16::stop_transaction::Reason;

/// Whether the charge point runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    On,
    Restarting,
    Off,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargePointState {
    pub power: Power,
    /// Whether the socket is open.
    pub is_linked: bool,
    /// The last answer to BootNotification since the link came up (or before, if it is not sent again).
    pub registration: Option<RegistrationStatus>,
    /// Start, Stop and MeterValues that are not yet answered.
    pub undelivered: usize,
    /// CALLs that the central system answered, since the beginning.
    pub answered: u64,
    /// Times that the charge point has started.
    pub boots: u64,
    /// The names of the faults that are on.
    pub faults: Vec<&'static str>,
    pub connectors: Vec<ConnectorState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorState {
    /// 1 is the first.
    pub id: u32,
    pub status: Status,
    pub is_plugged: bool,
    pub register_wh: i64,
    pub power_w: i64,
    pub soc_percent: Option<u8>,
    pub transaction: Option<TransactionState>,
    /// The last transaction that ended here.
    pub finished: Option<FinishedTransaction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionState {
    /// 1.6: from the central system; `None` until it has answered.
    pub transaction_id: Option<i64>,
    /// 2.0.1: from the charge point.
    pub station_transaction_id: Option<String>,
    /// Whether the central system has answered the start.
    pub is_known: bool,
    pub id_tag: String,
    pub started_at: DateTime<Utc>,
    pub meter_start_wh: i64,
    pub energy_wh: i64,
    /// 2.0.1: what the central system said that it costs, as it was written.
    pub cost: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedTransaction {
    pub transaction_id: Option<i64>,
    pub station_transaction_id: Option<String>,
    pub id_tag: String,
    pub reason: Reason,
    pub meter_start_wh: i64,
    pub meter_stop_wh: i64,
    /// Whether the central system has answered StopTransaction.
    pub is_delivered: bool,
}

impl ChargePointState {
    /// Linked, and accepted by the central system.
    pub fn is_online(&self) -> bool {
        self.is_linked && self.registration == Some(RegistrationStatus::Accepted)
    }

    /// Nothing about transactions is left to tell.
    pub fn is_delivered(&self) -> bool {
        self.undelivered == 0
    }

    /// The connector, from 1.
    ///
    /// # Panics
    /// If there is none of this number: a mistake in the test or script.
    pub fn connector(&self, id: u32) -> &ConnectorState {
        self.connectors.iter().find(|connector| connector.id == id).expect("a connector of the charge point")
    }
}

impl ConnectorState {
    pub fn is_available(&self) -> bool {
        self.status == Status::Available
    }

    /// Authorised or plugged, and not yet charging.
    pub fn is_preparing(&self) -> bool {
        self.status == Status::Preparing
    }

    /// A transaction runs, and the central system knows of it.
    pub fn is_charging(&self) -> bool {
        self.status == Status::Charging && self.transaction.as_ref().is_some_and(|transaction| transaction.is_known)
    }

    /// A transaction runs, charging or suspended.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// The car takes no more.
    pub fn is_full(&self) -> bool {
        self.status == Status::SuspendedEv
    }

    pub fn is_finishing(&self) -> bool {
        self.status == Status::Finishing
    }

    /// The last transaction ended, and the central system knows.
    pub fn is_settled(&self) -> bool {
        self.transaction.is_none() && self.finished.as_ref().is_some_and(|finished| finished.is_delivered)
    }

    /// Energy of the running transaction, or 0.
    pub fn energy_wh(&self) -> i64 {
        self.transaction.as_ref().map_or(0, |transaction| transaction.energy_wh)
    }

    /// The number of the running transaction.
    pub fn transaction_id(&self) -> Option<i64> {
        self.transaction.as_ref().and_then(|transaction| transaction.transaction_id)
    }
}
