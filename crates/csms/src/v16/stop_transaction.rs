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
        meter_stop: Some(Wh::new(request.meter_stop_wh)),
        claimed_at: context.clock().instant(&request.timestamp),
        received_at: context.received_at,
        reason: reason(request.reason.as_ref()),
        message_id: context.message_id.clone(),
        samples: request
            .transaction_data
            .as_deref()
            .map(|values| meter_values::samples(context.clock(), values).0)
            .unwrap_or_default(),
        evidence,
    };
    context.csms.0.charging.transaction_stopped(context.lease, report).await?;
    // idTagInfo is optional, and the session's tag has done its duty.
    Ok(Response { id_tag_info: None })
}

/// No reason means Local (1.6 § 6.45). Remote is somebody's wish: whose, the session knows; if it does not, it was staff.
fn reason(reason: Option<&Reason>) -> StopReason {
    match reason {
        Some(Reason::Remote) => StopReason::Operator,
        // Unplugging is the driver's way to stop at the charger.
        None | Some(Reason::Local | Reason::EvDisconnected | Reason::UnlockCommand | Reason::DeAuthorized) => {
            StopReason::Charger
        }
        Some(Reason::EmergencyStop | Reason::HardReset | Reason::SoftReset | Reason::PowerLoss | Reason::Reboot) => {
            StopReason::Fault
        }
        // Vendors say here that the car is full or has ended the session.
        Some(Reason::OtherReason | Reason::Other(_)) => StopReason::Vehicle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_meaning_for_the_receipt() {
        assert_eq!(reason(None), StopReason::Charger);
        assert_eq!(reason(Some(&Reason::EvDisconnected)), StopReason::Charger);
        assert_eq!(reason(Some(&Reason::PowerLoss)), StopReason::Fault);
        assert_eq!(reason(Some(&Reason::Other("SuspendedEV".into()))), StopReason::Vehicle);
    }
}
