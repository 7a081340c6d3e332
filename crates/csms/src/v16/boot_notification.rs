//! BootNotification (1.6 § 4.2): the charge point introduces itself, sets its clock and learns the heartbeat. One whose settings are not
//! known is asked for them.

use ocpp::v16::boot_notification::{RegistrationStatus, Request, Response};
use platform::stations::BootFacts;

use super::{Context, HandlerError};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let facts = BootFacts {
        vendor: known(Some(request.charge_point_vendor.as_str())),
        model: known(Some(request.charge_point_model.as_str())),
        // The charge point's own number first; the box's is deprecated (1.6 § 6.5).
        serial_number: known(request.charge_point_serial_number.as_deref())
            .or_else(|| known(request.charge_box_serial_number.as_deref())),
        firmware_version: known(request.firmware_version.as_deref()),
    };
    let boot = context.booted(facts).await?;
    Ok(Response {
        status: RegistrationStatus::Accepted,
        current_time: boot.now.into(),
        interval_s: context.csms.heartbeat_interval_s(context.lease.charge_point),
    })
}

fn known(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
}
