//! One charge point's socket: an actor that answers its CALLs in the order they came and sends our commands one at a time.
//!
//! It owns nothing that would be lost with it. What it knows is in PostgreSQL under its epoch; when a newer socket of the same charge
//! point comes, its writes are refused there and it ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use chrono::{DateTime, Utc};
use domain::{ChargePointId, OcppIdentity};
use ocpp::{Frame, Violation, storable_json};
use platform::bus::Topic;
use platform::charging::{ChargingError, Command, CommandOutcome, IngestError, MeterReport, Submission};
use platform::ocpp_logs::{Direction, NewFrame};
use platform::stations::{Lease, StationsError};
use serde_json::json;
use tokio::time::Instant;

use crate::Csms;
use crate::protocol::Protocol;
use crate::v16;

/// A frame of the log is cut here; only a broken frame can be longer than what is read at all.
const LOGGED_CHARS_MAX: usize = 128 * 1024;
/// Commands are looked for this often even when no hint came: hints may be lost, rows are not.
const COMMANDS_LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The charge point closed, or the link broke, or framing itself is broken.
    Peer,
    /// No sign of life.
    Silent,
    /// A newer socket of the same charge point.
    Superseded,
    /// This node stops.
    Restart,
    /// The database does not take anything.
    NotDurable,
}

/// A command that was sent and not answered yet.
struct Outstanding {
    command: Command,
    action: &'static str,
    give_up_at: Instant,
}

pub(crate) struct Connection {
    csms: Csms,
    identity: OcppIdentity,
    lease: Lease,
    socket: WebSocket,
    outstanding: Option<Outstanding>,
    /// Pings since the last frame.
    missed_pings: u32,
}

