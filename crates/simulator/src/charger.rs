//! A charge point as a state machine: what happens to it and the time go in, frames and facts come out.
//!
//! It does no IO, keeps no clock and rolls no dice of its own (the seed is handed in), so that a story can be told in a test
//! line by line and a failing run can be played again. What it says and hears is written and read in [`crate::v16`] and
//! [`crate::v201`]; what it does is the same in both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use ocpp::v16::IdTag;
use ocpp::v16::boot_notification::RegistrationStatus;
use ocpp::v16::meter_values::Context;
use ocpp::v16::status_notification::{ErrorCode, Status};
use ocpp::v16::stop_transaction::Reason;
use ocpp::{EncodeError, Frame, Version};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Body, Event, Sample, Start, Stop};
use crate::connector::{Connector, Grant, Phase, Transaction, TransactionName};
use crate::outbox::{InFlight, Outbox, Outgoing};
use crate::profile::Profile;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::state::{ChargePointState, Power};
use crate::{Car, Config, Fault, Faults, RemoteStartFault, RemoteStopFault, v16, v201};

pub(crate) type Time = DateTime<Utc>;

/// While energy flows, the physics is looked at this often; more often when time runs faster.
const PHYSICS_STEP_MS: i64 = 1_000;
const PHYSICS_STEP_MIN_MS: i64 = 100;
/// A soft reset waits so long for its StopTransactions to be answered.
pub(crate) const SOFT_RESET_PATIENCE_MS: i64 = 10_000;
/// Before BootNotification is tried again when its answer names no time, or does not come.
pub(crate) const BOOT_RETRY_MS: i64 = 10_000;
/// A pipelining charge point has no more CALLs than these without an answer.
const MAX_PIPELINED: usize = 8;
/// Told again by [`Fault::ReplayHistory`]: some days of a busy charge point.
const MAX_HISTORY: usize = 500;
/// Tags remembered as accepted; the oldest names are of no more use than others, so which one goes does not matter.
pub(crate) const MAX_CACHED_TAGS: usize = 1_000;

/// What happens to the charge point.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The socket is open.
    LinkUp,
    /// The socket is gone.
    LinkDown,
    /// A text frame has come.
    Frame(&'a str),
    /// Time has passed.
    Tick,
    /// Somebody does something.
    Act(Act),
}

/// What a person, or fate, does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Plug {
        connector: u32,
        car: Car,
    },
    Unplug {
        connector: u32,
    },
    PresentTag {
        connector: u32,
        id_tag: String,
    },
    PressStop {
        connector: u32,
    },
    /// The red button: all transactions end.
    EmergencyStop,
    /// Something breaks.
    Break {
        connector: u32,
        error: ErrorCode,
    },
    Repair {
        connector: u32,
    },
    /// Somebody restarts it; a soft restart ends transactions in peace.
    RestartSoft,
    RestartHard,
    PowerLoss,
    PowerBack,
    GoOffline,
    GoOnline,
    /// The network forgets the connection: the old socket stays open and silent, a new one is opened.
    LeaveHalfOpen,
    SetFault(Fault),
    ClearFault(Fault),
    ClearFaults,
    /// The meter is replaced: its register starts again at 0.
    ResetRegister {
        connector: u32,
    },
}

/// How a link is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// With a close frame.
    Clean,
    /// Gone, as if the cable had been cut.
    Abrupt,
    /// Left open, and never read nor written again.
    HalfOpen,
}

/// What the charge point does.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Send(String),
    CloseLink(Close),
    Fact(Fact),
}

/// Something worth a line in a log, or an assertion in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Registered(RegistrationStatus),
    StatusChanged {
        connector: u32,
        status: Status,
    },
    TagRefused {
        connector: u32,
        id_tag: String,
    },
    /// Nobody plugged in before ConnectionTimeOut.
    ConnectionTimedOut {
        connector: u32,
    },
    TransactionStarted {
        connector: u32,
        id_tag: String,
        meter_start_wh: i64,
    },
    TransactionStopped {
        connector: u32,
        reason: Reason,
        meter_start_wh: i64,
        meter_stop_wh: i64,
    },
    /// The central system has answered StartTransaction.
    TransactionNumbered {
        connector: u32,
        transaction_id: i64,
    },
    /// The central system has answered StopTransaction.
    TransactionDelivered {
        transaction_id: Option<i64>,
    },
    /// The central system answered a CALL with a CALLERROR, or with something that cannot be read.
    CallRefused {
        action: &'static str,
        why: String,
    },
    CallTimedOut {
        action: &'static str,
    },
    /// A transaction message was refused too often and is given up.
    MessageLost {
        action: &'static str,
    },
    Restarting,
    Started,
    /// The central system sent something that is no frame or no message.
    BrokenFrame {
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PowerState {
    On,
    Restarting { until: Time },
    Off,
}

/// A restart that was asked for and has not happened yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingReset {
    pub(crate) close: Close,
    /// Then it restarts whether or not all is delivered; `None` waits for the transactions to end.
    pub(crate) deadline: Option<Time>,
}

