//! `slack-sim`: the simulator alone, for an app in any language.

mod program;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

/// Exits with 0 after Ctrl-C, with 1 if it cannot start, and with 2 if the command line makes no
/// sense, which clap sees to.
#[tokio::main]
async fn main() -> ExitCode {
    let options = program::Options::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(io::stderr)
        .init();
    match program::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the last resort: if it is gone, there is nobody to tell.
            drop(writeln!(io::stderr(), "slack-sim: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
