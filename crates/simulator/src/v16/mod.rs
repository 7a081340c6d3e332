//! What a charge point that speaks OCPP 1.6 says, and what it does when told.

pub(crate) mod answers;
mod commands;
mod keys;
pub(crate) mod messages;
#[cfg(test)]
mod tests;

pub use crate::charger::{Act, Charger, Close, Fact, Input, Output};
