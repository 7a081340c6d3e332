//! Hints between tasks and nodes: "something about this session changed, look again". Never the truth itself: a hint may
//! be lost, and then the poll of whoever needs it finds the change in the database (DESIGN § 4, 10).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{OcppIdentity, SessionId};
use tokio::sync::broadcast;

/// Hints that a slow subscriber may be behind; then it is told that it missed some. Their places are allocated at once, for each topic:
/// of 64 they were 3 KiB of each charge point's connection.
const QUEUE_HINTS_MAX: usize = 16;
/// A hint is small: whoever wants more reads the database.
const HINT_BYTES_MAX: usize = 8 * 1024;

/// What a hint is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// `session.{id}`: the live page of a session.
    pub fn session(id: SessionId) -> Self {
        Self(format!("session.{id}").into())
    }

    /// `cp.{identity}`: the node that holds the charge point's socket.
    pub fn charge_point(identity: &OcppIdentity) -> Self {
        Self(format!("cp.{identity}").into())
    }

    /// `guest.{token digest or id}`, `logs.{id}` and the like. `kind` is one of our words, `key` is an id without dots.
    pub fn other(kind: &'static str, key: impl fmt::Display) -> Self {
        Self(format!("{kind}.{key}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The payload as it was published.
    Message(Arc<str>),
    /// The subscriber was too slow or the link between nodes broke: read the database.
    Missed,
}

/// Publish and subscribe by topic: in this process ([`LocalBus`]) or between nodes.
#[async_trait]
pub trait Bus: Send + Sync + fmt::Debug {
    /// Sends a hint to whoever subscribes at this moment. Never waits, never fails; a payload of more than 8 KiB goes out
    /// as [`Hint::Missed`].
    fn publish(&self, topic: &Topic, payload: &str);

    /// Subscribes. Do it before reading the snapshot from the database, or a change in between is missed.
    async fn subscribe(&self, topic: &Topic) -> Subscription;
}

/// A subscription; dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    receiver: Option<broadcast::Receiver<Hint>>,
    topic: Topic,
    topics: Arc<Topics>,
}

impl Subscription {
    /// The next hint. Safe to drop and call again, as in `select!`.
    pub async fn next(&mut self) -> Hint {
        let Some(receiver) = &mut self.receiver else { return std::future::pending().await };
        match receiver.recv().await {
            Ok(hint) => hint,
            Err(broadcast::error::RecvError::Lagged(_)) => Hint::Missed,
            // The map keeps the sender as long as a subscription lives.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = self.topics.lock();
        // Under the lock, so that nobody subscribes between the count and the removal.
        self.receiver = None;
        if topics.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            topics.remove(&self.topic);
        }
    }
}

#[derive(Debug, Default)]
struct Topics(Mutex<HashMap<Topic, broadcast::Sender<Hint>>>);

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, broadcast::Sender<Hint>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bus of a single process. Topics exist only while somebody listens.
#[derive(Debug, Clone, Default)]
pub struct LocalBus {
    topics: Arc<Topics>,
}

impl LocalBus {
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn publish(&self, topic: &Topic, payload: &str) {
        if let Some(sender) = self.topics.lock().get(topic) {
            let hint = if payload.len() <= HINT_BYTES_MAX { Hint::Message(payload.into()) } else { Hint::Missed };
            // An error says that nobody listens any more.
            let _ = sender.send(hint);
        }
    }

    async fn subscribe(&self, topic: &Topic) -> Subscription {
        let mut topics = self.topics.lock();
        let receiver = match topics.get(topic) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = broadcast::channel(QUEUE_HINTS_MAX);
                topics.insert(topic.clone(), sender);
                receiver
            }
        };
        Subscription { receiver: Some(receiver), topic: topic.clone(), topics: Arc::clone(&self.topics) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> Topic {
        Topic::other("test", 1)
    }

    #[tokio::test]
    async fn subscribers_get_what_comes_after_them() {
        let bus = LocalBus::new();
        bus.publish(&topic(), "before");
        let (mut one, mut two) = (bus.subscribe(&topic()).await, bus.subscribe(&topic()).await);
        bus.publish(&topic(), "after");
        assert_eq!(one.next().await, Hint::Message("after".into()));
        assert_eq!(two.next().await, Hint::Message("after".into()));
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_that_it_missed_some() {
        let bus = LocalBus::new();
        let mut slow = bus.subscribe(&topic()).await;
        for _ in 0..=QUEUE_HINTS_MAX {
            bus.publish(&topic(), "hint");
        }
        assert_eq!(slow.next().await, Hint::Missed);
        bus.publish(&topic(), &"x".repeat(HINT_BYTES_MAX + 1));
    }

    #[tokio::test]
    async fn topics_go_with_their_last_subscriber() {
        let bus = LocalBus::new();
        let one = bus.subscribe(&topic()).await;
        let two = bus.subscribe(&topic()).await;
        drop(one);
        assert_eq!(bus.topics.lock().len(), 1);
        drop(two);
        assert_eq!(bus.topics.lock().len(), 0);
    }
}
