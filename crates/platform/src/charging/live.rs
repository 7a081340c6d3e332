//! The running state of a session's transaction: register, bill, idling, and when to stop. A cache: rebuilt from the rows at
//! any time, and used only while it agrees with them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::charging::hold::{StopRule, Verdict};
use domain::charging::meter::{Reading, ReadingNote, RegisterModel, Start};
use domain::tariffs::{Bill, MeterPoint, PriceError, RunningBill};
use domain::{TransactionId, Tyiyn, Watt, Wh};

use super::store::{SampleRow, SessionRow, TransactionRow};
use super::{ChargingSettings, Sample};
use crate::stations::ConnectorFacts;

/// How far ahead the clock is asked for: a session that may go on for longer is looked at again then.
const JUDGE_AHEAD_MAX: TimeDelta = TimeDelta::hours(12);
/// A cap that would be longer than a day is one of a day: it is renewed long before.
const RUNS_SECONDS_MAX: i64 = 86_400;
/// A reading that arrives this soon after it was made shows that the transaction lives.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// A report that is longer on its way than this is believed by its arrival alone.
const ON_ITS_WAY_MAX: TimeDelta = TimeDelta::days(1);

/// A time that is billed by: the claimed one where it can be true, else the time of arrival (field case 8).
pub(super) fn bounded(
    claimed: Option<DateTime<Utc>>,
    not_before: DateTime<Utc>,
    received: DateTime<Utc>,
    skew: TimeDelta,
) -> DateTime<Utc> {
    match claimed {
        // A clock a little ahead of ours is as good as ours.
        Some(at) if at > received && at <= received + skew => received,
        Some(at) if not_before <= at && at <= received => at,
        // A little before the start: the two clocks differ. More: that clock is worthless.
        Some(at) if at < not_before && at + skew >= not_before => not_before,
        _ => received.max(not_before),
    }
}

/// 1970 stands for a time that could not be read.
fn readable(claimed_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Some(claimed_at).filter(|at| *at != DateTime::UNIX_EPOCH)
}

/// A start whose own time could not be true counts from when it was heard of: it can have been as early as it was asked for, and what
/// nobody pays for, and so nobody asked for, a day before.
fn earliest_start(transaction: &TransactionRow, session: Option<&SessionRow>, skew: TimeDelta) -> DateTime<Utc> {
    let is_claimed = (transaction.started_at - transaction.claimed_start_at).abs() <= skew;
    if is_claimed {
        return transaction.started_at;
    }
    session.map_or(transaction.started_at - ON_ITS_WAY_MAX, |row| row.requested_at.min(transaction.started_at))
}

/// A running transaction.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub transaction: TransactionId,
    meter_start: Wh,
    started_at: DateTime<Utc>,
    register: RegisterModel,
    /// Of the last reading that was not late, as it came.
    last_register: Option<Wh>,
    last_sampled_at: DateTime<Utc>,
    /// Of any reading: a later one cannot be a repetition.
    newest_claimed_at: Option<DateTime<Utc>>,
    /// Reported without a register since the last reading.
    reported_power: Watt,
    /// What the charger itself said last, for people to read.
    told_power: Option<Watt>,
    /// When the car last drew more than idling, and the energy then.
    drawn_at: DateTime<Utc>,
    drawn: Wh,
    idle_below: Watt,
    max_power: Watt,
    /// Samples taken into account.
    pub count: i32,
    /// Without a session there is nothing to pay.
    paid: Option<Paid>,
}

#[derive(Debug, Clone)]
struct Paid {
    bill: RunningBill,
    rule: StopRule,
}

impl Paid {
    fn new(session: &SessionRow, started_at: DateTime<Utc>) -> Self {
        Self {
            bill: RunningBill::new(session.tariff.clone(), started_at),
            rule: StopRule { hold: session.hold, limit: session.limit, started_at },
        }
    }

    fn runs_until(&self, power: Watt, now: DateTime<Utc>) -> DateTime<Utc> {
        let may_run = |seconds: i64| {
            let at = now + TimeDelta::seconds(seconds);
            matches!(self.rule.judge(&self.bill, power, at, TimeDelta::zero()), Ok(Verdict::GoOn))
        };
        // Halving: the longest that may run is between the two.
        let (mut runs, mut stops) = (0, RUNS_SECONDS_MAX);
        while stops - runs > 1 {
            let middle = runs + (stops - runs) / 2;
            *(if may_run(middle) { &mut runs } else { &mut stops }) = middle;
        }
        now + TimeDelta::seconds(runs)
    }
}

/// The same for a session that would start now.
pub(super) fn would_run_until(session: &SessionRow, power: Watt, now: DateTime<Utc>) -> DateTime<Utc> {
    Paid::new(session, now).runs_until(power, now)
}

/// A sample with the time it is billed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub row_energy: Wh,
    pub note: ReadingNote,
    pub sampled_at: DateTime<Utc>,
    /// It shows that the transaction lives.
    pub fresh: bool,
}

