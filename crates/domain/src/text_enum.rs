//! Enums that are stored as text: one list of names for the database, the wire and the tests.

/// Gives an enum `ALL`, `as_str` and `parse`. The texts equal those of serde; a test below each use shows it.
macro_rules! text_enum {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The text in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
            /// Reads [`Self::as_str`] back; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use text_enum;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    fn check<T: Copy + Debug + PartialEq + serde::Serialize>(
        all: &[T],
        as_str: fn(T) -> &'static str,
        parse: fn(&str) -> Option<T>,
    ) {
        for &value in all {
            assert_eq!(serde_json::to_value(value).unwrap(), as_str(value), "{value:?}");
            assert_eq!(parse(as_str(value)), Some(value));
        }
        assert_eq!(parse("no_such_text"), None);
    }

    #[test]
    fn texts_are_those_of_serde() {
        use crate::auth::{Permission, Role};
        use crate::balance::{MovementKind, RefundRequestState, TopUpState};
        use crate::charging::meter::ReadingNote;
        use crate::charging::session::{SessionState, StopReason};
        use crate::guest::{GuestPhase, StartFailure};
        use crate::receipts::TimelineKind;
        use crate::stations::{ConnectorStatus, CurrentType, PlugType};
        use crate::tariffs::{Band, LineKind};
        check(SessionState::ALL, SessionState::as_str, SessionState::parse);
        check(StopReason::ALL, StopReason::as_str, StopReason::parse);
        check(StartFailure::ALL, StartFailure::as_str, StartFailure::parse);
        check(GuestPhase::ALL, GuestPhase::as_str, GuestPhase::parse);
        check(ConnectorStatus::ALL, ConnectorStatus::as_str, ConnectorStatus::parse);
        check(CurrentType::ALL, CurrentType::as_str, CurrentType::parse);
        check(PlugType::ALL, PlugType::as_str, PlugType::parse);
        check(Band::ALL, Band::as_str, Band::parse);
        check(LineKind::ALL, LineKind::as_str, LineKind::parse);
        check(ReadingNote::ALL, ReadingNote::as_str, ReadingNote::parse);
        check(TimelineKind::ALL, TimelineKind::as_str, TimelineKind::parse);
        check(TopUpState::ALL, TopUpState::as_str, TopUpState::parse);
        check(MovementKind::ALL, MovementKind::as_str, MovementKind::parse);
        check(RefundRequestState::ALL, RefundRequestState::as_str, RefundRequestState::parse);
        check(Role::ALL, Role::as_str, Role::parse);
        check(Permission::ALL, Permission::as_str, Permission::parse);
    }
}