/// The charge point.
#[derive(Debug, Clone)]
pub struct Charger {
    pub(crate) config: Config,
    pub(crate) faults: Faults,
    pub(crate) settings: Settings,
    pub(crate) rng: Rng,
    pub(crate) power: PowerState,
    pub(crate) pending_reset: Option<PendingReset>,
    /// Whether it wants a link at all (somebody may have pulled the network cable).
    pub(crate) network: bool,
    pub(crate) link: bool,
    pub(crate) registration: Option<RegistrationStatus>,
    /// Booted, and BootNotification not yet accepted: then no fault spares it.
    pub(crate) is_fresh: bool,
    pub(crate) boot_due: Time,
    /// 2.0.1: why it started.
    pub(crate) boot_reason: &'static str,
    pub(crate) last_sent: Time,
    pub(crate) outbox: Outbox,
    pub(crate) connectors: Vec<Connector>,
    pub(crate) station_operative: bool,
    pub(crate) station_reported: Option<Status>,
    pub(crate) next_key: u64,
    /// The central system's numbers of transactions that are not yet fully told, by our own. 2.0.1 has none: there a 0 says that
    /// the start was answered.
    pub(crate) numbers: BTreeMap<u64, Option<i64>>,
    pub(crate) accepted_tags: BTreeSet<String>,
    pub(crate) advanced_at: Option<Time>,
    /// When its clock began to run.
    pub(crate) started_at: Option<Time>,
    /// When a boot loop comes round.
    pub(crate) loop_at: Option<Time>,
    /// What was told about transactions: action and payload.
    pub(crate) history: VecDeque<(&'static str, Box<RawValue>)>,
    pub(crate) samples: u64,
    /// 2.0.1: how the names of its transactions begin; no other start of this program has the same.
    pub(crate) name_prefix: String,
    /// 2.0.1: variables that are kept and do nothing here.
    pub(crate) variables: BTreeMap<&'static str, String>,
    /// 2.0.1: tokens that it knows without asking, and what is on its display.
    pub(crate) local_list: v201::LocalList,
    pub(crate) messages: BTreeMap<i64, Value>,
    /// For Basic auth, if the central system has set one.
    pub(crate) password: Option<String>,
    pub(crate) answered: u64,
    pub(crate) boots: u64,
    pub(crate) out: Vec<Output>,
}

pub(crate) fn after_ms(now: Time, span_ms: impl Into<i64>) -> Time {
    now.checked_add_signed(TimeDelta::milliseconds(span_ms.into())).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Charger {
    /// A charge point that has just been switched on and has no link yet.
    pub fn new(config: Config, seed: u64) -> Self {
        let connectors = (1..)
            .zip(config.connectors.iter().take(crate::MAX_CONNECTORS))
            .map(|(id, connector)| Connector::new(id, connector.clone()))
            .collect();
        Self {
            faults: config.faults.clone(),
            settings: Settings::new(&config),
            rng: Rng::new(seed),
            power: PowerState::On,
            pending_reset: None,
            network: true,
            link: false,
            registration: None,
            is_fresh: true,
            boot_due: DateTime::<Utc>::MIN_UTC,
            boot_reason: "PowerUp",
            last_sent: DateTime::<Utc>::MIN_UTC,
            outbox: Outbox::default(),
            connectors,
            station_operative: true,
            station_reported: None,
            next_key: 0,
            numbers: BTreeMap::new(),
            accepted_tags: BTreeSet::new(),
            advanced_at: None,
            started_at: None,
            loop_at: None,
            history: VecDeque::new(),
            samples: 0,
            name_prefix: String::new(),
            variables: BTreeMap::new(),
            local_list: v201::LocalList::default(),
            messages: BTreeMap::new(),
            password: None,
            answered: 0,
            boots: 1,
            out: Vec::new(),
            config,
        }
    }

    /// Takes what happened at `now`, and says what the charge point does.
    pub fn handle(&mut self, input: Input<'_>, now: Time) -> Vec<Output> {
        if self.started_at.is_none() {
            self.started_at = Some(now);
            self.name_prefix = format!("{:08x}{:011x}", self.rng.next() >> 32, now.timestamp_millis());
        }
        self.advance(now);
        match input {
            Input::LinkUp => self.link_up(now),
            Input::LinkDown => self.link_down(now),
            Input::Frame(text) => {
                if self.link && self.power == PowerState::On {
                    self.receive(text, now);
                }
            }
            Input::Tick => {}
            Input::Act(act) => self.act(act, now),
        }
        self.settle(now);
        self.pump(now);
        std::mem::take(&mut self.out)
    }

    /// Whether the shell should have a socket open, or be trying to.
    pub fn wants_link(&self) -> bool {
        self.network && self.power == PowerState::On
    }

    /// When it must be called again at the latest, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Time> {
        let mut next: Option<Time> = None;
        let mut at = |time: Time| next = Some(next.map_or(time, |earlier| earlier.min(time)));
        match self.power {
            PowerState::Off => return None,
            PowerState::Restarting { until } => return Some(until),
            PowerState::On => {}
        }
        if let Some(deadline) = self.pending_reset.and_then(|reset| reset.deadline) {
            at(deadline);
        }
        if let Some(loop_at) = self.loop_at {
            at(loop_at);
        }
        if let Some(deadline) = self.outbox.next_deadline() {
            at(deadline);
        } else if self.link {
            if self.is_registered() {
                at(self.heartbeat_due());
                if let Some(retry_at) = self.outbox.retry_at() {
                    at(retry_at);
                }
            } else {
                at(self.boot_due);
            }
        }
        for connector in &self.connectors {
            if let Phase::Authorised { until: Some(until), .. } = &connector.phase {
                at(*until);
            }
            if let Phase::Charging(transaction) = &connector.phase {
                if self.settings.meter_interval_ms > 0 {
                    at(transaction.next_sample);
                }
                let step_ms = (PHYSICS_STEP_MS / i64::from(self.config.speed.max(1))).max(PHYSICS_STEP_MIN_MS);
                at(after_ms(self.advanced_at.unwrap_or(transaction.started_at), step_ms));
            }
            if let Some(robot_at) = connector.robot_at {
                at(robot_at);
            }
        }
        next
    }

    /// What can be seen of it.
    pub fn state(&self) -> ChargePointState {
        ChargePointState {
            power: match self.power {
                PowerState::On => Power::On,
                PowerState::Restarting { .. } => Power::Restarting,
                PowerState::Off => Power::Off,
            },
            is_linked: self.link,
            registration: self.registration.clone(),
            undelivered: self.outbox.undelivered(),
            answered: self.answered,
            boots: self.boots,
            faults: self.faults.iter().map(Fault::name).collect(),
            connectors: self.connectors.iter().map(|connector| connector.state(|key| self.name(key))).collect(),
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The password that the central system has set; `None` leaves the one that it was given.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// What it gets wrong now.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.out.push(Output::Fact(fact));
    }

    pub(crate) fn is_v16(&self) -> bool {
        self.config.version == Version::V16
    }

    pub(crate) fn name(&self, key: u64) -> TransactionName {
        let number = self.numbers.get(&key).copied().flatten();
        let is_v16 = self.is_v16();
        TransactionName {
            number: number.filter(|_| is_v16),
            own: (!is_v16).then(|| self.own_name(key)),
            is_known: number.is_some(),
        }
    }

    /// 2.0.1: what it calls a transaction.
    pub(crate) fn own_name(&self, key: u64) -> String {
        format!("{}-{key:x}", self.name_prefix)
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.link && self.registration == Some(RegistrationStatus::Accepted)
    }

    pub(crate) fn connector(&mut self, id: u32) -> Option<&mut Connector> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        self.connectors.get_mut(index)
    }

    pub(crate) fn connector_ids(&self) -> Vec<u32> {
        self.connectors.iter().map(|connector| connector.id).collect()
    }

    // --- time ---------------------------------------------------------------------------------------------------------

    /// Lets the energy flow until `now`.
    pub(crate) fn advance(&mut self, now: Time) {
        let since = self.advanced_at.replace(now).unwrap_or(now);
        // A clock that was set back has let no time pass.
        let wall_ms = (now - since).num_milliseconds().max(0);
        if self.power != PowerState::On || wall_ms == 0 {
            return;
        }
        for connector in &mut self.connectors {
            connector.advance(since, wall_ms, self.config.speed, &mut self.rng);
        }
    }

    /// Does what is due.
    pub(crate) fn settle(&mut self, now: Time) {
        if let PowerState::Restarting { until } = self.power
            && until <= now
        {
            self.power = PowerState::On;
            self.is_fresh = true;
            self.started_at = Some(now);
            self.boots += 1;
            self.boot_due = now;
            self.fact(Fact::Started);
        }
        if self.power != PowerState::On {
            return;
        }
        while let Some(in_flight) = self.outbox.take_expired(now) {
            self.fact(Fact::CallTimedOut { action: self.action(&in_flight.message.body) });
            self.unanswered(in_flight, now);
        }
        for id in self.connector_ids() {
            self.settle_connector(id, now);
        }
        if self.is_registered() && self.heartbeat_due() <= now && !self.outbox.has_heartbeat() {
            self.outbox.push(Body::Heartbeat);
        }
        if let Some(reset) = &mut self.pending_reset
            && reset.deadline.is_none()
            && !self.connectors.iter().any(Connector::is_in_transaction)
        {
            reset.deadline = Some(after_ms(now, SOFT_RESET_PATIENCE_MS));
        }
        if self.loop_at.take_if(|loop_at| *loop_at <= now).is_some() && self.boot_loop_ms().is_some() {
            self.stop_all(&Reason::Reboot, now);
            self.boot_reason = "Watchdog";
            self.restart(Close::Abrupt, now);
            return;
        }
        if let Some(reset) = self.pending_reset
            && let Some(deadline) = reset.deadline
            && (deadline <= now || !self.is_registered() || self.outbox.undelivered() == 0)
        {
            self.restart(reset.close, now);
            return;
        }
        self.report_statuses(now);
    }

    pub(crate) fn settle_connector(&mut self, id: u32, now: Time) {
        let robot = self.config.robot.clone();
        let Some(connector) = self.connector(id) else { return };
        if matches!(&connector.phase, Phase::Authorised { until: Some(until), .. } if *until <= now) {
            connector.phase = Phase::Idle;
            self.fact(Fact::ConnectionTimedOut { connector: id });
        }
        let interval_ms = self.settings.meter_interval_ms;
        let Some(connector) = self.connector(id) else { return };
        if let Phase::Charging(transaction) = &mut connector.phase
            && interval_ms > 0
            && transaction.next_sample <= now
        {
            // A tick that comes late makes one sample, not all that were missed.
            while transaction.next_sample <= now {
                transaction.next_sample = after_ms(transaction.next_sample, interval_ms.max(1));
                if (now - transaction.next_sample).num_milliseconds() > interval_ms.saturating_mul(10) {
                    transaction.next_sample = now;
                }
            }
            self.sample(id, Context::SamplePeriodic, now);
        }
        self.report_charging_state(id, now);
        let Some(robot) = robot else { return };
        let Some(connector) = self.connector(id) else { return };
        let act = match (&connector.phase, connector.car.is_some()) {
            (Phase::Authorised { .. }, false) => Some((robot.plug_after_ms, Act::Plug { connector: id, car: robot.car })),
            (Phase::Finished, true) => Some((robot.unplug_after_ms, Act::Unplug { connector: id })),
            _ => None,
        };
        match act {
            None => connector.robot_at = None,
            Some((after, act)) => {
                let due = *connector.robot_at.get_or_insert_with(|| after_ms(now, after));
                if due <= now {
                    connector.robot_at = None;
                    self.act(act, now);
                }
            }
        }
    }

    /// 2.0.1 tells when the energy begins and ceases to flow.
    pub(crate) fn report_charging_state(&mut self, id: u32, now: Time) {
        if self.is_v16() {
            return;
        }
        let Some(connector) = self.connector(id) else { return };
        let state = connector.charging_state();
        let Phase::Charging(transaction) = &connector.phase else { return };
        let (key, is_news) = (transaction.key, transaction.told_state != state);
        if is_news && let Some(event) = self.event(id, "ChargingStateChanged") {
            self.outbox.push(Body::Changed { key, at: now, event });
        }
    }

    pub(crate) fn heartbeat_due(&self) -> Time {
        after_ms(self.last_sent, self.settings.heartbeat_interval_ms)
    }

    /// Tells the central system every status that it does not know yet.
    pub(crate) fn report_statuses(&mut self, now: Time) {
        for index in 0..self.connectors.len() {
            let connector = &mut self.connectors[index];
            let status = connector.status();
            if connector.seen != status {
                connector.seen = status.clone();
                let fact = Fact::StatusChanged { connector: connector.id, status };
                self.fact(fact);
            }
        }
        if !self.is_registered() {
            return;
        }
        let version = self.config.version;
        let station = self.station_status();
        if version == Version::V16 && self.station_reported.as_ref() != Some(&station) {
            self.station_reported = Some(station.clone());
            self.outbox.push(Body::Status { connector: 0, status: station, error: ErrorCode::NoError, at: now });
        }
        for connector in &mut self.connectors {
            let current = connector.told_status(version);
            if connector.reported.as_ref() != Some(&current) {
                connector.reported = Some(current.clone());
                let (status, error) = current;
                self.outbox.push(Body::Status { connector: connector.id, status, error, at: now });
            }
        }
    }

    // --- link ---------------------------------------------------------------------------------------------------------

    pub(crate) fn link_up(&mut self, now: Time) {
        if !self.wants_link() {
            self.out.push(Output::CloseLink(Close::Abrupt));
            return;
        }
        self.link = true;
        self.last_sent = now;
        let is_still_registered = !self.is_v16() && self.registration == Some(RegistrationStatus::Accepted);
        if is_still_registered && !self.is_fresh {
            // 2.0.1 boots once, and says after a pause how everything is.
            self.connectors.iter_mut().for_each(|connector| connector.reported = None);
        } else if self.is_fresh || !self.faults.has(&Fault::NoBootOnReconnect) {
            self.registration = None;
            self.boot_due = now;
            if self.faults.has(&Fault::StatusBeforeBoot) {
                for connector in &self.connectors {
                    let (status, error) = connector.told_status(self.config.version);
                    let body = Body::Status { connector: connector.id, status, error, at: now };
                    self.outbox.push_at_once(body);
                }
            }
        }
    }

    pub(crate) fn link_down(&mut self, now: Time) {
        if !std::mem::take(&mut self.link) {
            return;
        }
        while let Some(in_flight) = self.outbox.take_last() {
            self.unanswered(in_flight, now);
        }
        self.outbox.keep_transactional();
        // Nobody will answer the Authorize that was asked.
        for id in self.connector_ids() {
            if let Some(id_tag) = self.connector(id).and_then(Connector::take_authorising) {
                self.authorise_offline(id, id_tag, now);
            }
        }
    }

    pub(crate) fn boot_loop_ms(&self) -> Option<u32> {
        self.faults.find(|fault| match fault {
            Fault::BootLoop(after_ms) => Some(*after_ms),
            _ => None,
        })
    }

    pub(crate) fn drop_link(&mut self, close: Close, now: Time) {
        let close = if self.faults.has(&Fault::HalfOpen) { Close::HalfOpen } else { close };
        if self.link {
            self.out.push(Output::CloseLink(close));
        }
        self.link_down(now);
    }

    /// A CALL will not be answered any more.
    pub(crate) fn unanswered(&mut self, in_flight: InFlight, now: Time) {
        match &in_flight.message.body {
            Body::Boot => self.boot_due = after_ms(now, BOOT_RETRY_MS),
            Body::Authorize { connector, .. } => {
                let connector = *connector;
                if let Some(id_tag) = self.connector(connector).and_then(Connector::take_authorising) {
                    self.authorise_offline(connector, id_tag, now);
                }
            }
            body if body.is_transactional() => {
                let keep_id = !self.faults.has(&Fault::NewIdOnRetry);
                self.outbox.again(in_flight, keep_id, None);
            }
            _ => {}
        }
    }

    /// Sends the CALLs that it is time for.
    pub(crate) fn pump(&mut self, now: Time) {
        while self.send_next(now) {}
    }

    /// Sends the next CALL, if it is time for one.
    pub(crate) fn send_next(&mut self, now: Time) -> bool {
        let is_pipelining = self.faults.has(&Fault::PipelinedCalls) && self.is_registered();
        let limit = if is_pipelining { MAX_PIPELINED } else { 1 };
        if !self.link || self.power != PowerState::On || self.outbox.in_flight_count() >= limit {
            return false;
        }
        let message = if self.is_registered() {
            self.outbox.next(now)
        } else if let Some(message) = self.outbox.next_at_once(self.registration.as_ref()) {
            Some(message)
        } else if self.boot_due <= now && !self.outbox.is_booting() {
            Some(Outgoing::new(Body::Boot))
        } else {
            None
        };
        let Some(mut message) = message else { return false };
        let is_new = message.id.is_none() && message.refusals == 0;
        let id = message.id.take().unwrap_or_else(|| self.rng.message_id());
        let action = self.action(&message.body);
        match self.render(&id, &message.body) {
            Ok(text) => {
                self.last_sent = now;
                if is_new && message.body.is_transactional() {
                    self.keep_history(action, &text);
                }
                self.out.push(Output::Send(text));
                let deadline = after_ms(now, self.config.call_timeout_ms);
                self.outbox.sent(InFlight { id, message, deadline });
                if self.faults.take(&Fault::DropAfterSending(action)) {
                    self.drop_link(Close::Abrupt, now);
                }
            }
            // Cannot happen with what a charge point makes itself; if it does, it must not block the others.
            Err(why) => {
                self.fact(Fact::CallRefused { action, why: why.to_string() });
                if matches!(message.body, Body::Boot) {
                    self.boot_due = after_ms(now, BOOT_RETRY_MS);
                }
            }
        }
        true
    }

    pub(crate) fn action(&self, body: &Body) -> &'static str {
        match self.config.version {
            Version::V16 => v16::messages::action(body),
            Version::V201 => v201::messages::action(body),
        }
    }

