//! Heartbeat: the time. That the charge point lives is kept with the frame.

use ocpp::v201::heartbeat::{Request, Response};

use super::{Context, HandlerError};

pub(super) async fn handle(context: Context, _request: Request) -> Result<Response, HandlerError> {
    Ok(Response { current_time: context.csms.0.charging.now().into() })
}
