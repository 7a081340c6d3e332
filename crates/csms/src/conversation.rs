//! What is said with one charge point, without the socket that carries it: text frames in, text frames out.
//!
//! The socket's actor ([`crate::connection`]) and the seeded fault runs drive the same piece; only the waiting is theirs. It owns
//! nothing that would be lost with it: what it knows is in PostgreSQL under its epoch.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use domain::OcppIdentity;
use ocpp::{Frame, Version, Violation, storable_json};
use platform::charging::{ChargingError, Command, CommandOutcome, IngestError, MeterReport, Submission};
use platform::ocpp_logs::{Direction, NewFrame};
use platform::quirks::QuirkSet;
use platform::stations::{Entered, Lease};
use serde_json::json;
use tokio::time::Instant;

use crate::Csms;
use crate::handler::{Context, Reply};
use crate::lessons;
use crate::protocol::Protocol;

/// A frame of the log is cut here; only a broken frame can be longer than what is read at all.
const LOGGED_CHARS_MAX: usize = 128 * 1024;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The charge point closed, or the link broke.
    Peer,
    /// A message or frame that is larger than any real one.
    TooBig,
    /// Not WebSocket any more.
    Broken,
    /// No sign of life.
    Silent,
    /// A newer socket of the same charge point.
    Superseded,
    /// This node stops.
    Restart,
    /// The database does not take anything: what was not acknowledged comes again.
    NotDurable,
    /// A defect of ours.
    Defect,
}

/// Where frames to the charge point go. A frame that could not be sent ends the connection.
pub trait Wire: Send {
    fn send(&mut self, frame: String) -> impl Future<Output = Result<(), End>> + Send;
}

/// A command that was sent and not answered yet.
struct Outstanding {
    command: Command,
    action: &'static str,
    give_up_at: Instant,
}

/// One connection's part of what a charge point and we tell each other.
pub struct Conversation {
    pub(crate) csms: Csms,
    pub(crate) identity: OcppIdentity,
    protocol: Protocol,
    pub(crate) lease: Lease,
    quirks: QuirkSet,
    outstanding: Option<Outstanding>,
    /// When to ask how the connectors are; `None` once they were told.
    ask_at: Option<Instant>,
    /// It has a moment for that.
    may_ask: bool,
    /// When to tell a charge point that has booted its settings; `None` once they were told.
    tell_settings_at: Option<Instant>,
}

impl Conversation {
    /// Over a connection that was entered (see `Stations::connected`) in a protocol that we speak.
    pub fn new(
        csms: Csms,
        identity: OcppIdentity,
        subprotocol: &str,
        quirks: QuirkSet,
        (lease, entered): (Lease, Entered),
    ) -> Option<Self> {
        Some(Self::with(csms, identity, Protocol::by_name(subprotocol)?, quirks, (lease, entered)))
    }

    pub(crate) fn with(
        csms: Csms,
        identity: OcppIdentity,
        protocol: Protocol,
        quirks: QuirkSet,
        (lease, entered): (Lease, Entered),
    ) -> Self {
        let ask_at = Some(Instant::now() + csms.0.settings.ask_status_after);
        let mut talk =
            Self { csms, identity, protocol, lease, quirks, outstanding: None, ask_at, may_ask: false, tell_settings_at: None };
        if entered.settings_due {
            talk.tell_settings_at = Some(talk.csms.0.admission.spare_moment(Instant::now()));
        }
        talk
    }

    /// When the answer to the command that was sent is too late.
    pub fn give_up_at(&self) -> Option<Instant> {
        self.outstanding.as_ref().map(|outstanding| outstanding.give_up_at)
    }

    /// When the charge point is to be asked how its connectors are; `None` once they were told.
    pub const fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    /// When the charge point is to be told its settings; `None` once they were told.
    pub const fn tell_settings_at(&self) -> Option<Instant> {
        self.tell_settings_at
    }

    /// What an older connection took with it is seen to, and what waits is sent. The caller has its turn at the door.
    pub async fn greet(&mut self, wire: &mut impl Wire) -> Result<(), End> {
        match self.csms.0.charging.is_awaited(self.lease.charge_point).await {
            // Whatever is queued from now on is hinted at.
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => self.after_error("is_awaited", &error)?,
        }
        let taken_over = {
            let _turn = self.csms.0.admission.message().await;
            self.csms.0.charging.link_up(self.lease).await
        };
        taken_over.or_else(|error| self.after_error("link_up", &error))?;
        self.send_commands(wire).await
    }

