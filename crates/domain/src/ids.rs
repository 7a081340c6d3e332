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
            /// Reads the hyphenated form.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Uuid::from_str(text).map(Self).map_err(|_| InvalidId { kind: $kind })
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

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr, $normal:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    ConnectorCode, "connector code",
    |t| (4..=12).contains(&t.len()) && t.bytes().all(|b| matches!(b, b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'Z' | b'2'..=b'9')),
    |t| t.chars().filter(|c| !matches!(c, ' ' | '-')).take(64).collect::<String>().to_ascii_uppercase()
}

text_id! {
    /// The identity of a charge point, the last segment of its URL: 1 to 48 characters of `A–Z a–z 0–9 . _ - * =`, no colon
    /// (OCPP-J 1.6 § 3.1.1, OCPP 2.0.1 part 4 § 2.1.1). Case matters.
    OcppIdentity, "charge point identity",
    |t| (1..=48).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*' | b'=')),
    |t| t.to_owned()
}

text_id! {
    /// The secret in a guest's URL: 22 characters of base64url, that is 128 random bits or more.
    GuestToken, "guest token",
    |t| (22..=43).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    |t| t.to_owned()
}

text_id! {
    /// An OCPP idTag (CiString20): compared without case, so kept in capitals.
    IdTag, "id tag",
    |t| { let n = t.chars().count(); (1..=20).contains(&n) && !t.chars().any(char::is_control) },
    |t| t.to_uppercase()
}
