//! Phone numbers: Kyrgyz ones in any usual form, others as E.164 where a caller asks for them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is no phone number that can be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("empty")]
    Empty,
    /// Letters, digits of another script, control characters.
    #[error("a character that no phone number has")]
    BadCharacter,
    #[error("too few or too many digits")]
    WrongLength,
    /// A number of a country that is not served.
    #[error("not a number of +996")]
    ForeignCountry,
}

/// The country code of Kyrgyzstan and the digits after it.
const COUNTRY: &str = "996";
const NATIONAL_DIGITS: usize = 9;
/// E.164 allows 15 digits; no country's numbers are shorter than 8 with the country code.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// Longer texts are no phone numbers; bounds the work on hostile input.
const TEXT_CHARS_MAX: usize = 64;

/// A number in E.164 form, `+996700123456`. Never shown whole in a log: `Debug` masks it.
///
/// Reading it with serde takes what [`Phone::parse`] takes, so that no request can bring a number of another country in
/// by the way (SMS pumping); a foreign number is kept as text and read with [`Phone::parse_international`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// Reads `+996…`, `996…`, `0XXXXXXXXX` or nine digits, with spaces, hyphens and brackets anywhere. Operators' prefixes
    /// are not checked: they change, and numbers are ported.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let (plus, digits) = digits_of(text)?;
        let national = match (plus, digits.len()) {
            (_, 12) if digits.starts_with(COUNTRY) => &digits[3..],
            // "+996 (0) 700 123 456", as on business cards.
            (_, 13) if digits.starts_with("9960") => &digits[4..],
            (false, 10) if digits.starts_with('0') => &digits[1..],
            (false, NATIONAL_DIGITS) => &digits,
            (true, n) if !digits.starts_with(COUNTRY) && !digits.starts_with('0') && E164_DIGITS.contains(&n) => {
                return Err(PhoneError::ForeignCountry);
            }
            (false, 11..=15) if !digits.starts_with(COUNTRY) && !digits.starts_with('0') => {
                return Err(PhoneError::ForeignCountry);
            }
            _ => return Err(PhoneError::WrongLength),
        };
        // The trunk zero is not part of a number: a national number that begins with it has lost or gained a digit.
        if national.starts_with('0') {
            return Err(PhoneError::WrongLength);
        }
        Ok(Self(format!("+{COUNTRY}{national}")))
    }

    /// Reads what [`Phone::parse`] reads, and a number of any other country when it begins with `+`.
    pub fn parse_international(text: &str) -> Result<Self, PhoneError> {
        match Self::parse(text) {
            Err(PhoneError::ForeignCountry) => match digits_of(text)? {
                (true, digits) => Ok(Self(format!("+{digits}"))),
                (false, _) => Err(PhoneError::ForeignCountry),
            },
            other => other,
        }
    }

    /// `+996700123456`
    pub fn as_e164(&self) -> &str {
        &self.0
    }
    /// `996700123456`, as SMS gateways want it.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
    /// Whether it is a number of Kyrgyzstan: only these get SMS by default.
    pub fn is_kyrgyz(&self) -> bool {
        self.digits().starts_with(COUNTRY)
    }
    /// `+996 700 123 456`, for its owner.
    pub fn display(&self) -> String {
        if !self.is_kyrgyz() {
            return self.0.clone();
        }
        let n = &self.0;
        format!("{} {} {} {}", &n[..4], &n[4..7], &n[7..10], &n[10..])
    }
    /// `+996 700 *** *56`, for everybody else.
    pub fn masked(&self) -> String {
        let n = &self.0;
        let end = &n[n.len() - 2..];
        if self.is_kyrgyz() { format!("{} {} *** *{end}", &n[..4], &n[4..7]) } else { format!("{} *** *{end}", &n[..3]) }
    }
}

