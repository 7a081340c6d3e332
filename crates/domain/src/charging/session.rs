//! The session: event → effects. The platform persists the state and carries out the effects in one transaction.
//!
//! A total function: every state takes every event, in any order and any number of times. Over a session's whole life there
//! is at most one `Settle` or `VoidHold`; `Settled` and `Failed` are never left.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::guest::StartFailure;
use crate::text_enum::text_enum;
use crate::{TransactionId, Tyiyn};

/// Stored as text in `charging_session.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The hold is placed and the start is asked for.
    Starting,
    /// A transaction is bound.
    Charging,
    /// A stop is asked for.
    Stopping,
    /// Billed. Terminal.
    Settled,
    /// Never began: the hold is void. Terminal.
    Failed,
}

text_enum!(SessionState {
    Starting = "starting",
    Charging = "charging",
    Stopping = "stopping",
    Settled = "settled",
    Failed = "failed",
});

impl SessionState {
    /// Never left again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Settled | Self::Failed)
    }
}

/// Why a session ended or is being ended; shown on the page and the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The payer pressed stop.
    Payer,
    /// The threshold was reached.
    Limit,
    /// Stopped at the charger or by unplugging.
    Charger,
    /// The car ended it: it was full.
    Vehicle,
    /// Fault, emergency stop, power loss, reboot.
    Fault,
    /// The charger went silent; closed at its last reading.
    Silence,
    /// Staff.
    Operator,
}

text_enum!(StopReason {
    Payer = "payer",
    Limit = "limit",
    Charger = "charger",
    Vehicle = "vehicle",
    Fault = "fault",
    Silence = "silence",
    Operator = "operator",
});

/// What happens to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEvent {
    /// The charge point answered RemoteStart.
    StartAccepted,
    /// It refused, or the command failed or expired.
    StartRefused { failure: StartFailure },
    /// Also from a charger that began by itself, and for a Start that is told late.
    TransactionStarted { transaction: TransactionId, at: DateTime<Utc> },
    /// The start deadline passed.
    StartDeadline,
    /// By a person. While starting it is remembered: see [`Session::apply`].
    StopRequested { reason: StopReason },
    /// The stop threshold was reached.
    ThresholdReached,
    /// The charge point refused the stop or did not answer: it is asked again.
    StopRefused,
    /// The session's own transaction ended.
    TransactionStopped { reason: StopReason, at: DateTime<Utc> },
    /// Silence for longer than allowed, or Available/Boot without a Stop.
    LostTransaction { at: DateTime<Utc> },
}

/// What must be done with the event, in the same database transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEffect {
    /// Queue RemoteStart (again).
    SendStart { attempt: u8 },
    /// Queue RemoteStop (again).
    SendStop { transaction: TransactionId, attempt: u16 },
    /// Price, capture, release, split, receipt.
    Settle { reason: StopReason },
    /// Release the whole hold; the payer is told why.
    VoidHold { failure: StartFailure },
    /// A transaction runs that nobody pays for: stop it and raise an alarm.
    StopUnpaid { transaction: TransactionId },
}

/// RemoteStart is sent at most this often: once, and once more by itself when it was refused or not answered. More would
/// keep a payer waiting in front of a charger that does not want to.
pub const START_ATTEMPTS_MAX: u8 = 2;

/// The machine's own memory; columns of `charging_session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub state: SessionState,
    /// Bound in `Charging`, `Stopping`, `Settled`; in `Failed` the last one that nobody pays for.
    pub transaction: Option<TransactionId>,
    pub start_attempts: u8,
    pub stop_attempts: u16,
    pub start_deadline: DateTime<Utc>,
    /// In `Starting`: the payer has called it off, and it is not known yet whether the charger starts all the same.
    pub stop_reason: Option<StopReason>,
    pub failure: Option<StartFailure>,
}

impl Session {
    /// A new session in `Starting` and its first effect, `SendStart`.
    pub fn begin(start_deadline: DateTime<Utc>) -> (Self, Vec<SessionEffect>) {
        let session = Self {
            state: SessionState::Starting,
            transaction: None,
            start_attempts: 1,
            stop_attempts: 0,
            start_deadline,
            stop_reason: None,
            failure: None,
        };
        (session, vec![SessionEffect::SendStart { attempt: 1 }])
    }

