//! BootNotification: the charge point introduces itself, sets its clock and learns the heartbeat. One whose device model is not known
//! is asked for it.

use ocpp::v201::boot_notification::{Request, Response, Status};
use platform::stations::BootFacts;

use super::{Context, HandlerError};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let station = &request.charging_station;
    let facts = BootFacts {
        vendor: known(Some(station.vendor_name.as_str())),
        model: known(Some(station.model.as_str())),
        serial_number: known(station.serial_number.as_deref()),
        firmware_version: known(station.firmware_version.as_deref()),
    };
    let boot = context.booted(facts).await?;
    Ok(Response {
        current_time: boot.now.into(),
        interval_s: context.csms.heartbeat_interval_s(context.lease.charge_point),
        status: Status::Accepted,
        status_info: None,
    })
}

fn known(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
}
