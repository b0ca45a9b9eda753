//! The command line: one file a subcommand.
//!
//! A subcommand is a variant of `Command` that holds its arguments, and a function that answers
//! on the writer it is given. It exits with 0 if all is well and with 1 if something was refused
//! or found wrong; what cannot be done at all is an error, and 1 too; a command line that makes no
//! sense is 2, which clap sees to.

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

/// Lend privileged access for a time, asked for and approved in Slack.
#[derive(Debug, Parser)]
#[command(name = "keylend", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
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
    /// Ask the log: is it whole, what is in it, who had what.
    #[command(subcommand)]
    Audit(Audit),
    /// Prepare the store, or move a history to another one.
    #[command(subcommand)]
    Store(Store),
    /// Ask the targets what they are and who has access in them.
    #[command(subcommand)]
    Target(Target),
    Reconcile(Reconcile),
}

impl Cli {
    /// Does what was asked and answers on `out`.
    ///
    /// # Errors
    ///
    /// If it cannot be done at all, or `out` takes no more.
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
