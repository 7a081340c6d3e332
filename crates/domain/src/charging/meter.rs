//! The register model: what chargers report becomes energy since the session's start that never goes backwards
//! (field cases 5 and 6, money mistakes 2 and 4).
//!
//! A reading is understood through a *frame*, a number that turns the register into energy: `energy = register + offset`.
//! The lifetime register of StartTransaction is one frame, a register that counts from the session's start another, a
//! register that began anew a third. A reading is believed in the first frame in which it is possible: not less than what
//! was counted, and not more than the connector can give in the time. So a dropout or a spike costs nothing: the next good
//! reading fits its frame again and brings the energy of the gap with it.
//!
//! Knows no units but Wh and W and no OCPP: the edge has normalised both, and has bounded the times.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;
use crate::{Watt, Wh};

/// One normalised reading as it comes from the wire format: units are already Wh and W, and `at` is already bounded to
/// what can be (not before the session, not after it was received): a time from the future would make every later reading late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub at: DateTime<Utc>,
    /// The same by the charger's own clock, however wrong that is: two times of one clock tell how long it was between them.
    pub clock: Option<DateTime<Utc>>,
    pub register: Wh,
    pub power: Option<Watt>,
}

/// When a session's register was read for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub at: DateTime<Utc>,
    /// The earliest that it can have been. Before `at` only where that is the time of an arrival, because the charger's clock
    /// was of no use: nobody knows how long the report was on its way.
    pub not_before: DateTime<Utc>,
    /// By the charger's own clock.
    pub clock: Option<DateTime<Utc>>,
}

/// What was done with a reading; kept beside the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingNote {
    Taken,
    /// The register counts from the session's start in MeterValues, but over its lifetime in Start and Stop.
    SessionRelative,
    /// Less than before: the last value stands.
    ClampedBackwards,
    /// The register began anew; what was counted before is kept and added.
    RegisterReset,
    /// More than the connector can give in the time: counted at the most it can.
    ClampedImplausible,
    /// Older than the last one: kept as evidence only.
    Late,
}

text_enum!(ReadingNote {
    Taken = "taken",
    SessionRelative = "session_relative",
    ClampedBackwards = "clamped_backwards",
    RegisterReset = "register_reset",
    ClampedImplausible = "clamped_implausible",
    Late = "late",
});

/// How far a register may run ahead of the power times the time: registers that count whole kWh jump by one, and clocks of
/// charger and server differ by seconds. Over a whole session, not for each reading.
pub const SLACK: Wh = Wh::new(1_000);

/// A suspicious value of the register: a second reading that goes on from it makes it the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Suspect {
    register: i64,
    when: Moment,
}

/// A time that is billed by, and the charger's own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Moment {
    at: DateTime<Utc>,
    clock: Option<DateTime<Utc>>,
}

/// The model of one session's register. Serialisable: it can be kept with the session, or rebuilt by replaying samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterModel {
    meter_start: Wh,
    start: Moment,
    not_before: DateTime<Utc>,
    max_power: Watt,
    /// Energy since the start; never falls.
    counted: Wh,
    /// Of the last reading that was believed.
    last: Moment,
    power: Watt,
    /// `energy = register + offset` in the frame of the last believed reading, and in the one before a change.
    offset: i64,
    previous_offset: Option<i64>,
    suspect: Option<Suspect>,
    /// What is left of [`SLACK`].
    slack_left: Wh,
}

impl Reading {
    fn when(&self) -> Moment {
        Moment { at: self.at, clock: self.clock }
    }
}

impl RegisterModel {
    /// `meter_start` of StartTransaction; `max_power` bounds what is plausible (already multiplied by the configured factor).
    pub fn new(meter_start: Wh, start: Start, max_power: Watt) -> Self {
        Self {
            meter_start,
            start: Moment { at: start.at, clock: start.clock },
            not_before: start.not_before.min(start.at),
            max_power: max_power.max(Watt::ZERO),
            counted: Wh::ZERO,
            last: Moment { at: start.at, clock: start.clock },
            power: Watt::ZERO,
            offset: meter_start.get().checked_neg().unwrap_or(i64::MAX),
            previous_offset: None,
            suspect: None,
            slack_left: SLACK,
        }
    }

