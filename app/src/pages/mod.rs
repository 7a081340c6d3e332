//! The pages, by feature. Handlers ask `api`, views show what it said.

pub mod auth;
pub mod balance;
pub mod finance;
pub mod guest;
pub mod home;
pub mod preferences;
pub mod problem;
