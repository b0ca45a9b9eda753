//! `keylend store`: the store's tables, and moving a history to another store.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::{address::address_in, audit::verify_with_tables};
use crate::{
    audit::{
        log::Log,
        verify::{Known, Whole, verify},
    },
    serve::rebuild,
    store::{Address, copy},
};

/// What is done with the store.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Make the store's tables, or bring them up to date.
    ///
    /// A SQLite file is brought up to date by `keylend serve` as well. The tables of a PostgreSQL
    /// server are not: its replicas are stopped first, or stay out of the work afterwards.
    ///
    /// On a server, everything is in a schema `keylend` of the role that Keylend connects as. Where
    /// that role owns the database, `CONNECT` and `TEMPORARY` are revoked from `PUBLIC`; otherwise a warning says what
    /// its owner runs.
    Migrate(Which),
    /// Copy a whole history into an empty store, and verify the log on both sides.
    ///
    /// Nobody may be at work on either: stop the service, copy, change `store.url`, start it.
    Copy {
        /// The store that has the history, such as sqlite:///var/lib/keylend/keylend.db.
        #[arg(long, value_name = "URL")]
        from: Address,
        /// The store that is to have it, such as
        /// postgres://keylend@db.example.com/keylend?sslmode=verify-full. Its password is better given in
        /// PGPASSWORD or ~/.pgpass: others can see command lines.
        #[arg(long, value_name = "URL")]
        to: Address,
    },
    /// Compare the store's tables with its log, and print each row that differs.
    ///
    /// The same as `keylend audit verify` without a saved head. It changes nothing. While the service
    /// runs, it restores the rows of open requests by itself, within a minute.
    Check(Which),
    /// Compute every table from the log into an empty store.
    ///
    /// Use it when the tables cannot be trusted or are damaged and the log is intact. Stop the service,
    /// set `store.url` to a new store, run this, and start the service. Credentials of grants
    /// are not in the log: grants that have any end. Cards of open requests are posted again.
    Rebuild {
        /// The store that has the log, such as sqlite:///var/lib/keylend/keylend.db.
        #[arg(long, value_name = "URL")]
        from: Address,
        /// The configuration, which says where the new store is.
        #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
        config: PathBuf,
    },
}

/// Which store.
#[derive(Debug, Args)]
pub struct Which {
    /// The configuration, which says where the store is.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// The store itself.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    store: Option<Address>,
}

impl Which {
    /// Where it is.
    pub(super) fn address(self) -> anyhow::Result<Address> {
        match self.store {
            Some(address) => Ok(address),
            None => address_in(&self.config),
        }
    }
}

impl Store {
    /// Does what was asked and answers on `out`.
    ///
    /// # Errors
    ///
    /// If it cannot be done, or `out` takes no more.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        match self {
            Self::Migrate(which) => {
                let address = which.address()?;
                let migrated = address.migrate().await;
                let advice =
                    migrated.with_context(|| format!("failed to prepare the store `{address}`"))?;
                writeln!(out, "the tables of `{address}` are up to date")?;
                warn(out, advice)?;
            }
            Self::Copy { from, to } => {
                let before = whole(&from).await?;
                let advice = copy::copy(&from, &to)
                    .await
                    .with_context(|| format!("failed to copy `{from}` to `{to}`"))?;
                let after = whole(&to).await?;
                ensure!(
                    before == after,
                    "`{from}` was written to meanwhile: empty `{to}` and copy again"
                );
                writeln!(
                    out,
                    "copied: both logs are whole, {} entries, head {}",
                    after.entries, after.head
                )?;
                warn(out, advice)?;
            }
            Self::Check(which) => {
                let address = which.address()?;
                let verified = verify_with_tables(&address, Known::default(), out).await?;
                return Ok(verified.0);
            }
            Self::Rebuild { from, config } => {
                let to = address_in(&config)?;
                let before = whole(&from).await?;
                let rebuilt = rebuild(&from, &to).await;
                let advice =
                    rebuilt.with_context(|| format!("failed to rebuild `{to}` from `{from}`"))?;
                let after = whole(&to).await?;
                ensure!(
                    before == after,
                    "`{from}` was written to meanwhile: empty `{to}` and rebuild again"
                );
                writeln!(
                    out,
                    "rebuilt `{to}` from the log: {} entries, head {}",
                    after.entries, after.head
                )?;
                warn(out, advice)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what the database's owner has to do.
fn warn(out: &mut (dyn Write + Send), advice: Option<String>) -> std::io::Result<()> {
    match advice {
        Some(advice) => writeln!(out, "warning: {advice}"),
        None => Ok(()),
    }
}

/// A log that is verified from its first entry on.
pub(super) async fn whole(address: &Address) -> anyhow::Result<Whole> {
    let opened = address.open_read_only().await;
    let store = opened.with_context(|| format!("failed to open the store `{address}`"))?;
    let verified = verify(Log::in_store(store.clone(), 0), Known::default()).await;
    store.close().await;
    verified.with_context(|| format!("the log in `{address}` is broken"))
}
