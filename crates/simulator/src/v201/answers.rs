//! The answers of the central system.

use ocpp::DecodeError;
use ocpp::v16::boot_notification::RegistrationStatus;
use serde_json::Value;
use serde_json::value::RawValue;

use super::commands::{member, object, optional_text, text};
use crate::answers::Answer;
use crate::call::Body;

pub(crate) fn read(body: &Body, payload: &RawValue) -> Result<Answer, DecodeError> {
    let payload = object(payload)?;
    Ok(match body {
        Body::Boot => {
            let status = RegistrationStatus::from_wire(text(&payload, "status")?);
            text(&payload, "currentTime")?;
            let interval_s = member(&payload, "interval")?.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            Answer::Boot { status, interval_s: interval_s.unwrap_or(0) }
        }
        Body::Authorize { .. } => {
            Answer::Authorization { is_accepted: text(member(&payload, "idTokenInfo")?, "status")? == "Accepted" }
        }
        // Without a word about the token it is as good as before.
        Body::Start(_) => {
            let status = optional_text(payload.get("idTokenInfo").unwrap_or(&Value::Null), "status")?;
            Answer::Start { is_accepted: status.is_none_or(|status| status == "Accepted"), number: 0 }
        }
        _ => Answer::Taken,
    })
}
