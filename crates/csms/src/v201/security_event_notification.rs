//! SecurityEventNotification: kept for staff.

use ocpp::v201::security_event_notification::{Request, Response};

use super::{Context, HandlerError, kept};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let json = serde_json::to_string(&request).unwrap_or_default();
    kept::keep(&context, "security_event", Some(&request.timestamp), &json).await?;
    Ok(Response {})
}
