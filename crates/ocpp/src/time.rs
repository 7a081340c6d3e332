//! The times that chargers claim.

use std::borrow::Cow;

use chrono::{DateTime, Duration, NaiveDate, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::DecodeError;
use crate::decode::{Field, Notes, Path, wrong_type};
use crate::text::kept;

/// A claimed time longer than this is cut: it is kept only to be looked at.
const CLAIMED_MAX_CHARS: usize = 64;

/// A point in time as a peer claims it: what it wrote, and what that means if it can be understood.
///
/// A time without a zone is taken for UTC. What cannot be read at all keeps its text and has no instant: a charger with a
/// broken clock still sells energy, and the receiver uses the time of arrival.
#[derive(Debug, Clone, Eq)]
pub struct Timestamp {
    at: Option<DateTime<Utc>>,
    /// Only for times that were read; a time made here is written from `at`.
    claimed: Option<Box<str>>,
}

impl Timestamp {
    /// The instant, if the text could be read.
    pub const fn instant(&self) -> Option<DateTime<Utc>> {
        self.at
    }

    /// What the peer wrote.
    pub fn claimed(&self) -> Cow<'_, str> {
        match (&self.claimed, self.at) {
            (Some(text), _) => Cow::Borrowed(text),
            (None, Some(at)) => Cow::Owned(rfc3339(at)),
            (None, None) => Cow::Borrowed(""),
        }
    }

    fn read_text(text: &str) -> (Self, Option<&'static str>) {
        let end = text.char_indices().nth(CLAIMED_MAX_CHARS).map_or(text.len(), |(at, _)| at);
        let claimed = Some(text[..end].into());
        match parse(text) {
            None => (Self { at: None, claimed }, Some("not a date and time")),
            Some((at, fault)) => (Self { at: Some(at), claimed }, fault),
        }
    }
}

/// RFC 3339 with Z and milliseconds: every charger reads it.
fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Two times are equal if they mean the same instant.
impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        match (self.at, other.at) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.claimed == other.claimed,
            _ => false,
        }
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self { at: Some(at), claimed: None }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.at {
            Some(at) => serializer.serialize_str(&rfc3339(at)),
            None => serializer.serialize_str(&self.claimed()),
        }
    }
}

impl Field for Timestamp {
    fn read(value: &Value, path: &Path<'_>, notes: &mut Notes) -> Result<Self, DecodeError> {
        let Value::String(text) = value else { return Err(wrong_type(value, path, "a date and time")) };
        let text = kept(text, path, notes);
        let (timestamp, fault) = Self::read_text(&text);
        if let Some(fault) = fault {
            notes.add(path, fault);
        }
        Ok(timestamp)
    }

    fn check(&self, path: &Path<'_>, notes: &mut Notes) {
        if self.at.is_none() {
            notes.add(path, "not a date and time");
        }
    }
}

/// A cursor over ASCII digits and signs.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (head, tail) = self.0.split_at_checked(digits)?;
        self.0 = tail;
        head.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    }

    fn take(&mut self, any_of: &[u8]) -> Option<u8> {
        let (first, tail) = self.0.split_first()?;
        any_of.contains(first).then(|| self.0 = tail).map(|()| *first)
    }
}