impl Live {
    /// As of the start of a transaction.
    pub fn new(
        transaction: &TransactionRow,
        session: Option<&SessionRow>,
        connector: Option<&ConnectorFacts>,
        settings: &ChargingSettings,
    ) -> Self {
        // A connector that is not entered can be of any size: what it reports is evidence only.
        let nominal = connector.map_or(1_000_000, |facts| facts.max_power.get());
        let plausible = nominal.saturating_mul(i64::from(settings.plausible_power_percent)) / 100;
        let started_at = transaction.started_at;
        let start = Start {
            at: started_at,
            not_before: earliest_start(transaction, session, settings.clock_skew),
            clock: readable(transaction.claimed_start_at),
        };
        Self {
            transaction: transaction.id,
            meter_start: transaction.meter_start,
            started_at,
            register: RegisterModel::new(transaction.meter_start, start, Watt::new(plausible)),
            last_register: None,
            last_sampled_at: started_at,
            newest_claimed_at: None,
            reported_power: Watt::ZERO,
            told_power: None,
            drawn_at: started_at,
            drawn: Wh::ZERO,
            idle_below: settings.idle_below,
            max_power: Watt::new(nominal),
            count: 0,
            paid: session.map(|session| Paid::new(session, started_at)),
        }
    }

    /// Takes the samples that were kept, in their order.
    pub fn replay(mut self, samples: &[SampleRow]) -> Self {
        for sample in samples {
            self.remember_claim(sample.claimed_at);
            let clock = Some(sample.claimed_at);
            self.push(Reading { at: sample.sampled_at, clock, register: sample.register, power: sample.power });
        }
        self
    }

    /// Whether it was made of the transaction as it is now: later events of it may know its start better, or bring the payer.
    pub fn agrees_with(&self, transaction: &TransactionRow) -> bool {
        (self.meter_start, self.started_at) == (transaction.meter_start, transaction.started_at)
            && self.paid.is_some() == transaction.session.is_some()
    }

    /// Whether a sample may be one that is kept already.
    pub fn may_know(&self, claimed_at: DateTime<Utc>) -> bool {
        self.newest_claimed_at.is_some_and(|newest| claimed_at <= newest)
    }

    fn remember_claim(&mut self, claimed_at: DateTime<Utc>) {
        self.newest_claimed_at = self.newest_claimed_at.max(Some(claimed_at));
    }

    /// Takes a new sample that has a register.
    pub fn take(
        &mut self,
        sample: &Sample,
        register: Wh,
        claimed_at: DateTime<Utc>,
        received_at: DateTime<Utc>,
        skew: TimeDelta,
    ) -> Taken {
        let mut sampled_at = bounded(sample.claimed_at, self.started_at, received_at, skew);
        if sampled_at < self.last_sampled_at && self.last_register.is_some_and(|last| register > last) {
            // The register has gone on, the clock has gone back: it is the clock that is wrong. Taken for late, it and all
            // that follow would stop counting.
            sampled_at = received_at.max(self.last_sampled_at);
        }
        let fresh = received_at - sampled_at <= FRESH;
        self.remember_claim(claimed_at);
        let (row_energy, note) = self.push(Reading { at: sampled_at, clock: Some(claimed_at), register, power: sample.power });
        Taken { row_energy, note, sampled_at, fresh }
    }

    /// Takes a sample that only tells power.
    pub fn take_power(&mut self, power: Watt) {
        self.reported_power = Watt::new(power.get().clamp(0, self.max_power.get()));
        self.told_power = Some(self.reported_power);
    }

    fn push(&mut self, reading: Reading) -> (Wh, ReadingNote) {
        self.count += 1;
        let (energy, note) = self.register.push(reading);
        if note != ReadingNote::Late {
            self.last_register = Some(reading.register);
            self.last_sampled_at = reading.at;
            self.reported_power = Watt::ZERO;
            self.told_power = reading.power.map(|power| Watt::new(power.get().clamp(0, self.max_power.get())));
            self.follow();
        }
        (energy, note)
    }

    /// Takes the reading of the end, against the lifetime register.
    pub fn finish(&mut self, meter_stop: Wh, at: DateTime<Utc>, claimed_at: DateTime<Utc>) -> (Wh, ReadingNote) {
        let reading = Reading { at, clock: readable(claimed_at), register: meter_stop, power: None };
        let taken = self.register.finish(reading);
        self.last_sampled_at = self.last_sampled_at.max(at);
        self.follow();
        taken
    }

    /// The bill and the idling follow the register.
    fn follow(&mut self) {
        let point = MeterPoint { at: self.register.last_at(), energy: self.register.energy() };
        if let Some(paid) = &mut self.paid {
            // The register never falls and its time never goes back, so the point is always in order.
            let pushed = paid.bill.push(point);
            debug_assert!(pushed.is_ok() || !matches!(pushed, Err(PriceError::OutOfOrder)), "{pushed:?}");
        }
        let more = Wh::new(point.energy.get().saturating_sub(self.drawn.get()));
        if more > Wh::ZERO && Watt::from_energy(more, point.at - self.drawn_at) >= self.idle_below {
            self.drawn_at = point.at;
            self.drawn = point.energy;
        }
    }