impl Connection {
    /// Runs until the socket ends.
    pub(crate) async fn run(csms: Csms, identity: OcppIdentity, charge_point: ChargePointId, protocol: Protocol, mut socket: WebSocket) {
        let lease = match csms.0.stations.connected(charge_point, protocol.subprotocol(), &csms.0.settings.node).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::error!(%error, "The connection of {identity} could not be entered");
                let _ = socket.send(close(close_code::AGAIN, "come again")).await;
                return;
            }
        };
        tracing::info!(charge_point.identity = %identity, epoch = lease.epoch, "Connected {identity}");
        let superseded = csms.0.registry.enter(lease);
        let mut connection = Self { csms, identity, lease, socket, outstanding: None, missed_pings: 0 };
        let end = connection.serve(&superseded).await;
        connection.finish(end).await;
    }

    async fn serve(&mut self, superseded: &tokio_util::sync::CancellationToken) -> End {
        let mut hints = self.csms.0.bus.subscribe(&Topic::charge_point(&self.identity)).await;
        let shutdown = self.csms.0.shutdown.clone();
        let ping_every = self.csms.0.settings.ping_every;
        let mut ping = tokio::time::interval_at(Instant::now() + ping_every, ping_every);
        let mut look = tokio::time::interval(COMMANDS_LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if let Err(end) = self.greet().await {
            return end;
        }
        loop {
            let give_up_at = self.outstanding.as_ref().map(|o| o.give_up_at);
            let step = tokio::select! {
                biased;
                () = superseded.cancelled() => Err(End::Superseded),
                () = shutdown.cancelled() => Err(End::Restart),
                () = async { match give_up_at { Some(at) => tokio::time::sleep_until(at).await, None => std::future::pending().await } } => self.give_up().await,
                incoming = self.socket.recv() => match incoming {
                    None | Some(Err(_)) => Err(End::Peer),
                    Some(Ok(message)) => self.receive(message).await,
                },
                _ = ping.tick() => self.ping().await,
                _ = hints.next() => self.send_commands().await,
                _ = look.tick() => self.send_commands().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// A charge point that only lost its link sends no BootNotification: it is asked how its connectors are.
    async fn greet(&mut self) -> Result<(), End> {
        match self.csms.0.charging.link_up(self.lease).await {
            Ok(()) => Ok(()),
            Err(error) => self.after_error("greet", &error.into()),
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        self.missed_pings = 0;
        match message {
            Message::Text(text) => self.receive_frame(&text).await,
            // Some chargers send JSON as binary; what is text is read as text.
            Message::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => self.receive_frame(text).await,
                Err(_) => Ok(()),
            },
            // tungstenite answers pings by itself; both prove life.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(End::Peer),
        }
    }

    async fn receive_frame(&mut self, text: &str) -> Result<(), End> {
        let received_at = self.csms.0.charging.now();
        match Frame::parse(text) {
            Ok(Frame::Call { id, action, payload }) => {
                let context = v16::Context { csms: self.csms.clone(), lease: self.lease, message_id: id.to_string(), received_at };
                let handled = v16::handle(context, &action, payload).await;
                let counters = self.csms.0.registry.counters();
                let counter = if handled.is_refused { &counters.calls_refused } else { &counters.calls_answered };
                counter.fetch_add(1, Ordering::Relaxed);
                let violations = violations_json(&handled.violations);
                let incoming = self.logged(received_at, Direction::In, 2, Some(&id), Some(&action), text, violations);
                let Some(answer) = handled.answer else {
                    self.write(vec![incoming], None).await?;
                    return Err(End::Superseded);
                };
                let message_type = if answer.starts_with("[4,") { 4 } else { 3 };
                let outgoing = self.logged(self.csms.0.charging.now(), Direction::Out, message_type, Some(&id), Some(&action), &answer, None);
                // Durable first, then answered.
                self.write(vec![incoming, outgoing], handled.meter).await?;
                self.send(answer).await
            }
            Ok(Frame::CallResult { id, payload }) => {
                let action = self.outstanding.as_ref().filter(|o| o.command.id.to_string() == *id).map(|o| o.action);
                let frame = self.logged(received_at, Direction::In, 3, Some(&id), action, text, None);
                self.write(vec![frame], None).await?;
                if action.is_none() {
                    return Ok(());
                }
                let Some(outstanding) = self.outstanding.take() else { return Ok(()) };
                let outcome = v16::commands::outcome(&outstanding.command.body, payload);
                let answer = serde_json::from_str(payload.get()).unwrap_or_default();
                self.ended(&outstanding.command, outcome, answer).await
            }
            Ok(Frame::CallError { id, code, description, .. }) => {
                let action = self.outstanding.as_ref().filter(|o| o.command.id.to_string() == *id).map(|o| o.action);
                let frame = self.logged(received_at, Direction::In, 4, Some(&id), action, text, None);
                self.write(vec![frame], None).await?;
                if action.is_none() {
                    return Ok(());
                }
                let Some(outstanding) = self.outstanding.take() else { return Ok(()) };
                let answer = json!({ "code": code, "description": description });
                self.ended(&outstanding.command, CommandOutcome::Failed, answer).await
            }
            Err(error) => {
                self.csms.0.registry.counters().calls_refused.fetch_add(1, Ordering::Relaxed);
                let violation = json!([{ "path": "", "what": error.to_string() }]).to_string();
                let mut frames = vec![self.logged(received_at, Direction::In, 0, error.id.as_deref(), None, text, Some(violation))];
                let answer = error.answer(ocpp::Version::V16);
                if let Some(answer) = &answer {
                    frames.push(self.logged(self.csms.0.charging.now(), Direction::Out, 4, error.id.as_deref(), None, answer, None));
                }
                self.write(frames, None).await?;
                match answer {
                    Some(answer) => self.send(answer).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Sends what waits for this charge point, as long as nothing is unanswered.
    async fn send_commands(&mut self) -> Result<(), End> {
        while self.outstanding.is_none() {
            let command = match self.csms.0.charging.next_command(self.lease).await {
                Ok(Some(command)) => command,
                Ok(None) => return Ok(()),
                Err(error) => return self.after_error("commands", &error.into()),
            };
            let call = match v16::commands::say(&command) {
                Ok(call) => call,
                Err(error) => {
                    tracing::error!(%error, command.id = %command.id, "A command cannot be said in OCPP 1.6");
                    self.ended(&command, CommandOutcome::Failed, json!({ "error": error.to_string() })).await?;
                    continue;
                }
            };
            let id = command.id.to_string();
            let frame = self.logged(self.csms.0.charging.now(), Direction::Out, 2, Some(&id), Some(call.action), &call.frame, None);
            self.write(vec![frame], None).await?;
            self.send(call.frame).await?;
            self.outstanding = Some(Outstanding { command, action: call.action, give_up_at: Instant::now() + self.csms.0.settings.answer_within });
        }
        Ok(())
    }

    /// No answer in time. The late one will find nothing outstanding and is only kept in the log.
    async fn give_up(&mut self) -> Result<(), End> {
        if let Some(outstanding) = self.outstanding.take() {
            self.ended(&outstanding.command, CommandOutcome::Failed, json!({ "error": "no answer in time" })).await?;
        }
        self.send_commands().await
    }

    async fn ended(&mut self, command: &Command, outcome: CommandOutcome, answer: serde_json::Value) -> Result<(), End> {
        if let Err(error) = self.csms.0.charging.command_answered(command.id, outcome, answer).await {
            self.after_error("command", &error.into())?;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.missed_pings >= self.csms.0.settings.missed_pings_max {
            return Err(End::Silent);
        }
        self.missed_pings += 1;
        self.socket.send(Message::Ping(Vec::new().into())).await.map_err(|_| End::Peer)
    }

    async fn send(&mut self, frame: String) -> Result<(), End> {
        self.socket.send(Message::Text(frame.into())).await.map_err(|_| End::Peer)
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

    /// A newer connection ends this one; anything else was not stored and is not acknowledged: the charge point sends it again.
    fn after_error(&self, what: &'static str, error: &v16::HandlerError) -> Result<(), End> {
        match error {
            v16::HandlerError::Fenced => Err(End::Superseded),
            error => {
                tracing::error!(%error, charge_point.identity = %self.identity, "{what} failed for {}", self.identity);
                Ok(())
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

    async fn finish(mut self, end: End) {
        let (code, reason) = match end {
            End::Peer | End::Silent => (close_code::AWAY, "gone"),
            End::Superseded => (close_code::POLICY, "a newer connection has taken over"),
            End::Restart => (close_code::RESTART, "restarting"),
            End::NotDurable => (close_code::AGAIN, "try again later"),
        };
        let _ = self.socket.send(close(code, reason)).await;
        self.csms.0.registry.leave(self.lease);
        let ended = match self.csms.0.stations.disconnected(self.lease).await {
            // The newer connection has told the pages already.
            Err(StationsError::Fenced) => Ok(()),
            Err(error) => Err(ChargingError::from(error)),
            Ok(()) => self.csms.0.charging.link_down(self.lease).await,
        };
        match ended {
            Ok(()) | Err(ChargingError::Stations(StationsError::Fenced)) => {}
            Err(error) => tracing::error!(%error, "The end of {}'s connection could not be entered", self.identity),
        }
        tracing::info!(charge_point.identity = %self.identity, epoch = self.lease.epoch, ?end, "Disconnected {}", self.identity);
    }
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

/// The array that stands beside the frame in the log.
fn violations_json(violations: &[Violation]) -> Option<String> {
    if violations.is_empty() {
        return None;
    }
    let list: Vec<_> = violations.iter().map(|v| json!({ "path": ocpp::storable(&v.path), "what": ocpp::storable(&v.what) })).collect();
    Some(serde_json::Value::from(list).to_string())
}
