//! What real chargers get wrong, as switches.

use std::mem::{Discriminant, discriminant};
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

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
    /// Each third reading of the register is 0: the charge point did not hear its meter.
    MeterDropouts,
    /// MeterValues have names in the vendor's spelling ("Celcius", lower case).
    VendorSpellings,
    /// Fields with a list of values have one that the standard does not know.
    UnknownValues,
    /// Objects have fields that the standard does not know.
    ExtraFields,
    /// BootNotification has an empty vendor.
    EmptyVendor,
    /// Free texts hold the character U+0000.
    NulInStrings,
    /// No MeterValues at all.
    NoMeterValues,
    /// MeterValues without transactionId.
    NoTransactionIdInMeterValues,
    /// MeterValues and StopTransaction have this transactionId.
    WrongTransactionId(i64),
    /// MeterValues are reported for the next connector (the last one's for the first).
    ConnectorsMixedUp,
    /// MeterValues are reported for connector 0.
    ConnectorZero,
    /// No BootNotification after a reconnect.
    NoBootOnReconnect,
    /// StatusNotification is sent before BootNotification.
    StatusBeforeBoot,
    /// So many milliseconds after it was accepted it restarts, again and again.
    BootLoop(u32),
    /// CALLs are sent without waiting for the answer to the last one.
    PipelinedCalls,
    /// After each BootNotification all that was ever told about transactions is told again, with new ids.
    ReplayHistory,
    /// A link that is lost is lost to the charge point only: the old socket stays open and silent.
    HalfOpen,
    /// No Sec-WebSocket-Protocol in the handshake.
    NoSubprotocol,
    /// The URL ends in a slash.
    TrailingSlash,
    /// Basic auth with the scheme in lower case.
    LowerCaseBasicAuth,
    /// StartTransaction is sent twice, with two message ids.
    DuplicateStart,
    /// StopTransaction is sent twice, with two message ids.
    DuplicateStop,
    /// 2.0.1: the first TransactionEvent of a transaction has number 1.
    SeqNoFromOne,
    /// 2.0.1: StatusNotification is sent for EVSE 0, connector 0.
    StatusOfEvseZero,
    /// StopTransaction is never sent.
    ForgetStop,
    /// A transaction message that is sent again gets a new message id.
    NewIdOnRetry,
    /// idTags are sent in lower case.
    LowerCaseTags,
    /// The clock is wrong by so many seconds.
    ClockOffset(i64),
    /// The clock goes wrong by so many seconds in each hour since it was started.
    ClockDrift(i64),
    /// The clock begins in 1970 at each start, and nobody sets it.
    ClockFrom1970,
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

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// Switches off the fault if it is on, and says so.
    pub(crate) fn take(&mut self, fault: &Fault) -> bool {
        let had = self.has(fault);
        if had {
            self.clear(fault);
        }
        had
    }

    /// What the clock shows at a time, if it was started at another.
    pub(crate) fn claimed(&self, at: DateTime<Utc>, started_at: DateTime<Utc>) -> DateTime<Utc> {
        let uptime = at - started_at;
        let offset_s: i64 = self
            .iter()
            .map(|fault| match fault {
                Fault::ClockOffset(offset_s) => *offset_s,
                Fault::ClockDrift(drift_s) => drift_s.saturating_mul(uptime.num_seconds()) / 3_600,
                _ => 0,
            })
            .fold(0, i64::saturating_add);
        let at = if self.has(&Fault::ClockFrom1970) { DateTime::UNIX_EPOCH + uptime } else { at };
        TimeDelta::try_seconds(offset_s).and_then(|offset| at.checked_add_signed(offset)).unwrap_or(at)
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
    ("meter-dropouts", Fault::MeterDropouts),
    ("vendor-spellings", Fault::VendorSpellings),
    ("unknown-values", Fault::UnknownValues),
    ("extra-fields", Fault::ExtraFields),
    ("empty-vendor", Fault::EmptyVendor),
    ("nul-in-strings", Fault::NulInStrings),
    ("begin-in-each-sample", Fault::BeginInEachSample),
    ("session-relative", Fault::SessionRelativeRegister),
    ("register-reset", Fault::RegisterResetOnReboot),
    ("no-meter-values", Fault::NoMeterValues),
    ("no-transaction-id", Fault::NoTransactionIdInMeterValues),
    ("wrong-transaction-id", Fault::WrongTransactionId(-1)),
    ("zero-transaction-id", Fault::WrongTransactionId(0)),
    ("unknown-transaction-id", Fault::WrongTransactionId(2_000_000_000)),
    ("connectors-mixed-up", Fault::ConnectorsMixedUp),
    ("connector-zero", Fault::ConnectorZero),
    ("boot-loop", Fault::BootLoop(20_000)),
    ("pipelined-calls", Fault::PipelinedCalls),
    ("replay-history", Fault::ReplayHistory),
    ("half-open", Fault::HalfOpen),
    ("no-subprotocol", Fault::NoSubprotocol),
    ("trailing-slash", Fault::TrailingSlash),
    ("lower-case-basic-auth", Fault::LowerCaseBasicAuth),
    ("no-boot", Fault::NoBootOnReconnect),
    ("status-before-boot", Fault::StatusBeforeBoot),
    ("duplicate-start", Fault::DuplicateStart),
    ("duplicate-stop", Fault::DuplicateStop),
    ("seq-no-from-one", Fault::SeqNoFromOne),
    ("status-of-evse-zero", Fault::StatusOfEvseZero),
    ("forget-stop", Fault::ForgetStop),
    ("new-id-on-retry", Fault::NewIdOnRetry),
    ("lower-case-tags", Fault::LowerCaseTags),
    ("clock-fast", Fault::ClockOffset(7_200)),
    ("clock-slow", Fault::ClockOffset(-7_200)),
    ("clock-drift", Fault::ClockDrift(300)),
    ("clock-from-1970", Fault::ClockFrom1970),
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
    /// Its name for a person: as on the command line, whatever its value.
    pub fn name(&self) -> &'static str {
        let exact = NAMES.iter().find(|(_, known)| known == self);
        let kind = || NAMES.iter().find(|(_, known)| discriminant(known) == discriminant(self));
        exact.or_else(kind).map_or("", |(name, _)| name)
    }

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

    #[test]
    fn every_name_is_read_and_written() {
        for name in Fault::names() {
            assert_eq!(name.parse::<Fault>().map(|fault| fault.name()), Ok(name));
        }
    }
}
