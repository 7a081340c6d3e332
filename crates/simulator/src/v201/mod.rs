//! What a charge point that speaks OCPP 2.0.1 says, and what it does when told.
//!
//! It is written field by field, apart from the types that the central system reads with: two ends that share a mistake would agree
//! about it. EVSE n has one connector, number 1. A transaction begins when somebody may charge and the cable is in
//! (TxStartPoint PowerPathClosed), and ends when either is over.

pub(crate) mod answers;
mod commands;
pub(crate) mod messages;
#[cfg(test)]
mod tests;
mod upkeep;
mod variables;

pub(crate) use upkeep::LocalList;
