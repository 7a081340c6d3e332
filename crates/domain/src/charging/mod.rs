//! The session state machine, the hold-and-stop rule and the meter register model: what must stay right whatever a charger
//! says, so all of it is sans-IO and tested event by event.

pub mod hold;
pub mod meter;
pub mod session;
