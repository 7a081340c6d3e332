//! Authorize (1.6 § 4.1): a tag is good while a session waits for it; nobody charges by a card yet.

use ocpp::v16::authorize::{Request, Response};
use ocpp::v16::{AuthorizationStatus, IdTagInfo};
use platform::charging::TagVerdict;

use super::{Context, HandlerError};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let verdict = context.csms.0.charging.tag_verdict(context.lease, request.id_tag.as_str()).await?;
    Ok(Response { id_tag_info: IdTagInfo::new(status(verdict)) })
}

/// An unknown tag is Invalid (1.6 § 7.2).
pub(super) fn status(verdict: TagVerdict) -> AuthorizationStatus {
    match verdict {
        TagVerdict::Accepted => AuthorizationStatus::Accepted,
        TagVerdict::Invalid | TagVerdict::Unknown => AuthorizationStatus::Invalid,
        TagVerdict::Expired => AuthorizationStatus::Expired,
        TagVerdict::Blocked => AuthorizationStatus::Blocked,
    }
}