    fn render(&self, id: &str, body: &Body) -> Result<String, EncodeError> {
        match self.config.version {
            Version::V16 => self.render_v16(id, body),
            Version::V201 => self.render_v201(id, body),
        }
    }

    pub(crate) fn keep_history(&mut self, action: &'static str, text: &str) {
        let Ok(Frame::Call { payload, .. }) = Frame::parse(text) else { return };
        if self.history.len() >= MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((action, payload.to_owned()));
    }

    // --- people -------------------------------------------------------------------------------------------------------

    pub(crate) fn act(&mut self, act: Act, now: Time) {
        match act {
            Act::Plug { connector, car } => self.plug(connector, car, now),
            Act::Unplug { connector } => self.unplug(connector, now),
            Act::SetFault(fault) => self.faults.set(fault),
            Act::ClearFault(fault) => self.faults.clear(&fault),
            Act::ClearFaults => self.faults.clear_all(),
            Act::GoOffline => {
                self.network = false;
                self.drop_link(Close::Abrupt, now);
            }
            Act::GoOnline => self.network = true,
            Act::LeaveHalfOpen => self.drop_link(Close::HalfOpen, now),
            Act::PowerBack => {
                if self.power == PowerState::Off {
                    self.boot_reason = "PowerUp";
                    self.power = PowerState::Restarting { until: after_ms(now, self.config.boot_duration_ms) };
                }
            }
            Act::PowerLoss => {
                self.stop_all(&Reason::PowerLoss, now);
                self.shut_down(Close::Abrupt, now);
                self.power = PowerState::Off;
            }
            _ if self.power != PowerState::On => {}
            Act::PresentTag { connector, id_tag } => self.present_tag(connector, id_tag, now),
            Act::PressStop { connector } => match self.connector(connector) {
                Some(Connector { phase: Phase::Charging(_), .. }) => self.stop(connector, Reason::Local, None, now),
                Some(waiting) => waiting.forget_authorisation(),
                None => {}
            },
            Act::EmergencyStop => self.stop_all(&Reason::EmergencyStop, now),
            Act::Break { connector, error } => {
                self.stop(connector, Reason::OtherReason, None, now);
                if let Some(connector) = self.connector(connector) {
                    connector.forget_authorisation();
                    connector.broken = Some(error);
                }
            }
            Act::Repair { connector } => {
                if let Some(connector) = self.connector(connector) {
                    connector.broken = None;
                }
            }
            Act::RestartSoft => {
                self.boot_reason = "LocalReset";
                self.reset_soon(Reason::Reboot, Close::Clean, now);
            }
            Act::RestartHard => {
                self.stop_all(&Reason::Reboot, now);
                self.boot_reason = "LocalReset";
                self.restart(Close::Abrupt, now);
            }
            Act::ResetRegister { connector } => {
                if let Some(connector) = self.connector(connector) {
                    connector.meter.reset();
                }
            }
        }
    }

