//! Identifiers. Each has a private field and one `parse`; none can stand for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    /// What was expected: "connector code", "session id".
    pub kind: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident, $kind:literal;)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an id that was made by the id generator or read from the database.
            pub const fn from_uuid(id: Uuid) -> Self { Self(id) }
            /// The bare id, for the database.
            pub const fn as_uuid(self) -> Uuid { self.0 }
            /// Reads the hyphenated form, and no other: an id has one spelling in URLs and logs.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                match Uuid::from_str(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id)),
                    _ => Err(InvalidId { kind: $kind }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    )*};
}

uuid_id! {
    /// The owner of stations.
    PartnerId, "partner id";
    /// A place with an address.
    StationId, "station id";
    /// One OCPP identity.
    ChargePointId, "charge point id";
    /// One connector of an EVSE.
    ConnectorId, "connector id";
    /// A tariff through all its versions.
    TariffId, "tariff id";
    /// One immutable version of a tariff.
    TariffVersionId, "tariff version id";
    /// What a person pays for.
    SessionId, "session id";
    /// A payment at the provider.
    OrderId, "order id";
    /// Money on its way back to the payer of an order.
    RefundId, "refund id";
    /// A driver's wish for money of the balance back.
    RefundRequestId, "refund request id";
    /// Money set aside.
    HoldId, "hold id";
    /// A balanced entry of the ledger.
    JournalEntryId, "journal entry id";
    /// One message to a charge point, with a deadline and an outcome.
    CommandId, "command id";
    /// The frozen document of a session.
    ReceiptId, "receipt id";
    /// A guest's way from the first form to the receipt.
    GuestChargeId, "guest charge id";
}

/// The transaction id that OCPP 1.6 wants as an integer; made by the database, unique over all charge points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub i32);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `Debug` shows, and so what a log can come to show.
const fn plainly(text: &str) -> &str {
    text
}
/// Whoever reads the log must not be able to use what is in it.
const fn masked(_: &str) -> &'static str {
    "***"
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $logged:ident, $valid:expr, $normal:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads and normalises the text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let normal: fn(&str) -> String = $normal;
                let valid: fn(&str) -> bool = $valid;
                let text = normal(text);
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind }) }
            }
            /// The normalised text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&$logged(&self.0)).finish()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> { Self::parse(&text) }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String { id.0 }
        }
    };
}

text_id! {
    /// The code of the QR sticker on a connector: 4 to 12 of `A–Z 2–9` without the look-alikes I, L, O, 0 and 1, read
    /// without regard to case, spaces and hyphens.
    ConnectorCode, "connector code", plainly,
    |t| (4..=12).contains(&t.len()) && t.bytes().all(|b| matches!(b, b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'Z' | b'2'..=b'9')),
    |t| t.chars().filter(|c| !matches!(c, ' ' | '-')).take(64).collect::<String>().to_ascii_uppercase()
}

text_id! {
    /// The identity of a charge point, the last segment of its URL: 1 to 48 characters of `A–Z a–z 0–9 . _ - * =`, no colon
    /// (OCPP-J 1.6 § 3.1.1, OCPP 2.0.1 part 4 § 2.1.1). Case matters.
    OcppIdentity, "charge point identity", plainly,
    |t| (1..=48).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*' | b'=')),
    |t| t.to_owned()
}

text_id! {
    /// The secret in a guest's URL: 22 characters of base64url, that is 128 random bits or more.
    GuestToken, "guest token", masked,
    |t| (22..=43).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    |t| t.to_owned()
}

text_id! {
    /// The key of a form about money, random, from its page: a form that is sent twice is known by it.
    FormKey, "form key", plainly,
    |t| (16..=64).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    |t| t.to_owned()
}

text_id! {
    /// An OCPP idTag (CiString20): compared without case, so kept in capitals.
    IdTag, "id tag", plainly,
    |t| { let n = t.chars().count(); (1..=20).contains(&n) && !t.chars().any(char::is_control) },
    |t| t.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_code_is_read_as_people_type_it() {
        for text in ["KG7A2", "kg7a2", " kg7-a2 ", "K G 7 A 2"] {
            assert_eq!(ConnectorCode::parse(text).unwrap().as_str(), "KG7A2");
        }
        for text in ["", "KG7", "KG0A2", "KG1A2", "KGOA2", "KGIA2", "KGLA2", "КG7A2", "KG7A2KG7A2KG7", "../../etc"] {
            assert!(ConnectorCode::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_charge_point_identity_keeps_its_case_and_fits_a_url() {
        assert_eq!(OcppIdentity::parse("CP_bishkek-01.a*=").unwrap().as_str(), "CP_bishkek-01.a*=");
        for text in ["", "a b", "a:b", "a/b", "ы", "a\0", &"x".repeat(49)] {
            assert!(OcppIdentity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_tag_is_compared_without_case_and_counted_in_characters() {
        assert_eq!(IdTag::parse("abcЖж").unwrap(), IdTag::parse("ABCжЖ").unwrap());
        assert!(IdTag::parse(&"ж".repeat(20)).is_ok());
        for text in ["", "a\0", "a\n", &"x".repeat(21)] {
            assert!(IdTag::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_guest_token_never_shows_in_a_log() {
        let token = GuestToken::parse("abcdefghijklmnopqrstuv").unwrap();
        assert_eq!(format!("{token:?}"), "GuestToken(\"***\")");
        assert_eq!(token.as_str(), "abcdefghijklmnopqrstuv");
        for text in ["", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrstu/", &"x".repeat(44)] {
            assert!(GuestToken::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_has_one_spelling_and_stands_for_nothing_else() {
        let text = "0193a5c8-0000-7000-8000-000000000001";
        let id = SessionId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        for other in ["", "0193a5c8000070008000000000000001", "{0193a5c8-0000-7000-8000-000000000001}", "session"] {
            assert_eq!(SessionId::parse(other).unwrap_err().to_string(), "not a valid session id");
        }
    }

    #[test]
    fn texts_from_outside_are_checked_when_they_are_read_as_json() {
        assert_eq!(serde_json::from_str::<ConnectorCode>("\"kg7a2\"").unwrap().as_str(), "KG7A2");
        assert!(serde_json::from_str::<OcppIdentity>("\"a/b\"").is_err());
    }
}
