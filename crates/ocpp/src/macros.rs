//! Records and enumerations of the wire, each declared once.

/// A JSON object. `field as "wireName": Type` gives the struct, its lenient reading and its strict writing.
macro_rules! record {
    ($($body:tt)*) => { record_of! { [] $($body)* } };
}

/// The same, with the names of fields that are ignored without a note: the standard lets them be there.
macro_rules! record_of {
    (
        [$($ignored:literal),*]
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident as $wire:literal: $ty:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty, )*
        }

        impl $crate::Field for $name {
            fn read(
                value: &serde_json::Value,
                path: &$crate::Path<'_>,
                notes: &mut $crate::Notes,
            ) -> Result<Self, $crate::DecodeError> {
                let serde_json::Value::Object(object) = value else {
                    let what = format!("is {}, must be an object", $crate::decode::type_name(value));
                    return Err($crate::DecodeError::new($crate::ErrorCode::FormatViolation, path, what));
                };
                let read = Self { $( $field: $crate::decode::member(object, $wire, path, notes)?, )* };
                $crate::decode::note_unknown(object, &[$($wire,)* $($ignored),*], path, notes);
                Ok(read)
            }

            fn check(&self, path: &$crate::Path<'_>, notes: &mut $crate::Notes) {
                $( $crate::Field::check(&self.$field, &path.name($wire), notes); )*
                let _ = (path, notes);
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut)]
                let mut map = serializer.serialize_map(None)?;
                $(
                    if !$crate::Field::is_absent(&self.$field) {
                        map.serialize_entry($wire, &self.$field)?;
                    }
                )*
                map.end()
            }
        }

        impl $crate::Payload for $name {}
    };
}

/// An enumeration of the wire. A value that the standard does not have becomes `Other`; one in another case, or in a
/// vendor's spelling (after `|`), becomes what it means. Both are noted.
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $wire:literal $(| $alias:literal)*, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
            /// Not in the standard.
            Other(Box<str>),
        }

        impl $name {
            /// All values of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $wire, )*
                    Self::Other(text) => text,
                }
            }

            /// Reads a value. Case, white space around it and known misspellings do not matter.
            pub fn from_wire(text: &str) -> Self {
                match text {
                    $( $wire => return Self::$variant, )*
                    _ => {}
                }
                let trimmed = text.trim();
                $(
                    if [$wire $(, $alias)*].iter().any(|known| trimmed.eq_ignore_ascii_case(known)) {
                        return Self::$variant;
                    }
                )*
                Self::Other($crate::storable(text).into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::Field for $name {
            fn read(
                value: &serde_json::Value,
                path: &$crate::Path<'_>,
                notes: &mut $crate::Notes,
            ) -> Result<Self, $crate::DecodeError> {
                let serde_json::Value::String(text) = value else {
                    return Err($crate::decode::wrong_type(value, path, "a string"));
                };
                let end = text.char_indices().nth(64).map_or(text.len(), |(at, _)| at);
                let text = &text[..end];
                let read = Self::from_wire(text);
                if matches!(read, Self::Other(_)) {
                    notes.add(path, format!("unknown value '{}'", $crate::storable(text)));
                } else if read.as_str() != text {
                    notes.add(path, format!("'{text}' taken for {read}"));
                }
                Ok(read)
            }

            fn check(&self, path: &$crate::Path<'_>, notes: &mut $crate::Notes) {
                if let Self::Other(text) = self {
                    notes.add(path, format!("unknown value '{text}'"));
                }
            }
        }
    };
}
