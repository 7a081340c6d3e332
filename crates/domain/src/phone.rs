//! Phone numbers: Kyrgyz ones in any usual form, others as E.164.

use std::fmt;
use serde::{Deserialize, Serialize};

/// Why a text is no phone number that can be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("empty")] Empty,
    /// Letters, digits of another script, control characters.
    #[error("a character that no phone number has")] BadCharacter,
    #[error("too few or too many digits")] WrongLength,
    /// A valid number of a country that is not served.
    #[error("not a number of +996")] ForeignCountry,
}

/// A number in E.164 form, `+996700123456`. Never shown whole in a log: `Debug` masks it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// Reads `+996…`, `996…`, `0XXXXXXXXX` or nine digits, with spaces, hyphens and brackets anywhere.
    pub fn parse(text: &str) -> Result<Self, PhoneError> { let _ = text; todo!() }
    /// `+996700123456`
    pub fn as_e164(&self) -> &str { &self.0 }
    /// `+996 700 123 456`, for its owner.
    pub fn display(&self) -> String { todo!() }
    /// `+996 700 *** *56`, for everybody else.
    pub fn masked(&self) -> String { todo!() }
}
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("Phone(***)") }
}
impl TryFrom<String> for Phone {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<Self, PhoneError> { Self::parse(&text) }
}
impl From<Phone> for String { fn from(p: Phone) -> String { p.0 } }