    pub(crate) fn plug(&mut self, id: u32, car: Car, now: Time) {
        let Some(connector) = self.connector(id) else { return };
        if connector.car.is_some() {
            return;
        }
        connector.plug(car);
        if let Some(grant) = connector.take_authorised() {
            self.start(id, grant, "CablePluggedIn", now);
        }
    }

    pub(crate) fn unplug(&mut self, id: u32, now: Time) {
        self.stop(id, Reason::EvDisconnected, None, now);
        if self.power == PowerState::On {
            // Finishing is seen, if only for a moment.
            self.report_statuses(now);
        }
        if let Some(connector) = self.connector(id) {
            connector.unplug();
        }
    }

    pub(crate) fn present_tag(&mut self, id: u32, id_tag: String, now: Time) {
        let is_writable = IdTag::parse(id_tag.as_str()).is_some() && !id_tag.is_empty();
        let Some(connector) = self.connector(id) else { return };
        let same = |other: &str| other.to_lowercase() == id_tag.to_lowercase();
        match &connector.phase {
            Phase::Charging(transaction) if same(&transaction.id_tag) => {
                return self.stop(id, Reason::Local, Some(id_tag), now);
            }
            Phase::Authorised { grant, .. } if same(&grant.id_tag) => return connector.forget_authorisation(),
            Phase::Idle | Phase::Finished if is_writable && connector.can_start() => {}
            _ => return self.fact(Fact::TagRefused { connector: id, id_tag }),
        }
        if !self.outbox.has_room() {
            return self.fact(Fact::TagRefused { connector: id, id_tag });
        }
        if self.is_registered() {
            self.authorise(id, Grant::of_tag(id_tag));
        } else {
            self.authorise_offline(id, id_tag, now);
        }
    }

