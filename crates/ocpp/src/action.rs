//! What the routing tables of both versions share.

/// Who sends the CALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    FromStation,
    ToStation,
    Both,
}

impl Direction {
    pub const fn is_from_station(self) -> bool {
        matches!(self, Self::FromStation | Self::Both)
    }

    pub const fn is_to_station(self) -> bool {
        matches!(self, Self::ToStation | Self::Both)
    }
}

/// Whether this crate has the message's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    Implemented,
    /// The standard has it, and we know its name only: answered with NotSupported.
    KnownOnly,
}

/// The table of a version: name, direction, part of the standard, support.
macro_rules! actions {
    (
        $(#[$meta:meta])*
        $part_of:ident as $part:ident;
        $( $name:ident, $direction:ident, $of:ident, $support:ident; )*
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($name,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub const fn direction(self) -> $crate::Direction {
                match self { $(Self::$name => $crate::Direction::$direction,)* }
            }

            pub const fn $part_of(self) -> $part {
                match self { $(Self::$name => $part::$of,)* }
            }

            pub const fn support(self) -> $crate::Support {
                match self { $(Self::$name => $crate::Support::$support,)* }
            }

            /// The action of this name; names are compared as written.
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }

            /// What a central system does with a CALL of this name: the action, or the code of its refusal. NotImplemented for
            /// a name the standard does not have; NotSupported for one that we do not do, or that a station has no business
            /// to send.
            pub fn from_station(name: &str) -> Result<Self, $crate::ErrorCode> {
                Self::receivable(name, $crate::Direction::is_from_station)
            }

            /// The same for a charge point.
            pub fn to_station(name: &str) -> Result<Self, $crate::ErrorCode> {
                Self::receivable(name, $crate::Direction::is_to_station)
            }

            fn receivable(name: &str, fits: fn($crate::Direction) -> bool) -> Result<Self, $crate::ErrorCode> {
                let action = Self::by_name(name).ok_or($crate::ErrorCode::NotImplemented)?;
                if fits(action.direction()) && action.support() == $crate::Support::Implemented {
                    Ok(action)
                } else {
                    Err($crate::ErrorCode::NotSupported)
                }
            }
        }
    };
}
