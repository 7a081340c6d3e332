//! The whole-server tests, one binary. A test tells a story through HTTP, the charge points' WebSocket and the stand-ins' wires.

#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod app;
mod architecture;
mod bad_input;
mod balance_way;
mod browser;
mod chaos;
mod crash;
mod guest;
mod guest_way;
mod ocpp_security;
mod peers;
mod people;
mod pg_proxy;
mod storm;

/// Spawns a task of the test's own outside world.
#[allow(clippy::disallowed_methods, reason = "the outside world of a test ends with its runtime")]
fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}
