//! The whole-server tests, one binary.

mod architecture;
