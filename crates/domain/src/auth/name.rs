//! What a person wants to be called.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("longer than {} characters", PersonName::CHARS_MAX)]
    TooLong,
    #[error("has characters that are not shown")]
    BadCharacter,
}

/// A name as the person writes it: one line, any script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    pub const CHARS_MAX: usize = 60;

    /// Reads what was typed: spaces are joined; nothing at all is no name, which is fine.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        if text.chars().any(|c| (c.is_control() && !c.is_whitespace()) || is_direction_or_invisible(c)) {
            return Err(NameError::BadCharacter);
        }
        let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > Self::CHARS_MAX {
            return Err(NameError::TooLong);
        }
        Ok((!name.is_empty()).then_some(Self(name)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that turn the writing around or show nothing: with them a name looks like another text.
fn is_direction_or_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_one_line_of_any_script() {
        for (text, name) in [("  Айгүл \t Токтогулова ", "Айгүл Токтогулова"), ("O’Neil", "O’Neil"), ("李", "李")]
        {
            assert_eq!(PersonName::parse(text).unwrap().unwrap().as_str(), name);
        }
        assert_eq!(PersonName::parse(" \n "), Ok(None));
        assert_eq!(PersonName::parse("a\u{202e}b"), Err(NameError::BadCharacter));
        assert_eq!(PersonName::parse("a\0b"), Err(NameError::BadCharacter));
        assert_eq!(PersonName::parse(&"я".repeat(61)), Err(NameError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_a_name_is_the_same_name_again(text in "\\PC{0,80}") {
            if let Ok(Some(name)) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(name.as_str()), Ok(Some(name.clone())));
                prop_assert!(name.as_str().chars().count() <= PersonName::CHARS_MAX);
            }
        }
    }
}
