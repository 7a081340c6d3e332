//! The RPC frame: a JSON array of message type, id and the rest (OCPP-J 1.6 § 4, 2.0.1 part 4 § 4).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{EncodeError, ErrorCode, Message, Payload, Version};

/// A frame longer than this is not read. The largest real one is a StopTransaction with the samples of half a day in
/// its transactionData: some 90 KB.
pub const MAX_FRAME_BYTES: usize = 128 * 1024;
/// OCPP-J 1.6 § 4.1.4: long enough for a UUID.
pub const MAX_ID_CHARS: usize = 36;
/// The longest action of both versions has 33 characters.
pub const MAX_ACTION_CHARS: usize = 64;
/// The deepest message of both versions nests 9 levels; vendor data may go further.
pub const MAX_DEPTH: usize = 48;
/// 2.0.1 part 4 § 4.2.3. 1.6 has no limit.
pub const MAX_DESCRIPTION_CHARS: usize = 255;
/// The id of an answer to a frame whose own id cannot be read.
pub const UNREADABLE_ID: &str = "-1";
/// An id that is too long is still echoed in the refusal, up to this.
const MAX_ECHOED_ID_CHARS: usize = 255;

/// One frame, borrowing from the text it was read from.
#[derive(Debug, Clone)]
pub enum Frame<'a> {
    Call { id: Cow<'a, str>, action: Cow<'a, str>, payload: &'a RawValue },
    CallResult { id: Cow<'a, str>, payload: &'a RawValue },
    CallError { id: Cow<'a, str>, code: Cow<'a, str>, description: Cow<'a, str>, details: Option<&'a RawValue> },
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("the frame is longer than {MAX_FRAME_BYTES} bytes")]
    TooLong,
    #[error("the frame nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("the frame is not JSON")]
    NotJson,
    #[error("the frame is not a JSON array")]
    NotArray,
    #[error("the frame has too few or too many elements")]
    WrongLength,
    #[error("the message type is not 2, 3 or 4")]
    UnknownType,
    #[error("the message id is not a text of 1 to {MAX_ID_CHARS} characters")]
    BadId,
    #[error("the action is not a text of 1 to {MAX_ACTION_CHARS} characters")]
    BadAction,
    #[error("the error code or its description is not a text")]
    BadError,
}

/// A frame that cannot be read: why, and what can be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct FrameError {
    pub fault: FrameFault,
    /// The message id, if it could be read.
    pub id: Option<String>,
    /// The first element, if it could be read: 2, 3, 4 or another number.
    pub message_type: Option<u64>,
}

impl FrameError {
    /// The code the standard names.
    pub const fn code(&self) -> ErrorCode {
        match self.fault {
            FrameFault::UnknownType => ErrorCode::MessageTypeNotSupported,
            _ => ErrorCode::RpcFrameworkError,
        }
    }

    /// The CALLERROR to send, or `None` if the frame is to be ignored: a reply is never answered (two peers would send errors
    /// about errors for ever), and 1.6 § 4.1.3 ignores unknown message types.
    pub fn answer(&self, version: Version) -> Option<String> {
        if matches!(self.message_type, Some(3 | 4)) {
            return None;
        }
        if self.fault == FrameFault::UnknownType && version == Version::V16 {
            return None;
        }
        let id = self.id.as_deref().filter(|id| (1..=MAX_ECHOED_ID_CHARS).contains(&id.chars().count()));
        Some(call_error(id.unwrap_or(UNREADABLE_ID), self.code(), version, &self.to_string()))
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame. The payload is not looked into: it stays raw JSON.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let mut error = FrameError { fault: FrameFault::NotJson, id: None, message_type: None };
        match Self::parse_into(text, &mut error) {
            Ok(frame) => Ok(frame),
            Err(fault) => Err(FrameError { fault, ..error }),
        }
    }

