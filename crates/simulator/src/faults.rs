//! What real chargers get wrong, as switches.

use std::mem::{Discriminant, discriminant};
use std::str::FromStr;

/// One deviation. Those marked "once" switch themselves off after they have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// MeterValues give energy in kWh.
    KilowattHours,
    /// MeterValues give energy without unit and measurand.
    BareEnergy,
    /// MeterValues give energy and power by phase only, without a total.
    PhasesOnly,
    /// MeterValues give sampled values as JSON numbers.
    NumberValues,
    /// MeterValues have an empty sampledValue.
    EmptySamples,
    /// MeterValues repeat the first reading of the transaction, as Transaction.Begin, in each message.
    BeginInEachSample,
    /// The register in MeterValues counts from the start of the session; Start and Stop give the lifetime.
    SessionRelativeRegister,
    /// The register starts again at 0 after a restart.
    RegisterResetOnReboot,
    /// No MeterValues at all.
    NoMeterValues,
    /// MeterValues without transactionId.
    NoTransactionIdInMeterValues,
    /// MeterValues and StopTransaction have this transactionId.
    WrongTransactionId(i64),
    /// No BootNotification after a reconnect.
    NoBootOnReconnect,
    /// StatusNotification is sent before BootNotification.
    StatusBeforeBoot,
    /// StartTransaction is sent twice, with two message ids.
    DuplicateStart,
    /// StopTransaction is sent twice, with two message ids.
    DuplicateStop,
    /// StopTransaction is never sent.
    ForgetStop,
    /// A transaction message that is sent again gets a new message id.
    NewIdOnRetry,
    /// idTags are sent in lower case.
    LowerCaseTags,
    /// The clock is wrong by so many seconds.
    ClockOffset(i64),
    /// Times have no zone.
    NoTimeZone,
    /// RemoteStartTransaction is not done as it should be.
    RemoteStart(RemoteStartFault),
    /// RemoteStopTransaction is not done as it should be.
    RemoteStop(RemoteStopFault),
    /// Once: the next CALL of the central system is done, but the link drops before the reply.
    DropBeforeReply,
    /// Once: the link drops as soon as the next CALL with this action is sent, so that its answer is lost.
    DropAfterSending(&'static str),
    /// Reset is done without a reply.
    SilentReset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteStartFault {
    Refuse,
    AcceptAndNeverStart,
    NoReply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteStopFault {
    Refuse,
    AcceptAndIgnore,
    NoReply,
}

/// The switches that are on; of each kind at most one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn set(&mut self, fault: Fault) {
        self.clear_kind(discriminant(&fault));
        self.0.push(fault);
    }

    /// Switches off the fault of this kind, whatever its value.
    pub fn clear(&mut self, fault: &Fault) {
        self.clear_kind(discriminant(fault));
    }

    fn clear_kind(&mut self, kind: Discriminant<Fault>) {
        self.0.retain(|set| discriminant(set) != kind);
    }

    pub fn clear_all(&mut self) {
        self.0.clear();
    }

    pub fn has(&self, fault: &Fault) -> bool {
        self.0.contains(fault)
    }

    /// Switches off the fault if it is on, and says so.
    pub(crate) fn take(&mut self, fault: &Fault) -> bool {
        let had = self.has(fault);
        if had {
            self.clear(fault);
        }
        had
    }

    pub(crate) fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }
}

/// The names of the command line.
const NAMES: &[(&str, Fault)] = &[
    ("kwh", Fault::KilowattHours),
    ("bare-energy", Fault::BareEnergy),
    ("phases-only", Fault::PhasesOnly),
    ("number-values", Fault::NumberValues),
    ("empty-samples", Fault::EmptySamples),
    ("begin-in-each-sample", Fault::BeginInEachSample),
    ("session-relative", Fault::SessionRelativeRegister),
    ("register-reset", Fault::RegisterResetOnReboot),
    ("no-meter-values", Fault::NoMeterValues),
    ("no-transaction-id", Fault::NoTransactionIdInMeterValues),
    ("wrong-transaction-id", Fault::WrongTransactionId(-1)),
    ("no-boot", Fault::NoBootOnReconnect),
    ("status-before-boot", Fault::StatusBeforeBoot),
    ("duplicate-start", Fault::DuplicateStart),
    ("duplicate-stop", Fault::DuplicateStop),
    ("forget-stop", Fault::ForgetStop),
    ("new-id-on-retry", Fault::NewIdOnRetry),
    ("lower-case-tags", Fault::LowerCaseTags),
    ("clock-fast", Fault::ClockOffset(7_200)),
    ("clock-slow", Fault::ClockOffset(-7_200)),
    ("no-time-zone", Fault::NoTimeZone),
    ("refuse-remote-start", Fault::RemoteStart(RemoteStartFault::Refuse)),
    ("never-start", Fault::RemoteStart(RemoteStartFault::AcceptAndNeverStart)),
    ("silent-remote-start", Fault::RemoteStart(RemoteStartFault::NoReply)),
    ("refuse-remote-stop", Fault::RemoteStop(RemoteStopFault::Refuse)),
    ("ignore-remote-stop", Fault::RemoteStop(RemoteStopFault::AcceptAndIgnore)),
    ("silent-remote-stop", Fault::RemoteStop(RemoteStopFault::NoReply)),
    ("drop-before-reply", Fault::DropBeforeReply),
    ("drop-after-start", Fault::DropAfterSending("StartTransaction")),
    ("drop-after-stop", Fault::DropAfterSending("StopTransaction")),
    ("drop-after-meter-values", Fault::DropAfterSending("MeterValues")),
    ("silent-reset", Fault::SilentReset),
];

impl Fault {
    /// The names that [`FromStr`] reads.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, fault)| fault.clone())
            .ok_or_else(|| format!("no such fault; one of: {}", Self::names().collect::<Vec<_>>().join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_one() {
        let mut faults = Faults::default();
        faults.set(Fault::ClockOffset(5));
        faults.set(Fault::ClockOffset(7));
        assert!(!faults.has(&Fault::ClockOffset(5)) && faults.has(&Fault::ClockOffset(7)));
        assert!(faults.take(&Fault::ClockOffset(7)) && !faults.take(&Fault::ClockOffset(7)));
    }
}
