//! The clients against the stand-ins, over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic; helpers of tests are not seen as tests")]

mod namba_faults;
mod namba_pages;
mod namba_story;
mod nikita_story;
mod support;
