//! Authorize: a token is good while a session waits for it; nobody charges by a card yet.

use ocpp::v201::authorize::{Request, Response};
use ocpp::v201::{AuthorizationStatus, IdTokenInfo};
use platform::charging::TagVerdict;

use super::{Context, HandlerError, transaction_event};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let verdict = match transaction_event::tag(&request.id_token) {
        Some(tag) => context.csms.0.charging.tag_verdict(context.lease, &tag).await?,
        None => TagVerdict::Invalid,
    };
    Ok(Response { id_token_info: IdTokenInfo::new(status(verdict)), certificate_status: None })
}

pub(super) fn status(verdict: TagVerdict) -> AuthorizationStatus {
    match verdict {
        TagVerdict::Accepted => AuthorizationStatus::Accepted,
        TagVerdict::Invalid => AuthorizationStatus::Invalid,
        TagVerdict::Expired => AuthorizationStatus::Expired,
        TagVerdict::Blocked => AuthorizationStatus::Blocked,
        TagVerdict::Unknown => AuthorizationStatus::Unknown,
    }
}