    /// A charge point that has booted is told its settings, and asked for its own if they are not known.
    pub async fn tell_settings(&mut self, wire: &mut impl Wire) -> Result<(), End> {
        self.tell_settings_at = None;
        let told = {
            let _turn = self.csms.0.admission.message().await;
            self.queue_settings().await
        };
        told.or_else(|error| self.after_error("tell_settings", &error))?;
        self.send_commands(wire).await
    }

    async fn queue_settings(&self) -> Result<(), ChargingError> {
        let (csms, lease) = (&self.csms.0, self.lease);
        csms.charging.tell_settings(lease).await?;
        if self.protocol.version == Version::V16 && !csms.charging.settings().configure_meters {
            return Ok(());
        }
        let firmware_version = csms.stations.firmware_version(lease.charge_point).await?;
        if let Some(number) = csms.stations.devices().inventory_wanted(lease, firmware_version).await? {
            csms.charging.ask_inventory(lease, number).await?;
        }
        Ok(())
    }

    /// A charge point that only lost its link sends no BootNotification and no status (field case 11): it is asked.
    pub async fn ask(&mut self, wire: &mut impl Wire) -> Result<(), End> {
        if !self.may_ask {
            self.may_ask = true;
            let moment = self.csms.0.admission.spare_moment(Instant::now());
            if moment > Instant::now() {
                self.ask_at = Some(moment);
                return Ok(());
            }
        }
        self.ask_at = None;
        let asked = {
            let _turn = self.csms.0.admission.message().await;
            self.csms.0.charging.ask_status(self.lease).await
        };
        asked.or_else(|error| self.after_error("ask_status", &error))?;
        self.send_commands(wire).await
    }

