//! OCPP-J: the frames, the messages and their faults.
//!
//! Pure: this crate knows no socket, no tokio, no clock, no database and nothing of Red Petroleum EV. A central system and
//! a charge point read and write the same types with it.
//!
//! *Decoding is lenient*: what a charger gets wrong, but what still can be understood, becomes a [`Violation`] beside the
//! value. *Encoding is strict*: what the standard forbids is an [`EncodeError`] and never leaves.

#[macro_use]
mod macros;
#[macro_use]
mod action;
#[macro_use]
mod to_station;
mod decimal;
mod decode;
mod error;
pub mod frame;
mod int;
#[cfg(test)]
mod testing;
mod text;
mod time;
pub mod v16;
pub mod v201;

pub use action::{Direction, Support};
pub use decimal::Decimal;
pub use decode::{DecodeError, Decoded, EncodeError, Field, MAX_VIOLATIONS, Message, Notes, Path, Payload, Violation};
pub use error::{ErrorCode, Version};
pub use frame::{Frame, FrameError};
pub use text::{Text, storable, storable_json};
pub use time::Timestamp;
pub use to_station::{ToStation, ToStationError};
