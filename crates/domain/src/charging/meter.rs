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
    pub register: Wh,
    pub power: Option<Watt>,
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
    at: DateTime<Utc>,
}

/// The model of one session's register. Serialisable: it can be kept with the session, or rebuilt by replaying samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterModel {
    meter_start: Wh,
    started_at: DateTime<Utc>,
    max_power: Watt,
    /// Energy since the start; never falls.
    counted: Wh,
    /// The time of the last reading that was believed.
    last_at: DateTime<Utc>,
    power: Watt,
    /// `energy = register + offset` in the frame of the last believed reading, and in the one before a change.
    offset: i64,
    previous_offset: Option<i64>,
    suspect: Option<Suspect>,
    /// What is left of [`SLACK`].
    slack_left: Wh,
}

impl RegisterModel {
    /// `meter_start` of StartTransaction; `max_power` bounds what is plausible (already multiplied by the configured factor).
    pub fn new(meter_start: Wh, started_at: DateTime<Utc>, max_power: Watt) -> Self {
        Self {
            meter_start,
            started_at,
            max_power: max_power.max(Watt::ZERO),
            counted: Wh::ZERO,
            last_at: started_at,
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
        if reading.at < self.last_at {
            return (self.counted, ReadingNote::Late);
        }
        let note = self.judge(reading.register.get(), reading.at);
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
        let at = reading.at.max(self.last_at);
        let lifetime = i128::from(reading.register.get()) - i128::from(self.meter_start.get());
        let whole_session = energy_bound(self.max_power, at - self.started_at, SLACK);
        let counted = i128::from(self.counted.get());
        if reading.register >= Wh::ZERO && counted <= lifetime && lifetime <= whole_session {
            self.suspect = None;
            self.offset = self.lifetime_offset();
            self.count_to(lifetime, at, true);
            return (self.counted, ReadingNote::Taken);
        }
        // In another frame it is worth as much as any reading; but impossible energy is not charged at the end, when no
        // stopping early is gained by it.
        let mut tried = self.clone();
        let (energy, note) = tried.push(Reading { at, ..reading });
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
        self.last_at
    }

    fn lifetime_offset(&self) -> i64 {
        self.meter_start.get().checked_neg().unwrap_or(i64::MAX)
    }

    /// The most that can have been counted by `at`.
    fn most_by(&self, at: DateTime<Utc>) -> i128 {
        i128::from(self.counted.get()) + energy_bound(self.max_power, at - self.last_at, self.slack_left)
    }

    fn judge(&mut self, register: i64, at: DateTime<Utc>) -> ReadingNote {
        let counted = i128::from(self.counted.get());
        let most = self.most_by(at);
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
            self.believe(offset, energy_in(offset), at);
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
            self.count_to(counted, at, true);
            return ReadingNote::ClampedBackwards;
        }

        // 3. The register began anew: all that it shows came after the last good reading. Zero is more often a dropout.
        let since_reset = counted + i128::from(register);
        if energy < counted && register > 0 && since_reset <= most {
            self.believe(self.counted.get(), since_reset, at);
            return ReadingNote::RegisterReset;
        }

        // 4. A second reading goes on from a suspicious one: the register really is there now. Where it jumped is unknown,
        // so what it jumped is not charged (the last word is that of StopTransaction).
        if let Some(suspect) = self.suspect {
            let more = i128::from(register) - i128::from(suspect.register);
            if 0 <= more && at >= suspect.at && more <= energy_bound(self.max_power, at - suspect.at, SLACK) {
                let energy = (counted + more).min(most);
                if let Ok(offset) = i64::try_from(energy - i128::from(register)) {
                    self.believe(offset, energy, at);
                    return ReadingNote::RegisterReset;
                }
            }
        }

        self.suspect = Some(Suspect { register, at });
        if energy < counted {
            // 5. Far less than before: a dropout, until a second reading confirms it.
            return ReadingNote::ClampedBackwards;
        }
        // 6. More than can be: at the most that can be, in favour of stopping early. The frame stays, so that the next good
        // reading is understood.
        self.count_to(most, at, false);
        ReadingNote::ClampedImplausible
    }

    fn believe(&mut self, offset: i64, energy: i128, at: DateTime<Utc>) {
        if offset != self.offset {
            self.previous_offset = Some(self.offset);
            self.offset = offset;
        }
        self.suspect = None;
        self.count_to(energy, at, true);
    }

    /// Counts up to `energy` at `at`; takes what the power does not explain from the slack, and gives it back when there is room.
    fn count_to(&mut self, energy: i128, at: DateTime<Utc>, measured: bool) {
        let energy = Wh::new(i64::try_from(energy).unwrap_or(i64::MAX)).max(self.counted);
        let more = Wh::new(energy.get() - self.counted.get());
        let elapsed = at - self.last_at;
        let room = energy_bound(self.max_power, elapsed, self.slack_left) - i128::from(more.get());
        self.slack_left = Wh::new(i64::try_from(room.clamp(0, i128::from(SLACK.get()))).unwrap_or(0));
        if elapsed > Duration::zero() {
            self.power = if measured { Watt::from_energy(more, elapsed).min(self.max_power) } else { self.max_power };
        }
        self.counted = energy;
        self.last_at = at;
    }
}

/// The most that a power gives in a time, and the slack; not negative.
fn energy_bound(power: Watt, time: Duration, slack: Wh) -> i128 {
    i128::from(power.energy_over(time).get()) + i128::from(slack.get())
}
