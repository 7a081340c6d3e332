//! How many may come in, and how fast: so that thousands of charge points that reconnect in the same minute, or one that has gone mad,
//! cost a bounded amount of work, memory and database.
//!
//! Three gates, in this order: rates (new connections a second, of all and of one address; failed attempts of one charge point and of one
//! address), then a bounded queue that moves at a pace, then a bounded number of handshakes that are worked on at the same time. Whoever does not
//! pass is told when to come again, each a little later than the next. Knows no database and no credentials.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Addresses and charge points that are remembered. Beyond that, newcomers share one rate until others are forgotten.
const REMEMBERED_MAX: usize = 20_000;
/// The remembered are gone through this often at most: it is a walk over all of them.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// A charge point that once gave the right password from an address is not suspected for its neighbours' failures for this long.
const TRUSTED_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Those that are told to come again do it spread over so many seconds.
const COME_AGAIN_SPREAD_S: u64 = 20;
/// The least that is told: a charger that ignores Retry-After waits for some seconds as well.
const COME_AGAIN_MIN_S: u64 = 5;

/// What can wait waits no longer than this.
const SPARE_MAX: Duration = Duration::from_secs(15 * 60);

/// So many at once, and then one every so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub every: Duration,
}

impl Rate {
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// Whether one more is within the rate. `spent_until` is when all that was taken will be regained.
    fn has_room(self, spent_until: Instant, now: Instant) -> Result<(), Duration> {
        let ahead = spent_until.saturating_duration_since(now);
        let room = self.every * self.burst.saturating_sub(1);
        if ahead <= room { Ok(()) } else { Err(ahead - room) }
    }

    fn take(self, spent_until: &mut Instant, now: Instant) -> Result<(), Duration> {
        self.has_room(*spent_until, now)?;
        *spent_until = (*spent_until).max(now) + self.every;
        Ok(())
    }

    /// The same for one who waits: how long.
    fn take_next(self, spent_until: &mut Instant, now: Instant) -> Duration {
        let after = self.has_room(*spent_until, now).err().unwrap_or_default();
        *spent_until = ((*spent_until).max(now) + self.every).min(now + SPARE_MAX);
        after
    }
}

/// What can be set. The defaults are for one node on two cores with 20 database connections.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionSettings {
    /// Handshakes that are worked on at the same time. What they ask the database is gathered into few statements, so they are as many as
    /// one statement answers, and hold no connection of it.
    pub handshakes_at_once: usize,
    /// Handshakes that come to their turn: a burst at once, and then at a pace that leaves a part of two cores free. Where both are busy all
    /// the time, everybody waits, and a guest's page among them.
    pub handshakes: Rate,
    /// Handshakes that wait for their turn: a storm of all charge points of a large network, at some 10 KB each.
    pub waiting_max: usize,
    /// Longer than this nobody waits: chargers give up after some 10 to 30 seconds.
    pub wait: Duration,
    /// New connections of all: a storm at once, and then what two cores can serve beside their other work.
    pub all: Rate,
    /// New connections of one address. Generous, because chargers with SIM cards share the addresses of their operator, and behind a
    /// proxy that is not trusted all have one.
    pub address: Rate,
    /// Failed attempts of one identity from one address: an electrician who tries passwords, not a charger that tries for ever.
    pub identity_failures: Rate,
    /// Failed attempts from one address, whatever the identities: several broken chargers behind one address are real, a scan is not.
    /// It never concerns a charge point that has lately come in from there.
    pub address_failures: Rate,
    /// Messages of charge points that are worked on in the database at the same time, each with a connection of it: few, because two cores do
    /// no more at once, and a guest's page waits for whatever they work on. The others wait, one a connection. What is gathered into
    /// statements for many takes no turn.
    pub messages_at_once: usize,
    /// Charge points that are told their settings, or asked for their status: three commands each, a tenth of what a node can do.
    pub housekeeping: Rate,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            handshakes_at_once: 64,
            handshakes: Rate::new(64, Duration::from_micros(2_300)),
            waiting_max: 6_000,
            wait: Duration::from_secs(15),
            all: Rate::new(6_000, Duration::from_millis(2)),
            address: Rate::new(6_000, Duration::from_millis(4)),
            identity_failures: Rate::new(10, Duration::from_secs(10)),
            address_failures: Rate::new(100, Duration::from_millis(500)),
            messages_at_once: 8,
            housekeeping: Rate::new(20, Duration::from_millis(50)),
        }
    }
}

/// Why somebody does not come in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// By failed attempts, not by numbers.
    pub(crate) by_failures: bool,
    pub(crate) come_again_s: u64,
}

/// A turn in the handshake; the next one's comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// Figures since the start.
#[derive(Debug, Default)]
pub struct AdmissionFigures {
    /// The most handshakes that were worked on at the same time.
    pub at_once_most: AtomicUsize,
    /// The most that waited for their turn.
    pub waiting_most: AtomicUsize,
}

