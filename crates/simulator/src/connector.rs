//! One connector: cable, meter, and what is going on at it.

use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;

use crate::charger::{Time, after_ms};
use crate::physics::{Battery, Meter};
use crate::profile::Profile;
use crate::rng::Rng;
use crate::state::{ConnectorState, FinishedTransaction, TransactionState};
use crate::{Car, ConnectorConfig, Current};

/// A century of simulated time: no span is longer, so that milliseconds times watts fit.
const MAX_SPAN_MS: i64 = 3_200_000_000_000;

#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) id: u32,
    pub(crate) config: ConnectorConfig,
    pub(crate) meter: Meter,
    pub(crate) car: Option<Battery>,
    pub(crate) phase: Phase,
    pub(crate) broken: Option<ErrorCode>,
    pub(crate) is_operative: bool,
    /// The availability to take on when the transaction ends.
    pub(crate) scheduled: Option<bool>,
    pub(crate) power_w: i64,
    /// The status that was last made a fact.
    pub(crate) seen: Status,
    /// What the central system was last told.
    pub(crate) reported: Option<(Status, ErrorCode)>,
    /// When the robot acts.
    pub(crate) robot_at: Option<Time>,
    pub(crate) finished: Option<Finished>,
}

#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Nothing, or just a cable.
    Idle,
    /// The central system is asked about a tag.
    Authorising(Grant),
    /// Waiting for the cable.
    Authorised {
        grant: Grant,
        until: Option<Time>,
    },
    Charging(Box<Transaction>),
    /// The transaction is over, the cable still in.
    Finished,
}

/// Who may charge, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grant {
    pub(crate) id_tag: String,
    /// 2.0.1: the kind of token, as the central system named it.
    pub(crate) token_kind: Option<String>,
    /// 2.0.1: the central system's number of its request.
    pub(crate) remote_start_id: Option<i64>,
    pub(crate) profile: Option<Box<Profile>>,
}

impl Grant {
    pub(crate) fn of_tag(id_tag: String) -> Self {
        Self { id_tag, ..Self::default() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    /// Our own number of it.
    pub(crate) key: u64,
    pub(crate) id_tag: String,
    /// 2.0.1: the number of the next TransactionEvent.
    pub(crate) next_seq: u32,
    /// 2.0.1: the charging state that was last told.
    pub(crate) told_state: &'static str,
    /// 2.0.1: what the central system says that it costs, as the JSON number.
    pub(crate) cost: Option<String>,
    pub(crate) started_at: Time,
    pub(crate) meter_start_mwh: i64,
    pub(crate) meter_start_wh: i64,
    pub(crate) next_sample: Time,
    /// Simulated time with power, for the ramp.
    pub(crate) flowing_ms: i64,
    /// What the profile allows now.
    pub(crate) cap_w: Option<i64>,
    pub(crate) profile: Option<Box<Profile>>,
}

/// A transaction that is over.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub(crate) key: u64,
    pub(crate) transaction_id: Option<i64>,
    pub(crate) id_tag: String,
    pub(crate) reason: Reason,
    pub(crate) meter_start_wh: i64,
    pub(crate) meter_stop_wh: i64,
    pub(crate) is_delivered: bool,
}

impl Connector {
    pub(crate) fn new(id: u32, config: ConnectorConfig) -> Self {
        Self {
            id,
            meter: Meter::new(config.register_wh),
            config,
            car: None,
            phase: Phase::Idle,
            broken: None,
            is_operative: true,
            scheduled: None,
            power_w: 0,
            seen: Status::Available,
            reported: None,
            robot_at: None,
            finished: None,
        }
    }

    pub(crate) fn status(&self) -> Status {
        if self.broken.is_some() {
            return Status::Faulted;
        }
        if let Phase::Charging(transaction) = &self.phase {
            return if self.car.as_ref().is_none_or(Battery::is_full) {
                Status::SuspendedEv
            } else if transaction.cap_w == Some(0) {
                Status::SuspendedEvse
            } else {
                Status::Charging
            };
        }
        if !self.is_operative {
            return Status::Unavailable;
        }
        match &self.phase {
            Phase::Finished => Status::Finishing,
            Phase::Idle if self.car.is_none() => Status::Available,
            _ => Status::Preparing,
        }
    }

    /// The status as the version can say it: 2.0.1 has only Occupied (written for Preparing), and no errors.
    pub(crate) fn told_status(&self, version: ocpp::Version) -> (Status, ErrorCode) {
        match (version, self.status()) {
            (ocpp::Version::V16, status) => (status, self.error()),
            (ocpp::Version::V201, status @ (Status::Available | Status::Reserved | Status::Unavailable | Status::Faulted)) => {
                (status, ErrorCode::NoError)
            }
            (ocpp::Version::V201, _) => (Status::Preparing, ErrorCode::NoError),
        }
    }

    pub(crate) fn error(&self) -> ErrorCode {
        self.broken.clone().unwrap_or(ErrorCode::NoError)
    }

    /// Whether a transaction may begin here.
    pub(crate) const fn can_start(&self) -> bool {
        self.broken.is_none() && self.is_operative && !matches!(self.phase, Phase::Charging(_))
    }

    pub(crate) const fn is_in_transaction(&self) -> bool {
        matches!(self.phase, Phase::Charging(_))
    }

    pub(crate) fn plug(&mut self, car: Car) {
        self.car = Some(Battery::new(car));
    }

    pub(crate) fn unplug(&mut self) {
        self.car = None;
        self.power_w = 0;
        if matches!(self.phase, Phase::Finished) {
            self.phase = Phase::Idle;
        }
    }

    pub(crate) fn forget_authorisation(&mut self) {
        if matches!(self.phase, Phase::Authorising(_) | Phase::Authorised { .. }) {
            self.phase = Phase::Idle;
        }
    }

