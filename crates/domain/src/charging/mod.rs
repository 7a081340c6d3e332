//! The session state machine, the hold-and-stop rule and the meter register model. All sans-IO.

pub mod hold;
pub mod meter;
pub mod session;
