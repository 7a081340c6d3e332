//! The protocol versions that we speak, one row each. The charge point's own order of preference counts.

use ocpp::Version;

/// A version that has handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) version: Version,
}

/// What can be spoken. OCPP 2.0.1 joins by its own folder and a row here.
const SPOKEN: &[Protocol] = &[Protocol { version: Version::V16 }];

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
        assert_eq!(chosen(&["foo", "OCPP1.6,bar"]), Some("OCPP1.6"));
    }

    #[test]
    fn nothing_in_common_is_said() {
        assert_eq!(chosen(&["ocpp1.5", ""]), None);
        assert_eq!(chosen(&[]), None);
        assert_eq!(Protocol::names(), "ocpp1.6");
    }
}