    pub fn energy(&self) -> Wh {
        self.register.energy()
    }

    /// The time of the last reading that counts.
    pub fn last_at(&self) -> DateTime<Utc> {
        self.register.last_at()
    }

    /// What a person is shown: the charger's own word, and without one what the register says.
    pub fn shown_power(&self) -> Watt {
        self.told_power.unwrap_or_else(|| self.power())
    }

    /// What flows now at the most, as far as is known: the stop goes by this.
    pub fn power(&self) -> Watt {
        self.register.power().max(self.reported_power)
    }

    /// Since when the car draws nothing. While the charger pauses nobody idles, and after it went on anew.
    pub fn idle_since(&self, charger_paused: bool, charger_resumed_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let since = charger_resumed_at.map_or(self.drawn_at, |at| at.max(self.drawn_at));
        (!charger_paused && self.last_sampled_at > since).then_some(since)
    }

    pub fn set_idle_since(&mut self, at: Option<DateTime<Utc>>) {
        if let Some(paid) = &mut self.paid {
            paid.bill.set_idle_since(at);
        }
    }

    /// The bill if it ended at `end` with no more energy; empty without a payer.
    pub fn bill_at(&self, end: DateTime<Utc>) -> Result<Bill, PriceError> {
        match &self.paid {
            Some(paid) => paid.bill.bill_at(end.max(self.register.last_at())),
            None => Ok(Bill::default()),
        }
    }

    /// The cost as of the last reading.
    pub fn cost(&self) -> Result<Tyiyn, PriceError> {
        match &self.paid {
            Some(paid) => paid.bill.projected_total(self.register.last_at(), self.register.energy()),
            None => Ok(Tyiyn::ZERO),
        }
    }

    /// Whether to stop now. What cannot be priced must not run on: the caller raises an alarm.
    pub fn judge(&self, now: DateTime<Utc>, next_sample_in: TimeDelta) -> (Verdict, Option<PriceError>) {
        let Some(paid) = &self.paid else { return (Verdict::GoOn, None) };
        // A charger that has never sent a reading may be giving all it can.
        let silent = self.count == 0 && now - self.started_at > next_sample_in * 2;
        let power = if silent { self.max_power } else { self.power() };
        match paid.rule.judge(&paid.bill, power, now, next_sample_in) {
            Ok(verdict) => (verdict, None),
            Err(error) => (Verdict::Stop, Some(error)),
        }
    }

    /// The most that the connector gives.
    pub fn max_power(&self) -> Watt {
        self.max_power
    }

    /// How long the charger may give all it can from now on, without a word more from us, before what was set aside is used up.
    pub fn runs_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.paid.as_ref().map_or(now, |paid| paid.runs_until(self.max_power, now))
    }

    /// When to judge again: the time that was found before, as long as it is not near and the session may go on until then. A row whose
    /// `judge_at` stays is written without touching an index, and most readings cost one look at the price instead of a row of them.
    pub fn judge_at_or_before(
        &self,
        before: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        next_sample_in: TimeDelta,
    ) -> DateTime<Utc> {
        before
            .filter(|at| *at > now + next_sample_in * 2 && self.judge(*at, next_sample_in).0 == Verdict::GoOn)
            .unwrap_or_else(|| self.judge_at(now, next_sample_in))
    }

    /// When to judge again if nothing more is heard: the last of a doubling row of times at which the session may still go on.
    pub fn judge_at(&self, now: DateTime<Utc>, next_sample_in: TimeDelta) -> DateTime<Utc> {
        let mut wait = (next_sample_in * 2).max(TimeDelta::seconds(2));
        let mut at = now + wait;
        while wait < JUDGE_AHEAD_MAX {
            wait = wait * 2;
            if self.judge(now + wait, next_sample_in).0 == Verdict::Stop {
                break;
            }
            at = now + wait;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// Field case 8.
    #[test]
    fn a_claimed_time_counts_where_it_can_be_true() {
        let skew = TimeDelta::seconds(30);
        let bound = |claimed| bounded(claimed, at(0), at(1000), skew);
        assert_eq!(bound(Some(at(500))), at(500), "a reading that was kept while offline");
        assert_eq!(bound(Some(at(1010))), at(1000), "a clock slightly ahead");
        assert_eq!(bound(Some(at(-10))), at(0), "a clock slightly behind, at the start");
        assert_eq!(bound(Some(at(1000 + 6 * 3600))), at(1000), "local time sent as UTC");
        assert_eq!(bound(Some(DateTime::UNIX_EPOCH)), at(1000), "1970");
        assert_eq!(bound(None), at(1000), "unreadable");
    }
}
