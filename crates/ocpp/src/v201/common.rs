//! What messages of several functional blocks share.

use std::ops::Deref;

use serde::Serialize;
use serde_json::Value;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::{DecodeError, ErrorCode};
use crate::{Text, Timestamp};

/// A list that must have at least one element and may have at most `MAX`. When read, one that is empty or too long is kept
/// and noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Many<T, const MAX: usize = { usize::MAX }>(pub Vec<T>);

/// Empty, to be filled.
impl<T, const MAX: usize> Default for Many<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Many<T, MAX> {
    fn note_length(&self, path: &Path<'_>, notes: &mut Notes) {
        match self.0.len() {
            0 => notes.add(path, "is empty"),
            length if length > MAX => notes.add(path, format!("has {length} elements, at most {MAX} are allowed")),
            _ => {}
        }
    }
}

impl<T, const MAX: usize> Deref for Many<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> From<Vec<T>> for Many<T, MAX> {
    fn from(elements: Vec<T>) -> Self {
        Self(elements)
    }
}

impl<T, const MAX: usize> IntoIterator for Many<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Many<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Field, const MAX: usize> Field for Many<T, MAX> {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let read = Self(Vec::read(value, path, notes)?);
        read.note_length(path, notes);
        Ok(read)
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        self.note_length(path, notes);
        self.0.check(path, notes);
    }
}

/// Any JSON at all: what vendors send each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AnyJson(pub Value);

impl Field for AnyJson {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let text = value.to_string();
        let storable = crate::storable_json(&text);
        if storable == text {
            return Ok(Self(value.clone()));
        }
        notes.add(path, "has a U+0000, replaced");
        let unreadable = |_| DecodeError::new(ErrorCode::FormatViolation, path, "is not readable JSON");
        serde_json::from_str(&storable).map(Self).map_err(unreadable)
    }
}

/// 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

impl Percent {
    /// `None` above 100.
    pub const fn new(percent: u8) -> Option<Self> {
        if percent <= 100 { Some(Self(percent)) } else { None }
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Field for Percent {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        if !value.is_number() {
            return Err(wrong_type(value, path, "an integer"));
        }
        u8::try_from(i64::read(value, path, notes)?)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| DecodeError::new(ErrorCode::PropertyConstraintViolation, path, "is not between 0 and 100"))
    }
}

record! {
    /// The specification's StatusInfoType.
    pub struct StatusInfo {
        reason_code as "reasonCode": Text<20>,
        additional_info as "additionalInfo": Option<Text<512>>,
    }
}

record! {
    /// The specification's EVSEType.
    pub struct Evse {
        /// From 1; 0 is sent for the station itself by some.
        id as "id": i64,
        connector_id as "connectorId": Option<u32>,
    }
}

record! {
    /// The specification's AdditionalInfoType.
    pub struct AdditionalInfo {
        additional_id_token as "additionalIdToken": Text<36>,
        kind as "type": Text<50>,
    }
}

text_enum! {
    /// The specification's IdTokenEnumType.
    pub enum IdTokenType {
        Central = "Central",
        Emaid = "eMAID",
        Iso14443 = "ISO14443",
        Iso15693 = "ISO15693",
        KeyCode = "KeyCode",
        Local = "Local",
        MacAddress = "MacAddress",
        NoAuthorization = "NoAuthorization",
    }
}

record! {
    /// The specification's IdTokenType.
    pub struct IdToken {
        id_token as "idToken": Text<36>,
        kind as "type": IdTokenType,
        additional_info as "additionalInfo": Option<Many<AdditionalInfo>>,
    }
}

text_enum! {
    /// The specification's AuthorizationStatusEnumType.
    pub enum AuthorizationStatus {
        Accepted = "Accepted",
        Blocked = "Blocked",
        ConcurrentTx = "ConcurrentTx",
        Expired = "Expired",
        Invalid = "Invalid",
        NoCredit = "NoCredit",
        NotAllowedTypeEvse = "NotAllowedTypeEVSE",
        NotAtThisLocation = "NotAtThisLocation",
        NotAtThisTime = "NotAtThisTime",
        Unknown = "Unknown",
    }
}

