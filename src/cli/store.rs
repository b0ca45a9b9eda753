//! `keylend store`: the store's tables, and moving a history to another store.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::{
    address::{address_in, key_in},
    audit::{Codes, verify_with_tables},
};
use crate::{
    audit::{
        log::Log,
        verify::{Known, Whole, verify},
    },
    config::VaultKey,
    serve::rebuild,
    store::{
        Address, StoreKey, copy,
        rekey::{RekeyError, rekey},
    },
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
    /// The same as `keylend audit verify` without a saved head, with the authentication codes if the
    /// configuration's `secrets.key` can be read. It changes nothing. While the service
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
    /// Give every entry of the log an authentication code under the key in `secrets.key`.
    ///
    /// Use it after you replaced that key: until then, Keylend approves nothing. Stop the service, run
    /// this, and start the service. It verifies the chain first, and lists entries whose codes are valid
    /// neither under the new key nor under the old one. If there are any, it changes nothing: somebody
    /// else may have written them.
    Rekey {
        /// The configuration, which says where the store and the new key are.
        #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
        config: PathBuf,
        /// A file with the key that was in `secrets.key` before.
        #[arg(long, value_name = "FILE")]
        old_key: Option<PathBuf>,
        /// Accept the listed entries as Keylend's own. Whatever they say counts from then on: first
        /// compare the log with signed checkpoints, or with an export that you trust.
        #[arg(long)]
        accept_unverified: bool,
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
    /// Whether the authentication codes of its log can be checked.
    fn codes(&self) -> Codes {
        match self.store {
            Some(_) => Codes::NotAsked,
            None => Codes::of(&self.config),
        }
    }

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
                let before = whole(&from, None).await?;
                let advice = copy::copy(&from, &to)
                    .await
                    .with_context(|| format!("failed to copy `{from}` to `{to}`"))?;
                let after = whole(&to, None).await?;
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
                let codes = which.codes();
                let address = which.address()?;
                let known = Known::default();
                let verified = verify_with_tables(&address, &codes, known, out).await?;
                return Ok(verified.0);
            }
            Self::Rebuild { from, config } => {
                let (to, key) = (address_in(&config)?, key_in(&config)?);
                let before = whole(&from, Some(&key)).await?;
                let rebuilt = rebuild(&from, &to, &key).await;
                let advice =
                    rebuilt.with_context(|| format!("failed to rebuild `{to}` from `{from}`"))?;
                let after = whole(&to, Some(&key)).await?;
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
            Self::Rekey {
                config,
                old_key,
                accept_unverified,
            } => {
                let (address, key) = (address_in(&config)?, key_in(&config)?);
                let old = old_key.map(VaultKey::in_file);
                let old = old.map(|old| old.store_key()).transpose();
                let old = old.context("failed to read the old key")?;
                match rekey(&address, &key, old.as_ref(), accept_unverified).await {
                    Ok(done) => {
                        if done.unverified.count > 0 {
                            writeln!(out, "accepted {}", done.unverified)?;
                        }
                        writeln!(
                            out,
                            "{} entries are valid under the key in `secrets.key`: {} codes were written",
                            done.entries, done.written
                        )?;
                    }
                    Err(RekeyError::Unverified(unverified)) => {
                        writeln!(
                            out,
                            "nothing was changed: no key says that Keylend wrote {unverified}.\nPass the \
                             key that was in `secrets.key` before with --old-key. If you lost it, compare \
                             the log with signed checkpoints or with an export that you trust, then pass \
                             --accept-unverified."
                        )?;
                        return Ok(ExitCode::FAILURE);
                    }
                    Err(error) => {
                        return Err(anyhow::Error::new(error)
                            .context(format!("failed to rekey the store `{address}`")));
                    }
                }
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

/// A log that is verified from its first entry on; its authentication codes too, if there is a key.
pub(super) async fn whole(address: &Address, key: Option<&StoreKey>) -> anyhow::Result<Whole> {
    let opened = address.open_read_only(key).await;
    let store = opened.with_context(|| format!("failed to open the store `{address}`"))?;
    let verified = verify(Log::in_store(store.clone(), 0), Known::default()).await;
    store.close().await;
    verified.with_context(|| format!("the log in `{address}` is broken"))
}
