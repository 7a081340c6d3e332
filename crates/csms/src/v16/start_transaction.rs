//! StartTransaction (1.6 § 4.8): always answered with a transaction id, also when the tag is refused (1.6 errata 3.18); the same
//! transaction told again gets the same id.

use domain::Wh;
use ocpp::v16::IdTagInfo;
use ocpp::v16::start_transaction::{Request, Response};
use platform::charging::{StartReport, TagVerdict};

use super::{CONNECTOR_NO, Context, HandlerError, authorize, evse_no};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let report = StartReport {
        evse_no: evse_no(request.connector_id),
        connector_no: CONNECTOR_NO,
        id_tag: request.id_tag.as_str().to_owned(),
        meter_start: Wh::new(request.meter_start_wh),
        claimed_at: context.clock().instant(&request.timestamp),
        received_at: context.received_at,
        message_id: context.message_id.clone(),
    };
    let charging = &context.csms.0.charging;
    let outcome = charging.transaction_started(context.lease, report).await?;
    let verdict = if outcome.accepted {
        TagVerdict::Accepted
    } else {
        charging.why_refused(context.lease, request.id_tag.as_str()).await?
    };
    Ok(Response { id_tag_info: IdTagInfo::new(authorize::status(verdict)), transaction_id: i64::from(outcome.transaction.0) })
}
