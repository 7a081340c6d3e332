//! One connector: cable, meter, and what is going on at it.

use std::collections::BTreeMap;

use ocpp::v16::set_charging_profile::{ChargingProfile, ProfileKind, RateUnit};
use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;

use super::{Time, after_ms};
use crate::physics::{Battery, Meter};
use crate::rng::Rng;
use crate::state::{ConnectorState, FinishedTransaction, TransactionState};
use crate::{Car, ConnectorConfig, Current};

/// A century of simulated time: no span is longer, so that milliseconds times watts fit.
const MAX_SPAN_MS: i64 = 3_200_000_000_000;
/// What an ampere is worth: the phases of a three-phase connection, and a middling car battery.
const AC_VOLT: i64 = 230;
const DC_VOLT: i64 = 400;

#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) id: u32,
    pub(super) config: ConnectorConfig,
    pub(super) meter: Meter,
    pub(super) car: Option<Battery>,
    pub(super) phase: Phase,
    pub(super) broken: Option<ErrorCode>,
    pub(super) is_operative: bool,
    /// The availability to take on when the transaction ends.
    pub(super) scheduled: Option<bool>,
    pub(super) power_w: i64,
    /// The status that was last made a fact.
    pub(super) seen: Status,
    /// What the central system was last told.
    pub(super) reported: Option<(Status, ErrorCode)>,
    /// When the robot acts.
    pub(super) robot_at: Option<Time>,
    pub(super) finished: Option<Finished>,
}

#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// Nothing, or just a cable.
    Idle,
    /// The central system is asked about a tag.
    Authorising {
        id_tag: String,
        profile: Option<Box<ChargingProfile>>,
    },
    /// Waiting for the cable.
    Authorised {
        id_tag: String,
        profile: Option<Box<ChargingProfile>>,
        until: Option<Time>,
    },
    Charging(Box<Transaction>),
    /// The transaction is over, the cable still in.
    Finished,
}

#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// Our own number of it.
    pub(super) key: u64,
    pub(super) id_tag: String,
    pub(super) started_at: Time,
    pub(super) meter_start_mwh: i64,
    pub(super) meter_start_wh: i64,
    pub(super) next_sample: Time,
    /// Simulated time with power, for the ramp.
    pub(super) flowing_ms: i64,
    /// What the profile allows now.
    pub(super) cap_w: Option<i64>,
    pub(super) profile: Option<Box<ChargingProfile>>,
}

/// A transaction that is over.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) key: u64,
    pub(super) transaction_id: Option<i64>,
    pub(super) id_tag: String,
    pub(super) reason: Reason,
    pub(super) meter_start_wh: i64,
    pub(super) meter_stop_wh: i64,
    pub(super) is_delivered: bool,
}