/// The digits of a text and whether a plus stood before them.
fn digits_of(text: &str) -> Result<(bool, String), PhoneError> {
    let mut plus = false;
    let mut digits = String::new();
    for (position, c) in text.chars().enumerate() {
        match c {
            _ if position >= TEXT_CHARS_MAX => return Err(PhoneError::WrongLength),
            '0'..='9' => digits.push(c),
            '+' if !plus && digits.is_empty() => plus = true,
            // Space, no-break spaces, hyphen, no-break hyphen, en dash, brackets: what people and address books put between.
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2011}' | '\u{2013}' | '(' | ')' => {}
            _ => return Err(PhoneError::BadCharacter),
        }
    }
    match (digits.is_empty(), plus) {
        (true, false) => Err(PhoneError::Empty),
        (true, true) => Err(PhoneError::WrongLength),
        (false, _) => Ok((plus, digits)),
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(***)")
    }
}
impl TryFrom<String> for Phone {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<Self, PhoneError> {
        Self::parse(&text)
    }
}
impl From<Phone> for String {
    fn from(p: Phone) -> String {
        p.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_usual_form_is_the_same_number() {
        for text in [
            "+996700123456",
            "996700123456",
            "0700123456",
            "700123456",
            " +996 700 123 456 ",
            "+996 (700) 12-34-56",
            "+996 (0) 700 123 456",
            "0700-12-34-56",
            "+996\u{a0}700\u{a0}123\u{a0}456",
        ] {
            assert_eq!(Phone::parse(text).unwrap().as_e164(), "+996700123456", "{text}");
        }
    }

    #[test]
    fn what_is_no_number_here_says_why() {
        use PhoneError::*;
        for (text, why) in [
            ("", Empty),
            ("  ", Empty),
            ("+", WrongLength),
            ("70012345", WrongLength),
            ("7001234567", WrongLength),
            ("07001234567", WrongLength),
            ("+9967001234567", WrongLength),
            ("+99670012345", WrongLength),
            ("055512345", WrongLength),
            ("+996000123456", WrongLength),
            ("+0996700123456", WrongLength),
            ("+7 916 123 45 67", ForeignCountry),
            ("79161234567", ForeignCountry),
            ("998901234567", ForeignCountry),
            ("700123abc", BadCharacter),
            ("٠٧٠٠١٢٣٤٥٦", BadCharacter),
            ("\u{ff10}700123456", BadCharacter),
            ("0700\n123456", BadCharacter),
            ("0700123456\0", BadCharacter),
            ("070+0123456", BadCharacter),
            ("++996700123456", BadCharacter),
        ] {
            assert_eq!(Phone::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(Phone::parse(&" ".repeat(10_000)), Err(WrongLength));
    }

    #[test]
    fn other_countries_only_where_asked_for() {
        assert_eq!(Phone::parse_international("+7 916 123-45-67").unwrap().as_e164(), "+79161234567");
        assert_eq!(Phone::parse_international("0700123456").unwrap().as_e164(), "+996700123456");
        assert_eq!(Phone::parse_international("79161234567"), Err(PhoneError::ForeignCountry));
        assert_eq!(Phone::parse_international("+1234567"), Err(PhoneError::WrongLength));
        assert!(serde_json::from_str::<Phone>("\"+79161234567\"").is_err());
    }

    #[test]
    fn shown_whole_to_its_owner_and_masked_to_others() {
        let phone = Phone::parse("0700123456").unwrap();
        assert_eq!(phone.display(), "+996 700 123 456");
        assert_eq!(phone.masked(), "+996 700 *** *56");
        assert_eq!(phone.digits(), "996700123456");
        assert_eq!(format!("{phone:?}"), "Phone(***)");
        let foreign = Phone::parse_international("+79161234567").unwrap();
        assert_eq!(foreign.masked(), "+79 *** *67");
        assert!(!foreign.is_kyrgyz());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = Phone::parse_international(&text);
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert_eq!(phone.as_e164().len(), 13);
                prop_assert_eq!(Phone::parse(phone.as_e164()), Ok(phone.clone()));
                prop_assert_eq!(Phone::parse(&phone.display()), Ok(phone));
            }
        }
    }
}