    /// Takes a reading: the energy since the start after it, and what was done. Never fails, never falls.
    ///
    /// After `ClampedBackwards` of a dropout and `Late`, [`Self::last_at`] has not moved: the caller prices the point
    /// `(last_at, energy)`, so that the projection of the stop rule runs on from the last reading that was believed.
    pub fn push(&mut self, reading: Reading) -> (Wh, ReadingNote) {
        if reading.at < self.last.at {
            return (self.counted, ReadingNote::Late);
        }
        let note = self.judge(reading.register.get(), reading.when());
        // A connector cannot give more than it can: a reported megawatt must not stop a session.
        self.power = self.power.max(reading.power.unwrap_or(Watt::ZERO).min(self.max_power));
        (self.counted, note)
    }

    /// The reading of StopTransaction, taken against the lifetime register of the start. It may bring more than the last
    /// reading and the time since allow (samples can have been lost, or have come with wrong times), but not more than the
    /// connector can give over the whole session.
    ///
    /// Field case 5: a Stop that says 0, or less than the Start, leaves what the samples have counted.
    pub fn finish(&mut self, reading: Reading) -> (Wh, ReadingNote) {
        let reading = Reading { at: reading.at.max(self.last.at), ..reading };
        let lifetime = i128::from(reading.register.get()) - i128::from(self.meter_start.get());
        let whole_session = energy_bound(self.max_power, self.whole_session(reading.when()), SLACK);
        let counted = i128::from(self.counted.get());
        if reading.register >= Wh::ZERO && counted <= lifetime && lifetime <= whole_session {
            self.suspect = None;
            self.offset = self.lifetime_offset();
            self.count_to(lifetime, reading.when(), true);
            return (self.counted, ReadingNote::Taken);
        }
        // Start and Stop read one register. Less than at the start is another one only when the readings have shown it: else nobody
        // knows what flowed, and a guess is not billed.
        let known_lifetime_only = self.offset == self.lifetime_offset() && self.previous_offset.is_none();
        if reading.register < self.meter_start && known_lifetime_only {
            return (self.counted, ReadingNote::ClampedBackwards);
        }
        // In another frame it is worth as much as any reading; but impossible energy is not charged at the end, when no
        // stopping early is gained by it.
        let mut tried = self.clone();
        let (energy, note) = tried.push(reading);
        if note == ReadingNote::ClampedImplausible {
            return (self.counted, note);
        }
        *self = tried;
        (energy, note)
    }

    /// Energy since the start.
    pub fn energy(&self) -> Wh {
        self.counted
    }
    /// Power between the last two readings, or as reported if greater; never more than the connector gives.
    pub fn power(&self) -> Watt {
        self.power
    }
    /// The time of the last reading that was believed; the start before the first one.
    pub fn last_at(&self) -> DateTime<Utc> {
        self.last.at
    }

    fn lifetime_offset(&self) -> i64 {
        self.meter_start.get().checked_neg().unwrap_or(i64::MAX)
    }

    /// How long it was, at the most. Reports that were long on their way can come together, and where their times are those of their
    /// arrival they are all of one moment: then the charger's clock, wrong as it is, tells what was between them. It is not
    /// asked when it tells of more than there has been since the start: it was set in between.
    fn between(&self, from: Moment, to: Moment) -> Duration {
        let ours = to.at - from.at;
        let since_start = to.at - self.not_before;
        let theirs = from.clock.zip(to.clock).map(|(from, to)| to - from).filter(|theirs| *theirs <= since_start);
        theirs.map_or(ours, |theirs| theirs.max(ours))
    }

    /// How long the session was, at the most: where the clocks do not say, nobody knows how long the report of the start was on its way.
    fn whole_session(&self, end: Moment) -> Duration {
        let since_start = end.at - self.not_before;
        match self.start.clock.zip(end.clock).map(|(start, end)| end - start) {
            Some(theirs) if (Duration::zero()..=since_start).contains(&theirs) => theirs.max(end.at - self.start.at),
            _ => since_start,
        }
    }