impl Connector {
    pub(super) fn new(id: u32, config: ConnectorConfig) -> Self {
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

    pub(super) fn status(&self) -> Status {
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

    pub(super) fn error(&self) -> ErrorCode {
        self.broken.clone().unwrap_or(ErrorCode::NoError)
    }

    /// Whether a transaction may begin here.
    pub(super) const fn can_start(&self) -> bool {
        self.broken.is_none() && self.is_operative && !matches!(self.phase, Phase::Charging(_))
    }

    pub(super) const fn is_in_transaction(&self) -> bool {
        matches!(self.phase, Phase::Charging(_))
    }

    pub(super) fn plug(&mut self, car: Car) {
        self.car = Some(Battery::new(car));
    }

    pub(super) fn unplug(&mut self) {
        self.car = None;
        self.power_w = 0;
        if matches!(self.phase, Phase::Finished) {
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn forget_authorisation(&mut self) {
        if matches!(self.phase, Phase::Authorising { .. } | Phase::Authorised { .. }) {
            self.phase = Phase::Idle;
        }
    }

    /// The tag that waits for an answer to Authorize; it no longer does.
    pub(super) fn take_authorising(&mut self) -> Option<String> {
        let Phase::Authorising { id_tag, .. } = &self.phase else { return None };
        let id_tag = id_tag.clone();
        self.phase = Phase::Idle;
        Some(id_tag)
    }

    pub(super) fn take_authorised(&mut self) -> Option<(String, Option<Box<ChargingProfile>>)> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Authorised { id_tag, profile, .. } => Some((id_tag, profile)),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Ends the transaction and remembers it.
    pub(super) fn take_transaction(&mut self, reason: Reason) -> Option<Box<Transaction>> {
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
    pub(super) fn advance(&mut self, since: Time, wall_ms: i64, speed: u32, rng: &mut Rng) {
        let (Phase::Charging(transaction), Some(battery)) = (&mut self.phase, &mut self.car) else { return };
        let speed = i64::from(speed.max(1));
        let span_ms = wall_ms.saturating_mul(speed).min(MAX_SPAN_MS);
        let (config, started_at, profile) = (&self.config, transaction.started_at, transaction.profile.as_deref());
        let cap_w = |passed_ms: i64| {
            profile.and_then(|profile| cap_w(profile, started_at, after_ms(since, passed_ms / speed), config.current))
        };
        let limit_w = |passed_ms: i64| cap_w(passed_ms).map_or(config.max_power_w, |cap_w| cap_w.min(config.max_power_w));
        self.power_w = self.meter.advance(battery, &mut transaction.flowing_ms, span_ms, limit_w, rng);
        transaction.cap_w = cap_w(span_ms);
    }

    /// Looks at the profile again, without letting time pass.
    pub(super) fn apply_profile(&mut self, now: Time) {
        if let Phase::Charging(transaction) = &mut self.phase {
            transaction.cap_w = transaction
                .profile
                .as_deref()
                .and_then(|profile| cap_w(profile, transaction.started_at, now, self.config.current));
        }
    }

    /// What the connector offers now.
    pub(super) fn offered_w(&self) -> i64 {
        match &self.phase {
            Phase::Charging(transaction) => {
                transaction.cap_w.map_or(self.config.max_power_w, |cap_w| cap_w.min(self.config.max_power_w))
            }
            _ => 0,
        }
    }

    /// Only direct current comes with a car that tells.
    pub(super) fn reported_soc_percent(&self) -> Option<u8> {
        (self.config.current == Current::Dc).then(|| self.car.as_ref().map(Battery::soc_percent)).flatten()
    }

    pub(super) fn state(&self, numbers: &BTreeMap<u64, Option<i64>>) -> ConnectorState {
        let number = |key: u64| numbers.get(&key).copied().flatten();
        ConnectorState {
            id: self.id,
            status: self.status(),
            is_plugged: self.car.is_some(),
            register_wh: self.meter.register_wh(),
            power_w: self.power_w,
            soc_percent: self.car.as_ref().map(Battery::soc_percent),
            transaction: match &self.phase {
                Phase::Charging(transaction) => Some(TransactionState {
                    transaction_id: number(transaction.key),
                    id_tag: transaction.id_tag.clone(),
                    started_at: transaction.started_at,
                    meter_start_wh: transaction.meter_start_wh,
                    energy_wh: (self.meter.register_mwh() - transaction.meter_start_mwh) / 1000,
                }),
                _ => None,
            },
            finished: self.finished.as_ref().map(|finished| FinishedTransaction {
                transaction_id: finished.transaction_id.or_else(|| number(finished.key)),
                id_tag: finished.id_tag.clone(),
                reason: finished.reason.clone(),
                meter_start_wh: finished.meter_start_wh,
                meter_stop_wh: finished.meter_stop_wh,
                is_delivered: finished.is_delivered,
            }),
        }
    }
}

/// What a profile allows at a time; `None` where it says nothing (§ 3.13).
fn cap_w(profile: &ChargingProfile, started_at: Time, at: Time, current: Current) -> Option<i64> {
    let instant = |time: &Option<ocpp::Timestamp>| time.as_ref().and_then(ocpp::Timestamp::instant);
    if instant(&profile.valid_from).is_some_and(|from| at < from) || instant(&profile.valid_to).is_some_and(|to| at >= to) {
        return None;
    }
    let schedule = &profile.schedule;
    let start = match profile.kind {
        ProfileKind::Absolute => instant(&schedule.start_schedule).unwrap_or(started_at),
        _ => started_at,
    };
    let elapsed_s = (at - start).num_seconds();
    if elapsed_s < 0 || schedule.duration_s.is_some_and(|duration_s| elapsed_s >= i64::from(duration_s)) {
        return None;
    }
    let period = schedule
        .periods
        .iter()
        .filter(|period| i64::from(period.start_period_s) <= elapsed_s)
        .max_by_key(|period| period.start_period_s)?;
    let limit = period.limit.0;
    Some(match schedule.charging_rate_unit {
        RateUnit::A => {
            let volts = match current {
                Current::Ac => AC_VOLT * i64::from(period.number_phases.unwrap_or(3).min(3)),
                Current::Dc => DC_VOLT,
            };
            limit.milli().saturating_mul(volts) / 1000
        }
        _ => limit.trunc(),
    })
}
