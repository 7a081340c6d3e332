//! The `evp` server: command line, configuration, router, middleware and wiring. Thin: it knows all crates and holds no rules.

pub mod client_address;
pub mod config;
pub mod demo;
pub mod live;
pub mod open_files;
pub mod peer;
pub mod port;
pub mod router;
pub mod seed;
pub mod serve;
pub mod shutdown;
pub mod tls;
pub mod webhook;
