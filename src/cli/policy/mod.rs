//! `keylend policy`: what the rules decide in a situation, before they are in force.

mod cases;
mod explain;
mod situation;

use std::{io::Write, process::ExitCode};

use clap::Subcommand;

use cases::Test;
use explain::Explain;

/// What is asked of the rules.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "the help of a subcommand is the documentation of its arguments"
)]
pub enum Policy {
    Test(Test),
    Explain(Explain),
}

impl Policy {
    /// Asks the rules and answers on `out`.
    ///
    /// # Errors
    ///
    /// If the configuration, the rules or the cases can't be read, or `out` takes no more.
    pub fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        match self {
            Self::Test(test) => test.run(out),
            Self::Explain(explain) => explain.run(out),
        }
    }
}
