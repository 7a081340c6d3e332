//! One charge point's socket: an actor that answers its CALLs in the order they came and sends our commands one at a time. What is
//! said is [`Conversation`]'s business; here is the waiting.
//!
//! It owns nothing that would be lost with it. What it knows is in PostgreSQL under its epoch; when a newer socket of the same charge
//! point comes, its writes are refused there and it ends. It is small, because there are thousands: no queue of its own (the socket
//! waits while a CALL is being written), no buffers, and the larger futures live on the heap only while they run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use domain::OcppIdentity;
use futures::FutureExt as _;
use platform::bus::Topic;
use platform::quirks::QuirkSet;
use platform::stations::{Lease, StationsError};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;

use crate::Csms;
use crate::admission::Turn;
use crate::conversation::{Conversation, End, Wire};
use crate::protocol::Protocol;
use crate::registry::Link;

/// A peer that does not read for this long is not there any more.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long a closing socket waits for the peer's half of the handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

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

pub(crate) struct Connection {
    talk: Conversation,
    socket: Socket,
    /// Pings since the last frame.
    missed_pings: u32,
}

/// The socket as a way for frames.
struct Socket(WebSocket);

impl Wire for Socket {
    async fn send(&mut self, frame: String) -> Result<(), End> {
        self.send_message(Message::Text(frame.into())).await
    }
}

impl Socket {
    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Peer),
            Err(_) => Err(End::Silent),
        }
    }
}

impl Connection {
    /// Runs until the socket ends.
    pub(crate) async fn run(
        csms: Csms,
        identity: OcppIdentity,
        lease: Lease,
        (protocol, quirks): (Protocol, QuirkSet),
        mut socket: WebSocket,
        turn: Turn,
    ) {
        // On the heap while it runs, as all that is large and rare: a future is as large as the largest thing that it ever waits for.
        let entered = Box::pin(csms.0.stations.connected(lease, protocol.subprotocol(), &csms.0.settings.node)).await;
        let entered = match entered {
            Ok(entered) => entered,
            Err(error) => {
                let end = if matches!(error, StationsError::Fenced) { End::Superseded } else { End::NotDurable };
                tracing::warn!(%error, epoch = lease.epoch, "The connection of {identity} could not be entered");
                let _ = timeout(SEND_WITHIN, socket.send(close(end))).await;
                return;
            }
        };
        tracing::info!(charge_point.identity = %identity, epoch = lease.epoch, "Connected {identity}");
        let link = csms.0.registry.enter(lease);
        let talk = Conversation::with(csms, identity, protocol, quirks, (lease, entered));
        let mut connection = Self { talk, socket: Socket(socket), missed_pings: 0 };
        // A panic costs this connection and no more: it is told from a broken link, and the row says that it is gone.
        let end = AssertUnwindSafe(connection.serve(&link, turn)).catch_unwind().await.unwrap_or(End::Defect);
        Box::pin(connection.finish(end)).await;
    }

    async fn serve(&mut self, link: &Arc<Link>, turn: Turn) -> End {
        let mut hints = self.talk.csms.0.bus.subscribe(&Topic::charge_point(&self.talk.identity)).await;
        let shutdown = self.talk.csms.0.shutdown.clone();
        let ping_every = self.talk.csms.0.settings.ping_every;
        let mut ping_at = Instant::now() + ping_every;
        if let Err(end) = Box::pin(self.talk.greet(&mut self.socket)).await {
            return end;
        }
        // Only now it is in: what it cost the database to come is over.
        drop(turn);
        loop {
            let (give_up_at, ask_at, tell_settings_at) =
                (self.talk.give_up_at(), self.talk.ask_at(), self.talk.tell_settings_at());
            let timers = [Some(ping_at), give_up_at, ask_at, tell_settings_at];
            let next_timer = timers.into_iter().flatten().min().unwrap_or(ping_at);
            // Only waiting is in here, and all of it can be dropped and begun anew; the work comes after.
            let step = tokio::select! {
                biased;
                () = link.superseded.cancelled() => Step::End(End::Superseded),
                () = shutdown.cancelled() => Step::End(End::Restart),
                () = tokio::time::sleep_until(next_timer) => Step::Timer,
                incoming = self.socket.0.recv() => Step::Incoming(incoming),
                _ = hints.next() => Step::Wake,
                () = link.wake.notified() => Step::Wake,
            };
            let done = match step {
                Step::End(end) => Err(end),
                Step::Incoming(None) => Err(End::Peer),
                Step::Incoming(Some(Err(error))) => Err(end_of(error)),
                Step::Incoming(Some(Ok(message))) => self.receive(message).await,
                Step::Wake => Box::pin(self.talk.send_commands(&mut self.socket)).await,
                Step::Timer => {
                    let now = Instant::now();
                    let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
                    if is_due(give_up_at) {
                        Box::pin(self.talk.give_up(&mut self.socket)).await
                    } else if is_due(tell_settings_at) {
                        Box::pin(self.talk.tell_settings(&mut self.socket)).await
                    } else if is_due(ask_at) {
                        Box::pin(self.talk.ask(&mut self.socket)).await
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

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        self.missed_pings = 0;
        match message {
            Message::Text(text) => Box::pin(self.talk.receive(&text, &mut self.socket)).await,
            // Some chargers send JSON as binary; what is text is read as text.
            Message::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Box::pin(self.talk.receive(text, &mut self.socket)).await,
                Err(_) => Err(End::Broken),
            },
            // tungstenite answers pings by itself; both prove life.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(End::Peer),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.missed_pings >= self.talk.csms.0.settings.missed_pings_max {
            return Err(End::Silent);
        }
        self.missed_pings += 1;
        self.socket.send_message(Message::Ping(Vec::new().into())).await
    }

    async fn finish(mut self, end: End) {
        // First, so that a page says "offline" before the socket has said its goodbyes.
        self.talk.csms.0.registry.leave(self.talk.lease);
        self.talk.link_ended().await;
        let _ = timeout(CLOSE_WITHIN, async {
            if self.socket.0.send(close(end)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.0.recv().await {}
            }
        })
        .await;
        tracing::info!(charge_point.identity = %self.talk.identity, epoch = self.talk.lease.epoch, ?end, "Disconnected {}", self.talk.identity);
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