    /// The most that can have been counted by `when`.
    fn most_by(&self, when: Moment) -> i128 {
        let more = energy_bound(self.max_power, self.between(self.last, when), self.slack_left);
        i128::from(self.counted.get()) + more.min(self.left_by(when.at))
    }

    /// What the connector can have given since the start, the slack with it, without what is counted.
    fn left_by(&self, at: DateTime<Utc>) -> i128 {
        energy_bound(self.max_power, at - self.not_before, SLACK) - i128::from(self.counted.get())
    }

    fn judge(&mut self, register: i64, when: Moment) -> ReadingNote {
        let counted = i128::from(self.counted.get());
        let most = self.most_by(when);
        let energy_in = |offset: i64| i128::from(register) + i128::from(offset);
        let possible = |energy: i128| counted <= energy && energy <= most;

        // A register below zero is no register.
        if register < 0 {
            return ReadingNote::ClampedBackwards;
        }

        // 1. The reading fits a frame that is known.
        let lifetime = self.lifetime_offset();
        let frames = [Some(self.offset), Some(lifetime), Some(0), self.previous_offset];
        if let Some(offset) = frames.into_iter().flatten().find(|&offset| possible(energy_in(offset))) {
            self.believe(offset, energy_in(offset), when);
            return match offset {
                0 if lifetime != 0 => ReadingNote::SessionRelative,
                _ => ReadingNote::Taken,
            };
        }

        let energy = energy_in(self.offset);
        let last_register = counted - i128::from(self.offset);
        let is_jitter = i128::from(register) * 2 >= last_register && counted - energy <= i128::from(SLACK.get());
        if energy < counted && is_jitter {
            // 2. A little less than before (a correction, a rounding, or what follows a clamped spike): the charger is
            // alive, and its register will overtake what was counted.
            self.suspect = None;
            self.count_to(counted, when, true);
            return ReadingNote::ClampedBackwards;
        }

        // 3. What a good reading would not say, and what is no sign of another register either: zero (a dropout, however often
        // it is repeated), and the lifetime register of some time ago beside one that counts from the session's start.
        let stale = (0..counted).contains(&energy_in(lifetime));
        if energy < counted && register == 0 || energy > most && stale {
            return ReadingNote::ClampedBackwards;
        }

        // 4. The register began anew: all that it shows came after the last good reading.
        let since_reset = counted + i128::from(register);
        if energy < counted && since_reset <= most {
            self.believe(self.counted.get(), since_reset, when);
            return ReadingNote::RegisterReset;
        }

        // 5. A second reading goes on from a suspicious one: the register really is there now. Where it jumped is unknown,
        // so what it jumped is not charged (the last word is that of StopTransaction).
        if let Some(suspect) = self.suspect {
            let more = i128::from(register) - i128::from(suspect.register);
            let bound = energy_bound(self.max_power, self.between(suspect.when, when), SLACK);
            if 0 <= more && when.at >= suspect.when.at && more <= bound {
                let energy = (counted + more).min(most);
                if let Ok(offset) = i64::try_from(energy - i128::from(register)) {
                    self.believe(offset, energy, when);
                    return ReadingNote::RegisterReset;
                }
            }
        }

        self.suspect = Some(Suspect { register, when });
        if energy < counted {
            // 6. Far less than before: a dropout, until a second reading confirms it.
            return ReadingNote::ClampedBackwards;
        }
        // 7. More than can be: at the most that can be, in favour of stopping early; without the slack, which is for
        // readings that are believed. The frame stays, so that the next good reading is understood.
        let full_power = energy_bound(self.max_power, when.at - self.last.at, Wh::ZERO);
        self.count_to(counted + full_power, when, false);
        ReadingNote::ClampedImplausible
    }

    fn believe(&mut self, offset: i64, energy: i128, when: Moment) {
        if offset != self.offset {
            self.previous_offset = Some(self.offset);
            self.offset = offset;
        }
        self.suspect = None;
        self.count_to(energy, when, true);
    }

