//! OCPP 1.6: which handler answers which CALL, and how our commands are said. One file a message.

mod authorize;
mod boot_notification;
pub(crate) mod commands;
mod data_transfer;
mod heartbeat;
mod meter_values;
mod start_transaction;
mod status_notification;
mod stop_transaction;

use chrono::{DateTime, Utc};
use ocpp::v16::Action;
use ocpp::{Decoded, ErrorCode, Message, Version, Violation, frame};
use platform::charging::{ChargingError, MeterReport};
use platform::stations::Lease;
use serde_json::value::RawValue;

use crate::Csms;
use crate::connection::End;

/// What a handler is given besides the request.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) csms: Csms,
    pub(crate) lease: Lease,
    pub(crate) message_id: String,
    pub(crate) received_at: DateTime<Utc>,
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

/// The routing table: the action of a CALL → its handler.
pub(crate) async fn handle(context: Context, action: &str, payload: &RawValue) -> Handled {
    match Action::from_station(action) {
        Err(code) => refuse(&context.message_id, code, &format!("{action} is not done here"), vec![]),
        Ok(Action::Authorize) => answer(context, payload, authorize::handle).await,
        Ok(Action::BootNotification) => answer(context, payload, boot_notification::handle).await,
        Ok(Action::DataTransfer) => answer(context, payload, data_transfer::handle).await,
        Ok(Action::Heartbeat) => answer(context, payload, heartbeat::handle).await,
        Ok(Action::MeterValues) => readings(&context, payload),
        Ok(Action::StartTransaction) => answer(context, payload, start_transaction::handle).await,
        Ok(Action::StatusNotification) => answer(context, payload, status_notification::handle).await,
        Ok(Action::StopTransaction) => answer(context, payload, stop_transaction::handle).await,
        // The table of `ocpp` says what is done; one that is said to be done and has no line here is our defect.
        Ok(other) => {
            refuse(&context.message_id, ErrorCode::NotSupported, &format!("{} is not done here", other.name()), vec![])
        }
    }
}

async fn answer<M, F>(context: Context, payload: &RawValue, handler: impl FnOnce(Context, M) -> F) -> Handled
where
    M: Message,
    F: Future<Output = Result<M::Response, HandlerError>>,
{
    let id = context.message_id.clone();
    let decoded = match decode::<M>(&id, payload) {
        Ok(decoded) => decoded,
        Err(refusal) => return refusal,
    };
    match handler(context, decoded.value).await {
        Ok(response) => result::<M>(&id, &response, decoded.violations, None),
        Err(error) => {
            let violations = decoded.violations;
            match error {
                HandlerError::Fenced => end(End::Superseded, violations),
                HandlerError::Unavailable(source) => {
                    tracing::error!(error = &source as &dyn std::error::Error, "{} could not be kept", M::ACTION);
                    end(End::NotDurable, violations)
                }
                HandlerError::Defect(source) => {
                    tracing::error!(error = &source as &dyn std::error::Error, "{} was not taken", M::ACTION);
                    refuse(&id, ErrorCode::InternalError, "a defect on our side; it is logged", violations)
                }
            }
        }
    }
}

fn end(end: End, violations: Vec<Violation>) -> Handled {
    Handled { reply: Reply::End(end), meter: None, violations }
}

/// MeterValues are by far the most frequent: their readings are written in the same batch as the frames.
fn readings(context: &Context, payload: &RawValue) -> Handled {
    let id = &context.message_id;
    match decode::<meter_values::Request>(id, payload) {
        Err(refusal) => refusal,
        Ok(decoded) => {
            let (report, notes) = meter_values::report(&decoded.value, context.received_at);
            let mut violations = decoded.violations;
            violations.extend(notes);
            result::<meter_values::Request>(id, &meter_values::Response {}, violations, report)
        }
    }
}

fn decode<M: Message>(id: &str, payload: &RawValue) -> Result<Decoded<M>, Handled> {
    M::decode(payload).map_err(|error| {
        let violation = Violation { path: error.path.clone(), what: error.what.clone() };
        refuse(id, error.code, &error.description(), vec![violation])
    })
}

fn result<M: Message>(id: &str, response: &M::Response, violations: Vec<Violation>, meter: Option<MeterReport>) -> Handled {
    match frame::call_result(id, response) {
        Ok(text) => Handled { reply: Reply::Result(text), meter, violations },
        Err(error) => {
            tracing::error!(%error, "An answer to {} breaks the standard", M::ACTION);
            refuse(id, ErrorCode::InternalError, "the answer could not be written", violations)
        }
    }
}

fn refuse(id: &str, code: ErrorCode, description: &str, violations: Vec<Violation>) -> Handled {
    Handled { reply: Reply::Error(frame::call_error(id, code, Version::V16, description)), meter: None, violations }
}

/// A 1.6 connector n is EVSE n, connector 1; 0 is the charge point as a whole.
pub(crate) fn evse_no(connector_id: u32) -> i32 {
    i32::try_from(connector_id).unwrap_or(i32::MAX)
}

/// The only connector of a 1.6 EVSE.
pub(crate) const CONNECTOR_NO: i32 = 1;