    /// Applies an event. Total: every state takes every event; a repeated or late one gives no effects (or `StopUnpaid`).
    ///
    /// * A refused or unanswered start is tried once more before the deadline; any other failure ends the session at once.
    /// * A stop while starting does not void the hold yet: the charger may be about to start, and energy without a payer
    ///   would be a gift. It ends as `Cancelled` when the start is refused or its deadline passes, and as a stop when the
    ///   transaction begins after all.
    /// * A stop is asked for until the transaction ends or is lost: there is no last attempt.
    /// * A transaction that begins after the session has failed, or besides its own, is stopped unpaid.
    pub fn apply(&mut self, event: &SessionEvent, now: DateTime<Utc>) -> Vec<SessionEffect> {
        match self.state {
            SessionState::Starting => self.while_starting(event, now),
            SessionState::Charging | SessionState::Stopping => self.while_running(event),
            SessionState::Settled => self.after_settling(event),
            SessionState::Failed => self.after_failing(event),
        }
    }

    fn while_starting(&mut self, event: &SessionEvent, now: DateTime<Utc>) -> Vec<SessionEffect> {
        match *event {
            SessionEvent::StartRefused { failure } => {
                let again = matches!(failure, StartFailure::Rejected | StartFailure::Offline)
                    && self.start_attempts < START_ATTEMPTS_MAX
                    && self.stop_reason.is_none()
                    && now < self.start_deadline;
                if again {
                    self.start_attempts += 1;
                    vec![SessionEffect::SendStart { attempt: self.start_attempts }]
                } else {
                    self.fail(failure)
                }
            }
            SessionEvent::StartDeadline => self.fail(StartFailure::NoCable),
            SessionEvent::TransactionStarted { transaction, .. } => {
                self.transaction = Some(transaction);
                self.state = SessionState::Charging;
                match self.stop_reason {
                    Some(reason) => self.ask_to_stop(reason),
                    None => vec![],
                }
            }
            SessionEvent::StopRequested { reason } => {
                self.stop_reason.get_or_insert(reason);
                vec![]
            }
            // Its Start is lost or comes later: what the meter says is billed.
            SessionEvent::TransactionStopped { reason, .. } => self.settle(self.stop_reason.unwrap_or(reason)),
            // Without a transaction nothing can be lost or reach a threshold; the deadline decides.
            SessionEvent::LostTransaction { .. }
            | SessionEvent::ThresholdReached
            | SessionEvent::StartAccepted
            | SessionEvent::StopRefused => vec![],
        }
    }

    fn while_running(&mut self, event: &SessionEvent) -> Vec<SessionEffect> {
        let stopping = self.state == SessionState::Stopping;
        match *event {
            SessionEvent::TransactionStarted { transaction, .. } => self.unpaid_unless_own(transaction),
            SessionEvent::StopRequested { reason } if !stopping => self.ask_to_stop(reason),
            SessionEvent::ThresholdReached if !stopping => self.ask_to_stop(StopReason::Limit),
            SessionEvent::StopRefused if stopping => self.send_stop(),
            // Who asked for the stop tells more than the charger, which only saw a remote stop.
            SessionEvent::TransactionStopped { reason, .. } => self.settle(self.stop_reason.unwrap_or(reason)),
            SessionEvent::LostTransaction { .. } => self.settle(StopReason::Silence),
            // The transaction is the truth; what becomes of the start command no longer matters.
            SessionEvent::StartAccepted
            | SessionEvent::StartRefused { .. }
            | SessionEvent::StartDeadline
            | SessionEvent::StopRequested { .. }
            | SessionEvent::ThresholdReached
            | SessionEvent::StopRefused => vec![],
        }
    }

    fn after_settling(&mut self, event: &SessionEvent) -> Vec<SessionEffect> {
        match *event {
            SessionEvent::TransactionStarted { transaction, .. } => {
                // Settled without having heard of a Start: this is the late Start of what has ended.
                self.transaction.get_or_insert(transaction);
                self.unpaid_unless_own(transaction)
            }
            _ => vec![],
        }
    }

