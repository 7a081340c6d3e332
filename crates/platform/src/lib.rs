//! The modules of the platform: all SQL, all transactions, all jobs.
//!
//! This crate does not know OCPP, HTTP pages or cookies: csms translates charge points for it, the server translates
//! browsers. Time, ids and randomness come through [`db::Db`]; nothing here reads a clock of its own.
//!
//! Every write goes through [`db::tx`]; every table is read and written by the `store.rs` of one module only.

pub mod audit;
pub mod auth;
pub mod balance;
pub mod bus;
pub mod certificates;
pub mod charging;
pub mod clock;
pub mod db;
pub mod devices;
mod gather;
pub mod guest;
pub mod ids;
pub mod invariants;
pub mod jobs;
pub mod ledger;
pub mod notify;
pub mod ocpp_logs;
pub mod quirks;
pub mod receipts;
pub mod refusals;
pub mod stations;
pub mod tariffs;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use bus::{Bus, LocalBus, Topic};
pub use clock::{Clock, ManualClock, SystemClock};
pub use db::{Db, Tx, TxError};
pub use ids::{Ids, SeededIds, SystemIds};
