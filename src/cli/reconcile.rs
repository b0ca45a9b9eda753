//! `keylend reconcile`: lists or revokes access that Keylend granted and that no request explains.

use std::{fs, io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::future::join_all;

use super::{store::whole, target::Which};
use crate::{
    clock::SystemClock,
    reconcile::{Error, Found, Outcome, Target, Verdict, find, revoke},
    sanitize::{escaped, excerpt},
    store::{Database, Store},
};

/// List access that Keylend granted and that no request explains. Revoke it with --apply.
///
/// Run it after you restore a backup of the store: access that Keylend granted after the backup is still in
/// the targets, and nothing else revokes it. The running service also looks for such access, soon after it
/// starts and about twice a day, and raises an alert.
///
/// Without --apply, it changes nothing, and exits with 1 if there is such access or a target can't list it.
/// With --apply, it exits with 1 if such access is left. It never touches access that somebody else or
/// another Keylend granted. If the log is broken, it does nothing and exits with 1.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Revoke the access, verify that it is gone, and write to the log who did so.
    ///
    /// With a SQLite store, stop the service first. With a PostgreSQL store, the service can keep running:
    /// this command leaves alone what the service grants or revokes at that moment.
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    which: Which,
}

impl Reconcile {
    /// Lists or revokes the access, and writes the result to `out`.
    ///
    /// # Errors
    ///
    /// If the configuration is invalid or has no such target, if the store cannot be opened or its log is
    /// broken, or if `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        let (config, targets) = self.which.read()?;
        let targets: Vec<Target> = targets
            .into_iter()
            .map(|target| Target {
                name: target.name,
                backend: target.backend,
                layers: target
                    .layers
                    .into_iter()
                    .map(|(params, _)| params)
                    .collect(),
            })
            .collect();
        let address = config.store.address()?;
        // Only what is written needs the key.
        let key = config.secrets.store_key();
        whole(&address, key.as_ref().ok()).await?;
        let is_well = if self.apply {
            let key = key.context("failed to read secrets.key")?;
            let store = address.open(&config.digest, &key).await.with_context(|| {
                format!("failed to open the store `{address}`, to which --apply writes")
            })?;
            let done = async {
                let apply = Apply::to(&*store)?;
                reconcile(&targets, &*store, Some(apply), out).await
            };
            let done = done.await;
            store.close().await;
            done?
        } else {
            let store = address.open_read_only(key.as_ref().ok()).await;
            let store = store.with_context(|| format!("failed to open the store `{address}`"))?;
            let listed = reconcile(&targets, &*store, None, out).await;
            store.close().await;
            listed?
        };
        Ok(match is_well {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// The store that revocations are written to, and the operator who ordered them.
struct Apply<'a> {
    store: &'a dyn Database,
    operator: String,
}

impl<'a> Apply<'a> {
    fn to(store: &'a dyn Database) -> anyhow::Result<Self> {
        if let Some(reason) = store.standby_reason() {
            bail!("this process is on standby and cannot write to the store: {reason}");
        }
        let operator = operator();
        Ok(Self { store, operator })
    }

    /// Revokes one piece of access. Returns the result in words, and whether nothing is left to do.
    async fn revoke(&self, target: &Target, found: &Found) -> anyhow::Result<(String, bool)> {
        let (store, access) = (self.store, &found.access);
        let outcome = revoke(target, store, &SystemClock, access, &self.operator).await?;
        Ok(match outcome {
            Outcome::Revoked => ("revoked: removal confirmed".to_owned(), true),
            Outcome::Explained => ("left alone: a new request explains it".to_owned(), true),
            Outcome::Busy => (
                "left alone: the service is working on it. Run this command again".to_owned(),
                false,
            ),
            Outcome::Failed(error) => (format!("failed: {}", excerpt(&error)), false),
        })
    }
}

/// Lists access that no request explains, and revokes it if `apply` is set. Returns whether nothing is left.
async fn reconcile(
    targets: &[Target],
    store: &dyn Store,
    apply: Option<Apply<'_>>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let mut is_well = true;
    let found = join_all(targets.iter().map(|target| find(target, store))).await;
    for (target, found) in targets.iter().zip(found) {
        let Some(found) = write_target(target, found, out)? else {
            is_well = false;
            continue;
        };
        for one in &found {
            let (what, is_settled) = match (&apply, &one.verdict) {
                (Some(apply), Verdict::Unexplained) => apply.revoke(target, one).await?,
                (_, verdict) => (in_words(verdict), matches!(verdict, Verdict::Foreign(_))),
            };
            is_well &= is_settled;
            write_access(one, &what, out)?;
        }
    }
    Ok(is_well)
}

/// Prints the line of a target. Returns its access, if it could be listed.
fn write_target(
    target: &Target,
    found: Result<Vec<Found>, Error>,
    out: &mut (dyn Write + Send),
) -> std::io::Result<Option<Vec<Found>>> {
    let name = &target.name;
    match found {
        Ok(found) if found.is_empty() => {
            writeln!(
                out,
                "{name}: requests explain all access that Keylend granted"
            )?;
            Ok(Some(found))
        }
        Ok(found) => {
            writeln!(out, "{name}")?;
            Ok(Some(found))
        }
        Err(error) => {
            writeln!(
                out,
                "{name}: failed to list access: {}",
                excerpt(&error.to_string())
            )?;
            Ok(None)
        }
    }
}

fn write_access(found: &Found, what: &str, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    let (holder, title) = (escaped(&found.access.holder), escaped(&found.access.title));
    writeln!(out, "  {holder}, {title}: {what}")
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Unexplained => "granted by Keylend, but no request explains it".to_owned(),
        Verdict::Preexisting(request) => format!(
            "granted by Keylend before request {request}, which uses it. Run this command again when that \
             request has ended"
        ),
        Verdict::Illegible => {
            "created by Keylend's account, but its comment does not say which Keylend. \
             Revoke it by hand"
                .to_owned()
        }
        Verdict::Foreign(instance) => format!(
            "left alone: granted by another Keylend ({})",
            escaped(instance.as_str())
        ),
    }
}

/// The account that runs this command, as this machine knows it.
fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then_some(name)
    });
    match name {
        Some(name) => format!("{} (uid {uid})", excerpt(name)),
        None => format!("uid {uid}"),
    }
}