    /// Takes a text frame: a CALL is answered, an answer ends the command that it is of.
    pub async fn receive(&mut self, text: &str, wire: &mut impl Wire) -> Result<(), End> {
        let received_at = self.csms.0.charging.now();
        match Frame::parse(text) {
            Ok(Frame::Call { id, action, payload }) => {
                if matches!(&*action, "BootNotification" | "StatusNotification") {
                    self.ask_at = None;
                }
                let context = Context {
                    csms: self.csms.clone(),
                    version: self.protocol.version,
                    lease: self.lease,
                    message_id: id.to_string(),
                    received_at,
                    quirks: self.quirks,
                };
                let handled = {
                    // These two come from everybody after a storm, and mostly mean nothing to anybody: they take a turn when they do.
                    let takes_turn = !matches!(&*action, "BootNotification" | "StatusNotification");
                    let _turn = if takes_turn { self.csms.0.admission.message().await } else { None };
                    (self.protocol.handle)(context, &action, payload).await
                };
                let counters = self.csms.0.registry.counters();
                let is_answer = matches!(handled.reply, Reply::Result(_));
                let counter = if is_answer { &counters.calls_answered } else { &counters.calls_refused };
                counter.fetch_add(1, Ordering::Relaxed);
                let violations = violations_json(&handled.violations);
                let mut frames = vec![self.logged(received_at, Direction::In, 2, Some(&id), Some(&action), text, violations)];
                let (message_type, answer) = match handled.reply {
                    Reply::Result(answer) => (3, answer),
                    Reply::Error(answer) => (4, answer),
                    Reply::End(end) => {
                        // The frame is evidence all the same, if it can be kept.
                        let _ = self.write(frames, None).await;
                        return Err(end);
                    }
                };
                let now = self.csms.0.charging.now();
                frames.push(self.logged(now, Direction::Out, message_type, Some(&id), Some(&action), &answer, None));
                // Durable first, then answered.
                self.write(frames, handled.meter).await?;
                if action == "BootNotification" && message_type == 3 {
                    let told_at = self.tell_settings_at.take();
                    self.tell_settings_at = Some(told_at.unwrap_or_else(|| self.csms.0.admission.spare_moment(Instant::now())));
                }
                wire.send(answer).await
            }
            Ok(Frame::CallResult { id, payload }) => {
                let outstanding = self.answered(&id);
                let action = outstanding.as_ref().map(|o| o.action);
                let frame = self.logged(received_at, Direction::In, 3, Some(&id), action, text, None);
                self.write(vec![frame], None).await?;
                let Some(outstanding) = outstanding else { return Ok(()) };
                if let Some(part) = (self.protocol.told)(&outstanding.command.body, payload) {
                    let told = {
                        let _turn = self.csms.0.admission.message().await;
                        self.csms.0.stations.devices().take_report(self.lease, part).await.map_err(ChargingError::from)
                    };
                    told.or_else(|error| self.after_error("take_report", &error))?;
                }
                let outcome = self.protocol.judge(&outstanding.command.body, payload);
                // jsonb holds no U+0000 and no half of a surrogate pair.
                let answer = serde_json::from_str(&storable_json(payload.get())).unwrap_or_default();
                self.learn(&outstanding.command, outcome, &answer).await;
                self.ended(&outstanding.command, outcome, answer).await?;
                self.send_commands(wire).await
            }
            Ok(Frame::CallError { id, code, description, .. }) => {
                let outstanding = self.answered(&id);
                let action = outstanding.as_ref().map(|o| o.action);
                let frame = self.logged(received_at, Direction::In, 4, Some(&id), action, text, None);
                self.write(vec![frame], None).await?;
                let Some(outstanding) = outstanding else { return Ok(()) };
                let answer = json!({ "code": ocpp::storable(&code), "description": ocpp::storable(&description) });
                self.learn(&outstanding.command, CommandOutcome::Failed, &answer).await;
                self.ended(&outstanding.command, CommandOutcome::Failed, answer).await?;
                self.send_commands(wire).await
            }
            Err(error) => {
                self.csms.0.registry.counters().calls_refused.fetch_add(1, Ordering::Relaxed);
                let violation = json!([{ "path": "", "what": error.to_string() }]).to_string();
                let mut frames =
                    vec![self.logged(received_at, Direction::In, 0, error.id.as_deref(), None, text, Some(violation))];
                let answer = error.answer(self.protocol.version);
                if let Some(answer) = &answer {
                    frames.push(self.logged(
                        self.csms.0.charging.now(),
                        Direction::Out,
                        4,
                        error.id.as_deref(),
                        None,
                        answer,
                        None,
                    ));
                }
                self.write(frames, None).await?;
                match answer {
                    Some(answer) => wire.send(answer).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// The command that this is the answer to. Answers to nothing (late ones, invented ones) are kept in the log and no more.
    fn answered(&mut self, id: &str) -> Option<Outstanding> {
        self.outstanding.take_if(|outstanding| outstanding.command.id.to_string() == id)
    }

    /// Sends what waits for this charge point, as long as nothing is unanswered.
    pub async fn send_commands(&mut self, wire: &mut impl Wire) -> Result<(), End> {
        while self.outstanding.is_none() {
            let next = {
                let _turn = self.csms.0.admission.message().await;
                self.csms.0.charging.next_command(self.lease).await
            };
            let command = match next {
                Ok(Some(command)) => command,
                Ok(None) => return Ok(()),
                Err(error) => return self.after_error("next_command", &error),
            };
            let call = match self.protocol.call(&command) {
                Ok(call) => call,
                Err(error) => {
                    tracing::error!(%error, command.id = %command.id, "A command cannot be said in {}", self.protocol.subprotocol());
                    self.ended(&command, CommandOutcome::Failed, json!({ "error": error.to_string() })).await?;
                    continue;
                }
            };
            let id = command.id.to_string();
            let shown = match command.body.secret() {
                Some(secret) if !secret.is_empty() => call.frame.replace(secret, "***"),
                _ => call.frame.clone(),
            };
            let frame = self.logged(self.csms.0.charging.now(), Direction::Out, 2, Some(&id), Some(call.action), &shown, None);
            self.write(vec![frame], None).await?;
            wire.send(call.frame).await?;
            self.csms.0.registry.counters().commands_sent.fetch_add(1, Ordering::Relaxed);
            let give_up_at = Instant::now() + self.csms.0.settings.answer_within;
            self.outstanding = Some(Outstanding { command, action: call.action, give_up_at });
        }
        Ok(())
    }

    /// No answer in time. The late one will find nothing outstanding and is only kept in the log.
    pub async fn give_up(&mut self, wire: &mut impl Wire) -> Result<(), End> {
        if let Some(outstanding) = self.outstanding.take() {
            self.ended(&outstanding.command, CommandOutcome::Failed, json!({ "error": "no answer in time" })).await?;
        }
        self.send_commands(wire).await
    }

    /// What the answer shows of the charge point is proposed to staff.
    async fn learn(&mut self, command: &Command, outcome: CommandOutcome, answer: &serde_json::Value) {
        if let Some(quirk) = lessons::of(&command.body, outcome, answer).filter(|quirk| !self.quirks.has(*quirk)) {
            let sent = self.protocol.call(command).map(|call| call.frame).unwrap_or_default();
            let evidence = json!({ "sent": sent, "answer": answer, "at": self.csms.0.charging.now() });
            self.csms.propose(self.lease.charge_point, quirk, evidence).await;
        }
    }

    async fn ended(&mut self, command: &Command, outcome: CommandOutcome, answer: serde_json::Value) -> Result<(), End> {
        let ended = {
            let _turn = self.csms.0.admission.message().await;
            self.csms.0.charging.command_answered(command.id, outcome, answer).await
        };
        ended.or_else(|error| self.after_error("command_answered", &error))
    }

    /// Makes frames and readings durable. What is not durable is not acknowledged: the connection ends, and the charge point says it
    /// again on the next one.
    async fn write(&mut self, frames: Vec<NewFrame>, meter: Option<MeterReport>) -> Result<(), End> {
        match self.csms.0.ingest.write(Submission { lease: self.lease, frames, meter }).await {
            Ok(()) => Ok(()),
            Err(IngestError::Fenced) => Err(End::Superseded),
            Err(IngestError::Closed) => Err(End::Restart),
            Err(IngestError::Unavailable) => Err(End::NotDurable),
        }
    }

    /// A newer connection ends this one, and so does a database that does not answer. Anything else is a defect that concerns
    /// one command: it is logged, and the watch over deadlines goes on from there.
    fn after_error(&self, what: &'static str, error: &ChargingError) -> Result<(), End> {
        match error {
            ChargingError::Fenced => Err(End::Superseded),
            error => {
                tracing::error!(error = error as &dyn std::error::Error, charge_point.identity = %self.identity, "{what} failed for {}", self.identity);
                if error.is_transient() { Err(End::NotDurable) } else { Ok(()) }
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of a log row, named at each call")]
    fn logged(
        &self,
        at: DateTime<Utc>,
        direction: Direction,
        message_type: i16,
        message_id: Option<&str>,
        action: Option<&str>,
        frame: &str,
        violations: Option<String>,
    ) -> NewFrame {
        let end = frame.char_indices().nth(LOGGED_CHARS_MAX).map_or(frame.len(), |(at, _)| at);
        NewFrame {
            at,
            lease: self.lease,
            direction,
            message_type,
            message_id: message_id.map(|t| ocpp::storable(t).into_owned()),
            action: action.map(|t| ocpp::storable(t).into_owned()),
            frame: storable_json(&frame[..end]).into_owned(),
            violations,
        }
    }

    /// The connection has ended, on whichever side.
    pub async fn link_ended(&self) {
        let entered = async {
            self.csms.0.stations.disconnected(self.lease).await.map_err(ChargingError::from)?;
            if !self.csms.0.charging.is_awaited(self.lease.charge_point).await? {
                return Ok(());
            }
            let _turn = self.csms.0.admission.message().await;
            self.csms.0.charging.link_down(self.lease).await
        };
        if let Err(error) = entered.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "The end of {}'s connection could not be entered",
                self.identity
            );
        }
    }
}

/// The array that stands beside the frame in the log.
fn violations_json(violations: &[Violation]) -> Option<String> {
    if violations.is_empty() {
        return None;
    }
    let list: Vec<_> =
        violations.iter().map(|v| json!({ "path": ocpp::storable(&v.path), "what": ocpp::storable(&v.what) })).collect();
    Some(serde_json::Value::from(list).to_string())
}
