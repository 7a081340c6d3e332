//! Who is connected to this process: so that the newest socket of a charge point ends the one before it at once. Only a hint; the epoch in
//! PostgreSQL is what keeps an old socket from writing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::ChargePointId;
use platform::stations::Lease;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Figures since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sockets open now.
    pub connections: AtomicUsize,
    /// CALLs from charge points that were answered.
    pub calls_answered: AtomicU64,
    /// Frames that could not be read, or were refused.
    pub calls_refused: AtomicU64,
    /// Commands that went out.
    pub commands_sent: AtomicU64,
    /// Handshakes that were refused.
    pub handshakes_refused: AtomicU64,
}

/// What others may tell a connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Something waits to be sent.
    pub(crate) wake: Notify,
    /// A newer connection has taken over.
    pub(crate) superseded: CancellationToken,
}

#[derive(Default)]
pub(crate) struct Registry {
    live: Mutex<HashMap<ChargePointId, (i64, Arc<Link>)>>,
    counters: Counters,
}

impl Registry {
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Enters a connection and ends an older one of the same charge point.
    pub(crate) fn enter(&self, lease: Lease) -> Arc<Link> {
        let link = Arc::new(Link::default());
        let mut live = self.lock();
        match live.get(&lease.charge_point) {
            // Two handshakes at once may arrive here in the wrong order: the epoch decides.
            Some((epoch, _)) if *epoch > lease.epoch => link.superseded.cancel(),
            _ => {
                if let Some((_, older)) = live.insert(lease.charge_point, (lease.epoch, link.clone())) {
                    older.superseded.cancel();
                }
            }
        }
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        link
    }

    /// Takes a connection out, unless a newer one has its place.
    pub(crate) fn leave(&self, lease: Lease) {
        let mut live = self.lock();
        if live.get(&lease.charge_point).is_some_and(|(epoch, _)| *epoch == lease.epoch) {
            live.remove(&lease.charge_point);
        }
        self.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// All that are connected here.
    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.lock().iter().map(|(charge_point, (epoch, _))| Lease { charge_point: *charge_point, epoch: *epoch }).collect()
    }

    /// Something waits to be sent to this charge point.
    pub(crate) fn wake(&self, charge_point: ChargePointId) {
        if let Some((_, link)) = self.lock().get(&charge_point) {
            link.wake.notify_one();
        }
    }

    /// Another node has the newer connection.
    pub(crate) fn supersede(&self, lease: Lease) {
        if let Some((epoch, link)) = self.lock().get(&lease.charge_point)
            && *epoch == lease.epoch
        {
            link.superseded.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ChargePointId, (i64, Arc<Link>)>> {
        // Entries are whole whoever panicked beside them.
        self.live.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(epoch: i64) -> Lease {
        Lease { charge_point: ChargePointId::parse("018f0000-0000-7000-8000-000000000001").unwrap(), epoch }
    }

    #[test]
    fn the_newest_socket_wins_in_whatever_order_they_come() {
        let registry = Registry::default();
        let first = registry.enter(lease(1));
        let third = registry.enter(lease(3));
        let second = registry.enter(lease(2));
        let ended = |link: &Link| link.superseded.is_cancelled();
        assert!(ended(&first) && ended(&second) && !ended(&third));
    }

    #[test]
    fn the_old_one_leaving_does_not_take_the_new_one_out() {
        let registry = Registry::default();
        let _first = registry.enter(lease(1));
        let second = registry.enter(lease(2));
        registry.leave(lease(1));
        let _third = registry.enter(lease(3));
        assert!(second.superseded.is_cancelled());
    }
}
