//! The versions and the error codes of a CALLERROR (OCPP-J 1.6 § 4.2.3, OCPP 2.0.1 part 4 § 4.3).

use std::fmt;

/// What a connection speaks. It decides how an error code is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    V16,
    V201,
}

impl Version {
    /// The WebSocket subprotocol.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V16 => "ocpp1.6",
            Self::V201 => "ocpp2.0.1",
        }
    }

    /// The version of a subprotocol name. Stations write it in any case.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        [Self::V16, Self::V201].into_iter().find(|version| version.subprotocol().eq_ignore_ascii_case(name.trim()))
    }
}

/// Why a CALL is answered with a CALLERROR. One set for both versions; [`ErrorCode::as_str`] spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The action is not known to the receiver.
    NotImplemented,
    /// The action is known, and not done.
    NotSupported,
    /// The receiver failed; the same CALL may succeed later.
    InternalError,
    /// The payload is incomplete.
    ProtocolError,
    SecurityError,
    /// The payload is not what the action asks for (1.6: FormationViolation).
    FormatViolation,
    /// A field is of the right type, and its value is forbidden.
    PropertyConstraintViolation,
    /// A required field is missing, or too many are there (1.6: with one r).
    OccurrenceConstraintViolation,
    /// A field is of the wrong type.
    TypeConstraintViolation,
    GenericError,
    /// The first element of the frame is none of 2, 3, 4 (2.0.1 only).
    MessageTypeNotSupported,
    /// The frame is no RPC frame, for example its id cannot be read (2.0.1 only).
    RpcFrameworkError,
}

impl ErrorCode {
    const ALL: [Self; 12] = [
        Self::NotImplemented,
        Self::NotSupported,
        Self::InternalError,
        Self::ProtocolError,
        Self::SecurityError,
        Self::FormatViolation,
        Self::PropertyConstraintViolation,
        Self::OccurrenceConstraintViolation,
        Self::TypeConstraintViolation,
        Self::GenericError,
        Self::MessageTypeNotSupported,
        Self::RpcFrameworkError,
    ];

    /// The spelling of the version. A code that 1.6 has not becomes the nearest one that it has.
    pub const fn as_str(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::NotImplemented, _) => "NotImplemented",
            (Self::NotSupported, _) => "NotSupported",
            (Self::InternalError, _) => "InternalError",
            (Self::ProtocolError, _) => "ProtocolError",
            (Self::SecurityError, _) => "SecurityError",
            (Self::FormatViolation | Self::RpcFrameworkError, Version::V16) => "FormationViolation",
            (Self::FormatViolation, Version::V201) => "FormatViolation",
            (Self::PropertyConstraintViolation, _) => "PropertyConstraintViolation",
            (Self::OccurrenceConstraintViolation, Version::V16) => "OccurenceConstraintViolation",
            (Self::OccurrenceConstraintViolation, Version::V201) => "OccurrenceConstraintViolation",
            (Self::TypeConstraintViolation, _) => "TypeConstraintViolation",
            (Self::GenericError, _) => "GenericError",
            (Self::MessageTypeNotSupported, Version::V16) => "GenericError",
            (Self::MessageTypeNotSupported, Version::V201) => "MessageTypeNotSupported",
            (Self::RpcFrameworkError, Version::V201) => "RpcFrameworkError",
        }
    }

    /// Reads a code in the spelling of either version: chargers mix them.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| {
            [Version::V201, Version::V16].iter().any(|version| known.as_str(*version).eq_ignore_ascii_case(code.trim()))
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str(Version::V201))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_spelling() {
        let code = ErrorCode::OccurrenceConstraintViolation;
        assert_eq!(code.as_str(Version::V16), "OccurenceConstraintViolation");
        assert_eq!(code.as_str(Version::V201), "OccurrenceConstraintViolation");
        assert_eq!(ErrorCode::FormatViolation.as_str(Version::V16), "FormationViolation");
        assert_eq!(ErrorCode::FormatViolation.as_str(Version::V201), "FormatViolation");
    }

    #[test]
    fn both_spellings_are_read() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str(Version::V201)), Some(code));
        }
        assert_eq!(ErrorCode::parse("FormationViolation"), Some(ErrorCode::FormatViolation));
        assert_eq!(ErrorCode::parse("NoSuchCode"), None);
    }

    #[test]
    fn subprotocols() {
        assert_eq!(Version::from_subprotocol(" OCPP1.6 "), Some(Version::V16));
        assert_eq!(Version::from_subprotocol("ocpp2.0.1"), Some(Version::V201));
        assert_eq!(Version::from_subprotocol("ocpp1.5"), None);
    }
}
