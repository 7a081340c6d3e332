//! What a charge point's answers to our commands teach about it: quirks, proposed to staff with the frames that show them.

use platform::charging::{CommandBody, CommandOutcome};
use platform::quirks::Quirk;
use serde_json::Value;

/// CALLERRORs that mean that it does not know the message.
const UNKNOWN_MESSAGE: &[&str] = &["NotImplemented", "NotSupported"];

/// The quirk that an answer shows.
pub(crate) fn of(body: &CommandBody, outcome: CommandOutcome, answer: &Value) -> Option<Quirk> {
    let is_unknown =
        ["code", "status"].iter().any(|field| answer[field].as_str().is_some_and(|s| UNKNOWN_MESSAGE.contains(&s)));
    let refused = is_unknown || outcome == CommandOutcome::Rejected;
    match body {
        CommandBody::ReportStatus { .. } | CommandBody::ReportBoot if is_unknown => Some(Quirk::NoTriggerMessage),
        CommandBody::SetMeterInterval { .. } | CommandBody::SetMeterContent if refused => Some(Quirk::NoMeterConfiguration),
        CommandBody::Cap { .. } if refused => Some(Quirk::NoChargingProfile),
        _ => None,
    }
}
