//! `slack-sim`: the simulator alone, for an app in any language.

#![allow(clippy::print_stdout, reason = "a program at a terminal talks")]
#![allow(clippy::print_stderr, reason = "a program at a terminal talks")]

mod program;

use std::{io, process::ExitCode};

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
            eprintln!("slack-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}
