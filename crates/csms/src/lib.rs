//! csms