    fn after_failing(&mut self, event: &SessionEvent) -> Vec<SessionEffect> {
        match *event {
            SessionEvent::TransactionStarted { transaction, .. } if self.transaction != Some(transaction) => {
                self.transaction = Some(transaction);
                vec![SessionEffect::StopUnpaid { transaction }]
            }
            SessionEvent::StopRefused => {
                self.transaction.map(|transaction| SessionEffect::StopUnpaid { transaction }).into_iter().collect()
            }
            _ => vec![],
        }
    }

    fn fail(&mut self, failure: StartFailure) -> Vec<SessionEffect> {
        let failure = if self.stop_reason.is_some() { StartFailure::Cancelled } else { failure };
        self.state = SessionState::Failed;
        self.failure = Some(failure);
        vec![SessionEffect::VoidHold { failure }]
    }

    fn ask_to_stop(&mut self, reason: StopReason) -> Vec<SessionEffect> {
        self.state = SessionState::Stopping;
        self.stop_reason = Some(reason);
        self.send_stop()
    }

    fn send_stop(&mut self) -> Vec<SessionEffect> {
        self.stop_attempts = self.stop_attempts.saturating_add(1);
        self.transaction
            .map(|transaction| SessionEffect::SendStop { transaction, attempt: self.stop_attempts })
            .into_iter()
            .collect()
    }

    fn settle(&mut self, reason: StopReason) -> Vec<SessionEffect> {
        self.state = SessionState::Settled;
        self.stop_reason = Some(reason);
        vec![SessionEffect::Settle { reason }]
    }

    fn unpaid_unless_own(&self, transaction: TransactionId) -> Vec<SessionEffect> {
        if self.transaction == Some(transaction) { vec![] } else { vec![SessionEffect::StopUnpaid { transaction }] }
    }
}

/// The two sides of a bill: what the payer pays and what is written off because it passed what was agreed (DESIGN §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub billed: Tyiyn,
    pub written_off: Tyiyn,
    /// What the account covers beyond the bill: a guest's refund, the rest of a hold.
    pub released: Tyiyn,
}

impl Settlement {
    /// `cost` by the price engine, `agreed` the most that the payer agreed to, `available` what the payer's account covers.
    /// Holds: `billed + written_off = cost`, `billed + released = available`, `billed ≤ agreed`, none negative (a negative
    /// argument counts as nothing).
    pub fn of(cost: Tyiyn, agreed: Tyiyn, available: Tyiyn) -> Self {
        let cost = cost.get().max(0);
        let available = available.get().max(0);
        let billed = cost.min(agreed.get().max(0)).min(available);
        Self { billed: Tyiyn::new(billed), written_off: Tyiyn::new(cost - billed), released: Tyiyn::new(available - billed) }
    }
}

