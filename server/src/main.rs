//! The `evp` binary.
fn main() {}
