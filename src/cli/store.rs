//! `keylend store`: creates, checks, copies and rebuilds the store.

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

/// The subcommands of `keylend store`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Create or update the tables of the store.
    ///
    /// `keylend serve` also creates and updates the tables of a SQLite file, but not those in PostgreSQL:
    /// run this command before you start a new version. Stop all replicas first. Replicas that still run
    /// go on standby.
    ///
    /// In PostgreSQL, the tables are in the schema `keylend`, which belongs to the role that Keylend
    /// connects as. If that role owns the database, this command also revokes `CONNECT` and `TEMPORARY` on
    /// it from `PUBLIC`. If not, it prints a warning with the statements that the owner should run.
    Migrate(Which),
    /// Copy a store into an empty one, and verify the log in both.
    ///
    /// Stop the service, run this command, set `store.url` to the new store, and start the service. Exits
    /// with 1 if the new store is not empty, if the log is broken, or if something wrote to the old store
    /// meanwhile.
    Copy {
        /// The store to copy from, such as sqlite:///var/lib/keylend/keylend.db.
        #[arg(long, value_name = "URL")]
        from: Address,
        /// The store to copy to, such as
        /// postgres://keylend@db.example.com/keylend?sslmode=verify-full. Put its password in PGPASSWORD or
        /// ~/.pgpass, because other users of this machine can see command lines.
        #[arg(long, value_name = "URL")]
        to: Address,
    },
    /// Compare the store's tables with its log, and print each row that differs.
    ///
    /// Does the same as `keylend audit verify` without a saved head, with the authentication codes if the
    /// configuration's `secrets.key` can be read. Changes nothing. Exits with 1 if a row differs or the log is
    /// broken. A running service restores the rows of open requests by itself, within a minute.
    Check(Which),
    /// Compute all tables again from the log, in an empty store.
    ///
    /// Use it if the log is intact, but the tables are damaged or you cannot trust them. Stop the service,
    /// set `store.url` to a new store, run this command, and start the service. The log does not contain
    /// credentials, so grants that have credentials end. Keylend posts the cards of open requests again.
    Rebuild {
        /// The store to read the log from, such as sqlite:///var/lib/keylend/keylend.db.
        #[arg(long, value_name = "URL")]
        from: Address,
        /// The configuration, which names the new store.
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

/// The store that a subcommand works on.
#[derive(Debug, Args)]
pub struct Which {
    /// The configuration, which names the store.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// The store itself, such as sqlite:///var/lib/keylend/keylend.db.
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

    /// The address of the store.
    pub(super) fn address(self) -> anyhow::Result<Address> {
        match self.store {
            Some(address) => Ok(address),
            None => address_in(&self.config),
        }
    }
}

impl Store {
    /// Runs the subcommand, and writes its answer to `out`.
    ///
    /// # Errors
    ///
    /// If the subcommand fails, or `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        match self {
            Self::Migrate(which) => {
                let address = which.address()?;
                let migrated = address.migrate().await;
                let advice = migrated
                    .with_context(|| format!("failed to update the tables of `{address}`"))?;
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
                    "something wrote to `{from}` meanwhile: stop the service, empty `{to}`, and copy again"
                );
                writeln!(
                    out,
                    "copied and verified: {} entries, head {}",
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
                    "something wrote to `{from}` meanwhile: stop the service, empty `{to}`, and rebuild again"
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

/// Prints what the owner of the database has to do, if anything.
fn warn(out: &mut (dyn Write + Send), advice: Option<String>) -> std::io::Result<()> {
    match advice {
        Some(advice) => writeln!(out, "warning: {advice}"),
        None => Ok(()),
    }
}

/// Verifies the log of a store from its first entry on; its authentication codes too, if there is a key.
pub(super) async fn whole(address: &Address, key: Option<&StoreKey>) -> anyhow::Result<Whole> {
    let opened = address.open_read_only(key).await;
    let store = opened.with_context(|| format!("failed to open the store `{address}`"))?;
    let verified = verify(Log::in_store(store.clone(), 0), Known::default()).await;
    store.close().await;
    verified.with_context(|| format!("the log in `{address}` is broken"))
}