    /// The tag that waits for an answer to Authorize; it no longer does.
    pub(crate) fn take_authorising(&mut self) -> Option<String> {
        let Phase::Authorising(grant) = &self.phase else { return None };
        let id_tag = grant.id_tag.clone();
        self.phase = Phase::Idle;
        Some(id_tag)
    }

    pub(crate) fn take_authorised(&mut self) -> Option<Grant> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Authorised { grant, .. } => Some(grant),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Ends the transaction and remembers it.
    pub(crate) fn take_transaction(&mut self, reason: Reason) -> Option<Box<Transaction>> {
        let transaction = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Charging(transaction) => transaction,
            other => {
                self.phase = other;
                return None;
            }
        };
        if self.car.is_some() {
            self.phase = Phase::Finished;
        }
        self.power_w = 0;
        if let Some(is_operative) = self.scheduled.take() {
            self.is_operative = is_operative;
        }
        self.finished = Some(Finished {
            key: transaction.key,
            transaction_id: None,
            id_tag: transaction.id_tag.clone(),
            reason,
            meter_start_wh: transaction.meter_start_wh,
            meter_stop_wh: self.meter.register_wh(),
            is_delivered: false,
        });
        Some(transaction)
    }

    /// Lets `wall_ms` pass from `since`.
    pub(crate) fn advance(&mut self, since: Time, wall_ms: i64, speed: u32, rng: &mut Rng) {
        let (Phase::Charging(transaction), Some(battery)) = (&mut self.phase, &mut self.car) else { return };
        let speed = i64::from(speed.max(1));
        let span_ms = wall_ms.saturating_mul(speed).min(MAX_SPAN_MS);
        let (config, started_at, profile) = (&self.config, transaction.started_at, transaction.profile.as_deref());
        let cap_w = |passed_ms: i64| {
            profile.and_then(|profile| profile.cap_w(started_at, after_ms(since, passed_ms / speed), config.current))
        };
        let limit_w = |passed_ms: i64| cap_w(passed_ms).map_or(config.max_power_w, |cap_w| cap_w.min(config.max_power_w));
        self.power_w = self.meter.advance(battery, &mut transaction.flowing_ms, span_ms, limit_w, rng);
        transaction.cap_w = cap_w(span_ms);
    }

    /// Looks at the profile again, without letting time pass.
    pub(crate) fn apply_profile(&mut self, now: Time) {
        if let Phase::Charging(transaction) = &mut self.phase {
            transaction.cap_w = transaction
                .profile
                .as_deref()
                .and_then(|profile| profile.cap_w(transaction.started_at, now, self.config.current));
        }
    }

    /// The transaction's profile, and the transaction.
    pub(crate) fn profile(&self) -> Option<(u64, &Profile)> {
        match &self.phase {
            Phase::Charging(running) => running.profile.as_deref().map(|profile| (running.key, profile)),
            _ => None,
        }
    }

    /// What the connector offers now.
    pub(crate) fn offered_w(&self) -> i64 {
        match &self.phase {
            Phase::Charging(transaction) => {
                transaction.cap_w.map_or(self.config.max_power_w, |cap_w| cap_w.min(self.config.max_power_w))
            }
            _ => 0,
        }
    }

    /// Only direct current comes with a car that tells.
    pub(crate) fn reported_soc_percent(&self) -> Option<u8> {
        (self.config.current == Current::Dc).then(|| self.car.as_ref().map(Battery::soc_percent)).flatten()
    }

    /// What 2.0.1 calls the charging state.
    pub(crate) fn charging_state(&self) -> &'static str {
        if self.car.is_none() {
            return "Idle";
        }
        match self.status() {
            _ if !self.is_in_transaction() => "EVConnected",
            Status::Charging => "Charging",
            Status::SuspendedEv => "SuspendedEV",
            _ => "SuspendedEVSE",
        }
    }

    /// `name` gives the number of the central system and the name of the charge point, each where there is one.
    pub(crate) fn state(&self, name: impl Fn(u64) -> TransactionName) -> ConnectorState {
        ConnectorState {
            id: self.id,
            status: self.status(),
            is_plugged: self.car.is_some(),
            register_wh: self.meter.register_wh(),
            power_w: self.power_w,
            soc_percent: self.car.as_ref().map(Battery::soc_percent),
            transaction: match &self.phase {
                Phase::Charging(transaction) => {
                    let name = name(transaction.key);
                    Some(TransactionState {
                        transaction_id: name.number,
                        station_transaction_id: name.own,
                        is_known: name.is_known,
                        id_tag: transaction.id_tag.clone(),
                        started_at: transaction.started_at,
                        meter_start_wh: transaction.meter_start_wh,
                        energy_wh: (self.meter.register_mwh() - transaction.meter_start_mwh) / 1000,
                        cost: transaction.cost.clone(),
                    })
                }
                _ => None,
            },
            finished: self.finished.as_ref().map(|finished| {
                let name = name(finished.key);
                FinishedTransaction {
                    transaction_id: finished.transaction_id.or(name.number),
                    station_transaction_id: name.own,
                    id_tag: finished.id_tag.clone(),
                    reason: finished.reason.clone(),
                    meter_start_wh: finished.meter_start_wh,
                    meter_stop_wh: finished.meter_stop_wh,
                    is_delivered: finished.is_delivered,
                }
            }),
        }
    }
}

/// What a transaction is called.
#[derive(Debug, Clone)]
pub(crate) struct TransactionName {
    /// 1.6: by the central system.
    pub(crate) number: Option<i64>,
    /// 2.0.1: by the charge point.
    pub(crate) own: Option<String>,
    /// Whether the central system has answered its start.
    pub(crate) is_known: bool,
}
