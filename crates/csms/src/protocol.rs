//! The protocol versions that we speak, one row each. The charge point's own order of preference counts.

use futures::future::BoxFuture;
use ocpp::{ToStation, Version};
use platform::charging::{Command, CommandBody, CommandOutcome};
use platform::devices::ReportPart;
use serde_json::value::RawValue;

use crate::handler::{Call, Context, Handled, Unsayable};
use crate::{operator, v16, v201};

/// A version that has handlers: everything that the rest of this crate knows of it.
#[derive(Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) version: Version,
    /// Answers a CALL: its routing table.
    pub(crate) handle: for<'a> fn(Context, &'a str, &'a RawValue) -> BoxFuture<'a, Handled>,
    /// Says a command of ours.
    pub(crate) say: fn(&Command) -> Result<Call, Unsayable>,
    /// What the payload of an answer to a command means.
    pub(crate) outcome: fn(&CommandBody, &RawValue) -> CommandOutcome,
    /// What an answer tells of the charge point's settings and parts.
    pub(crate) told: fn(&CommandBody, &RawValue) -> Option<ReportPart>,
    /// The messages that a person may write.
    pub(crate) to_station: &'static [ToStation],
}

/// What can be spoken.
const SPOKEN: &[Protocol] = &[v201::PROTOCOL, v16::PROTOCOL];

impl Protocol {
    /// The `Sec-WebSocket-Protocol` value.
    pub(crate) const fn subprotocol(self) -> &'static str {
        self.version.subprotocol()
    }

    /// The first of the offered subprotocols that we speak, and how the charge point spells it. The header may come several times,
    /// each a list.
    pub(crate) fn choose<'a>(offered: impl IntoIterator<Item = &'a str>) -> Option<(Self, &'a str)> {
        offered
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .find_map(|name| Some((SPOKEN.iter().copied().find(|p| p.subprotocol().eq_ignore_ascii_case(name))?, name)))
    }

    /// The version of a charge point that was here before, as it was entered then.
    pub(crate) fn by_name(subprotocol: &str) -> Option<Self> {
        SPOKEN.iter().copied().find(|p| p.subprotocol() == subprotocol)
    }

    /// What is meant by a charge point that offers nothing (field case 10).
    pub(crate) const fn unnamed() -> Self {
        v16::PROTOCOL
    }

    /// The CALL of a command.
    pub(crate) fn call(self, command: &Command) -> Result<Call, Unsayable> {
        match &command.body {
            CommandBody::Operator { protocol, action, payload } => {
                operator::say(self, &command.id.to_string(), protocol, action, payload)
            }
            _ => (self.say)(command),
        }
    }

    /// What the payload of an answer to a command means.
    pub(crate) fn judge(self, body: &CommandBody, payload: &RawValue) -> CommandOutcome {
        match body {
            CommandBody::Operator { action, .. } => operator::outcome(self, action, payload),
            _ => (self.outcome)(body, payload),
        }
    }

    /// All that we speak, for the refusal.
    pub(crate) fn names() -> String {
        SPOKEN.iter().map(|p| p.subprotocol()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(offered: &[&'a str]) -> Option<&'a str> {
        Protocol::choose(offered.iter().copied()).map(|(_, name)| name)
    }

    #[test]
    fn the_first_offer_that_we_speak_is_taken() {
        assert_eq!(chosen(&["ocpp2.1, ocpp1.6"]), Some("ocpp1.6"));
        assert_eq!(chosen(&["ocpp1.6, ocpp2.0.1"]), Some("ocpp1.6"));
        assert_eq!(chosen(&["ocpp2.0.1", "ocpp1.6"]), Some("ocpp2.0.1"));
        assert_eq!(chosen(&["foo", "OCPP1.6,bar"]), Some("OCPP1.6"));
    }

    #[test]
    fn nothing_in_common_is_said() {
        assert_eq!(chosen(&["ocpp1.5", ""]), None);
        assert_eq!(chosen(&[]), None);
        assert_eq!(Protocol::names(), "ocpp2.0.1, ocpp1.6");
    }
}