    // --- transactions -------------------------------------------------------------------------------------------------

    /// Asks the central system about a tag.
    pub(crate) fn authorise(&mut self, id: u32, grant: Grant) {
        let Some(connector) = self.connector(id) else { return };
        let id_tag = grant.id_tag.clone();
        connector.phase = Phase::Authorising(grant);
        self.outbox.push(Body::Authorize { connector: id, id_tag });
    }

    pub(crate) fn authorise_offline(&mut self, id: u32, id_tag: String, now: Time) {
        let is_known = || self.accepted_tags.contains(&id_tag.to_lowercase());
        let is_listed = self.local_list.allows(&id_tag);
        if is_listed.unwrap_or_else(|| is_known() || self.settings.allow_offline_unknown) {
            self.authorised(id, Grant::of_tag(id_tag), now);
        } else {
            if let Some(connector) = self.connector(id) {
                connector.forget_authorisation();
            }
            self.fact(Fact::TagRefused { connector: id, id_tag });
        }
    }

    /// Somebody may charge: at once if the cable is in, else when it comes.
    pub(crate) fn authorised(&mut self, id: u32, grant: Grant, now: Time) {
        let timeout_s = self.settings.connection_timeout_s;
        let Some(connector) = self.connector(id) else { return };
        if !connector.can_start() {
            connector.forget_authorisation();
            return self.fact(Fact::TagRefused { connector: id, id_tag: grant.id_tag });
        }
        if connector.car.is_some() {
            return self.start(id, grant, "Authorized", now);
        }
        let until = (timeout_s > 0).then(|| after_ms(now, i64::from(timeout_s) * 1000));
        connector.phase = Phase::Authorised { grant, until };
    }