/// A network's address: an IPv6 customer has 2^64 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Origin(IpAddr);

impl Origin {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let mut bytes = v6.octets();
                bytes[8..].fill(0);
                Self(IpAddr::from(bytes))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

type Pair = (Origin, String);

/// Rates by key, a bounded number of them.
#[derive(Debug)]
struct Rates<K> {
    rate: Rate,
    spent_until: HashMap<K, Instant>,
    /// Of all that found no place.
    shared: Instant,
    forgotten_at: Instant,
}

impl<K: Eq + Hash> Rates<K> {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, spent_until: HashMap::new(), shared: now, forgotten_at: now }
    }

    fn has_room(&self, key: &K, now: Instant) -> Result<(), Duration> {
        match self.spent_until.get(key) {
            Some(spent_until) => self.rate.has_room(*spent_until, now),
            None if self.spent_until.len() >= REMEMBERED_MAX => self.rate.has_room(self.shared, now),
            None => Ok(()),
        }
    }

    fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        if let Some(spent_until) = self.spent_until.get_mut(&key) {
            return self.rate.take(spent_until, now);
        }
        if self.spent_until.len() >= REMEMBERED_MAX && now >= self.forgotten_at + FORGET_EVERY {
            self.forgotten_at = now;
            self.spent_until.retain(|_, spent_until| *spent_until > now);
        }
        if self.spent_until.len() >= REMEMBERED_MAX {
            return self.rate.take(&mut self.shared, now);
        }
        let mut spent_until = now;
        let taken = self.rate.take(&mut spent_until, now);
        self.spent_until.insert(key, spent_until);
        taken
    }
}

#[derive(Debug)]
struct State {
    all_spent_until: Instant,
    addresses: Rates<Origin>,
    identity_failures: Rates<Pair>,
    address_failures: Rates<Origin>,
    /// Until when a pair is trusted.
    trusted: HashMap<Pair, Instant>,
    waiting: usize,
    /// Until when the moments for handshakes are taken.
    handshakes_until: Instant,
    /// Until when the moments for what can wait are taken.
    spare_until: Instant,
}

#[derive(Debug)]
pub(crate) struct Admission {
    settings: AdmissionSettings,
    turns: Arc<Semaphore>,
    messages: Semaphore,
    state: Mutex<State>,
    pub(crate) figures: AdmissionFigures,
}

impl Admission {
    pub(crate) fn new(settings: AdmissionSettings, now: Instant) -> Self {
        let state = State {
            all_spent_until: now,
            addresses: Rates::new(settings.address, now),
            identity_failures: Rates::new(settings.identity_failures, now),
            address_failures: Rates::new(settings.address_failures, now),
            trusted: HashMap::new(),
            waiting: 0,
            handshakes_until: now,
            spare_until: now,
        };
        Self {
            turns: Arc::new(Semaphore::new(settings.handshakes_at_once.max(1))),
            messages: Semaphore::new(settings.messages_at_once.max(1)),
            settings,
            state: Mutex::new(state),
            figures: AdmissionFigures::default(),
        }
    }

    /// Waits for a turn, or says why there is none.
    pub(crate) async fn enter(&self, address: IpAddr, identity: &str) -> Result<Turn, TooMany> {
        let refused = |by_failures, after: Duration| TooMany { by_failures, come_again_s: come_again_s(identity, after) };
        self.check(address, identity, Instant::now()).map_err(|(by_failures, after)| refused(by_failures, after))?;
        let Some(_place) = Place::take(self) else { return Err(refused(false, self.settings.wait)) };
        let now = Instant::now();
        let Some(moment) = self.moment(now) else { return Err(refused(false, self.settings.wait)) };
        let turn = async {
            sleep_until(moment).await;
            self.turns.clone().acquire_owned().await
        };
        match timeout_at(now + self.settings.wait, turn).await {
            Ok(Ok(permit)) => {
                let at_once = self.settings.handshakes_at_once.saturating_sub(self.turns.available_permits());
                self.figures.at_once_most.fetch_max(at_once, Ordering::Relaxed);
                Ok(Turn { _permit: permit })
            }
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(refused(false, Duration::ZERO)),
        }
    }

    fn check(&self, address: IpAddr, identity: &str, now: Instant) -> Result<(), (bool, Duration)> {
        let pair = (Origin::of(address), identity.to_owned());
        let mut state = self.lock();
        state.identity_failures.has_room(&pair, now).map_err(|after| (true, after))?;
        if state.trusted.get(&pair).is_none_or(|until| *until <= now) {
            state.address_failures.has_room(&pair.0, now).map_err(|after| (true, after))?;
        }
        state.addresses.take(pair.0, now).map_err(|after| (false, after))?;
        self.settings.all.take(&mut state.all_spent_until, now).map_err(|after| (false, after))
    }

