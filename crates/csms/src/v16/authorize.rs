//! Authorize (1.6 § 4.1): a tag is good while a session waits for it; nobody charges by a card yet.

use ocpp::v16::authorize::{Request, Response};
use ocpp::v16::{AuthorizationStatus, IdTagInfo};

use super::{Context, HandlerError};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let accepted = context.csms.0.charging.authorize(context.lease, request.id_tag.as_str()).await?;
    Ok(Response { id_tag_info: IdTagInfo::new(status(accepted)) })
}

/// An unknown tag is Invalid (1.6 § 7.2).
pub(super) fn status(accepted: bool) -> AuthorizationStatus {
    if accepted { AuthorizationStatus::Accepted } else { AuthorizationStatus::Invalid }
}
