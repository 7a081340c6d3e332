//! One charge point's socket: an actor that answers its CALLs in the order they came and sends our commands one at a time.
//!
//! It owns nothing that would be lost with it. What it knows is in PostgreSQL under its epoch; when a newer socket of the same charge
//! point comes, its writes are refused there and it ends. It is small, because there are thousands: no queue of its own (the socket
//! waits while a CALL is being written), no buffers, and the larger futures live on the heap only while they run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use chrono::{DateTime, Utc};
use domain::{ChargePointId, OcppIdentity};
use futures::FutureExt as _;
use ocpp::{Frame, Violation, storable_json};
use platform::bus::Topic;
use platform::charging::{ChargingError, Command, CommandOutcome, IngestError, MeterReport, Submission};
use platform::ocpp_logs::{Direction, NewFrame};
use platform::quirks::QuirkSet;
use platform::stations::Lease;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;

use crate::Csms;
use crate::admission::Turn;
use crate::handler::{Context, Reply};
use crate::lessons;
use crate::protocol::Protocol;
use crate::registry::Link;

/// A frame of the log is cut here; only a broken frame can be longer than what is read at all.
const LOGGED_CHARS_MAX: usize = 128 * 1024;
/// A peer that does not read for this long is not there any more.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long a closing socket waits for the peer's half of the handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
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

impl End {
    const fn close(self) -> (u16, &'static str) {
        match self {
            Self::Peer => (close_code::NORMAL, "goodbye"),
            Self::Silent => (close_code::AWAY, "no sign of life"),
            Self::TooBig => (close_code::SIZE, "message too big"),
            Self::Broken => (close_code::PROTOCOL, "broken framing"),
            Self::Superseded => (close_code::POLICY, "a newer connection has taken over"),
            Self::Restart => (close_code::RESTART, "restarting"),
            Self::NotDurable => (close_code::AGAIN, "try again later"),
            Self::Defect => (close_code::ERROR, "internal error"),
        }
    }
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
    protocol: Protocol,
    lease: Lease,
    quirks: QuirkSet,
    socket: WebSocket,
    outstanding: Option<Outstanding>,
    /// Pings since the last frame.
    missed_pings: u32,
    /// When to ask how the connectors are; `None` once they were told.
    ask_at: Option<Instant>,
}

