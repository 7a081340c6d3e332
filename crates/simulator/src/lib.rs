//! Virtual charge points: for the sandbox, the tests and the load run.
//!
//! The charger itself ([`Charger`]) is a state machine without IO: inputs and the time come in, frames and facts come out.
//! [`v16`] and [`v201`] are what it says.
//! [`client`] is the thin WebSocket shell around it, [`raw`] a socket for frames no charger would send, [`load`] many light
//! chargers at once.
//!
//! This crate knows the wire format and nothing of the platform: no database, no session, no tariff.

mod answers;
mod call;
mod charger;
pub mod client;
mod clock;
mod config;
mod connector;
mod faults;
pub mod load;
mod outbox;
mod physics;
mod profile;
pub mod raw;
mod rng;
mod settings;
#[cfg(test)]
mod shell_tests;
mod spoil;
mod state;
pub mod v16;
pub mod v201;
#[cfg(test)]
mod world;

pub use charger::{Act, Charger, Close, Fact, Input, Output};
pub use client::{ClientConfig, ConnectError, TimedOut, VirtualChargePoint};
pub use clock::{Clock, system_clock};
pub use config::{Config, ConnectorConfig, Current, MAX_CONNECTORS, Robot};
pub use faults::{Fault, Faults, RemoteStartFault, RemoteStopFault};
pub use ocpp::Version;
pub use physics::Car;
pub use raw::{RawClient, RawError, RawFrame, RawRequest};
pub use state::{ChargePointState, ConnectorState, FinishedTransaction, Power, TransactionState};
