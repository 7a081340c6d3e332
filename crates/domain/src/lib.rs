//! The rules of Red Petroleum EV: money, energy, tariffs, sessions, holds, roles.
//!
//! Pure: this crate knows no clock, no randomness, no database, no HTTP, no OCPP and no UI. Times come in as arguments,
//! ids are made by the caller. It compiles to WASM.

pub mod auth;
pub mod balance;
pub mod charging;
pub mod energy;
pub mod finance;
pub mod guest;
pub mod ids;
pub mod money;
pub mod phone;
pub mod receipts;
pub mod stations;
pub mod tariffs;
mod text_enum;

pub use energy::{Watt, Wh};
pub use ids::*;
pub use money::Tyiyn;
pub use phone::Phone;