impl Connection {
    /// Runs until the socket ends.
    pub(crate) async fn run(
        csms: Csms,
        identity: OcppIdentity,
        charge_point: ChargePointId,
        (protocol, quirks): (Protocol, QuirkSet),
        mut socket: WebSocket,
        turn: Turn,
    ) {
        let lease = match csms.0.stations.connected(charge_point, protocol.subprotocol(), &csms.0.settings.node).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::error!(%error, "The connection of {identity} could not be entered");
                let _ = timeout(SEND_WITHIN, socket.send(close(End::NotDurable))).await;
                return;
            }
        };
        tracing::info!(charge_point.identity = %identity, epoch = lease.epoch, "Connected {identity}");
        let link = csms.0.registry.enter(lease);
        let ask_at = Some(Instant::now() + csms.0.settings.ask_status_after);
        let mut connection =
            Self { csms, identity, protocol, lease, quirks, socket, outstanding: None, missed_pings: 0, ask_at };
        // A panic costs this connection and no more: it is told from a broken link, and the row says that it is gone.
        let end = AssertUnwindSafe(connection.serve(&link, turn)).catch_unwind().await.unwrap_or(End::Defect);
        connection.finish(end).await;
    }

    async fn serve(&mut self, link: &Arc<Link>, turn: Turn) -> End {
        let mut hints = self.csms.0.bus.subscribe(&Topic::charge_point(&self.identity)).await;
        let shutdown = self.csms.0.shutdown.clone();
        let ping_every = self.csms.0.settings.ping_every;
        let mut ping_at = Instant::now() + ping_every;
        if let Err(end) = Box::pin(self.greet()).await {
            return end;
        }
        // Only now it is in: what it cost the database to come is over.
        drop(turn);
        loop {
            let give_up_at = self.outstanding.as_ref().map(|o| o.give_up_at);
            let next_timer = [Some(ping_at), give_up_at, self.ask_at].into_iter().flatten().min().unwrap_or(ping_at);
            // Only waiting is in here, and all of it can be dropped and begun anew; the work comes after.
            let step = tokio::select! {
                biased;
                () = link.superseded.cancelled() => Step::End(End::Superseded),
                () = shutdown.cancelled() => Step::End(End::Restart),
                () = tokio::time::sleep_until(next_timer) => Step::Timer,
                incoming = self.socket.recv() => Step::Incoming(incoming),
                _ = hints.next() => Step::Wake,
                () = link.wake.notified() => Step::Wake,
            };
            let done = match step {
                Step::End(end) => Err(end),
                Step::Incoming(None) => Err(End::Peer),
                Step::Incoming(Some(Err(error))) => Err(end_of(error)),
                Step::Incoming(Some(Ok(message))) => self.receive(message).await,
                Step::Wake => Box::pin(self.send_commands()).await,
                Step::Timer => {
                    let now = Instant::now();
                    let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
                    if is_due(give_up_at) {
                        Box::pin(self.give_up()).await
                    } else if is_due(self.ask_at) {
                        self.ask_at = None;
                        Box::pin(self.ask()).await
                    } else {
                        ping_at = now + ping_every;
                        self.ping().await
                    }
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// What an older connection took with it is seen to, and what waits is sent.
    async fn greet(&mut self) -> Result<(), End> {
        self.csms.0.charging.link_up(self.lease).await.or_else(|error| self.after_error("link_up", &error))?;
        self.send_commands().await
    }

    /// A charge point that only lost its link sends no BootNotification and no status (field case 11): it is asked.
    async fn ask(&mut self) -> Result<(), End> {
        self.csms.0.charging.ask_status(self.lease).await.or_else(|error| self.after_error("ask_status", &error))?;
        self.send_commands().await
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        self.missed_pings = 0;
        match message {
            Message::Text(text) => Box::pin(self.receive_frame(&text)).await,
            // Some chargers send JSON as binary; what is text is read as text.
            Message::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Box::pin(self.receive_frame(text)).await,
                Err(_) => Err(End::Broken),
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
                    let _turn = self.csms.0.admission.message().await;
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
                self.send(answer).await
            }
            Ok(Frame::CallResult { id, payload }) => {
                let outstanding = self.answered(&id);
                let action = outstanding.as_ref().map(|o| o.action);
                let frame = self.logged(received_at, Direction::In, 3, Some(&id), action, text, None);
                self.write(vec![frame], None).await?;
                let Some(outstanding) = outstanding else { return Ok(()) };
                if let Some(part) = (self.protocol.told)(&outstanding.command.body, payload) {
                    let told = self.csms.0.stations.devices().take_report(self.lease, part).await.map_err(ChargingError::from);
                    told.or_else(|error| self.after_error("take_report", &error))?;
                }
                let outcome = self.protocol.judge(&outstanding.command.body, payload);
                // jsonb holds no U+0000 and no half of a surrogate pair.
                let answer = serde_json::from_str(&storable_json(payload.get())).unwrap_or_default();
                self.learn(&outstanding.command, outcome, &answer).await;
                self.ended(&outstanding.command, outcome, answer).await?;
                self.send_commands().await
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
                self.send_commands().await
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
                    Some(answer) => self.send(answer).await,
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
    async fn send_commands(&mut self) -> Result<(), End> {
        while self.outstanding.is_none() {
            let command = match self.csms.0.charging.next_command(self.lease).await {
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
            self.send(call.frame).await?;
            self.csms.0.registry.counters().commands_sent.fetch_add(1, Ordering::Relaxed);
            let give_up_at = Instant::now() + self.csms.0.settings.answer_within;
            self.outstanding = Some(Outstanding { command, action: call.action, give_up_at });
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

    /// What the answer shows of the charge point is proposed to staff.
    async fn learn(&mut self, command: &Command, outcome: CommandOutcome, answer: &serde_json::Value) {
        if let Some(quirk) = lessons::of(&command.body, outcome, answer).filter(|quirk| !self.quirks.has(*quirk)) {
            let sent = self.protocol.call(command).map(|call| call.frame).unwrap_or_default();
            let evidence = json!({ "sent": sent, "answer": answer, "at": self.csms.0.charging.now() });
            self.csms.propose(self.lease.charge_point, quirk, evidence).await;
        }
    }

    async fn ended(&mut self, command: &Command, outcome: CommandOutcome, answer: serde_json::Value) -> Result<(), End> {
        let ended = self.csms.0.charging.command_answered(command.id, outcome, answer).await;
        ended.or_else(|error| self.after_error("command_answered", &error))
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.missed_pings >= self.csms.0.settings.missed_pings_max {
            return Err(End::Silent);
        }
        self.missed_pings += 1;
        self.send_message(Message::Ping(Vec::new().into())).await
    }

    async fn send(&mut self, frame: String) -> Result<(), End> {
        self.send_message(Message::Text(frame.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Peer),
            Err(_) => Err(End::Silent),
        }
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

    async fn finish(mut self, end: End) {
        // First, so that a page says "offline" before the socket has said its goodbyes.
        self.csms.0.registry.leave(self.lease);
        let entered = async {
            self.csms.0.stations.disconnected(self.lease).await.map_err(ChargingError::from)?;
            self.csms.0.charging.link_down(self.lease).await
        };
        if let Err(error) = entered.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "The end of {}'s connection could not be entered",
                self.identity
            );
        }
        let _ = timeout(CLOSE_WITHIN, async {
            if self.socket.send(close(end)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        })
        .await;
        tracing::info!(charge_point.identity = %self.identity, epoch = self.lease.epoch, ?end, "Disconnected {}", self.identity);
    }
}

/// What was waited for and came.
enum Step {
    End(End),
    Incoming(Option<Result<Message, axum::Error>>),
    Wake,
    Timer,
}

fn close(end: End) -> Message {
    let (code, reason) = end.close();
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

/// What the socket's error says about the peer.
fn end_of(error: axum::Error) -> End {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => End::TooBig,
        Some(tungstenite::Error::Utf8(_) | tungstenite::Error::Protocol(_)) => End::Broken,
        _ => End::Peer,
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
