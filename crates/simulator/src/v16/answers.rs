//! The answers of the central system.

use ocpp::v16::{AuthorizationStatus, authorize, boot_notification, start_transaction, stop_transaction};
use ocpp::{DecodeError, Payload};
use serde_json::value::RawValue;

use crate::answers::Answer;
use crate::call::Body;

pub(crate) fn read(body: &Body, payload: &RawValue) -> Result<Answer, DecodeError> {
    Ok(match body {
        Body::Boot => {
            let response = boot_notification::Response::decode(payload)?.value;
            Answer::Boot { status: response.status, interval_s: response.interval_s }
        }
        Body::Authorize { .. } => {
            let response = authorize::Response::decode(payload)?.value;
            Answer::Authorization { is_accepted: response.id_tag_info.status == AuthorizationStatus::Accepted }
        }
        Body::Start(_) => {
            let response = start_transaction::Response::decode(payload)?.value;
            let is_accepted = response.id_tag_info.status == AuthorizationStatus::Accepted;
            Answer::Start { is_accepted, number: response.transaction_id }
        }
        Body::Stop(_) => {
            stop_transaction::Response::decode(payload)?;
            Answer::Taken
        }
        _ => Answer::Taken,
    })
}
