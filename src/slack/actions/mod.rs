//! a
pub mod line;