/// Reads ISO 8601 as chargers write it; the second part says what is not RFC 3339 about it.
fn parse(text: &str) -> Option<(DateTime<Utc>, Option<&'static str>)> {
    let mut fault = None;
    let mut cursor = Cursor(text.trim().as_bytes());
    let year = cursor.number(4)?;
    cursor.take(b"-")?;
    let month = cursor.number(2)?;
    cursor.take(b"-")?;
    let day = cursor.number(2)?;
    if matches!(cursor.take(b"Tt ")?, b' ') {
        fault = Some("has a space instead of T");
    }
    let hour = cursor.number(2)?;
    cursor.take(b":")?;
    let minute = cursor.number(2)?;
    let mut second = 0;
    let mut nanos: u32 = 0;
    if cursor.take(b":").is_some() {
        // A leap second counts as the last second: chrono's clock has none.
        second = cursor.number(2)?;
        if second == 60 {
            second = 59;
        }
        if cursor.take(b".,").is_some() {
            let mut scale: u32 = 100_000_000;
            let mut digits = 0;
            while let Some(digit) = cursor.take(b"0123456789") {
                nanos += u32::from(digit - b'0') * scale;
                scale /= 10;
                digits += 1;
            }
            if digits == 0 {
                return None;
            }
        }
    } else {
        fault = Some("has no seconds");
    }
    let offset_minutes = match cursor.take(b"Zz+-") {
        None => {
            fault = Some("has no time zone, taken for UTC");
            0
        }
        Some(b'Z' | b'z') => 0,
        Some(sign) => {
            let hours = cursor.number(2)?;
            let colon = cursor.take(b":").is_some();
            let minutes = if colon || !cursor.0.is_empty() { cursor.number(2)? } else { 0 };
            if !colon {
                fault = Some("has a time zone without a colon");
            }
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours * 60 + minutes);
            if sign == b'-' { -minutes } else { minutes }
        }
    };
    if !cursor.0.is_empty() {
        return None;
    }
    let local = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        .and_hms_nano_opt(hour, minute, second, nanos)?
        .and_utc();
    Some((local.checked_sub_signed(Duration::minutes(offset_minutes))?, fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Option<String>, Option<&'static str>) {
        let (timestamp, fault) = Timestamp::read_text(text);
        (timestamp.instant().map(rfc3339), fault)
    }

    #[test]
    fn with_and_without_zone_and_fraction() {
        let noon = Some("2026-11-22T12:00:00.000Z".to_owned());
        assert_eq!(read("2026-11-22T12:00:00Z"), (noon.clone(), None));
        assert_eq!(read("2026-11-22T12:00:00.000000Z"), (noon.clone(), None));
        assert_eq!(read("2026-11-22T18:00:00+06:00"), (noon.clone(), None));
        assert_eq!(read("2026-11-22T07:30:00-04:30"), (noon.clone(), None));
        assert_eq!(read("2026-11-22t12:00:00z"), (noon.clone(), None));
        assert_eq!(read("2026-11-22T18:00:00+0600"), (noon.clone(), Some("has a time zone without a colon")));
        assert_eq!(read("2026-11-22T12:00:00"), (noon.clone(), Some("has no time zone, taken for UTC")));
        assert_eq!(read("2026-11-22 12:00:00Z"), (noon.clone(), Some("has a space instead of T")));
        assert_eq!(read("2026-11-22T12:00Z"), (noon, Some("has no seconds")));
        assert_eq!(read("1970-01-01T00:00:00Z").0.as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(read("2016-12-31T23:59:60Z").0.as_deref(), Some("2016-12-31T23:59:59.000Z"));
    }

    #[test]
    fn what_is_no_time_keeps_its_text() {
        for text in
            ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-22", "2026-11-22T12:00:00Zx", "2026-11-22T12:00:00+25:00"]
        {
            let (timestamp, fault) = Timestamp::read_text(text);
            assert_eq!((timestamp.instant(), &*timestamp.claimed(), fault), (None, text, Some("not a date and time")));
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") { let _ = parse(&text); }

        #[test]
        fn never_panics_on_near_times(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{0,12})?)?([Zz]|[+-][0-9:]{0,6})?") {
            let _ = parse(&text);
        }

        #[test]
        fn written_is_read(millis in 0_i64..253_402_300_799_999) {
            let at = DateTime::from_timestamp_millis(millis).unwrap();
            let (read, fault) = Timestamp::read_text(&rfc3339(at));
            prop_assert_eq!(read.instant(), Some(at));
            prop_assert_eq!(fault, None);
        }
    }
}
