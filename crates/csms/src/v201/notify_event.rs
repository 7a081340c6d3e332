//! NotifyEvent: monitored variables. Kept, each message whole.

use ocpp::v201::notify_event::{Request, Response};

use super::{Context, HandlerError, kept};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let json = serde_json::to_string(&request).unwrap_or_default();
    kept::keep(&context, "event", Some(&request.generated_at), &json).await?;
    Ok(Response {})
}