    pub(crate) fn start(&mut self, id: u32, grant: Grant, trigger: &'static str, now: Time) {
        let interval_ms = self.settings.meter_interval_ms;
        let key = self.next_key;
        let duplicates = 1 + usize::from(self.faults.has(&Fault::DuplicateStart));
        let first_seq = u32::from(self.faults.has(&Fault::SeqNoFromOne));
        let Some(connector) = self.connector(id) else { return };
        if !connector.can_start() {
            return;
        }
        let Grant { id_tag, token_kind, remote_start_id, profile } = grant;
        let meter_start_wh = connector.meter.register_wh();
        connector.phase = Phase::Charging(Box::new(Transaction {
            key,
            id_tag: id_tag.clone(),
            next_seq: first_seq,
            told_state: "",
            cost: None,
            started_at: now,
            meter_start_mwh: connector.meter.register_mwh(),
            meter_start_wh,
            next_sample: after_ms(now, interval_ms.max(1)),
            flowing_ms: 0,
            cap_w: None,
            profile,
        }));
        connector.apply_profile(now);
        self.next_key += 1;
        self.numbers.insert(key, None);
        let trigger = if remote_start_id.is_some() { "RemoteStart" } else { trigger };
        let Some(event) = self.event(id, trigger) else { return };
        let Some(begin) = self.reading(id, Context::TransactionBegin, now) else { return };
        let start = Start { key, connector: id, id_tag: id_tag.clone(), token_kind, remote_start_id, begin, event };
        for _ in 0..duplicates {
            self.outbox.push(Body::Start(Box::new(start.clone())));
        }
        self.fact(Fact::TransactionStarted { connector: id, id_tag, meter_start_wh });
    }