    fn parse_into(text: &'a str, known: &mut FrameError) -> Result<Self, FrameFault> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(FrameFault::TooLong);
        }
        if depth(text) > MAX_DEPTH {
            return Err(FrameFault::TooDeep);
        }
        let elements: Vec<&'a RawValue> = serde_json::from_str(text)
            .map_err(|error| if error.is_data() { FrameFault::NotArray } else { FrameFault::NotJson })?;
        let element = |index: usize| elements.get(index).copied();
        known.message_type = element(0).and_then(message_type);
        known.id = element(1).and_then(text_of).map(Cow::into_owned);
        let Some(message_type) = known.message_type else {
            return Err(if elements.is_empty() { FrameFault::WrongLength } else { FrameFault::UnknownType });
        };
        let lengths = match message_type {
            2 => 4..=4,
            3 => 3..=3,
            // The description and the details are left out by some.
            4 => 3..=5,
            _ => return Err(FrameFault::UnknownType),
        };
        let id = element(1).ok_or(FrameFault::WrongLength)?;
        let id = text_of(id).filter(|id| is_length(id, MAX_ID_CHARS)).ok_or(FrameFault::BadId)?;
        if !lengths.contains(&elements.len()) {
            return Err(FrameFault::WrongLength);
        }
        let third = element(2).ok_or(FrameFault::WrongLength)?;
        match message_type {
            2 => {
                let action = text_of(third).filter(|action| is_length(action, MAX_ACTION_CHARS));
                Ok(Self::Call {
                    id,
                    action: action.ok_or(FrameFault::BadAction)?,
                    payload: element(3).ok_or(FrameFault::WrongLength)?,
                })
            }
            3 => Ok(Self::CallResult { id, payload: third }),
            _ => Ok(Self::CallError {
                id,
                code: text_of(third).ok_or(FrameFault::BadError)?,
                description: match element(3) {
                    None => Cow::Borrowed(""),
                    Some(raw) if raw.get() == "null" => Cow::Borrowed(""),
                    Some(raw) => text_of(raw).ok_or(FrameFault::BadError)?,
                },
                details: element(4),
            }),
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Call { id, .. } | Self::CallResult { id, .. } | Self::CallError { id, .. } => id,
        }
    }

    /// Writes the frame; what [`Frame::parse`] would refuse is an error.
    pub fn encode(&self) -> Result<String, EncodeError> {
        if !is_length(self.id(), MAX_ID_CHARS) {
            return Err(EncodeError::BadId);
        }
        let text = match self {
            Self::Call { id, action, payload } => {
                format!("[2,{},{},{}]", quoted(id), quoted(action), payload.get())
            }
            Self::CallResult { id, payload } => format!("[3,{},{}]", quoted(id), payload.get()),
            Self::CallError { id, code, description, details } => format!(
                "[4,{},{},{},{}]",
                quoted(id),
                quoted(code),
                quoted(description),
                details.map_or("{}", |details| details.get())
            ),
        };
        if text.len() > MAX_FRAME_BYTES {
            return Err(EncodeError::TooLong { bytes: text.len() });
        }
        Ok(text)
    }
}

/// The text of a CALL.
pub fn call<M: Message>(id: &str, request: &M) -> Result<String, EncodeError> {
    let payload = request.encode()?;
    Frame::Call { id: id.into(), action: M::ACTION.into(), payload: &payload }.encode()
}

/// The text of a CALLRESULT.
pub fn call_result<P: Payload>(id: &str, response: &P) -> Result<String, EncodeError> {
    let payload = response.encode()?;
    Frame::CallResult { id: id.into(), payload: &payload }.encode()
}

/// The text of a CALLERROR. It cannot fail: a description that is too long is cut, so that there is always an answer.
pub fn call_error(id: &str, code: ErrorCode, version: Version, description: &str) -> String {
    let end = description.char_indices().nth(MAX_DESCRIPTION_CHARS).map_or(description.len(), |(at, _)| at);
    format!("[4,{},\"{}\",{},{{}}]", quoted(id), code.as_str(version), quoted(&description[..end]))
}

fn quoted(text: &str) -> String {
    // serde_json's Display of a string value is its JSON text.
    serde_json::Value::from(text).to_string()
}

