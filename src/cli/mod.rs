//! The command line: one file for each subcommand.
//!
//! A subcommand is a variant of `Command` that holds its arguments, and a function that writes its answer to
//! the writer it gets. It exits with 0 on success, and with 1 if it refused something, found something wrong
//! or failed. clap exits with 2 if the command line is invalid.

mod address;
mod audit;
mod check;
mod policy;
mod reconcile;
mod schema;
mod serve;
mod store;
mod target;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

pub use audit::Audit;
pub use check::Check;
pub use policy::Policy;
pub use reconcile::Reconcile;
pub use schema::Schema;
pub use serve::Serve;
pub use store::Store;
pub use target::Target;

/// What `keylend --help` says of exit codes and logs.
const AFTER_HELP: &str = "\
Exit codes:
  0  Success.
  1  Keylend refused something, found something wrong, or failed. The output says why.
  2  The command line is invalid.

Environment variables:
  RUST_LOG            How much Keylend logs to standard error: error, warn, info, debug. Default info.
  KEYLEND_LOG_FORMAT  text or json. Default text on a terminal, json elsewhere.";

/// Just-in-time privileged access, requested and approved in Slack.
#[derive(Debug, Parser)]
#[command(name = "keylend", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Check(Check),
    /// Ask what the rules decide, before they are in force.
    #[command(subcommand)]
    Policy(Policy),
    Schema(Schema),
    /// Verify and export the log, and show who had access when.
    #[command(subcommand)]
    Audit(Audit),
    /// Create, check, copy or rebuild the store.
    #[command(subcommand)]
    Store(Store),
    /// Check the targets, and list who has access in them.
    #[command(subcommand)]
    Target(Target),
    Reconcile(Reconcile),
}

impl Cli {
    /// Runs the subcommand, and writes its answer to `out`.
    ///
    /// # Errors
    ///
    /// If the subcommand fails, or `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(serve) => serve.run().await,
            Command::Check(check) => check.run(out),
            Command::Policy(policy) => policy.run(out),
            Command::Schema(schema) => schema.run(out),
            Command::Audit(audit) => audit.run(out).await,
            Command::Store(store) => store.run(out).await,
            Command::Target(target) => target.run(out).await,
            Command::Reconcile(reconcile) => reconcile.run(out).await,
        }
    }
}