    /// Counts up to `energy` at `when`; takes what the power does not explain from the slack, and gives it back when there is room.
    fn count_to(&mut self, energy: i128, when: Moment, measured: bool) {
        let energy = Wh::new(i64::try_from(energy).unwrap_or(i64::MAX)).max(self.counted);
        let more = Wh::new(energy.get() - self.counted.get());
        let elapsed = self.between(self.last, when);
        let room = energy_bound(self.max_power, elapsed, self.slack_left) - i128::from(more.get());
        if elapsed > Duration::zero() {
            self.power = if measured { Watt::from_energy(more, elapsed).min(self.max_power) } else { self.max_power };
        }
        self.counted = energy;
        self.last = when;
        let slack = room.min(self.left_by(when.at)).clamp(0, i128::from(SLACK.get()));
        self.slack_left = Wh::new(i64::try_from(slack).unwrap_or(0));
    }
}

/// The most that a power gives in a time, and the slack; not negative.
fn energy_bound(power: Watt, time: Duration, slack: Wh) -> i128 {
    i128::from(power.energy_over(time).get()) + i128::from(slack.get())
}

#[cfg(test)]
#[allow(clippy::inconsistent_digit_grouping, reason = "500_00 reads as 500 som 00 tyiyn")]
mod tests {
    use super::*;
    use crate::Tyiyn;
    use crate::charging::hold::{StopRule, Verdict};
    use crate::stations::CurrentType;
    use crate::tariffs::{FrozenTariff, MeterPoint, PriceContext, RunningBill, TariffDocument};
    use ReadingNote::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }
    fn reading(second: i64, register: i64) -> Reading {
        Reading { at: at(second), clock: Some(at(second)), register: Wh::new(register), power: None }
    }
    fn start_at_zero() -> Start {
        Start { at: at(0), not_before: at(0), clock: Some(at(0)) }
    }
    /// 22 kW: 367 Wh a minute at the most.
    fn model(meter_start: i64) -> RegisterModel {
        RegisterModel::new(Wh::new(meter_start), start_at_zero(), Watt::new(22_000))
    }
    /// Second, register, and what must come of it.
    type Row = (i64, i64, i64, ReadingNote);
    fn check(meter_start: i64, rows: &[Row]) -> RegisterModel {
        let mut model = model(meter_start);
        for &(second, register, energy, note) in rows {
            let row = (second, register);
            assert_eq!((row, model.push(reading(second, register))), (row, (Wh::new(energy), note)));
            assert_eq!(model.energy(), Wh::new(energy));
        }
        model
    }

    #[test]
    fn a_lifetime_register_counts_from_the_start() {
        let mut model =
            check(4_076_000, &[(0, 4_076_000, 0, Taken), (60, 4_076_300, 300, Taken), (120, 4_076_300, 300, Taken)]);
        assert_eq!(model.finish(reading(180, 4_076_600)), (Wh::new(600), Taken));
        assert_eq!(model.finish(reading(180, 4_076_600)), (Wh::new(600), Taken));
    }

    /// lbbrhzn#2093: MeterValues from zero, Start and Stop over the lifetime: −4076 kWh in a naive system.
    #[test]
    fn a_session_relative_register_is_recognised_and_the_stop_is_taken_against_the_start() {
        let mut model = check(
            4_076_000,
            &[(60, 0, 0, SessionRelative), (120, 300, 300, SessionRelative), (180, 600, 600, SessionRelative)],
        );
        assert_eq!(model.finish(reading(200, 4_076_650)), (Wh::new(650), Taken));
    }

    /// lbbrhzn#2115: Transaction.Begin (lifetime) and Sample.Periodic (relative) in one message.
    #[test]
    fn both_kinds_of_register_in_one_message_are_each_understood() {
        check(
            4_076_000,
            &[
                (60, 4_076_000, 0, Taken),
                (60, 250, 250, SessionRelative),
                (120, 4_076_000, 250, ClampedBackwards),
                (120, 500, 500, SessionRelative),
            ],
        );
    }

    #[test]
    fn a_dropout_costs_nothing_and_the_next_good_reading_brings_the_gap() {
        let model = check(
            10_000,
            &[
                (60, 10_300, 300, Taken),
                (120, 0, 300, ClampedBackwards),
                (180, 0, 300, ClampedBackwards),
                (240, 11_200, 1_200, Taken),
            ],
        );
        assert_eq!(model.last_at(), at(240));
    }

    #[test]
    fn during_a_dropout_time_stands_still_so_that_the_stop_rule_projects_over_it() {
        let model = check(10_000, &[(60, 10_300, 300, Taken), (120, 0, 300, ClampedBackwards)]);
        assert_eq!((model.last_at(), model.power()), (at(60), Watt::new(18_000)));
    }

    #[test]
    fn a_register_that_begins_anew_is_added_to_what_was_counted() {
        let mut model = check(
            90_000,
            &[
                (600, 93_000, 3_000, Taken),
                (660, 200, 3_200, RegisterReset),
                (720, 500, 3_500, Taken),
                (780, 800, 3_800, Taken),
            ],
        );
        assert_eq!(model.finish(reading(800, 900)), (Wh::new(3_900), Taken));
    }

    #[test]
    fn a_stray_small_value_is_forgotten_when_the_register_comes_back() {
        check(90_000, &[(600, 93_000, 3_000, Taken), (660, 5, 3_005, RegisterReset), (720, 93_600, 3_600, Taken)]);
    }

    /// Money mistake 2: kWh read as Wh, or Wh as kWh, in one sample.
    #[test]
    fn a_spike_counts_as_full_power_and_the_true_register_catches_up() {
        let model = check(
            10_000,
            &[
                (60, 10_300, 300, Taken),
                (120, 10_600_000, 667, ClampedImplausible),
                (180, 10_650, 667, ClampedBackwards),
                (240, 11_200, 1_200, Taken),
            ],
        );
        assert_eq!(model.power(), Watt::new(31_980).min(Watt::new(22_000)));
    }

    #[test]
    fn a_register_that_has_jumped_for_good_goes_on_from_where_it_is() {
        let mut model = check(
            10_000,
            &[
                (60, 10_300, 300, Taken),
                (120, 700_000, 667, ClampedImplausible),
                (180, 700_300, 967, RegisterReset),
                (240, 700_600, 1_267, Taken),
            ],
        );
        // The stop is 690 kWh above the start: not in this time. In the frame of the last readings it is fine.
        assert_eq!(model.finish(reading(250, 700_650)), (Wh::new(1_317), Taken));
        let mut fallen = check(
            900_000,
            &[
                (60, 900_300, 300, Taken),
                (120, 500_000, 300, ClampedBackwards),
                (180, 500_300, 600, RegisterReset),
                (240, 500_600, 900, Taken),
            ],
        );
        assert_eq!(fallen.finish(reading(250, 0)), (Wh::new(900), ClampedBackwards));
    }

    #[test]
    fn a_register_of_whole_kilowatt_hours_is_not_a_spike() {
        let rows: Vec<Row> = (1..=40)
            .map(|minute| (minute * 60, (10_000 + minute * 300) / 1_000 * 1_000, minute * 300 / 1_000 * 1_000, Taken))
            .collect();
        check(10_000, &rows);
    }

    #[test]
    fn a_little_backwards_stands_until_it_is_overtaken() {
        let model = check(10_000, &[(60, 10_300, 300, Taken), (120, 10_299, 300, ClampedBackwards), (180, 10_320, 320, Taken)]);
        assert_eq!(model.power(), Watt::new(1_200));
    }

    #[test]
    fn a_late_sample_is_evidence_only() {
        check(10_000, &[(120, 10_600, 600, Taken), (60, 10_300, 600, Late), (180, 10_900, 900, Taken)]);
    }

    #[test]
    fn a_stop_below_the_start_counts_only_what_the_readings_have_shown() {
        let mut model = model(5_000);
        assert_eq!(model.finish(reading(3_600, 4_000)), (Wh::ZERO, ClampedBackwards));
    }

    #[test]
    fn the_stop_may_bring_what_lost_samples_left_out_but_not_more_than_can_be() {
        let mut model = check(10_000, &[(60, 10_300, 300, Taken)]);
        assert_eq!(model.finish(reading(3_600, 30_000)), (Wh::new(20_000), Taken));
        // Ten samples that come at once after an outage, then the Stop: most of the energy is only in the Stop.
        let mut model = check(10_000, &[(3_600, 10_000, 0, Taken), (3_600, 20_000, 0, ClampedImplausible)]);
        assert_eq!(model.finish(reading(3_601, 30_000)), (Wh::new(20_000), Taken));
        let mut model = check(10_000, &[(60, 10_300, 300, Taken)]);
        assert_eq!(model.finish(reading(120, 4_000_000_000)), (Wh::new(300), ClampedImplausible));
        assert_eq!(model.finish(reading(120, 0)), (Wh::new(300), ClampedBackwards));
        assert_eq!(model.finish(reading(120, -1)), (Wh::new(300), ClampedBackwards));
        assert_eq!(model.finish(reading(30, 10_400)), (Wh::new(400), Taken));
    }

    #[test]
    fn reported_power_counts_when_it_is_more_and_possible() {
        let mut model = model(0);
        model.push(Reading { power: Some(Watt::new(11_000)), ..reading(60, 100) });
        assert_eq!(model.power(), Watt::new(11_000));
        model.push(Reading { power: Some(Watt::new(1_000_000)), ..reading(120, 200) });
        assert_eq!(model.power(), Watt::new(22_000));
        model.push(Reading { power: Some(Watt::new(-5)), ..reading(180, 200) });
        assert_eq!(model.power(), Watt::ZERO);
    }

    /// Field case 8: the clock is hours wrong, so that times are those of arrival, and the link keeps all that the charger says for ten
    /// minutes. Its own clock tells how long it charged.
    #[test]
    fn reports_that_come_together_are_apart_by_the_chargers_own_clock() {
        let clock = |second: i64| Some(at(second - 6 * 3_600));
        let start = Start { at: at(600), not_before: at(0), clock: clock(10) };
        let come = |second, register| Reading { clock: clock(second), ..reading(600, register) };
        let mut model = RegisterModel::new(Wh::new(10_000), start, Watt::new(22_000));
        assert_eq!(model.push(come(300, 11_700)), (Wh::new(1_700), Taken));
        assert_eq!(model.finish(come(560, 13_000)), (Wh::new(3_000), Taken));
        // Without a reading, or with a clock that cannot be read, the Stop may bring what fits since the charge was asked for.
        let mut model = RegisterModel::new(Wh::new(10_000), start, Watt::new(22_000));
        assert_eq!(model.finish(Reading { clock: None, ..come(560, 13_000) }), (Wh::new(3_000), Taken));
        assert_eq!(model.finish(come(560, 19_000)), (Wh::new(3_000), ClampedImplausible));
    }

    /// The clock is put right while the car charges: that it jumps does not mean that time has passed.
    #[test]
    fn a_clock_that_is_set_makes_no_spike_believable() {
        let start = Start { clock: Some(DateTime::UNIX_EPOCH), ..start_at_zero() };
        let mut model = RegisterModel::new(Wh::new(10_000), start, Watt::new(22_000));
        assert_eq!(model.push(reading(60, 600_000)), (Wh::new(367), ClampedImplausible));
        // To and fro by little: never more than the connector gives in the time since the start.
        let mut model = check(10_000, &[(3_600, 10_000, 0, Taken)]);
        for step in 0..10 {
            let clock = Some(at(3_600 - step % 2 * 3_000));
            let (energy, _) = model.push(Reading { clock, ..reading(3_600, 10_000 + step * 10_000) });
            assert!(energy <= Wh::new(23_000), "{energy:?}");
        }
    }

    /// "A bad sample never disables auto-stop": the register is dead from the second minute on, and the session still stops.
    #[test]
    fn a_register_that_dies_stops_the_session_by_projection() {
        let context = PriceContext { current: CurrentType::Ac, max_power: Watt::new(22_000), contract: None };
        let mut bill = RunningBill::new(FrozenTariff { document: TariffDocument::standard(), context }, at(0));
        let rule = StopRule { hold: Tyiyn::new(95_00), limit: None, started_at: at(0) };
        let mut model = model(10_000);
        let stopped_at = (1..1_000).find(|minute| {
            let register = if *minute == 1 { 10_300 } else { 0 };
            let (energy, _) = model.push(reading(minute * 60, register));
            bill.push(MeterPoint { at: model.last_at(), energy }).unwrap();
            rule.judge(&bill, model.power(), at(minute * 60), Duration::seconds(60)).unwrap() == Verdict::Stop
        });
        // 18 kW at 15 som (18 at the peak): 95 som are gone in about twenty minutes.
        assert!((10..=22).contains(&stopped_at.unwrap()), "{stopped_at:?}");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fall_or_give_more_than_the_connector_can(
            meter_start in prop_oneof![Just(0_i64), 0_i64..10_000_000, any::<i64>()],
            max_power in prop_oneof![0_i64..400_000, any::<i64>()],
            readings in proptest::collection::vec(
                (-60_i64..600, prop_oneof![Just(0_i64), 0_i64..30_000, 0_i64..10_000_000, any::<i64>()], any::<Option<i64>>(), any::<bool>(), any::<Option<i16>>()),
                1..60,
            ),
        ) {
            let mut model = RegisterModel::new(Wh::new(meter_start), start_at_zero(), Watt::new(max_power));
            let mut second = 0_i64;
            for (step, register, power, relative_to_start, clock) in readings {
                second = (second + step).max(0);
                let register = if relative_to_start { register.saturating_add(meter_start) } else { register };
                let clock = clock.map(|off| at(second + i64::from(off)));
                let reading = Reading { at: at(second), clock, register: Wh::new(register), power: power.map(Watt::new) };
                let before = model.energy();
                let mut finished = model.clone();
                for (after, note) in [model.push(reading), finished.finish(reading)] {
                    prop_assert!(before <= after, "{note:?} fell");
                    prop_assert!(after.get() >= 0);
                }
                for model in [&model, &finished] {
                    let most = energy_bound(Watt::new(max_power), model.last_at() - at(0), SLACK);
                    prop_assert!(i128::from(model.energy().get()) <= most);
                    prop_assert!(Watt::ZERO <= model.power() && model.power() <= Watt::new(max_power.max(0)));
                }
                let stored = serde_json::to_string(&model).unwrap();
                prop_assert_eq!(&serde_json::from_str::<RegisterModel>(&stored).unwrap(), &model);
            }
        }

        /// Dropouts in any place: each good reading shows the truth again, in either kind of register.
        #[test]
        fn after_dropouts_every_good_reading_is_the_truth(
            meter_start in 0_i64..10_000_000,
            relative: bool,
            samples in proptest::collection::vec((1_i64..300, 0_i64..=100, prop_oneof![3 => Just(None), 1 => prop_oneof![Just(0_i64), Just(-1)].prop_map(Some)]), 1..60),
        ) {
            let mut model = model(meter_start);
            let (mut second, mut truth) = (0, 0);
            for (step, percent, dropout) in samples {
                // Before anything is counted, zero is no dropout but a reading.
                let dropout = dropout.filter(|_| model.energy() > Wh::ZERO);
                second += step;
                truth += step * 22_000 * percent / 100 / 3_600;
                let register = if relative { truth } else { meter_start + truth };
                let (energy, note) = model.push(reading(second, dropout.unwrap_or(register)));
                prop_assert!(energy.get() <= truth);
                // A start at zero makes both registers one.
                let all_good = matches!(note, Taken | SessionRelative);
                prop_assert!(dropout.is_some() || all_good, "{note:?}");
                prop_assert!(dropout.is_some() || energy.get() == truth);
            }
            prop_assert_eq!(model.finish(reading(second, meter_start + truth)).0, Wh::new(truth));
        }
    }
}