    /// Somebody was not who it said to be.
    pub(crate) fn failed(&self, address: IpAddr, identity: &str) {
        let now = Instant::now();
        let origin = Origin::of(address);
        let mut state = self.lock();
        // What is beyond the rates is refused before it can fail; only those that were at it at the same time come here.
        let _ = state.identity_failures.take((origin, identity.to_owned()), now);
        let _ = state.address_failures.take(origin, now);
    }

    /// Somebody was.
    pub(crate) fn succeeded(&self, address: IpAddr, identity: &str) {
        let now = Instant::now();
        let pair = (Origin::of(address), identity.to_owned());
        let mut state = self.lock();
        state.identity_failures.spent_until.remove(&pair);
        if state.trusted.len() >= REMEMBERED_MAX && !state.trusted.contains_key(&pair) {
            // There are as many as there can be connections: one that has its place here has it there.
            state.trusted.retain(|_, until| *until > now);
            if state.trusted.len() >= REMEMBERED_MAX {
                return;
            }
        }
        state.trusted.insert(pair, now + TRUSTED_FOR);
    }

    /// The next moment for what can wait, such as telling a charge point its settings: now, or later when many want it, so that in a storm
    /// those who are in leave the work to those who are not.
    pub(crate) fn spare_moment(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let later = self.settings.housekeeping.take_next(&mut state.spare_until, now);
        now + later.min(SPARE_MAX)
    }

    /// The next moment for a handshake; none when nobody would wait for it so long.
    fn moment(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let mut until = state.handshakes_until;
        let after = self.settings.handshakes.take_next(&mut until, now);
        (after <= self.settings.wait).then(|| {
            state.handshakes_until = until;
            now + after
        })
    }

