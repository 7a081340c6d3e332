//! StopTransaction (1.6 § 4.10): never refused, idempotent; the values in transactionData are readings like any other.

use domain::Wh;
use domain::charging::session::StopReason;
use ocpp::v16::stop_transaction::{Reason, Request, Response};
use platform::charging::StopReport;

use super::{Context, HandlerError, meter_values};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let evidence = serde_json::to_value(&request).unwrap_or_default();
    let report = StopReport {
        transaction: request.transaction_id,
        id_tag: request.id_tag.as_ref().map(|t| t.as_str().to_owned()),
        meter_stop: Wh::new(request.meter_stop_wh),
        claimed_at: request.timestamp.instant(),
        received_at: context.received_at,
        reason: reason(request.reason.as_ref()),
        message_id: context.message_id.clone(),
        samples: request.transaction_data.as_deref().map(meter_values::samples).unwrap_or_default(),
        evidence,
    };
    context.csms.0.charging.transaction_stopped(context.lease, report).await?;
    // idTagInfo is optional, and the session's tag has done its duty.
    Ok(Response { id_tag_info: None })
}

/// No reason means Local (1.6 § 6.45). Remote is whoever asked for it: the session knows that better, so it is the charger here.
fn reason(reason: Option<&Reason>) -> StopReason {
    match reason {
        None | Some(Reason::Local | Reason::Remote | Reason::UnlockCommand | Reason::OtherReason | Reason::DeAuthorized | Reason::Other(_)) => {
            StopReason::Charger
        }
        Some(Reason::EvDisconnected) => StopReason::Vehicle,
        Some(Reason::EmergencyStop | Reason::HardReset | Reason::SoftReset | Reason::PowerLoss | Reason::Reboot) => StopReason::Fault,
    }
}