text_enum! {
    /// The specification's MessageFormatEnumType.
    pub enum MessageFormat {
        Ascii = "ASCII",
        Html = "HTML",
        Uri = "URI",
        Utf8 = "UTF8",
    }
}

record! {
    /// The specification's MessageContentType.
    pub struct MessageContent {
        format as "format": MessageFormat,
        content as "content": Text<512>,
        language as "language": Option<Text<8>>,
    }
}

record! {
    /// The specification's IdTokenInfoType.
    pub struct IdTokenInfo {
        status as "status": AuthorizationStatus,
        cache_expiry_date_time as "cacheExpiryDateTime": Option<Timestamp>,
        /// -9 to 9.
        charging_priority as "chargingPriority": Option<i32>,
        language1 as "language1": Option<Text<8>>,
        /// Left out: allowed at every EVSE.
        evse_id as "evseId": Option<Many<u32>>,
        group_id_token as "groupIdToken": Option<IdToken>,
        language2 as "language2": Option<Text<8>>,
        personal_message as "personalMessage": Option<MessageContent>,
    }
}

text_enum! {
    /// The specification's GenericStatusEnumType.
    pub enum GenericStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

text_enum! {
    /// The specification's GenericDeviceModelStatusEnumType.
    pub enum GenericDeviceModelStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
        NotSupported = "NotSupported",
        EmptyResultSet = "EmptyResultSet",
    }
}

text_enum! {
    /// The specification's RequestStartStopStatusEnumType.
    pub enum StartStopStatus {
        Accepted = "Accepted",
        Rejected = "Rejected",
    }
}

impl StatusInfo {
    /// The reason alone.
    pub fn reason(code: &str) -> Self {
        Self { reason_code: code.into(), additional_info: None }
    }
}

impl IdToken {
    /// A token without additional information.
    pub fn new(kind: IdTokenType, id_token: &str) -> Self {
        Self { id_token: id_token.into(), kind, additional_info: None }
    }
}

impl IdTokenInfo {
    /// The status alone.
    pub const fn new(status: AuthorizationStatus) -> Self {
        Self {
            status,
            cache_expiry_date_time: None,
            charging_priority: None,
            evse_id: None,
            group_id_token: None,
            language1: None,
            language2: None,
            personal_message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload as _;
    use crate::testing::{clean, noted};

    #[test]
    fn a_list_is_never_written_empty_or_too_long() {
        let mut token: IdToken = clean(r#"{"idToken":"04A1","type":"ISO14443"}"#);
        token.additional_info = Some(Vec::new().into());
        assert!(token.encode().is_err());
        let mut notes = Notes::default();
        Many::<u32, 2>(vec![1, 2, 3]).check(&Path::ROOT, &mut notes);
        assert_eq!(notes.into_violations()[0].to_string(), ": has 3 elements, at most 2 are allowed");
    }

    #[test]
    fn vendors_may_add_custom_data_and_nothing_else() {
        clean::<Evse>(r#"{"id":1,"customData":{"vendorId":"kg.petroleum","x":1}}"#);
        let (_, notes) = noted::<Evse>(r#"{"id":1,"custom":{}}"#);
        assert_eq!(notes, ["custom: unknown field, ignored"]);
    }

    #[test]
    fn any_json_is_storable() {
        let mut notes = Notes::default();
        let read = AnyJson::read(&serde_json::json!({"a\0": ["\0", 1.5]}), &Path::ROOT, &mut notes).unwrap();
        assert_eq!(read.0, serde_json::json!({"a\u{fffd}": ["\u{fffd}", 1.5]}));
        assert_eq!(notes.into_violations().len(), 1);
    }
}