/// Splits `total` by weights so that the parts sum to it exactly (largest remainder, ties to the first). When all weights are
/// zero the first part takes everything; without weights there are no parts.
pub fn split_by_weights(total: Tyiyn, weights: &[u64]) -> Vec<Tyiyn> {
    let Some(first) = weights.first() else { return vec![] };
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    if sum == 0 {
        debug_assert_eq!(*first, 0);
        let mut parts = vec![Tyiyn::ZERO; weights.len()];
        parts[0] = total;
        return parts;
    }
    // Magnitudes: |total| < 2^64 and a weight < 2^64, so their product fits into 128 bits.
    let magnitude = u128::from(total.get().unsigned_abs());
    let mut parts: Vec<u128> = weights.iter().map(|&w| magnitude * u128::from(w) / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(magnitude * u128::from(weights[i]) % sum));
    let mut missing = magnitude - parts.iter().sum::<u128>();
    for i in order {
        if missing == 0 {
            break;
        }
        parts[i] += 1;
        missing -= 1;
    }
    let sign = if total.is_negative() { -1 } else { 1 };
    parts
        .into_iter()
        .map(|part| {
            // A part is at most |total|, and i64::MIN itself can only come back from a negative total.
            let part = i128::try_from(part).unwrap_or(i128::MAX) * sign;
            Tyiyn::new(i64::try_from(part).unwrap_or(i64::MAX))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }
    const T1: TransactionId = TransactionId(1);
    const T2: TransactionId = TransactionId(2);
    fn started(transaction: TransactionId) -> SessionEvent {
        SessionEvent::TransactionStarted { transaction, at: at(5) }
    }
    fn stopped(reason: StopReason) -> SessionEvent {
        SessionEvent::TransactionStopped { reason, at: at(50) }
    }
    fn refused(failure: StartFailure) -> SessionEvent {
        SessionEvent::StartRefused { failure }
    }
    fn stop(reason: StopReason) -> SessionEvent {
        SessionEvent::StopRequested { reason }
    }
    const LOST: SessionEvent = SessionEvent::LostTransaction { at: DateTime::UNIX_EPOCH };

    /// A session with a deadline at 180 s that has lived through the events, and the effects of the last one.
    fn after(events: &[SessionEvent]) -> (Session, Vec<SessionEffect>) {
        let (mut session, mut effects) = Session::begin(at(180));
        for event in events {
            effects = session.apply(event, at(10));
        }
        (session, effects)
    }

    #[test]
    fn begins_with_a_start_and_ends_with_a_bill() {
        use SessionEffect::*;
        assert_eq!(after(&[]).1, [SendStart { attempt: 1 }]);
        assert_eq!(after(&[SessionEvent::StartAccepted, started(T1)]).1, []);
        let (session, effects) = after(&[started(T1), stop(StopReason::Payer)]);
        assert_eq!((session.state, effects), (SessionState::Stopping, vec![SendStop { transaction: T1, attempt: 1 }]));
        let (session, effects) = after(&[started(T1), stop(StopReason::Payer), stopped(StopReason::Charger)]);
        assert_eq!((session.state, effects), (SessionState::Settled, vec![Settle { reason: StopReason::Payer }]));
    }

    #[test]
    fn a_refused_start_is_tried_once_more_and_then_refunded() {
        use SessionEffect::*;
        for failure in [StartFailure::Rejected, StartFailure::Offline] {
            assert_eq!(after(&[refused(failure)]).1, [SendStart { attempt: 2 }]);
            assert_eq!(after(&[refused(failure), refused(failure)]).1, [VoidHold { failure }]);
        }
        // The second attempt may succeed.
        assert_eq!(after(&[refused(StartFailure::Rejected), started(T1)]).0.state, SessionState::Charging);
        // These do not get better by asking again.
        for failure in [StartFailure::ConnectorBusy, StartFailure::OutOfOrder, StartFailure::NoCable] {
            assert_eq!(after(&[refused(failure)]).1, [VoidHold { failure }]);
        }
    }

    #[test]
    fn a_start_refused_after_the_deadline_is_not_tried_again() {
        let (mut session, _) = Session::begin(at(180));
        let effects = session.apply(&refused(StartFailure::Rejected), at(180));
        assert_eq!(effects, [SessionEffect::VoidHold { failure: StartFailure::Rejected }]);
    }

    #[test]
    fn no_cable_within_the_countdown_voids_the_hold_and_a_later_start_is_stopped_unpaid() {
        use SessionEffect::*;
        let late = [SessionEvent::StartAccepted, SessionEvent::StartDeadline];
        assert_eq!(after(&late).1, [VoidHold { failure: StartFailure::NoCable }]);
        let late = [SessionEvent::StartDeadline, started(T1)];
        assert_eq!(after(&late).1, [StopUnpaid { transaction: T1 }]);
        let retold = [SessionEvent::StartDeadline, started(T1), started(T1)];
        assert_eq!(after(&retold).1, []);
        let refused = [SessionEvent::StartDeadline, started(T1), SessionEvent::StopRefused];
        assert_eq!(after(&refused).1, [StopUnpaid { transaction: T1 }]);
    }

    #[test]
    fn a_stop_while_starting_waits_until_it_is_known_whether_energy_flows() {
        use SessionEffect::*;
        let early = stop(StopReason::Payer);
        assert_eq!(after(std::slice::from_ref(&early)).1, []);
        assert_eq!(after(&[early.clone(), started(T1)]).1, [SendStop { transaction: T1, attempt: 1 }]);
        let cancelled = [VoidHold { failure: StartFailure::Cancelled }];
        assert_eq!(after(&[early.clone(), refused(StartFailure::Rejected)]).1, cancelled);
        assert_eq!(after(&[early, SessionEvent::StartDeadline]).1, cancelled);
    }

    #[test]
    fn a_stop_is_asked_for_until_it_is_obeyed_and_only_once_for_each_refusal() {
        use SessionEffect::*;
        let (mut session, _) = after(&[started(T1), SessionEvent::ThresholdReached]);
        for attempt in 2..50 {
            assert_eq!(session.apply(&SessionEvent::StopRefused, at(20)), [SendStop { transaction: T1, attempt }]);
            assert_eq!(session.apply(&stop(StopReason::Payer), at(20)), []);
            assert_eq!(session.apply(&SessionEvent::ThresholdReached, at(20)), []);
        }
        assert_eq!(session.apply(&stopped(StopReason::Charger), at(20)), [Settle { reason: StopReason::Limit }]);
        assert_eq!(session.apply(&stopped(StopReason::Charger), at(20)), []);
        assert_eq!(session.apply(&SessionEvent::StopRefused, at(20)), []);
    }

    #[test]
    fn a_reboot_settles_at_the_last_reading_and_a_second_transaction_is_not_free() {
        use SessionEffect::*;
        assert_eq!(after(&[started(T1), LOST]).1, [Settle { reason: StopReason::Silence }]);
        assert_eq!(after(&[started(T1), LOST, stopped(StopReason::Fault)]).1, []);
        assert_eq!(after(&[started(T1), LOST, started(T1)]).1, []);
        assert_eq!(after(&[started(T1), LOST, started(T2)]).1, [StopUnpaid { transaction: T2 }]);
        assert_eq!(after(&[started(T1), started(T2)]).1, [StopUnpaid { transaction: T2 }]);
    }

    #[test]
    fn a_stop_that_overtakes_its_start_is_billed_and_the_start_changes_nothing() {
        use SessionEffect::*;
        assert_eq!(after(&[stopped(StopReason::Vehicle)]).1, [Settle { reason: StopReason::Vehicle }]);
        assert_eq!(after(&[stopped(StopReason::Vehicle), started(T1)]).1, []);
    }

    fn all_events() -> Vec<SessionEvent> {
        let mut events = vec![
            SessionEvent::StartAccepted,
            SessionEvent::StartDeadline,
            SessionEvent::ThresholdReached,
            SessionEvent::StopRefused,
            started(T1),
            started(T2),
            LOST,
        ];
        events.extend(StartFailure::ALL.iter().copied().map(refused));
        events.extend(StopReason::ALL.iter().copied().map(stop));
        events.extend(StopReason::ALL.iter().copied().map(stopped));
        events
    }

    /// The whole machine on one page: what each state makes of each kind of event.
    #[test]
    fn every_state_takes_every_event() {
        let states: [(&str, Vec<SessionEvent>); 6] = [
            ("starting", vec![]),
            ("starting, called off", vec![stop(StopReason::Payer)]),
            ("charging", vec![started(T1)]),
            ("stopping", vec![started(T1), stop(StopReason::Payer)]),
            ("settled", vec![started(T1), stopped(StopReason::Vehicle)]),
            ("failed", vec![SessionEvent::StartDeadline]),
        ];
        let shown = [
            SessionEvent::StartAccepted,
            refused(StartFailure::Rejected),
            refused(StartFailure::OutOfOrder),
            SessionEvent::StartDeadline,
            started(T1),
            started(T2),
            stop(StopReason::Operator),
            SessionEvent::ThresholdReached,
            SessionEvent::StopRefused,
            stopped(StopReason::Charger),
            LOST,
        ];
        let name = |event: &SessionEvent| match event {
            SessionEvent::StartRefused { failure } => format!("start refused ({})", failure.as_str()),
            SessionEvent::TransactionStarted { transaction, .. } => format!("transaction {transaction} started"),
            SessionEvent::TransactionStopped { .. } => "transaction stopped".into(),
            SessionEvent::LostTransaction { .. } => "transaction lost".into(),
            SessionEvent::StopRequested { .. } => "stop requested".into(),
            other => format!("{other:?}"),
        };
        let mut table = String::new();
        for (state, events) in &states {
            for event in &shown {
                let (mut session, _) = after(events);
                let effects = session.apply(event, at(10));
                table += &format!("{state} + {} -> {} {effects:?}\n", name(event), session.state.as_str());
            }
        }
        insta::assert_snapshot!(table, @r"
        starting + StartAccepted -> starting []
        starting + start refused (rejected) -> starting [SendStart { attempt: 2 }]
        starting + start refused (out_of_order) -> failed [VoidHold { failure: OutOfOrder }]
        starting + StartDeadline -> failed [VoidHold { failure: NoCable }]
        starting + transaction 1 started -> charging []
        starting + transaction 2 started -> charging []
        starting + stop requested -> starting []
        starting + ThresholdReached -> starting []
        starting + StopRefused -> starting []
        starting + transaction stopped -> settled [Settle { reason: Charger }]
        starting + transaction lost -> starting []
        starting, called off + StartAccepted -> starting []
        starting, called off + start refused (rejected) -> failed [VoidHold { failure: Cancelled }]
        starting, called off + start refused (out_of_order) -> failed [VoidHold { failure: Cancelled }]
        starting, called off + StartDeadline -> failed [VoidHold { failure: Cancelled }]
        starting, called off + transaction 1 started -> stopping [SendStop { transaction: TransactionId(1), attempt: 1 }]
        starting, called off + transaction 2 started -> stopping [SendStop { transaction: TransactionId(2), attempt: 1 }]
        starting, called off + stop requested -> starting []
        starting, called off + ThresholdReached -> starting []
        starting, called off + StopRefused -> starting []
        starting, called off + transaction stopped -> settled [Settle { reason: Payer }]
        starting, called off + transaction lost -> starting []
        charging + StartAccepted -> charging []
        charging + start refused (rejected) -> charging []
        charging + start refused (out_of_order) -> charging []
        charging + StartDeadline -> charging []
        charging + transaction 1 started -> charging []
        charging + transaction 2 started -> charging [StopUnpaid { transaction: TransactionId(2) }]
        charging + stop requested -> stopping [SendStop { transaction: TransactionId(1), attempt: 1 }]
        charging + ThresholdReached -> stopping [SendStop { transaction: TransactionId(1), attempt: 1 }]
        charging + StopRefused -> charging []
        charging + transaction stopped -> settled [Settle { reason: Charger }]
        charging + transaction lost -> settled [Settle { reason: Silence }]
        stopping + StartAccepted -> stopping []
        stopping + start refused (rejected) -> stopping []
        stopping + start refused (out_of_order) -> stopping []
        stopping + StartDeadline -> stopping []
        stopping + transaction 1 started -> stopping []
        stopping + transaction 2 started -> stopping [StopUnpaid { transaction: TransactionId(2) }]
        stopping + stop requested -> stopping []
        stopping + ThresholdReached -> stopping []
        stopping + StopRefused -> stopping [SendStop { transaction: TransactionId(1), attempt: 2 }]
        stopping + transaction stopped -> settled [Settle { reason: Payer }]
        stopping + transaction lost -> settled [Settle { reason: Silence }]
        settled + StartAccepted -> settled []
        settled + start refused (rejected) -> settled []
        settled + start refused (out_of_order) -> settled []
        settled + StartDeadline -> settled []
        settled + transaction 1 started -> settled []
        settled + transaction 2 started -> settled [StopUnpaid { transaction: TransactionId(2) }]
        settled + stop requested -> settled []
        settled + ThresholdReached -> settled []
        settled + StopRefused -> settled []
        settled + transaction stopped -> settled []
        settled + transaction lost -> settled []
        failed + StartAccepted -> failed []
        failed + start refused (rejected) -> failed []
        failed + start refused (out_of_order) -> failed []
        failed + StartDeadline -> failed []
        failed + transaction 1 started -> failed [StopUnpaid { transaction: TransactionId(1) }]
        failed + transaction 2 started -> failed [StopUnpaid { transaction: TransactionId(2) }]
        failed + stop requested -> failed []
        failed + ThresholdReached -> failed []
        failed + StopRefused -> failed []
        failed + transaction stopped -> failed []
        failed + transaction lost -> failed []
        ");
    }

    proptest! {
        /// Field cases 1, 3, 9 and money mistake 6: whatever a charger says, a session is settled once or voided once.
        #[test]
        fn any_sequence_settles_or_voids_at_most_once(
            picks in proptest::collection::vec((any::<prop::sample::Index>(), 0_i64..400), 0..40)
        ) {
            let events = all_events();
            let (mut session, _) = Session::begin(at(180));
            let mut ends = 0;
            let mut starts = 1;
            for (pick, second) in picks {
                let event = pick.get(&events);
                let before = session.clone();
                let effects = session.apply(event, at(second));
                ends += effects.iter().filter(|e| matches!(e, SessionEffect::Settle { .. } | SessionEffect::VoidHold { .. })).count();
                starts += effects.iter().filter(|e| matches!(e, SessionEffect::SendStart { .. })).count();
                if before.state.is_terminal() {
                    prop_assert_eq!(session.state, before.state);
                    let only_stops = effects.iter().all(|e| matches!(e, SessionEffect::StopUnpaid { .. }));
                    prop_assert!(only_stops);
                }
                if matches!(session.state, SessionState::Charging | SessionState::Stopping) {
                    prop_assert!(session.transaction.is_some());
                }
                prop_assert_eq!(session.state == SessionState::Failed, session.failure.is_some());
                prop_assert_eq!(ends, usize::from(session.state.is_terminal()));
                prop_assert!(starts <= usize::from(START_ATTEMPTS_MAX));
                // The platform keeps the memory in columns: nothing else is needed to go on.
                let stored = serde_json::to_string(&session).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Session>(&stored).unwrap(), &session);
            }
        }

        #[test]
        fn a_settlement_loses_nothing_and_passes_no_limit(cost in 0_i64.., agreed in 0_i64.., available in 0_i64..) {
            let s = Settlement::of(Tyiyn::new(cost), Tyiyn::new(agreed), Tyiyn::new(available));
            prop_assert_eq!(s.billed.checked_add(s.written_off), Some(Tyiyn::new(cost)));
            prop_assert_eq!(s.billed.checked_add(s.released), Some(Tyiyn::new(available)));
            prop_assert!(s.billed.get() <= agreed && !s.billed.is_negative() && !s.written_off.is_negative() && !s.released.is_negative());
        }

        #[test]
        fn parts_sum_to_the_whole(total: i64, weights in proptest::collection::vec(any::<u64>(), 1..9)) {
            let parts = split_by_weights(Tyiyn::new(total), &weights);
            prop_assert_eq!(parts.len(), weights.len());
            prop_assert_eq!(Tyiyn::checked_sum(parts.iter().copied()), Some(Tyiyn::new(total)));
            let sum: i128 = weights.iter().copied().map(i128::from).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                // No part is a whole tyiyn or more away from its exact share.
                let exact = i128::from(total) * i128::from(*weight);
                if sum > 0 {
                    prop_assert!((i128::from(part.get()) * sum - exact).abs() < sum);
                }
            }
        }
    }

    #[test]
    fn a_split_gives_the_odd_tyiyn_to_the_largest_remainder_and_ties_to_the_first() {
        let split =
            |total, weights: &[u64]| split_by_weights(Tyiyn::new(total), weights).iter().map(|t| t.get()).collect::<Vec<_>>();
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(101, &[1, 1]), [51, 50]);
        assert_eq!(split(-101, &[1, 1]), [-51, -50]);
        assert_eq!(split(10, &[0, 3, 7]), [0, 3, 7]);
        assert_eq!(split(7, &[0, 0]), [7, 0]);
        assert_eq!(split(1, &[1, 2]), [0, 1]);
        assert_eq!(split(i64::MIN, &[u64::MAX]), [i64::MIN]);
        assert_eq!(split(5, &[]), Vec::<i64>::new());
    }

    #[test]
    fn overshoot_is_written_off_and_never_billed() {
        let t = Tyiyn::new;
        assert_eq!(Settlement::of(t(520), t(500), t(500)), Settlement { billed: t(500), written_off: t(20), released: t(0) });
        assert_eq!(Settlement::of(t(120), t(500), t(500)), Settlement { billed: t(120), written_off: t(0), released: t(380) });
        assert_eq!(Settlement::of(t(-1), t(500), t(500)), Settlement { billed: t(0), written_off: t(0), released: t(500) });
    }
}
