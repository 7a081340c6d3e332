//! Reading a payload with forgiveness and writing it without.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ErrorCode;

/// More than these are counted and not kept: a hostile frame must not grow its own log row.
pub const MAX_VIOLATIONS: usize = 32;

/// Something that a peer got wrong and that was understood all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where, as `meterValue[0].sampledValue[2].unit`; empty for the payload itself.
    pub path: Box<str>,
    /// What, in a few words for a log reader.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// The violations met while reading or checking one payload.
#[derive(Debug, Default)]
pub struct Notes {
    violations: Vec<Violation>,
    dropped: usize,
}

impl Notes {
    pub fn add(&mut self, path: &Path<'_>, what: impl Into<Cow<'static, str>>) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation { path: path.to_string().into(), what: what.into() });
        } else {
            self.dropped += 1;
        }
    }

    /// The kept violations; a last one says how many more there were.
    pub fn into_violations(mut self) -> Vec<Violation> {
        if self.dropped > 0 {
            let what = format!("and {} more", self.dropped);
            self.violations.push(Violation { path: "".into(), what: what.into() });
        }
        self.violations
    }
}

/// Where in a payload we are. It lives on the stack and becomes text only when there is something to say.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Name(&'a str),
    Index(usize),
}

/// Of an unknown field's name this much is shown.
const PATH_NAME_MAX_CHARS: usize = 64;

impl<'a> Path<'a> {
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub fn name(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Name(name) }
    }

    pub fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Name(name) => {
                if self.parent.is_some_and(|parent| !matches!(parent.step, Step::Root)) {
                    f.write_str(".")?;
                }
                let end = name.char_indices().nth(PATH_NAME_MAX_CHARS).map_or(name.len(), |(at, _)| at);
                f.write_str(&crate::storable(&name[..end]))
            }
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A payload that cannot be understood: what to answer, and which field is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} at '{path}': {what}")]
pub struct DecodeError {
    pub code: ErrorCode,
    /// The field, as in [`Violation::path`].
    pub path: Box<str>,
    pub what: Cow<'static, str>,
}

impl DecodeError {
    pub fn new(code: ErrorCode, path: &Path<'_>, what: impl Into<Cow<'static, str>>) -> Self {
        Self { code, path: path.to_string().into(), what: what.into() }
    }

    /// The description of a CALLERROR: names the field.
    pub fn description(&self) -> String {
        if self.path.is_empty() { self.what.to_string() } else { format!("{}: {}", self.path, self.what) }
    }
}

/// A value that the standard forbids was about to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("the message breaks the standard: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Forbidden(Vec<Violation>),
    #[error("the frame is {bytes} bytes long, the limit is {max}", max = crate::frame::MAX_FRAME_BYTES)]
    TooLong { bytes: usize },
    #[error("the message id is empty or longer than {max} characters", max = crate::frame::MAX_ID_CHARS)]
    BadId,
    #[error("not writable as JSON: {0}")]
    Json(String),
}

/// A value read, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    pub value: T,
    pub violations: Vec<Violation>,
}

/// What can stand in a payload.
pub trait Field: Sized + Serialize {
    /// Reads a value that is there (JSON null counts as absent and does not come here).
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError>;

    /// What an absent field means: for most an error.
    fn absent(path: &Path<'_>, _notes: &mut Notes) -> Result<Self, DecodeError> {
        Err(DecodeError::new(ErrorCode::OccurrenceConstraintViolation, path, "is required"))
    }

    /// Whether the field is left out when written.
    fn is_absent(&self) -> bool {
        false
    }

    /// Notes what may not be written.
    fn check(&self, _path: &Path<'_>, _notes: &mut Notes) {}
}

/// A request or a response: a JSON object.
pub trait Payload: Field {
    /// Reads a payload, leniently.
    fn decode(raw: &RawValue) -> Result<Decoded<Self>, DecodeError> {
        Self::decode_text(raw.get())
    }

    fn decode_text(json: &str) -> Result<Decoded<Self>, DecodeError> {
        let root = Path::ROOT;
        let mut notes = Notes::default();
        let value: Value = serde_json::from_str(json)
            .map_err(|error| DecodeError::new(ErrorCode::FormatViolation, &root, format!("not readable JSON: {error}")))?;
        let value = if value.is_null() {
            notes.add(&root, "null instead of an object");
            Value::Object(serde_json::Map::new())
        } else {
            value
        };
        let value = Self::read(&value, &root, &mut notes)?;
        Ok(Decoded { value, violations: notes.into_violations() })
    }

    /// Writes a payload; nothing that the standard forbids.
    fn encode(&self) -> Result<Box<RawValue>, EncodeError> {
        let mut notes = Notes::default();
        self.check(&Path::ROOT, &mut notes);
        let violations = notes.into_violations();
        if !violations.is_empty() {
            return Err(EncodeError::Forbidden(violations));
        }
        serde_json::value::to_raw_value(self).map_err(|error| EncodeError::Json(error.to_string()))
    }
}

/// A request: it has an action name and a response.
pub trait Message: Payload {
    /// The third element of the CALL.
    const ACTION: &'static str;
    type Response: Payload;
}

pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(crate) fn wrong_type(value: &Value, path: &Path<'_>, wanted: &str) -> DecodeError {
    let what = format!("is {}, must be {wanted}", type_name(value));
    DecodeError::new(ErrorCode::TypeConstraintViolation, path, what)
}

/// Reads the field `name` of an object.
pub(crate) fn member<T: Field>(
    object: &serde_json::Map<String, Value>,
    name: &str,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Result<T, DecodeError> {
    let path = path.name(name);
    match object.get(name) {
        None => T::absent(&path, notes),
        Some(Value::Null) => {
            let value = T::absent(&path, notes)?;
            notes.add(&path, "null instead of being left out");
            Ok(value)
        }
        Some(value) => T::read(value, &path, notes),
    }
}

/// Notes the fields that the standard does not have. They are ignored (vendors add their own).
pub(crate) fn note_unknown(object: &serde_json::Map<String, Value>, known: &[&str], path: &Path<'_>, notes: &mut Notes) {
    for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
        notes.add(&path.name(name), "unknown field, ignored");
    }
}

/// An optional field that cannot be understood is left out and noted: it must not cost the whole message.
impl<T: Field> Field for Option<T> {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        match T::read(value, path, notes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                notes.violations_push(error);
                Ok(None)
            }
        }
    }

    fn absent(_path: &Path<'_>, _notes: &mut Notes) -> Result<Self, DecodeError> {
        Ok(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        if let Some(value) = self {
            value.check(path, notes);
        }
    }
}

/// An element that cannot be understood is left out and noted: one bad sample must not cost the others.
impl<T: Field> Field for Vec<T> {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let Value::Array(items) = value else { return Err(wrong_type(value, path, "an array")) };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match T::read(item, &path.index(index), notes) {
                Ok(item) => read.push(item),
                Err(error) => notes.violations_push(error),
            }
        }
        Ok(read)
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        for (index, item) in self.iter().enumerate() {
            item.check(&path.index(index), notes);
        }
    }
}

impl Notes {
    fn violations_push(&mut self, error: DecodeError) {
        if self.violations.len() < MAX_VIOLATIONS {
            let what = format!("{}, left out", error.what);
            self.violations.push(Violation { path: error.path, what: what.into() });
        } else {
            self.dropped += 1;
        }
    }
}

impl Field for bool {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        match value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => {
                notes.add(path, "a string, must be a boolean");
                Ok(text.eq_ignore_ascii_case("true"))
            }
            other => Err(wrong_type(other, path, "a boolean")),
        }
    }
}
