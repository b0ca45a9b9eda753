//! The command line: one file a subcommand.

mod audit;

pub use audit::Audit;