fn is_length(text: &str, max_chars: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max_chars
}

fn message_type(raw: &RawValue) -> Option<u64> {
    raw.get().parse().ok()
}

/// The text of a JSON string, borrowed when it has no escapes; `None` for another type or half a surrogate pair.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw.get()).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// How deep the arrays and objects nest. serde_json's raw values know no such limit of their own.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> (FrameFault, Option<String>) {
        let error = Frame::parse(text).unwrap_err();
        (error.fault, error.id)
    }

    fn answer(text: &str, version: Version) -> Option<String> {
        Frame::parse(text).unwrap_err().answer(version)
    }

    #[test]
    fn a_call_is_read() {
        let Frame::Call { id, action, payload } = Frame::parse(r#" [2, "19\u0032", "Heartbeat", { "a" : 1 } ] "#).unwrap()
        else {
            panic!("a call");
        };
        assert_eq!((&*id, &*action, payload.get()), ("192", "Heartbeat", r#"{ "a" : 1 }"#));
    }

    #[test]
    fn replies_are_read() {
        assert!(matches!(Frame::parse(r#"[3,"1",{}]"#), Ok(Frame::CallResult { .. })));
        let Ok(Frame::CallError { code, description, .. }) = Frame::parse(r#"[4,"1","InternalError","oops",{}]"#) else {
            panic!("an error");
        };
        assert_eq!((&*code, &*description), ("InternalError", "oops"));
        // Some leave out the end, or send null for an empty description.
        assert!(matches!(Frame::parse(r#"[4,"1","InternalError"]"#), Ok(Frame::CallError { .. })));
        assert!(matches!(Frame::parse(r#"[4,"1","InternalError",null,null]"#), Ok(Frame::CallError { .. })));
    }

    #[test]
    fn broken_frames_say_what_is_wrong_and_whom_to_answer() {
        let id = Some("7".to_owned());
        assert_eq!(fault(""), (FrameFault::NotJson, None));
        assert_eq!(fault("hello"), (FrameFault::NotJson, None));
        assert_eq!(fault(r#"[2,"7","Heartbeat",{}"#), (FrameFault::NotJson, None));
        assert_eq!(fault(r#"[2,"7","Heartbeat",{}] x"#), (FrameFault::NotJson, None));
        assert_eq!(fault("{}"), (FrameFault::NotArray, None));
        assert_eq!(fault("2"), (FrameFault::NotArray, None));
        assert_eq!(fault("[]"), (FrameFault::WrongLength, None));
        assert_eq!(fault("[2]"), (FrameFault::WrongLength, None));
        assert_eq!(fault(r#"[2,"7"]"#), (FrameFault::WrongLength, id.clone()));
        assert_eq!(fault(r#"[2,"7","Heartbeat"]"#), (FrameFault::WrongLength, id.clone()));
        assert_eq!(fault(r#"[2,"7","Heartbeat",{},{}]"#), (FrameFault::WrongLength, id.clone()));
        assert_eq!(fault(r#"[2,"7",8,{}]"#), (FrameFault::BadAction, id.clone()));
        assert_eq!(fault(r#"[2,7,"Heartbeat",{}]"#), (FrameFault::BadId, None));
        assert_eq!(fault(r#"[2,"","Heartbeat",{}]"#), (FrameFault::BadId, Some(String::new())));
        assert_eq!(fault(r#"[2,"\ud800","Heartbeat",{}]"#), (FrameFault::BadId, None));
        assert_eq!(fault(r#"["2","7","Heartbeat",{}]"#), (FrameFault::UnknownType, id.clone()));
        assert_eq!(fault(r#"[5,"7",{}]"#), (FrameFault::UnknownType, id));
        assert_eq!(fault(&"[".repeat(100_000)), (FrameFault::TooDeep, None));
        assert_eq!(fault(&format!(r#"[2,"7","A",{}1{}]"#, "[".repeat(50), "]".repeat(50))).0, FrameFault::TooDeep);
        assert_eq!(fault(&" ".repeat(MAX_FRAME_BYTES + 1)), (FrameFault::TooLong, None));
        let long = "i".repeat(37);
        assert_eq!(fault(&format!(r#"[2,"{long}","Heartbeat",{{}}]"#)), (FrameFault::BadId, Some(long)));
    }

    #[test]
    fn each_version_answers_in_its_words() {
        assert_eq!(answer("oops", Version::V16).unwrap(), r#"[4,"-1","FormationViolation","the frame is not JSON",{}]"#);
        assert_eq!(answer("oops", Version::V201).unwrap(), r#"[4,"-1","RpcFrameworkError","the frame is not JSON",{}]"#);
        assert_eq!(
            answer(r#"[2,"7","Heartbeat"]"#, Version::V16).unwrap(),
            r#"[4,"7","FormationViolation","the frame has too few or too many elements",{}]"#
        );
        assert_eq!(answer(r#"[9,"7"]"#, Version::V16), None);
        assert!(answer(r#"[9,"7"]"#, Version::V201).unwrap().contains("MessageTypeNotSupported"));
        assert_eq!(answer(r#"[3,"7"]"#, Version::V201), None);
        assert_eq!(answer(r#"[4,"7",1]"#, Version::V16), None);
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        let deep = "[".repeat(500);
        assert!(Frame::parse(&format!(r#"[2,"7","DataTransfer",{{"data":"{deep}\""}}]"#)).is_ok());
    }

    #[test]
    fn what_is_too_long_is_not_written() {
        let payload = RawValue::from_string("{}".to_owned()).unwrap();
        let frame = |id: String| Frame::CallResult { id: id.into(), payload: &payload }.encode();
        assert_eq!(frame(String::new()), Err(EncodeError::BadId));
        assert_eq!(frame("i".repeat(37)), Err(EncodeError::BadId));
        // Characters, not bytes.
        assert!(frame("и".repeat(36)).is_ok());
        let huge = RawValue::from_string(format!("\"{}\"", "x".repeat(MAX_FRAME_BYTES))).unwrap();
        assert!(matches!(Frame::CallResult { id: "1".into(), payload: &huge }.encode(), Err(EncodeError::TooLong { .. })));
    }

    #[test]
    fn a_long_description_is_cut() {
        let text = call_error("1", ErrorCode::GenericError, Version::V201, &"ж".repeat(1000));
        let Ok(Frame::CallError { description, .. }) = Frame::parse(&text) else { panic!("an error") };
        assert_eq!(description.chars().count(), MAX_DESCRIPTION_CHARS);
    }

    /// JSON of any shape, a few levels deep.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::hash_map(".{0,8}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_text(text in "\\PC{0,200}") {
            if let Err(error) = Frame::parse(&text) {
                let _ = (error.answer(Version::V16), error.answer(Version::V201));
            }
        }

        #[test]
        fn parse_never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn parse_never_panics_on_json_and_answers_are_frames(value in json()) {
            if let Err(error) = Frame::parse(&value.to_string())
                && let Some(answer) = error.answer(Version::V201)
            {
                // An id of more than 36 characters is echoed all the same, so the answer may itself be too long to parse.
                prop_assert!(serde_json::from_str::<serde_json::Value>(&answer).is_ok());
            }
        }

        #[test]
        fn what_is_written_is_read(id in ".{1,36}", action in "[A-Za-z]{1,30}", payload in json()) {
            let raw = serde_json::value::to_raw_value(&payload).unwrap();
            let text = Frame::Call { id: id.as_str().into(), action: action.as_str().into(), payload: &raw }.encode().unwrap();
            let Ok(Frame::Call { id: read_id, action: read_action, payload: read }) = Frame::parse(&text) else {
                return Err(TestCaseError::fail("no call"));
            };
            prop_assert_eq!(&*read_id, id);
            prop_assert_eq!(&*read_action, action);
            prop_assert_eq!(read.get(), raw.get());
        }
    }
}
