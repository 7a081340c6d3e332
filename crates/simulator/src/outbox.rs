//! What waits to be sent. Messages about transactions outlive the link and the power; the others do not.

use std::collections::VecDeque;

use ocpp::v16::boot_notification::RegistrationStatus;

use crate::call::Body;
use crate::charger::Time;

/// A day without a link at one sample in 20 seconds. When it is full the oldest samples go, as in real chargers; never
/// a Start or a Stop.
const MAX_WAITING: usize = 5_000;

#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) body: Body,
    /// Set when it was sent before and must keep its id.
    pub(crate) id: Option<String>,
    /// How often it was refused.
    pub(crate) refusals: u32,
    /// May go before BootNotification is accepted.
    at_once: bool,
}

impl Outgoing {
    pub(crate) const fn new(body: Body) -> Self {
        Self { body, id: None, refusals: 0, at_once: false }
    }
}

/// A CALL that waits for its answer: one, unless a fault pipelines them.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) id: String,
    pub(crate) message: Outgoing,
    pub(crate) deadline: Time,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Outgoing>,
    in_flight: Vec<InFlight>,
    /// A refused transaction message waits until then, and all behind it: their order matters.
    retry_at: Option<Time>,
}

impl Outbox {
    pub(crate) fn push(&mut self, body: Body) {
        if self.waiting.len() >= MAX_WAITING
            && let Some(oldest) = self.waiting.iter().position(|message| matches!(message.body, Body::Meter(..)))
        {
            self.waiting.remove(oldest);
        }
        self.waiting.push_back(Outgoing::new(body));
    }

    /// For what may go before the charge point is registered.
    pub(crate) fn push_at_once(&mut self, body: Body) {
        self.waiting.push_back(Outgoing { at_once: true, ..Outgoing::new(body) });
    }

    /// Statuses go before what has been waiting.
    pub(crate) fn push_front(&mut self, body: Body) {
        self.waiting.push_front(Outgoing::new(body));
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < 2 * MAX_WAITING
    }

    /// Puts a message back to the front: it is sent again, before all that came after it.
    pub(crate) fn again(&mut self, in_flight: InFlight, keep_id: bool, retry_at: Option<Time>) {
        let id = keep_id.then_some(in_flight.id);
        self.waiting.push_front(Outgoing { id, ..in_flight.message });
        self.retry_at = retry_at;
    }

    pub(crate) fn sent(&mut self, in_flight: InFlight) {
        self.in_flight.push(in_flight);
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn is_booting(&self) -> bool {
        self.in_flight.iter().any(|in_flight| matches!(in_flight.message.body, Body::Boot))
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.in_flight.iter().map(|in_flight| in_flight.deadline).min()
    }

    /// The CALL of this id: it is answered.
    pub(crate) fn take_answered(&mut self, id: &str) -> Option<InFlight> {
        let index = self.in_flight.iter().position(|in_flight| in_flight.id == id)?;
        Some(self.in_flight.remove(index))
    }

    /// The last CALL whose time is over; the last first, so that each can go back to the front of the queue.
    pub(crate) fn take_expired(&mut self, now: Time) -> Option<InFlight> {
        let index = self.in_flight.iter().rposition(|in_flight| in_flight.deadline <= now)?;
        Some(self.in_flight.remove(index))
    }

    /// The last CALL that waits for an answer.
    pub(crate) fn take_last(&mut self) -> Option<InFlight> {
        self.in_flight.pop()
    }

    /// The next message that may go now.
    pub(crate) fn next(&mut self, now: Time) -> Option<Outgoing> {
        self.retry_at.take_if(|retry_at| *retry_at <= now);
        let is_held = self.retry_at.is_some();
        let next = self.waiting.iter().position(|message| !(is_held && message.body.is_transactional()))?;
        // What needs the number of a transaction waits for it, and all behind it.
        let key = self.waiting.get(next).and_then(|message| message.body.key());
        let is_unnumbered = key.is_some()
            && self.in_flight.iter().any(|sent| matches!(&sent.message.body, Body::Start(start) if Some(start.key) == key));
        if is_unnumbered { None } else { self.waiting.remove(next) }
    }

    /// The next message that may go before registration: what the central system triggered, once it has answered Pending, and
    /// what a faulty charger sends before its BootNotification.
    pub(crate) fn next_at_once(&mut self, registration: Option<&RegistrationStatus>) -> Option<Outgoing> {
        if registration == Some(&RegistrationStatus::Rejected) {
            return None;
        }
        let next = self.waiting.iter().position(|message| message.at_once)?;
        self.waiting.remove(next)
    }

    pub(crate) fn retry_at(&self) -> Option<Time> {
        self.retry_at
    }

    pub(crate) fn has_heartbeat(&self) -> bool {
        self.waiting.iter().any(|message| matches!(message.body, Body::Heartbeat))
    }

    pub(crate) fn has_key(&self, key: u64) -> bool {
        self.waiting.iter().any(|message| message.body.key() == Some(key))
    }

    /// Messages about transactions that are not yet answered.
    pub(crate) fn undelivered(&self) -> usize {
        let in_flight = self.in_flight.iter().filter(|in_flight| in_flight.message.body.is_transactional());
        self.waiting.iter().filter(|message| message.body.is_transactional()).count() + in_flight.count()
    }

    /// The transactions that something is still to be told of.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        let in_flight = self.in_flight.iter().map(|in_flight| &in_flight.message);
        self.waiting.iter().chain(in_flight).filter_map(|message| message.body.key())
    }

    pub(crate) fn keep_transactional(&mut self) {
        self.waiting.retain(|message| message.body.is_transactional());
        self.retry_at = None;
    }
}
