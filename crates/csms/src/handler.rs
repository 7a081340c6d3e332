//! What the handlers of all versions have in common: what they are given, what comes of a CALL, and how it is answered.

use chrono::{DateTime, TimeDelta, Utc};
use ocpp::{Decoded, ErrorCode, Message, Payload, Timestamp, ToStationError, Version, Violation, frame};
use platform::charging::{BootAnswer, ChargingError, MeterReport};
use platform::quirks::{Quirk, QuirkSet, RateUnit};
use platform::stations::{BootFacts, Lease, StationsError, StatusReport};
use serde_json::value::RawValue;

use crate::Csms;
use crate::conversation::End;

/// What a handler is given besides the request.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) csms: Csms,
    pub(crate) version: Version,
    pub(crate) lease: Lease,
    pub(crate) message_id: String,
    pub(crate) received_at: DateTime<Utc>,
    /// What is believed of the charge point since it connected.
    pub(crate) quirks: QuirkSet,
}

/// How far the clocks of Kyrgyzstan are ahead of UTC; there is no summer time.
const LOCAL_TIME_AHEAD: TimeDelta = TimeDelta::hours(6);
/// A clock that is as far ahead as local time, give or take this much, shows local time.
const LOCAL_TIME_WITHIN: TimeDelta = TimeDelta::minutes(3);

/// How the times of a charge point are read.
#[derive(Clone, Copy, Default)]
pub(crate) struct StationClock {
    is_local: bool,
}

impl StationClock {
    /// The instant that is meant, if the time can be read.
    pub(crate) fn instant(self, time: &Timestamp) -> Option<DateTime<Utc>> {
        let claimed = time.instant()?;
        Some(if self.is_local { claimed - LOCAL_TIME_AHEAD } else { claimed })
    }
}

impl Context {
    /// A boot. What thousands do at once is gathered by the platform; the rest takes its turn.
    pub(crate) async fn booted(&self, facts: BootFacts) -> Result<BootAnswer, ChargingError> {
        let csms = &self.csms.0;
        if let Some(answer) = csms.charging.booted_at_rest(self.lease, &facts).await? {
            return Ok(answer);
        }
        let _turn = csms.admission.message().await;
        csms.charging.booted(self.lease, facts).await
    }

    /// The same of a status.
    pub(crate) async fn connector_status(&self, report: StatusReport) -> Result<(), ChargingError> {
        let csms = &self.csms.0;
        if csms.charging.connector_status_at_rest(self.lease, &report).await? {
            return Ok(());
        }
        let _turn = csms.admission.message().await;
        csms.charging.connector_status(self.lease, report).await
    }

    pub(crate) fn clock(&self) -> StationClock {
        StationClock { is_local: self.quirks.has(Quirk::LocalTime) }
    }

    /// A time that is told when it happens shows whether the clock is that of the place.
    pub(crate) async fn learn_clock(&self, action: &str, time: Option<&Timestamp>) {
        let Some(claimed) = time.and_then(Timestamp::instant) else { return };
        let ahead = claimed - self.received_at - LOCAL_TIME_AHEAD;
        if ahead.abs() <= LOCAL_TIME_WITHIN && !self.quirks.has(Quirk::LocalTime) {
            let evidence = serde_json::json!({
                "action": action, "message_id": ocpp::storable(&self.message_id), "claimed": claimed, "received_at": self.received_at,
            });
            self.csms.propose(self.lease.charge_point, Quirk::LocalTime, evidence).await;
        }
    }
}

/// The power of a cap in the charge point's unit. In amperes as if all of it came over one phase of 230 V: it caps the time, not the power.
pub(crate) fn cap_limit(max_power_w: i64, unit: RateUnit) -> i64 {
    match unit {
        RateUnit::Watts => max_power_w,
        RateUnit::Amperes => max_power_w / 230 + 1,
    }
}