    /// What 2.0.1 tells of this moment of the running transaction.
    pub(crate) fn event(&mut self, id: u32, trigger: &'static str) -> Option<Event> {
        let is_offline = !self.is_registered();
        let connector = self.connector(id)?;
        let charging_state = connector.charging_state();
        let Phase::Charging(transaction) = &mut connector.phase else { return None };
        let seq = transaction.next_seq;
        transaction.next_seq += 1;
        transaction.told_state = charging_state;
        Some(Event { seq, is_offline, trigger, charging_state })
    }

    /// Ends the transaction of a connector, if one runs.
    pub(crate) fn stop(&mut self, id: u32, reason: Reason, id_tag: Option<String>, now: Time) {
        let wants_data = !self.settings.stop_data.is_empty();
        let end = wants_data.then(|| self.reading(id, Context::TransactionEnd, now)).flatten();
        let Some(mut event) = self.event(id, v201::messages::trigger_of(&reason)) else { return };
        let Some(connector) = self.connector(id) else { return };
        let Some(transaction) = connector.take_transaction(reason.clone()) else { return };
        event.charging_state = if reason == Reason::EvDisconnected { "Idle" } else { connector.charging_state() };
        let meter_stop_wh = connector.meter.register_wh();
        let meter_start_wh = transaction.meter_start_wh;
        if self.faults.has(&Fault::ForgetStop) {
            self.numbers.remove(&transaction.key);
        } else {
            let (key, reason) = (transaction.key, reason.clone());
            let stop = Stop { key, id_tag, meter_stop_wh, at: now, reason, end, event };
            if self.faults.has(&Fault::DuplicateStop) {
                self.outbox.push(Body::Stop(Box::new(stop.clone())));
            }
            self.outbox.push(Body::Stop(Box::new(stop)));
        }
        self.fact(Fact::TransactionStopped { connector: id, reason, meter_start_wh, meter_stop_wh });
    }

    pub(crate) fn stop_all(&mut self, reason: &Reason, now: Time) {
        for id in self.connector_ids() {
            self.stop(id, reason.clone(), None, now);
        }
    }

    /// What the meter of a connector reads.
    pub(crate) fn reading(&mut self, id: u32, context: Context, now: Time) -> Option<Sample> {
        let connector = self.connector(id)?;
        let transaction = match &connector.phase {
            Phase::Charging(transaction) => Some((transaction.key, transaction.meter_start_mwh)),
            _ => None,
        };
        Some(Sample {
            key: transaction.map(|(key, _)| key),
            connector: id,
            at: now,
            context,
            register_mwh: connector.meter.register_mwh(),
            begin_mwh: transaction.map(|(_, begin_mwh)| begin_mwh),
            power_w: connector.power_w,
            offered_w: connector.offered_w(),
            soc_percent: connector.reported_soc_percent(),
            current: connector.config.current,
        })
    }

