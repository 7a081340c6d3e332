//! A private PostgreSQL for `make run` and the tests: found, initialised, started and stopped without any set-up.
//!
//! This crate does not know the schema, the platform or the server. It starts the PostgreSQL that is installed on the
//! machine (15 or newer), never downloads one, listens on the loopback only and makes its password at run time.

mod binaries;
mod cluster;
mod database;
mod shared;
mod user;

pub use binaries::{Binaries, OLDEST_VERSION};
pub use cluster::{Cluster, Fsync, Options};
pub use database::{create_from_template, drop_database, ensure_database, ensure_template, recreate_database};
pub use shared::TestCluster;
