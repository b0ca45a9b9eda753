//! `keylend reconcile`: access in the targets that Keylend granted and that no request explains.

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

/// List access in the targets that Keylend granted and that no request in its log explains, and revoke
/// it with --apply.
///
/// Run it after you restored a backup of the store: whatever was granted after the backup is still in
/// the targets, and nobody else will revoke it. The running service looks too, soon after it starts and
/// about twice a day, and raises an alert.
///
/// Without --apply it changes nothing, and exits with 1 if there is such access or a target can't list it.
/// With --apply it exits with 1 if something is left. It never touches access that another Keylend or
/// anybody else granted. It refuses a log whose chain is broken.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Revoke it, prove that it is gone, and write to the log who did so.
    ///
    /// A store in a SQLite file belongs to the running service, so stop that first. On a PostgreSQL store
    /// the service can go on: what it grants or revokes at that moment is left alone.
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    which: Which,
}

impl Reconcile {
    /// Lists or revokes, and answers on `out`.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong or has no such target, if the store cannot be opened or its log is
    /// broken, or if `out` takes no more.
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

/// What is revoked, and on whose word.
struct Apply<'a> {
    store: &'a dyn Database,
    operator: String,
}

impl<'a> Apply<'a> {
    fn to(store: &'a dyn Database) -> anyhow::Result<Self> {
        if let Some(reason) = store.standby_reason() {
            bail!("the store takes nothing from this process: {reason}");
        }
        let operator = operator();
        Ok(Self { store, operator })
    }

    /// Revokes one piece of access. Answers what came of it, and whether it is not left for another run.
    async fn revoke(&self, target: &Target, found: &Found) -> anyhow::Result<(String, bool)> {
        let (store, access) = (self.store, &found.access);
        let outcome = revoke(target, store, &SystemClock, access, &self.operator).await?;
        Ok(match outcome {
            Outcome::Revoked => ("revoked: the target was read back".to_owned(), true),
            Outcome::Explained => ("left alone: a request explains it by now".to_owned(), true),
            Outcome::Busy => (
                "left alone: the service works on it. Run this again".to_owned(),
                false,
            ),
            Outcome::Failed(error) => (format!("failed: {}", excerpt(&error)), false),
        })
    }
}

/// Lists what no request explains, and revokes it if that is asked for. Answers whether nothing is left.
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

/// The access, if it could be listed.
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
                "{name}: can't be listed: {}",
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
            "granted by Keylend before request {request}, which uses it. Run this again when the request \
             has ended"
        ),
        Verdict::Illegible => {
            "made by Keylend's account, but its comment does not say which Keylend. \
                               Revoke it by hand"
                .to_owned()
        }
        Verdict::Foreign(instance) => format!(
            "left alone: granted by another Keylend ({})",
            escaped(instance.as_str())
        ),
    }
}

/// The account on whose word it happens, as this machine knows it.
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