/// Why a schema-valid CALL is not answered with its result. None of these is the charge point's fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// A newer connection has taken over: this one ends without an answer.
    #[error("a newer connection has taken over")]
    Fenced,
    /// The database did not take it now. It is not acknowledged and not refused: the connection ends, and the charge point sends it
    /// again on the next one. (A CALLERROR would make some forget it, and others repeat it for ever.)
    #[error("not durable")]
    Unavailable(#[source] ChargingError),
    /// It would fail the next time too.
    #[error("a defect")]
    Defect(#[source] ChargingError),
}

impl From<ChargingError> for HandlerError {
    fn from(error: ChargingError) -> Self {
        match error {
            ChargingError::Fenced => Self::Fenced,
            error if error.is_transient() => Self::Unavailable(error),
            error => Self::Defect(error),
        }
    }
}

/// The same for what the stations know of their devices.
pub(crate) fn of_stations(error: StationsError) -> HandlerError {
    ChargingError::from(error).into()
}

/// What goes back.
pub(crate) enum Reply {
    /// A CALLRESULT.
    Result(String),
    /// A CALLERROR.
    Error(String),
    /// Nothing: the connection ends.
    End(End),
}

/// What came of a CALL.
pub(crate) struct Handled {
    pub(crate) reply: Reply,
    /// Readings that must be durable, together with the frames, before the answer leaves.
    pub(crate) meter: Option<MeterReport>,
    pub(crate) violations: Vec<Violation>,
}

/// An answer, with what must be kept together with it.
pub(crate) struct Answer<R> {
    pub(crate) response: R,
    pub(crate) meter: Option<MeterReport>,
    /// What was odd about the request's contents, for the log.
    pub(crate) notes: Vec<Violation>,
}

impl<R> From<R> for Answer<R> {
    fn from(response: R) -> Self {
        Self { response, meter: None, notes: vec![] }
    }
}

/// Why a command cannot be said in the charge point's protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsayable {
    #[error("it was written for another protocol than the charge point speaks now")]
    OtherProtocol,
    #[error("this version of OCPP has no message for it")]
    NoMessage,
    #[error(transparent)]
    Operator(ToStationError),
    #[error(transparent)]
    Encode(#[from] ocpp::EncodeError),
}

/// A CALL of ours to be sent.
pub(crate) struct Call {
    pub(crate) action: &'static str,
    pub(crate) frame: String,
}

/// A CALL of ours in any version.
pub(crate) fn call<M: Message>(id: &str, request: &M) -> Result<Call, Unsayable> {
    Ok(Call { action: M::ACTION, frame: frame::call(id, request)? })
}

/// Reads the request, has it handled and writes the answer. A handler answers with its response alone, or with an [`Answer`].
pub(crate) async fn answer<M, F, A>(context: Context, payload: &RawValue, handler: impl FnOnce(Context, M) -> F) -> Handled
where
    M: Message,
    F: Future<Output = Result<A, HandlerError>>,
    A: Into<Answer<M::Response>>,
{
    let decoded: Decoded<M> = match M::decode(payload) {
        Ok(decoded) => decoded,
        Err(error) => {
            let violation = Violation { path: error.path.clone(), what: error.what.clone() };
            return refuse(&context.message_id, context.version, error.code, &error.description(), vec![violation]);
        }
    };
    let handled = handler(context.clone(), decoded.value).await.map(Into::into);
    finish(&context, M::ACTION, handled, decoded.violations)
}

/// Writes what came of a request.
pub(crate) fn finish<P: Payload>(
    context: &Context,
    action: &str,
    handled: Result<Answer<P>, HandlerError>,
    mut violations: Vec<Violation>,
) -> Handled {
    let (id, version) = (&context.message_id, context.version);
    match handled {
        Ok(Answer { response, meter, notes }) => {
            violations.extend(notes);
            match frame::call_result(id, &response) {
                Ok(text) => Handled { reply: Reply::Result(text), meter, violations },
                Err(error) => {
                    tracing::error!(%error, "An answer to {action} breaks the standard");
                    refuse(id, version, ErrorCode::InternalError, "the answer could not be written", violations)
                }
            }
        }
        Err(HandlerError::Fenced) => end(End::Superseded, violations),
        Err(HandlerError::Unavailable(source)) => {
            tracing::error!(error = &source as &dyn std::error::Error, "{action} could not be kept");
            end(End::NotDurable, violations)
        }
        Err(HandlerError::Defect(source)) => {
            tracing::error!(error = &source as &dyn std::error::Error, "{action} was not taken");
            refuse(id, version, ErrorCode::InternalError, "a defect on our side; it is logged", violations)
        }
    }
}

fn end(end: End, violations: Vec<Violation>) -> Handled {
    Handled { reply: Reply::End(end), meter: None, violations }
}

/// A CALLERROR in the version's own spelling.
pub(crate) fn refuse(id: &str, version: Version, code: ErrorCode, description: &str, violations: Vec<Violation>) -> Handled {
    Handled { reply: Reply::Error(frame::call_error(id, code, version, description)), meter: None, violations }
}
