//! The `keylend` program.
fn main() {}
