//! The stories of charge points, told over real WebSockets to a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a helper of a test is a test")]

mod admission;
mod aside;
mod certificates;
mod commands;
mod field_cases;
mod handshake;
mod house;
mod log;
mod money_mistakes;
mod oca;
mod operator;
mod operator_201;
mod passwords;
mod quirks;
mod sessions;
mod sockets;
mod v201;