    pub(crate) fn sample(&mut self, id: u32, context: Context, now: Time) {
        if self.faults.has(&Fault::NoMeterValues) {
            return;
        }
        self.samples += 1;
        let is_dropout = self.faults.has(&Fault::MeterDropouts) && self.samples.is_multiple_of(3);
        if let Some(mut sample) = self.reading(id, context, now) {
            if is_dropout {
                sample.register_mwh = 0;
            }
            let event = self.event(id, "MeterValuePeriodic");
            self.outbox.push(Body::Meter(Box::new(sample), event));
        }
    }

    /// Switches a connector, or all of them, on or off. `None` if there is no such connector, else whether it waits for a
    /// transaction to end.
    pub(crate) fn set_availability(&mut self, id: Option<u32>, is_operative: bool) -> Option<bool> {
        let ids = id.map_or_else(|| self.connector_ids(), |id| vec![id]);
        if ids.iter().any(|id| self.connector(*id).is_none()) {
            return None;
        }
        if id.is_none() {
            self.station_operative = is_operative;
        }
        let mut is_scheduled = false;
        for id in ids {
            let Some(connector) = self.connector(id) else { continue };
            if connector.is_in_transaction() && !is_operative {
                connector.scheduled = Some(false);
                is_scheduled = true;
            } else {
                connector.scheduled = None;
                connector.is_operative = is_operative;
                if !is_operative {
                    connector.forget_authorisation();
                }
            }
        }
        Some(is_scheduled)
    }

    /// The connector of a remote start: the one that is asked for, or any; `None` if it cannot be had.
    pub(crate) fn connector_for_remote_start(&self, wanted: Option<u32>) -> Option<u32> {
        let usable = || {
            let is_usable = |connector: &&Connector| matches!(connector.phase, Phase::Idle) && connector.can_start();
            self.connectors.iter().filter(is_usable)
        };
        let has_room = self.outbox.has_room() && self.pending_reset.is_none();
        let found = match wanted {
            Some(id) => usable().find(|connector| connector.id == id),
            // Any: best where a car is waiting.
            None => usable().find(|connector| connector.car.is_some()).or_else(|| usable().next()),
        };
        found.filter(|_| has_room).map(|connector| connector.id)
    }

    /// Somebody may charge from afar.
    pub(crate) fn start_remotely(&mut self, id: u32, grant: Grant, now: Time) {
        if self.settings.authorize_remote && self.is_registered() {
            self.authorise(id, grant);
        } else {
            self.authorised(id, grant, now);
        }
    }

    /// Takes a profile away where it fits; whether there was one.
    pub(crate) fn clear_profiles(&mut self, fits: impl Fn(u32, &Profile) -> bool, now: Time) -> bool {
        let mut is_found = false;
        for connector in &mut self.connectors {
            let id = connector.id;
            let Phase::Charging(running) = &mut connector.phase else { continue };
            if running.profile.take_if(|profile| fits(id, profile)).is_some() {
                connector.apply_profile(now);
                is_found = true;
            }
        }
        is_found
    }

    pub(crate) fn remote_start_fault(&self) -> Option<RemoteStartFault> {
        self.faults.find(|fault| match fault {
            Fault::RemoteStart(fault) => Some(*fault),
            _ => None,
        })
    }

    pub(crate) fn remote_stop_fault(&self) -> Option<RemoteStopFault> {
        self.faults.find(|fault| match fault {
            Fault::RemoteStop(fault) => Some(*fault),
            _ => None,
        })
    }

    // --- restarts -----------------------------------------------------------------------------------------------------

    /// Ends transactions, lets the central system know, then restarts.
    pub(crate) fn reset_soon(&mut self, reason: Reason, close: Close, now: Time) {
        self.stop_all(&reason, now);
        self.pending_reset = Some(PendingReset { close, deadline: Some(after_ms(now, SOFT_RESET_PATIENCE_MS)) });
    }

    pub(crate) fn restart(&mut self, close: Close, now: Time) {
        // What began while it waited for the others to be delivered.
        self.stop_all(&Reason::Reboot, now);
        self.shut_down(close, now);
        self.power = PowerState::Restarting { until: after_ms(now, self.config.boot_duration_ms) };
        self.fact(Fact::Restarting);
    }

    /// What a charge point loses with its power: the link, and everything but its transactions, its keys and its meters.
    pub(crate) fn shut_down(&mut self, close: Close, now: Time) {
        // First, so that the lost link does not let them charge offline.
        self.connectors.iter_mut().for_each(Connector::forget_authorisation);
        self.drop_link(close, now);
        self.pending_reset = None;
        self.loop_at = None;
        self.registration = None;
        self.is_fresh = true;
        self.station_reported = None;
        let resets_register = self.faults.has(&Fault::RegisterResetOnReboot);
        for connector in &mut self.connectors {
            connector.phase = Phase::Idle;
            connector.power_w = 0;
            connector.reported = None;
            connector.robot_at = None;
            if resets_register {
                connector.meter.reset();
            }
        }
    }
}
