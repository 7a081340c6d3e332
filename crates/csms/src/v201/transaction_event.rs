//! TransactionEvent: the life of a transaction whose id the charge point makes. Never refused; the answer tells of the token whenever
//! the event brings one.

use domain::Tyiyn;
use domain::charging::session::StopReason;
use domain::stations::ConnectorStatus;
use ocpp::v201::transaction_event::{ChargingState, EventType, Request, Response, StoppedReason, TriggerReason};
use ocpp::v201::{IdToken, IdTokenInfo, IdTokenType};
use ocpp::{Decimal, Violation};
use platform::charging::{EventReport, Stage};

use super::{Context, HandlerError, authorize, meter_values, number};
use crate::handler::Answer;

pub(super) async fn handle(context: Context, request: Request) -> Result<Answer<Response>, HandlerError> {
    let text = serde_json::to_string(&request).unwrap_or_default();
    let readings = meter_values::read(context.clock(), request.meter_values.as_deref().unwrap_or_default());
    let info = &request.transaction_info;
    let has_token = request.id_token.is_some();
    let report = EventReport {
        station_ref: ocpp::storable(info.transaction_id.as_str()).into_owned(),
        stage: stage(&request.event_type, info.stopped_reason.is_some()),
        seq_no: i32::try_from(request.seq_no).unwrap_or(i32::MAX),
        evse: request
            .evse
            .as_ref()
            .map(|evse| (i32::try_from(evse.id).unwrap_or(i32::MAX), evse.connector_id.map_or(1, number).max(1)))
            .filter(|(evse_no, _)| *evse_no > 0),
        id_tag: request.id_token.as_ref().and_then(tag),
        remote_start: info.remote_start_id.and_then(|id| i32::try_from(id).ok()),
        remotely: request.trigger_reason == TriggerReason::RemoteStart,
        activity: info.charging_state.as_ref().and_then(activity),
        offline: request.offline == Some(true),
        claimed_at: context.clock().instant(&request.timestamp),
        received_at: context.received_at,
        message_id: ocpp::storable(&context.message_id).into_owned(),
        samples: readings.samples,
        meter_begin: readings.begin,
        meter_end: readings.end,
        stop_reason: stop_reason(info.stopped_reason.as_ref()),
        evidence: serde_json::from_str(&ocpp::storable_json(&text)).unwrap_or_default(),
    };
    let outcome = context.csms.0.charging.transaction_event(context.lease, report).await?;
    let mut notes = readings.notes;
    notes.extend(outcome.notes.into_iter().map(|what| Violation { path: "seqNo".into(), what: what.into() }));
    let id_token_info = has_token.then(|| IdTokenInfo::new(authorize::status(outcome.tag)));
    Ok(Answer {
        response: Response { id_token_info, total_cost: outcome.total.map(som), ..Response::default() },
        meter: Some(outcome.meter),
        notes,
    })
}

/// In som; a tyiyn is ten thousandths.
pub(super) fn som(amount: Tyiyn) -> Decimal {
    Decimal::from_milli(amount.get().saturating_mul(10))
}

/// The tag that a token is; none without an identification.
pub(super) fn tag(token: &IdToken) -> Option<String> {
    let text = token.id_token.as_str().trim();
    (token.kind != IdTokenType::NoAuthorization && !text.is_empty()).then(|| ocpp::storable(text).into_owned())
}

/// A vendor's word for the kind of event is an update, unless it says why it stopped.
fn stage(kind: &EventType, has_stopped: bool) -> Stage {
    match kind {
        EventType::Started => Stage::Started,
        EventType::Updated => Stage::Updated,
        EventType::Ended => Stage::Ended,
        EventType::Other(_) if has_stopped => Stage::Ended,
        EventType::Other(_) => Stage::Updated,
    }
}

fn activity(state: &ChargingState) -> Option<ConnectorStatus> {
    match state {
        ChargingState::Charging => Some(ConnectorStatus::Charging),
        ChargingState::EvConnected => Some(ConnectorStatus::Preparing),
        ChargingState::SuspendedEv => Some(ConnectorStatus::SuspendedEv),
        ChargingState::SuspendedEvse => Some(ConnectorStatus::SuspendedEvse),
        // No car: its coming and going is told by StatusNotification.
        ChargingState::Idle | ChargingState::Other(_) => None,
    }
}

/// No reason means Local. Remote is somebody's wish: whose, the session knows; if it does not, it was staff.
fn stop_reason(reason: Option<&StoppedReason>) -> StopReason {
    match reason {
        Some(StoppedReason::Remote | StoppedReason::MasterPass) => StopReason::Operator,
        // Unplugging is the driver's way to stop at the charger.
        None
        | Some(StoppedReason::Local | StoppedReason::EvDisconnected | StoppedReason::DeAuthorized | StoppedReason::Timeout) => {
            StopReason::Charger
        }
        Some(
            StoppedReason::EmergencyStop
            | StoppedReason::GroundFault
            | StoppedReason::ImmediateReset
            | StoppedReason::OvercurrentFault
            | StoppedReason::PowerLoss
            | StoppedReason::PowerQuality
            | StoppedReason::Reboot,
        ) => StopReason::Fault,
        Some(StoppedReason::EnergyLimitReached | StoppedReason::LocalOutOfCredit | StoppedReason::TimeLimitReached) => {
            StopReason::Limit
        }
        Some(
            StoppedReason::SocLimitReached | StoppedReason::StoppedByEv | StoppedReason::OtherReason | StoppedReason::Other(_),
        ) => StopReason::Vehicle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_meaning_for_the_receipt() {
        assert_eq!(stop_reason(None), StopReason::Charger);
        assert_eq!(stop_reason(Some(&StoppedReason::EvDisconnected)), StopReason::Charger);
        assert_eq!(stop_reason(Some(&StoppedReason::PowerLoss)), StopReason::Fault);
        assert_eq!(stop_reason(Some(&StoppedReason::EnergyLimitReached)), StopReason::Limit);
        assert_eq!(stop_reason(Some(&StoppedReason::Other("Foo".into()))), StopReason::Vehicle);
    }
}
