//! Text with a greatest length, in characters (OCPP counts characters, not bytes).

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::decode::{Field, Notes, Path, wrong_type};
use crate::{DecodeError, ErrorCode};

/// A text longer than its limit is noted and kept, up to this: firmware versions of 60 characters are real, a novel is not.
const TOLERATED_CHARS: usize = 2_500;

/// Text of at most `N` characters when written; when read, a longer one is kept and noted.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Text<const N: usize>(Box<str>);

impl<const N: usize> Text<N> {
    /// The strict way in: `None` if it is too long.
    pub fn parse(text: impl Into<Box<str>>) -> Option<Self> {
        let text = text.into();
        (text.chars().count() <= N).then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form to compare CiStrings by (1.6: idTag, vendor, configuration keys are case-insensitive).
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    pub fn eq_ignore_case(&self, other: &str) -> bool {
        self.folded() == other.to_lowercase()
    }

    pub fn into_boxed_str(self) -> Box<str> {
        self.0
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Never fails; what is too long is refused when it is encoded.
impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<const N: usize> From<String> for Text<N> {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl<const N: usize> PartialEq<str> for Text<N> {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl<const N: usize> PartialEq<&str> for Text<N> {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<const N: usize> Field for Text<N> {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let Value::String(text) = value else { return Err(wrong_type(value, path, "a string")) };
        let chars = text.chars().count();
        if chars > N {
            if chars > TOLERATED_CHARS.max(N) {
                let what = format!("has {chars} characters, at most {N} are allowed");
                return Err(DecodeError::new(ErrorCode::PropertyConstraintViolation, path, what));
            }
            notes.add(path, format!("has {chars} characters, at most {N} are allowed"));
        }
        Ok(Self(kept(text, path, notes)))
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        let chars = self.0.chars().count();
        if chars > N {
            notes.add(path, format!("has {chars} characters, at most {N} are allowed"));
        }
    }
}

/// Text as it can be stored; the change is noted.
pub(crate) fn kept(text: &str, path: &Path<'_>, notes: &mut Notes) -> Box<str> {
    match storable(text) {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => {
            notes.add(path, "has a U+0000, replaced");
            text.into()
        }
    }
}

/// Text that PostgreSQL can hold: U+0000 becomes U+FFFD. All texts that this crate decodes are already so.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// JSON text that PostgreSQL can hold as `jsonb`: escapes of U+0000 and of half a surrogate pair become `\ufffd`. Anything else,
/// broken JSON too, comes back byte for byte.
pub fn storable_json(json: &str) -> Cow<'_, str> {
    // Nearly all frames have no such escape.
    let json = storable(json);
    if !json.contains("\\u") {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = &*json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match unicode_escape(rest) {
            None => 2, // another escape: its two characters belong together
            Some(0) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            Some(unit @ 0xD800..=0xDFFF) => {
                let pair =
                    unit < 0xDC00 && rest.get(6..).and_then(unicode_escape).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low));
                if !pair {
                    out.push_str("\\ufffd");
                    rest = &rest[6..];
                    continue;
                }
                12
            }
            Some(_) => 6,
        };
        // The second character of a broken escape may be several bytes long.
        let end = (taken..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The code unit of a `\uXXXX` at the start of `text`.
fn unicode_escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lengths_count_characters() {
        assert!(Text::<20>::parse("Бишкек-станция-000001").is_none());
        assert!(Text::<20>::parse("Бишкек-станция-00001").is_some());
    }

    #[test]
    fn a_long_text_is_kept_and_noted() {
        let mut notes = Notes::default();
        let read = Text::<5>::read(&json!("123456"), &Path::ROOT.name("idTag"), &mut notes).unwrap();
        assert_eq!(read, "123456");
        assert_eq!(notes.into_violations()[0].to_string(), "idTag: has 6 characters, at most 5 are allowed");
        let mut notes = Notes::default();
        read.check(&Path::ROOT, &mut notes);
        assert_eq!(notes.into_violations().len(), 1);
    }

    #[test]
    fn nul_is_replaced() {
        let mut notes = Notes::default();
        let read = Text::<20>::read(&json!("a\0b"), &Path::ROOT, &mut notes).unwrap();
        assert_eq!(read, "a\u{fffd}b");
        assert_eq!(notes.into_violations().len(), 1);
    }

    #[test]
    fn json_for_postgres() {
        assert_eq!(storable_json(r#"{"a":"x\u0000y"}"#), r#"{"a":"x\ufffdy"}"#);
        assert_eq!(storable_json(r#"{"a":"x\\u0000y"}"#), r#"{"a":"x\\u0000y"}"#);
        assert_eq!(storable_json(r#"["\ud800","\ud83d\ude00","\ude00"]"#), r#"["\ufffd","\ud83d\ude00","\ufffd"]"#);
        assert_eq!(storable_json(r#"["\u00e9"]"#), r#"["\u00e9"]"#);
        assert_eq!(storable_json("\\uя\\"), "\\uя\\");
    }

    #[test]
    fn cases_are_folded() {
        assert!(Text::<20>::from("ABCdef").eq_ignore_case("abcDEF"));
    }

    proptest! {
        #[test]
        fn storable_json_never_panics_and_is_stable(text in r#"([\\u0-9a-fA-F"я\x00]|\\u0000|\\ud8[0-9a-f]{2}){0,40}"#) {
            let once = storable_json(&text).into_owned();
            prop_assert_eq!(storable_json(&once).into_owned(), once.clone());
            prop_assert!(!once.contains('\0'));
        }
    }
}