    /// Waits until a message may be worked on.
    pub(crate) async fn message(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.messages.acquire().await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole whoever panicked beside it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue for a turn; given back also when the one who waits goes away.
struct Place<'a>(&'a Admission);

impl<'a> Place<'a> {
    fn take(admission: &'a Admission) -> Option<Self> {
        let mut state = admission.lock();
        if state.waiting >= admission.settings.waiting_max {
            return None;
        }
        state.waiting += 1;
        admission.figures.waiting_most.fetch_max(state.waiting, Ordering::Relaxed);
        Some(Self(admission))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// When to come again: not all at the same time.
fn come_again_s(identity: &str, after: Duration) -> u64 {
    after.as_secs().max(COME_AGAIN_MIN_S) + spread(identity) % COME_AGAIN_SPREAD_S
}

/// The base interval in seconds of a charge point's heartbeats: slower the more there are, so that all together send
/// [`HEARTBEATS_A_SECOND`] at most, and each a little different, so that those that booted together do not beat together.
pub(crate) fn heartbeat_interval_s(base_s: u32, connections: usize, key: &str) -> u32 {
    let by_number = u32::try_from(connections / HEARTBEATS_A_SECOND).unwrap_or(u32::MAX);
    let interval = by_number.clamp(base_s, base_s.max(HEARTBEAT_MAX_S));
    // Up to a tenth more.
    let tenth = u64::from(interval / 10) + 1;
    interval + u32::try_from(spread(key) % tenth).unwrap_or(0)
}

/// Heartbeats prove little, since any frame proves life and we ping: no more than a hundredth of what a node can take.
const HEARTBEATS_A_SECOND: usize = 20;
/// A charge point's clock is set by its heartbeats: once in half an hour at least.
const HEARTBEAT_MAX_S: u32 = 1_800;

/// A number that is always the same for an identity and different for its neighbours (FNV-1a).
fn spread(identity: &str) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hashed = identity.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    // Its low bits differ little between identities that differ in the last digit.
    hashed ^ (hashed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn admission(change: impl FnOnce(&mut AdmissionSettings)) -> (Admission, Instant) {
        let mut settings = AdmissionSettings::default();
        change(&mut settings);
        let now = Instant::now();
        (Admission::new(settings, now), now)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let (admission, now) = admission(|s| s.address = Rate::new(3, Duration::from_secs(1)));
        for _ in 0..3 {
            assert_eq!(admission.check(HOME, "CP1", now), Ok(()));
        }
        assert_eq!(admission.check(HOME, "CP1", now), Err((false, Duration::from_secs(1))));
        assert_eq!(admission.check([198, 51, 100, 1].into(), "CP1", now), Ok(()), "another address");
        assert_eq!(admission.check(HOME, "CP1", now + Duration::from_secs(1)), Ok(()));
        assert!(admission.check(HOME, "CP1", now + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn one_chargers_failures_are_not_its_neighbours() {
        let (admission, now) = admission(|s| s.identity_failures = Rate::new(2, Duration::from_secs(10)));
        for _ in 0..2 {
            admission.failed(HOME, "CP1");
        }
        assert!(matches!(admission.check(HOME, "CP1", now), Err((true, _))));
        assert_eq!(admission.check(HOME, "CP2", now), Ok(()));
        assert_eq!(admission.check([198, 51, 100, 1].into(), "CP1", now), Ok(()), "nobody is locked out by a stranger");
        assert_eq!(admission.check(HOME, "CP1", now + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn a_scan_is_slowed_but_not_those_who_came_in_before() {
        let (admission, now) = admission(|s| s.address_failures = Rate::new(5, Duration::from_secs(10)));
        admission.succeeded(HOME, "CP1");
        for n in 0..10 {
            admission.failed(HOME, &format!("SCAN-{n}"));
        }
        assert!(matches!(admission.check(HOME, "CP2", now), Err((true, _))));
        assert_eq!(admission.check(HOME, "CP1", now), Ok(()));
    }

    #[test]
    fn whoever_comes_memory_is_bounded() {
        let now = Instant::now();
        let mut rates = Rates::new(Rate::new(1, Duration::from_secs(3_600)), now);
        for n in 0..REMEMBERED_MAX + 100 {
            let _ = rates.take(n, now);
        }
        assert_eq!(rates.spent_until.len(), REMEMBERED_MAX);
        assert!(rates.take(usize::MAX, now).is_err(), "newcomers share one rate");
        assert!(rates.take(usize::MAX, now + Duration::from_secs(7_200)).is_ok());
        assert_eq!(rates.spent_until.len(), 1, "the others are forgotten");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let origin = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_eq!(origin("::ffff:203.0.113.9"), Origin::of(HOME));
    }

    #[tokio::test]
    async fn turns_are_taken_one_after_another_and_the_queue_is_bounded() {
        let (admission, _) = admission(|s| {
            s.handshakes_at_once = 1;
            s.waiting_max = 1;
            s.wait = Duration::from_millis(1);
        });
        let turn = admission.enter(HOME, "CP1").await.unwrap();
        let (second, third) = tokio::join!(admission.enter(HOME, "CP2"), admission.enter(HOME, "CP3"));
        assert!(second.is_err() && third.is_err());
        drop(turn);
        assert!(admission.enter(HOME, "CP2").await.is_ok());
        assert_eq!(admission.lock().waiting, 0);
    }

    #[test]
    fn a_few_have_their_turn_at_once_and_thousands_one_after_another() {
        let (admission, now) = admission(|s| {
            s.handshakes = Rate::new(3, Duration::from_secs(1));
            s.wait = Duration::from_secs(10);
        });
        let waits: Vec<_> = (0..20).map_while(|_| admission.moment(now)).map(|at| (at - now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "nobody is let wait for what is too late");
        assert_eq!(
            admission.moment(now + Duration::from_secs(1)),
            Some(now + Duration::from_secs(11)),
            "the refused took none"
        );
        // All that may wait come to their turn before they are sent away.
        let s = AdmissionSettings::default();
        assert!(s.handshakes.every * u32::try_from(s.waiting_max).unwrap() < s.wait);
    }

    #[test]
    fn what_can_wait_waits_in_a_storm_and_is_spread() {
        let now = Instant::now();
        let admission = Admission::new(AdmissionSettings::default(), now);
        let moments: Vec<_> = (0..1_000).map(|_| admission.spare_moment(now) - now).collect();
        assert!(moments[..20].iter().all(Duration::is_zero));
        assert!(moments.is_sorted());
        assert_eq!(moments[999], Duration::from_millis(50) * 980);
        // However many there were, it comes.
        assert!((0..100_000).all(|_| admission.spare_moment(now) - now <= SPARE_MAX));
        assert_eq!(admission.spare_moment(now + SPARE_MAX), now + SPARE_MAX);
    }

    #[test]
    fn heartbeats_slow_down_with_their_number_and_are_spread() {
        let interval = |connections: usize, identity: &str| heartbeat_interval_s(300, connections, identity);
        assert!((300..=330).contains(&interval(0, "CP1")));
        assert!((300..=330).contains(&interval(6_000, "CP1")));
        assert!((1_000..=1_100).contains(&interval(20_000, "CP1")));
        assert!((1_800..=1_980).contains(&interval(1_000_000, "CP1")));
        assert_eq!(interval(0, "CP1"), interval(0, "CP1"));
        let spread: std::collections::BTreeSet<_> = (0..1_000).map(|n| interval(0, &format!("CP-{n:05}"))).collect();
        assert!(spread.len() > 25, "only {} different intervals", spread.len());
        assert_eq!(heartbeat_interval_s(86_400, 0, "") / 86_400, 1, "what is configured is the least");
    }
}
